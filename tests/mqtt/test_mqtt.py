"""Facts of `smartrest.mqtt`: ClientId, CONNACK codes, endpoints, last will, advice. Topics: `test_mqtt_topics.py`."""

from __future__ import annotations

import pytest

from smartrest import SmartRestError, decode_row
from smartrest._findings import Finding
from smartrest.mqtt import (
    Backoff,
    ClientId,
    ConnackCode,
    Endpoint,
    check_connect,
    check_publish,
    check_subscribe,
    last_will,
    topics,
    username,
)


@pytest.mark.parametrize(
    ("text", "device_id", "x_id"),
    [
        ("x", "x", None),
        ("d:x", "x", None),
        ("d:x:t", "x", "t"),
        ("d:x:com.acme.pump.v1", "x", "com.acme.pump.v1"),
        ("d:x:a:b", "x", "a:b"),
        ("Gerät 7", "Gerät 7", None),
        ("d", "d", None),
    ],
)
def test_client_id_round_trip(text: str, device_id: str, x_id: str | None) -> None:
    client_id = ClientId.parse(text)
    assert (client_id.device_id, client_id.x_id) == (device_id, x_id)
    assert str(client_id) == text
    assert client_id.same_client(ClientId(device_id))


def test_the_old_name_of_the_x_id_still_works_and_warns() -> None:
    with pytest.warns(DeprecationWarning, match="x_id") as made:
        client_id = ClientId("x", template_id="t")
    with pytest.warns(DeprecationWarning, match="x_id") as read:
        assert client_id.template_id == "t"
    assert client_id == ClientId("x", "t")
    assert {warning.filename for warning in (*made, *read)} == {__file__}


@pytest.mark.parametrize(
    "text", ["", ":", "d:", "d::t", "d:x:", "e:x", "x:y", "a/b", "a+b", "d:a#b:t", "a\0b", "\ud800", "x" * 65_536]
)
def test_client_id_refused(text: str) -> None:
    with pytest.raises(SmartRestError) as caught:
        ClientId.parse(text)
    assert caught.value.reason == "bad_identifier"
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("b8:27:eb:11:22:33", "leave the colons out: 'b827eb112233'"),
        ("1234:tmpl", "for an X-ID write 'd:1234:tmpl'"),
        ("urn:dev:1", "leave the colons out"),
    ],
)
def test_a_colon_in_a_device_id_is_named(text: str, advice: str) -> None:
    with pytest.raises(SmartRestError, match="a colon separates") as caught:
        ClientId.parse(text)
    assert advice in str(caught.value)
    with pytest.raises(SmartRestError, match="separates the parts of a ClientId"):
        ClientId(text)


def test_client_id_is_never_rewritten() -> None:
    assert str(ClientId("x", "t")) == "d:x:t"
    assert str(ClientId(" x ")) == " x "
    with pytest.raises(SmartRestError, match="':'"):
        ClientId("x:y")
    with pytest.raises(TypeError):
        ClientId(b"x")  # type: ignore[arg-type]  # the point of the test


def test_client_id_of_mqtt_3_1_has_23_characters_at_most() -> None:
    assert ClientId("x" * 23).for_protocol("3.1") == "x" * 23
    assert ClientId("x" * 24).for_protocol() == "x" * 24
    with pytest.raises(SmartRestError) as caught:
        ClientId("x" * 24).for_protocol("3.1")
    assert caught.value.reason == "client_id_too_long"
    assert [f.reason for f in ClientId("x" * 20, "t").check(protocol="3.1")] == ["client_id_too_long"]


@pytest.mark.parametrize("character", ["\\", "$", " ", "\u2028"])
def test_what_registration_refuses_is_a_doubt(character: str) -> None:
    assert [f.reason for f in ClientId(f"a{character}b").check()] == ["not_registrable"]


def test_connack_codes() -> None:
    assert [code.value for code in ConnackCode] == [0, 1, 2, 3, 4, 5]
    assert [code.permanent for code in ConnackCode] == [False, True, True, False, True, False]
    assert [code.retry for code in ConnackCode] == [False, False, False, True, False, True]
    assert ConnackCode(3).retries is None
    assert ConnackCode(5).retries == 5
    assert ConnackCode(4).backoff is None
    assert ConnackCode(0).ok
    assert all(code.text and code.advice for code in ConnackCode)
    with pytest.raises(ValueError, match="6"):
        ConnackCode(6)


@pytest.mark.parametrize(("code", "same"), [(132, 1), (133, 2), (134, 4), (135, 5), (136, 3)])
def test_connack_codes_as_mqtt_5_spells_them(code: int, same: int) -> None:
    assert ConnackCode(code) is ConnackCode(same)


def test_paho_reports_the_codes_that_are_understood() -> None:
    client = pytest.importorskip("paho.mqtt.client", reason="needs paho-mqtt")
    for code in range(1, 6):
        assert ConnackCode(client.convert_connack_rc_to_reason_code(code).value) is ConnackCode(code)


def test_backoff_doubles_and_is_bounded() -> None:
    backoff = Backoff(first=1, most=60)
    assert [backoff.delay(n, 0.0) for n in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert backoff.delay(3, 0.999) == pytest.approx(4, abs=0.01)
    assert backoff.delay(10**9, 0.5) == 45


@pytest.mark.parametrize(
    ("options", "port", "url"),
    [
        ({}, 8883, "mqtts://h:8883"),
        ({"tls": False}, 1883, "mqtt://h:1883"),
        ({"websocket": True}, 443, "wss://h:443/mqtt"),
        ({"websocket": True, "tls": False}, 80, "ws://h:80/mqtt"),
        ({"service": True}, 9883, "mqtts://h:9883"),
        ({"service": True, "tls": False}, 2883, "mqtt://h:2883"),
        ({"certificate": True}, 8883, "mqtts://h:8883"),
        ({"port": 18830, "tls": False}, 18830, "mqtt://h:18830"),
    ],
)
def test_endpoint(options: dict[str, object], port: int, url: str) -> None:
    endpoint = Endpoint("h", **options)  # type: ignore[arg-type]  # values of several types in one table
    assert (endpoint.port, endpoint.url) == (port, url)
    assert endpoint == Endpoint("h", **options)  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize(
    "options",
    [
        {"certificate": True, "websocket": True},
        {"certificate": True, "tls": False},
        {"service": True, "websocket": True},
        {"port": 0},
        {"port": 65_536},
    ],
)
def test_endpoint_refused(options: dict[str, object]) -> None:
    with pytest.raises(SmartRestError) as caught:
        Endpoint("h", **options)  # type: ignore[arg-type]  # values of several types in one table
    assert caught.value.reason == "bad_endpoint"


@pytest.mark.parametrize("host", ["", "mqtt://h", "h:8883", "h/mqtt", "h h", "a\0"])
def test_endpoint_host_refused(host: str) -> None:
    with pytest.raises(SmartRestError):
        Endpoint(host)
    assert Endpoint("::1").url == "mqtts://[::1]:8883"


def test_the_path_of_the_websocket_in_the_host() -> None:
    endpoint = Endpoint("mytenant.example.com/mqtt", websocket=True)
    assert endpoint == Endpoint("mytenant.example.com", websocket=True)
    assert endpoint.url == "wss://mytenant.example.com:443/mqtt"
    with pytest.raises(SmartRestError, match="websocket=True"):
        Endpoint("mytenant.example.com/mqtt")
    for host in ("/mqtt", "h/mqtt/mqtt", "h/mqtt/"):
        with pytest.raises(SmartRestError):
            Endpoint(host, websocket=True)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"websocket": True, "tls": False}, "port 80 is off in the vendor's cloud: use TLS, port 443"),
        ({"service": True, "tls": False}, "port 2883 is off in the vendor's cloud: use TLS, port 9883"),
    ],
)
def test_ports_that_are_off_in_the_cloud(options: dict[str, bool], text: str) -> None:
    assert [finding.text for finding in Endpoint("h", **options).check()] == [text]  # type: ignore[arg-type]  # as above
    assert Endpoint("h", **options, port=8080).check() == []  # type: ignore[arg-type]  # as above


def test_last_will() -> None:
    topic, payload, qos, retain = last_will()
    assert (topic, qos, retain) == ("s/us", 1, False)
    assert decode_row(payload) == ("400", "c8y_ConnectionEvent", "Device connection was lost.")
    will = last_will('gone, "again"', child="pump 1")
    assert will.topic == "s/us/pump 1"
    assert decode_row(will.payload)[2] == 'gone, "again"'
    with pytest.raises(SmartRestError) as caught:
        last_will("x" * 17_000)
    assert caught.value.reason == "too_large"


def test_username() -> None:
    assert username("t07007007", "device_x") == "t07007007/device_x"
    for tenant, user in (("a/b", "u"), ("", "u"), ("t", "")):
        with pytest.raises(SmartRestError):
            username(tenant, user)


def test_advice_on_connecting() -> None:
    assert check_connect("d:x") == []
    found = check_connect("x" * 24, clean_session=False, protocol="3.1")
    assert [f.reason for f in found] == ["client_id_too_long", "clean_session"]
    assert [f.reason for f in check_connect("x", protocol="5")] == ["bad_protocol"]
    assert check_connect("x", protocol="5", mqtt_service=True) == []


def test_advice_for_the_mqtt_service() -> None:
    def reasons(found: list[Finding]) -> list[str]:
        return [finding.reason for finding in found]

    assert check_connect("pump_7-a", mqtt_service=True) == []
    assert reasons(check_connect("x" * 129, mqtt_service=True)) == ["client_id_too_long"]
    assert reasons(check_connect("d:x", clean_session=False, mqtt_service=True)) == ["client_id_parts", "clean_session"]
    assert reasons(check_connect("é", mqtt_service=True)) == ["client_id_characters"]
    assert check_publish("v1/devices/me/telemetry", mqtt_service=True) == []
    assert reasons(check_publish("s/us", qos=2, retain=True, mqtt_service=True)) == [
        "qos_2",
        "reserved_topic",
        "retain",
    ]
    assert reasons(check_publish("$SYS/x", mqtt_service=True)) == ["system_topic"]
    assert reasons(check_publish(topics.service_errors(), mqtt_service=True)) == ["system_topic"]
    assert check_subscribe(topics.service_errors(), mqtt_service=True) == []
    assert reasons(check_subscribe("$share/g/x", mqtt_service=True)) == ["system_topic"]
    assert reasons(check_subscribe("sensors/+/x", mqtt_service=True)) == ["wildcard"]
    assert reasons(check_subscribe("devicecontrol/notifications", mqtt_service=True)) == ["reserved_topic"]


def test_advice_on_publishing() -> None:
    assert check_publish("s/us") == []
    assert [f.reason for f in check_publish("s/ds")] == ["not_for_publishing"]
    assert [f.reason for f in check_publish("error")] == ["not_for_publishing"]
    assert [f.reason for f in check_publish("home/lamp", qos=2)] == ["qos_2", "unknown_topic"]
    assert [f.reason for f in check_publish("q/us", qos=0, retain=True)] == ["mode", "retain", "qos_0"]
    with pytest.raises(ValueError, match="QoS"):
        check_publish("s/us", qos=3)


def test_advice_on_subscribing() -> None:
    assert check_subscribe("s/ds") == []
    assert check_subscribe("devicecontrol/notifications") == []
    assert [f.reason for f in check_subscribe("s/us")] == ["not_for_subscribing"]
    assert [f.reason for f in check_subscribe("s/dc/+")] == ["not_for_subscribing"]
    assert [f.reason for f in check_subscribe("s/e")] == ["debug_only"]
    assert [f.reason for f in check_subscribe("s/ds", qos=0)] == ["qos_0"]
    assert [f.reason for f in check_subscribe("x/y", qos=2)] == ["qos_2", "unknown_topic"]
