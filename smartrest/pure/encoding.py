"""The functions that write whole payloads: rows joined, measured and cut to fit (rules E1, E4, E7, L1, L2).

`writing.py` writes the rows, `packing.py` distributes them over payloads.
"""

from __future__ import annotations

from .._constants import PAYLOAD_LIMIT, QUOTE, WHITE_SPACE
from .._limits import limit_of
from .._values import type_name
from ..errors import encode_error, too_large_error
from .lazy import position
from .reading import ROW_END_BYTES
from .writing import DEFAULT, SPECIAL, fields_of, style_of, write_field, write_row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .types import Dialect, Field, OnTrailingBackslash, Quote, RowLike


def encode(
    rows: Iterable[RowLike],
    *,
    dialect: Dialect = "backslash",
    quote: Quote = "minimal",
    final_newline: bool = False,
    on_trailing_backslash: OnTrailingBackslash = "allow",
    limit: int | None = PAYLOAD_LIMIT,
) -> bytes:
    """One payload of all `rows`; `b""` without rows.

    A row is a tuple, list or other sequence of fields, template ID first. A field is `str`, `int`, finite `float` or
    `Decimal`, `bool`, `None` (empty), an aware `datetime`, an object with `__index__`, or numpy's `float32`, `float16`,
    `bool_` or `datetime64` (UTC).

    `dialect` escapes a quote as `\\"` ("backslash", as the platform documents) or `""` ("double", for CSV readers).
    `quote="all"` quotes every field. `on_trailing_backslash="error"` refuses a quoted field that ends with a backslash,
    which simple readers misread. `limit` is the most bytes of the payload, `final_newline` included.

    Raises `EncodeError` for a row or field that cannot be sent, `PayloadTooLargeError` over `limit`. Rules E1 to E7 of
    docs/format.md.
    """
    style, most = style_of(dialect, quote, on_trailing_backslash), limit_of(limit)
    last = 1 if final_newline else 0
    written: list[bytes] = []
    size = last - 1
    for number, row in enumerate(rows):
        data = write_row(row, style, number)
        written.append(data)
        size += len(data) + 1
        if most is not None and size > most:
            raise too_large_error(most, number, size)
    if final_newline and written:
        written.append(b"")
    return ROW_END_BYTES.join(written)


def encode_row(
    row: RowLike,
    *,
    dialect: Dialect = "backslash",
    quote: Quote = "minimal",
    final_newline: bool = False,
    on_trailing_backslash: OnTrailingBackslash = "allow",
    limit: int | None = PAYLOAD_LIMIT,
) -> bytes:
    """One payload of one row: `encode([row], …)` for the hot path.

    Raises `EncodeError` for a row or field that cannot be sent, `PayloadTooLargeError` over `limit`; `row` is 0. Rules
    E1 to E7 of docs/format.md.
    """
    style, most = style_of(dialect, quote, on_trailing_backslash), limit_of(limit)
    data = write_row(row, style, 0)
    if final_newline:
        data += ROW_END_BYTES
    if most is not None and len(data) > most:
        raise too_large_error(most, 0, len(data))
    return data


def escape(
    value: Field,
    *,
    dialect: Dialect = "backslash",
    quote: Quote = "minimal",
    on_trailing_backslash: OnTrailingBackslash = "allow",
) -> str:
    """The wire form of one field value; `escape("")` is empty. Options and field values as for `encode`.

    Raises `EncodeError` without row and field. Rules E2, E3 and E7 of docs/format.md.
    """
    return write_field(value, style_of(dialect, quote, on_trailing_backslash), None, None)


def truncate(row: RowLike, field: int = -1, *, limit: int | None = PAYLOAD_LIMIT, marker: str = "…") -> tuple[Any, ...]:
    """`row` with one field shortened so that `encode_row` of it fits in `limit` bytes.

    The field becomes its longest prefix, cut between code points, that fits with `marker` appended; quotes and escapes
    count. A row that fits is returned unchanged, as a tuple.

    Raises `PayloadTooLargeError` if not even `marker` alone fits, `IndexError` for a field that does not exist, and
    `EncodeError` if the row cannot be sent or the field to shorten is not a `str`. Rules E2, E3 and L2 of
    docs/format.md.
    """
    most = limit_of(limit)
    if not isinstance(marker, str):
        raise TypeError(f"marker must be a str, not {type(marker).__name__}")
    fields = fields_of(row, 0)
    at = position(field, len(fields), "field")
    size = len(write_row(fields, DEFAULT, 0))
    if most is None or size <= most:
        return fields
    if not issubclass(type(fields[at]), str):
        raise encode_error("bad_type", 0, at, f"{type_name(fields[at])} cannot be shortened")
    text, ending = str.__str__(fields[at]), str.__str__(marker)
    write_field(ending, DEFAULT, 0, at)  # raises for a lone surrogate
    empty = 2 if len(fields) == 1 else 0  # E4
    room = most - size + (len(write_field(text, DEFAULT, 0, at).encode()) or empty)
    length = _longest_prefix(text, ending, room, empty)
    if length < 0:
        raise too_large_error(most, 0, size)
    return (*fields[:at], text[:length] + ending, *fields[at + 1 :])


def _longest_prefix(text: str, marker: str, room: int, empty: int) -> int:
    """The length of the longest prefix that takes at most `room` bytes as a field with `marker` appended, or -1.

    The search goes on past a prefix that does not fit: one that ends with a blank needs quotes, the next may not.
    `empty`: the bytes of an empty field.
    """
    longest = -1
    size, quotes = len(marker.encode()), marker.count(QUOTE)
    special = not SPECIAL.isdisjoint(marker)
    for length in range(len(text) + 1):
        if length:
            character = text[length - 1]
            size += len(character.encode())
            quotes += character == QUOTE
            special = special or character in SPECIAL
        if size > room:
            break
        first = text[0] if length else marker[:1]
        last = marker[-1:] or text[length - 1 : length]
        taken = size or empty
        if special or first in WHITE_SPACE or last in WHITE_SPACE:
            taken += 2 + quotes
        if taken <= room:
            longest = length
    return longest
