"""Buffers as input: reading, copying, releasing them, and threads that write meanwhile."""

from __future__ import annotations

import array
import contextlib
import ctypes
import gc
import mmap
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest
from support import decode_failure

PAYLOAD = b'511,dev,"a, b"\n500'
ROWS = [("511", "dev", "a, b"), ("500",)]
CALLS = ("decode", "split", "scan", "check")


def test_every_contiguous_buffer(engine: Any, tmp_path: Path) -> None:
    held = (ctypes.c_char * len(PAYLOAD))(*PAYLOAD)
    for payload in (
        bytearray(PAYLOAD),
        memoryview(PAYLOAD),
        memoryview(bytearray(b"xx" + PAYLOAD + b"yy"))[2:-2],
        array.array("b", PAYLOAD),
        held,
        memoryview(PAYLOAD).cast("B", (len(PAYLOAD), 1)),
    ):
        assert engine.decode(payload) == ROWS
        assert engine.decode_row(engine.split(payload)[0]) == ROWS[0]
        assert [row.fields for row in engine.scan(payload)] == ROWS
        assert engine.check(payload) == []
    wide = array.array("H", b"12,3")
    assert engine.decode(wide) == [("12", "3")], "any format, as raw bytes"
    file = tmp_path / "payload"
    file.write_bytes(PAYLOAD)
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert engine.decode(mapped) == ROWS


def test_empty_buffers(engine: Any) -> None:
    for payload in (bytearray(), memoryview(b""), array.array("b"), memoryview(b"abc")[:0]):
        assert engine.decode(payload) == []
        assert engine.split(payload) == []
        assert len(engine.scan(payload)) == 0


@pytest.mark.parametrize("call", CALLS)
def test_not_contiguous(engine: Any, call: str) -> None:
    for payload in (memoryview(PAYLOAD)[::2], memoryview(PAYLOAD)[::-1]):
        with pytest.raises(BufferError):
            getattr(engine, call)(payload)


@pytest.mark.parametrize("call", CALLS)
def test_released(engine: Any, call: str) -> None:
    view = memoryview(PAYLOAD)
    view.release()
    with pytest.raises(ValueError, match="released"):
        getattr(engine, call)(view)


@pytest.mark.parametrize("call", [*CALLS, "decode_row", "unescape"])
def test_the_buffer_is_released_on_every_path(engine: Any, call: str) -> None:
    for content in (b"500", PAYLOAD, b'1,"a', b"\xff", b'a"b', b""):
        payload = bytearray(content)
        try:
            kept = getattr(engine, call)(payload)
        except ValueError as error:
            kept = error  # nor may an error that is kept hold the buffer
        payload.append(0)  # BufferError while exported
        del kept
    payload = bytearray(PAYLOAD)
    decode_failure(engine, payload, limit=3)
    payload.append(0)


def test_a_view_of_a_mutable_buffer_is_a_copy(engine: Any) -> None:
    payload = bytearray(PAYLOAD)
    rows = engine.scan(payload)
    payload[:] = b'"' * 200
    assert [row.fields for row in rows] == ROWS
    assert rows[0].raw == b'511,dev,"a, b"'
    assert bytes(payload) == b'"' * 200


@pytest.mark.skipif(not hasattr(sys, "getrefcount"), reason="this Python does not count references")
def test_a_view_of_bytes_keeps_them(engine: Any) -> None:
    payload = bytes(bytearray(b"1," + b"x" * 10_000))
    before = sys.getrefcount(payload)
    rows = engine.scan(payload)
    assert sys.getrefcount(payload) > before, "bytes are referenced, not copied"
    row = rows[0]
    del rows
    assert row[1] == "x" * 10_000
    del row
    gc.collect()
    assert sys.getrefcount(payload) == before


def test_decode_keeps_nothing(engine: Any) -> None:
    class Payload(bytearray):
        pass

    for content in (PAYLOAD, b'"a', b"\xff"):
        payload = Payload(content)
        gone = weakref.ref(payload)
        with contextlib.suppress(ValueError):
            engine.decode(payload)
        del payload
        gc.collect()
        assert gone() is None


def test_a_buffer_that_another_thread_changes(engine: Any) -> None:
    """Any result will do, except a crash, a hang or an unknown error."""
    payload = bytearray(b'1,"a\\",b"\n' * 400)
    stop = threading.Event()

    def change() -> None:
        k = 0
        while not stop.is_set():
            k = (k * 75 + 74) % 65_537
            payload[k % len(payload)] = b'",\\\n\xff1'[k % 6]

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(150):
            for call in (engine.decode, engine.split, engine.check):
                try:
                    call(payload)
                except ValueError as error:
                    assert type(error).__name__ == "DecodeError"
    finally:
        stop.set()
        thread.join()


def test_a_buffer_that_another_thread_resizes(engine: Any) -> None:
    payload = bytearray(b"1,2\n" * 1_000)
    stop = threading.Event()
    failures: list[BaseException] = []

    def resize() -> None:
        while not stop.is_set():
            try:
                payload.extend(b"3,4\n" * 50)
                del payload[4_000:]
            except BufferError:
                pass  # the reader holds it, as it should
            except BaseException as error:
                failures.append(error)
                return

    thread = threading.Thread(target=resize)
    thread.start()
    try:
        for _ in range(200):
            assert len(engine.decode(payload)) >= 1_000
    finally:
        stop.set()
        thread.join()
    assert failures == []


def test_many_threads_decode_and_encode(engine: Any) -> None:
    wrong: list[Any] = []

    def work(seed: int) -> None:
        rows = [(str(k), 'a"b,\n' * (k % 5), "é" * seed) for k in range(40)]
        payload = engine.encode(rows)
        for _ in range(60):
            if engine.decode(payload) != rows or engine.encode(rows) != payload:
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
