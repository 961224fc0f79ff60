"""The command `doctor`: its options. What it looks at stands in `_doctor.py`."""

from __future__ import annotations

import argparse
from importlib import import_module


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    text = (
        "Show what a bug report needs: the engine and why it is this one, versions, extras, brokers, where the package "
        "comes from; and beside each line that is wrong how to mend it. Exit code 1 if something is wrong."
    )
    parser = commands.add_parser("doctor", help="what is installed here, and what is wrong with it", description=text)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command `doctor`."""
    code: int = import_module("smartrest.cli._doctor").run(args.json)
    return code
