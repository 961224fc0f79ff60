"""A session on the MQTT Service: it connects and carries payloads; what the service refuses is refused at once."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("paho.mqtt", reason="the extra smartrest[device] is not installed")

from smartrest import SmartRestError
from smartrest.device import (
    Connect,
    Credentials,
    Device,
    Online,
    PayloadReceived,
    Publish,
    ServiceSession,
    Subscribe,
)
from smartrest.mqtt import Endpoint, Will
from smartrest.templates import Collection

SERVICE = Endpoint("mytenant.example.com", service=True)
LOGIN = Credentials("t0815", "device_pump-7", "secret")


def test_nothing_of_smartrest_is_sent() -> None:
    session = ServiceSession("pump-7", tenant="t0815", now=0.0)
    (connect,) = session.outgoing()
    assert isinstance(connect, Connect)
    assert (connect.username, connect.password) == ("t0815", None)
    assert Online() in session.connected(0, 0.0)
    assert session.outgoing() == []
    session.subscribe("$debug/$error", now=1.0)
    session.publish("v1/telemetry", b"{}", now=1.0)
    session.flush(1.0)
    assert session.outgoing() == [Subscribe("$debug/$error"), Publish("v1/telemetry", b"{}", 1, 1)]
    session.subscribed("$debug/$error", 1, 1.0)
    assert session.received("$debug/$error", b"x", 2.0) == [PayloadReceived("$debug/$error", b"x")]
    session.disconnected(3.0)
    session.tick(9.0)
    session.outgoing()
    session.connected(0, 9.0)
    assert session.outgoing() == [Subscribe("$debug/$error")]
    assert not session.online
    assert Online() in session.subscribed("$debug/$error", 128, 9.0)  # a refusal is only told


def test_a_login_with_a_password_names_the_tenant_itself() -> None:
    connect = ServiceSession("pump-7", credentials=LOGIN, now=0.0).outgoing()[0]
    assert isinstance(connect, Connect)
    assert (connect.username, connect.password) == ("t0815/device_pump-7", "secret")
    assert "secret" not in repr(connect)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "needs a login"),
        ({"tenant": "t0815"}, "certificate"),
        ({"tenant": "t0815", "credentials": LOGIN}, "certificate"),
        ({"bootstrap": "secret"}, "option bootstrap"),
        ({"credentials": LOGIN, "children": ["a"]}, "option children"),
        ({"credentials": LOGIN, "token": True}, "option token"),
        ({"credentials": LOGIN, "operations": "json"}, "option operations"),
        ({"credentials": LOGIN, "prefix": "c8y"}, "option prefix"),
        ({"credentials": LOGIN, "collections": [Collection("acme")]}, "option collections"),
        ({"credentials": LOGIN, "collections": [Collection("acme", protocol="1.0")]}, "option collections"),
        ({"credentials": LOGIN, "last_will": Will("s/us", b"400,c8y_Gone,gone")}, "reserves"),
        ({"credentials": LOGIN, "last_will": Will("gone", b"", qos=2)}, "QoS 2"),
        ({"credentials": LOGIN, "last_will": Will("gone", b"", retain=True)}, "retain"),
        ({"credentials": LOGIN, "client_id": "d:pump-7"}, "colons"),
        ({"credentials": LOGIN, "client_id": "p" * 129}, "128 characters"),
        ({"credentials": LOGIN, "host": "mytenant.example.com", "tenant": "t0815"}, "service=True"),
    ],
)
def test_what_the_service_refuses_is_said_before_connecting(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text) as caught:
        Device(**{"host": SERVICE, "client_id": "pump-7", **options})
    assert "secret" not in str(caught.value)


def test_topics_that_the_service_refuses() -> None:
    with pytest.raises(SmartRestError, match="reserves"):
        ServiceSession("pump-7", required=["s/ds"])
    device = Device(SERVICE, "pump-7", credentials=LOGIN)
    for topic in ("s/us", "devicecontrol/notifications", "$SYS/x", "$debug/$error", "a/+"):
        with pytest.raises(SmartRestError):
            device.publish(topic, b"")
    for topic in ("s/ds", "error", "$share/a/b", "a/#"):
        with pytest.raises(SmartRestError):
            device.subscribe(topic, print)
    for call in (lambda: device.send(("100",)), lambda: device.add_child("a")):
        with pytest.raises(SmartRestError, match="no SmartREST"):
            call()
    assert device.endpoint.url == "mqtts://mytenant.example.com:9883"


def test_a_certificate_for_another_device() -> None:
    pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")
    from certificates.makers import ec_key

    from smartrest.certificates import CA

    identity = CA.create("Acme", key=ec_key(1)).issue("pump-8", key=ec_key(0))
    with pytest.raises(SmartRestError, match="'pump-8', not 'pump-7'"):
        Device(SERVICE, "pump-7", identity=identity, tenant="t0815")
    connect = Device(SERVICE, "pump-8", identity=identity, tenant="t0815").session.outgoing()[0]
    assert isinstance(connect, Connect)
    assert (connect.username, connect.password) == ("t0815", None)
