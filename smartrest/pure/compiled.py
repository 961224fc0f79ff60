"""Rows with holes: the constants are written once, the holes on each call, with the results of `encode_row`."""

from __future__ import annotations

from .._constants import PAYLOAD_LIMIT, QUOTE, SEPARATOR
from .._limits import check_on_error, limit_of
from .._values import fits, hole_of, misfit
from ..errors import EncodeError, encode_error, too_large_error
from .packing import Packer, packed
from .reading import ROW_END_BYTES
from .writing import fields_of, style_of, write_field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from .types import Dialect, OnTrailingBackslash, Quote
    from .writing import Style


class Encoder:
    """A row with holes, made by `compile`: `encoder(*values)` is the payload of the filled row.

    `row` is the row it was compiled from. Can be pickled, and shared by threads.
    """

    __slots__ = ("_holes", "_limit", "_options", "_row", "_style", "_texts")

    if TYPE_CHECKING:
        _row: tuple[Any, ...]
        _holes: list[tuple[int, type]]  # index and class
        _texts: list[str]  # the constants in wire form, "" for a hole
        _options: dict[str, Any]
        _limit: int | None
        _style: Style

    def __init__(self, *_: object, **__: object) -> None:
        raise TypeError("use smartrest.compile")

    @property
    def row(self) -> tuple[Any, ...]:
        return self._row

    def __call__(self, *values: Any) -> bytes:
        """The payload of the row with `values` in its holes, in order. `None` fits every hole, an `int` also a `float`.

        Raises the errors of `encode_row` for the filled row, `EncodeError` with reason `bad_type` for a value that does
        not fit its hole, and `TypeError` for a wrong number of values.
        """
        data = self._write(values, 0)
        if self._options["final_newline"]:
            data += ROW_END_BYTES
        if self._limit is not None and len(data) > self._limit:
            raise too_large_error(self._limit, 0, len(data))
        return data

    def pack(
        self,
        values: Iterable[Iterable[Any]],
        *,
        limit: int | None = PAYLOAD_LIMIT,
        on_error: Callable[[EncodeError], object] | None = None,
    ) -> Iterator[bytes]:
        """The fewest payloads of at most `limit` bytes that carry a row for each item of `values`, in order.

        Each item holds the values of one row (for columns: `zip(*columns)`). `values` is read lazily, as payloads are
        taken. Errors are handled as in `smartrest.pack`; a wrong number of values raises `TypeError` and ends packing.
        """
        most = limit_of(limit)
        check_on_error(on_error)
        last = 1 if self._options["final_newline"] else 0

        def write(item: Iterable[Any], number: int, room: int | None) -> list[bytes]:
            data = self._write(tuple(item), number)
            if most is not None and len(data) + last > most:
                raise too_large_error(most, number, len(data) + last)
            return [data]

        return packed(iter(values), write, Packer(limit=most, final_newline=last == 1), on_error)

    def _write(self, values: tuple[Any, ...], number: int) -> bytes:
        if len(values) != len(self._holes):
            raise TypeError(f"expected {len(self._holes)} values, one for each hole, not {len(values)}")
        texts = self._texts.copy()
        for (i, hole), value in zip(self._holes, values, strict=True):
            if not fits(hole, value):
                raise encode_error("bad_type", number, i, misfit(hole, value))
            texts[i] = write_field(value, self._style, number, i)
        return (SEPARATOR.join(texts) or QUOTE + QUOTE).encode()  # E4

    def __repr__(self) -> str:
        return f"compile({self.row!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.row, self._options)


def compile(
    row: tuple[Any, ...] | list[Any],
    *,
    dialect: Dialect = "backslash",
    quote: Quote = "minimal",
    final_newline: bool = False,
    on_trailing_backslash: OnTrailingBackslash = "allow",
    limit: int | None = PAYLOAD_LIMIT,
) -> Encoder:
    """A row with holes, its constant parts written once: `compile(("200", "c8y_Temperature", "T", float, "C"))`.

    The classes `str`, `int`, `float`, `Decimal`, `bool`, `datetime` and `object` (any field value) are holes,
    everything else is a constant. Options as for `encode`.

    Raises `EncodeError` for a row or constant that cannot be sent. Rules E1 to E7 of docs/format.md.
    """
    encoder = Encoder.__new__(Encoder)
    encoder._style = style = style_of(dialect, quote, on_trailing_backslash)
    encoder._limit = limit_of(limit)
    encoder._options = {
        "dialect": dialect,
        "quote": quote,
        "final_newline": bool(final_newline),
        "on_trailing_backslash": on_trailing_backslash,
        "limit": encoder._limit,
    }
    encoder._row = fields_of(row, 0)
    encoder._holes = []
    encoder._texts = []
    for i, value in enumerate(encoder.row):
        hole = hole_of(value)
        if hole is not None:
            encoder._holes.append((i, hole))
        encoder._texts.append("" if hole is not None else write_field(value, style, 0, i))
    return encoder


def _rebuild(row: tuple[Any, ...], options: dict[str, Any]) -> Encoder:
    return compile(row, **options)
