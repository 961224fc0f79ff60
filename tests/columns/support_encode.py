"""Random tables with the rows that they mean, and the payloads of `pack` to compare with."""

from __future__ import annotations

import datetime
import decimal
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy
import pyarrow

import smartrest
from smartrest import pure

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
SIGNS = [
    "",
    "a",
    "T",
    'say "x"',
    "a,b",
    "\n",
    "\r",
    "\t",
    " ",
    "x ",
    " x",
    "\\",
    "a,\\",
    "é",
    "\u3000",
    "x" * 70,
    "ü" * 40,
]
WIDTHS = {pyarrow.float16(): numpy.float16, pyarrow.float32(): numpy.float32, pyarrow.float64(): float}


class Made(NamedTuple):
    """A column: the Arrow values, and for each the field that `pack` is to write."""

    array: Any
    fields: list[Any]


def text(r: random.Random) -> str:
    if r.random() < 0.3:
        return r.choice(SIGNS)
    return "".join(r.choice('abc,"\\ éx') for _ in range(r.choice((1, 2, 7, 8, 9, 31, 32, 33, 63, 64, 65, 120))))


def time_text(moment: datetime.datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def texts(r: random.Random, n: int) -> Made:
    few = [text(r) for _ in range(5)]
    values = [None if r.random() < 0.1 else r.choice(few) if r.random() < 0.5 else text(r) for _ in range(n)]
    kind = r.choice((pyarrow.utf8(), pyarrow.large_utf8(), pyarrow.string_view(), "dictionary", "of views"))
    if kind == "dictionary":
        index = r.choice((pyarrow.int8(), pyarrow.uint16(), pyarrow.int32(), pyarrow.uint64()))
        return Made(pyarrow.array(values).dictionary_encode().cast(pyarrow.dictionary(index, pyarrow.utf8())), values)
    if kind == "of views":
        known = [value for value in dict.fromkeys(values) if value is not None] + [None]
        indices = pyarrow.array([known.index(value) for value in values], pyarrow.int32())
        return Made(pyarrow.DictionaryArray.from_arrays(indices, pyarrow.array(known, pyarrow.string_view())), values)
    return Made(pyarrow.array(values, kind), values)


def integers(r: random.Random, n: int) -> Made:
    kind = r.choice([getattr(pyarrow, f"{sign}int{bits}")() for sign in ("", "u") for bits in (8, 16, 32, 64)])
    signed = "u" not in str(kind)
    low, high = (-(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1) - 1) if signed else (0, 2**kind.bit_width - 1)
    values = [r.choice((None, low, high, r.randint(low, high), r.randint(0, 100))) for _ in range(n)]
    return Made(pyarrow.array(values, kind), values)


def floats(r: random.Random, n: int) -> Made:
    kind, cls = r.choice(list(WIDTHS.items()))
    sizes = (1, 100, 1e-3, 1e4) if cls is numpy.float16 else (1, 1e3, 1e-7, 1e30, 1e300 if cls is float else 1)
    values = []
    for _ in range(n):
        number = r.choice((0.0, -0.0, 1.5, round(r.uniform(-50, 50), 2), r.uniform(-1, 1) * r.choice(sizes)))
        values.append(None if r.random() < 0.1 else cls(number))
    known = [0 if value is None else value for value in values]
    mask = numpy.array([value is None for value in values], bool)
    return Made(pyarrow.array(numpy.array(known, cls), kind, mask=mask), values)


def bools(r: random.Random, n: int) -> Made:
    values = [r.choice((True, False, None)) for _ in range(n)]
    return Made(pyarrow.array(values, pyarrow.bool_()), values)


def nothing(r: random.Random, n: int) -> Made:
    return Made(pyarrow.nulls(n), [None] * n)


def times(r: random.Random, n: int) -> Made:
    unit, scale = r.choice((("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)))
    most = 2**63 if unit == "ns" else 62_000_000_000 * scale
    numbers = [r.choice((None, 0, -1, r.randrange(-most, most), r.randrange(2 * 10**9) * scale)) for _ in range(n)]
    fields = [None if number is None else moment_text(number, scale) for number in numbers]
    return Made(pyarrow.array(numbers, pyarrow.timestamp(unit, r.choice(("UTC", "Asia/Tokyo")))), fields)


def moment_text(number: int, scale: int) -> str:
    seconds, rest = divmod(number, scale)
    return time_text(EPOCH + datetime.timedelta(seconds=seconds, milliseconds=rest * 1000 // scale))


def dates(r: random.Random, n: int) -> Made:
    values = [r.choice((None, datetime.date.fromordinal(r.randrange(1, 3_652_059)))) for _ in range(n)]
    kind = r.choice((pyarrow.date32(), pyarrow.date64()))
    return Made(pyarrow.array(values, kind), [value and value.isoformat() for value in values])


def decimals(r: random.Random, n: int) -> Made:
    digits, make = r.choice(((38, pyarrow.decimal128), (76, pyarrow.decimal256)))
    scale = r.choice((0, 2, 9, 30))
    values: list[Any] = []
    for _ in range(n):
        size = r.choice((0, 1, 10**7, 10**digits - 1, r.randrange(10 ** r.randrange(1, digits))))
        number = (r.randrange(2) if size else 0, tuple(map(int, str(size))), -scale)
        values.append(r.choice((None, decimal.Decimal(number))))
    return Made(pyarrow.array(values, make(digits, scale)), values)


COLUMNS = (texts, texts, integers, floats, bools, nothing, times, dates, decimals)


class Table(NamedTuple):
    table: Any
    rows: list[tuple[Any, ...]]
    devices: list[str]


def random_table(r: random.Random, n: int, devices: int) -> Table:
    """Columns `c0`, `c1`, … and `device`, with the rows of the template `encoder_of` and their devices."""
    made = [r.choice(COLUMNS)(r, n) for _ in range(r.randrange(1, 6))]
    names = [f"d{r.choice(('', 'é', 'x' * 30))}{i}" for i in range(devices)]
    of = [r.choice(names) for _ in range(n)]
    if r.random() < 0.5:
        of.sort()
    column = pyarrow.array(of, r.choice((pyarrow.utf8(), pyarrow.large_utf8(), pyarrow.string_view())))
    if r.random() < 0.3:
        column = pyarrow.array(of, pyarrow.utf8()).dictionary_encode()
    columns = {f"c{i}": column.array for i, column in enumerate(made)} | {"device": column}
    rows = list(zip(*[column.fields for column in made], strict=True))
    return Table(pyarrow.table(columns), rows, of)


def cut(r: random.Random, table: Any) -> Iterator[Any]:
    """The table in pieces: slices of it, copies with dictionaries of their own, empty ones."""
    at = 0
    while at < len(table) or r.random() < 0.2:
        size = r.choice((0, 1, 2, 7, 40, len(table)))
        piece = table.slice(at, size).combine_chunks()
        at += size
        if r.random() < 0.3:
            piece = pyarrow.table([plain(column) for column in piece.columns], piece.column_names)
        yield piece


def plain(column: Any) -> Any:
    """A column without its dictionary."""
    kind = column.type
    return pyarrow.array(column.to_pylist(), kind.value_type) if pyarrow.types.is_dictionary(kind) else column


def by_topic(batches: Any) -> dict[str, list[tuple[bytes, int]]]:
    """The payloads of each topic with their numbers of rows."""
    found: dict[str, list[tuple[bytes, int]]] = {}
    for batch in batches:
        for topic, payload, rows in zip(*[column.to_pylist() for column in batch.columns], strict=True):
            found.setdefault(topic, []).append((payload, rows))
    return found


def packed(rows: list[tuple[Any, ...]], topics: list[str], limit: int | None, **options: Any) -> dict[str, list[bytes]]:
    """What `pack` makes of the rows of each topic."""
    groups: dict[str, list[tuple[Any, ...]]] = {}
    for row, topic in zip(rows, topics, strict=True):
        groups.setdefault(topic, []).append(row)
    return {
        topic: list(pure.pack(known, limit=limit or smartrest.payload_budget(topic, qos=1), **options))
        for topic, known in groups.items()
    }
