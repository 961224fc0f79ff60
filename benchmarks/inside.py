"""Rows D13, F1, C1, P1, S1 and O1: what the engine does inside. D13, S1 and O1 run in the core of tools/probes.py."""

from __future__ import annotations

from _weakref import getweakrefs  # a METH_O function in C that returns a new empty list for what has no weak references
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from random import Random
from typing import Any

import smartrest
from smartrest import pure

from . import payloads as data
from .harness import PATIENCE, Contender, Timing, quiet_collector, race, rounds_for, timings
from .lineup import OURS, Lineup, Races, Setting, ours
from .peers import FORMAT, FORMATS, NAIVE_ROWS, encoders, texts
from .table import Run

DRAM = 57_000_000  # bytes: far more than the caches hold
LONG = 4_000_000  # nanoseconds of a pass; such passes are few


def probes() -> Any:
    """Return the core with probes, None where another engine runs or it cannot be built."""
    if not smartrest.engine().startswith("core"):
        return None
    spec = spec_from_file_location("probe_builder", Path(__file__).parent.parent / "tools" / "probes.py")
    assert spec is not None
    assert spec.loader is not None
    builder = module_from_spec(spec)
    spec.loader.exec_module(builder)
    try:
        return builder.load()
    except ImportError:
        return None


def passes(run: Run, functions: Mapping[str, Callable[[], int]], units: int) -> dict[str, Timing]:
    """Time functions that take their own time."""
    with quiet_collector():
        once = [function() for function in functions.values()]
        if min(once) > LONG:
            return timings(list(functions), list(functions.values()), units, run.long_rounds, {})
        rounds = 2 if run.quick else run.rounds or rounds_for(once, run.budget / 2)
        patience = 1 if run.quick or run.rounds else PATIENCE
        return timings(list(functions), list(functions.values()), units, rounds, {}, patience=patience)


def d13(run: Run) -> None:
    """Stage one alone, in bytes a second, against a copy of the same bytes in the same place: in cache, and in DRAM."""
    core = probes()
    if core is None:
        run.not_measured("D13", "the engine has no hook for it")
        return
    for name in ("measurements", "events", "operations"):
        payload = data.full_payload(data.workload(name, run.seed))
        part = f"index of 16 KB {name}"
        timed = indexing(run, core.index_ns, payload, 100)
        keep_index(run, part, timed)
        avx2, scalar = timed.get("avx2"), timed["scalar"]
        if avx2:
            run.judge("D13", f"AVX2 {part}", {OURS: avx2, "scalar kernel": scalar})
    if not run.quick:
        payload = b"\n".join(data.workload("measurements", run.seed).payloads) + b"\n"
        payload *= DRAM // len(payload)
        keep_index(run, "index of 57 MB measurements", indexing(run, core.index_ns, payload, 1))
    run.not_measured("D13", "not in a quick run, or this CPU has no such kernel")


def indexing(run: Run, index: Any, payload: bytes, times: int) -> dict[str, Timing]:
    """Time every kernel of this CPU, and memcpy, each `times` times over the payload."""
    source, target = memoryview(payload), memoryview(bytearray(len(payload)))

    def copy() -> int:
        start = run.ticks()
        for _ in range(times):
            target[:] = source
        return run.ticks() - start

    functions: dict[str, Callable[[], int]] = {"memcpy": copy}
    for kernel in ("avx512", "avx2", "sse2", "neon", "scalar"):
        try:
            index(payload, kernel, 1)
        except ValueError:
            continue
        functions[kernel] = partial(index, payload, kernel, times)
    return passes(run, functions, times * len(payload))


def keep_index(run: Run, part: str, timed: dict[str, Timing]) -> None:
    """Keep every kernel's time; the engine's own kernel is the one that is judged."""
    kernel = run.engine.partition(":")[2]
    named = {OURS if name == kernel else name: timing for name, timing in timed.items()}
    if OURS in named:
        named[OURS] = replace(named[OURS], name=OURS)
    run.keep("D13", part, "byte", named)
    if kernel == "avx512":
        run.judge("D13", part, named)


def f1(setting: Setting) -> Iterator[Lineup]:
    """Rows of 100 floats: what is written besides the digits is little."""
    r = Random(f"floats-{setting.seed}")
    sensor = [float(f"{r.uniform(-40, 1200):.{r.randint(1, 3)}f}") for _ in range(20_000)]
    digits = [r.uniform(-1, 1) for _ in range(20_000)]
    for part, values in (("sensor values", sensor), ("17 digits", digits)):
        rows = [[tuple(values[start : start + 100])] for start in range(0, len(values), 100)]
        contenders = [
            ours("encode(item)", rows, reads=smartrest.decode, forgives=texts, encode=smartrest.encode),
            Contender(
                "naive %", FORMAT, {"formats": FORMATS}, rows, reads=smartrest.decode, forgives=texts, naive=True
            ),
            *encoders(rows),
        ]
        size = sum(len(smartrest.encode(row)) for row in rows)
        yield Lineup(f"float to text, {part}", contenders, len(values), "value", rows, len(values), size, "encode")


def c1(run: Run) -> None:
    """The cost of a call, without the loop around it."""
    items = [b""] * 20_000
    contenders = [
        ours("decode(item)", items, decode=smartrest.decode),
        Contender("C function returning []", "getweakrefs(item)", {"getweakrefs": getweakrefs}, items),
        Contender("empty loop", "pass", {}, items, value="[]"),
    ]
    rounds = 2 if run.quick else run.rounds
    expected: list[list[str]] = [[] for _ in items]
    timed = race(contenders, len(items), expected=expected, budget=run.budget, rounds=rounds, clock=run.ticks)
    loop = timed.pop("empty loop")
    for timing in timed.values():
        timing.fastest -= loop.fastest
        timing.median -= loop.median
    run.keep("C1", "decode of an empty payload", "call", timed)
    run.judge("C1", "decode of an empty payload", timed)


def p1(setting: Setting) -> Iterator[Lineup]:
    for name, part in (("measurements", "no quotes"), ("events", "quotes")):
        work = data.workload(name, setting.seed)
        contenders = [
            ours("decode(item)", work.payloads, decode=pure.decode),
            Contender("naive", NAIVE_ROWS, {}, work.payloads, naive=True),
        ]
        yield Lineup(
            f"pure engine, {part}", contenders, work.field_count, "field", work.rows, work.field_count, work.size
        )


def switched(code: str, items: Any, core: Any, switch: Any, off: str) -> list[Contender]:
    """Return the core with a switch of its inside on, and off."""
    names = {"decode": core.decode}
    on = ours(code, items, **names)
    on.before = partial(switch, True)
    return [on, Contender(off, code, names, items, before=partial(switch, False))]


def s1(setting: Setting) -> Iterator[Lineup]:
    """The short-string cache against no cache, on fields that suit it and on fields that do not."""
    core = probes()
    if core is None:
        return
    try:
        for kind, messages in data.cache_stress(setting.seed).items():
            rows = [[line.split(",") for line in message.decode().split("\n")] for message in messages]
            contenders = switched("decode(item)", messages, core, core.string_cache, "own decode, cache off")
            count, size = 64 * 600, sum(map(len, messages))
            yield Lineup(f"cache stress, {kind}", contenders, count, "field", rows, count, size)
    finally:
        core.string_cache(True)


def o1(setting: Setting) -> Iterator[Lineup]:
    """What is won by leaning on the layout of str, against the documented functions alone. A figure without a gate."""
    core = probes()
    if core is None or not core.object_layout(True):
        return
    work = data.workload("measurements", setting.seed)
    numbers = data.cache_stress(setting.seed)["iv: numbers"]
    rows = [[line.split(",") for line in message.decode().split("\n")] for message in numbers]
    try:
        for part, items, count, expected in (
            ("measurements", work.payloads, work.field_count, work.rows),
            ("numbers", numbers, 64 * 600, rows),
        ):
            contenders = switched("decode(item)", items, core, core.object_layout, "documented functions alone")
            size = sum(map(len, items))
            yield Lineup(f"decode {part}, texts by layout", contenders, count, "field", expected, count, size)
    finally:
        core.object_layout(True)


RACES: Races = {"F1": f1, "P1": p1, "S1": s1, "O1": o1}
