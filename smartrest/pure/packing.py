"""Packs rows into the fewest payloads (rules E1, E4, L1, L2): one by one, or from any iterable."""

from __future__ import annotations

from .. import _door
from .._constants import PAYLOAD_LIMIT
from .._limits import check_on_error, limit_of
from .._values import settled
from ..errors import EncodeError, too_large_error
from .reading import ROW_END_BYTES
from .writing import fields_of, style_of, write_row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, NoReturn

    from .types import Dialect, OnTrailingBackslash, Quote, RowLike


class Packer:
    """Packs rows that arrive one by one, as from a queue, into the payloads that `pack` makes of the same rows.

    `limit`: bytes of one payload, `final_newline` included. Options as for `encode`. Threads that share a packer must
    take turns.
    """

    __slots__ = ("_last", "_limit", "_running", "_style", "_taken", "_written")

    def __init__(
        self,
        *,
        limit: int | None = PAYLOAD_LIMIT,
        dialect: Dialect = "backslash",
        quote: Quote = "minimal",
        final_newline: bool = False,
        on_trailing_backslash: OnTrailingBackslash = "allow",
    ) -> None:
        self._style = style_of(dialect, quote, on_trailing_backslash)
        self._limit = limit_of(limit)
        self._last = 1 if final_newline else 0
        self._running = False
        self._written: list[bytes] = []
        self._taken = self._last - 1  # bytes of the pending payload

    @property
    def rows(self) -> int:
        """The number of pending rows."""
        return len(self._written)

    @property
    def size(self) -> int:
        """The size in bytes of the payload that `flush` would return; 0 if no rows are pending."""
        return self._taken if self._written else 0

    def add(self, row: RowLike) -> bytes | None:
        """Adds a row. If it does not fit in the pending payload, returns that payload and starts a new one.

        Raises `EncodeError` for a row or field that cannot be sent, `PayloadTooLargeError` for a row over the limit by
        itself; `row` is 0, and the pending rows stay. Raises `ValueError` if a field value calls back into this packer.
        Rules E1 to E7 and L2 of docs/format.md.
        """
        if self._running:
            raise ValueError("this packer is already taking a row")
        self._running = True
        try:
            data = write_row(fields_of(row, 0), self._style, 0)
            if self._limit is not None and len(data) + self._last > self._limit:
                raise too_large_error(self._limit, 0, len(data) + self._last)
        finally:
            self._running = False
        return self.put(data)

    def flush(self) -> bytes | None:
        """Returns the payload of the pending rows and clears them; `None` if there are none."""
        if self._running:
            raise ValueError("this packer is already taking a row")
        if not self._written:
            return None
        payload = ROW_END_BYTES.join(self._written) + ROW_END_BYTES * self._last
        self._written, self._taken = [], self._last - 1
        return payload

    def put(self, data: bytes) -> bytes | None:
        """`add` for an encoded row that fits in a payload. Internal."""
        payload = None
        if self._limit is not None and self._taken + len(data) + 1 > self._limit:
            payload = self.flush()
        self._written.append(data)
        self._taken += len(data) + 1
        return payload

    @property
    def room(self) -> int | None:
        """The most bytes that the next row may have in the pending payload, a final newline included. Internal."""
        return None if self._limit is None else self._limit - self._taken - 1 + self._last

    def __repr__(self) -> str:
        return f"<Packer of {self.rows} rows, {self.size} bytes>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle a packer: flush it first")


def pack(
    rows: Iterable[RowLike],
    *,
    limit: int | None = PAYLOAD_LIMIT,
    on_error: Callable[[EncodeError], object] | None = None,
    split_groups: bool = False,
    dialect: Dialect = "backslash",
    quote: Quote = "minimal",
    final_newline: bool = False,
    on_trailing_backslash: OnTrailingBackslash = "allow",
) -> Iterator[bytes]:
    """The fewest payloads of at most `limit` bytes that carry `rows` in order. Reads `rows` as payloads are taken.

    A row that cannot be sent is left out and its error passed to `on_error`. Before an exception ends packing (such an
    error without `on_error`, or one raised by `rows`, a field value or `on_error`), the rows packed so far are yielded.
    `split_groups` sends a row over `limit` as several rows with the same meaning, if its template allows it
    (`smartrest.templates.split_groups`). Other options as for `encode`.

    Raises `EncodeError` for a row or field that cannot be sent, `PayloadTooLargeError` for a row over `limit`; `row`
    counts all rows of the input. Rules E1 to E7 and L2 of docs/format.md.
    """
    style, most = style_of(dialect, quote, on_trailing_backslash), limit_of(limit)
    check_on_error(on_error)
    packer = Packer(limit=most, final_newline=final_newline)
    last = 1 if final_newline else 0

    def write(row: Any, number: int, room: int | None) -> list[bytes]:
        fields = fields_of(row, number)
        if split_groups:
            fields = tuple([settled(value, number, i) for i, value in enumerate(fields)])
        data = write_row(fields, style, number)
        if most is None or len(data) + last <= most:
            return [data]
        if not split_groups:
            raise too_large_error(most, number, len(data) + last)
        options: dict[str, Any] = {
            "dialect": dialect, "quote": quote, "on_trailing_backslash": on_trailing_backslash
        }  # fmt: skip
        parts = _door.divided(fields, number, most, room, final_newline=last == 1, **options)
        return [write_row(part, style, number) for part in parts]

    return packed(iter(rows), write, packer, on_error)


def packed(
    items: Iterator[Any],
    write: Callable[[Any, int, int | None], list[bytes]],
    packer: Packer,
    on_error: Callable[[EncodeError], object] | None,
) -> Iterator[bytes]:
    """Payloads of the rows that `write` makes of each item, from its index and the room left in the pending payload."""
    given = False  # suspended in a yield
    try:
        for number, item in enumerate(items):
            try:
                parts = write(item, number, packer.room)
            except EncodeError as error:
                if on_error is None:
                    raise
                on_error(error)
                continue
            for part in parts:
                payload = packer.put(part)
                if payload is not None:
                    given = True
                    yield payload
                    given = False
    except BaseException:
        if given:  # the caller closed the generator
            raise
        payload = packer.flush()
        if payload is not None:
            yield payload
        raise
    payload = packer.flush()
    if payload is not None:
        yield payload
