"""The command `doctor`: its options. The checks are in `_doctor.py`."""

from __future__ import annotations

import argparse
from importlib import import_module


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    text = (
        "Print the facts for a bug report: the engine and why it was chosen, versions, extras, brokers, the origin of "
        "the package; and how to fix each problem found. Exit code 1 if there is one."
    )
    parser = commands.add_parser("doctor", help="show this installation and find problems", description=text)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command `doctor`."""
    code: int = import_module("smartrest.cli._doctor").run(args.json)
    return code
