"""`check`: every fault of a payload instead of the first. What is put together from them stands in `_check.py`."""

from __future__ import annotations

from .._check import check_limit, findings
from ..errors import DecodeError
from .decoding import bytes_of, invalid_utf8
from .reading import Reading, read
from .rows import all_rows, faults, field_spans, row_spans, rows_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from typing_extensions import Buffer

    from .._finding import Finding
    from .rows import Fault, Row


def check(payload: bytes | str | Buffer, *, topic: str | None = None, collections: Iterable[Any] = ()) -> list[Finding]:
    """Every fault and doubt of `payload`, in the order of position; none is an empty list.

    Found are what `decode` and what strict reading refuse, and a size over the platform's limit. With a `topic`, also what
    does not fit its templates (`collections`: those of `smartrest.templates` that it may use). Raises nothing for any
    bytes or `str`. Rules D1 to D9, L1 and L2 of docs/format.md.
    """
    check_limit(topic)  # raises for a topic that cannot be published to
    data = bytes_of(payload)
    found: list[Fault] = []
    rows: list[Row] = []
    try:
        text = data.decode()
    except UnicodeDecodeError as bad:
        error = invalid_utf8(data, bad.start)
        found.append(("invalid_utf8", bad.start, bad.end, error.row or 0, error.field or 0))
        valid = data[: bad.start]
        reading = _closed(read(valid, valid.decode()))
    else:
        reading = read(data, text)
        if reading.open_quote:
            first, quote = reading.open_quote
            before, row = rows_of(reading, first)
            found.append(("unterminated_quote", quote, len(data), len(before), len(row)))
            reading = _closed(reading)
        else:
            rows = all_rows(reading)
    found += faults(reading)

    def span(row: int, field: int | None) -> tuple[int, int]:
        span = row_spans(reading)[row]
        return span[:2] if field is None else field_spans(reading, span)[field][:2]

    return findings(len(data), found, rows, span, topic, collections)


def _closed(reading: Reading) -> Reading:
    """What stands before a quoted field that is never closed, in the same reading."""
    if reading.open_quote is None:
        return reading
    data = reading.data[: reading.open_quote[0]]
    closed = Reading(data, data.decode(), reading.start, reading.quoted, reading.escapes)
    closed.lenient = True
    return closed
