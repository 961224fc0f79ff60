"""One long payload, cut into pieces that read as they would in place (rule D10).

Every reading that the rest of the payload could still settle on is followed at once: the greedy one, the strict ones
of the backslash dialect and the strict one of the doubling dialect. A row end is a place to cut when all that are alive
agree about everything before it. Only quotes are looked at, so most bytes pass at the speed of a byte search.
Never decodes. What is cut off is read by an engine; a few bytes in front (`Piece.lead`) tell it what came before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

CHUNK = 256 * 1024  # bytes to read at a time
DOUBT_LIMIT = 64 * 1024 * 1024  # bytes that may wait for a certain row end

_BOM = "\ufeff".encode()
_LF, _COMMA, _ESCAPE, _QUOTE = b'\n,\\"'
_FIELD_END = re.compile(rb"[ \t]*(?:,|\r?\n)")
_LONE_CR = re.compile(rb"\r(?!\n)")
# A run of fields, up to the closing quote of the last quoted one, in which no reading could take a quote otherwise.
_PLAIN_RUN = re.compile(rb'(?:[^"]*[,\n][ \t]*"[^"]*(?<!\\)"(?=[ \t]*(?:,|\r?\n)))+')

_OUT, _IN, _HALF = range(3)  # outside quotes, inside, before the second half of a doubled quote


class Piece(NamedTuple):
    """Whole rows of a payload, or its end.

    `data` starts with `lead` bytes that make `lead_rows` rows of their own; what follows stood at byte `start`.
    """

    data: bytes
    start: int
    lead: int
    lead_rows: int


class InDoubt(Exception):
    """No row end is certain within `limit` bytes; the doubt begins at byte `position`."""

    def __init__(self, position: int, limit: int) -> None:
        super().__init__(f"no row end is certain within {limit >> 20} MiB")
        self.position = position


def pieces(read: Callable[[int], bytes], *, chunk: int = CHUNK, limit: int = DOUBT_LIMIT) -> Iterator[Piece]:
    """The payload that `read` gives, in order; `read(n)` returns at most n bytes, `b""` at the end."""
    cutter = Cutter()
    data, start, lead, lead_rows = b"", 0, b"", 0
    while more := read(max(chunk, len(data))):
        data += more
        end = data.rfind(b"\n") + 1
        cutter.advance(data, end, at_start=start == 0)
        if cutter.cut:
            yield Piece(lead + data[: cutter.cut], start, len(lead), lead_rows)
            data, start = data[cutter.cut :], start + cutter.cut
            lead, lead_rows = cutter.lead()
            cutter.shift()
        elif len(data) > limit:
            raise InDoubt(start + cutter.doubt, limit)
    if data:
        yield Piece(lead + data, start, len(lead), lead_rows)


class Cutter:
    """Follows the readings of a payload and knows the last certain row end, `cut` (0: none yet)."""

    def __init__(self) -> None:
        self.cut = 0
        self.doubt = 0  # where the field opens that no row end could yet be found behind
        self._scanned = 0
        self._edge = 0  # just behind the last quote, or the start of the data
        self._row_start = True  # no quote before the edge: a field starts there
        self._greedy = _OUT
        # The strict readings still possible: state, and whether it left the greedy reading.
        self._backslash: list[tuple[int, bool]] = [(_OUT, False)]
        self._doubling: list[tuple[int, bool]] = [(_OUT, False)]
        self._first = 0  # the byte that escaped the first quote: backslash or quote
        self._at_cut = (True, True, 0)

    def lead(self) -> tuple[bytes, int]:
        """Rows that bring an engine where this payload was at the cut, and their number.

        Never empty, so that a U+FEFF behind the cut is no byte order mark.
        """
        backslash, doubling, first = self._at_cut
        escape = {0: b"\n", _ESCAPE: b'"a\\"b"\n', _QUOTE: b'"a""b"\n'}[first]
        rows = 1 if first else 0
        return (escape, rows) if backslash or doubling else (b'a"b\n' + escape, rows + 1)

    def shift(self) -> None:
        """Forget the data before the cut."""
        self._scanned -= self.cut
        self._row_start = self._row_start or self._edge < self.cut
        self._edge = max(self._edge - self.cut, 0)
        self.doubt = max(self.doubt - self.cut, 0)
        self.cut = 0

    def advance(self, data: bytes, end: int, *, at_start: bool) -> None:
        """Go on through `data[:end]`, which ends with a row end, quoted or not."""
        if at_start and self._edge == 0 and data.startswith(_BOM):
            self._edge = self._scanned = max(self._scanned, len(_BOM))
        plain = _LONE_CR.search(data, self._scanned, end) is None
        while self._scanned < end:
            if plain and self._greedy == _OUT and self._agree():
                self._run(data, end)
            quote = data.find(b'"', self._scanned, end)
            stop = end if quote < 0 else quote
            if not plain:
                self._carriage_returns(data, stop)
            self._row_ends(data, stop)
            self._scanned = stop
            if quote >= 0:
                self._step(data, quote)
                self._scanned = self._edge = quote + 1
                self._row_start = False

    def _agree(self) -> bool:
        return not any(left for _, left in self._backslash) and not any(left for _, left in self._doubling)

    def _row_ends(self, data: bytes, stop: int) -> None:
        """There is no quote in `data[self._scanned : stop]`."""
        if self._greedy == _OUT and self._agree():
            row_end = data.rfind(b"\n", self._scanned, stop)
            if row_end >= 0:
                self._cut_behind(row_end)

    def _cut_behind(self, row_end: int) -> None:
        self.cut = self.doubt = row_end + 1
        self._at_cut = (bool(self._backslash), bool(self._doubling), self._first)

    def _carriage_returns(self, data: bytes, stop: int) -> None:
        """A lone CR outside quotes ends the strict readings that see it there."""
        for match in _LONE_CR.finditer(data, self._scanned, stop):
            self._row_ends(data, match.start())
            self._backslash = [reading for reading in self._backslash if reading[0] == _IN]
            self._doubling = [reading for reading in self._doubling if reading[0] == _IN]
            self._scanned = match.end()
            if not self._backslash and not self._doubling:
                return

    def _run(self, data: bytes, end: int) -> None:
        """Skip quoted fields about which nothing is to be asked."""
        run = _PLAIN_RUN.match(data, self._scanned, end)
        if run is None:
            return
        stop = run.end()
        while (row_end := data.rfind(b"\n", self._scanned, stop)) >= 0:
            if data.count(b'"', row_end, stop) % 2 == 0:
                self._cut_behind(row_end)
                break
            stop = data.rfind(b'"', self._scanned, row_end)
        self._scanned = self._edge = run.end()
        self._row_start = False

    def _step(self, data: bytes, quote: int) -> None:
        """Take all readings over the quote at `quote`."""
        before = data[self._edge : quote].rstrip(b" \t")
        opens = before[-1] in (_COMMA, _LF) if before else self._row_start
        escaped = quote > self._edge and data[quote - 1] == _ESCAPE
        doubled = data[quote + 1] == _QUOTE
        closes = _FIELD_END.match(data, quote + 1) is not None

        if self._greedy == _OUT:
            if opens:
                self._greedy = _IN
                if self._agree():
                    self.doubt = quote
        elif self._greedy == _HALF:
            self._greedy = _IN
        elif escaped or doubled:
            self._greedy = _IN if escaped else _HALF
            self._first = self._first or (_ESCAPE if escaped else _QUOTE)
        else:
            self._greedy = _OUT

        backslash, doubling = [], []
        for state, left in self._backslash:
            if state == _OUT:
                backslash += [(_IN, left)] if opens else []
            else:
                backslash += [(_IN, left)] if escaped else []
                backslash += [(_OUT, left or escaped)] if closes else []
        for state, left in self._doubling:
            if state == _OUT:
                doubling += [(_IN, left)] if opens else []
            elif state == _HALF:
                doubling.append((_IN, left))
            elif doubled:
                doubling.append((_HALF, left or escaped))
            elif closes:
                doubling.append((_OUT, left or escaped))
        self._backslash, self._doubling = backslash, doubling
