"""Both devices with a failing network or broker: refused, cut, silent, killed, sending nonsense."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from support_device import QUICK, Make

from smartrest import PACKET_LIMIT
from smartrest.device import Delivered, Dropped, GaveUp, Limits, Lost, Online, OperationReceived, Refused
from smartrest.mqtt import ConnackCode, last_will
from smartrest.testing import Broker, Platform, Wire


@pytest.fixture
def wire(smartrest_platform: Platform) -> Iterator[Wire]:
    with Wire(smartrest_platform.port) as relay:
        yield relay


@pytest.mark.parametrize("code", [1, 2, 4])
def test_a_permanent_refusal(wire: Wire, make: Make, code: int) -> None:
    wire.refuse(code)
    device = make(wire)
    with pytest.raises(ConnectionError) as caught:
        device.start(10)
    assert caught.value.code is ConnackCode(code)  # type: ignore[attr-defined]  # a DeviceError
    assert wire.accepted == 1
    device.start(10)  # no longer refused
    assert device.online


def test_running_ends_with_a_permanent_refusal(wire: Wire, make: Make) -> None:
    wire.refuse(4)
    device = make(wire)
    with pytest.raises(ConnectionError, match="bad user name or password: get new credentials"):
        device.run()


def test_no_caller_waits_for_a_device_that_has_ended(wire: Wire, make: Make) -> None:
    wire.refuse(4)
    device = make(wire)
    device.send(("200", "c8y_T", "T", 1))
    with pytest.raises(ConnectionError):
        device.start(10)
    flushed: list[bool] = []
    waiting = threading.Thread(target=lambda: flushed.append(device.flush()), daemon=True)
    waiting.start()
    waiting.join(5)
    assert flushed == [False]


def test_a_host_that_no_resolver_takes(make: Make) -> None:
    device = make(SimpleNamespace(host="label" * 20 + ".example.com", port=1883))
    device.start()
    device.wait_event(Lost, 2)


@pytest.mark.parametrize("code", [3, 5])
def test_a_refusal_that_passes(wire: Wire, make: Make, code: int) -> None:
    wire.refuse(code, times=3)
    device = make(wire)
    device.start(10)
    assert [event.code for event in device.events if isinstance(event, Refused)] == [code] * 3
    assert wire.accepted == 4


def test_not_authorized_is_given_up_after_a_few_attempts(wire: Wire, make: Make) -> None:
    wire.refuse(5, times=50)
    device = make(wire)
    with pytest.raises(ConnectionError, match="not authorized"):
        device.start(10)
    assert wire.accepted == 6
    device.wait_event(GaveUp)


@pytest.mark.parametrize("code", [1, 2, 4])
def test_refused_for_good_on_a_standing_connection(wire: Wire, make: Make, code: int) -> None:
    device = make(wire)
    device.start(10)
    wire.inject(bytes((0x20, 2, 0, code)))
    assert device.wait_event(GaveUp).code is ConnackCode(code)
    assert not device.online
    assert wire.accepted == 1


def test_accepted_once_more_on_a_standing_connection(wire: Wire, make: Make, smartrest_platform: Platform) -> None:
    device = make(wire)
    device.start(10)
    wire.inject(bytes((0x20, 2, 0, 0)))
    device.send(("400", "acme_Still", "here"))
    assert device.flush(5)
    assert device.online
    assert wire.accepted == 1


def test_refused_for_now_on_a_standing_connection(wire: Wire, make: Make) -> None:
    device = make(wire)
    device.start(10)
    wire.inject(bytes((0x20, 2, 0, 5)))
    assert device.wait_event(Refused).code is ConnackCode.NOT_AUTHORIZED
    device.wait_event(Online, 2)
    assert not any(isinstance(event, Lost) for event in device.events)


@pytest.mark.needs("mosquitto")
def test_no_server(make: Make, kind: str) -> None:
    with Broker("mosquitto") as broker:
        port = broker.port
    device = make(broker, port=port)
    with pytest.raises(TimeoutError):
        device.start(0.5)
    device.send(("200", "a", "b", 1))
    device.wait_event(Lost, 2)
    begin = time.monotonic()
    device.stop()
    assert time.monotonic() - begin < 5
    device.wait_event(Dropped)


@pytest.mark.needs("mosquitto")
def test_the_broker_is_killed_in_mid_stream(make: Make) -> None:
    with Broker("mosquitto") as broker, Platform(broker) as platform:
        device = make(platform, children=["c1"])
        ran: list[str] = []

        @device.operation("c8y_Command")
        def command(operation: Any) -> str:
            ran.append(operation.parameters["command"])
            time.sleep(0.05)
            return f"ran {operation.parameters['command']}"

        device.start(10)
        platform.wait_for_device("c1")
        operations = []
        number = 0
        for round_ in range(3):
            operations += platform.send(*[("511", ("dev", "c1")[n % 2], f"run {round_}.{n}") for n in range(6)])
            for turn in range(40):
                device.send(("200", "c8y_T", "T", number))
                number += 1
                time.sleep(0.002)
                if turn == 30:
                    platform.published("s/us")  # so far no acknowledged row can be lost, however slow the machine is
            broker.kill()
            for _ in range(20):
                device.send(("200", "c8y_T", "T", number))
                number += 1
            broker.start()
            device.wait_event(Online, round_ + 2)
        assert device.flush(20)
        for operation in operations:
            assert operation.wait(20).result == f"ran {operation.row[2]}"
        assert sorted(ran) == sorted(operation.row[2] for operation in operations)

        def arrived() -> list[int]:
            return [int(row[3]) for row in platform.published("s/us") if row[0] == "200"]

        # QoS 1 does not cover rows that the broker lost after acknowledging; all others must be there, in order
        platform.wait_for(lambda: number - 1 in arrived())
        assert len(set(arrived())) >= number - 3 * 20
        assert device.statistics.acknowledged == device.statistics.sent == number
        assert device.statistics.dropped == 0
        first = [value for place, value in enumerate(arrived()) if value not in arrived()[:place]]
        assert first == sorted(first)


def test_cut_connections_lose_nothing(smartrest_platform: Platform, wire: Wire, make: Make) -> None:
    device = make(wire)
    device.operation("c8y_Command")(lambda operation: operation.row[2])
    device.start(10)
    operations = []
    for cut in range(8):
        operations += smartrest_platform.send(*[("511", "dev", f"{cut}.{n}") for n in range(3)])
        for number in range(30):
            device.send(("200", "c8y_T", "T", cut * 30 + number))
            time.sleep(0.001)
        wire.cut()
        device.wait_event(Lost, cut + 1)
        device.wait_event(Online, cut + 2)
    assert device.flush(10)
    for operation in operations:
        assert operation.wait(10).result == operation.row[2]

    def values() -> set[int]:
        return {int(row[3]) for row in smartrest_platform.published("s/us") if row[0] == "200"}

    smartrest_platform.wait_for(lambda: values() == set(range(240)))
    assert sum(isinstance(event, OperationReceived) for event in device.events) == len(operations)


def test_a_half_open_connection_is_noticed(smartrest_platform: Platform, wire: Wire, make: Make) -> None:
    device = make(wire, limits=replace(QUICK, acknowledge=0.5, connect=0.5))
    device.start(10)
    wire.stall()
    device.send(("200", "c8y_T", "T", 1))
    lost = device.wait_event(Lost)
    assert lost.reason == "no acknowledgement in time"  # type: ignore[attr-defined]  # its class was asked for
    device.wait_event(Lost, 2)  # no CONNACK comes either
    wire.cut()
    wire.resume()
    assert device.flush(10)
    smartrest_platform.wait_for(lambda: ("200", "c8y_T", "T", "1") in smartrest_platform.published("s/us"))


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x30\x08\x00\x04s/\xff\xfe\x00\x01",  # a topic with invalid UTF-8
        b"\x90\x03\x00\x63\x00",  # SUBACK without SUBSCRIBE
        b"\x40\x02\x00\x63",  # PUBACK without PUBLISH
        b"\x20\x02\x00\x03",  # a CONNACK on an open connection, which is being closed
        b"\xff" * 64,
        b"\x00\x00",
    ],
)
def test_nonsense_from_the_server(smartrest_platform: Platform, wire: Wire, make: Make, garbage: bytes) -> None:
    device = make(wire, keepalive=5)
    device.start(10)
    wire.inject(garbage)
    time.sleep(0.1)
    wire.cut()  # unnoticed
    device.wait_event(Online, 2)
    device.send(("200", "c8y_T", "T", 1))
    assert device.flush(10)


def test_the_last_will_is_published_for_it(smartrest_platform: Platform, wire: Wire, make: Make) -> None:
    device = make(wire, last_will=last_will("gone"))
    device.start(10)
    wire.cut()
    smartrest_platform.wait_for(lambda: ("400", "c8y_ConnectionEvent", "gone") in smartrest_platform.published("s/us"))
    device.wait_event(Online, 2)


def test_a_hundred_operations_after_being_offline(smartrest_platform: Platform, wire: Wire, make: Make) -> None:
    device = make(wire, children=["c1"])
    ran: list[str] = []

    @device.operation("c8y_Command")
    def command(operation: Any) -> str:
        ran.append(operation.row[2])
        return f"{operation.device}: {operation.row[2]}"

    device.start(10)
    smartrest_platform.wait_for_device("c1")
    device.stop()
    rows = [("511", "dev" if n % 2 else "c1", f"command {n}") for n in range(100)]
    operations = [operation for row in rows for operation in smartrest_platform.send(row)]
    assert ran == []
    device.start(10)
    for operation, row in zip(operations, rows, strict=True):
        assert operation.wait(20).result == f"{row[1]}: {row[2]}"
    assert sorted(ran) == sorted(row[2] for row in rows)
    for who in ("dev", "c1"):
        mine = [int(text.split()[1]) for text in ran if (int(text.split()[1]) % 2 == 1) == (who == "dev")]
        assert mine == sorted(mine)
    assert smartrest_platform.errors == []


def test_flushed_rows_have_been_reported(smartrest_platform: Platform, make: Make) -> None:
    """After `flush`, listeners have seen all events and statistics are complete."""
    device = make(smartrest_platform, limits=QUICK)
    device.start(10)
    assert device.flush(10)
    before, told = device.statistics.acknowledged, []

    @device.listen(Delivered)
    def slow(event: Delivered) -> None:
        time.sleep(0.2)
        told.append(event.rows)

    for _ in range(3):
        device.send(("200", "c8y_T", "T", 1))
        assert device.flush(10)
        assert sum(told) == device.statistics.acknowledged - before
    assert sum(told) == 3


def test_the_queue_is_bounded_and_reports_dropped_rows(
    smartrest_platform: Platform, wire: Wire, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    device = make(wire, limits=replace(QUICK, queue=20_000))
    device.start(10)
    wire.refuse(3, times=1_000)
    wire.cut()
    device.wait_event(Lost)
    device.send(("400", "c8y_Event", "kept"))
    for number in range(1_000):
        device.send(("200", "c8y_T", "T", number))
    device.wait_event(Dropped)
    wire._refusals.clear()
    device.wait_event(Online, 2)
    assert device.flush(10)
    smartrest_platform.wait_for(lambda: ("200", "c8y_T", "T", "999") in smartrest_platform.published("s/us"))
    rows = smartrest_platform.published("s/us")
    assert ("400", "c8y_Event", "kept") in rows
    values = [int(row[3]) for row in rows if row[0] == "200"]
    assert values == list(range(values[0], 1_000))
    counts = device.statistics
    assert (counts.sent, counts.acknowledged + counts.dropped) == (1_001, 1_001)
    assert counts.dropped == values[0] > 0
    assert "rows dropped so far" in caplog.text


@pytest.mark.needs("mosquitto")
def test_the_packet_limit_is_never_broken(make: Make) -> None:
    """mosquitto closes the connection at the first packet over the limit."""
    with Broker("mosquitto", packet_limit=PACKET_LIMIT) as broker, Platform(broker) as platform:
        device = make(platform, children=["c1"])
        device.operation("c8y_Command")(lambda operation: "é\n" * 9_000)
        device.operation("c8y_Restart")(lambda operation: 1 / 0 if operation else None)
        device.start(10)
        platform.wait_for_device("c1")
        for first in range(0, 3_000, 10):
            rows = [("200", "c8y_T", "T", number) for number in range(first, first + 10)]
            device.send(*rows, child="c1" if first % 3 else None)
        assert device.flush(20)
        for operation in platform.send(("511", "dev", "x"), ("511", "c1", "x"), ("510", "c1")):
            operation.wait(10)
        sizes = [len(payload) for topic in ("s/us", "s/us/c1") for payload in platform.payloads(topic)]
        assert max(sizes) > 16_000
        assert device.statistics.connections == 1
        assert Limits().packet == PACKET_LIMIT
