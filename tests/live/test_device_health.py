"""Health, back-pressure, progress and cancellation of devices, with a real broker."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest
from support_device import QUICK, LoopDevice, Make

from smartrest.device import (
    AsyncDevice,
    Closed,
    Device,
    Dropped,
    Operation,
    OperationTimedOut,
    QueueHalfFull,
    Session,
)
from smartrest.device.flow import Flow
from smartrest.device.lanes import Entry
from smartrest.testing import Platform, Wire

SMALL = replace(QUICK, queue=20_000)


@pytest.fixture
def wire(smartrest_platform: Platform) -> Iterator[Wire]:
    with Wire(smartrest_platform.port) as relay:
        yield relay


def test_health(smartrest_platform: Platform, make: Make) -> None:
    device = make(smartrest_platform, linger=60.0)
    begun, go_on = threading.Event(), threading.Event()

    @device.operation("c8y_Command")
    def command(operation: Operation) -> None:
        begun.set()
        go_on.wait(10)

    before = device.health()
    assert (before.state.value, before.online, before.connected_for, before.acknowledged_ago) == (
        "connecting",
        False,
        None,
        None,
    )
    device.start(10)
    device.send(("200", "c8y_T", "T", 1), ("200", "c8y_T", "T", 2))
    time.sleep(0.3)
    health = device.health()
    assert health.online
    assert 0.2 < health.connected_for < 10
    assert 0.2 < health.acknowledged_ago <= health.connected_for
    assert health.idle_for < 1.5
    assert (health.waiting_rows, health.dropped, health.operations, health.outbox_failure) == (2, 0, 0, None)
    assert 240 < health.waiting_bytes < 320
    with pytest.raises(FrozenInstanceError):
        health.dropped = 1
    smartrest_platform.send(("511", "dev", "wait"))
    assert begun.wait(10)
    assert device.health().operations == 1
    go_on.set()
    smartrest_platform.operations[0].wait(5)
    assert device.flush(5)
    health = device.health()
    assert (health.waiting_rows, health.waiting_bytes, health.operations) == (0, 0, 0)
    assert health.acknowledged_ago < 5
    device.stop()
    assert device.health().connected_for is None


def test_health_tells_that_a_listener_hangs(smartrest_platform: Platform) -> None:
    device = Device("127.0.0.1", "dev", port=smartrest_platform.port, tls=False, limits=QUICK)
    go_on = threading.Event()
    assert device.health().idle_for is None
    device.start(10)
    device.listen(QueueHalfFull, Dropped)(lambda event: go_on.wait(10))
    assert device.health().idle_for < 1.5  # type: ignore[operator]  # it runs
    for _ in range(2):
        device.send(*[("400", "event", "x" * 10_000)] * 390)
    time.sleep(2.2)
    assert device.health().idle_for > 2  # type: ignore[operator]  # it runs
    go_on.set()
    assert device.flush(20)
    assert device.health().idle_for < 1.5  # type: ignore[operator]  # it runs
    device.stop()


def test_a_producer_is_slowed_instead_of_rows_dropped(smartrest_platform: Platform, wire: Wire) -> None:
    device = Device("127.0.0.1", "dev", port=wire.port, tls=False, limits=SMALL, linger=0.01)
    events: list[Any] = []
    device.listen(QueueHalfFull, Dropped)(events.append)
    device.start(10)
    wire.stall()
    with pytest.raises(TimeoutError, match=r"no room in the queue within 0\.2 seconds"):
        for number in range(10_000):
            device.send(("400", "event", number), block=0.2)
    assert 100 < number < 200
    taken = device.session.taken
    assert taken == number
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        device.send(("400", "event", number), block=0)
    assert time.monotonic() - began < 0.1
    with pytest.raises(ValueError, match=r"limits\.queue is 20000: send fewer at once"):
        device.send(*[("400", "event", 0)] * 1_000, block=True)
    threading.Timer(0.3, wire.resume).start()
    for more in range(number, 2_000):
        device.send(("400", "event", more), block=True)
    assert time.monotonic() - began > 0.3
    assert device.flush(20)
    assert [int(row[2]) for row in smartrest_platform.published("s/us") if row[0] == "400"] == list(range(2_000))
    assert {type(event) for event in events} == {QueueHalfFull}
    device.stop()


def test_publishing_payloads_waits_for_room(smartrest_platform: Platform, wire: Wire) -> None:
    device = Device("127.0.0.1", "dev", port=wire.port, tls=False, limits=SMALL, linger=0.01)
    dropped: list[Dropped] = []
    device.listen(Dropped)(dropped.append)
    device.start(10)
    wire.stall()
    number = 0
    with pytest.raises(TimeoutError):
        for number in range(1_000):
            device.publish("s/us", b"400,event,%d" % number, block=0.2)
    assert 100 < number < 200
    threading.Timer(0.3, wire.resume).start()
    for more in range(number, 500):
        device.publish("s/us", b"400,event,%d" % more, block=True)
    assert device.flush(20)
    assert [int(row[2]) for row in smartrest_platform.published("s/us") if row[0] == "400"] == list(range(500))
    assert dropped == []
    device.stop()


def test_no_caller_waits_for_room_that_cannot_come(smartrest_platform: Platform) -> None:
    device = Device("127.0.0.1", "dev", port=smartrest_platform.port, tls=False, limits=SMALL, linger=60.0)
    with pytest.raises(RuntimeError, match="the queue is full, and no rows leave it"):
        while True:
            device.send(("400", "event", "x" * 1_000), block=True)
    caught: list[BaseException] = []

    @device.listen(QueueHalfFull)
    def listener(event: QueueHalfFull) -> None:
        try:
            while True:
                device.send(("400", "event", "x" * 1_000), block=True)
        except RuntimeError as error:
            caught.append(error)

    device.start(10)
    assert device.flush(10)
    assert "a listener cannot wait for room" in str(caught[0])
    device.stop()


def test_room_for_coroutines(smartrest_platform: Platform, wire: Wire) -> None:
    async def run() -> None:
        device = AsyncDevice("127.0.0.1", "dev", port=wire.port, tls=False, limits=SMALL, linger=0.01)
        dropped: list[Dropped] = []
        device.listen(Dropped)(dropped.append)
        await device.start(10)
        wire.stall()
        number = 0
        while await device.room(0.2):
            device.send(("400", "event", number))
            number += 1
        assert 50 < number < 100
        asyncio.get_running_loop().call_later(0.3, wire.resume)

        async def produce(first: int) -> None:
            for more in range(first, first + 300):
                assert await device.room()
                device.send(("400", "event", more))

        await asyncio.gather(*(produce(1_000 * task) for task in range(1, 11)))
        assert await device.flush(20)
        assert dropped == []
        assert device.statistics.acknowledged == number + 3_000
        await device.stop()
        assert await device.room(1)
        wire.stall()
        while 2 * device.health().waiting_bytes < SMALL.queue:
            device.send(("400", "event", "x" * 1_000))
        assert not await device.room()  # ended, so none would come

    asyncio.run(run())


def progress(platform: Platform, topic: str = "s/us") -> list[tuple[str, ...]]:
    return [row for row in platform.published(topic) if row[:2] == ("400", "OperationProgress")]


@pytest.mark.parametrize("coroutine", [False, True])
def test_progress(smartrest_platform: Platform, make: Make, kind: str, coroutine: bool) -> None:
    if coroutine and kind == "paho":
        pytest.skip("handlers of Device are plain functions")
    device = make(smartrest_platform, children=["c1"], linger=60.0)
    kept: list[Operation] = []

    def command(operation: Operation) -> str:
        kept.append(operation)
        for percent in (0, 50):
            operation.progress(f'{percent} %, "so far"\n')
        operation.progress("\ud800" + "x" * 20_000)
        return "done"

    async def command_async(operation: Operation) -> str:
        await asyncio.sleep(0)
        return command(operation)

    device.operation("c8y_Command")(command_async if coroutine else command)
    device.on("dm9", id_field=2)(command)
    device.start(10)
    operation, other = smartrest_platform.send(("511", "dev", "work"), ("511", "c1", "work"))
    assert other.wait(10).status == operation.wait(10).status == "SUCCESSFUL"
    for topic in ("s/us", "s/us/c1"):
        rows = [row for row in smartrest_platform.published(topic) if row[0] in ("400", "501", "503")]
        assert rows[0] == ("501", "c8y_Command")
        assert [row[2] for row in rows[1:3]] == [f'c8y_Command: {n} %, "so far"\n' for n in (0, 50)]
        assert rows[3][2].startswith("c8y_Command: \\ud800xxx")
        assert rows[4] == ("503", "c8y_Command", "done")
    kept[0].progress("too late")
    smartrest_platform.reply("s/ds", ("dm9", "dev", "4711"))
    smartrest_platform.wait_for(lambda: any("dm9 4711: 50" in row[2] for row in progress(smartrest_platform)))
    assert device.flush(10)
    assert not any("too late" in row[2] for row in progress(smartrest_platform))
    events = smartrest_platform.inventory["dev"].events
    assert events[0].type == "OperationProgress"


def test_progress_without_a_device() -> None:
    session = Session("dev")
    operation = Operation("dev", None, "c8y_Command", ("511", "dev", "x"), "s/ds")
    with pytest.raises(RuntimeError, match=r"Session\.progress"):
        operation.progress("text")
    assert session.progress(operation, "not one of its own") == []


def test_a_handler_sees_that_its_time_is_over(smartrest_platform: Platform, make: Make) -> None:
    device = make(smartrest_platform, limits=replace(QUICK, operation=0.3))
    ended: list[str | None] = []

    @device.operation("c8y_Command")
    def command(operation: Operation) -> str:
        assert operation.cancelled is None
        deadline = time.monotonic() + 10
        while not operation.cancelled and time.monotonic() < deadline:
            time.sleep(0.01)
        ended.append(operation.cancelled)
        return "late"

    device.start(10)
    (operation,) = smartrest_platform.send(("511", "dev", "work"))
    assert operation.wait(10).reason == "no result within 0.3 seconds"
    device.wait_event(OperationTimedOut)
    deadline = time.monotonic() + 5
    while not ended and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ended == ["no result within 0.3 seconds"]
    assert operation.status == "FAILED"


@pytest.mark.parametrize("coroutine", [False, True])
def test_the_time_limit_is_set_once_when_the_handler_begins(
    smartrest_platform: Platform, make: Make, kind: str, coroutine: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if coroutine and kind == "paho":
        pytest.skip("handlers of Device are plain functions")
    device = make(smartrest_platform, workers=1, limits=replace(QUICK, operation=2.0))
    order: list[str] = []
    extend = Flow.extend

    def counted(self: Flow, entry: Entry, seconds: float | None, now: float) -> None:
        order.append(f"{entry.operation.row[2]} {seconds}")
        extend(self, entry, seconds, now)

    monkeypatch.setattr(Flow, "extend", counted)

    def command(operation: Operation) -> None:
        order.append(f"{operation.row[2]} works")
        time.sleep(0.2)

    async def command_in_the_loop(operation: Operation) -> None:
        command(operation)

    device.operation("c8y_Command")(command_in_the_loop if coroutine else command)
    device.add_child("c1")
    device.start(10)
    for operation in smartrest_platform.send(("511", "dev", "1"), ("511", "c1", "2")):
        assert operation.wait_for("SUCCESSFUL")
    assert sorted(order) == ["1 2.0", "1 works", "2 2.0", "2 works"]
    assert sorted(line[0] for line in order[:2]) in (["1", "1"], ["2", "2"])  # not counted while it waits for a worker


@pytest.mark.parametrize("coroutine", [False, True])
def test_a_handler_sees_that_the_device_stops(
    smartrest_platform: Platform, make: Make, kind: str, coroutine: bool
) -> None:
    """Its answer, given in time, is sent."""
    if coroutine and kind == "paho":
        pytest.skip("handlers of Device are plain functions")
    device = make(smartrest_platform)
    begun = threading.Event()

    def command(operation: Operation) -> str:
        begun.set()
        while not operation.cancelled:
            time.sleep(0.01)
        return f"ended early: {operation.cancelled}"

    async def command_async(operation: Operation) -> str:
        begun.set()
        while not operation.cancelled:
            await asyncio.sleep(0.01)
        return f"ended early: {operation.cancelled}"

    device.operation("c8y_Command")(command_async if coroutine else command)
    device.start(10)
    (operation,) = smartrest_platform.send(("511", "dev", "work"))
    assert begun.wait(10)
    device.stop(5)
    device.wait_event(Closed)
    assert operation.wait(5).result == "ended early: the device stops"


def test_operations_not_begun_at_the_stop_are_not_cancelled_after_a_start(
    smartrest_platform: Platform, make: Make
) -> None:
    device = make(smartrest_platform, workers=1, limits=replace(QUICK, drain=0.3))
    begun, go_on = threading.Event(), threading.Event()

    @device.operation("c8y_Command")
    def command(operation: Operation) -> str:
        begun.set()
        go_on.wait(10)
        return str(operation.cancelled)

    @device.operation("c8y_Restart")
    def restart(operation: Operation) -> str:
        return str(operation.cancelled)

    device.start(10)
    first, second = smartrest_platform.send(("511", "dev", "work"), ("510", "dev"))
    assert begun.wait(10)
    second.wait_for("EXECUTING")
    device.stop(5)
    device.start(10)
    go_on.set()
    assert (first.wait(10).result, second.wait(10).result) == ("None", "None")


def test_a_handler_sees_that_the_platform_refuses_the_device(wire: Wire, make: Make, smartrest_platform: Any) -> None:
    device = make(wire)
    begun = threading.Event()
    seen: list[str | None] = []

    @device.operation("c8y_Command")
    def command(operation: Operation) -> None:
        begun.set()
        deadline = time.monotonic() + 10
        while not operation.cancelled and time.monotonic() < deadline:
            time.sleep(0.01)
        seen.append(operation.cancelled)

    device.start(10)
    smartrest_platform.send(("511", "dev", "work"))
    assert begun.wait(10)
    wire.refuse(2)
    wire.cut()
    deadline = time.monotonic() + 10
    while not seen and time.monotonic() < deadline:
        time.sleep(0.01)
    assert seen == ["the platform refuses the device"]


@pytest.mark.alone
def test_the_loop_goes_on_while_rows_are_written(smartrest_platform: Platform, make: Make, tmp_path: Path) -> None:
    """10,000 rows into the file and out, without a noticeable pause of the loop."""
    device = LoopDevice("127.0.0.1", "dev", port=smartrest_platform.port, tls=False, outbox=tmp_path / "outbox.db")
    device.start(10)

    async def produce() -> float:
        longest, last = 0.0, time.perf_counter()
        for number in range(10_000):
            device.device.send(("400", "event", number))
            await asyncio.sleep(0)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        await device.device.flush(30)
        return longest

    longest = device._do(produce())
    device.stop(10)
    device.close()
    assert longest < 0.5, longest  # on a busy machine
