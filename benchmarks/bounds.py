"""Rows G1, M1, L1 and I1: what must stay small. Growth, peak memory, latency of one message, import time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from random import Random
from time import perf_counter_ns
from typing import Any

import smartrest
from smartrest import PACKET_LIMIT

from . import payloads as data
from . import shapes, values
from .decoding import singles
from .harness import Contender, latencies, percentile, race
from .memory import ROOT, decode_any, extra_memory
from .peers import orjson
from .table import Run

SMALL, LARGE = 2_000, 16_000
MIXES = 8
DECODE = "try: decode(item)\nexcept DecodeError: pass"


def growth(run: Run, part: str, kinds: dict[str, tuple[list[Any], Any]], code: str, names: dict[str, Any]) -> None:
    """Time each kind at both sizes, the small one eight times or in eight pieces; the worst kind is the figure."""
    worst = (0.0, 0.0, "")
    for shape, (small, large) in kinds.items():
        contenders = [
            Contender("small", code, names, small, value="None"),
            Contender("large", code, names, [large], value="None"),
        ]
        rounds = 2 if run.quick else max(run.rounds or 0, 30)
        timed = race(contenders, 1, rounds=rounds, clock=run.ticks)
        small_time, large_time = timed["small"], timed["large"]
        run.keep("G1", f"{part}: {shape}", "payload", timed)
        found = (8 * large_time.fastest / small_time.fastest, 8 * large_time.median / small_time.median, shape)
        worst = max(worst, found)
    run.figure(run.target("G1", part), worst[0], worst[1], f"worst: {worst[2]}")


def g1(run: Run) -> None:
    r = Random(f"growth-{run.seed}")
    small, large = data.hostile(SMALL), data.hostile(LARGE)
    names = {"decode": smartrest.decode, "DecodeError": smartrest.DecodeError}
    kinds: dict[str, tuple[list[Any], Any]] = {shape: ([small[shape]] * 8, large[shape]) for shape in small}
    for i in range(MIXES):
        payloads = [shapes.mixed(r, SMALL) for _ in range(8)]
        kinds[f"shapes of the map, mix {i}"] = (payloads, b"\n".join(payloads))
    growth(run, "growth of decode, 2,000 to 16,000 bytes", kinds, DECODE, names)
    code, names = "encode(item, limit=None)", {"encode": smartrest.encode}
    few, many = data.hostile_rows(SMALL), data.hostile_rows(LARGE)
    kinds = {shape: ([few[shape]] * 8, many[shape]) for shape in few}
    for i in range(MIXES):
        lists = [values.mixed(r, SMALL) for _ in range(8)]
        kinds[f"values of the map, mix {i}"] = (lists, [row for rows in lists for row in rows])
    growth(run, "growth of encode, 2,000 to 16,000 bytes", kinds, code, names)


def m1(run: Run) -> None:
    """Peak memory over payload size, the worst of all hostile shapes.

    A legal payload is watched by tracemalloc, which sees every object; 64 of them in one piece show in the memory of
    a whole process, buffers of the core included. The larger figure counts.
    """
    part = "peak memory of decode / payload size"
    try:
        value, shape = max(peaks(legal=True))
        if not run.quick:
            value, shape = max((value, shape), *peaks(legal=False))
    except (OSError, ModuleNotFoundError) as exc:  # no /proc; no tracemalloc on PyPy
        run.not_measured("M1", str(exc))
    else:
        run.figure(run.target("M1", part), value, None, f"worst: {shape}")


def peaks(*, legal: bool) -> Iterator[tuple[float, str]]:
    """Yield the peak of each hostile shape over its size."""
    for shape, payload in data.hostile(PACKET_LIMIT if legal else 64 * PACKET_LIMIT).items():
        if legal:
            yield traced(payload) / len(payload), f"{shape}, one payload"
        else:
            yield extra_memory("benchmarks.memory:decode_any", payload) / len(payload), f"{shape}, 64 payloads in one"


def traced(payload: bytes) -> int:
    """Return the peak of what Python allocates while the payload is decoded."""
    decode_any(payload)
    import tracemalloc

    tracemalloc.start()
    try:
        decode_any(payload)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def l1(run: Run) -> None:
    """Latency of single calls, each timed alone; what the clock itself takes (its median) is taken off."""
    rows, messages = singles(run.setting)
    functions: list[tuple[str, Callable[[Any], Any], Sequence[Any]]] = [
        ("decode_row", smartrest.decode_row, messages),
        ("encode_row", smartrest.encode_row, rows),
    ]
    if orjson:
        documents = [orjson.dumps(row) for row in rows]
        functions += [("orjson.loads", orjson.loads, documents), ("orjson.dumps", orjson.dumps, rows)]
    empty = percentile([-(perf_counter_ns() - perf_counter_ns()) for _ in range(5_000)], 0.5)
    for name, function, items in functions:
        taken = [t for _ in range(2 if run.quick else 40) for t in latencies(function, items)]
        for share in (0.5, 0.99):
            value = max(0, percentile(taken, share) - empty)
            note = f"ns; the clock's {empty} ns are taken off"
            run.plain("L1", f"{name}, one message", f"p{share * 100:.0f}", value, note)


def i1(run: Run) -> None:
    """Import time in milliseconds over a Python that does nothing."""
    taken: dict[str, list[int]] = {"pass": [], "import smartrest": []}
    for _ in range(4 if run.quick else 30):
        for code, times in taken.items():
            start = perf_counter_ns()
            subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
            times.append(perf_counter_ns() - start)
    value = (min(taken["import smartrest"]) - min(taken["pass"])) / 1e6
    run.figure(run.target("I1", "import smartrest, ms over python -c pass"), value, None, "milliseconds")
