"""The core reuses the rows that a handler drops. Code that still holds a row must not notice."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any

import pytest
import support
from support import in_threads

from smartrest import DispatchError

WIDTHS = [1, 2, 5, 15, 16, 17, 40]
HEADS = [b"1", b'1,"q ""x"""', "1,é".encode(), b"1,\r"]  # a row without a tape, and others


def payload_of(width: int, head: bytes, n: int) -> bytes:
    return b"\n".join(head + b"".join(b",%d-%d" % (row, field) for field in range(width)) for row in range(n))


def one_by_one(dispatcher: Any, payload: bytes) -> None:
    for line in payload.split(b"\n"):
        dispatcher.dispatch(line)


@pytest.fixture(params=["in one payload", "one by one"])
def send(request: pytest.FixtureRequest) -> Callable[[Any, bytes], object]:
    return one_by_one if request.param == "one by one" else lambda dispatcher, payload: dispatcher.dispatch(payload)


@pytest.mark.parametrize("head", HEADS, ids=support.label)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_row_that_is_kept_stays_as_it_is(any_core: Any, send: Any, head: bytes, width: int) -> None:
    payload = payload_of(width, head, 12)
    kept: list[Any] = []
    dispatcher = any_core.Dispatcher()

    @dispatcher.on("1")
    def keep(row: Any) -> None:
        number = int(row[-1].split("-")[0])
        if number % 4 == 0:
            kept.append(row)
        elif number % 4 == 1:
            kept.append([row][0:])
        elif number % 4 == 2:
            kept.append(iter(row))

    send(dispatcher, payload)
    send(dispatcher, payload)
    rows = [row for i, row in enumerate(any_core.decode(payload)) if i % 4 < 3]
    assert [row[0] if isinstance(row, list) else tuple(row) for row in kept] == rows * 2


@pytest.mark.parametrize("handler", [lambda row: row, lambda row: (row, row[-1]), lambda row: row[1:]])
def test_a_row_that_is_a_result(any_core: Any, handler: Any) -> None:
    dispatcher = any_core.Dispatcher()
    dispatcher.on("1")(handler)
    payload = b"1,a\n1,b\n1,c,d"
    rows = any_core.decode(payload)
    first, second = dispatcher.dispatch(payload), [dispatcher.dispatch(line)[0] for line in payload.split(b"\n")]
    assert first == second == [handler(row) for row in rows]


def test_a_row_that_an_exception_keeps(any_core: Any, send: Any) -> None:
    dispatcher = any_core.Dispatcher()
    frames: list[Any] = []

    @dispatcher.on("1")
    def fail(row: Any) -> None:
        frames.append(sys._getframe())
        if row[1] in "ac":
            raise ValueError(row[1])

    for _ in range(3):
        with pytest.raises(DispatchError) as caught:
            dispatcher.dispatch(b"1,a\n1,b\n1,c\n1,d")
        assert [row for _, row, _ in caught.value.failures] == [("1", "a"), ("1", "c")]
        with pytest.raises(DispatchError) as caught:
            dispatcher.dispatch(b"1,a")
        assert [row for _, row, _ in caught.value.failures] == [("1", "a")]
    assert [frame.f_locals["row"] for frame in frames] == [("1", letter) for letter in "abcda"] * 3


def test_a_handler_that_dispatches(any_core: Any) -> None:
    dispatcher = any_core.Dispatcher()
    seen = []

    @dispatcher.on("1")
    def handle(row: Any) -> None:
        depth = int(row[1])
        if depth:
            dispatcher.dispatch(b"1,%d" % (depth - 1))
            dispatcher.dispatch(b"1,%d\n1,0" % (depth - 1))
        seen.append((depth, row))

    dispatcher.dispatch(b"1,6")
    assert len(seen) == 190
    assert all(row == ("1", str(depth)) for depth, row in seen)


def test_rows_of_nested_calls_are_freed(any_core: Any) -> None:
    dispatcher = any_core.Dispatcher()
    dispatcher.on("1")(lambda row: dispatcher.dispatch(b"2,b"))
    dispatcher.on("2")(lambda row: None)

    def blocks() -> int:
        gc.collect()
        for _ in range(500):
            dispatcher.dispatch(b"1,a")
        return sys.getallocatedblocks()

    blocks()
    assert abs(blocks() - blocks()) < 100


def test_rows_as_keys(any_core: Any) -> None:
    """A tuple may cache its hash."""
    dispatcher = any_core.Dispatcher()
    counts = dict.fromkeys([("1", "a"), ("1", "b")], 0)

    @dispatcher.on("1")
    def count(row: Any) -> None:
        counts[row] += 1

    one_by_one(dispatcher, b"1,a\n1,b\n1,b\n1,a\n1,b")
    dispatcher.dispatch(b"1,a\n1,b\n1,b\n1,a\n1,b")
    assert counts == {("1", "a"): 4, ("1", "b"): 6}


def test_several_threads(any_core: Any) -> None:
    dispatcher = any_core.Dispatcher()
    wrong = []

    @dispatcher.on("1")
    def compare(row: Any) -> None:
        before = list(row)
        for _ in range(50):
            if list(row) != before or len(set(row[1:])) != 1:
                wrong.append(row)

    def run(letter: bytes) -> None:
        one_by_one(dispatcher, b"\n".join([b"1,%b,%b" % (letter, letter)] * 300))
        dispatcher.dispatch(b"\n".join([b'1,"%b",%b' % (letter, letter)] * 300))

    in_threads(run, [bytes([letter]) * 9 for letter in b"abcd"])
    assert not wrong


def test_the_texts_of_a_row_are_let_go(any_core: Any, send: Any) -> None:
    dispatcher = any_core.Dispatcher()
    dispatcher.on("1")(lambda row: None)
    send(dispatcher, b'1,"a"')  # from now on the engine has all that it keeps
    gc.collect()
    tracemalloc = pytest.importorskip("tracemalloc")  # PyPy has none
    tracemalloc.start()
    try:
        for width in WIDTHS:
            send(dispatcher, b"1" + b",%b" % (b"x" * (12_000 // width)) * width)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 12_000


def test_rows_are_filled_again(any_core: Any) -> None:
    """Otherwise the fast way could be lost unnoticed."""
    dispatcher = any_core.Dispatcher()
    seen: list[int] = []
    dispatcher.on("1")(lambda row: seen.append(id(row)))
    others = []
    for i in range(10):
        dispatcher.dispatch(b'1,"a",%d' % i)  # from a tape
        others.append((i, i, i))  # would reuse the memory of a freed row
        dispatcher.dispatch(b"1,b,%d" % i)  # without one
        others.append((i, i, i))
    plain = any_core.module is support.probes()
    again = not plain and support.KNOWS_LAYOUT and sys.version_info < (3, 14)
    assert (len(set(seen)) == 1) == again
