"""Typed rows: the types of a row's fields by its template ID, and their conversion. Never reads wire text."""

from __future__ import annotations

from .._values import BOOL, DATETIME, FLOAT, INT, TEXT, kinds_of, parse_bool, parse_datetime, parse_float, parse_int
from ..errors import decode_error
from .decoding import accept, one_row
from .rows import all_rows, field_spans, row_spans

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from typing_extensions import Buffer

    from .reading import Reading
    from .rows import Row

PARSERS: dict[int, Callable[[str], Any]] = {
    INT: parse_int,
    FLOAT: parse_float,
    BOOL: parse_bool,
    DATETIME: parse_datetime,
}


class Schema:
    """The types of fields by template ID: `Schema({"211": [float], "201": [str, datetime, (str, str, float, str)]})`.

    The list names the types of the fields after the ID: `int`, `float`, `bool`, `datetime`, `str`. A tuple of types at
    the end repeats to the end of the row. Fields beyond the list and rows of other IDs stay `str`. An empty field is
    `None`, or `""` if its type is `str`.

    Texts: `int` `[+-]?[0-9]+`, at most 4,300 digits; `float` decimal or exponent form, finite; `bool` `true` or
    `false`; `datetime` ISO 8601 (`T` and `Z` in either case, seconds optional) with `Z`, `+hh:mm`, `+hhmm` or `+hh`,
    digits past microseconds are dropped.

    Raises `TypeError` for an ID that is not a `str` and for any other type, `ValueError` for an ID given twice and
    for a tuple that is empty or not at the end.
    """

    __slots__ = ("_kinds", "_types")

    def __init__(self, types: Mapping[str, Sequence[Any]]) -> None:
        if hasattr(self, "_kinds"):
            raise TypeError("a schema cannot be initialized twice")
        self._types = dict(types)
        self._kinds = kinds_of(self._types)

    def __repr__(self) -> str:
        return f"Schema({self._types!r})"

    def __reduce__(self) -> tuple[type[Schema], tuple[dict[str, Sequence[Any]]]]:
        return Schema, (self._types,)

    def decode(
        self, payload: bytes | str | Buffer, *, strict: bool = False, limit: int | None = None
    ) -> list[tuple[Any, ...]]:
        """As `smartrest.decode`, with typed fields.

        Raises `DecodeError` as `decode` does; else with reason `bad_value` for the first field whose text does not fit
        its type, with the typed rows before it in `rows`.
        """
        return self._typed(accept(payload, strict, limit))

    def decode_row(self, payload: bytes | str | Buffer, *, strict: bool = False) -> tuple[Any, ...]:
        """As `smartrest.decode_row`, with typed fields. Raises `DecodeError` as `decode` of this schema does."""
        reading = accept(payload, strict)
        one_row(reading)
        return self._typed(reading)[0]

    def _typed(self, reading: Reading) -> list[tuple[Any, ...]]:
        typed: list[tuple[Any, ...]] = []
        for row in all_rows(reading):
            kinds = self._kinds.get(row[0])
            if kinds is None:
                typed.append(row)
                continue
            values = _typed_values(row, *kinds)
            if len(values) < len(row):
                number, field = len(typed), len(values)
                position = field_spans(reading, row_spans(reading)[number])[field][0]
                raise decode_error("bad_value", position, number, field, typed, reading.data)
            typed.append(tuple(values))
        return typed


def _typed_values(row: Row, fixed: bytes, repeated: bytes) -> list[Any]:
    """The values of a row, up to the first field that does not fit its type."""
    values: list[Any] = [row[0]]
    kinds = fixed + repeated * len(row)
    for i, text in enumerate(row[1:]):
        kind = kinds[i] if i < len(kinds) else TEXT
        try:
            values.append(text if kind == TEXT else PARSERS[kind](text) if text else None)
        except ValueError:
            break
    return values
