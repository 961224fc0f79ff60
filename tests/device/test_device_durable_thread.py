"""An outbox file that a thread writes, so that a slow disk does not stop an event loop."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiomqtt", reason="the extra smartrest[device] is not installed")

from smartrest.device import AsyncDevice, Event, OutboxFailed, OutboxSaved
from smartrest.device.durable import DurableOutbox
from smartrest.device.outbox import Item

ROOM = 1_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


def item(number: int, size: int = 0) -> Item:
    return Item("s/us", b"400,event,%d,%s" % (number, b"x" * size))


def numbers(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [number for (number,) in connection.execute("SELECT id FROM rows ORDER BY id")]


class Threaded:
    """An outbox with a thread, and its state as `wait` finds it."""

    def __init__(self, path: Path) -> None:
        self.outbox = DurableOutbox(path, ROOM, lambda topic: 16_000)
        self.told = threading.Semaphore(0)
        self.outbox.write_in_thread(self.told.release)
        self.outbox.open()
        self.outbox.waits = False

    def pages(self, most: int) -> None:
        assert self.outbox._file is not None
        self.outbox._file._rows.execute(f"PRAGMA max_page_count = {most}")

    def wait(self) -> None:
        assert self.told.acquire(timeout=10)


def test_rows_are_written_in_order(path: Path) -> None:
    threaded = Threaded(path)
    for number in range(1, 501):
        threaded.outbox.put([item(number)])
    while not threaded.outbox.saved:
        threaded.wait()
    assert numbers(path) == list(range(1, 501))
    taken = threaded.outbox.take(full_only=False)
    assert taken is not None
    threaded.outbox.done(taken[2])
    threaded.outbox.put([item(501)])
    threaded.outbox.end([])
    assert numbers(path) == list(range(len(taken[2]) + 1, 502))


def test_what_waits_for_the_thread_is_written_at_the_end(path: Path) -> None:
    threaded = Threaded(path)
    with threaded.outbox._file_lock:  # the thread cannot begin
        threaded.outbox.put([item(number) for number in range(1, 101)])
        assert not threaded.outbox.saved
    assert threaded.outbox.end([]) == []
    assert numbers(path) == list(range(1, 101))


def test_waiting_for_some_rows_writes_the_earlier_ones_too(path: Path) -> None:
    threaded = Threaded(path)
    with threaded.outbox._file_lock:
        threaded.outbox.put([item(1)])
    threaded.outbox.waits = True
    threaded.outbox.put([item(2)])
    assert numbers(path) == [1, 2]
    threaded.outbox.end([])


def test_a_full_disk_keeps_all_changes_for_later(path: Path) -> None:
    """Rows that are delivered meanwhile do not come back, and those in the file leave it."""
    threaded = Threaded(path)
    outbox = threaded.outbox
    outbox.put([item(number) for number in range(1, 11)])
    threaded.wait()
    threaded.pages(10)
    for number in range(11, 211):
        outbox.put([item(number, 300)])
    threaded.wait()
    while outbox.failure is None:
        threaded.wait()
    delivered = []
    while len(delivered) < 60:
        taken = outbox.take(full_only=False)
        assert taken is not None
        delivered += taken[2]
        outbox.done(taken[2])
    assert not outbox.saved
    threaded.pages(1_000_000)
    outbox.save()
    while not outbox.saved:
        threaded.wait()
    assert outbox.failure is None
    assert numbers(path) == list(range(len(delivered) + 1, 211))
    outbox.end([])


def test_a_device_on_a_full_disk(path: Path) -> None:
    async def run() -> None:
        device = AsyncDevice("127.0.0.1", "dev", port=1, tls=False, outbox=path)
        events: list[Event] = []
        device.listen(OutboxFailed, OutboxSaved)(events.append)
        await device.start()
        outbox: Any = device.session._flow.outbox
        outbox._file._rows.execute("PRAGMA max_page_count = 10")
        for number in range(300):
            device.send(("400", "event", number, "x" * 200), wait=False)
        device.publish("s/us", b"400,event,300", wait=False)
        assert not await device.saved(0.3)
        assert [type(event) for event in events] == [OutboxFailed]
        outbox._file._rows.execute("PRAGMA max_page_count = 1000000")
        assert await device.saved(10)
        while len(events) < 2:
            await asyncio.sleep(0.01)
        assert type(events[1]) is OutboxSaved
        assert len(numbers(path)) == 301
        await device.stop()

    asyncio.run(run())


def test_before_the_start_rows_are_saved_at_once(path: Path) -> None:
    async def run() -> None:
        device = AsyncDevice("127.0.0.1", "dev", port=1, tls=False, outbox=path)
        device.send(("400", "event", 1), wait=False)
        assert await device.saved(0)
        await device.stop()

    asyncio.run(run())
    assert numbers(path) == [1]


def test_without_a_file_all_is_saved() -> None:
    async def run() -> None:
        device = AsyncDevice("127.0.0.1", "dev", port=1, tls=False)
        device.send(("400", "event", 1), wait=False)
        assert await device.saved(0)

    asyncio.run(run())
