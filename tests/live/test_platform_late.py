"""Messages that reach the stand-in platform late: those that the broker acknowledged to a device still count."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support_mqtt import BROKERS, MqttClient

from smartrest.testing import Broker, Platform, Traffic, Wire
from smartrest.testing.platform.links import MARK


@pytest.fixture(params=BROKERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


ROWS = [("100",), ("999",), ("200", "f", "s", "1"), ("501", "c8y_Restart")]
READS: dict[str, Callable[[Platform], Any]] = {
    "published": lambda platform: platform.published("s/us") == ROWS,
    "payloads": lambda platform: platform.payloads("s/us") == [b"100", b"999\n200,f,s,1\n501,c8y_Restart"],
    "traffic": lambda platform: any(("200", "f", "s", "1") in item.rows for item in platform.traffic()),
    "inventory": lambda platform: len(platform.inventory["dev1"].measurements) == 1,
    "operations": lambda platform: platform.operations[0].status == "EXECUTING",
    "errors": lambda platform: [row[1] for row in platform.errors] == ["999"],
    "str": lambda platform: "1 measurement" in str(platform),
    "wait_for": lambda platform: platform.wait_for(lambda: platform.published("s/us") == ROWS, 2) is None,
    "nested": lambda platform: platform.wait_for(lambda: nested(platform), 2) is None,
}


def nested(platform: Platform) -> bool:
    platform.wait_for(lambda: platform.traffic(), 2)
    return platform.published("s/us") == ROWS


@contextmanager
def late(wire: Wire, publish: Callable[[], None]) -> Iterator[None]:
    """Payloads from `publish` are acknowledged at once and reach the platform 0.2 s later."""
    wire.stall()
    publish()
    resume = threading.Timer(0.2, wire.resume)
    resume.start()
    try:
        yield
    finally:
        resume.join()


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_acknowledged_rows_count_at_once(kind: str, read: Callable[[Platform], Any]) -> None:
    with (
        Broker(kind) as broker,
        Wire(broker.port) as wire,
        Platform(port=wire.port, device_id="dev1") as platform,
        MqttClient("dev1", broker.port) as client,
    ):
        client.publish("s/us", "100")
        platform.wait_for_device("dev1")
        platform.send(("510", "dev1"))
        with late(wire, lambda: client.publish("s/us", "999\n200,f,s,1\n501,c8y_Restart")):
            assert read(platform)


def test_acknowledged_rows_count_after_the_end(kind: str) -> None:
    with (
        Broker(kind) as broker,
        Wire(broker.port) as wire,
        MqttClient("dev1", broker.port) as client,
        Platform(port=wire.port, device_id="dev1") as platform,
    ):
        with late(wire, lambda: client.publish("s/us", "100")):
            platform.stop()
        assert platform.published("s/us") == [("100",)]


@pytest.mark.parametrize("payload", [b"999999999", b"9" * 5000, b"", b"\xff,1"], ids=["large", "huge", "empty", "odd"])
def test_a_device_that_writes_to_the_own_topic_of_the_platform(kind: str, payload: bytes) -> None:
    with (
        Broker(kind) as broker,
        Wire(broker.port) as wire,
        Platform(port=wire.port, device_id="dev1") as platform,
        MqttClient("dev1", broker.port) as client,
    ):
        client.publish(MARK, payload)
        client.publish("s/us", "100")
        platform.wait_for_device("dev1")
        with late(wire, lambda: client.publish("s/us", "200,f,s,1")):
            assert platform.published("s/us") == [("100",), ("200", "f", "s", "1")]


def test_watchers_and_conditions_may_read_anything(kind: str) -> None:
    """They run while the platform holds its lock, one in the thread that receives messages: neither may wait."""
    seen: list[int] = []

    def watcher(traffic: Traffic) -> None:
        if traffic.direction == "up":
            assert platform.traffic()[-1] == traffic
            seen.append(len(platform.inventory))

    with Platform(kind) as platform, MqttClient("dev1", platform.port) as client:
        platform.watch(watcher)
        began = time.monotonic()
        client.publish("s/us", "100\n101,child1")
        client.publish("s/us", "999")
        platform.wait_for(lambda: seen == [0, 2] and [row[1] for row in platform.errors] == ["999"])
        assert time.monotonic() - began < 2


def test_the_older_of_two_clients_of_one_device_ends(kind: str) -> None:
    with Platform(kind) as platform, MqttClient("dev1", platform.port) as older:
        older.publish("s/us", "100")
        platform.wait_for_device("dev1")
        with MqttClient("d:dev1:acme", platform.port) as newer:
            older.wait(lambda: len(older.losses) == 1)
            older.paho.disconnect()  # else it would connect again, and end the other
            newer.publish("s/us", "125")
            assert newer.losses == []
        seen = [(event.direction, event.client_id) for event in platform.traffic() if "connect" in event.direction]
        assert seen[:3] == [("connect", "dev1"), ("connect", "d:dev1:acme"), ("disconnect", "dev1")]
        assert platform.errors == []


def test_a_topic_for_publishing_is_refused_or_told(kind: str) -> None:
    with Platform(kind) as platform, MqttClient("dev1", platform.port) as client:
        client.publish("s/us", "100")
        platform.wait_for_device("dev1")
        granted = client.subscribe("s/us", "s/#")
        assert granted == [kind == "mosquitto"] * 2
        text = "dev1 subscribed to {}, which the platform refuses and this broker cannot"
        told = [("", "", text.format(topic)) for topic in ("s/us", "s/#")]
        assert platform.errors == (told if kind == "mosquitto" else [])
