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
    return secret_options(parser, f"{prefix}passphrase", what)


def secret_options(parser: argparse.ArgumentParser, name: str, what: str) -> argparse._MutuallyExclusiveGroup:
    """Options that say where a secret is: `--NAME-file` and `--NAME-env`."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(f"--{name}-file", metavar="FILE", help=f"{what}: the first line of this file")
    group.add_argument(f"--{name}-env", metavar="NAME", help=f"{what}: this environment variable")
    return group


def given_passphrase(args: argparse.Namespace, prefix: str = "") -> str | None:
    """The passphrase from the options, `None` without them."""
    return given_secret(args, f"{prefix}passphrase")


def asked_secret(args: argparse.Namespace, name: str, what: str) -> str:
    """A secret from the options, else from a prompt."""
    given = given_secret(args, name)
    return _ask(f"{what}: ") if given is None else given


def given_secret(args: argparse.Namespace, name: str) -> str | None:
    """A secret from the options of `secret_options`, `None` without them."""
    file, variable = getattr(args, f"{name}_file"), getattr(args, f"{name}_env")
    what = "passphrase" if name.endswith("passphrase") else name
    if file is not None:
        with open(file, encoding="utf-8") as stream:
            try:
                text = stream.readline(16384).rstrip("\r\n")
            except UnicodeDecodeError:
                raise UsageError(f"{file}: the {what} is not UTF-8") from None
    elif variable is not None:
        text = os.environ.get(variable, "")
    else:
        return None
    if not text:
        raise UsageError(f"{file or variable}: no {what} found")
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
        raise UsageError("no terminal to ask for a secret: use the option for a file or an environment variable")
    return getpass.getpass(prompt)
