"""A call inside a call: from the garbage collector during reading, from callbacks, from other threads."""

from __future__ import annotations

import gc
import platform
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support import FREE_THREADED

from smartrest import DecodeError, EncodeError, pure

PAYLOAD = b'511,dev,"a, \\"b\\"",1.5\n' * 60 + b'"x, \\",y'
ROWS = [("511", "dev", 'a, "b"', "1.5")] * 60 + [("x, \\", "y")]
OTHER = b'9,"z""z",' + b"w" * 300 + b"\n"


@pytest.fixture
def interrupted(engine: Any) -> Iterator[Callable[[], int]]:
    """The garbage collector runs after every few objects, and its callbacks use the same engine."""
    if platform.python_implementation() != "CPython":
        pytest.skip("the collector's callbacks are CPython's")
    count = 0
    busy = False
    encoder = engine.compile(("1", str, "z"))

    def interrupt(phase: str, info: dict[str, int]) -> None:
        nonlocal count, busy
        if busy or phase != "start":
            return
        busy = True
        count += 1
        assert engine.decode(OTHER * 7) == [("9", 'z"z', "w" * 300)] * 7
        assert engine.scan(OTHER)[0][1] == 'z"z'
        assert engine.encode([("1", 'q"' * 50, 2.5)]) == b'1,"' + b'q\\"' * 50 + b'",2.5'
        assert encoder("v" * 99) == b"1," + b"v" * 99 + b",z"
        try:
            engine.decode(b'1\n2,"')
        except DecodeError as error:
            assert error.rows == [("1",)]
        busy = False

    before = gc.get_threshold()
    gc.callbacks.append(interrupt)
    gc.set_threshold(1, *((0, 0) if FREE_THREADED else (1, 1)))
    try:
        yield lambda: count
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(interrupt)


def test_the_collector_in_the_middle(engine: Any, interrupted: Callable[[], int]) -> None:
    schema = engine.Schema({"511": [str, str, float]})
    dispatcher = engine.Dispatcher()
    dispatcher.on("511")(lambda row: [row])
    encoder = engine.compile(("511", str, object, float))
    for _ in range(3):
        assert engine.decode(PAYLOAD) == ROWS
        assert engine.decode(PAYLOAD, strict=True) == ROWS
        assert [row.fields for row in engine.scan(PAYLOAD)] == ROWS
        assert [[*row] for row in engine.scan(PAYLOAD)] == [list(row) for row in ROWS]
        assert b"\n".join(engine.split(PAYLOAD)) == PAYLOAD
        assert schema.decode(PAYLOAD)[:60] == [("511", "dev", 'a, "b"', 1.5)] * 60
        assert dispatcher.dispatch(PAYLOAD) == [[row] for row in ROWS[:60]]
        assert engine.encode([list(row) for row in ROWS]) == PAYLOAD
        assert b"\n".join(engine.pack([list(row) for row in ROWS], limit=200)) == PAYLOAD
        assert encoder("dev", 'a, "b"', 1.5) + b"\n" == PAYLOAD[: PAYLOAD.index(b"\n") + 1]
        with pytest.raises(DecodeError) as caught:
            engine.decode(b"511,d\n" * 60 + b'511,"d')
        assert caught.value.rows == [("511", "d")] * 60
        assert len(engine.check(b'a"b,' * 50)) == 50
    assert interrupted() > 0


def test_on_error_that_asks_for_the_next_payload(engine: Any) -> None:
    seen: list[str] = []

    def ask(error: EncodeError) -> None:
        try:
            seen.append(repr(next(packed)))
        except (ValueError, RuntimeError, StopIteration) as problem:
            seen.append(type(problem).__name__)

    packed = engine.pack([("1",), (), ("2",)], on_error=ask)
    assert list(packed) == [b"1\n2"]
    assert len(seen) == 1


class Slow:
    """An integer whose `__index__` lets other threads run."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        time.sleep(0)
        return self.value


def in_threads(work: Callable[[int], None], count: int = 4) -> None:
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_threads_in_the_middle_of_writing(engine: Any) -> None:
    encoder = engine.compile(("1", int, str, int))

    def work(number: int) -> None:
        text = f'{number}",' * (10 + number * 30)
        written = engine.encode_row(("1", number, text, number))
        for _ in range(40):
            assert encoder(Slow(number), text, Slow(number)) == written
            assert engine.encode_row(("1", Slow(number), text, Slow(number))) == written
            assert engine.encode([("1", Slow(number), text, Slow(number))] * 3) == b"\n".join([written] * 3)

    in_threads(work)


def test_threads_on_one_packing_iterator(engine: Any) -> None:
    """Like a generator, it is not thread-safe: one thread gets an error or an end, never a crash or a torn row."""
    if FREE_THREADED and engine is pure:
        pytest.skip("without the GIL, CPython's own generators lose values where threads share them")
    packed = engine.pack([(str(k), Slow(k), "x" * 20) for k in range(400)], limit=100)
    got: list[bytes] = []

    def work(number: int) -> None:
        while True:
            try:
                got.append(next(packed))
            except StopIteration:
                return
            except (ValueError, RuntimeError):
                time.sleep(0)

    in_threads(work)
    rows = [row for payload in got for row in engine.decode(payload)]
    assert sorted(rows, key=lambda row: int(row[0])) == [(str(k), str(k), "x" * 20) for k in range(400)]


def test_threads_on_one_view(engine: Any) -> None:
    view = engine.scan(PAYLOAD)

    def work(number: int) -> None:
        for _ in range(30):
            assert [row.fields for row in view] == ROWS
            assert view[number].float(3) == 1.5
            assert [row[0] for row in view[number:]] == [row[0] for row in ROWS[number:]]

    in_threads(work)


def test_threads_on_one_dispatcher(engine: Any) -> None:
    dispatcher = engine.Dispatcher()
    dispatcher.on("511")(lambda row: row[3])

    def work(number: int) -> None:
        for _ in range(30):
            assert dispatcher.dispatch(PAYLOAD) == ["1.5"] * 60

    in_threads(work)
    assert dispatcher.skipped == 120
