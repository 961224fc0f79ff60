"""The functions that read whole payloads: input in any form, the order of errors, rows out (rules D1 to D9).

`reading.py` decides where fields are quoted, `rows.py` cuts rows and fields.
"""

from __future__ import annotations

from .._constants import BOM, CARRIAGE_RETURN, QUOTE, READ_LIMIT, ROW_END, SEPARATOR
from .._limits import limit_of
from .._values import type_name
from ..errors import DecodeError, decode_error
from .reading import ROW_END_BYTES, SEPARATOR_BYTES, Reading, next_start, read
from .rows import Row, all_rows, faults, row_spans, rows_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Buffer  # for type checkers, which bundle it


def decode(payload: bytes | str | Buffer, *, strict: bool = False, limit: int | None = None) -> list[Row]:
    """The rows of `payload`, each a tuple of its fields; the first field is the template ID.

    `payload` is `bytes`, `str` or any other object with a contiguous buffer of bytes. `strict` refuses a payload that
    is not strict in one dialect, and blanks outside the quotes of a quoted field (rules D7, D9). `limit` is the most
    bytes that the payload may have.

    Raises `DecodeError`, and nothing else for bytes or `str`. Rules D1 to D9 of docs/format.md.
    """
    if limit is not None or type(payload) is not bytes or len(payload) > READ_LIMIT:
        payload = bytes_of(payload, limit)
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise invalid_utf8(payload, error.start) from None
    if QUOTE in text or CARRIAGE_RETURN in text or BOM in text:
        return all_rows(checked(read(payload, text), strict))
    return [tuple(row.split(SEPARATOR)) for row in text.split(ROW_END) if row]


def decode_row(payload: bytes | str | Buffer, *, strict: bool = False) -> Row:
    """The only row of `payload`, for topics whose payloads hold one row (`s/dcr`, `s/dat`), and for tests.

    Do not use it for `s/ds`, where the platform sends several rows in one payload. Raises `DecodeError` as `decode`
    does, and with reason `not_one_row` unless the payload has exactly one row. Rules D1 to D9 of docs/format.md.
    """
    return one_row(accept(payload, strict))


def split(payload: bytes | str | Buffer) -> list[bytes]:
    """The rows of `payload` in wire form, still escaped, without row ends, BOM and empty lines.

    Splits at the row ends that `decode` reads: a line feed inside quotes is data. Raises `DecodeError` as `decode`
    does. Rules D2, D4, D7 and D10 of docs/format.md.
    """
    reading = accept(payload, False)
    return [reading.data[start:end] for start, end, _ in row_spans(reading)]


def unescape(field: bytes | str | Buffer) -> str:
    """The value of one field in its wire form, the inverse of `escape`.

    Raises `DecodeError`: reasons `invalid_utf8`, `unterminated_quote`, and `not_one_field` for a separator or row end
    outside quotes. A U+FEFF is data. Rules D5 to D8 of docs/format.md.
    """
    data = bytes_of(field)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise decode_error("invalid_utf8", error.start, 0, 0, (), data) from None
    reading = read(data, text, bom=False)
    if reading.open_quote:
        raise decode_error("unterminated_quote", reading.open_quote[1], 0, 0, (), data)
    if reading.quoted and reading.quoted[0][0] == 0:
        end = reading.quoted[0][3]
    else:
        end = len(data.split(ROW_END_BYTES, 1)[0].split(SEPARATOR_BYTES, 1)[0])
    if end < len(data):
        raise decode_error("not_one_field", next_start(data, end), 0, 1, (), data)
    rows = all_rows(reading)
    return rows[0][0] if rows else ""


def one_row(reading: Reading) -> Row:
    """The only row of a reading. Raises `DecodeError` (`not_one_row`) if it has none or more."""
    rows = all_rows(reading)
    if len(rows) == 1:
        return rows[0]
    position = row_spans(reading)[1][0] if rows else len(reading.data)
    raise decode_error("not_one_row", position, len(rows[:1]), None, rows[:1], reading.data)


def bytes_of(payload: bytes | str | Buffer, limit: int | None = None) -> bytes:
    """The bytes of a payload within `limit`. A `bytes` is returned as is, other buffers are copied."""
    most = limit_of(limit)
    most = READ_LIMIT if most is None else min(most, READ_LIMIT)
    data: bytes
    given: Any = payload
    if type(given) is bytes:
        data = given
    elif issubclass(type(given), str):
        data = str.encode(given, "utf-8", "surrogatepass")
    elif issubclass(type(given), bytes):
        data = bytes.__getitem__(given, slice(None))
    else:
        try:
            view = memoryview(given)
        except TypeError:
            raise TypeError(f"expected bytes, str or a buffer, not {type_name(given)}") from None
        with view:
            if not view.c_contiguous:
                raise BufferError("the buffer is not contiguous")
            data = view.tobytes()
    if len(data) > most:
        raise decode_error("too_large", most, None, None, (), data)
    return data


def accept(payload: bytes | str | Buffer, strict: bool, limit: int | None = None) -> Reading:
    """The reading of a payload, or the error that `decode` raises for it."""
    data = bytes_of(payload, limit)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise invalid_utf8(data, error.start) from None
    return checked(read(data, text), strict)


def checked(reading: Reading, strict: bool) -> Reading:
    """`reading`. Raises `DecodeError` if a quoted field is never closed, or for the first fault with `strict`."""
    if reading.open_quote:
        first, quote = reading.open_quote
        rows, row = rows_of(reading, first)
        raise decode_error("unterminated_quote", quote, len(rows), len(row), rows, reading.data)
    if strict:
        for reason, position, _, number, field in faults(reading):
            raise decode_error(reason, position, number, field, all_rows(reading)[:number], reading.data)
    return reading


def invalid_utf8(data: bytes, position: int) -> DecodeError:
    """The error for invalid UTF-8 at `position`: its row and field are those of the text before it, read alone."""
    valid = data[:position]
    try:
        reading = checked(read(valid, valid.decode()), False)
    except DecodeError as error:
        return decode_error("invalid_utf8", position, error.row, error.field, error.rows, data)
    rows, row = rows_of(reading, position)
    return decode_error("invalid_utf8", position, len(rows), max(len(row) - 1, 0), rows, data)
