"""Prints errors, with a caret under the place, and progress to stderr. Decides where colours may appear.

Escapes control characters: input of unknown origin must not reach the terminal raw.
"""

from __future__ import annotations

import os
import sys
import time
import unicodedata
from typing import IO

from .._visible import visible

__all__ = ["Colours", "Report", "UsageError", "line_around", "pointer", "visible"]

_WIDTH = 100  # of a shown line, at most
_LONG = 1.0  # seconds of work before progress is shown
_RED, _DIM, _BOLD, _PLAIN = "\x1b[31m", "\x1b[2m", "\x1b[1m", "\x1b[0m"


class UsageError(Exception):
    """Wrong usage of the command line: exit code 2."""


def _columns(text: str) -> int:
    """The width of printable text on a terminal."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) != 0 for char in text)


def line_around(data: bytes, position: int) -> tuple[int, int]:
    """Where the line of `data` that holds byte `position` starts and ends."""
    start = data.rfind(b"\n", 0, position) + 1
    end = data.find(b"\n", position)
    return start, len(data) if end < 0 else end


def pointer(data: bytes, start: int, end: int, floor: int = 0) -> tuple[str, str, int]:
    """The line of `data[floor:]` that holds byte `start`, carets under `data[start:end]`, and the column, from 1."""
    first, last = line_around(data, start)
    first = max(first, floor)
    column = len(data[first:start].decode("utf-8", "replace")) + 1
    before = visible(data[max(first, start - 4 * _WIDTH) : start].decode("utf-8", "backslashreplace"))
    after = visible(data[start : min(last, start + 4 * _WIDTH)].decode("utf-8", "backslashreplace"))
    marked = visible(data[start : min(end, last, start + 4 * _WIDTH)].decode("utf-8", "backslashreplace"))
    if len(before) > _WIDTH // 2:
        before = "…" + before[-(_WIDTH // 2) :]
    if len(before) + len(after) > _WIDTH:
        after = after[: _WIDTH - len(before)] + "…"
    carets = min(max(_columns(marked), 1), max(_columns(after), 1))
    return before + after, " " * _columns(before) + "^" * carets, column


class Colours:
    """Paints text for one stream: only on a terminal, never with NO_COLOR."""

    def __init__(self, stream: IO[str]) -> None:
        wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.on = wanted and stream.isatty()

    def _paint(self, code: str, text: str) -> str:
        return f"{code}{text}{_PLAIN}" if self.on and text else text

    def red(self, text: str) -> str:
        return self._paint(_RED, text)

    def dim(self, text: str) -> str:
        return self._paint(_DIM, text)

    def bold(self, text: str) -> str:
        return self._paint(_BOLD, text)


class Report:
    """Errors and progress of one run; `code` is its exit code so far."""

    def __init__(self) -> None:
        self.code = 0
        self.colours = Colours(sys.stderr)
        self._shows_progress = sys.stderr.isatty()
        self._began = time.monotonic()
        self._next = self._began + _LONG
        self._line = False

    def error(self, where: str, text: str, shown: tuple[str, str, int] | None = None, *, code: int = 1) -> None:
        """Print one error; `shown` is a result of `pointer`."""
        self.clear()
        sys.stdout.flush()
        self.code = max(self.code, code)
        print(f"smartrest: {self.colours.bold(visible(where))}: {self.colours.red(visible(text))}", file=sys.stderr)
        if shown is not None:
            print(f"  {shown[0]}\n  {self.colours.red(shown[1])}", file=sys.stderr)

    def progress(self, name: str, done: int, size: int) -> None:
        """Report that `done` of `size` bytes (0: unknown) have been read."""
        if not self._shows_progress or (now := time.monotonic()) < self._next:
            return
        self._next = now + 0.2
        rest = f" of {size / 1e6:,.0f} MB ({100 * done // size} %)" if size else " MB"
        print(f"\r\x1b[K{visible(name)}: {done / 1e6:,.0f}{rest}", end="", file=sys.stderr, flush=True)
        self._line = True

    def clear(self) -> None:
        """Remove the progress line."""
        if self._line:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._line = False
