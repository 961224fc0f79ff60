"""Objects shared by threads, on CPython with and without the GIL: each thread gets the same results as if alone."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import threading
from typing import Any

import pytest
from support import FREE_THREADED, in_threads

from smartrest import EncodeError

THREADS = 8
TURNS = 300 if FREE_THREADED else 30
PAYLOAD = '511,dev,"a ""b"", c"\n200,é😀,1.5,x\r\n71,"q\\"r"\n'.encode() + b"200,c8y_Temperature,21.5,T\n" * 40
LINE = b"200,c8y_Temperature,21.5,C"
ROWS = [("200", "c8y_Temperature", i * 0.5, 'a "b", c', "é😀", None, True, 10**30) for i in range(20)]


@pytest.mark.skipif(not FREE_THREADED, reason="this Python always has the GIL")
def test_the_import_leaves_the_gil_off() -> None:
    """An extension that does not declare itself safe would turn it on for the whole process."""
    code = "import sys, smartrest; print(smartrest.engine()); sys.exit(sys._is_gil_enabled())"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_functions(engine: Any) -> None:
    """Each thread has its own memory, so no text of one thread appears in another's."""

    def work(letter: str) -> None:
        text = letter * 9
        row = (letter * 3, text, f'{text} "{letter}", {letter}', letter + "é")
        for turn in range(TURNS):
            payload = engine.encode([row] * (turn % 7 + 1))
            assert engine.decode(payload) == [row] * (turn % 7 + 1)
            assert engine.decode_row(engine.encode_row(row)) == row
            assert [lazy.fields for lazy in engine.scan(payload)] == [row] * (turn % 7 + 1)
            assert engine.unescape(engine.escape(row[2])) == row[2]
            assert b"".join(engine.pack([row] * 9, limit=200, final_newline=True)) == engine.encode([row] * 9) + b"\n"

    in_threads(work, "abcdefgh")


def test_compiled_rows_and_schemas(engine: Any) -> None:
    encoder = engine.compile(("200", "c8y_Temperature", float, str, object))
    schema = engine.Schema({"200": [str, float]})

    def work(number: int) -> None:
        text = f'{number} "x"'
        wanted = engine.encode_row(("200", "c8y_Temperature", number / 2, text, None))
        for turn in range(TURNS):
            assert encoder(number / 2, text, None) == wanted
            assert schema.decode_row(b"200,t,%d.5" % number) == ("200", "t", number + 0.5)
            assert schema.decode(b"200,t,%d\n511,a" % turn) == [("200", "t", float(turn)), ("511", "a")]
            assert list(encoder.pack([(number / 2, text, None)] * 5)) == [b"\n".join([wanted] * 5)]

    in_threads(work, range(THREADS))


def test_lazy_rows(engine: Any) -> None:
    """Also those that a thread made which has ended."""
    made: list[Any] = []
    maker = threading.Thread(target=lambda: made.append(engine.scan(PAYLOAD)))
    maker.start()
    maker.join()
    [view] = made
    wanted = engine.decode(PAYLOAD)

    def work(_: int) -> None:
        for _turn in range(TURNS // 10):
            assert [row.fields for row in view] == wanted
            assert [row.id for row in view] == [row[0] for row in wanted]
            assert view[1].float(2) == 1.5
            assert view[0][2] == wanted[0][2]

    in_threads(work, range(THREADS))


def test_a_dispatcher_while_handlers_are_registered(engine: Any) -> None:
    dispatcher = engine.Dispatcher()
    dispatcher.on("200")(lambda row: row)
    counted = []
    stop = threading.Event()

    def register() -> None:
        for number in range(300, 300 + TURNS):
            dispatcher.on(str(number), f"t{number}")(lambda row: row)
            dispatcher.default(lambda row: "other")
        stop.set()

    def dispatch(number: int) -> None:
        n = 0
        while n < TURNS or not stop.is_set():
            row = ("200", f"{number}", "x")
            payload = b"200,%d,x" % number
            assert dispatcher.dispatch(payload) == [row]
            assert set(dispatcher.dispatch(payload + b"\nzz,1\n301,1")[1:]) <= {"other", ("301", "1")}
            n += 1
        counted.append(n)

    in_threads(lambda work: work(), [register, *(lambda n=n: dispatch(n) for n in range(THREADS - 1))])
    assert len(counted) == THREADS - 1


def test_the_rows_of_a_dispatcher_stay_those_of_their_thread(engine: Any) -> None:
    dispatcher = engine.Dispatcher()
    wrong = []

    @dispatcher.on("1")
    def handle(row: Any) -> None:
        if len(set(row[1:])) != 1:
            wrong.append(row)

    def work(letter: bytes) -> None:
        for _ in range(TURNS):
            dispatcher.dispatch(b"1,%b,%b\n1,%b" % (letter * 9, letter * 9, letter * 4))
            dispatcher.dispatch(b"1,%b,%b" % (letter * 5, letter * 5))

    in_threads(work, [bytes([letter]) for letter in b"abcdefgh"])
    assert not wrong


def test_skipped_rows_are_all_counted(core: Any) -> None:
    dispatcher = core.Dispatcher()
    in_threads(lambda _: [dispatcher.dispatch(b"1,a\n2,b\n3") for _ in range(TURNS)], range(THREADS))
    in_threads(lambda _: [dispatcher.dispatch(LINE) for _ in range(TURNS)], range(THREADS))
    assert dispatcher.skipped == THREADS * TURNS * 4


def test_a_packer_with_turns(engine: Any) -> None:
    packer = engine.Packer(limit=300)
    turn = threading.Lock()
    payloads: list[bytes] = []

    def work(number: int) -> None:
        for i in range(TURNS):
            with turn:
                payloads.append(packer.add((f"{number}", f"{i}", 'a "b"')) or b"")

    in_threads(work, range(THREADS))
    payloads.append(packer.flush())
    rows = [row for payload in payloads for row in engine.decode(payload)]
    assert sorted(rows) == sorted((f"{n}", f"{i}", 'a "b"') for n in range(THREADS) for i in range(TURNS))


def test_a_packer_and_packings_without_turns(engine: Any) -> None:
    """A call during another may be refused, at worst: the results are always whole rows."""
    packer = engine.Packer(limit=300)
    packing = engine.pack((("7", f"{i}", 'a "b"') for i in range(THREADS * TURNS)), limit=300)
    payloads: list[bytes] = []

    def work(number: int) -> None:
        for i in range(TURNS):
            with contextlib.suppress(ValueError):
                payloads.append(packer.add((f"{number}", f"{i}", 'a "b"')) or b"")
                payloads.append(packer.flush() or b"")
            with contextlib.suppress(ValueError):
                payloads.append(next(packing, b""))

    in_threads(work, range(THREADS))
    for payload in payloads:
        assert len(payload) <= 300
        assert all(row[2:] == ('a "b"',) for row in engine.decode(payload))


def test_lists_that_other_threads_change(engine: Any) -> None:
    """Each row and field is one that the list held at some moment; a list that is emptied may raise `EncodeError`."""
    fields: list[Any] = ["200", *("a" * 20, "b" * 20, 'c "c"', 4, 4.5, "é" * 20) * 3]
    rows: list[Any] = [fields, list(fields), tuple(fields), ("9", "x")] * 4
    texts = {"200", "9", "x", "a" * 20, "b" * 20, 'c "c"', "4", "4.5", "é" * 20}
    stop = threading.Event()

    def change(seed: int) -> None:
        dice = random.Random(seed)
        for _ in range(TURNS * 20):
            for changed, new in ((fields, lambda: "b" * 20), (rows, lambda: ["200", "x", "a" * 20])):
                choice = dice.random()
                if choice < 0.4 and len(changed) > 1:
                    changed.pop()
                elif choice < 0.8 and len(changed) < 40:
                    changed.append(new())
                elif changed:
                    changed[-1] = new()
        stop.set()

    def encode(_: int) -> None:
        while not stop.is_set():
            with contextlib.suppress(EncodeError):
                for row in engine.decode(engine.encode(rows)):
                    assert texts.issuperset(row)
                assert texts.issuperset(engine.decode_row(engine.encode_row(fields)))
                for payload in engine.pack(rows, limit=500):
                    for row in engine.decode(payload):
                        assert texts.issuperset(row)

    in_threads(
        lambda work: work(), [*(lambda n=n: change(n) for n in range(2)), *(lambda: encode(0) for _ in range(4))]
    )


@pytest.mark.skipif(not FREE_THREADED, reason="here the memory that calls keep is the engine's")
def test_memory_of_threads_that_end(core: Any) -> None:
    """A thread keeps some 300 KB from call to call, and takes it along."""

    def work() -> None:
        assert core.decode(PAYLOAD)

    tracemalloc = pytest.importorskip("tracemalloc")  # PyPy has none
    tracemalloc.start()
    try:
        for _ in range(50):
            in_threads(lambda _: work(), [0])
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2_000_000
