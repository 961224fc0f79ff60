"""Finds the one reading of a payload by rules D7 and D8: the quoted fields, and how quotes are escaped in them.

Never makes a field: the text between quoted fields is plain, and `rows.py` cuts it. Works on bytes, so every offset is
a byte position. Takes linear time: it visits each byte a bounded number of times, whatever the payload.
"""

from __future__ import annotations

from .._constants import BLANKS, BOM, CARRIAGE_RETURN, ESCAPE, QUOTE, ROW_END, SEPARATOR

# A quoted field: its start (blanks included), opening quote, closing quote, end.
Quoted = tuple[int, int, int, int]

BOM_BYTES = BOM.encode()
QUOTE_BYTES = QUOTE.encode()
ROW_END_BYTES = ROW_END.encode()
SEPARATOR_BYTES = SEPARATOR.encode()
CR_BYTES = CARRIAGE_RETURN.encode()
CRLF_BYTES = CR_BYTES + ROW_END_BYTES
BLANK_BYTES = BLANKS.encode()
ENDS = SEPARATOR_BYTES + ROW_END_BYTES
BACKSLASH = ord(ESCAPE)

# The escapes that a reading met inside quotes: either, both or neither.
ESCAPED, DOUBLED = 1, 2


class Reading:
    """One reading of a payload: `quoted` in order; everything else is unquoted fields, separators and row ends.

    `start` is the offset after a BOM, `escapes` the escapes it met. `lenient`: there is no strict reading.
    `open_quote`: start and opening quote of a quoted field that is never closed, else `None`.
    """

    __slots__ = ("data", "escapes", "lenient", "open_quote", "quoted", "start", "text")

    def __init__(self, data: bytes, text: str, start: int, quoted: list[Quoted], escapes: int) -> None:
        self.data = data
        self.text = text
        self.start = start
        self.quoted = quoted
        self.escapes = escapes
        self.lenient = False
        self.open_quote: tuple[int, int] | None = None

    def piece(self, start: int, end: int) -> str:
        """The text between two offsets."""
        if len(self.text) == len(self.data):
            return self.text[start:end]  # ASCII: characters and bytes count alike
        return self.data[start:end].decode()


def read(data: bytes, text: str, *, bom: bool = True) -> Reading:
    """The reading of `data`, which decodes to `text`. `bom` skips a BOM at the very start (rule D1)."""
    start = len(BOM_BYTES) if bom and data.startswith(BOM_BYTES) else 0
    if QUOTE not in text:
        reading = Reading(data, text, start, [], 0)
        reading.lenient = _lone_cr(data, start, len(data))
        return reading
    reading, doubt = _read_greedily(data, text, start)
    if not doubt:
        return reading
    del reading  # its spans would double the memory of a hostile payload; read again below if needed
    escaped = _read_escaped(data, start)
    if escaped is not None:
        return Reading(data, text, start, escaped, ESCAPED)
    doubled = _read_doubled(data, start)
    if doubled is not None:
        return Reading(data, text, start, doubled, DOUBLED)
    reading, _ = _read_greedily(data, text, start)
    reading.lenient = True
    return reading


def _read_greedily(data: bytes, text: str, start: int) -> tuple[Reading, bool]:
    """The reading by rule D8, and whether it is in doubt: without doubt it is also the strict reading."""
    find, size = data.find, len(data)
    quoted: list[Quoted] = []
    reading = Reading(data, text, start, quoted, 0)
    doubt = False
    here = start  # after the separator or row end that follows the last quoted field
    line_end = -1  # the next LF after a tail, remembered to search no part twice
    quote = find(QUOTE_BYTES, start)
    while quote >= 0:
        first = quote if quote == here or data[quote - 1] in ENDS else _field_start(data, here, quote)
        if first < 0:  # D2: data
            doubt = True
            quote = find(QUOTE_BYTES, quote + 1)
            continue
        closing = find(QUOTE_BYTES, quote + 1)
        while closing >= 0:  # D6
            if data[closing - 1] == BACKSLASH:
                reading.escapes |= ESCAPED
            elif data[closing + 1 : closing + 2] == QUOTE_BYTES:
                reading.escapes |= DOUBLED
                closing += 1
            else:
                break
            closing = find(QUOTE_BYTES, closing + 1)
        if closing < 0:
            reading.open_quote = first, quote
            return reading, True
        end = closing + 1
        if end < size and data[end] not in ENDS:
            end = _field_end(data, end)
        if end < 0:  # the tail runs to the next separator or row end
            doubt = True
            if line_end <= closing:
                line_end = find(ROW_END_BYTES, closing)
                line_end = size if line_end < 0 else line_end
            end = find(SEPARATOR_BYTES, closing, line_end)
            if end < 0:
                end = line_end - 1 if data.startswith(CRLF_BYTES, line_end - 1) else line_end
        quoted.append((first, quote, closing, end))
        if end == size:
            break
        here = next_start(data, end)
        quote = find(QUOTE_BYTES, here)
    doubt = doubt or reading.escapes == ESCAPED | DOUBLED
    return reading, doubt or _lone_cr_outside(data, start, quoted)


def _read_escaped(data: bytes, start: int) -> list[Quoted] | None:
    r"""The strict reading of the backslash dialect, if there is one.

    Only a `\"` in quotes is ambiguous: an escaped quote, or a backslash and the closing quote. So first mark, from the
    last quote to the first, the states from which a strict end can be reached; then walk forward along the marks.
    """
    quotes = _positions(data, start)
    count = len(quotes)
    edges = [start - 1, *quotes, len(data)]
    has_cr = CR_BYTES in data
    # outside[i], inside[i]: whether a strict end can be reached outside or inside quotes before the i-th quote.
    outside, inside = bytearray(count + 1), bytearray(count + 1)
    for i in range(count, -1, -1):
        follows = i == count  # a strict end is outside
        if i < count:
            quote = quotes[i]
            if inside[i + 1]:
                inside[i] = data[quote - 1] == BACKSLASH
                follows = _field_start(data, start, quote) >= 0
            if outside[i + 1] and _field_end(data, quote + 1) >= 0:
                inside[i] = 1
        outside[i] = follows and not (has_cr and _lone_cr(data, edges[i] + 1, edges[i + 1]))
    if not outside[0]:
        return None
    quoted = []
    opening = -1
    for i, quote in enumerate(quotes):
        if opening < 0:
            opening = quote
        elif not (inside[i + 1] and data[quote - 1] == BACKSLASH):
            quoted.append((_field_start(data, start, opening), opening, quote, _field_end(data, quote + 1)))
            opening = -1
    return quoted


def _read_doubled(data: bytes, start: int) -> list[Quoted] | None:
    """The strict reading of the doubling dialect, if there is one."""
    quoted = []
    here = start
    quote = data.find(QUOTE_BYTES, start)
    while quote >= 0:
        first = _field_start(data, here, quote)
        closing = data.find(QUOTE_BYTES, quote + 1)
        while closing >= 0 and data.startswith(QUOTE_BYTES, closing + 1):
            closing = data.find(QUOTE_BYTES, closing + 2)
        end = _field_end(data, closing + 1) if closing >= 0 else -1
        if first < 0 or end < 0:
            return None
        quoted.append((first, quote, closing, end))
        here = next_start(data, end)
        quote = data.find(QUOTE_BYTES, here)
    return None if _lone_cr_outside(data, start, quoted) else quoted


def next_start(data: bytes, end: int) -> int:
    """The start of the next field, after the separator or row end at `end`."""
    return end + 2 if data[end : end + 1] == CR_BYTES else end + 1


def _positions(data: bytes, start: int) -> list[int]:
    quotes = []
    quote = data.find(QUOTE_BYTES, start)
    while quote >= 0:
        quotes.append(quote)
        quote = data.find(QUOTE_BYTES, quote + 1)
    return quotes


def _field_start(data: bytes, here: int, quote: int) -> int:
    """The start of the field that the quote at `quote` opens, blanks included (D5); -1 if it does not open a field."""
    while quote > here and data[quote - 1] in BLANK_BYTES:
        quote -= 1
    return quote if quote == here or data[quote - 1] in ENDS else -1


def _field_end(data: bytes, end: int) -> int:
    """The field end at `end`, or after blanks there (D5); -1 if text follows instead."""
    size = len(data)
    while end < size and data[end] in BLANK_BYTES:
        end += 1
    return end if end == size or data[end] in ENDS or data.startswith(CRLF_BYTES, end) else -1


def _lone_cr(data: bytes, start: int, end: int) -> bool:
    """Whether a CR without LF is between two offsets; `end` must not split a CRLF."""
    cr = data.find(CR_BYTES, start, end)
    while cr >= 0:
        if not data.startswith(ROW_END_BYTES, cr + 1):
            return True
        cr = data.find(CR_BYTES, cr + 2, end)
    return False


def _lone_cr_outside(data: bytes, start: int, quoted: list[Quoted]) -> bool:
    if CR_BYTES not in data:
        return False
    here = start
    for first, _, _, end in quoted:
        if _lone_cr(data, here, first):
            return True
        here = end
    return _lone_cr(data, here, len(data))
