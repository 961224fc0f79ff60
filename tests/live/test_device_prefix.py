"""Devices and the stand-in with a gateway's broker, which puts a prefix before every topic."""

from __future__ import annotations

import time
from typing import Any

import pytest
from support_device import QUICK, LoopDevice
from support_mqtt import BROKERS, MqttClient

from smartrest.device import Device, Operation
from smartrest.mqtt import last_will
from smartrest.testing import Platform


@pytest.mark.parametrize("kind", BROKERS)
@pytest.mark.parametrize("make", [Device, LoopDevice])
def test_a_device_on_a_gateway(kind: str, make: Any) -> None:
    with Platform(kind, prefix="c8y") as platform:
        device = make(
            platform.host, "dev1", port=platform.port, tls=False, prefix="c8y", limits=QUICK, last_will=last_will()
        )

        @device.operation("c8y_Command")
        def command(op: Operation) -> str:
            return f"{op.parameters['command']} on {op.topic}"

        try:
            device.start()
            device.wait_online(20)
            device.send(("211", 21.5))
            platform.wait_for_device("dev1")
            [operation] = platform.send(("511", "dev1", "ls"))
            operation.wait(20)
            assert operation.result == "ls on s/ds"
            device.flush(10)
            deadline = time.monotonic() + 10
            while ("211", "21.5") not in platform.published("s/us") and time.monotonic() < deadline:
                time.sleep(0.05)
            assert ("211", "21.5") in platform.published("s/us")
        finally:
            device.stop(10)
            if make is LoopDevice:
                device.close()
        assert platform.errors == []


@pytest.mark.parametrize("kind", BROKERS)
def test_topics_of_the_gateway_itself_are_not_the_platforms(kind: str) -> None:
    with Platform(kind, prefix="c8y") as platform, MqttClient("dev1", platform.port) as client:
        client.publish("s/us", "100,wrong")
        client.publish("te/device/main///e/x", "{}")
        assert client.subscribe("c8y/#" if kind == "mosquitto" else "te/device/main") == [True]
        client.publish("c8y/s/us", "100,right\n999")
        assert platform.wait_for_device("dev1").name == "right"
        assert platform.errors == [("40", "999", "No static template for this message id")]
        assert platform.published("s/us") == [("100", "right"), ("999",)]
