"""Operations as JSON and topics of the program, with both clients on both brokers."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from support_device import Make
from support_mqtt import BROKERS

from smartrest import PayloadTooLargeError
from smartrest.device import Lost, Online, Operation
from smartrest.testing import Platform


@pytest.mark.parametrize("broker", BROKERS)
def test_operations_as_json(broker: str, make: Make) -> None:
    with Platform(broker) as platform:
        device = make(platform, "dev1", operations="json", children=["valve-1"])
        ran: list[Operation] = []

        @device.operation("c8y_Command")
        def command(op: Operation) -> str:
            ran.append(op)
            return f"{op.parameters['command']} {len(ran)}"

        @device.operation("acme_Wifi")
        def wifi(op: Operation) -> Any:
            return op.parameters["ssid"]

        device.start(20)
        platform.wait_for_device("valve-1")
        same = platform.send(("511", "dev1", "ls"), ("511", "dev1", "ls"), ("510", "dev1"))
        [joined] = platform.send_json("valve-1", {"acme_Wifi": {"ssid": "onboarding"}, "description": "Join"})
        assert [each.wait(20).result for each in same] == ["ls 1", "ls 2", None]
        assert same[2].reason == "no handler for c8y_Restart"
        assert joined.wait(20).result == "onboarding"
        assert [op.id for op in ran] == [each.id for each in same[:2]]
        platform.disconnect("dev1")
        device.wait_event(Lost, 1)
        [later] = platform.send(("511", "dev1", "pwd"))
        device.wait_event(Online, 2)
        assert later.wait(20).result == "pwd 3"
        assert all(row[0] not in ("501", "502", "503") for row in platform.published("s/us"))
        assert platform.errors == []


def test_json_that_fits_no_packet_is_refused_at_once(make: Make) -> None:
    with Platform() as platform:
        device = make(platform, "dev1", operations="json")
        device.start(20)
        for _ in ("connected", "not connected"):
            with pytest.raises(PayloadTooLargeError):
                platform.send_json("dev1", {"c8y_Restart": {}}, {"acme_A": {"text": "x" * 20_000}})
            assert platform.operations == []
            device.stop()


@pytest.mark.parametrize("broker", BROKERS)
def test_a_topic_of_the_program(broker: str, make: Make) -> None:
    with Platform(broker) as platform:
        device = make(platform, "dev1")
        seen: list[tuple[str, bytes]] = []
        came = threading.Event()

        def read(topic: str, payload: bytes) -> None:
            seen.append((topic, payload))
            came.set()
            raise RuntimeError("a handler that fails stops nothing")

        device.subscribe("error", read)
        device.start(20)
        device.subscribe("s/dt", read)

        def subscribed() -> bool:
            return any({"error", "s/dt"} <= client.subscriptions for client in platform.clients)

        platform.wait_for(subscribed, 10, "not subscribed")
        for topic, text in (("error", "{}"), ("s/dt", "41")):
            came.clear()
            platform.reply(topic, (text,))
            assert came.wait(10)
        assert seen == [("error", b"{}"), ("s/dt", b"41")]
        with pytest.raises(ValueError, match="for publishing"):
            device.subscribe("s/us", read)
        assert device.online
