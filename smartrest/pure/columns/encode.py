"""Tables to payloads: the reference for `smartrest.columns`, value by value and row by row.

Each value becomes its text, each row is written and packed by the rest of the pure engine, and each device has a packer
of its own.
"""

from __future__ import annotations

from ..._columns import PAYLOADS, check_by, check_hole, detail, device_detail, no_column, too_large_detail, type_of
from ..._constants import QUOTE
from ..._values import NUMPY_FLOATS, _small_float_text, class_of
from ...errors import EncodeError
from ..packing import Packer
from ..writing import style_of, write_text
from .abi import batch_of, shape_of, values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..._columns import Hole, Plan, Type
    from .abi import Batch, Shape

SMALL = {2: NUMPY_FLOATS["float16"], 4: NUMPY_FLOATS["float32"]}
FIRST_DAY, LAST_DAY, EPOCH = -719_162, 2_932_896, 719_163
SHAPE = shape_of(PAYLOADS)
BROKEN = object()  # a value that is not within its column's buffers


def text_of(type_: Type, value: Any) -> str | None:
    """The text of a value, not yet quoted; `None` if it has none."""
    if type_.kind == "text":
        try:
            text: str = value.decode()
        except UnicodeDecodeError:
            return None
        return text
    if type_.kind == "bool":
        return "true" if value else "false"
    if type_.kind == "float":
        if value - value != 0:
            return None
        return _small_float_text(value, *SMALL[type_.width]) if type_.width < 8 and value else repr(value)
    if type_.kind == "decimal":
        __import__("decimal")
        digits = tuple(map(int, str(abs(value))))
        return str(class_of("decimal", "Decimal")((int(value < 0), digits, -type_.scale)))
    if type_.kind == "date":
        return _day(value // type_.scale)
    if type_.kind == "time":
        day, rest = divmod(value, 86_400 * type_.scale)
        text_of_day = _day(day)
        seconds, part = divmod(rest, type_.scale)
        hour, minute, second, milli = seconds // 3600, seconds // 60 % 60, seconds % 60, part * 1000 // type_.scale
        return text_of_day and f"{text_of_day}T{hour:02d}:{minute:02d}:{second:02d}.{milli:03d}Z"
    return str(value)


def _day(number: int) -> str | None:
    if not FIRST_DAY <= number <= LAST_DAY:
        return None
    __import__("datetime")
    return str(class_of("datetime", "date").fromordinal(EPOCH + number).isoformat())


class Column:
    """A column that the rows need: where it is, and its type."""

    def __init__(self, shape: Shape, name: str) -> None:
        if name not in shape.names:
            no_column(name, list(shape.names))
        self.place = shape.names.index(name)
        field = shape.field.children[self.place]
        self.type = type_of(field.format, name)
        if field.dictionary is not None:
            self.type = type_of(field.dictionary.format, name)

    def values(self, batch: Batch) -> list[Any]:
        """The values, or `BROKEN`."""
        return [self._value(batch, row) for row in range(len(batch))]

    def _value(self, batch: Batch, row: int) -> Any:
        try:
            return values(batch.array.children[self.place], batch.array.offset + row, 1)[0]
        except ValueError:
            return BROKEN


class TableEncoder:
    """Packs the rows of batches of one schema. `errors`: (row, field, reason, text) of rows that were left out."""

    def __init__(self, plan: Plan, shape: Shape) -> None:
        self.plan = plan
        self.style = style_of(plan.dialect, plan.quote, plan.on_trailing_backslash)
        self.errors: list[tuple[int, int | None, str, str]] = []
        self.rows_in = self.rows_out = self.evicted = 0
        self._packers: dict[bytes, tuple[str, Packer]] = {}
        self._done: list[tuple[str, bytes, int]] = []
        self._size = self._open = 0
        self._shape: Shape | None = None
        self.use(shape)

    def use(self, shape: Shape) -> None:
        """Finds the columns of the next batches. Raises `TypeError` or `ValueError`."""
        if shape is self._shape:
            return
        self._columns = [Column(shape, hole.column) for hole in self.plan.holes]
        for hole, column in zip(self.plan.holes, self._columns, strict=True):
            check_hole(hole, column.type.kind)
        self._by = None if self.plan.by is None else Column(shape, self.plan.by)
        if self._by is not None:
            check_by(self.plan.by or "", self._by.type.kind)
        self._shape = shape

    def add(self, batch: Batch) -> Iterator[Batch | None]:
        """Takes a batch; yields batches of payloads, and `None` where errors wait."""
        columns = [column.values(batch) for column in self._columns]
        devices = self._by.values(batch) if self._by is not None else [b""] * len(batch)
        for i, device in enumerate(devices):
            number = self.rows_in
            self.rows_in += 1
            packer = self._packer(number, device)
            data = self._row(number, [column[i] for column in columns]) if packer is not None else None
            if packer is not None and data is not None:
                yield from self._pack(*packer, number, data)
        if self.errors:
            yield None

    def finish(self) -> Iterator[Batch | None]:
        """Yields what is left."""
        for topic, packer in self._packers.values():
            yield from self._flush(topic, packer)
        if self._done:
            yield batch_of(SHAPE, list(zip(*self._done, strict=True)), len(self._done))

    def _packer(self, number: int, device: Any) -> tuple[str, Packer] | None:
        known = self._packers.get(device)
        if known is not None:
            return known
        topic, limit = self.plan.topic, self.plan.limit
        try:
            if self._by is not None:
                if not isinstance(device, bytes) or not device:
                    raise ValueError
                name = device.decode()
                self.plan.check_device(name)
                topic = f"{topic}/{name}"
            budget = self.plan.budget(topic)
        except ValueError:
            text = device_detail(device if isinstance(device, bytes) else None)
            self.errors.append((number, None, "bad_identifier", text))
            return None
        packer = Packer(limit=budget if limit is None else limit, final_newline=self.plan.final_newline)
        self._packers[device] = topic, packer
        return topic, packer

    def _row(self, number: int, values: list[Any]) -> bytes | None:
        pieces = [self.plan.constants[0]]
        for hole, column, value, after in zip(
            self.plan.holes, self._columns, values, self.plan.constants[1:], strict=True
        ):
            reason, text = self._field(hole, column.type, value)
            if reason:
                self.errors.append((number, hole.field, reason, text))
                return None
            pieces += text.encode(), after
        return b"".join(pieces) or QUOTE.encode() * 2  # E4

    def _field(self, hole: Hole, type_: Type, value: Any) -> tuple[str, str]:
        """A reason with its detail, or "" and the field."""
        if value is None:
            if hole.needed:
                return "missing", detail("missing", type_.kind, None)
            return "", write_text("", self.style, None, None)
        if value is BROKEN:
            return "bad_value", detail("bad_value", type_.kind, None)
        text = text_of(type_, value)
        if text is None:
            reason = "invalid_utf8" if type_.kind == "text" else "bad_value"
            return reason, detail(reason, type_.kind, value)
        try:
            return "", write_text(text, self.style, None, hole.field)
        except EncodeError as error:
            return error.reason, detail(error.reason, type_.kind, value)

    def _pack(self, topic: str, packer: Packer, number: int, data: bytes) -> Iterator[Batch | None]:
        limit, size = packer._limit, len(data) + self.plan.final_newline
        if limit is not None and size > limit:
            self.errors.append((number, None, "too_large", too_large_detail(size, limit)))
            return
        rows, open_ = packer.rows, packer.size
        payload = packer.put(data)
        self.rows_out += 1
        self._open += packer.size - open_
        if payload is not None:
            yield from self._give(topic, payload, rows)
        if self._open > self.plan.memory:
            for name, other in sorted(self._packers.values(), key=lambda item: -item[1].size):
                if self._open <= self.plan.memory // 2:
                    break
                self.evicted += other.rows > 0
                self._open -= other.size
                yield from self._flush(name, other)

    def _flush(self, topic: str, packer: Packer) -> Iterator[Batch | None]:
        rows, payload = packer.rows, packer.flush()
        if payload is not None:
            yield from self._give(topic, payload, rows)

    def _give(self, topic: str, payload: bytes, rows: int) -> Iterator[Batch | None]:
        self._done.append((topic, payload, rows))
        self._size += len(payload)
        if self._size >= self.plan.batch_bytes:
            done, self._done, self._size = self._done, [], 0
            yield batch_of(SHAPE, list(zip(*done, strict=True)), len(done))
