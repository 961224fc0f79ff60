"""Operations as JSON in a `Session`: claimed and answered by ID, refused where they are wrong, never run twice."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from support_session import kinds, online, rows

from smartrest import decode
from smartrest.device import (
    Event,
    Limits,
    MessageReceived,
    Operation,
    OperationAnswered,
    OperationReceived,
    OperationRefused,
    OperationRepeated,
    OperationTemplate,
    PayloadReceived,
    PayloadRefused,
    Publish,
    Session,
    Subscribe,
    SubscriptionRefused,
)

TOPIC = "devicecontrol/notifications"


def operation(number: object, device: str = "dev", **content: Any) -> bytes:
    content = content or {"c8y_Command": {"text": "ls"}}
    source = {"externalId": device, "type": "c8y_Serial"}
    return json.dumps({"id": number, "status": "PENDING", **content, "externalSource": source}).encode()


def started(events: list[Event]) -> list[Operation]:
    return [event.operation for event in events if isinstance(event, OperationReceived)]


def ready(**options: Any) -> Session:
    session = online(children=["c1"], operations="json", **options)
    session.tick(10.0)
    session.outgoing()
    return session


def test_json_takes_the_place_of_rows() -> None:
    session = Session("d:dev:acme", now=0.0, operations="json")
    session.connected(0, 0.0)
    topics = [action.topic for action in session.outgoing() if isinstance(action, Subscribe)]
    assert topics == [TOPIC, "s/dd"]
    session = ready()
    assert kinds(session.received("s/ds", b"511,dev,ls", 20.0)) == [MessageReceived]
    assert kinds(online().received(TOPIC, operation("1"), 20.0)) == [PayloadReceived]


def test_operations_are_claimed_and_answered_by_id() -> None:
    session = ready()
    payload = operation("17") + b"\n" + operation(18, "c1", acme_Wifi={"ssid": "x"}) + b"\n"
    first, second = started(session.received(TOPIC, payload, 20.0))
    assert rows(session) == [("s/us", [("504", "17")]), ("s/us/c1", [("504", "18")])]
    assert (first.device, first.child, first.fragment, first.id) == ("dev", None, "c8y_Command", "17")
    assert (first.row, first.parameters) == (("511", "dev", "ls"), {"command": "ls"})
    assert (second.child, second.fragment, second.id, second.parameters) == ("c1", "acme_Wifi", "18", {"ssid": "x"})
    assert second.content is not None
    assert second.content["externalSource"]["externalId"] == "c1"
    session.succeed(first, "a\nb")
    session.fail(second, "no")
    assert rows(session) == [("s/us", [("506", "17", "a\nb")]), ("s/us/c1", [("505", "18", "no")])]
    progress = started(session.received(TOPIC, operation("19"), 21.0))[0]
    session.outgoing()
    session.progress(progress, "half", now=21.0)
    assert rows(session) == [("s/us", [("400", "OperationProgress", "c8y_Command 19: half")])]


def test_equal_operations_are_different_ones() -> None:
    session = ready()
    found = started(session.received(TOPIC, operation("1"), 20.0))
    assert [each.id for each in found] == ["1"]
    assert started(session.received(TOPIC, operation("2"), 20.0)) == []  # the lane runs one at a time
    assert [each.id for each in started(session.succeed(found[0]))] == ["2"]


def test_an_operation_that_arrives_twice_runs_once() -> None:
    session = ready()
    (found,) = started(session.received(TOPIC, operation("1"), 20.0))
    assert kinds(session.received(TOPIC, operation("1") + b"\n" + operation(1), 20.0)) == [OperationRepeated] * 2
    session.succeed(found)
    assert kinds(session.received(TOPIC, operation("1"), 21.0, duplicate=True)) == [OperationRepeated]


def test_a_list_that_is_older_than_the_answer_asks_for_nothing() -> None:
    session = online(operations="json", acknowledgements=True)
    asked = [action for action in session.outgoing() if isinstance(action, Publish)]
    (found,) = started(_claimed(session, session.received(TOPIC, operation("1"), 0.1)))
    assert kinds(session.received(TOPIC, operation("1"), 0.1)) == [OperationRepeated]  # the answer of 500
    assert rows(session) == []
    session.succeed(found, now=0.1)
    _claimed(session, [])
    assert kinds(session.received(TOPIC, operation("1"), 0.1)) == [OperationRepeated]
    assert rows(session) == []
    assert len(asked) == 1


def test_a_claim_lost_with_its_connection_is_sent_again_and_not_run_again() -> None:
    session = online(operations="json", acknowledgements=True)
    session.outgoing()
    session.received(TOPIC, operation("1"), 20.0)
    assert rows(session) == [("s/us", [("504", "1")])]
    session.disconnected(21.0)
    sent, events = reconnect(session, 30.0)
    assert ("s/us", [("504", "1")]) in sent
    (found,) = started(events)
    assert started(_claimed(session, session.received(TOPIC, operation("1"), 30.0))) == []
    session.succeed(found, "x", now=30.0)
    session.outgoing()
    session.disconnected(31.0)  # with the answer in flight
    sent, events = reconnect(session, 40.0)
    assert sent[0] == ("s/us", [("506", "1", "x")])
    assert started(events + session.received(TOPIC, operation("1"), 40.0)) == []


def _claimed(session: Session, events: list[Event]) -> list[Event]:
    """All payloads are acknowledged."""
    for action in session.outgoing():
        if isinstance(action, Publish):
            events = events + session.acknowledged(action.id, 0.1)
    return events


def reconnect(session: Session, now: float) -> tuple[list[tuple[str, list[tuple[str, ...]]]], list[Event]]:
    """Connect again; returns the rows sent besides 100 and 101, and all events."""
    session.tick(now)
    session.outgoing()
    session.connected(0, now)
    sent: list[Publish] = []
    events: list[Event] = []
    for _ in range(5):
        for action in session.outgoing():
            if isinstance(action, Publish):
                events += session.acknowledged(action.id, now)
                sent.append(action)
            elif isinstance(action, Subscribe):
                events += session.subscribed(action.topic, 1, now)
    assert session.online
    return [(each.topic, decode(each.payload)) for each in sent if not each.payload.startswith(b"10")], events


@pytest.mark.parametrize(
    ("payload", "reason", "position"),
    [
        (b"<html>", "bad_json", 0),
        (b'{"id": "1", "password": "hush"', "bad_json", 30),
        (b"[" * 100_000, "bad_json", 0),
        (b'{"id":' + b"9" * 5_000 + b"}", "bad_json", 0),
        (b'{"id":"1","text":"\xff"}', "invalid_utf8", 18),
        (b"[1]", "bad_operation", 0),
        (b"null", "bad_operation", 0),
        (b'{"c8y_Command":{"text":"hush"},"externalSource":{"externalId":"dev"}}', "bad_operation", 0),
        (b'{"id":true,"externalSource":{"externalId":"dev"}}', "bad_operation", 0),
        (b'{"id":"1","c8y_Command":{"text":"hush"}}', "bad_operation", 0),
        (b'{"id":"1","externalSource":{"externalId":7}}', "bad_operation", 0),
        (b'{"id":"1","externalSource":"hush"}', "bad_operation", 0),
        (b'\n\n{"id":"1","hush}', "bad_json", 12),
        (operation("1", c8y_Command={"text": "x" * 1_000_000}), "too_large", 1_000_000),
        (b"\n" * 500_000, None, None),
    ],
)
def test_a_payload_that_cannot_be_read(payload: bytes, reason: str | None, position: int | None) -> None:
    session = ready()
    events = session.received(TOPIC, payload, 20.0)
    if reason is None:
        assert events == []
    else:
        (event,) = events
        assert isinstance(event, PayloadRefused)
        assert (event.topic, event.reason, event.position) == (TOPIC, reason, position)
        assert "hush" not in repr(event)
    assert rows(session) == []


def test_the_good_operations_beside_a_bad_line_run() -> None:
    session = ready()
    payload = operation("1") + b"\n{}\n{]\n" + operation("2", "c1")
    events = session.received(TOPIC, payload, 20.0)
    assert [each.id for each in started(events)] == ["1", "2"]
    assert [event.position for event in events if isinstance(event, PayloadRefused)] == [len(operation("1")) + 1]


def test_one_operation_in_several_lines() -> None:
    session = ready()
    pretty = json.dumps(json.loads(operation("1")), indent=2).encode()
    assert [each.id for each in started(session.received(TOPIC, pretty, 20.0))] == ["1"]


def test_an_operation_without_a_fragment_is_answered() -> None:
    session = ready()
    events = session.received(TOPIC, operation("1", profileName="p"), 20.0)
    assert kinds(events) == [OperationRefused, OperationAnswered]
    assert rows(session) == [("s/us", [("504", "1")]), ("s/us", [("505", "1", "the operation has no fragment")])]
    session.received(TOPIC, operation("2", "c9"), 20.0)
    assert rows(session)[1] == ("s/us/c9", [("505", "2", "unknown child device c9")])


def test_an_operation_that_is_not_pending_is_left_alone() -> None:
    session = ready()
    for status in ("EXECUTING", "SUCCESSFUL", "hush", 7, ["PENDING"]):
        (event,) = session.received(TOPIC, operation("1", c8y_Restart={}, status=status), 20.0)
        assert isinstance(event, OperationRefused)
        assert not event.answered
        assert "hush" not in repr(event)
    assert rows(session) == []


@pytest.mark.parametrize(
    ("number", "device"), [("\ud800", "dev"), ("1", "a\ud800"), ("1", "a/b"), ("1" * 17_000, "dev")]
)
def test_an_operation_that_no_row_can_answer(number: str, device: str) -> None:
    session = ready()
    (event,) = session.received(TOPIC, operation(number, device), 20.0)
    assert isinstance(event, OperationRefused)
    assert not event.answered
    assert rows(session) == []


def test_secrets_of_an_operation_are_in_no_text() -> None:
    session = ready()
    content = {"c8y_RemoteAccessConnect": {"hostname": "h", "port": 22, "connectionKey": "hush"}}
    events = session.received(TOPIC, operation("1", **content), 20.0)
    assert "hush" not in repr(events) + repr(session.outgoing())
    assert started(events)[0].parameters == {"hostname": "h", "port": 22, "connection_key": "hush"}


def test_a_fragment_with_a_handler_is_preferred() -> None:
    session = ready()
    session.handle("acme_B")
    events = session.received(TOPIC, operation("1", acme_A={}, acme_B="on", c8y_Restart={}), 20.0)
    assert started(events)[0].fragment == "acme_B"
    assert started(events)[0].parameters == {"acme_B": "on"}


def test_random_payloads_never_raise() -> None:
    chance = random.Random(5)
    good = operation("1") + b"\n" + operation("2", "c1", acme_A=[1, {"b": None}])
    session = ready(limits=Limits(operations=50))
    for number in range(2_000):
        payload = bytearray(good)
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(payload))
            payload[at : at + chance.randrange(3)] = chance.choice([b"", b'"', b"{", b"]", b"\n", b"\xc3", b"\\", b"9"])
        session.received(TOPIC, bytes(payload), 20.0 + number)
        for each in session.operations:
            session.succeed(each)
        session.outgoing()


# Subscriptions of the program


def test_a_topic_of_the_program() -> None:
    session = ready()
    session.subscribe("error", now=20.0)
    assert session.outgoing() == [Subscribe("error")]
    assert session.subscribed("error", 1, 20.0) == []
    assert session.received("error", b"{}", 20.0) == [PayloadReceived("error", b"{}")]
    session.subscribe("s/ds", now=20.0)
    events = session.received("s/ds", b"124,4711", 20.0)
    assert kinds(events)[0] is PayloadReceived
    assert len(events) == 2
    session.subscribe(TOPIC, now=20.0)  # subscribed to already
    assert session.outgoing() == [Subscribe("s/ds")]
    session.disconnected(21.0)
    session.tick(30.0)
    session.connected(0, 30.0)
    topics = [action.topic for action in session.outgoing() if isinstance(action, Subscribe)]
    assert topics == [TOPIC, "error", "s/ds"]


def test_a_refused_topic_of_the_program_is_told_and_costs_nothing() -> None:
    session = ready()
    session.subscribe("acme/x", now=20.0)
    assert session.subscribed("acme/x", 128, 20.0) == [SubscriptionRefused("acme/x", 128, None)]
    assert session.online
    session.subscribe("acme/y", now=20.0)
    assert session.subscribed("acme/y", 1, 20.0) == []  # the other refusal is told once


@pytest.mark.parametrize("topic", ["s/us", "s/uat", "t/us/child", "a/#", "+/x", "", "a\0"])
def test_topics_that_nothing_can_subscribe_to(topic: str) -> None:
    with pytest.raises(ValueError, match="topic"):
        ready().subscribe(topic)


@pytest.mark.parametrize("wanted", ["527", "531"])
def test_a_device_profile_has_the_row_that_its_handler_reads(wanted: str) -> None:
    """The platform sends both rows for one operation to `s/ds`; by default 531 is ignored."""
    session = ready()
    if wanted == "531":
        session.set_operation("527", None)
        session.set_operation("531", OperationTemplate("c8y_DeviceProfile"))
    payloads = [operation(number, c8y_DeviceProfile={"software": [{"name": "a", **more}]})
                for number, more in enumerate(({}, {"softwareType": "apt"}))]  # fmt: skip
    first, second = session.received(TOPIC, b"\n".join(payloads), 20.0), []
    second = session.succeed(started(first)[0], now=20.0)
    assert [each.template_id for each in (*started(first), *started(second))] == [wanted, wanted]


def test_parameters_whose_row_would_be_huge_fail_the_operation() -> None:
    """The path of each parameter repeats the names above it: a payload of 20 kB would make rows of 10 MB."""
    fragment = {"n" * 10_000: {str(number): 1 for number in range(1_000)}}
    content = {"c8y_ParameterUpdate": {}, "c8y_ParameterUpdate_acme_A": {}, "acme_A": fragment}
    session = ready()
    (refused,) = session.received(TOPIC, operation("7", **content), 20.0)[:1]
    assert isinstance(refused, OperationRefused)
    assert (refused.operation.fragment, refused.operation.row) == ("c8y_ParameterUpdate", ("", "dev"))
    text = "the paths of its parameters have more than 1,000,000 characters"
    assert rows(session) == [("s/us", [("504", "7")]), ("s/us", [("505", "7", text)])]
