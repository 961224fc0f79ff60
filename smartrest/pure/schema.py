"""Typed rows: which type the fields of a row have by its template ID, and their conversion. Reads no wire text."""

from __future__ import annotations

from .._values import class_of, parse_bool, parse_datetime, parse_float, parse_int
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

    Parsers = tuple[list[Callable[[str], Any] | None], list[Callable[[str], Any] | None]]


class Schema:
    """The types of fields by template ID: `Schema({"211": [float], "201": [str, datetime, (str, str, float, str)]})`.

    The list names the types of the fields behind the ID: `int`, `float`, `bool`, `datetime`, `str`. A tuple of types in
    last place repeats to the end of the row. Fields beyond the list and rows of other IDs stay `str`; an empty field is
    `None`, under `str` it is `""`.

    Texts: `int` `[+-]?[0-9]+`, at most 4,300 digits; `float` decimal or exponent form, finite; `bool` `true` or
    `false`; `datetime` ISO 8601 with `Z`, `+hh:mm` or `+hhmm`, digits past microseconds cut.

    Raises `TypeError` for an ID that is no `str` and for a type that is none of these.
    """

    __slots__ = ("_parsers", "_types")

    def __init__(self, types: Mapping[str, Sequence[Any]]) -> None:
        self._types = dict(types)
        self._parsers: dict[str, Parsers] = {}
        for template_id, kinds in self._types.items():
            if not isinstance(template_id, str):
                raise TypeError(f"template ID must be a str, not {type(template_id).__name__}")
            if not isinstance(kinds, (list, tuple)):
                raise TypeError(f"types of {template_id!a} must be a list, not {type(kinds).__name__}")
            self._parsers[template_id] = _parsers_of(template_id, kinds)

    def __repr__(self) -> str:
        return f"Schema({self._types!r})"

    def __reduce__(self) -> tuple[type[Schema], tuple[dict[str, Sequence[Any]]]]:
        return Schema, (self._types,)

    def decode(
        self, payload: bytes | str | Buffer, *, strict: bool = False, limit: int | None = None
    ) -> list[tuple[Any, ...]]:
        """As `smartrest.decode`, with typed fields.

        Raises `DecodeError`: what `decode` raises for the payload; then `bad_value` for the first field whose text does
        not fit its type, with the typed rows before it in `rows`.
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
            parsers = self._parsers.get(row[0])
            typed.append(row if parsers is None else _convert(reading, row, parsers, typed))
        return typed


def _convert(reading: Reading, row: Row, parsers: Parsers, typed: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    fixed, repeated = parsers
    values: list[Any] = [row[0]]
    for i, text in enumerate(row[1:]):
        if i < len(fixed):
            parse = fixed[i]
        elif repeated:
            parse = repeated[(i - len(fixed)) % len(repeated)]
        else:
            parse = None
        if parse is None:
            values.append(text)
        elif not text:
            values.append(None)
        else:
            try:
                values.append(parse(text))
            except ValueError:
                number = len(typed)
                position = field_spans(reading, row_spans(reading)[number])[i + 1][0]
                raise decode_error("bad_value", position, number, i + 1, typed, reading.data) from None
    return tuple(values)


def _parsers_of(template_id: str, kinds: Sequence[Any]) -> Parsers:
    """The parsers of the fixed fields and of the repeating ones; `None` leaves the text."""
    repeated: tuple[Any, ...] = ()
    if kinds and isinstance(kinds[-1], tuple):
        *kinds, repeated = kinds
        if not repeated:
            raise ValueError(f"types of {template_id!a} end with an empty tuple")
    if any(isinstance(kind, tuple) for kind in kinds):
        raise ValueError(f"types of {template_id!a} have a tuple that is not in last place")
    return [_parser_of(template_id, kind) for kind in kinds], [_parser_of(template_id, kind) for kind in repeated]


def _parser_of(template_id: str, kind: Any) -> Callable[[str], Any] | None:
    for known, parse in (
        (str, None),
        (int, parse_int),
        (float, parse_float),
        (bool, parse_bool),
        (class_of("datetime", "datetime"), parse_datetime),
    ):
        if kind is known and known is not None:
            return parse
    raise TypeError(f"type of {template_id!a} must be int, float, bool, datetime or str, not {kind!a:.80}")
