"""Payloads to tables, row by row: the reference for src_c/columns/decode.inc."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from ..._constants import TEXTS
from ..._values import parse_bool, parse_datetime, parse_float, parse_int
from ...errors import DecodeError, decode_error, excerpt
from ..decoding import accept, bytes_of
from ..rows import Row, all_rows, field_spans, row_spans
from .abi import Batch, Field, Shape, batch_of, shape_of, width_of

Column = tuple[str, str, int, int, int]  # name, kind, field, step, group: see Reader
Plan = tuple["str | None", Sequence[Column]]
Piece = tuple[list["Batch | None"], "Batch | None", int, int, int]

FORMATS = {"float": "g", "int": "l", "time": "tsm:UTC", "bool": "b", "text": "u", "utf8": "u", "view": "vu"}
TEXT_KINDS = ("text", "dictionary", "utf8", "view")
ERROR_COLUMNS = (
    ("payload_index", "l"), ("row", "l"), ("field", "l"), ("position", "l"), ("reason", "u"), ("text", "u"),
)  # fmt: skip
MOST_PAYLOAD = (1 << 30) - 1  # a longer one is an error: the texts of a column have offsets of 32 bits
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _int64(text: str) -> int:
    number = parse_int(text)
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError(text)
    return number


def _millis(text: str) -> int:
    return (parse_datetime(text) - EPOCH) // timedelta(milliseconds=1)


PARSERS = {"float": parse_float, "int": _int64, "time": _millis, "bool": parse_bool}


class _BadValue(Exception):
    """Field `args[0]` does not fit."""


class Reader:
    """Decodes payloads by plans, each (template ID, columns), a column being (name, kind, field, step, group).

    Field 0 is the template ID. A step that is not 0 makes a list of `field` and each step-th field after it, for each
    group of `step` fields from field `group` on. The ID `None` takes any row.
    """

    def __init__(self, plans: Sequence[Plan], payload: str, keep: Sequence[str]) -> None:
        self._plans, self._payload, self._keep = list(plans), payload, tuple(keep)
        self._general = any(template is None for template, _ in self._plans)
        self._errors = shape_of(ERROR_COLUMNS)
        self._source: Shape | None = None
        self._shapes: list[Shape] = []

    def open(self, source: Shape) -> tuple[list[Shape], Shape]:
        """The shapes of the tables, and that of the errors, for payloads in a table of this shape."""
        if self._source is not source:
            if self._payload not in source.names:
                raise KeyError(
                    f"the source has no column {self._payload!r}, only {', '.join(source.names)}: name the one that "
                    "holds the payloads with payload="
                )
            self._shapes = [self._shape(source, columns) for _, columns in self._plans]
            self._source = source
        return self._shapes, self._errors

    def _shape(self, source: Shape, columns: Sequence[Column]) -> Shape:
        fields = []
        for name in self._keep:
            if name not in source.names:
                raise KeyError(f"the source has no column {name!r} to keep, only {', '.join(source.names)}")
            field = source.field.children[source.names.index(name)]
            if not (width_of(field.format) or field.format in ("n", "b", "u", "U", "z", "Z", "vu", "vz")):
                raise TypeError(f"cannot keep column {name!r} of Arrow type {field.format!r}: cast it before")
            fields.append(field)
        described: list[tuple[str, ...]] = [(name, *_format(kind, step)) for name, kind, _, step, _ in columns]
        if self._general:
            described = [("payload_index", "l"), ("row", "i"), *described, ("reason", "i", "u")]
        shape = Shape(Field(None, "+s", (*fields, *shape_of(described).field.children), flags=0))
        if len(set(shape.names)) < len(shape.names):
            raise ValueError(f"a column to keep has the name of another: {', '.join(shape.names)}")
        return shape

    def read(self, batch: Batch, first: int) -> list[Piece]:
        """The tables of a batch: (table of each plan or None, errors or None, rows in, rows out, skipped).

        `first` is the number of payloads before the batch. The list has one item; the core's may have more.
        """
        shapes, error_shape = self.open(batch.shape)
        kept = [batch.column(batch.shape.names.index(name)) for name in self._keep]
        tables: list[list[list[Any]]] = [[] for _ in shapes]
        errors: list[list[Any]] = []
        rows_in = rows_out = skipped = 0
        for at, payload in enumerate(_payloads(batch, self._payload, first)):
            if payload is None:
                continue
            rows, fault = _read(payload)
            rows_in += len(rows) + (fault is not None)
            beside = [column[at] for column in kept]
            for number, row in enumerate(rows):
                place = next((i for i, (template, _) in enumerate(self._plans) if template in (None, row[0])), None)
                if place is None:
                    skipped += 1
                    continue
                try:
                    cells = [_cell(row, column) for column in self._plans[place][1]]
                except _BadValue as error:
                    errors.append(_error_row(first + at, _bad_value(payload, number, error.args[0]), payload))
                    continue
                numbers = [first + at, number] if self._general else []
                tables[place].append([*beside, *numbers, *cells, *([None] if self._general else [])])
                rows_out += 1
            if fault is not None:
                errors.append(_error_row(first + at, fault, payload))
                if self._general:
                    cells = [[] if step else None for _, _, _, step, _ in self._plans[0][1]]
                    tables[0].append([*beside, first + at, fault.row or 0, *cells, fault.reason])
        made = [_batch(shape, table) for shape, table in zip(shapes, tables, strict=True)]
        return [(made, _batch(error_shape, errors), rows_in, rows_out, skipped)]


def _format(kind: str, step: int) -> tuple[str, ...]:
    if step:
        return "+l", FORMATS[kind]
    return ("i", "u") if kind == "dictionary" else (FORMATS[kind],)


def _payloads(batch: Batch, name: str, first: int) -> Iterator[bytes | None]:
    column = batch.shape.names.index(name)
    field = batch.shape.field.children[column]
    if (field.dictionary or field).format not in ("u", "U", "z", "Z", "vu", "vz", "n"):
        raise TypeError(f"column {name!r} has Arrow type {field.format.encode()!r}: payloads are texts or binary")
    for row in range(batch.num_rows):
        yield _payload(batch, column, row, f"an offset of column {name!r} is out of range in row {first + row}")


def _payload(batch: Batch, column: int, row: int, message: str) -> bytes | None:
    try:
        found: bytes | None = batch.value(column, row)
    except ValueError as error:
        raise ValueError(message) from error
    return found


def _read(payload: bytes) -> tuple[list[Row], DecodeError | None]:
    """The whole rows of a payload, and the fault that ends them."""
    if len(payload) > MOST_PAYLOAD:
        return [], decode_error("too_large", MOST_PAYLOAD, None, None, (), payload)
    try:
        return all_rows(accept(bytes_of(payload), False)), None
    except DecodeError as fault:
        return fault.rows, fault


def _bad_value(payload: bytes, row: int, field: int) -> DecodeError:
    """The error about a field of a payload. A payload that cannot be read is read as far as it can."""
    try:
        reading = accept(payload, False)
    except DecodeError as fault:
        reading = accept(_whole_rows(payload, fault, row), False)
    position = field_spans(reading, row_spans(reading)[row])[field][0]
    return decode_error("bad_value", position, row, field, (), payload)


def _whole_rows(payload: bytes, fault: DecodeError, row: int) -> bytes:
    """The longest prefix of lines, before the fault, that is read as the rows up to `row`."""
    end = fault.position or 0
    while True:
        end = payload.rfind(b"\n", 0, end)
        try:
            if all_rows(accept(payload[:end], False))[: row + 1] == fault.rows[: row + 1]:
                return payload[:end]
        except DecodeError:
            continue


def _error_row(payload_index: int, error: DecodeError, payload: bytes) -> list[Any]:
    assert error.reason in TEXTS
    assert error.position is not None
    text = excerpt(payload, error.position)
    return [payload_index, error.row, error.field, error.position, error.reason, text]


def _cell(row: Row, column: Column) -> Any:
    """The value of a column; raises `_BadValue`."""
    _, kind, field, step, group = column
    if not step:
        return _value(row, kind, field)
    return [_value(row, kind, field + start - group) for start in range(group, len(row), step)]


def _value(row: Row, kind: str, field: int) -> Any:
    if field >= len(row):
        return None
    if kind in TEXT_KINDS:
        return row[field]
    try:
        return PARSERS[kind](row[field]) if row[field] else None
    except ValueError:
        raise _BadValue(field) from None


def _batch(shape: Shape, rows: list[list[Any]]) -> Batch | None:
    if not rows:
        return None
    return batch_of(shape, [list(column) for column in zip(*rows, strict=True)], len(rows))
