"""What the actions of `smartrest certificates` share: how one is registered, how its errors and results are shown."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ._report import UsageError, visible

if TYPE_CHECKING:
    Actions = argparse._SubParsersAction[argparse.ArgumentParser]


def action(actions: Actions, name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(run=lambda args: _guarded(run, args))
    return parser


def _guarded(run: Callable[[argparse.Namespace], int], args: argparse.Namespace) -> int:
    try:
        from ..certificates import CertificateError
    except ModuleNotFoundError as error:
        if error.name != "cryptography":
            raise
        raise UsageError(str(error)) from None
    try:
        return run(args)
    except CertificateError as error:
        print(f"smartrest: {visible(str(error))}", file=sys.stderr)
        return 1
    except OSError as error:
        hint = "; --force overwrites it" if isinstance(error, FileExistsError) and hasattr(args, "force") else ""
        raise UsageError(f"{visible(str(error.filename or ''))}: {error.strerror or error}{hint}") from None


def shown(text: str) -> str:
    """Text that standard output can encode."""
    encoding = sys.stdout.encoding or "utf-8"
    return visible(text).encode(encoding, "backslashreplace").decode(encoding)


def say(text: str) -> None:
    print(shown(text))


def read_input(name: str) -> bytes:
    """The content of a file, `-` for standard input; of one that is too large, one byte more than the limit."""
    from ..certificates._files import READ_LIMIT

    if name == "-":
        return sys.stdin.buffer.read(READ_LIMIT + 1)
    with open(name, "rb") as stream:
        return stream.read(READ_LIMIT + 1)


def refuse_existing(args: argparse.Namespace, *names: str) -> None:
    """Fail before the prompt for a passphrase if a name is taken in the folder `args.out`; saving checks again."""
    for name in names:
        path = Path(args.out, name)
        if not args.force and os.path.lexists(path):
            raise UsageError(f"{path}: already exists; --force overwrites it")


_SHAPE = re.compile(r"(\[[^][@]+\]|[^][@:]+)(:[0-9]*)?")  # urlsplit ignores what is between `]` and `:`


def host_and_port(text: str, option: str, default: int) -> tuple[str, int]:
    """`HOST` or `HOST:PORT`. An IPv6 address is in brackets if a port follows: `[::1]:8883`."""
    alone = text.count(":") > 1 and not {"[", "]"} & set(text)
    try:
        found = urlsplit(f"//[{text}]" if alone else f"//{text}")
        host, port = found.hostname, found.port
        whole = found.netloc == (f"[{text}]" if alone else text) and _SHAPE.fullmatch(found.netloc) is not None
    except ValueError:  # brackets without an IPv6 address, or a port that cannot be
        host, port, whole = None, None, False
    if not host or port == 0 or not whole:
        raise UsageError(f"expected {option} HOST or HOST:PORT, with [] around an IPv6 address, not {text!r}")
    return host, port or default
