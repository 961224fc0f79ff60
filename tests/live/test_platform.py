"""The stand-in platform with both brokers and a plain MQTT client."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from support_mqtt import BROKERS, MqttClient

import smartrest
from smartrest import PayloadTooLargeError, payload_budget
from smartrest.testing import Broker, BrokerError, Platform, Traffic, Wire
from smartrest.testing.broker import find_mosquitto


@pytest.fixture(params=BROKERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def platform(kind: str) -> Iterator[Platform]:
    with Platform(kind) as running:
        yield running


@pytest.fixture
def device(platform: Platform) -> Iterator[MqttClient]:
    """An existing device that is subscribed to operations and errors."""
    with MqttClient("dev1", platform.port) as client:
        client.publish("s/us", "100,My device,my_Type")
        platform.wait_for_device("dev1")
        assert client.subscribe("s/ds", "s/e") == [True, True]
        yield client


def test_a_device_creates_itself_and_its_children(platform: Platform, device: MqttClient) -> None:
    device.publish("s/us", "101,child1,First\n101,child2,Second,,false\n102,svc1,systemd,Database,up")
    device.publish("s/us/child1", "101,grandchild\n110,serial,,1.0")
    device.publish("s/us/child3", "400,c8y_Test,created by itself")
    device.publish("s/us/svc1", "104,down")
    device.publish("s/us", "105\n123")
    root = platform.wait_for_device("dev1")
    assert device.wait_rows("s/ds", 2) == [("106", "child1", "child2", "child3"), ("124", root.id)]
    assert (root.name, root.type, root.parent) == ("My device", "my_Type", None)
    inventory = platform.inventory
    assert list(inventory) == ["dev1", "child1", "child2", "svc1", "grandchild", "child3"]
    assert inventory["child2"].type == "c8y_MQTTChildDevice"
    assert "c8y_IsDevice" not in inventory["child2"].fragments
    assert inventory["grandchild"].parent is inventory["child1"]
    assert inventory["child1"].fragments["c8y_Hardware"] == {"serialNumber": "serial", "revision": "1.0"}
    assert inventory["child3"].name == "MQTT Device child3"
    assert [service.fragments["status"] for service in root.services] == ["down"]
    assert platform.errors == []
    picture = str(platform)
    assert "device dev1 'My device' (my_Type" in picture
    assert "    device child1 'First'" in picture


def test_data_from_an_unknown_device_creates_it(platform: Platform) -> None:
    with MqttClient("d:dev9:com.acme", platform.port) as client:
        client.publish("s/us", "211,25.5")
        device = platform.wait_for_device("dev9")
    assert (device.name, device.type) == ("MQTT Device dev9", "c8y_MQTTDevice")
    assert device.measurements[0].series == {("c8y_TemperatureMeasurement", "T"): (25.5, "C")}


def test_operations_travel_in_one_payload_and_end_as_answered(platform: Platform, device: MqttClient) -> None:
    device.publish("s/us", "101,child1")
    platform.wait_for_device("child1")
    first, second, third = platform.send(("511", "dev1", 'echo "hi",\n\\x'), ("511", "dev1", "ls"), ("510", "child1"))
    device.wait_rows("s/ds", 3)
    assert device.payloads("s/ds") == [b'511,dev1,"echo \\"hi\\",\n\\x"\n511,dev1,ls\n510,child1']
    assert (first.status, first.fragment, third.device) == ("PENDING", "c8y_Command", "child1")
    device.publish("s/us", "501,c8y_Command")
    first.wait_for("EXECUTING")
    assert second.status == "PENDING"
    device.publish("s/us", '503,c8y_Command,"a,b"\n501,c8y_Command\n502,c8y_Command,no')
    assert first.wait().result == "a,b"
    assert second.wait().reason == "no"
    assert second.history == ["PENDING", "EXECUTING", "FAILED"]
    device.publish("s/us/child1", "501,c8y_Restart\n503,c8y_Restart")
    assert (third.wait().status, third.result) == ("SUCCESSFUL", None)
    assert platform.errors == []


def test_answers_that_fit_no_operation_are_errors(platform: Platform, device: MqttClient) -> None:
    (operation,) = platform.send(("510", "dev1"))
    device.publish("s/us", "503,c8y_Restart\n501,c8y_Command\n504,1\n501,c8y_Restart\n501,c8y_Restart")
    assert device.wait_rows("s/e", 4) == [
        ("40", "503", "dev1 has no EXECUTING operation with fragment c8y_Restart"),
        ("40", "501", "dev1 has no PENDING operation with fragment c8y_Command"),
        ("40", "504", "dev1 has no operation 1"),
        ("40", "501", "dev1 has no PENDING operation with fragment c8y_Restart"),
    ]
    assert operation.status == "EXECUTING"
    assert platform.errors == device.rows("s/e")


def test_a_client_that_reconnects_at_once_stays_connected(platform: Platform) -> None:
    for _ in range(5):
        with MqttClient("dev1", platform.port, will=("s/us", "400,c8y_Will,gone")) as client:
            client.publish("s/us", "200,c8y_T,T,1")
            client.publish("s/us", "200,c8y_T,T,2")  # amqtt is still busy with it when the next connection comes
    with MqttClient("dev1", platform.port) as client:
        client.publish("s/us", "400,c8y_Alive,here")
        assert [each.client_id for each in platform.clients] == ["dev1"]
        client.subscribe("s/ds")
        (operation,) = platform.send(("510", "dev1"))
        client.wait_rows("s/ds")
        assert operation.sent == 1
    assert [event.type for event in platform.inventory["dev1"].events] == ["c8y_Alive"]


def test_an_answer_repeated_after_a_cut_is_not_an_error(platform: Platform) -> None:
    with MqttClient("dev1", platform.port) as client:
        client.publish("s/us", "100")
        platform.wait_for_device("dev1")
        (operation,) = platform.send(("510", "dev1"))
        client.publish("s/us", "501,c8y_Restart\n503,c8y_Restart")
        operation.wait()
    with MqttClient("dev1", platform.port) as client:
        client.subscribe("s/e")
        client.publish("s/us", "503,c8y_Restart")
        refusal = ("40", "503", "dev1 has no EXECUTING operation with fragment c8y_Restart")
        assert client.wait_rows("s/e") == [refusal]
        assert platform.errors == []
        client.publish("s/us", "503,c8y_Restart")
        platform.wait_for(lambda: bool(platform.errors))
        assert platform.errors == [refusal]


def test_answers_by_id_and_failing_all(platform: Platform, device: MqttClient) -> None:
    a, b, c, d = platform.send(("511", "dev1", "1"), ("511", "dev1", "2"), ("510", "dev1"), ("511", "dev1", "3"))
    device.publish("s/us", f"504,{b.id}\n506,{b.id},out,more\n505,{a.id},bad\n501,c8y_Restart\n501,c8y_Command")
    c.wait_for("EXECUTING")
    d.wait_for("EXECUTING")
    device.publish("s/us", "507,c8y_Restart,restarted\n507")
    assert (b.wait().result, b.results) == ("out", ("out", "more"))
    assert a.wait().reason == "bad"
    assert c.wait().reason == "restarted"
    assert (d.wait().status, d.reason) == ("FAILED", "")
    device.publish("s/us", f"506,{a.id}")
    assert device.wait_rows("s/e") == [("41", "506", f"operation {a.id} is FAILED")]


def test_pending_operations_are_sent_again_in_one_payload(platform: Platform) -> None:
    with MqttClient("dev1", platform.port) as client:
        client.publish("s/us", "100")
        client.publish("s/us", "101,child1")
        platform.wait_for_device("child1")
        early = platform.send(("510", "dev1"), ("511", "child1", "x"))  # no subscriber
        client.subscribe("s/ds")
        assert [operation.sent for operation in early] == [0, 0]
        platform.wait_for(lambda: platform.clients[0].listens("s/ds"))
        late = platform.send(("513", "dev1", "a=1\nb=2"))
        client.wait_rows("s/ds", 1)
        client.publish("s/us", "501,c8y_Restart\n500")
        client.wait_rows("s/ds", 3)
        assert client.payloads("s/ds") == [b'513,dev1,"a=1\nb=2"', b'511,child1,x\n513,dev1,"a=1\nb=2"']
        assert [operation.sent for operation in early + late] == [0, 1, 2]


def test_a_hundred_operations_after_being_offline(platform: Platform, device: MqttClient) -> None:
    device.__exit__()
    platform.wait_for(lambda: not platform.clients)
    operations = [platform.send(("511", "dev1", f"{n} " + "x" * 300))[0] for n in range(100)]
    with MqttClient("dev1", platform.port) as client:
        client.subscribe("s/ds")
        client.publish("s/us", "500")
        rows = client.wait_rows("s/ds", 100)
        assert [row[2].split()[0] for row in rows] == [str(n) for n in range(100)]
        payloads = client.payloads("s/ds")
        assert len(payloads) == 2  # 30 kB
        assert all(len(payload) <= payload_budget("s/us", qos=1) for payload in payloads)  # a topic of the same length
        client.publish("s/us", b"\n".join(b"501,c8y_Command\n503,c8y_Command,%d" % n for n in range(100)))
        for n, operation in enumerate(operations):
            assert operation.wait().result == str(n)
    assert platform.errors == []


def test_both_rows_of_a_device_profile_are_one_operation(platform: Platform, device: MqttClient) -> None:
    old, new = platform.send(
        ("527", "dev1", "$SW", "a", "1", "u", "install"), ("531", "dev1", "$SW", "a", "1", "rpm", "u", "install")
    )
    assert old is new
    assert [row[0] for row in device.wait_rows("s/ds", 2)] == ["527", "531"]
    device.publish("s/us", "501,c8y_DeviceProfile\n503,c8y_DeviceProfile")
    assert old.wait().status == "SUCCESSFUL"
    assert len(platform.operations) == 1


def test_operations_of_custom_templates(platform: Platform, device: MqttClient) -> None:
    device.subscribe("s/dc/com.acme")
    with pytest.raises(ValueError, match="pass fragment="):
        platform.send(("dm101", "dev1", "x"))
    (operation,) = platform.send(("dm101", "dev1", "x"), topic="s/dc/com.acme", fragment="acme_Pump")
    assert device.wait_rows("s/dc/com.acme") == [("dm101", "dev1", "x")]
    device.publish("s/us", "501,acme_Pump\n503,acme_Pump")
    assert operation.wait().status == "SUCCESSFUL"


def test_payloads_that_cannot_be_sent(platform: Platform, device: MqttClient) -> None:
    for rows, text in (
        ([("510", "ghost")], "unknown device"),
        ([("510",)], "second field"),
        ([("200", "dev1")], "pass fragment="),
    ):
        with pytest.raises(ValueError, match=text):
            platform.send(*rows)
    with pytest.raises(PayloadTooLargeError):
        platform.send(("511", "dev1", "x" * 17_000))
    assert platform.operations == []
    (operation,) = platform.send(("510", "ghost"), to="dev1")
    assert device.wait_rows("s/ds") == [("510", "ghost")]
    assert operation.device == "ghost"


def test_an_operation_that_is_not_answered_times_out(platform: Platform, device: MqttClient) -> None:
    (operation,) = platform.send(("510", "dev1"))
    with pytest.raises(TimeoutError, match=r"c8y_Restart of dev1 PENDING.*sent 1 times"):
        operation.wait(0.05)
    with pytest.raises(TimeoutError, match="dev2 does not exist after"):
        platform.wait_for_device("dev2", 0.05)


def test_faults_of_a_device_become_error_rows(platform: Platform, device: MqttClient) -> None:
    device.publish("s/us", "999,x\n200,f,s,warm\n511,dev1,x\n201,t")
    device.publish("s/us", '400,ok,fine\n502,c8y_Command,"cut off')
    rows = device.wait_rows("s/e", 5)
    assert rows[0] == ("40", "999", "No static template for this message id")
    assert [row[:2] for row in rows[1:]] == [("45", "200"), ("40", "511"), ("45", "201"), ("42", "")]
    assert "unterminated" in rows[4][2] or "never closed" in rows[4][2]
    assert platform.errors == rows
    assert [event.text for event in platform.inventory["dev1"].events] == ["fine"]  # the whole rows before it count


def test_creating_a_device_again_is_reported_but_not_a_fault(platform: Platform, device: MqttClient) -> None:
    device.publish("s/us", "100,Other")
    assert device.wait_rows("s/e") == [("41", "100", "Device already existing")]
    assert platform.errors == []
    assert platform.inventory["dev1"].name == "My device"


def test_too_large_a_packet_costs_the_connection_and_nothing_is_kept(platform: Platform, device: MqttClient) -> None:
    device.publish("s/us", b"400,a," + b"x" * (payload_budget("s/us", qos=1) - 6))
    device.paho.publish("s/us", b"400,b," + b"x" * (payload_budget("s/us", qos=1) - 5), 1)
    device.wait(lambda: len(device.losses) == 1)
    assert [event.type for event in platform.inventory["dev1"].events] == ["a"]


def test_the_limit_holds_over_websocket_too(kind: str) -> None:
    with Broker(kind, websocket=True) as broker, Platform(broker) as platform:
        with MqttClient("dev1", broker.websocket_port, websocket=True) as client:
            client.paho.publish("s/us", b"400,b," + b"x" * (payload_budget("s/us", qos=1) - 5), 1)
            client.wait(lambda: len(client.losses) == 1)
        platform.wait_for(lambda: bool(platform.errors))
        assert "over the limit" in platform.errors[0][2]
        assert "dev1" not in platform.inventory


def test_alarms_count_up_until_cleared(platform: Platform, device: MqttClient) -> None:
    device.publish("s/us", "301,a,first\n304,a,again\n302,b\n305,b,MINOR\n306,a\n306,none\n303,a,new")
    device.publish("s/us", "123")
    device.wait_rows("s/ds")
    alarms = platform.inventory["dev1"].alarms
    seen = [(alarm.type, alarm.text, alarm.severity, alarm.status, alarm.count) for alarm in alarms]
    assert seen == [
        ("a", "first", "CRITICAL", "CLEARED", 2),
        ("b", "Alarm of type b raised", "MINOR", "ACTIVE", 1),
        ("a", "new", "MINOR", "ACTIVE", 1),
    ]
    assert platform.errors == []


def test_processing_modes_decide_what_is_stored(platform: Platform, device: MqttClient) -> None:
    for mode in "stqc":
        device.publish(f"{mode}/us", f"200,{mode},s,1\n400,{mode},x")
    device.publish("s/us", "123")
    device.wait_rows("s/ds")
    root = platform.inventory["dev1"]
    assert [measurement.type for measurement in root.measurements] == ["s", "q"]
    assert [event.type for event in root.events] == ["s", "q"]


def test_fragments_lists_and_locations(platform: Platform, device: MqttClient) -> None:
    device.publish(
        "s/us", '110,1,2,3\n112,50.5,6.25\n113,"a=1\nb=2"\n114,c8y_Restart,c8y_Command\n115,fw,1,url\n117,60\n117,5'
    )
    device.publish("s/us", "140,a,1,t,u,b,2,t,u\n141,c,3,,\n142,a,1\n143,yum,docker\n143\n150,SSH\n122,agent,1.0,,me")
    device.publish(
        "s/us", "120,type1,http://x,,2020-07-22T17:03:14.000+02:00\n118,dmesg\n119,modbus\n111,1,,5\n121,true,8473"
    )
    device.publish(
        "s/us",
        "107,c8y_Hardware\n401,51.1,6.9,67\n402,1,2,3,4\n408,text,,true,p.a,b,1\n408,text,,true,p.a,b,1\n125\n600",
    )
    assert device.wait_rows("s/ds") == [("601", "2025.0.0")]
    root = platform.inventory["dev1"]
    kept = root.fragments
    assert "c8y_Hardware" not in kept
    assert "c8y_SupportedSoftwareTypes" not in kept
    assert kept["c8y_Configuration"] == {"config": "a=1\nb=2"}
    assert kept["c8y_SupportedOperations"] == ["c8y_Restart", "c8y_Command"]
    assert kept["c8y_RequiredAvailability"] == {"responseInterval": 60}
    assert [(item["name"], item["version"]) for item in kept["c8y_SoftwareList"]] == [("b", "2"), ("c", "3")]
    assert kept["c8y_RemoteAccessSupportedProtocols"] == ["SSH"]
    assert kept["c8y_Position"] == {"lat": 1.0, "lng": 2.0, "alt": 3.0, "accuracy": 4.0}
    assert kept["c8y_Configuration_type1"]["name"] == "type1"
    assert [event.type for event in root.events] == ["c8y_LocationUpdate", "c8y_LocationUpdate", "c8y_ParameterUpdate"]
    assert platform.errors == []


def test_published_rows_payloads_and_watching(platform: Platform) -> None:
    seen: list[Traffic] = []
    platform.watch(seen.append)
    with MqttClient("dev1", platform.port) as client:
        client.publish("s/us", "100\n200,f,s,1")
        client.publish("s/us/child", "400,e,t")
        client.publish("event/events/create", "{}")
        platform.wait_for(lambda: len(seen) == 4)
    platform.wait_for(lambda: not platform.clients)
    assert platform.published("s/us") == [("100",), ("200", "f", "s", "1")]
    assert platform.payloads("s/us/child") == [b"400,e,t"]
    assert platform.published("event/events/create") == []
    assert seen == platform.traffic()
    assert [traffic.direction for traffic in seen] == ["connect", "up", "up", "up", "disconnect"]
    assert seen[1] == ("up", "dev1", "s/us", b"100\n200,f,s,1", [("100",), ("200", "f", "s", "1")])


def test_a_failing_watcher_is_not_silent(platform: Platform, device: MqttClient) -> None:
    def broken(traffic: Traffic) -> None:
        raise ZeroDivisionError

    platform.watch(broken)
    device.publish("s/us", "125")
    with pytest.raises(RuntimeError, match="stand-in platform failed") as caught:
        platform.wait_for(lambda: False, 5)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_last_will_arrives(platform: Platform) -> None:
    will = ("s/us", '400,c8y_ConnectionEvent,"lost"')
    with Wire(platform.port) as wire, MqttClient("dev1", wire.port, will=will) as client:
        client.publish("s/us", "100")
        wire.cut()
        platform.wait_for(lambda: platform.published("s/us") == [("100",), ("400", "c8y_ConnectionEvent", "lost")])


def test_the_platform_can_end_a_connection(platform: Platform, device: MqttClient) -> None:
    platform.disconnect("dev1")
    device.wait(lambda: len(device.losses) == 1)


def test_credentials_are_given_when_polled(platform: Platform) -> None:
    with MqttClient("dev1", platform.port, username="management/devicebootstrap", password="x") as client:
        client.subscribe("s/dcr")
        client.publish("s/ucr")
        (row,) = client.wait_rows("s/dcr")
        assert row[:3] == ("70", "t0815", "device_dev1")
        assert len(row[3]) > 16


def test_credentials_can_wait_for_a_person(kind: str) -> None:
    with Platform(kind, registration="ask") as platform, MqttClient("dev1", platform.port) as client:
        client.subscribe("s/dcr")
        client.publish("s/ucr")
        platform.wait_for(lambda: platform.waiting == ["dev1"])
        assert client.received == []
        platform.accept("dev1", "u", 'p"a,s\ns')
        client.publish("s/ucr")
        assert client.wait_rows("s/dcr") == [("70", "t0815", "u", 'p"a,s\ns')]
        platform.refuse("dev1")
        client.publish("s/ucr")
        client.publish("s/us", "123")
        platform.wait_for_device("dev1")
        assert len(client.received) == 1
        assert platform.waiting == []


def test_only_issued_logins(kind: str) -> None:
    with Platform(kind, login="issued", bootstrap_password="b") as platform:
        with MqttClient("dev1", platform.port, username="management/devicebootstrap", password="b") as client:
            client.subscribe("s/dcr")
            client.publish("s/ucr")
            ((_, tenant, user, password),) = client.wait_rows("s/dcr")
        with MqttClient("dev1", platform.port, username=f"{tenant}/{user}", password=password) as client:
            assert client.connack.value == 0
        with MqttClient("dev1", platform.port, username=f"{tenant}/{user}", password="x") as client:
            assert str(client.connack) == "Not authorized"


def test_tokens(kind: str) -> None:
    with Platform(kind, tokens="all") as platform, MqttClient("dev1", platform.port) as client:
        client.publish("s/us", "100")
        client.subscribe("s/dat")
        client.publish("s/uat")
        ((id_, token),) = client.wait_rows("s/dat")
        assert id_ == "71"
        assert token.count(".") == 2


def test_no_token_without_a_certificate(platform: Platform, device: MqttClient) -> None:
    device.subscribe("s/dat")
    device.publish("s/uat")
    text = "MqttAuth: Cannot publish token for device that do not use certificate authentication"
    assert device.wait_rows("s/e") == [("41", "", text)]
    assert platform.errors == [("41", "", text)]


def test_a_device_with_a_certificate_gets_a_token(kind: str, pki: Path) -> None:
    context = ssl.create_default_context(cafile=str(pki / "ca.pem"))
    context.load_cert_chain(pki / "device.pem", pki / "device.key")
    files = {"certfile": pki / "server.pem", "keyfile": pki / "server.key", "cafile": pki / "ca.pem"}
    with (
        Broker(kind, **files, require_certificate=True) as broker,
        Platform(broker) as platform,
        MqttClient("dev1", platform.port, context=context) as client,
    ):
        client.publish("s/us", "100")
        client.subscribe("s/dat")
        client.publish("s/uat")
        assert client.wait_rows("s/dat")[0][0] == "71"
        assert platform.errors == []


def test_supported_templates_are_reported(platform: Platform, device: MqttClient) -> None:
    device.publish("s/us", "602")
    ((id_, *known),) = device.wait_rows("s/ds")
    publishable = {t.id for t in smartrest.templates.static.values() if t.direction == "publish"}
    assert id_ == "603"
    assert set(known) == publishable


def test_any_row_can_be_sent(platform: Platform, device: MqttClient) -> None:
    platform.reply("s/e", ("50", "", "a, b"), to="dev1")
    assert device.wait_rows("s/e") == [("50", "", "a, b")]
    with pytest.raises(ValueError, match="no such device"):
        platform.reply("s/e", ("50",), to="ghost")


def test_it_goes_on_after_the_broker_was_killed(platform: Platform, device: MqttClient) -> None:
    assert platform.broker is not None
    platform.broker.kill()
    device.wait(lambda: len(device.losses) == 1)
    device.connack = None
    platform.broker.start()
    device.wait(lambda: device.connack is not None)
    device.subscribe("s/ds", "s/e")
    device.publish("s/us", "100\n123")
    device.wait_rows("s/ds")
    (operation,) = platform.send(("510", "dev1"))
    device.wait_rows("s/ds", 2)
    device.publish("s/us", "501,c8y_Restart\n503,c8y_Restart")
    assert operation.wait().status == "SUCCESSFUL"
    assert platform.errors == []


def test_subscriptions_are_refused_before_the_device_exists() -> None:
    with Platform("amqtt") as platform, MqttClient("dev1", platform.port) as client:
        assert client.subscribe("s/ds", "s/dat", "s/dcr", "s/e", "s/us", "s/#") == [
            False,
            False,
            True,
            True,
            False,
            False,
        ]
        client.paho.publish("s/us", "100", 1)  # rows sent before count, acknowledged or not
        assert client.subscribe("s/ds", "s/dat") == [True, True]


def test_many_devices_behind_amqtt_hear_only_their_own() -> None:
    with (
        Platform("amqtt") as platform,
        MqttClient("d:a:x", platform.port) as a,
        MqttClient("b", platform.port) as b,
    ):
        for client, name in ((a, "a"), (b, "b")):
            client.publish("s/us", "100")
            client.publish("s/us", f"101,child-{name}")
            client.subscribe("s/ds")
        platform.wait_for_device("child-b")
        platform.send(("510", "child-a"))
        (operation,) = platform.send(("510", "child-b"))
        with pytest.raises(ValueError, match="one device and its children, not for a, b"):
            platform.send(("510", "a"), ("510", "b"))
        assert a.wait_rows("s/ds") == [("510", "child-a")]
        assert b.wait_rows("s/ds") == [("510", "child-b")]
        a.publish("s/us/child-b", "501,c8y_Restart")
        platform.wait_for(lambda: bool(platform.errors))
        assert operation.status == "PENDING"
        assert platform.errors == [("41", "501", "child-b is not a child of a")]


@pytest.mark.needs("mosquitto")
@pytest.mark.skipif(not find_mosquitto(), reason="not installed")
def test_two_devices_behind_mosquitto_are_a_fault() -> None:
    with Platform("mosquitto") as platform, MqttClient("a", platform.port), MqttClient("b", platform.port):
        platform.wait_for(lambda: bool(platform.errors))
        assert "cannot be told apart" in platform.errors[0][2]
    with (
        Platform("mosquitto", device_id="a") as platform,
        MqttClient("a", platform.port),
        MqttClient("helper", platform.port) as helper,
    ):
        helper.publish("s/us", "100,Named")
        assert platform.wait_for_device("a").name == "Named"
        assert platform.errors == []


def test_a_foreign_broker_can_be_attached(kind: str) -> None:
    with Broker(kind) as broker, Platform(port=broker.port, device_id="dev1") as platform:
        assert (platform.host, platform.port) == ("127.0.0.1", broker.port)
        with MqttClient("dev1", broker.port) as client:
            client.subscribe("s/ds")
            client.publish("s/us", "100")
            platform.wait_for_device("dev1")
            (operation,) = platform.send(("510", "dev1"))
            client.wait_rows("s/ds")
            client.publish("s/us", "501,c8y_Restart\n503,c8y_Restart")
            assert operation.wait().status == "SUCCESSFUL"


def test_a_client_id_that_the_platform_would_refuse_is_an_error(platform: Platform) -> None:
    with MqttClient("sensor:1", platform.port):
        platform.wait_for(lambda: bool(platform.errors))
    assert "'sensor:1'" in platform.errors[0][2]


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="tokens must be one of"):
        Platform(tokens="some")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ValueError, match="give either broker"):
        Platform("amqtt", port=1)
    with pytest.raises(BrokerError, match="no broker at"):
        Platform(port=1, device_id="x").start()
