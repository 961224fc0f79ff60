"""Memory: a payload can make the reader use only so much, and no path leaks."""

from __future__ import annotations

import gc
import pickle
import platform
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from support_shapes import SHAPES, hostile

from smartrest import PACKET_LIMIT

tracemalloc = pytest.importorskip("tracemalloc")  # PyPy has none

pytestmark = pytest.mark.skipif(platform.python_implementation() != "CPython", reason="CPython counts its blocks")


def quietly(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    try:
        return function(*args, **options)
    except (ValueError, TypeError, IndexError, BufferError, KeyError):
        return None


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("call", ["decode", "scan", "split"])
def test_peak_of_reading(engine: Any, call: str, shape: str) -> None:
    """At most 80 times the payload; the pure engine may use more where it only looks for rows."""
    payload = hostile(shape, PACKET_LIMIT)
    function = getattr(engine, call)
    quietly(function, payload)
    tracemalloc.start()
    try:
        kept = quietly(function, payload)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    del kept
    most = 80 if call == "decode" or engine.engine() != "pure" else 130
    assert peak <= most * len(payload), f"{peak / len(payload):.1f} bytes for each byte"


def test_a_view_of_many_rows_is_lean(engine: Any) -> None:
    """`scan` keeps only offsets until a row is used."""
    payload = b"200,c8y_Temperature,T,25.3,C\n" * 550
    quietly(engine.scan, payload)
    tracemalloc.start()
    try:
        kept = engine.scan(payload)
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(kept) == 550
    assert taken <= 30 * len(payload)


class Raising:
    def __index__(self) -> int:
        raise KeyError("mine")


def calls(engine: Any) -> list[Callable[[], Any]]:
    """One call for each path: successes and every error."""
    good = b'511,dev,"a, \\"b\\"",1.5\r\n500\n"x\\",y'
    bad = (b'500\n1,"a', b"500\n1,\xff", b'1,a"b', b'1,"a"b', b'1, "a"', b"a\rb", b'"a""b\\""')
    rows: list[Any] = [("1", 'a"b', 1.5, None, True, 10**30), ["2", "é" * 40]]
    wrong: list[Any] = [(), "500", ("1", b"x"), ("1", float("nan")), ("1", "\ud800"), ("1", Raising()), 5]
    encoder = engine.compile(("1", 'a"', str, float, object))
    schema = engine.Schema({"511": [str, str, float], "1": [int]})
    dispatcher = engine.Dispatcher()
    dispatcher.on("511")(lambda row: row)
    dispatcher.default(lambda row: 1 / 0)
    every: list[Callable[[], Any]] = []
    for payload in (good, *bad):
        every += [
            lambda p=payload: engine.decode(p),
            lambda p=payload: engine.decode(p, strict=True),
            lambda p=payload: engine.decode(bytearray(p), limit=3),
            lambda p=payload: engine.decode(p.decode("latin-1")),
            lambda p=payload: engine.decode_row(p),
            lambda p=payload: engine.split(memoryview(p)),
            lambda p=payload: [(r.fields, r.raw, r.id, list(r), r[-1], r[:2]) for r in engine.scan(p)],
            lambda p=payload: engine.scan(p)[-1].float(-1),
            lambda p=payload: engine.scan(p)[0].int(99),
            lambda p=payload: engine.check(p),
            lambda p=payload: engine.unescape(p),
            lambda p=payload: schema.decode(p),
            lambda p=payload: schema.decode_row(p),
            lambda p=payload: dispatcher.dispatch(p),
        ]
    every += [
        lambda: engine.encode(rows),
        lambda: engine.encode(rows, dialect="double", quote="all", final_newline=True),
        lambda: engine.encode(rows, limit=5),
        lambda: list(engine.pack(rows * 9, limit=60)),
        lambda: list(engine.pack(rows + wrong[:5], on_error=lambda error: None)),
        lambda: next(engine.pack(rows * 9, limit=60)),
        lambda: encoder("x", 2.5, None),
        lambda: encoder("x", "y", None),
        lambda: encoder("x"),
        lambda: list(encoder.pack([("x", 1.5, 2), ("y", "z", 3)], on_error=lambda error: None)),
        lambda: pickle.loads(pickle.dumps(encoder))("x", 2.5, None),
        lambda: pickle.loads(pickle.dumps(schema)).decode(b"1,5"),
        lambda: engine.compile(("1", bytes)),
        lambda: engine.escape('a"b'),
        lambda: engine.escape(b"x"),
        lambda: engine.truncate(("1", "x" * 99), limit=20),
        lambda: engine.truncate(("1", "x" * 99), limit=1),
        lambda: engine.Schema({"1": [int, (float,)]}),
        lambda: engine.Schema({1: [int]}),
        lambda: engine.payload_budget("s/us"),
        lambda: engine.payload_budget("#"),
        lambda: engine.decode(5),
        lambda: engine.decode(memoryview(good)[::2]),
        lambda: engine.encode(rows, dialect="x"),
    ]
    for row in wrong:
        every += [
            lambda r=row: engine.encode([r]),
            lambda r=row: engine.encode_row(r),
            lambda r=row: list(engine.pack([r])),
        ]
    return every


def test_no_path_leaks(engine: Any) -> None:
    """Calls leave fewer than one allocated block for every two calls."""
    paths = calls(engine)
    rounds = 100 if engine.engine() == "pure" else 200

    def work() -> None:
        for path in paths:
            for _ in range(rounds):
                quietly(path)

    work()
    growth = []
    for _ in range(3):
        gc.collect()
        before = sys.getallocatedblocks()
        work()
        gc.collect()
        growth.append(sys.getallocatedblocks() - before)
    assert min(growth) < rounds / 2, f"blocks that stayed after {rounds} calls of {len(paths)} paths: {growth}"


def test_the_memory_of_a_long_payload_is_given_back(engine: Any) -> None:
    calls = (
        partial(engine.compile(("1", str), limit=None), "x" * 10**7),
        partial(engine.encode_row, ("1", "x" * 10**7), limit=None),
        partial(engine.encode, [("1", "x" * 10**7)], limit=None),
        partial(engine.decode, b"1," + b"x" * 10**7),
    )
    for call in calls:
        engine.encode_row(("1", "short"))  # the cache for short ones exists already
        engine.decode_row(b"1,short")
        tracemalloc.start()
        try:
            call()
            assert tracemalloc.get_traced_memory()[0] < 1_000_000
        finally:
            tracemalloc.stop()


def test_unknown_ids_hold_no_memory(engine: Any) -> None:
    """Looking up an ID never stores it, so an attacker cannot fill a cache."""
    schema = engine.Schema({"511": [int]})
    dispatcher = engine.Dispatcher()
    dispatcher.on("511")(lambda row: row)

    def work(start: int) -> None:
        for k in range(start, start + 40_000, 400):
            payload = "\n".join(f"{n},x" for n in range(k, k + 400))
            dispatcher.dispatch(payload)
            schema.decode(payload)
            engine.scan(payload)

    work(10**6)
    gc.collect()
    before = sys.getallocatedblocks()
    work(10**7)
    gc.collect()
    assert sys.getallocatedblocks() - before < 100


def test_rows_without_a_handler_make_no_objects(core: Any) -> None:
    """For rows without a handler `dispatch` uses the offsets of one scan, but no tuples or texts."""
    payload = b"522,device,syslog,c8y_Temperature\n" * 450
    dispatcher = core.Dispatcher()
    dispatcher.on("511")(lambda row: row)
    peaks = []
    for call in (dispatcher.dispatch, core.decode):
        call(payload)
        tracemalloc.start()
        try:
            call(payload)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert dispatcher.skipped == 900
    assert peaks[0] < peaks[1] / 3
    assert peaks[0] < 4 * len(payload)


def test_references_to_shared_objects_stay(engine: Any) -> None:
    """A growing reference count on a constant is a leak, but takes no block."""
    paths = calls(engine)
    shared = (None, True, False, "", b"", ())
    if sys.getrefcount(None) > 2**29:
        pytest.skip("constants are immortal in this Python")
    for path in paths:
        quietly(path)
    before = [sys.getrefcount(value) for value in shared]
    for path in paths:
        for _ in range(200):
            quietly(path)
    gc.collect()  # cycles are freed late, not lost
    after = [sys.getrefcount(value) for value in shared]
    assert all(abs(b - a) < 100 for a, b in zip(before, after, strict=True)), (before, after)
