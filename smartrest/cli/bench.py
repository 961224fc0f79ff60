"""`smartrest bench`: runs the benchmarks of the source repository, which are not part of the installed package."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HOW = """smartrest: the benchmarks are part of the source repository, not of the installed package.
In a clone of the repository:
    pip install -e '.[bench]'
    python -m benchmarks"""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand. It hands all arguments on, options and `--help` included."""
    summary = "measure this engine against other codecs (in a source checkout)"
    parser = commands.add_parser("bench", help=summary, add_help=False, prefix_chars="\0")
    parser.add_argument("arguments", nargs="*")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the benchmarks of the checkout that this package belongs to."""
    if not (ROOT / "benchmarks" / "__main__.py").is_file():
        print(HOW, file=sys.stderr)
        return 2
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "benchmarks", *args.arguments]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=False).returncode  # noqa: S603 - this interpreter and the user's own arguments
