"""Sources of tables: anything with the Arrow PyCapsule interface, an iterable of such, or a dict of numpy arrays."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ._engine import columns

# numpy's types and Arrow's formats for them; a datetime64 counts as UTC, as everywhere in this package.
FORMATS = {
    "i1": "c", "i2": "s", "i4": "i", "i8": "l", "u1": "C", "u2": "S", "u4": "I", "u8": "L", "f2": "e", "f4": "f",
    "f8": "g",
}  # fmt: skip
UNITS = {"s": "tss:UTC", "ms": "tsm:UTC", "us": "tsu:UTC", "ns": "tsn:UTC"}
NOT_A_TIME = -(2**63)


class Source(Iterator[Any]):
    """The engine's batches of a source, read one at a time; `shape` is that of its columns, `None` if it has no batch.

    All batches have to have the same column names; their types may differ.
    """

    def __init__(self, source: Any) -> None:
        self.shape: Any = None
        self._batches: Iterator[Any] = iter(())
        self._rest: Iterator[Any] = iter(())
        if hasattr(source, "__arrow_c_array__") or isinstance(source, Mapping):
            batch = _batch_of(source)
            self.shape, self._batches = batch.shape, iter((batch,))
        elif hasattr(source, "__arrow_c_stream__"):
            stream = columns().read_stream(source.__arrow_c_stream__())
            self.shape, self._batches = stream.shape, stream
        elif isinstance(source, (str, bytes)) or not hasattr(source, "__iter__"):
            raise TypeError(
                f"expected an Arrow table, batches or a dict of numpy arrays, not {type(source).__name__}: "
                "convert it to one that has __arrow_c_stream__, such as pyarrow.Table or polars.DataFrame"
            )
        else:
            self._rest = iter(source)
            self._open_next()

    def _open_next(self) -> bool:
        for item in self._rest:
            part = Source(item)
            if part.shape is None:
                continue
            if self.shape is not None and part.shape.names != self.shape.names:
                raise ValueError(f"a batch has the columns {part.shape.names}, an earlier one {self.shape.names}")
            self.shape, self._batches = self.shape or part.shape, part
            return True
        return False

    def __next__(self) -> Any:
        while True:
            for batch in self._batches:
                return batch
            if not self._open_next():
                raise StopIteration


def _batch_of(source: Any) -> Any:
    if isinstance(source, Mapping):
        return batch_of_arrays(source)
    return columns().read_array(*source.__arrow_c_array__())


def batch_of_arrays(arrays: Mapping[str, Any]) -> Any:
    """The batch of a dict of numpy arrays (or of sequences that numpy can take)."""
    numpy = sys.modules.get("numpy") or __import__("numpy")
    made, rows = [], None
    for name, given in arrays.items():
        array = numpy.asarray(given)
        if array.ndim != 1:
            raise TypeError(f"column {name!r} has {array.ndim} dimensions: give one-dimensional arrays")
        if rows is not None and len(array) != rows:
            raise ValueError(f"column {name!r} has {len(array)} rows, another {rows}: give arrays of one length")
        rows = len(array)
        made.append((name, *_converted(numpy, name, array)))
    return columns().from_buffers(made, rows or 0)


def _converted(numpy: Any, name: str, array: Any) -> tuple[str, int, Sequence[Any]]:
    """Arrow's format, the number of nulls, and the buffers."""
    kind, unit = array.dtype.kind, ""
    if kind == "b":
        return "b", 0, (None, numpy.packbits(array, bitorder="little"))
    if kind in "iuf" and array.dtype.str[1:] in FORMATS:
        native = numpy.ascontiguousarray(array, array.dtype.newbyteorder("="))
        return FORMATS[array.dtype.str[1:]], 0, (None, native)
    if kind == "M":
        unit, count = numpy.datetime_data(array.dtype)
        if count == 1 and unit in UNITS:
            numbers = numpy.ascontiguousarray(array, array.dtype.newbyteorder("=")).view("int64")
            return UNITS[unit], *_with_nulls(numpy, numbers == NOT_A_TIME, numbers)
        if count == 1 and unit == "D":
            numbers = numpy.ascontiguousarray(array, array.dtype.newbyteorder("=")).view("int64")
            nulls = numbers == NOT_A_TIME
            days = numpy.where(nulls, 0, numbers)
            if len(days) and not -(2**31) <= int(days.min()) <= int(days.max()) < 2**31:
                raise ValueError(f"column {name!r} has a date out of range")
            return "tdD", *_with_nulls(numpy, nulls, days.astype("int32"))
    if kind in "USTO":
        return _texts(numpy, name, array)
    raise TypeError(f"column {name!r} is an array of {array.dtype}, which has no counterpart here")


def _with_nulls(numpy: Any, nulls: Any, data: Any) -> tuple[int, Sequence[Any]]:
    count = int(nulls.sum())
    return count, (numpy.packbits(~nulls, bitorder="little") if count else None, data)


def _texts(numpy: Any, name: str, array: Any) -> tuple[str, int, Sequence[Any]]:
    parts = []
    nulls = numpy.zeros(len(array), bool)
    for i, value in enumerate(array.tolist()):
        if value is None or (isinstance(value, float) and value != value):  # pandas writes nan for None
            nulls[i] = True
            value = b""
        elif isinstance(value, str):
            value = value.encode("utf-8", "surrogatepass")
        elif not isinstance(value, bytes):
            raise TypeError(f"column {name!r} holds {type(value).__name__} in row {i}: give texts, or a typed array")
        parts.append(value)
    offsets = numpy.zeros(len(parts) + 1, "int64")
    numpy.cumsum([len(part) for part in parts], out=offsets[1:])
    count, (valid, _) = _with_nulls(numpy, nulls, None)
    return "U", count, (valid, offsets, b"".join(parts))
