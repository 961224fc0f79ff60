"""The reading functions on whole payloads: input in any form, the order of errors, rows out (rules D1 to D9).

What a payload means is decided in `reading.py` and cut in `rows.py`.
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

    from typing_extensions import Buffer  # for type checkers, which bring it along


def decode(payload: bytes | str | Buffer, *, strict: bool = False, limit: int | None = None) -> list[Row]:
    """The rows of `payload`, each a tuple of its fields; the first field is the template ID.

    `payload` is `bytes`, `str` or anything else with a contiguous buffer of bytes. With `strict`, a text that is no
    strict text of one dialect is an error, and so are blanks outside the quotes of a quoted field (rules D7, D9).
    `limit`: bytes that the payload may have.

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
    """The only row of `payload`, for topics on which a message is one row (`s/dcr`, `s/dat`), and for tests.

    Never for `s/ds`, where the platform sends several rows in one message. Raises `DecodeError` as `decode` does, and
    with reason `not_one_row` where the payload has none or more than one. Rules D1 to D9 of docs/format.md.
    """
    return one_row(accept(payload, strict))


def split(payload: bytes | str | Buffer) -> list[bytes]:
    """The rows of `payload` as they stand there, still escaped, without row ends, BOM and blank lines.

    Cut where `decode` reads a row end: a line feed inside quotes does not split. Raises `DecodeError` as `decode` does.
    Rules D2, D4, D7 and D10 of docs/format.md.
    """
    reading = accept(payload, False)
    return [reading.data[start:end] for start, end, _ in row_spans(reading)]


def unescape(field: bytes | str | Buffer) -> str:
    """The value of one field in its wire form, the inverse of `escape`.

    Raises `DecodeError`: reasons `invalid_utf8`, `unterminated_quote`, and `not_one_field` where a separator or a row
    end stands outside quotes. A U+FEFF is data. Rules D5 to D8 of docs/format.md.
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
    """The only row of a reading."""
    rows = all_rows(reading)
    if len(rows) == 1:
        return rows[0]
    position = row_spans(reading)[1][0] if rows else len(reading.data)
    raise decode_error("not_one_row", position, len(rows[:1]), None, rows[:1], reading.data)


def bytes_of(payload: bytes | str | Buffer, limit: int | None = None) -> bytes:
    """The bytes of a payload within `limit`; a `bytes` is taken as it is, other buffers are copied."""
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
    """`reading`, unless a quoted field is never closed or `strict` refuses it."""
    if reading.open_quote:
        first, quote = reading.open_quote
        rows, row = rows_of(reading, first)
        raise decode_error("unterminated_quote", quote, len(rows), len(row), rows, reading.data)
    if strict:
        for reason, position, _, number, field in faults(reading):
            raise decode_error(reason, position, number, field, all_rows(reading)[:number], reading.data)
    return reading


def invalid_utf8(data: bytes, position: int) -> DecodeError:
    """The error of bytes that are no UTF-8 from `position` on: the valid text before them, read alone, says where."""
    valid = data[:position]
    try:
        reading = checked(read(valid, valid.decode()), False)
    except DecodeError as error:
        return decode_error("invalid_utf8", position, error.row, error.field, error.rows, data)
    rows, row = rows_of(reading, position)
    return decode_error("invalid_utf8", position, len(rows), max(len(row) - 1, 0), rows, data)
