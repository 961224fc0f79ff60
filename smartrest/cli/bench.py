"""`smartrest bench`: the table of speed targets. The benchmarks stand in the source repository, not in the package."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HOW = """smartrest: the benchmarks are part of the source repository, not of the installed package.
In a clone of the repository:
    pip install -e '.[bench]'
    python -m benchmarks"""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("bench", help="measure this engine against other codecs (in a source checkout)")
    add_options(parser)
    parser.set_defaults(run=run)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `python -m benchmarks` has, too."""
    parser.add_argument("--rows", default="*", metavar="IDS", help="rows to measure: D1,D2,E* (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="another seed is other data (default: 1)")
    parser.add_argument(
        "--processes", type=int, default=3, metavar="N", help="fresh processes for each row, the middle one counts (3)"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of every race, and no fewer of the long ones")
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="cpu: on a busy machine (default: wall)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="two rounds of everything in one process a row: a trial, no figures"
    )
    parser.add_argument("--json", metavar="FILE", help="write the table and every contender's time")
    parser.add_argument("--markdown", metavar="FILE", help="write the table, between the file's markers if it has them")
    parser.add_argument("--section", metavar="NAME", help="whose markers: main, or runs with --compare (the defaults)")
    parser.add_argument("--plot", metavar="FILE.svg", help="draw the ratios (needs matplotlib)")
    parser.add_argument(
        "--compare", nargs="+", metavar="FILE.json", help="measure nothing, set finished runs side by side"
    )


def run(args: argparse.Namespace) -> int:
    """Run the benchmarks of the checkout that this package stands in."""
    if not (ROOT / "benchmarks" / "__main__.py").is_file():
        print(HOW, file=sys.stderr)
        return 2
    sys.path.insert(0, str(ROOT))
    code: int = importlib.import_module("benchmarks.__main__").run(args)
    return code
