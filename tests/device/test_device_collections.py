"""Collections of a device: rows go to their topic by themselves, operations arrive with named parameters."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("paho.mqtt", reason="the extra smartrest[device] is not installed")

from smartrest.device import Device, MessageReceived, Operation, OperationReceived, Publish, Session, Subscribe
from smartrest.device.custom import Custom
from smartrest.errors import SmartRestError
from smartrest.templates import Collection, CollectionRow, number


def acme() -> Collection:
    c = Collection("com.acme.v1")
    c.post_measurement("pump", type="acme_Pump", custom={"rpm": number("acme_Pump.rpm.value")})
    c.operation("wifi", "acme_Wifi", name="acme_Wifi.name", ssid="acme_Wifi.ssid")
    c.response("beep", "", "$.acme_Beep", times="acme_Beep.times")
    c.response("byid", "", "acme_Job.x", id="$.id", what="acme_Job.what")
    c.response("me", name="$.name")
    return c


def _device(**options: Any) -> Device:
    return Device("localhost", "dev1", tls=False, collections=[acme()], **options)


def _online(session: Session) -> list[str]:
    seen: list[str] = []
    session.outgoing()
    session.connected(0, 0.0)
    for _ in range(6):
        for action in session.outgoing():
            if isinstance(action, Subscribe):
                seen.append(action.topic)
                session.subscribed(action.topic, 1, 0.0)
            elif isinstance(action, Publish):
                session.acknowledged(action.id, 0.0)
    assert session.online
    session.tick(10.0)
    session.outgoing()
    return seen


def _operations(session: Session, topic: str, payload: bytes, now: float = 20.0) -> list[Operation]:
    """The operations that start."""
    events = session.received(topic, payload, now)
    for _ in range(6):
        for action in session.outgoing():
            if isinstance(action, Publish):
                events += session.acknowledged(action.id, now)
        events += session.tick(now + 10)
    return [event.operation for event in events if isinstance(event, OperationReceived)]


def test_a_built_row_knows_its_topic() -> None:
    row = acme().build("pump", rpm=1450)
    assert row == ("pump", None, 1450)
    assert isinstance(row, CollectionRow)
    assert (row.topic(), row.topic("c", "t")) == ("s/uc/com.acme.v1", "t/uc/com.acme.v1/c")
    one = Collection.parse(b"15,x\n10,100,GET,/a/%%,,,%%,STRING,").build("100", value_1="s")
    assert one.topic() == "s/ul/x"
    with pytest.raises(SmartRestError):
        one.topic("child")


def test_rows_are_sent_on_the_topic_of_their_collection() -> None:
    session = Session("dev1", now=0.0)
    _online(session)
    row = acme().build("pump", rpm=1450)
    session.send(("500",), row, row, child="c1", now=30.0)
    session.send(row, x_id="other", now=30.0)
    session.tick(31.0)
    sent = [(action.topic, action.payload) for action in session.outgoing() if isinstance(action, Publish)]
    assert sorted(sent) == [
        ("s/uc/com.acme.v1/c1", b"pump,,1450\npump,,1450"),
        ("s/uc/other", b"pump,,1450"),
        ("s/us/c1", b"500"),
    ]


def test_a_device_subscribes_to_its_collections_and_to_answers_about_them() -> None:
    assert _online(_device(x_ids=["com.acme.v1", "more"]).session) == [
        "s/ds",
        "s/dc/com.acme.v1",
        "s/dc/more",
        "s/dt",
    ]


def test_custom_operations_have_named_parameters() -> None:
    device = _device()
    device.operation("acme_Job")(lambda op: None)
    session = device.session
    _online(session)
    [operation] = _operations(session, "s/dc/com.acme.v1", b"wifi,dev1,Factory Wifi,onboarding")
    assert (operation.fragment, operation.id) == ("acme_Wifi", None)
    assert operation.parameters == {"name": "Factory Wifi", "ssid": "onboarding"}
    [operation] = _operations(session, "s/dc/com.acme.v1", b"byid,dev1,4711,paint,new field", 60.0)
    assert (operation.fragment, operation.id) == ("acme_Job", "4711")
    assert operation.parameters == {"id": "4711", "what": "paint"}
    session.succeed(operation, now=80.0)
    assert [action.payload for action in session.outgoing() if isinstance(action, Publish)] == [b"506,4711"]


def test_an_optional_value_may_be_left_off() -> None:
    session = _device().session
    _online(session)
    [operation] = _operations(session, "s/dc/com.acme.v1", b"wifi,dev1,Factory Wifi")
    assert operation.parameters == {"name": "Factory Wifi", "ssid": None}


def test_a_response_becomes_an_operation_with_its_handler() -> None:
    for register in ("fragment", "id", "none"):
        device = _device()
        if register == "fragment":
            device.operation("acme_Beep")(lambda op: None)
        elif register == "id":
            device.on("beep")(lambda op: None)
        _online(device.session)
        events = device.session.received("s/dc/com.acme.v1", b"beep,dev1,3", 20.0)
        arrived = [event for event in events if isinstance(event, MessageReceived)]
        assert len(arrived) == (register == "none")
        if register != "none":
            [operation] = _operations(device.session, "s/dc/com.acme.v1", b"beep,dev1,3", 60.0)
            assert operation.parameters == {"times": "3"}


def test_the_answer_to_a_get_is_not_an_operation() -> None:
    """Objects have an ID too; only operations have the device's."""
    c = Collection("com.acme.v1")
    c.response("obj", "", "c8y_IsDevice", id="$.id", name="$.name")
    c.response("op", "", "acme_Op", device="$.deviceId", what="acme_Op.what")
    device = Device("localhost", "dev1", tls=False, collections=[c])
    _online(device.session)
    [event] = device.session.received("s/dc/com.acme.v1", b"obj,4711,Pump", 20.0)
    assert isinstance(event, MessageReceived)
    [operation] = _operations(device.session, "s/dc/com.acme.v1", b"op,dev1,4711,paint", 60.0)
    assert operation.parameters == {"device": "4711", "what": "paint"}


def test_the_same_message_id_in_two_collections() -> None:
    other = Collection("other").operation("wifi", "other_Op", channel="other_Op.channel")
    device = Device("localhost", "dev1", tls=False, collections=[acme(), other])
    _online(device.session)
    [operation] = _operations(device.session, "s/dc/other", b"wifi,dev1,6")
    assert (operation.fragment, operation.parameters) == ("other_Op", {"channel": "6"})


def test_the_default_collection() -> None:
    session = Device("localhost", "d:dev1:com.acme.v1", tls=False, collections=[acme()]).session
    assert "s/dd" in _online(session)
    [operation] = _operations(session, "s/dd", b"wifi,dev1,a,b")
    assert operation.parameters == {"name": "a", "ssid": "b"}


ONE = rb"""10,101,POST,/inventory/managedObjects,,,%%,STRING,"{""name"":""%%""}"
11,200,,$.managedObject,$.managedObject.id
11,300,,$.acme_Beep,$.acme_Beep.times
11,301,,$.acme_Job,$.id,$.deviceId,$.acme_Job.what
"""


def _one() -> Collection:
    return Collection.parse(ONE, "old")


def test_a_device_subscribes_to_answers_and_operations_of_smartrest_1() -> None:
    device = Device("localhost", "d:dev1:old", tls=False, collections=[_one(), _one()])
    assert _online(device.session) == ["s/ds", "s/dl/old", "s/ol/old", "s/dd"]
    both = Device("localhost", "dev1", tls=False, collections=[_one(), acme()])
    assert _online(both.session) == ["s/ds", "s/dl/old", "s/ol/old", "s/dc/com.acme.v1", "s/dt"]


def test_rows_of_smartrest_1_double_their_quotes_and_create_no_children() -> None:
    session = Device("localhost", "dev1", tls=False, collections=[_one()]).session
    _online(session)
    session.send(_one().build("101", value_1='12" pipe'), now=30.0)
    session.tick(31.0)
    [sent] = [action for action in session.outgoing() if isinstance(action, Publish)]
    assert (sent.topic, sent.payload) == ("s/ul/old", b'101,"12"" pipe"')
    assert _operations(session, "s/ds", b'511,"12"" pipe",ls', 40.0) == []  # for an unknown child
    with pytest.raises(SmartRestError, match="no child"):
        session.send(_one().build("101", value_1="x"), child="c1", now=60.0)


def test_operations_of_smartrest_1_are_those_of_the_device() -> None:
    device = Device("localhost", "dev1", tls=False, collections=[_one()])
    device.operation("acme_Beep")(lambda op: None)
    session = device.session
    _online(session)
    [answer] = session.received("s/dl/old", b"200,1,4711\n50,2,404", 20.0)[:1]
    assert isinstance(answer, MessageReceived)
    [job] = _operations(session, "s/ol/old", b"301,1,77,4711,paint", 30.0)
    assert (job.device, job.child, job.fragment, job.id) == ("dev1", None, "acme_Job", "77")
    assert job.parameters == {"id": "77", "deviceId": "4711", "acme_Job.what": "paint"}
    session.succeed(job, now=50.0)
    assert [action.payload for action in session.outgoing() if isinstance(action, Publish)] == [b"506,77"]
    [beep] = _operations(session, "s/ol/old", b"300,1,3", 60.0)
    assert (beep.fragment, beep.id, beep.parameters) == ("acme_Beep", None, {"acme_Beep.times": "3"})
    assert _operations(session, "s/ol/old", b"511,1,ls", 80.0) == []  # not a row of this collection


def test_an_operation_of_smartrest_1_that_is_sent_again_runs_once() -> None:
    """The line number counts the rows of a payload, so it may differ."""
    device = Device("localhost", "dev1", tls=False, collections=[_one()])
    device.operation("acme_Beep")(lambda op: None)
    session = device.session
    _online(session)
    [first] = _operations(session, "s/ol/old", b"300,2,3", 30.0)
    session.disconnected(40.0)
    session.tick(100.0)
    _online(session)
    assert _operations(session, "s/ol/old", b"300,1,3", 130.0) == []
    session.succeed(first, now=140.0)


def test_the_same_x_id_in_both_protocols() -> None:
    other = Collection("old").operation("301", "acme_New", what="acme_New.what")
    device = Device("localhost", "dev1", tls=False, collections=[_one(), other])
    _online(device.session)
    [old] = _operations(device.session, "s/ol/old", b"301,1,77,4711,paint")
    [new] = _operations(device.session, "s/dc/old", b"301,dev1,paint", 60.0)
    assert (old.fragment, new.fragment) == ("acme_Job", "acme_New")


def test_collections_that_a_device_cannot_use() -> None:
    with pytest.raises(ValueError, match="with an X-ID"):
        Custom([Collection(None)], None)
