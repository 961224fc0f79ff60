"""A payload read into offsets only: `scan`, `LazyRows`, `LazyRow`. Fields become text when they are accessed."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index

from .._values import parse_float, parse_int
from ..errors import decode_error
from .decoding import accept
from .rows import all_rows, field_spans, field_text, row_spans

TYPE_CHECKING = False
if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterator
    from typing import NoReturn, SupportsIndex, TypeVar, overload

    from typing_extensions import Buffer

    from .reading import Reading
    from .rows import FieldSpan, Row, RowSpan

    T = TypeVar("T")


def scan(payload: bytes | str | Buffer, *, strict: bool = False) -> LazyRows:
    """The rows of `payload` as a lazy sequence: offsets now, text on access.

    Raises `DecodeError` as `decode` does, here and not later. Keeps a reference to a `bytes`, copies a mutable buffer.
    Rules D1 to D9 of docs/format.md.
    """
    reading = accept(payload, strict)
    return LazyRows(reading, row_spans(reading))


def position(i: SupportsIndex, count: int, what: str) -> int:
    """The index `i` in a sequence of `count`, counted from the end if it is negative. Raises `IndexError`."""
    number = index(i)
    number = number + count if number < 0 else number
    if not 0 <= number < count:
        raise IndexError(f"{what} index out of range")
    return number


class LazyRows(Sequence["LazyRow"]):
    """The rows of a payload, as `scan` returns them: a sequence of `LazyRow`; a slice is a list of them."""

    __slots__ = ("_reading", "_spans")

    def __init__(self, reading: Reading | None = None, spans: list[RowSpan] | None = None) -> None:
        if reading is None or spans is None:
            raise TypeError("use smartrest.scan")
        self._reading = reading
        self._spans = spans

    def __len__(self) -> int:
        return len(self._spans)

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, i: int) -> LazyRow: ...
        @overload
        def __getitem__(self, i: slice) -> list[LazyRow]: ...

    def __getitem__(self, i: int | slice) -> LazyRow | list[LazyRow]:
        if isinstance(i, slice):
            return [LazyRow(self._reading, self._spans[n], n) for n in range(len(self._spans))[i]]
        number = position(i, len(self._spans), "row")
        return LazyRow(self._reading, self._spans[number], number)

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle a lazy view: pickle its payload")

    def __iter__(self) -> Iterator[LazyRow]:
        reading = self._reading
        for number, span in enumerate(self._spans):
            yield LazyRow(reading, span, number)

    def __repr__(self) -> str:
        return f"<LazyRows of {len(self)} rows>"


class LazyRow(Sequence[str]):
    """A row of a scanned payload: a sequence of `str`; a slice is a tuple of them. Compares and hashes as its tuple.

    Access raises only `IndexError`, and `DecodeError` with reason `bad_value` from `float` and `int`.
    """

    __slots__ = ("_fields", "_number", "_reading", "_span")

    def __init__(self, reading: Reading | None = None, span: RowSpan = (0, 0, 0), number: builtins.int = 0) -> None:
        if reading is None:
            raise TypeError("use smartrest.scan")
        self._reading = reading
        self._span = span
        self._number = number
        self._fields: list[FieldSpan] | None = None

    def _field_spans(self) -> list[FieldSpan]:
        if self._fields is None:
            self._fields = field_spans(self._reading, self._span)
        return self._fields

    def __len__(self) -> builtins.int:
        return len(self._field_spans())

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, k: builtins.int) -> str: ...
        @overload
        def __getitem__(self, k: slice) -> tuple[str, ...]: ...

    def __getitem__(self, k: builtins.int | slice) -> str | tuple[str, ...]:
        spans = self._field_spans()
        if isinstance(k, slice):
            return tuple([field_text(self._reading, span) for span in spans[k]])
        return field_text(self._reading, spans[position(k, len(spans), "field")])

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __eq__(self, other: object) -> bool:
        return self.fields == _fields(other) if isinstance(other, (tuple, LazyRow)) else NotImplemented

    def __lt__(self, other: Row | LazyRow) -> bool:
        return self.fields < _fields(other) if isinstance(other, (tuple, LazyRow)) else NotImplemented

    def __le__(self, other: Row | LazyRow) -> bool:
        return self.fields <= _fields(other) if isinstance(other, (tuple, LazyRow)) else NotImplemented

    def __gt__(self, other: Row | LazyRow) -> bool:
        return self.fields > _fields(other) if isinstance(other, (tuple, LazyRow)) else NotImplemented

    def __ge__(self, other: Row | LazyRow) -> bool:
        return self.fields >= _fields(other) if isinstance(other, (tuple, LazyRow)) else NotImplemented

    def __hash__(self) -> builtins.int:
        return hash(self.fields)

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle a lazy view: pickle its fields")

    def __repr__(self) -> str:
        return f"LazyRow({self.fields!r})"

    @property
    def id(self) -> str:
        """The template ID: the first field."""
        return self[0]

    @property
    def fields(self) -> Row:
        """All fields, as `decode` returns them."""
        return self[:]

    @property
    def raw(self) -> bytes:
        """The row in wire form, without its row end."""
        return self._reading.data[self.start : self.end]

    @property
    def start(self) -> builtins.int:
        """Offset of the row's first byte in the payload."""
        return self._span[0]

    @property
    def end(self) -> builtins.int:
        """Offset just past the row's last byte in the payload, before the row end."""
        return self._span[1]

    def float(self, k: builtins.int) -> builtins.float | None:
        """Field `k` as a `float`, decimal or exponent form; `None` if it is empty.

        Raises `DecodeError` with reason `bad_value` for any other text, `IndexError` for a field that does not exist.
        """
        return self._convert(k, parse_float)

    def int(self, k: builtins.int) -> builtins.int | None:
        """Field `k` as an `int` of at most 4,300 digits; `None` if it is empty.

        Raises `DecodeError` with reason `bad_value` for any other text, `IndexError` for a field that does not exist.
        """
        return self._convert(k, parse_int)

    def _convert(self, k: builtins.int, parse: Callable[[str], T]) -> T | None:
        spans = self._field_spans()
        number = position(k, len(spans), "field")
        text = field_text(self._reading, spans[number])
        if not text:
            return None
        try:
            return parse(text)
        except ValueError:
            reading, before = self._reading, self._number

            def rows() -> list[Row]:
                return all_rows(reading)[:before]

            raise decode_error("bad_value", spans[number][0], before, number, rows, reading.data) from None


def _fields(row: tuple[str, ...] | LazyRow) -> tuple[str, ...]:
    """The fields that a row is compared by."""
    return row.fields if isinstance(row, LazyRow) else row
