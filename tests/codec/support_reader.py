"""Readers and a writer independent of the engines, written from the rules of docs/format.md.

`read` searches for every strict reading before it reads leniently, so it is slow: give it short texts. Change it with
the rules, never with an engine. `read_doubled` and `read_escaped` read as simple peers do.
"""

from __future__ import annotations

import re
from typing import NamedTuple

BLANKS = " \t"
BOM = "\ufeff"


class Row(NamedTuple):
    """One row: its fields, the start of each in the text, its span, and whether a row end follows."""

    fields: tuple[str, ...]
    starts: tuple[int, ...]
    start: int
    end: int
    ended: bool


class Fault(NamedTuple):
    """A fault that `strict` refuses: characters `start` to `end` of the text."""

    reason: str
    start: int
    end: int
    row: int
    field: int


class Reading(NamedTuple):
    """Rows and faults of a text; after an `unterminated_quote` only the whole rows before it."""

    rows: list[Row]
    faults: list[Fault]

    def values(self) -> list[tuple[str, ...]]:
        return [row.fields for row in self.rows]

    def fault(self, reason: str) -> Fault | None:
        return next((fault for fault in self.faults if fault.reason == reason), None)


class _Way(NamedTuple):
    """A possible reading of the text so far."""

    at: int
    rows: tuple[Row, ...]
    faults: tuple[Fault, ...]
    fields: tuple[str, ...]  # of the current row
    starts: tuple[int, ...]
    start: int


def _row_end(text: str, at: int) -> int:
    """Length of the row end at `at`: 0, 1 or 2 (rule D2)."""
    return 2 if text.startswith("\r\n", at) else 1 if text.startswith("\n", at) else 0


def _field_end(text: str, at: int) -> bool:
    return at == len(text) or text[at] == "," or _row_end(text, at) > 0


def _after_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in BLANKS:
        at += 1
    return at


def _strict_fields(text: str, at: int, dialect: str, row: int, field: int) -> list[tuple[str, int, tuple[Fault, ...]]]:
    """Every strict reading of the field that starts at `at`: value, end, dropped blanks."""
    opening = _after_blanks(text, at)
    if text[opening : opening + 1] != '"':
        end = at
        while not _field_end(text, end):
            end += 1
        value = text[at:end]
        return [] if '"' in value or "\r" in value else [(value, end, ())]
    before = (Fault("blank_outside_quotes", at, opening, row, field),) if opening > at else ()
    found = []
    open_ways = [(opening + 1, "")]
    while open_ways:
        here, value = open_ways.pop()
        if here == len(text):
            continue
        if text[here] == '"':
            end = _after_blanks(text, here + 1)
            if _field_end(text, end):
                after = (Fault("blank_outside_quotes", here + 1, end, row, field),) if end > here + 1 else ()
                found.append((value, end, before + after))
            if dialect == "double" and text.startswith('""', here):
                open_ways.append((here + 2, value + '"'))
            continue
        if dialect == "backslash" and text.startswith('\\"', here):
            open_ways.append((here + 2, value + '"'))
        open_ways.append((here + 1, value + text[here]))
    return found


def strict_readings(text: str, dialect: str) -> list[Reading]:
    """Every strict reading of the text in one dialect (rule D7). There should be at most one."""
    found = []
    ways = [_Way(0, (), (), (), (), 0)]
    while ways:
        way = ways.pop()
        if not way.fields:  # at the start of a row; an empty one is skipped (rule D4)
            if way.at == len(text):
                found.append(Reading(list(way.rows), list(way.faults)))
                continue
            if skip := _row_end(text, way.at):
                ways.append(way._replace(at=way.at + skip, start=way.at + skip))
                continue
        for value, end, faults in _strict_fields(text, way.at, dialect, len(way.rows), len(way.fields)):
            fields, starts = (*way.fields, value), (*way.starts, way.at)
            faults = way.faults + faults
            if text[end : end + 1] == ",":
                ways.append(_Way(end + 1, way.rows, faults, fields, starts, way.start))
                continue
            row = Row(fields, starts, way.start, end, end < len(text))
            after = end + _row_end(text, end)
            if after == len(text):
                found.append(Reading([*way.rows, row], list(faults)))
            else:
                ways.append(_Way(after, (*way.rows, row), faults, (), (), after))
    return found


_QUOTED = re.compile(r'(?:\\"|""|[^"\\]|\\(?!"))*', re.DOTALL)  # what a greedy reader accepts between quotes (rule D8)
_ESCAPES = re.compile(r'\\"|""')


class _Lenient:
    """Rule D8: greedy from left to right, noting all faults."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.rows: list[Row] = []
        self.faults: list[Fault] = []
        self.first_escape = ""

    def read(self) -> Reading:
        text, at = self.text, 0
        while at < len(text):
            if skip := _row_end(text, at):
                at += skip
                continue
            start, fields, starts = at, [], []
            while True:
                starts.append(at)
                value, at = self.field(at, len(fields))
                if value is None:
                    return Reading(self.rows, self.faults)
                fields.append(value)
                if text[at : at + 1] != ",":
                    break
                at += 1
            self.rows.append(Row(tuple(fields), tuple(starts), start, at, at < len(text)))
            at += _row_end(text, at)
        return Reading(self.rows, self.faults)

    def fault(self, reason: str, start: int, end: int, field: int) -> None:
        self.faults.append(Fault(reason, start, end, len(self.rows), field))

    def to_field_end(self, at: int) -> int:
        while not _field_end(self.text, at):
            at += 1
        return at

    def field(self, at: int, field: int) -> tuple[str | None, int]:
        text = self.text
        opening = _after_blanks(text, at)
        if text[opening : opening + 1] != '"':
            end = self.to_field_end(at)
            for here in range(at, end):
                if text[here] == '"':
                    self.fault("stray_quote", here, here + 1, field)
                elif text[here] == "\r":
                    self.fault("lone_cr", here, here + 1, field)
            return text[at:end], end
        if opening > at:
            self.fault("blank_outside_quotes", at, opening, field)
        matched = _QUOTED.match(text, opening + 1)
        assert matched is not None
        closing = matched.end()
        for escape in _ESCAPES.finditer(text, opening + 1, closing):
            self.first_escape = self.first_escape or escape.group()
            if escape.group() != self.first_escape:
                self.fault("mixed_escapes", escape.start(), escape.end(), field)
        if closing == len(text):
            self.fault("unterminated_quote", opening, closing, field)
            return None, closing
        value = _ESCAPES.sub('"', matched.group())
        end = self.to_field_end(closing + 1)
        tail = text[closing + 1 : end]
        if tail.strip(BLANKS):
            self.fault("text_after_quote", closing + 1, end, field)
            return value + tail, end
        if tail:
            self.fault("blank_outside_quotes", closing + 1, end, field)
        return value, end


def read_text(text: str) -> Reading:
    """The reading of a text without BOM: strict in either dialect, else lenient."""
    for dialect in ("backslash", "double"):
        readings = strict_readings(text, dialect)
        assert len(readings) <= 1, f"{len(readings)} strict readings of {text!r} in the dialect {dialect}"
        if readings:
            return readings[0]
    reading = _Lenient(text).read()
    return Reading(reading.rows, sorted(reading.faults, key=lambda fault: fault.start))


class Answer(NamedTuple):
    """The results of `decode`, `scan`, `split` and `check` for a payload. Offsets are in bytes."""

    rows: list[tuple[str, ...]]
    spans: list[tuple[int, int]]
    raw: list[bytes]
    error: tuple[str, int, int, int] | None  # reason, position, row, field; `rows` are those before the error
    strict: tuple[tuple[str, int, int, int], int] | None  # with `strict`: the error and the number of rows before it
    findings: list[tuple[str, int, int, int, int]]


def read(payload: bytes) -> Answer:
    """The result of the rules for any payload."""
    bad = None
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        bad = error
        text = payload[: error.start].decode("utf-8")
    skipped = 3 if text.startswith(BOM) else 0
    text = text.removeprefix(BOM)
    reading = read_text(text)

    def byte(at: int) -> int:
        return skipped + len(text[:at].encode("utf-8"))

    findings = [(f.reason, byte(f.start), byte(f.end), f.row, f.field) for f in reading.faults]
    found = reading.fault("unterminated_quote")
    rows = reading.rows
    error = None if found is None else (found.reason, byte(found.start), found.row, found.field)
    if bad is not None:
        row, field, start = len(rows), 0, skipped + len(text.encode("utf-8"))
        if found is not None:
            row, field = found.row, found.field
        elif rows and not rows[-1].ended:
            row, field = len(rows) - 1, len(rows[-1].fields) - 1
            rows = rows[:-1]
        error = ("invalid_utf8", start, row, field)
        findings.append(("invalid_utf8", start, bad_end(payload, start), row, field))
        findings.sort(key=lambda finding: finding[1])
    strict = (error, len(rows)) if error else None
    if error is None and reading.faults:
        first = reading.faults[0]
        strict = ((first.reason, byte(first.start), first.row, first.field), first.row)
    spans = [(byte(row.start), byte(row.end)) for row in rows]
    raw = [payload[start:end] for start, end in spans]
    return Answer([row.fields for row in rows], spans, raw, error, strict, findings)


def bad_end(payload: bytes, start: int) -> int:
    """The end of the first bad sequence, as CPython delimits it."""
    try:
        payload[start:].decode("utf-8")
    except UnicodeDecodeError as error:
        return start + error.end
    raise AssertionError("the payload is valid UTF-8")


def read_doubled(text: str) -> list[tuple[str, ...]]:
    """A minimal reader of RFC 4180: quotes are doubled, nothing else is special. LF ends a row."""
    rows, row, field, quoted = [], [], "", False
    at = 0
    while at < len(text):
        c = text[at]
        if quoted:
            if c != '"':
                field += c
            elif text.startswith('""', at):
                field, at = field + '"', at + 1
            else:
                quoted = False
        elif c == '"':
            quoted = True
        elif c in ",\n":
            row, field = [*row, field], ""
            if c == "\n":
                rows, row = [*rows, tuple(row)], []
        else:
            field += c
        at += 1
    if text and not text.endswith("\n"):
        rows.append((*row, field))
    return rows


def read_escaped(text: str) -> list[tuple[str, ...]]:
    """A greedy reader of the documented rule: in quotes `\\"` is a quote and `"` the end. LF ends a row."""
    rows, row, field, quoted = [], [], "", False
    at = 0
    while at < len(text):
        c = text[at]
        if quoted and text.startswith('\\"', at):
            field, at = field + '"', at + 1
        elif c == '"':
            quoted = not quoted
        elif not quoted and c in ",\n":
            row, field = [*row, field], ""
            if c == "\n":
                rows, row = [*rows, tuple(row)], []
        else:
            field += c
        at += 1
    if text and not text.endswith("\n"):
        rows.append((*row, field))
    return rows


def needs_quotes(value: str) -> bool:
    """Rule E2."""
    if any(c in value for c in '",\n\r\t'):
        return True
    return any(c <= " " or c.isspace() or c == BOM for c in value[:1] + value[-1:])


def write_field(value: str, dialect: str, quote: str = "minimal") -> str:
    """Rules E2, E3 and E7."""
    if quote != "all" and not needs_quotes(value):
        return value
    return '"' + value.replace('"', '\\"' if dialect == "backslash" else '""') + '"'


def write(rows: list[tuple[str, ...]], dialect: str, quote: str = "minimal") -> bytes:
    """Rules E1 to E7 for rows of text."""
    lines = [",".join(write_field(value, dialect, quote) for value in row) or '""' for row in rows]
    return "\n".join(lines).encode("utf-8")
