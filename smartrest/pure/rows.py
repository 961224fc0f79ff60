"""Makes rows, spans and faults of a reading: cuts the text between its quoted fields at separators and row ends.

Never decides the meaning of a quote (`reading.py` does). `rows_of` and `row_spans` cut alike: change them together.
"""

from __future__ import annotations

from .._constants import BLANKS, CARRIAGE_RETURN, ESCAPE, QUOTE, ROW_END, SEPARATOR
from .reading import (
    BACKSLASH,
    CR_BYTES,
    DOUBLED,
    ESCAPED,
    QUOTE_BYTES,
    ROW_END_BYTES,
    SEPARATOR_BYTES,
    Quoted,
    Reading,
    next_start,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

RowSpan = tuple[int, int, int]  # start, end, number of quoted fields before it
FieldSpan = tuple[int, int, "Quoted | None"]  # start, end, the quoted field or None
Fault = tuple[str, int, int, int, int]  # reason, start, end, row, field
Row = tuple[str, ...]

COMMA = ord(SEPARATOR)
STRAY = {ord(QUOTE): "stray_quote", ord(CARRIAGE_RETURN): "lone_cr"}


def all_rows(reading: Reading) -> list[Row]:
    """The rows of a reading; every quoted field must be closed."""
    rows, row = rows_of(reading, len(reading.data))
    if row:
        rows.append(tuple(row))
    return rows


def rows_of(reading: Reading, stop: int) -> tuple[list[Row], list[str]]:
    """The rows that end before `stop`, and the fields of the row unfinished there.

    `stop` is the start of a field, or the end of the payload.
    """
    data, size, piece = reading.data, len(reading.data), reading.piece
    rows: list[Row] = []
    row: list[str] = []
    here = reading.start
    for quoted in reading.quoted:
        first, _, _, end = quoted
        if first >= stop:
            break
        if here < first:
            row = _cut(piece(here, first), rows, row)
        row.append(quoted_text(reading, quoted))
        if end == size:
            return rows, row
        here = end + 1
        if data[end] != COMMA:
            here = next_start(data, end)
            rows.append(tuple(row))
            row = []
    rest = piece(here, stop)
    if stop < size:
        return rows, _cut(rest, rows, row)
    row = _cut(rest + SEPARATOR, rows, row)
    return rows, ([] if row == [""] else row)  # D4: no characters, no row


def _cut(text: str, rows: list[Row], row: list[str]) -> list[str]:
    """Cuts unquoted fields, each followed by its separator or row end; returns the fields of the unfinished row."""
    lines = text.split(ROW_END)
    rest = lines.pop()
    for line in lines:
        line = line.removesuffix(CARRIAGE_RETURN)
        if row:
            row += line.split(SEPARATOR)
            rows.append(tuple(row))
            row = []
        elif line:  # D4
            rows.append(tuple(line.split(SEPARATOR)))
    if rest:
        row += rest[:-1].split(SEPARATOR)
    return row


def quoted_text(reading: Reading, quoted: Quoted) -> str:
    """The value of a quoted field: rule D6, and the tail of rule D8 in a lenient reading."""
    _, opening, closing, end = quoted
    text = reading.piece(opening + 1, closing)
    if QUOTE in text:
        if reading.escapes == ESCAPED:
            text = text.replace(ESCAPE + QUOTE, QUOTE)
        elif reading.escapes == DOUBLED:
            text = text.replace(QUOTE + QUOTE, QUOTE)
        else:
            text = _unescape_both(text)
    if end > closing + 1:
        tail = reading.piece(closing + 1, end)
        if tail.strip(BLANKS):
            text += tail
    return text


def _unescape_both(text: str) -> str:
    pieces = []
    here = 0
    quote = text.find(QUOTE)
    while quote >= 0:
        if text[quote - 1 : quote] == ESCAPE:
            pieces.append(text[here : quote - 1])
        else:
            pieces.append(text[here:quote])
            quote += 1
        pieces.append(QUOTE)
        here = quote + 1
        quote = text.find(QUOTE, here)
    pieces.append(text[here:])
    return "".join(pieces)


def row_spans(reading: Reading) -> list[RowSpan]:
    """The spans of the rows, without row ends; rows without characters are skipped (D4)."""
    data = reading.data
    spans: list[RowSpan] = []
    start, before = reading.start, 0

    def end_row(line_end: int) -> int:
        end = line_end - 1 if line_end > start and data.startswith(CR_BYTES, line_end - 1) else line_end
        if end > start:
            spans.append((start, end, before))
        return line_end + 1

    line_end = data.find(ROW_END_BYTES, start)
    for i, (first, _, _, end) in enumerate(reading.quoted):
        while 0 <= line_end < first:
            start, before = end_row(line_end), i
            line_end = data.find(ROW_END_BYTES, start)
        if 0 <= line_end < end:
            line_end = data.find(ROW_END_BYTES, end)
    while line_end >= 0:
        start, before = end_row(line_end), len(reading.quoted)
        line_end = data.find(ROW_END_BYTES, start)
    if start < len(data):
        spans.append((start, len(data), before))
    return spans


def field_spans(reading: Reading, span: RowSpan) -> list[FieldSpan]:
    """The spans of the fields of a row."""
    here, row_end, at = span
    find = reading.data.find
    fields: list[FieldSpan] = []
    while here <= row_end:
        quoted = reading.quoted[at] if at < len(reading.quoted) else None
        if quoted is not None and quoted[0] == here:
            at += 1
            end = quoted[3]
        else:
            quoted = None
            end = find(SEPARATOR_BYTES, here, row_end)
            end = row_end if end < 0 else end
        fields.append((here, end, quoted))
        here = end + 1
    return fields


def field_text(reading: Reading, span: FieldSpan) -> str:
    """The value of a field."""
    start, end, quoted = span
    return reading.piece(start, end) if quoted is None else quoted_text(reading, quoted)


def faults(reading: Reading) -> Iterator[Fault]:
    """The faults that strict reading refuses (D7, D9), ordered by position."""
    if not reading.lenient and all(
        first == opening and end == closing + 1 for first, opening, closing, end in reading.quoted
    ):
        return
    met = 0  # the first escape
    for row, row_span in enumerate(row_spans(reading)):
        for field, (start, end, quoted) in enumerate(field_spans(reading, row_span)):
            if quoted is None:
                for at in range(start, end):
                    if reading.data[at] in STRAY:
                        yield STRAY[reading.data[at]], at, at + 1, row, field
                continue
            first, opening, closing, _ = quoted
            if first < opening:
                yield "blank_outside_quotes", first, opening, row, field
            for at, way in _escapes(reading.data, opening, closing) if reading.lenient else ():
                if met and way != met:
                    yield "mixed_escapes", at, at + 2, row, field
                met = met or way
            if end > closing + 1:
                blank = not reading.piece(closing + 1, end).strip(BLANKS)
                yield "blank_outside_quotes" if blank else "text_after_quote", closing + 1, end, row, field


def _escapes(data: bytes, opening: int, closing: int) -> Iterator[tuple[int, int]]:
    """The escapes of a quoted field in a lenient reading: offset, and ESCAPED or DOUBLED."""
    quote = data.find(QUOTE_BYTES, opening + 1, closing)
    while quote >= 0:
        if data[quote - 1] == BACKSLASH:
            yield quote - 1, ESCAPED
        else:
            yield quote, DOUBLED
            quote += 1
        quote = data.find(QUOTE_BYTES, quote + 1, closing)
