"""`Device` and `AsyncDevice` with a real broker and the stand-in platform: life cycle, operations, sending.

Broken connections: `test_device_faults.py`.
"""

from __future__ import annotations

import asyncio
import logging
import stat
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support_device import QUICK, LoopDevice, Make

from smartrest import PayloadTooLargeError, SmartRestError, decode
from smartrest.device import (
    AsyncDevice,
    Child,
    Closed,
    Credentials,
    Delivered,
    Lost,
    MessageReceived,
    OperationAnswered,
    OperationReceived,
    OperationRefused,
    OperationTimedOut,
    TokenReceived,
)
from smartrest.mqtt import last_will
from smartrest.testing import Broker, Platform


@pytest.mark.smartrest_platform(tokens="all")
def test_the_whole_life_cycle(smartrest_platform: Platform, make: Make) -> None:
    device = make(smartrest_platform, children=["c1", Child("c2", parent="c1")], token=True, name="Pump 7", type="pump")

    @device.operation("c8y_Command")
    def command(operation: Any) -> str:
        return f"{operation.device} ran {operation.parameters['command']}"

    device.start(10)
    token = device.wait_event(TokenReceived)
    assert device.token
    assert device.token not in repr(token)
    assert smartrest_platform.wait_for_device("dev").name == "Pump 7"
    assert smartrest_platform.wait_for_device("c2").parent is smartrest_platform.inventory["c1"]
    device.send(("200", "c8y_Temperature", "T", 25.3, "C"), ("200", "c8y_Temperature", "T", 25.4, "C"))
    device.send(("200", "c8y_Pressure", "P", 1.2, "bar"), child="c1")
    assert device.flush(5)
    first, second = smartrest_platform.send(("511", "dev", 'echo "a,b"\nls'), ("511", "c1", "ls"))
    assert first.wait(5).status == second.wait(5).status == "SUCCESSFUL"
    assert (first.result, second.result) == ('dev ran echo "a,b"\nls', "c1 ran ls")
    device.stop()
    device.wait_event(Closed)
    rows = [row[0] for topic in ("s/us", "s/us/c1") for row in smartrest_platform.published(topic)]
    assert rows == ["100", "101", "500", "200", "200", "501", "503", "101", "200", "501", "503"]
    assert [len(decode(p)) for p in smartrest_platform.payloads("s/us")] == [2, 1, 2, 1, 1]
    assert smartrest_platform.errors == []


@pytest.mark.smartrest_platform(login="issued", bootstrap_password="b00t", registration="ask")
def test_credentials_are_fetched_stored_and_never_shown(
    smartrest_platform: Platform, make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    store = tmp_path / "credentials.json"
    device = make(smartrest_platform, bootstrap="b00t", store=store)
    device.start()
    smartrest_platform.wait_for(lambda: "dev" in smartrest_platform.waiting)
    password = 'p,"q""r",\\s\\" s3cret'
    smartrest_platform.accept("dev", password=password)
    device.wait_online(10)
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    device.stop()
    again = make(smartrest_platform, store=store)
    again.start(10)
    assert again.session.credentials.password == password
    for text in (caplog.text, repr(again), repr(device.events), repr(again.session.credentials)):
        assert "s3cret" not in text
        assert "b00t" not in text
    assert caplog.text


def test_results_and_failures(smartrest_platform: Platform, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    device = make(smartrest_platform)

    @device.operation("c8y_Command")
    def command(operation: Any) -> Any:
        return eval(operation.parameters["command"], {"fail": fail})

    def fail(error: BaseException) -> None:
        raise error

    device.start(10)
    cases = {
        "None": ("SUCCESSFUL", None, None),
        "'text'": ("SUCCESSFUL", "text", None),
        "''": ("SUCCESSFUL", None, None),
        "2.5": ("SUCCESSFUL", "2.5", None),
        "b'bytes'": ("FAILED", None, "cannot be sent as a field"),
        "fail(ValueError('no, \"never\"\\nagain'))": ("FAILED", None, 'no, "never"\nagain'),
        "fail(KeyError())": ("FAILED", None, "KeyError"),
        "fail(SystemExit(3))": ("FAILED", None, "3"),
        "fail(RuntimeError('x' * 20_000))": ("FAILED", None, "xxxxxxxxxx"),
        "'y' * 20_000": ("SUCCESSFUL", "y" * 16_000, None),
    }
    operations = smartrest_platform.send(*[("511", "dev", text) for text in cases])
    for operation, (status, result, reason) in zip(operations, cases.values(), strict=True):
        operation.wait(10)
        assert operation.status == status
        assert reason is None or reason in (operation.reason or "")
        assert result is None or (operation.result or "").startswith(result)
    assert smartrest_platform.errors == []
    assert "never" in caplog.text
    assert device.statistics.operations == len(cases)


def test_slow_commands_do_not_swap_their_results(smartrest_platform: Platform, make: Make) -> None:
    device = make(smartrest_platform, children=["c1"])
    running: list[str] = []

    @device.operation("c8y_Command", "c8y_Restart")
    def slow(operation: Any) -> str:
        running.append(operation.device + operation.fragment)
        assert running.count(operation.device + operation.fragment) == 1
        time.sleep(0.2 if operation.row[-1] == "slow" else 0.01)
        running.remove(operation.device + operation.fragment)
        return f"{operation.device} {operation.row[-1]}"

    device.start(10)
    begin = time.monotonic()
    rows = [("511", who, how) for how in ("slow", "quick", "slow") for who in ("dev", "c1")]
    operations = smartrest_platform.send(*rows, ("510", "dev"))
    for operation, row in zip(operations, rows, strict=False):
        assert operation.wait(10).result == f"{row[1]} {row[2]}"
    assert time.monotonic() - begin < 1.5  # devices side by side
    operations[-1].wait(5)
    assert smartrest_platform.errors == []


def test_a_handler_that_hangs(smartrest_platform: Platform, make: Make) -> None:
    device = make(smartrest_platform, limits=replace(QUICK, operation=0.3), workers=1)
    release = threading.Event()

    @device.operation("c8y_Command")
    def command(operation: Any) -> str:
        if operation.parameters["command"] == "hang":
            release.wait(20)
        return "done"

    @device.operation("c8y_Restart")
    def restart(operation: Any) -> None: ...

    device.start(10)
    hung, busy, other = smartrest_platform.send(("511", "dev", "hang"), ("511", "dev", "x"), ("510", "dev"))
    assert hung.wait(5).status == busy.wait(5).status == "FAILED"
    assert (hung.reason, other.wait(5).status) == ("no result within 0.3 seconds", "SUCCESSFUL")
    assert busy.reason == "the handler of an earlier operation has not returned"
    device.wait_event(OperationTimedOut)
    release.set()
    deadline = time.monotonic() + 5
    while True:  # until the thread has freed the lane
        (again,) = smartrest_platform.send(("511", "dev", "x"))
        if again.wait(5).status == "SUCCESSFUL" or time.monotonic() > deadline:
            break
    assert (again.status, again.result) == ("SUCCESSFUL", "done")


def test_operations_without_a_handler(smartrest_platform: Platform, make: Make) -> None:
    device = make(smartrest_platform)
    device.start(10)
    device.send(("101", "late"))
    smartrest_platform.wait_for_device("late")
    device.publish("s/us", b"101,stranger")  # unknown to the session
    smartrest_platform.wait_for_device("stranger")
    orphan, mine, late = smartrest_platform.send(("511", "stranger", "ls"), ("511", "dev", "ls"), ("510", "late"))
    assert mine.wait(5).reason == "no handler for c8y_Command"
    assert late.wait(5).reason == "no handler for c8y_Restart"
    refused = device.wait_event(OperationRefused)
    assert refused.reason == "unknown child device stranger"  # type: ignore[attr-defined]  # its class was asked for
    assert orphan.wait(5).reason == "unknown child device stranger"


def test_handlers_by_template_id_and_of_collections(smartrest_platform: Platform, make: Make) -> None:
    device = make(smartrest_platform, x_ids=["acme"])
    seen: list[Any] = []

    @device.on("511")
    def command(operation: Any) -> None:
        seen.append(operation.parameters)

    @device.on("dm101", fragment="acme_Pump")
    def pump(operation: Any) -> list[str]:
        seen.append(operation.parameters)
        return ["1450", "rpm"]

    device.start(10)
    smartrest_platform.send(("511", "dev", "ls"))[0].wait(5)
    operation = smartrest_platform.send(("dm101", "dev", "fast"), topic="s/dc/acme", fragment="acme_Pump")[0].wait(5)
    assert operation.status == "SUCCESSFUL"
    assert seen == [{"command": "ls"}, {"2": "fast"}]
    smartrest_platform.reply("s/dc/acme", ("999", "x"))
    device.wait_for(lambda events: MessageReceived("s/dc/acme", ("999", "x")) in events)


def test_sending_from_many_threads(smartrest_platform: Platform, make: Make) -> None:
    device = make(smartrest_platform, children=["c1"])
    device.start(10)

    def send(number: int) -> None:
        for step in range(50):
            device.send(("200", f"thread{number}", "T", step), child="c1" if number % 2 else None)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert device.flush(10)
    assert device.statistics.sent == device.statistics.acknowledged == 400

    def measurements() -> list[tuple[str, ...]]:
        return [row for topic in ("s/us", "s/us/c1") for row in smartrest_platform.published(topic) if row[0] == "200"]

    smartrest_platform.wait_for(lambda: len(measurements()) == 400)
    rows = measurements()
    for number in range(8):
        assert [int(row[3]) for row in rows if row[1] == f"thread{number}"] == list(range(50))
    assert len(smartrest_platform.payloads("s/us")) < 200  # packed


def test_rows_that_are_too_long(smartrest_platform: Platform, make: Make) -> None:
    device = make(smartrest_platform)
    device.start(10)
    with pytest.raises(PayloadTooLargeError):
        device.send(("400", "c8y_Event", "x" * 17_000))
    with pytest.raises(SmartRestError):
        device.send(("400", "c8y_Event", "x"), child="a/b")
    assert device.statistics.sent == 0
    device.send(("400", "c8y_Event", "x" * 16_100))
    device.send(("140", *(text for n in range(900) for text in (f"package-{n}", "1.0", "apt", "http://example.com"))))
    assert device.flush(10)
    smartrest_platform.wait_for(lambda: "141" in [row[0] for row in smartrest_platform.published("s/us")])
    assert device.online
    counts = device.statistics
    assert counts.connections == 1
    assert counts.sent == counts.acknowledged > 2  # a split row counts as its parts
    assert smartrest_platform.errors == []


def test_stopping_delivers_first_and_starting_again_works(smartrest_platform: Platform, make: Make) -> None:
    device = make(smartrest_platform, linger=30.0)
    device.send(("200", "a", "b", 1))  # before it was started
    device.start(10)
    device.send(("200", "a", "b", 2))
    device.stop()
    smartrest_platform.wait_for(lambda: ("200", "a", "b", "2") in smartrest_platform.published("s/us"))
    assert [row[3] for row in smartrest_platform.published("s/us") if row[0] == "200"] == ["1", "2"]
    assert not device.online
    device.start(10)
    device.send(("200", "a", "b", 3))
    assert device.flush(5)
    with pytest.raises(RuntimeError, match="already started"):
        device.start()
    device.stop()
    device.stop()
    device.send(("200", "a", "b", 4))
    device.stop()
    assert device.session.pending == 1
    smartrest_platform.wait_for(lambda: ("200", "a", "b", "3") in smartrest_platform.published("s/us"))


def test_jobs_that_wait_at_the_stop_run_after_the_next_start(smartrest_platform: Platform, make: Make) -> None:
    device = make(smartrest_platform, children=["c1"], workers=1, limits=replace(QUICK, drain=0.3))
    begun, release = threading.Event(), threading.Event()

    @device.operation("c8y_Command")
    def command(operation: Any) -> str:
        begun.set()
        release.wait(20)
        return str(operation.device)

    device.start(10)
    smartrest_platform.wait_for_device("c1")
    operations = smartrest_platform.send(("511", "dev", "x"), ("511", "c1", "x"))
    assert begun.wait(5)
    operations[1].wait_for("EXECUTING", seconds=5)
    device.stop()
    device.start(10)
    release.set()
    assert [operation.wait(5).result for operation in operations] == ["dev", "c1"]


def test_a_handler_may_stop_the_device(smartrest_platform: Platform, make: Make, kind: str) -> None:
    device = make(smartrest_platform)

    @device.operation("c8y_Restart")
    def restart(operation: Any) -> None:
        if kind == "paho":
            device.stop()
        else:
            asyncio.run_coroutine_threadsafe(device.device.device.stop(), device.device._loop)

    device.start(10)
    begin = time.monotonic()
    (operation,) = smartrest_platform.send(("510", "dev"))
    assert operation.wait(5).status == "SUCCESSFUL"
    device.wait_event(Closed)
    assert time.monotonic() - begin < 5


def test_a_listener_that_fails_stops_nothing(
    smartrest_platform: Platform, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    device = make(smartrest_platform)

    @device.listen(Delivered)
    def fault(event: Delivered) -> None:
        raise ValueError("a fault of the program")

    device.start(10)
    device.send(("200", "a", "b", 1))
    assert device.flush(5)
    device.wait_event(Delivered)
    deadline = time.monotonic() + 5
    while "a fault of the program" not in caplog.text and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "a fault of the program" in caplog.text
    assert device.online


@pytest.mark.needs("mosquitto")
def test_websocket_and_last_will(kind: str, make: Make) -> None:
    with Broker("mosquitto", websocket=True) as broker, Platform(broker) as platform:
        device = make(platform, port=broker.websocket_port, websocket=True, last_will=last_will("gone"))
        device.start(10)
        device.send(("200", "a", "b", 1))
        assert device.flush(5)
        platform.wait_for(lambda: ("200", "a", "b", "1") in platform.published("s/us"))
        device.stop()
        assert ("400", "c8y_ConnectionEvent", "gone") not in platform.published("s/us")


@pytest.mark.needs("mosquitto")
def test_credentials_that_do_not_fit(make: Make) -> None:
    with Broker("mosquitto", users={"t1/dev": "right"}) as broker, Platform(broker) as platform:
        device = make(platform, credentials=Credentials("t1", "dev", "wrong"))
        with pytest.raises(ConnectionError, match=r"not authorized|password"):
            device.start(10)
        good = make(platform, credentials=Credentials("t1", "dev", "right"))
        good.start(10)
        assert good.online


def test_coroutine_handlers(smartrest_platform: Platform) -> None:
    device = LoopDevice(
        smartrest_platform.host, "dev", port=smartrest_platform.port, tls=False, limits=replace(QUICK, operation=0.3)
    )
    cancelled: list[str] = []

    @device.operation("c8y_Command")
    async def command(operation: Any) -> str:
        text = str(operation.parameters["command"])
        try:
            await asyncio.sleep(20 if text == "hang" else 0.01)
        except asyncio.CancelledError:
            cancelled.append(text)
            raise
        if text == "bad":
            raise ValueError("no")
        return text.upper()

    device.start(10)
    try:
        hung, good, bad = smartrest_platform.send(*[("511", "dev", text) for text in ("hang", "good", "bad")])
        assert hung.wait(5).reason == "no result within 0.3 seconds"
        assert good.wait(5).result == "GOOD"
        assert bad.wait(5).reason == "no"
        assert cancelled == ["hang"]
    finally:
        device.stop()
        device.close()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_a_loop_with_eager_tasks(smartrest_platform: Platform) -> None:
    async def life() -> list[str | None]:
        asyncio.get_running_loop().set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009 - not in 3.11
        device = AsyncDevice(smartrest_platform.host, "dev", port=smartrest_platform.port, tls=False, limits=QUICK)

        @device.operation("c8y_Command")
        async def command(operation: Any) -> str:
            return str(operation.row[2]).upper()

        await device.start(10)
        operations = smartrest_platform.send(*[("511", "dev", text) for text in "abc"])
        results = [(await asyncio.to_thread(operation.wait, 5)).result for operation in operations]
        await device.stop()
        return results

    assert asyncio.run(life()) == ["A", "B", "C"]


def test_events_of_an_operation(smartrest_platform: Platform, make: Make) -> None:
    device = make(smartrest_platform)
    device.operation("c8y_Command")(lambda operation: "x")
    device.start(10)
    smartrest_platform.send(("511", "dev", "ls"))[0].wait(5)
    answered = device.wait_event(OperationAnswered)
    received = device.wait_event(OperationReceived)
    assert answered.operation is received.operation  # type: ignore[attr-defined]  # their classes were asked for


@pytest.mark.needs("mosquitto")
def test_websocket_with_tls(make: Make, pki: Path) -> None:
    files = {"certfile": pki / "server.pem", "keyfile": pki / "server.key"}
    with Broker("mosquitto", websocket=True, **files) as broker, Platform(broker) as platform:
        device = make(platform, port=broker.websocket_port, websocket=True, tls=True, ca_file=pki / "ca.pem")
        device.operation("c8y_Command")(lambda operation: "x" * 15_000)
        device.start(10)
        (operation,) = platform.send(("511", "dev", "ls"))
        assert operation.wait(5).result == "x" * 15_000
        device.send(*(("200", "a", "b", number) for number in range(2_000)))
        assert device.flush(5)
        stranger = make(platform, port=broker.websocket_port, websocket=True, tls=True)
        with pytest.raises(TimeoutError):
            stranger.start(0.5)
        lost = stranger.wait_event(Lost)
        assert "certificate verify failed" in lost.reason  # type: ignore[attr-defined]  # its class was asked for
