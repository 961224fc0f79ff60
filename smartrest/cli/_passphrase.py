"""Passphrases for the command line: from a prompt, a file or the environment, never from an argument."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, TypeVar

from ._report import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def passphrase_options(parser: argparse.ArgumentParser, prefix: str, what: str) -> argparse._MutuallyExclusiveGroup:
    group = parser.add_mutually_exclusive_group()
    group.add_argument(f"--{prefix}passphrase-file", metavar="FILE", help=f"{what}: the first line of this file")
    group.add_argument(f"--{prefix}passphrase-env", metavar="NAME", help=f"{what}: this environment variable")
    return group


def given_passphrase(args: argparse.Namespace, prefix: str = "") -> str | None:
    """The passphrase from the options, `None` without them."""
    file, variable = getattr(args, prefix + "passphrase_file"), getattr(args, prefix + "passphrase_env")
    if file is not None:
        with open(file, encoding="utf-8") as stream:
            try:
                text = stream.readline(4096).rstrip("\r\n")
            except UnicodeDecodeError:
                raise UsageError(f"{file}: the passphrase is not UTF-8") from None
    elif variable is not None:
        text = os.environ.get(variable, "")
    else:
        return None
    if not text:
        raise UsageError(f"{file or variable}: no passphrase found")
    return text


def new_passphrase(args: argparse.Namespace, what: str, *, wanted: bool) -> str | None:
    """The passphrase for a new key: from the options, else from two prompts if one is `wanted`."""
    given = given_passphrase(args)
    if given is not None or not wanted:
        return given
    text = _ask(f"Passphrase for {what}: ")
    if not text:
        raise UsageError("empty passphrase; use --no-passphrase for an unencrypted key")
    if _ask("Repeat the passphrase: ") != text:
        raise UsageError("the two passphrases differ")
    return text


def unlocked(load: Callable[[str | None], T], passphrase: str | None, what: str) -> T:
    """Call `load`, and prompt for the passphrase only if the key turns out to be encrypted."""
    from ..certificates import CertificateError

    try:
        return load(passphrase)
    except CertificateError as error:
        if error.reason != "no_passphrase":
            raise
    return load(_ask(f"Passphrase of {what}: "))


def _ask(prompt: str) -> str:
    import getpass

    if not sys.stdin.isatty():
        raise UsageError("no terminal to ask for the passphrase: use the option for a file or an environment variable")
    return getpass.getpass(prompt)
