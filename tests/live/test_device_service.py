"""The MQTT Service, with both clients on both brokers: login by certificate, the tenant as user name, free topics."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from support_device import Make
from support_mqtt import BROKERS

from smartrest.mqtt import Endpoint
from smartrest.testing import Broker, Platform


@pytest.mark.parametrize("broker", BROKERS)
def test_the_mqtt_service(broker: str, make: Make, pki: Path) -> None:
    context = ssl.create_default_context(cafile=str(pki / "ca.pem"))
    context.load_cert_chain(pki / "device.pem", pki / "device.key")
    files = {"certfile": pki / "server.pem", "keyfile": pki / "server.key", "cafile": pki / "ca.pem"}
    with Broker(broker, require_certificate=True, **files) as running, Platform(running) as platform:
        service = Endpoint(platform.host, service=True, port=platform.port)
        device = make(SimpleNamespace(host=service, port=None), "dev1", tls=context, tenant="t0815")
        came = threading.Event()
        device.subscribe("cmd/dev1", lambda topic, payload: came.set() if payload == b"on" else None)
        device.start(20)
        device.publish("v1/telemetry", b'{"temperature": 25}')
        assert device.flush(10)
        assert platform.payloads("v1/telemetry") == [b'{"temperature": 25}']
        platform.wait_for(lambda: platform.clients and "cmd/dev1" in platform.clients[-1].subscriptions)
        assert [(client.client_id, client.username) for client in platform.clients] == [("dev1", "t0815")]
        platform.reply("cmd/dev1", ("on",))
        assert came.wait(10)
        assert platform.published("s/us") == []
        assert platform.errors == []
        device.stop(10)  # amqtt waits up to 10 seconds for TLS connections that are still open
