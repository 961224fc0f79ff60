"""Rows D13, F1, C1, P1, S1 and O1: what the engine does inside. D13, F1, S1 and O1 go through tools/probes.py."""

from __future__ import annotations

from _weakref import getweakrefs  # a METH_O function in C that returns a new empty list for what has no weak references
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from random import Random
from typing import Any

import smartrest
from smartrest import pure

from . import payloads as data
from .harness import PATIENCE, Contender, Timing, quiet_collector, race, timings
from .peers import NAIVE_ROWS
from .table import OURS, Run

DRAM = 57_000_000  # bytes of the copy: far more than the caches hold


def hook(name: str) -> Any:
    """Return a probe of the compiled core, None where another engine runs or the probes cannot be built."""
    if not smartrest.engine().startswith("core"):
        return None
    spec = spec_from_file_location("probe_builder", Path(__file__).parent.parent / "tools" / "probes.py")
    assert spec is not None
    assert spec.loader is not None
    builder = module_from_spec(spec)
    spec.loader.exec_module(builder)
    try:
        return getattr(builder.load(), name)
    except ImportError:
        return None


def passes(run: Run, functions: Mapping[str, Callable[[], int]], units: int) -> dict[str, Timing]:
    """Time functions that take their own time."""
    with quiet_collector():
        once = [function() for function in functions.values()]
        rounds = 2 if run.quick else max(run.rounds or 0, 40, min(400, int(run.budget / 2 * 1e9 / max(1, sum(once)))))
        patience = 1 if run.quick or run.rounds else PATIENCE
        return timings(list(functions), list(functions.values()), units, rounds, {}, patience=patience)


def d13(run: Run) -> None:
    """Stage one alone on a full packet in cache, in bytes a second, against a copy from DRAM."""
    index = hook("index_ns")
    if index is None:
        run.not_measured("D13", "the engine has no hook for it")
        return
    source, target = memoryview(bytearray(b"x" * DRAM)), memoryview(bytearray(DRAM))

    def copy() -> int:
        start = run.ticks()
        target[:] = source
        return run.ticks() - start

    memcpy = passes(run, {"memcpy from DRAM": copy}, DRAM)["memcpy from DRAM"]
    for name in ("measurements", "events", "operations"):
        payload = data.full_payload(data.workload(name, run.seed))
        kernels = {}
        for kernel in ("avx512", "avx2", "sse2", "neon", "scalar"):
            try:
                index(payload, kernel, 1)
            except ValueError:
                continue
            kernels[kernel] = partial(index, payload, kernel, 100)
        timed = passes(run, kernels, 100 * len(payload))
        run.keep("D13", f"index of 16 KB {name}", "byte", timed | {memcpy.name: memcpy})
        for part, ours, peer in (
            (f"index of 16 KB {name}", timed.get("avx512"), memcpy),
            (f"AVX2 index of 16 KB {name}", timed.get("avx2"), timed["scalar"]),
        ):
            if ours is None:
                run.not_measured("D13", "this CPU has no such kernel", part)
            else:
                name_ = "scalar kernel" if peer.name == "scalar" else peer.name
                run.judge("D13", part, {OURS: ours, name_: peer})


def f1(run: Run) -> None:
    float_text = hook("float_text_ns")
    if float_text is None:
        run.not_measured("F1", "the engine has no hook for it")
        return
    r = Random(f"floats-{run.seed}")
    sensor = [float(f"{r.uniform(-40, 1200):.{r.randint(1, 3)}f}") for _ in range(20_000)]
    digits = [r.uniform(-1, 1) for _ in range(20_000)]
    for part, values in (("sensor values", sensor), ("17 digits", digits)):
        functions = {
            OURS: partial(float_text, values, True),
            "PyOS_double_to_string": partial(float_text, values, False),
        }
        timed = passes(run, functions, len(values))
        run.keep("F1", f"float to text, {part}", "value", timed)
        run.judge("F1", f"float to text, {part}", timed)


def c1(run: Run) -> None:
    """The cost of a call, without the loop around it."""
    items = [b""] * 20_000
    contenders = [
        Contender(OURS, "decode(item)", {"decode": smartrest.decode}, items),
        Contender("C function returning []", "getweakrefs(item)", {"getweakrefs": getweakrefs}, items),
        Contender("empty loop", "pass", {}, items, value="[]"),
    ]
    rounds = 2 if run.quick else run.rounds
    expected: list[list[str]] = [[] for _ in items]
    timed = race(contenders, len(items), expected=expected, budget=run.budget, rounds=rounds, clock=run.ticks)
    run.keep("C1", "decode of an empty payload", "call", timed)
    loop = timed.pop("empty loop")
    for timing in timed.values():
        timing.fastest -= loop.fastest
        timing.median -= loop.median
    run.judge("C1", "decode of an empty payload", timed)


def p1(run: Run) -> None:
    for name, part in (("measurements", "no quotes"), ("events", "quotes")):
        work = data.workload(name, run.seed)
        contenders = [
            Contender(OURS, "decode(item)", {"decode": pure.decode}, work.payloads),
            Contender("naive", NAIVE_ROWS, {}, work.payloads, naive=True),
        ]
        run.race("P1", f"pure engine, {part}", contenders, work.field_count, "field", work.rows)


def s1(run: Run) -> None:
    """The short-string cache against no cache, on fields that suit it and on fields that do not."""
    switch = hook("string_cache")
    if switch is None:
        run.not_measured("S1", "the engine has no hook for it")
        return
    was = switch(True)
    try:
        for kind, messages in data.cache_stress(run.seed).items():
            rows = [[line.split(",") for line in message.decode().split("\n")] for message in messages]
            names = {"decode": smartrest.decode}
            contenders = [
                Contender(OURS, "decode(item)", names, messages, before=partial(switch, True)),
                Contender("own decode, cache off", "decode(item)", names, messages, before=partial(switch, False)),
            ]
            run.race("S1", f"cache stress, {kind}", contenders, 64 * 600, "field", rows)
    finally:
        switch(was)


def o1(run: Run) -> None:
    """What is won by leaning on the layout of str, against the documented functions alone. A figure without a gate."""
    switch = hook("object_layout")
    if switch is None or not switch(True):
        run.not_measured("O1", "the engine has no hook for it, or str is not laid out as it thinks")
        return
    work = data.workload("measurements", run.seed)
    numbers = data.cache_stress(run.seed)["iv: numbers"]
    rows = [[line.split(",") for line in message.decode().split("\n")] for message in numbers]
    try:
        for part, items, units, expected in (
            ("measurements", work.payloads, work.field_count, work.rows),
            ("numbers", numbers, 64 * 600, rows),
        ):
            contenders = [
                Contender(name, "decode(item)", {"decode": smartrest.decode}, items, before=partial(switch, on))
                for name, on in ((OURS, True), ("documented functions alone", False))
            ]
            run.race("O1", f"decode {part}, texts by layout", contenders, units, "field", expected)
    finally:
        switch(True)
