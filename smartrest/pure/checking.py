"""`check`: every fault of a payload, not just the first. `_findings.py` turns faults into findings."""

from __future__ import annotations

from .._findings import check_limit, findings
from .decoding import bytes_of, invalid_utf8
from .reading import read
from .rows import all_rows, faults, field_spans, row_spans, rows_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from typing_extensions import Buffer

    from .._findings import Finding
    from .rows import Fault, FieldSpan


def check(payload: bytes | str | Buffer, *, topic: str | None = None, collections: Iterable[Any] = ()) -> list[Finding]:
    """Every fault and doubt of `payload`, ordered by position; an empty list if there are none.

    Reports the faults that `decode` and strict reading refuse, and a size over the platform's limit. With a `topic`,
    also that topic if it is not one of SmartREST, rows that do not fit its templates (`collections`: the
    `smartrest.templates.Collection`s it may use), and values that other readers may take otherwise (`blank_at_edge`,
    `trailing_backslash`). Never raises for bytes or `str`. Rules D1 to D9, L1 and L2 of docs/format.md.

    Raises `ValueError` for a topic that nothing can be published to.
    """
    check_limit(topic)  # raises for an invalid topic
    data = bytes_of(payload)
    found: list[Fault] = []
    end = len(data)
    try:
        data.decode()
    except UnicodeDecodeError as bad:
        end = bad.start
        error = invalid_utf8(data, end)
        found.append(("invalid_utf8", end, bad.end, error.row or 0, error.field or 0))
    reading = read(data[:end], data[:end].decode())
    if reading.open_quote:
        first, quote = reading.open_quote
        before, row = rows_of(reading, first)
        found.append(("unterminated_quote", quote, end, len(before), len(row)))
        reading.quoted.append((first, quote, end, end))  # to find the faults inside it
    rows = [] if found else all_rows(reading)
    found += faults(reading)

    spans = row_spans(reading) if rows else []
    fields: dict[int, list[FieldSpan]] = {}

    def span(row: int, field: int | None) -> tuple[int, int]:
        if field is None:
            return spans[row][:2]
        if row not in fields:
            fields[row] = field_spans(reading, spans[row])
        return fields[row][field][:2]

    return findings(data, found, rows, span, topic, collections)
