"""Arrow batches in plain Python: read from others and exported through `structs.py`, with the names of the core.

A batch holds its columns as `Array`: buffers as `bytes`. `values` makes a list of Python values of one, `array_of`
the opposite. Formats are those of Arrow's C data interface.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from . import structs
from .structs import ArrowArray, ArrowArrayStream, ArrowSchema, in_capsule, to_capsule

NULLABLE = 2
WIDTHS = {"c": 1, "C": 1, "s": 2, "S": 2, "i": 4, "I": 4, "l": 8, "L": 8, "e": 2, "f": 4, "g": 8}
WIDTHS |= {"tdD": 4, "tdm": 8, "tts": 4, "ttm": 4, "ttu": 8, "ttn": 8}
MOST_ROWS = 1 << 40


@dataclass(frozen=True)
class Field:
    """A column's name and type."""

    name: str | None
    format: str
    children: tuple[Field, ...] = ()
    dictionary: Field | None = None
    flags: int = NULLABLE
    metadata: bytes | None = None


@dataclass(frozen=True)
class Array:
    """A column's values: rows `offset` to `offset + length` of the buffers."""

    field: Field
    length: int
    nulls: int
    offset: int
    buffers: tuple[bytes | None, ...]
    children: tuple[Array, ...] = ()
    dictionary: Array | None = None


class Shape:
    """The columns of a table: `names` and `formats`."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.names = tuple(child.name or "" for child in field.children)
        self.formats = tuple(child.format for child in field.children)

    def __arrow_c_schema__(self) -> object:
        return to_capsule(export_field(self.field))


class Batch:
    """Rows of a table. Anything that reads the Arrow PyCapsule interface takes it."""

    def __init__(self, shape: Shape, array: Array) -> None:
        self.shape = self.schema = shape
        self.array = array
        self.num_rows = array.length

    def __len__(self) -> int:
        return self.num_rows

    def __arrow_c_schema__(self) -> object:
        return self.shape.__arrow_c_schema__()

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        return self.shape.__arrow_c_schema__(), to_capsule(export_array(self.array))

    def column(self, i: int) -> list[Any]:
        """The values of a column."""
        return values(self.array.children[i])

    def value(self, column: int, row: int) -> Any:
        """One value."""
        return values(self.array.children[column], row, 1)[0]


# -- exporting


def _pointers(cls: Any, items: Sequence[Any]) -> Any:
    return (ctypes.POINTER(cls) * len(items))(*[ctypes.pointer(item) for item in items])


def export_field(field: Field) -> Any:
    made = ArrowSchema(format=field.format.encode(), flags=field.flags, n_children=len(field.children))
    children = _pointers(ArrowSchema, [export_field(child) for child in field.children])
    kept: list[Any] = [made.format, children]
    if field.name is not None:
        made.name = field.name.encode()
    if field.metadata is not None:
        kept.append(ctypes.create_string_buffer(field.metadata, len(field.metadata)))
        made.metadata = ctypes.addressof(kept[-1])
    made.children = ctypes.cast(children, type(made.children))
    if field.dictionary is not None:
        made.dictionary = ctypes.pointer(export_field(field.dictionary))
    made.release = structs.release_schema
    structs.keep(made, *kept, dict(made._objects or {}))
    return made


def export_array(array: Array) -> Any:
    made = ArrowArray(length=array.length, null_count=array.nulls, offset=array.offset)
    made.n_buffers, made.n_children = len(array.buffers), len(array.children)
    copies = [None if b is None else ctypes.create_string_buffer(b, len(b) + 1) for b in array.buffers]
    buffers = (ctypes.c_void_p * len(copies))(*[None if b is None else ctypes.addressof(b) for b in copies])
    children = _pointers(ArrowArray, [export_array(child) for child in array.children])
    made.buffers = ctypes.cast(buffers, type(made.buffers))
    made.children = ctypes.cast(children, type(made.children))
    if array.dictionary is not None:
        made.dictionary = ctypes.pointer(export_array(array.dictionary))
    made.release = structs.release_array
    structs.keep(made, copies, buffers, children, dict(made._objects or {}))
    return made


def stream_of(shape: Shape, batches: Iterator[Any]) -> object:
    """A capsule `arrow_array_stream` of the batches that an iterator yields, each taken when the consumer asks."""
    last = ctypes.create_string_buffer(1)

    def fails(error: BaseException) -> int:
        nonlocal last
        last = ctypes.create_string_buffer(f"{type(error).__name__}: {error}".encode("utf-8", "replace"))
        return 5  # EIO

    def get_schema(_: int, to: int) -> int:
        ctypes.memset(to, 0, ctypes.sizeof(ArrowSchema))
        try:
            made = export_field(shape.field)
        except BaseException as error:
            return fails(error)
        ctypes.memmove(to, ctypes.addressof(made), ctypes.sizeof(made))
        return 0

    def get_next(_: int, to: int) -> int:
        ctypes.memset(to, 0, ctypes.sizeof(ArrowArray))
        try:
            batch = next(batches, None)
            if batch is not None:
                _, capsule = batch.__arrow_c_array__()
                made = in_capsule(capsule, ArrowArray)
                ctypes.memmove(to, ctypes.addressof(made), ctypes.sizeof(made))
                made.release = structs.RELEASE()
        except BaseException as error:
            return fails(error)
        return 0

    def get_last_error(_: int) -> int:
        return ctypes.addressof(last)

    calls = structs.GET(get_schema), structs.GET(get_next), structs.LAST_ERROR(get_last_error)
    made = ArrowArrayStream(*calls, structs.release_stream)
    structs.keep(made, *calls)
    return to_capsule(made)


# -- reading


def read_stream(capsule: object) -> Iterator[Batch]:
    """The batches of a capsule that `__arrow_c_stream__` gave. Raises `OSError` where the producer fails."""
    return Stream(in_capsule(capsule, ArrowArrayStream))


class Stream(Iterator[Batch]):
    """The batches of an Arrow stream, one at a time; `shape`."""

    def __init__(self, given: Any) -> None:
        stream = ArrowArrayStream.from_buffer_copy(given)
        given.release = structs.RELEASE()
        self._stream: Any = stream
        schema = ArrowSchema()
        self._call(stream.get_schema, schema)
        self.shape = shape_from(schema)

    def __next__(self) -> Batch:
        if self._stream is None:
            raise StopIteration
        array = ArrowArray()
        self._call(self._stream.get_next, array)
        if not array.release:
            self._close()
            raise StopIteration
        return batch_from(self.shape, array)

    def _close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.release(ctypes.addressof(stream))

    def __del__(self) -> None:
        self._close()

    def _call(self, get: Any, to: Any) -> None:
        address = ctypes.addressof(self._stream)
        code = get(address, ctypes.addressof(to))
        if code:
            text = self._stream.get_last_error(address) if self._stream.get_last_error else None
            message = ctypes.string_at(text).decode("utf-8", "replace") if text else f"error {code}"
            self._close()
            raise OSError(code, f"the source failed: {message}")


def read_array(schema_capsule: object, array_capsule: object) -> Batch:
    """The batch of the capsules that `__arrow_c_array__` gave."""
    schema, array = in_capsule(schema_capsule, ArrowSchema), in_capsule(array_capsule, ArrowArray)
    return batch_from(shape_from(schema), array)


def shape_from(schema: Any) -> Shape:
    """Reads and releases a schema."""
    try:
        field = _read_field(schema)
    finally:
        schema.release(ctypes.addressof(schema))
    if field.format != "+s":
        raise TypeError(f"expected a table, a struct of columns in Arrow's terms, not {field.format.encode()!r}")
    return Shape(field)


def batch_from(shape: Shape, given: Any) -> Batch:
    """Reads and releases an array."""
    try:
        array = _read_array(shape.field, given)
    finally:
        given.release(ctypes.addressof(given))
    for child in array.children:
        if child.length < array.offset + array.length:
            raise ValueError(f"column {child.field.name!r} is shorter than its table")
    if array.nulls and array.buffers[0] is not None:
        raise ValueError("a row of a table cannot be null itself, only its values")
    rows = range(array.offset, array.offset + array.length)
    children = tuple(_sliced(child, rows) for child in array.children)
    return Batch(shape, replace(array, offset=0, children=children))


def _sliced(array: Array, rows: range) -> Array:
    if len(rows) == array.length:
        return array
    return replace(array, offset=array.offset + rows.start, length=len(rows), nulls=-1 if array.nulls else 0)


def _read_field(schema: Any) -> Field:
    name, metadata = schema.name, None
    if schema.metadata:
        pairs, size = ctypes.c_int32.from_address(schema.metadata).value, 4
        for _ in range(2 * pairs):
            size += 4 + ctypes.c_int32.from_address(schema.metadata + size).value
        metadata = ctypes.string_at(schema.metadata, size)
    return Field(
        None if name is None else name.decode("utf-8", "replace"),
        schema.format.decode("ascii", "replace"),
        tuple(_read_field(schema.children[i].contents) for i in range(schema.n_children)),
        _read_field(schema.dictionary.contents) if schema.dictionary else None,
        schema.flags,
        metadata,
    )


def _read_array(field: Field, given: Any) -> Array:
    what, count = f"Arrow array of format {field.format.encode()!r}", given.n_buffers
    expected = buffers_of(field.format)
    if (
        not (0 <= given.length <= MOST_ROWS and 0 <= given.offset <= MOST_ROWS and 0 <= count <= MOST_ROWS)
        or (count and not given.buffers)
        or given.n_children != len(field.children)
        or bool(given.dictionary) != (field.dictionary is not None)
        or (expected >= 0 and count != expected)
        or (expected == -1 and count < 3)
    ):
        raise ValueError(f"{what} has the wrong number of parts")
    pointers = [given.buffers[i] for i in range(count)]
    if given.length and expected != -2:
        needed = [1] if expected != 0 and field.format != "+s" else []
        needed += [0] if count and given.null_count > 0 else []
        needed += [count - 1] if expected == -1 and count > 3 else []
        if not all(pointers[i] for i in needed):
            raise ValueError(f"{what} lacks a buffer")
    children = tuple(_read_array(child, given.children[i].contents) for i, child in enumerate(field.children))
    dictionary = _read_array(field.dictionary, given.dictionary.contents) if field.dictionary else None
    buffers = tuple(_copies(field.format, pointers, given.offset + given.length))
    return Array(field, given.length, given.null_count, given.offset, buffers, children, dictionary)


def buffers_of(format: str) -> int:
    """The buffers that an array of this format has; -1 for those that vary, -2 for formats not known here."""
    if format == "n":
        return 0
    if format in ("vu", "vz"):
        return -1
    if format in ("u", "U", "z", "Z"):
        return 3
    if format[0] in "bcCsSiIlLefgdtw" or format in ("+l", "+L"):
        return 2
    return 1 if format == "+s" else -2


def width_of(format: str) -> int:
    """The bytes of a value of fixed size; 0 for others."""
    if format.startswith("d:"):
        parts = format[2:].split(",")
        return int(parts[2]) // 8 if len(parts) > 2 else 16
    if format.startswith("w:"):
        return int(format[2:])
    return 8 if format[:2] in ("ts", "tD") else WIDTHS.get(format, 0)


def _copies(format: str, pointers: list[int | None], rows: int) -> Iterator[bytes | None]:
    """The buffers of an array as bytes, as far as its rows reach."""
    if buffers_of(format) == -2:
        raise TypeError(f"Arrow type {format!r} is not supported")
    sizes: list[int] = [(rows + 7) // 8]
    if format in ("u", "U", "z", "Z", "+l", "+L"):
        code = "q" if format in ("U", "Z", "+L") else "i"
        width = struct.calcsize(code)
        sizes.append((rows + 1) * width)
        last = pointers[1] + rows * width if pointers[1] and rows else None
        end = struct.unpack(code, ctypes.string_at(last, width))[0] if last else 0
        sizes.append(max(end, 0))
    elif format in ("vu", "vz"):
        count = len(pointers) - 3
        lengths = ctypes.string_at(pointers[-1], 8 * count) if count and pointers[-1] else bytes(8 * count)
        sizes += [16 * rows, *struct.unpack(f"{count}q", lengths), 8 * count]
    else:
        sizes.append((rows + 7) // 8 if format == "b" else rows * width_of(format))
    for pointer, size in zip(pointers, sizes, strict=False):
        yield ctypes.string_at(pointer, size) if pointer else None


# -- values


def is_valid(array: Array, i: int) -> bool:
    """Whether row i, counted from the start of the buffers, has a value."""
    if array.field.format == "n":
        return False
    bits = array.buffers[0]
    return not array.nulls or bits is None or bool(bits[i >> 3] >> (i & 7) & 1)


def values(array: Array, offset: int = 0, length: int | None = None) -> list[Any]:
    """The values of an array: `None`, `bool`, `int`, `float`, `bytes` of texts, lists.

    Times, dates and decimals stay the integers that Arrow keeps, with `field.format` to tell their unit. An offset,
    view or index out of range is `ValueError`.
    """
    first = array.offset + offset
    rows = range(first, first + (array.length if length is None else length))
    return [_value(array, i) if is_valid(array, i) else None for i in rows]


def _value(array: Array, i: int) -> Any:
    format, buffers = array.field.format, array.buffers
    if array.dictionary is not None:
        index = _number(format, buffers[1] or b"", i)
        if not 0 <= index < array.dictionary.length:
            raise ValueError(f"index {index} is not in the dictionary")
        return values(array.dictionary, index, 1)[0]
    if format == "b":
        return bool((buffers[1] or b"")[i >> 3] >> (i & 7) & 1)
    if format in ("vu", "vz"):
        return _view(buffers, i)
    if format in ("u", "U", "z", "Z", "+l", "+L"):
        code = "q" if format in ("U", "Z", "+L") else "i"
        size = struct.calcsize(code)
        start, end = struct.unpack_from(f"2{code}", buffers[1] or b"", i * size)
        whole = array.children[0].length if array.children else len(buffers[2] or b"")
        if not 0 <= start <= end <= whole:
            raise ValueError("an offset is out of range")
        return values(array.children[0], start, end - start) if array.children else (buffers[2] or b"")[start:end]
    return _number(format, buffers[1] or b"", i)


def _number(format: str, data: bytes, i: int) -> Any:
    width = width_of(format)
    if not width:
        raise TypeError(f"Arrow type {format!r} is not supported")
    if format in ("e", "f", "g"):
        return struct.unpack_from({"e": "e", "f": "f", "g": "d"}[format], data, i * width)[0]
    return int.from_bytes(data[i * width : (i + 1) * width], "little", signed=format not in ("C", "S", "I", "L"))


def _view(buffers: Sequence[bytes | None], i: int) -> bytes:
    size, _, number, start = struct.unpack_from("i4sii", buffers[1] or b"", 16 * i)
    if 0 <= size <= 12:
        return (buffers[1] or b"")[16 * i + 4 : 16 * i + 4 + size]
    data = buffers[2 + number] if 0 <= number < len(buffers) - 3 else None
    if size < 0 or data is None or not 0 <= start <= start + size <= len(data):
        raise ValueError("a view is out of range")
    return bytes(data[start : start + size])


# -- making


def shape_of(columns: Iterable[tuple[str, ...]]) -> Shape:
    """A Shape of tuples (name, format), or (name, format, format of the dictionary's or list's values)."""
    fields = []
    for name, format, *inner in columns:
        children = tuple(Field("item", given) for given in inner) if format == "+l" else ()
        dictionary = Field("", inner[0]) if inner and not children else None
        fields.append(Field(name, format, children, dictionary))
    return Shape(Field("", "+s", tuple(fields), flags=0))


def from_buffers(columns: Sequence[tuple[str, str, int, Sequence[Any]]], rows: int) -> Batch:
    """A batch of tuples (name, format, nulls, buffers), each buffer `None` or bytes to copy."""
    shape = shape_of([column[:2] for column in columns])
    arrays = []
    for field, (_, _, nulls, buffers) in zip(shape.field.children, columns, strict=True):
        made = tuple(None if given is None else bytes(memoryview(given).cast("B")) for given in buffers)
        arrays.append(Array(field, rows, nulls, 0, made))
    return Batch(shape, Array(shape.field, rows, 0, 0, (None,), tuple(arrays)))


def batch_of(shape: Shape, columns: Sequence[Sequence[Any]], rows: int) -> Batch:
    """A batch of columns of values, in the forms that `values` gives; texts may be `str`."""
    arrays = [array_of(field, column) for field, column in zip(shape.field.children, columns, strict=True)]
    return Batch(shape, Array(shape.field, rows, 0, 0, (None,), tuple(arrays)))


def _bits(flags: Sequence[bool]) -> bytes:
    made = bytearray((len(flags) + 7) // 8)
    for i, flag in enumerate(flags):
        made[i >> 3] |= flag << (i & 7)
    return bytes(made)


def array_of(field: Field, column: Sequence[Any]) -> Array:
    """The array of a column of values. A dictionary holds each distinct value once, in order of appearance."""
    nulls = sum(value is None for value in column)
    if field.format == "n":
        return Array(field, len(column), nulls, 0, ())
    valid = _bits([value is not None for value in column]) if nulls else None
    if field.dictionary is not None:
        entries = {value: i for i, value in enumerate(dict.fromkeys(v for v in column if v is not None))}
        dictionary = array_of(field.dictionary, list(entries))
        indices = [0 if value is None else entries[value] for value in column]
        width = width_of(field.format)
        data = b"".join(index.to_bytes(width, "little") for index in indices)
        return Array(field, len(column), nulls, 0, (valid, data), (), dictionary)
    if field.format in ("u", "z", "+l"):
        parts = [b"" if value is None else value.encode() if isinstance(value, str) else value for value in column]
        ends = [0]
        for part in parts:
            ends.append(ends[-1] + len(part))
        offsets = struct.pack(f"{len(ends)}i", *ends)
        if field.format == "+l":
            child = array_of(field.children[0], [item for part in parts for item in part])
            return Array(field, len(column), nulls, 0, (valid, offsets), (child,))
        return Array(field, len(column), nulls, 0, (valid, offsets, b"".join(parts)))
    if field.format == "vu":
        return _array_of_views(field, column, nulls, valid)
    if field.format == "b":
        return Array(field, len(column), nulls, 0, (valid, _bits([bool(value) for value in column])))
    if field.format == "g":
        return Array(field, len(column), nulls, 0, (valid, struct.pack(f"{len(column)}d", *[v or 0.0 for v in column])))
    width, signed = width_of(field.format), field.format not in ("C", "S", "I", "L")
    data = b"".join((value or 0).to_bytes(width, "little", signed=signed) for value in column)
    return Array(field, len(column), nulls, 0, (valid, data))


def _array_of_views(field: Field, column: Sequence[Any], nulls: int, valid: bytes | None) -> Array:
    views, data = bytearray(), bytearray()
    for value in column:
        text = b"" if value is None else value.encode() if isinstance(value, str) else value
        if len(text) <= 12:
            views += struct.pack("i12s", len(text), text)
        else:
            views += struct.pack("i4sii", len(text), text[:4], 0, len(data))
            data += text
    return Array(field, len(column), nulls, 0, (valid, bytes(views), bytes(data), struct.pack("q", len(data))))
