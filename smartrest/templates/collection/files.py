"""Files of definitions as vendors ship them: an X-ID in the first line, comments, placeholders. Never wire payloads.

Source of the form: the guide of the vendor's C++ SDK, section "SmartREST templates".
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

from ..._constants import BOM, QUOTE
from .._faults import Fault

__all__ = ["Stripped", "file_x_id", "placeholders", "stripped"]

COMMENT = b"#"
_PLACEHOLDER = re.compile(r"\$\{[^{}]*\}")


class Stripped:
    """The bytes of a file without its comment lines; `place` maps a position back to the file."""

    __slots__ = ("_cuts", "data")

    def __init__(self, data: bytes, cuts: list[tuple[int, int]]) -> None:
        self.data = data
        self._cuts = cuts  # where a line was cut out, and how many bytes are missing up to there

    def place(self, position: int) -> int:
        before = bisect_right(self._cuts, (position, sys.maxsize))
        return position + (self._cuts[before - 1][1] if before else 0)


def stripped(data: bytes | str) -> Stripped:
    """The file without the lines that start with `#`, unless they are inside quotes."""
    whole = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    kept: list[bytes] = []
    cuts: list[tuple[int, int]] = []
    size = gone = quotes = 0
    for line in re.findall(rb"[^\n]*\n|[^\n]+", whole) if COMMENT in whole else (whole,):
        start = line.removeprefix(BOM.encode())
        if quotes % 2 == 0 and start.startswith(COMMENT):
            gone += len(line)
            cuts.append((size, gone))
            continue
        quotes += line.count(QUOTE.encode())
        kept.append(line)
        size += len(line)
    return Stripped(b"".join(kept), cuts)


def file_x_id(rows: Sequence[Sequence[str]]) -> str | None:
    """The X-ID of a file whose first row has a single field."""
    return (
        rows[0][0] if len(rows) > 1 and len(rows[0]) == 1 and rows[0][0] not in ("", "10", "11", "15", "87") else None
    )


def placeholders(row: Sequence[str]) -> Iterator[Fault]:
    """The places that the vendor's installation is to fill in, such as `${SERIAL}`."""
    for number, field in enumerate(row):
        for found in _PLACEHOLDER.findall(field):
            expected: Any = "a value: the vendor's installation replaces it"
            yield Fault("placeholder", None, found, expected, number)
