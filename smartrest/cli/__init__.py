"""The command `smartrest`: finds the subcommand, runs it, and turns errors into an exit code.

One module per family of subcommands, listed in `FAMILIES`; each adds its own in `register(commands)` and imports the
rest when it runs. Exit codes: 0 done, 1 bad data, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

from . import bench, certificates, codec, device, doctor, templates
from ._report import UsageError, visible

FAMILIES = (codec, templates, device, certificates, bench, doctor)


class _Parser(argparse.ArgumentParser):
    """Subcommands get parsers of this class too."""

    def error(self, message: str) -> NoReturn:
        super().error(visible(message))


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        import smartrest

        print(f"smartrest {smartrest.__version__}, engine {smartrest.engine()}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="smartrest", description="Tools for SmartREST, the MQTT payloads of Cumulocity IoT devices.")
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and the engine in use")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for family in FAMILIES:
        family.register(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (without the program's name) and return its exit code."""
    with warnings.catch_warnings():
        warnings.showwarning = _warn
        return _main(argv)


def _warn(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"smartrest: {visible(str(message))}", file=sys.stderr)


def _main(argv: Sequence[str] | None) -> int:
    try:
        args = _parser().parse_args(argv)
        code: int = args.run(args)
        sys.stdout.flush()
    except SystemExit as stop:  # argparse: help, version, wrong usage
        return stop.code if isinstance(stop.code, int) else 2
    except UsageError as error:
        print(f"smartrest: {visible(str(error))}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of the output has seen enough
        _drop_output()
        return 0
    except OSError as error:  # such as a full disk
        _drop_output()
        name = f"{error.filename}: " if error.filename else ""
        print(f"smartrest: {visible(f'{name}{error.strerror or error}')}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return code


def _drop_output() -> None:
    """Discard buffered output, so that the interpreter does not fail to flush it on exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
