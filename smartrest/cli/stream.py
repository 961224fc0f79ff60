"""One long payload, cut into pieces that read as they would in place (rule D10).

Every reading that the rest of the payload could still settle on is followed at once: the greedy one, the strict ones
of the backslash dialect and the strict one of the doubling dialect. A row end is a place to cut when all that are alive
agree about everything before it. Only quotes are looked at, one by one only where the readings might part.
Never decodes. What is cut off is read by an engine; a few bytes in front (`Piece.lead`) tell it what came before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

CHUNK = 256 * 1024  # bytes to read at a time
DOUBT_LIMIT = 64 * 1024 * 1024  # bytes that may wait for a certain row end

_BOM = "\ufeff".encode()
_ESCAPE, _QUOTE = b'\\"'
_SEPARATORS, _BLANKS = b",\n", b" \t"
_FIELD_END = re.compile(rb"[ \t]*(?:,|\r?\n)")
_LONE_CR = re.compile(rb"\r(?!\n)")
_OUT, _IN, _HALF = range(3)  # outside quotes, inside, before the second half of a doubled quote


def _runs(escape: bytes, close: bytes) -> re.Pattern[bytes]:
    """Quoted fields and what stands between them, up to the last closing quote; group 1 is an escaped quote."""
    return re.compile(rb'(?:[^"]*[,\n][ \t]*"[^"]*(?:(' + escape + rb')[^"]*)*(?<!\\)"' + close + rb")+")


_CLOSED = rb"(?=[ \t]*(?:,|\r?\n))"
_UNDOUBTED = _runs(rb'(?<=\\)"(?!"|[ \t]*(?:,|\r?\n))', _CLOSED)  # whatever may yet follow
_BACKSLASH = _runs(rb'(?<=\\)"(?![ \t]*(?:,|\r?\n))', _CLOSED)  # once the doubling dialect is out of question
_DOUBLING = _runs(rb'(?<!\\)""', _CLOSED)
_GREEDY = _runs(rb'(?<=\\)"|(?<!\\)""', rb'(?=[^"])')
_NO_ESCAPE = _runs(rb"(?!)", rb'(?=[^"])')
_RUN = 16 * 1024  # bytes that one match may take: it keeps a few bytes of state per field


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
    while more := read(max(min(max(chunk, len(data)), limit + 1 - len(data)), 1)):
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
        self._agree = True  # no strict reading that is left differs from the greedy one
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
        returns = data.count(b"\r", self._scanned, end) - data.count(b"\r\n", self._scanned, end)
        while self._scanned < end:
            quote = data.find(b'"', self._scanned, end)
            returns_matter = returns and (self._backslash or self._doubling)
            if self._greedy == _OUT and self._agree and not returns_matter and self._may_open(data, quote):
                self._run(data, min(end, self._scanned + _RUN))
                quote = data.find(b'"', self._scanned, end)
            stop = end if quote < 0 else quote
            if returns_matter:
                self._carriage_returns(data, stop)
            self._row_ends(data, stop)
            self._scanned = stop
            if quote >= 0:
                self._step(data, quote)
                self._scanned = self._edge = quote + 1
                self._row_start = False

    def _row_ends(self, data: bytes, stop: int) -> None:
        """There is no quote in `data[self._scanned : stop]`."""
        if self._greedy == _OUT and self._agree:
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
            self._keep_strict(
                [reading for reading in self._backslash if reading[0] == _IN],
                [reading for reading in self._doubling if reading[0] == _IN],
            )
            self._scanned = match.end()
            if not self._backslash and not self._doubling:
                return

    def _keep_strict(self, backslash: list[tuple[int, bool]], doubling: list[tuple[int, bool]]) -> None:
        self._backslash, self._doubling = backslash, doubling
        self._agree = not any(left for _, left in backslash) and not any(left for _, left in doubling)

    def _run(self, data: bytes, end: int) -> None:
        """Skip quoted fields that all readings take alike, or that rule one of the dialects out."""
        if self._backslash:
            first, pattern = _ESCAPE, _UNDOUBTED if self._doubling else _BACKSLASH
            run = pattern.match(data, self._scanned, end)
        if self._doubling and not (self._backslash and run):
            first = _QUOTE
            run = _DOUBLING.match(data, self._scanned, end)
        elif not self._backslash:
            first = self._first
            run = (_GREEDY if first else _NO_ESCAPE).match(data, self._scanned, end)
        if run is None:
            return
        if run[1] is not None:
            self._doubling = self._doubling if first == _QUOTE else []
            self._backslash = self._backslash if first == _ESCAPE else []
            self._first = self._first or first
        stop, quotes = run.end(), 0
        while (row_end := data.rfind(b"\n", self._scanned, stop)) >= 0:
            quotes += data.count(b'"', row_end, stop) - data.count(b'\\"', row_end, stop)
            if quotes % 2 == 0:
                self._cut_behind(row_end)
                break
            stop = row_end
        self._scanned = self._edge = run.end()
        self._row_start = False

    def _may_open(self, data: bytes, quote: int) -> bool:
        return quote > self._edge and data[quote - 1] in b",\n \t"

    def _opens(self, data: bytes, quote: int) -> bool:
        """Whether a field starts before `quote`, for a reading that is outside quotes there."""
        if quote > self._edge and data[quote - 1] not in _BLANKS:
            return data[quote - 1] in _SEPARATORS
        before = data[self._edge : quote].rstrip(_BLANKS)
        return before[-1] in _SEPARATORS if before else self._row_start

    def _step(self, data: bytes, quote: int) -> None:
        """Take all readings over the quote at `quote`."""
        opens = self._opens(data, quote)
        escaped = quote > self._edge and data[quote - 1] == _ESCAPE
        doubled = data[quote + 1] == _QUOTE
        if self._greedy == _OUT:
            if opens:
                self._greedy = _IN
                self.doubt = quote if self._agree else self.doubt
        elif self._greedy == _HALF:
            self._greedy = _IN
        elif escaped or doubled:
            self._greedy = _IN if escaped else _HALF
            self._first = self._first or (_ESCAPE if escaped else _QUOTE)
        else:
            self._greedy = _OUT
        if not self._backslash and not self._doubling:
            return

        closes = _FIELD_END.match(data, quote + 1) is not None
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
        self._keep_strict(backslash, doubling)
