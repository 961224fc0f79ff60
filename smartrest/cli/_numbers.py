"""Parses numbers on the command line, as `type=` of argparse."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError


def natural(text: str, least: int = 0) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise ArgumentTypeError(f"expected a whole number, {least} or more: {text!r}")
    return int(text)


def count(text: str) -> int:
    return natural(text, 1)


def positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise ArgumentTypeError(f"expected a number above 0: {text!r}")
    return value


def port(text: str) -> int:
    value = natural(text)
    if value > 65_535:
        raise ArgumentTypeError(f"invalid port: {text!r}")
    return value
