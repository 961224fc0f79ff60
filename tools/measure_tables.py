"""Measures tables to payloads: rows E8, E8u and E8m, one line each, on the processor's clock with peers at one thread.

    POLARS_MAX_THREADS=1 python tools/measure_tables.py [rows, by default 1000000] [seed]

E8: readings of 1,000 devices with a time, sorted, texts as dictionaries, against the text files that pyarrow and polars
write of the same table, and orjson of its rows. E8u: unsorted plain texts, against the shortest program on
`Encoder.pack`. E8m: a stream of twice as many rows of as many devices; rows a second, and the peak of memory above that
of before. docs/performance.md has results.
"""

from __future__ import annotations

import io
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import numpy
import orjson
import polars
import pyarrow
import pyarrow.compute
import pyarrow.csv

import smartrest
from smartrest.arrow import encode_batches

COLUMNS = ["fragment", "series", "value", "unit", "time"]
MEASUREMENT = smartrest.compile(("200", str, str, float, str, datetime))
WITH_TEXT_TIME = smartrest.compile(("200", str, str, float, str, str))
START = int(datetime(2026, 1, 1, tzinfo=timezone.utc).timestamp()) * 1000
WORDS = {
    "fragment": ["c8y_Temperature", "c8y_Humidity", "c8y_Pressure"],
    "series": ["T", "H", "P", "V"],
    "unit": ["C", "%", "bar"],
}


def readings(rng: Any, n: int, devices: int, *, sort: bool, dictionaries: bool) -> Any:
    """A table of n readings."""
    of = rng.integers(0, devices, n)
    texts = {"device": ([f"device_{i:07d}" for i in range(devices)], numpy.sort(of) if sort else of)}
    texts |= {name: (words, rng.integers(0, len(words), n)) for name, words in WORDS.items()}
    columns = {}
    for name, (words, indices) in texts.items():
        column = pyarrow.DictionaryArray.from_arrays(pyarrow.array(indices.astype("int32")), words)
        columns[name] = column if dictionaries else column.cast(pyarrow.utf8())
    moments = pyarrow.array(START + numpy.sort(rng.integers(0, 30 * 86_400_000, n)))
    columns["value"] = pyarrow.array(numpy.round(rng.normal(20, 5, n), 2))
    columns["time"] = moments.cast(pyarrow.timestamp("ms", "UTC"))
    return pyarrow.table({name: columns[name] for name in ("device", *COLUMNS)})


def packed(table: Any) -> int:
    return sum(batch.num_rows for batch in encode_batches(table, MEASUREMENT, columns=COLUMNS, by="device"))


def time_texts(column: Any) -> Any:
    return pyarrow.compute.strftime(column, "%Y-%m-%dT%H:%M:%SZ")


def on_the_row_api(table: Any) -> int:
    """Sorts, makes texts of times, and packs each device's rows with `Encoder.pack`."""
    table = table.set_column(5, "time", time_texts(table["time"]))
    table = table.take(pyarrow.compute.sort_indices(table["device"]))
    devices = table["device"].combine_chunks().to_numpy(zero_copy_only=False)
    starts = [0, *(numpy.flatnonzero(devices[1:] != devices[:-1]) + 1).tolist(), len(devices)]
    values = [table[name].to_pylist() for name in COLUMNS]
    count = 0
    for start, end in itertools.pairwise(starts):
        limit = smartrest.payload_budget(f"s/us/{devices[start]}", qos=1)
        count += sum(1 for _ in WITH_TEXT_TIME.pack(zip(*[v[start:end] for v in values], strict=True), limit=limit))
    return count


def typed_rows(table: Any) -> list[Any]:
    return list(table.set_column(5, "time", time_texts(table["time"])).to_pylist())


def seconds(function: Callable[[], object], rounds: int = 3) -> float:
    """The least processor time of a call."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        function()
        best = min(best, time.process_time() - start)
    return best


def memory(key: str) -> int:
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(key)) >> 10


def many_devices(rng: Any, rows: int, devices: int) -> str:
    spent = 0.0

    def stream() -> Iterator[Any]:
        nonlocal spent
        for _ in range(0, rows, 65_536):
            start = time.process_time()
            of = pyarrow.array(numpy.char.mod("device_%07d", rng.integers(0, devices, 65_536)))
            made = readings(rng, 65_536, 1, sort=True, dictionaries=True).set_column(0, "device", of)
            spent += time.process_time() - start
            yield made

    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")
    before, start = memory("VmRSS"), time.process_time()
    batches = encode_batches(stream(), MEASUREMENT, columns=COLUMNS, by="device")
    for _ in batches:
        pass
    taken = time.process_time() - start - spent
    counts = batches.counts
    speed = f"{counts.rows_in / taken / 1e6:.2f} M rows a second, {counts.evicted} payloads evicted"
    return f"E8m: {speed}, peak {memory('VmHWM') - before} MB"


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rng = numpy.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 7)
    print(f"engine {smartrest.engine()}, {rows} rows")
    print(many_devices(rng, 2 * rows, rows))
    table = readings(rng, rows, 1000, sort=True, dictionaries=True)
    own = seconds(lambda: packed(table), 7)
    plain = table.cast(pyarrow.schema([(f.name, getattr(f.type, "value_type", f.type)) for f in table.schema]))
    frame: Any = polars.from_arrow(plain)
    made = typed_rows(plain)
    peers = {
        "pyarrow write_csv": seconds(lambda: pyarrow.csv.write_csv(plain, io.BytesIO())),
        "polars write_csv": seconds(lambda: frame.write_csv(io.BytesIO())),
        "orjson of made rows": seconds(lambda: orjson.dumps(made)),
    }
    ratios = ", ".join(f"{name} {taken * 1000:.0f} ms = {taken / own:.1f}" for name, taken in peers.items())
    print(f"E8: {own * 1000:.0f} ms; {ratios}")
    table = readings(rng, rows, 1000, sort=False, dictionaries=False)
    own, taken = seconds(lambda: packed(table), 7), seconds(lambda: on_the_row_api(table), 2)
    print(f"E8u: {own * 1000:.0f} ms; row API {taken * 1000:.0f} ms = {taken / own:.1f}")


if __name__ == "__main__":
    main()
