"""Operations of a `Session`: order, topics, answers, limits, repeats. Broken connections: `test_session_faults.py`."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from support_session import kinds, online, rows

from smartrest import EncodeError, TemplateError, decode, encode, encode_row
from smartrest.device import (
    AnswerIgnored,
    Event,
    Limits,
    MessageReceived,
    Operation,
    OperationAnswered,
    OperationReceived,
    OperationRefused,
    OperationRepeated,
    OperationTemplate,
    OperationTimedOut,
    PayloadRefused,
    Publish,
    Session,
    State,
    Subscribe,
    flow,
)

Rows = list[tuple[str, list[tuple[str, ...]]]]


def started(events: list[Event]) -> list[Operation]:
    return [event.operation for event in events if isinstance(event, OperationReceived)]


def fresh(**options: object) -> Session:
    session = online(children=["c1", "c2"], **options)
    acknowledge(session, 0.0)
    session.tick(10.0)  # the answer of the time for the answer to 500 is over
    session.outgoing()
    return session


def acknowledge(session: Session, now: float) -> list[Event]:
    """The platform acknowledges all payloads of now."""
    events: list[Event] = []
    for action in session.outgoing():
        if isinstance(action, Publish):
            events += session.acknowledged(action.id, now)
        elif isinstance(action, Subscribe):
            events += session.subscribed(action.topic, 1, now)
    return events


def test_two_operations_in_one_payload_and_a_command_of_several_lines() -> None:
    session = fresh()
    events = session.received("s/ds", b'511,dev,"echo ""a,b""\nls -l\n"\n510,c1', 20.0)
    command, restart = started(events)
    assert command.row == ("511", "dev", 'echo "a,b"\nls -l\n')
    assert command.parameters == {"command": 'echo "a,b"\nls -l\n'}
    assert (command.device, command.child, command.fragment, command.id) == ("dev", None, "c8y_Command", None)
    assert (restart.device, restart.child, restart.fragment) == ("c1", "c1", "c8y_Restart")
    assert rows(session) == [("s/us", [("501", "c8y_Command")]), ("s/us/c1", [("501", "c8y_Restart")])]
    assert session.succeed(restart) == [OperationAnswered(restart, "successful")]
    assert session.succeed(command, "a,b\n", now=20.1) == [OperationAnswered(command, "successful")]
    assert rows(session) == [
        ("s/us/c1", [("503", "c8y_Restart")]),
        ("s/us", [("503", "c8y_Command", "a,b\n")]),
    ]


def test_one_at_a_time_for_device_and_fragment_and_in_order() -> None:
    session = fresh()
    payload = encode([("511", "dev", "1"), ("511", "c1", "2"), ("511", "dev", "3"), ("513", "dev", "4")])
    running = started(session.received("s/ds", payload, 20.0))
    assert [op.row[2] for op in running] == ["1", "2", "4"]
    session.outgoing()
    events = session.fail(running[0], "no")
    assert kinds(events) == [OperationAnswered, OperationReceived]
    assert [op.row[2] for op in started(events)] == ["3"]
    assert rows(session) == [("s/us", [("502", "c8y_Command", "no")]), ("s/us", [("501", "c8y_Command")])]


def test_the_next_starts_only_when_the_answer_is_acknowledged() -> None:
    session = fresh(acknowledgements=True)
    assert session.received("s/ds", b"511,dev,1\n511,dev,2", 20.0) == []
    (claim,) = session.outgoing()
    assert isinstance(claim, Publish)
    assert decode(claim.payload) == [("501", "c8y_Command")]
    (first,) = started(session.acknowledged(claim.id, 20.5))
    assert session.succeed(first, "r1", now=21.0) == []
    (answer,) = session.outgoing()
    assert isinstance(answer, Publish)
    assert decode(answer.payload) == [("503", "c8y_Command", "r1")]
    assert kinds(session.acknowledged(answer.id, 22.1)) == [OperationAnswered]
    assert session.acknowledged(answer.id, 22.2) == []
    (second,) = started(acknowledge(session, 22.3))
    assert second.row[2] == "2"


def test_a_hundred_operations_at_once() -> None:
    session = fresh()
    payload = encode([("511", "dev" if n % 2 else "c1", f"run {n}") for n in range(100)])
    done = []
    waiting = started(session.received("s/ds", payload, 20.0))
    assert len(waiting) == 2
    while waiting:
        operation = waiting.pop(0)
        done.append(operation)
        waiting += started(session.succeed(operation, f"result of {operation.row[2]}"))
    published = rows(session)
    for device, topic in (("dev", "s/us"), ("c1", "s/us/c1")):
        sent = [row for where, payload_rows in published if where == topic for row in payload_rows]
        texts = [op.row[2] for op in done if op.device == device]
        assert texts == sorted(texts, key=lambda text: int(text.split()[1]))
        expected = [
            row for text in texts for row in (("501", "c8y_Command"), ("503", "c8y_Command", f"result of {text}"))
        ]
        assert sent == expected


def test_nothing_is_answered_twice() -> None:
    session = fresh()
    (operation,) = started(session.received("s/ds", b"510,dev", 20.0))
    session.succeed(operation)
    session.outgoing()
    assert session.succeed(operation, "again") == [AnswerIgnored(operation)]
    assert session.fail(operation, "again") == [AnswerIgnored(operation)]
    assert rows(session) == []


def test_an_operation_for_an_unknown_child_is_refused_and_answered_there() -> None:
    session = fresh()
    events = session.received("s/ds", b"511,stranger,ls\n511,dev,ls", 20.0)
    assert sorted(kinds(events), key=str) == [OperationAnswered, OperationReceived, OperationRefused]
    refused = events[0]
    assert isinstance(refused, OperationRefused)
    assert (refused.reason, refused.answered) == ("unknown child device stranger", True)
    assert rows(session) == [
        ("s/us/stranger", [("501", "c8y_Command")]),
        ("s/us/stranger", [("502", "c8y_Command", "unknown child device stranger")]),
        ("s/us", [("501", "c8y_Command")]),
    ]


def test_children_and_services_that_the_program_created_are_known() -> None:
    session = fresh()
    session.send((101, "new", "New child"), ("102", "service", "systemd", "name", "up"))
    operations = started(session.received("s/ds", b"510,new\n510,service", 20.0))
    assert [operation.child for operation in operations] == ["new", "service"]


@pytest.mark.parametrize("target", ["a/b", "#", "+", "\0", "x" * 16_200, "x" * 70_000])
def test_an_operation_whose_topic_cannot_be_published_to_is_reported(target: str) -> None:
    session = fresh()
    events = session.received("s/ds", encode([("510", target), ("510", "dev")], limit=None), 20.0)
    assert kinds(events) == [OperationRefused, OperationReceived]
    assert isinstance(events[0], OperationRefused)
    assert not events[0].answered
    assert session.operations == started(events)


@pytest.mark.parametrize("payload", [b"510", b"510,", b"511,,ls"])
def test_an_operation_without_a_device_is_reported(payload: bytes) -> None:
    session = fresh()
    assert kinds(session.received("s/ds", payload, 20.0)) == [PayloadRefused]
    assert rows(session) == []


def test_long_texts_are_cut_to_the_budget_of_their_topic() -> None:
    session = fresh()
    text = 'zwölf "Boxkämpfer"\n' * 2_000
    for template_id, finish in (("511", session.succeed), ("513", session.fail)):
        (operation,) = started(session.received("s/ds", encode([(template_id, "c1", "x")]), 20.0))
        session.outgoing()
        finish(operation, text)
        (answer,) = session.outgoing()
        assert isinstance(answer, Publish)
        assert 16_160 < len(answer.payload) <= 16_170  # the budget of s/us/c1 at QoS 1
        (row,) = decode(answer.payload)
        assert row[2].endswith("…")
        assert text.startswith(row[2][:-1])


def test_of_several_long_texts_the_longest_are_cut() -> None:
    session = fresh()
    (operation,) = started(session.received("s/ds", b"511,dev,x", 20.0))
    session.outgoing()
    session.succeed(operation, "a" * 20_000, "b" * 18_000, "short", 5)
    (answer,) = session.outgoing()
    assert isinstance(answer, Publish)
    assert len(answer.payload) <= 16_173
    (row,) = decode(answer.payload)
    assert row[2] == "…"
    assert set(row[3]) == {"b", "…"}
    assert row[4:] == ("short", "5")


def test_a_result_that_cannot_be_sent_leaves_the_operation_open() -> None:
    session = fresh()
    (operation,) = started(session.received("s/ds", b"511,dev,x", 20.0))
    session.outgoing()
    for bad in (b"bytes", float("nan"), "\ud800", datetime(2026, 1, 1), object(), 10**5_000):
        with pytest.raises(EncodeError):
            session.succeed(operation, bad)  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(EncodeError):
        session.succeed(operation, *range(20_000))
    assert session.is_running(operation)
    session.succeed(operation, 1, 2.5, True, None, datetime(2026, 1, 1, tzinfo=timezone.utc))
    assert rows(session)[0][1][0][2:] == ("1", "2.5", "true", "", "2026-01-01T00:00:00.000+00:00")


def test_any_reason_of_failure_can_be_sent() -> None:
    session = fresh()
    (operation,) = started(session.received("s/ds", b"511,dev,x", 20.0))
    session.outgoing()
    session.fail(operation, 'lone \ud800, NUL \0, "quotes"\r\n' + "\ud800" * 9_000)
    (answer,) = session.outgoing()
    assert isinstance(answer, Publish)
    assert len(answer.payload) <= 16_173
    assert decode(answer.payload)[0][2].startswith('lone \\ud800, NUL \0, "quotes"\r\n\\ud800')


def test_time_limit() -> None:
    session = fresh(limits=Limits(operation=60.0))
    first, other = started(session.received("s/ds", b"511,dev,1\n511,dev,2\n510,dev", 20.0))
    assert session.due() == 80.0
    session.succeed(other, now=50.0)
    session.outgoing()
    events = session.tick(80.0)
    assert kinds(events) == [OperationTimedOut, OperationAnswered, OperationReceived]
    assert rows(session) == [
        ("s/us", [("502", "c8y_Command", "no result within 60 seconds")]),
        ("s/us", [("501", "c8y_Command")]),
    ]
    assert session.succeed(first, "late", now=81.0) == [AnswerIgnored(first)]
    assert session.due() == 140.0


def test_time_limits_of_finished_operations_are_not_kept() -> None:
    session = fresh()
    session.received("s/ds", b"510,dev", 20.0)  # runs for an hour; all later ones have later limits
    for number in range(2_000):
        (operation,) = started(session.received("s/ds", b"511,dev,%d" % number, 21.0 + number))
        session.extend(operation, 3600.0)
        session.succeed(operation)
        session.outgoing()
    assert len(session._flow._deadlines) < 100


def test_a_changed_time_limit_is_the_one_reported() -> None:
    session = fresh()
    (operation,) = started(session.received("s/ds", b"511,dev,1", 20.0))
    session.extend(operation, 5.0, now=21.0)
    session.outgoing()
    assert session.tick(26.0)[0] == OperationTimedOut(operation, 5.0)
    assert rows(session) == [("s/us", [("502", "c8y_Command", "no result within 5 seconds")])]


def test_no_time_limit() -> None:
    session = fresh(limits=Limits(operation=None))
    session.received("s/ds", b"511,dev,1", 20.0)
    assert session.due() is None


def test_by_id_where_the_id_is_known() -> None:
    templates = {"dm101": OperationTemplate("acme_Pump", 2), "dm102": OperationTemplate(None, 2)}
    session = fresh(x_ids=["acme"], operations=templates)
    events = session.received("s/dc/acme", b"dm101,dev,4711,1450\ndm102,c1,4712\ndm102,c2\ndm101,dev,,7", 20.0)
    pump, other, by_fragment = *started(events), None
    assert (pump.id, pump.fragment, pump.parameters) == ("4711", "acme_Pump", {"2": "4711", "3": "1450"})
    assert kinds(events) == [PayloadRefused, OperationReceived, OperationReceived]
    session.outgoing()
    session.succeed(other, "fine")
    assert rows(session) == [("s/us/c1", [("506", "4712", "fine")])]
    events = session.fail(pump, "stuck")
    (by_fragment,) = started(events)
    assert by_fragment.id is None
    session.succeed(by_fragment)
    assert rows(session) == [
        ("s/us", [("505", "4711", "stuck")]),
        ("s/us", [("501", "acme_Pump")]),
        ("s/us", [("503", "acme_Pump")]),
    ]
    assert kinds(session.received("s/dc/acme", b"dm102,c1,4713", 21.0)) == [OperationReceived]
    assert rows(session) == [("s/us/c1", [("504", "4713")])]


def test_an_id_is_run_once_and_its_answer_given_again() -> None:
    session = fresh(x_ids=["acme"], operations={"dm101": OperationTemplate(None, 2)})
    (operation,) = started(session.received("s/dc/acme", b"dm101,dev,1", 20.0))
    assert session.received("s/dc/acme", b"dm101,dev,1", 20.1) == [OperationRepeated(operation)]
    session.succeed(operation, "r")
    session.outgoing()
    assert session.received("s/dc/acme", b"dm101,dev,1", 5_000.0) == [OperationRepeated(operation)]
    assert rows(session) == [("s/us", [("504", "1")]), ("s/us", [("506", "1", "r")])]


def test_an_id_twice_in_one_payload_or_in_another_form_is_one_operation() -> None:
    templates = {"dm101": OperationTemplate("acme_Pump", 2), "dm102": OperationTemplate("acme_Valve", 2)}
    session = fresh(x_ids=["acme"], operations=templates)
    events = session.received("s/dc/acme", b"dm101,dev,1,a\ndm101,dev,1,a\ndm101,dev,1,b\ndm102,dev,1", 20.0)
    (operation,) = started(events)
    assert kinds(events) == [OperationRepeated] * 3 + [OperationReceived]
    session.succeed(operation, "r")
    session.outgoing()
    assert kinds(session.received("s/dc/acme", b"dm102,dev,1\ndm101,dev,1,a", 21.0)) == [OperationRepeated] * 2
    assert rows(session) == [("s/us", [("504", "1")]), ("s/us", [("506", "1", "r")])]


def test_rows_of_a_custom_template_without_description_are_messages() -> None:
    session = fresh(x_ids=["acme"])
    assert kinds(session.received("s/dc/acme", b"dm101,dev,1", 20.0)) == [MessageReceived]
    session.set_operation("dm101", OperationTemplate("acme_Pump"))
    assert kinds(session.received("s/dc/acme", b"dm101,dev,1", 21.0)) == [OperationReceived]
    session.set_operation("dm101", None)
    assert kinds(session.received("s/dc/acme", b"dm101,dev,1", 22.0)) == [MessageReceived]


def test_of_a_device_profile_one_of_two_rows_is_taken() -> None:
    session = fresh()
    payload = b"527,dev,$FW,name,1.0,url,true,dep\n531,dev,$FW,name,1.0,url"
    assert kinds(session.received("s/ds", payload, 20.0)) == [MessageReceived, OperationReceived]


def test_parameters_are_named_and_typed() -> None:
    session = fresh()
    payload = b"522,dev,syslog,2013-06-22T17:03:14.000+02:00,2013-06-22T18:03:14+0200,ERROR,1000\n519,c1,OPEN,CLOSE"
    log, relays = started(session.received("s/ds", payload, 20.0))
    assert log.parameters["maximum_lines"] == 1000
    assert log.parameters["start_date"] == datetime.fromisoformat("2013-06-22T17:03:14+02:00")
    assert "device_id" not in log.parameters
    assert relays.parameters["relay_states"] == ["OPEN", "CLOSE"]
    (bad,) = started(session.received("s/ds", b"522,c2,syslog,yesterday,x,ERROR,many", 20.0))
    with pytest.raises(TemplateError):
        _ = bad.parameters


def test_an_equal_row_after_the_list_holds_younger_ones_until_500() -> None:
    session = online()
    assert rows(session) == [("s/us", [("500",)])]
    assert session.received("s/ds", b"511,dev,close", 0.1) == []  # collected while the answer to 500 is awaited
    (first,) = started(session.tick(0.5))
    session.succeed(first, "closed", now=1.0)
    session.outgoing()
    assert session.received("s/ds", b"511,dev,close", 1.1) == []  # a late push, or another operation
    assert session.received("s/ds", b"511,dev,open", 1.3) == []
    assert rows(session) == []
    assert session.received("s/ds", b"513,dev,x", 1.4) != []  # other lanes continue
    session.outgoing()
    session.tick(3.0)
    assert rows(session) == [("s/us", [("500",)])]
    session.received("s/ds", b"511,dev,close\n511,dev,open", 3.1)
    (second,) = started(session.tick(3.5))
    assert second is not first
    assert started(session.succeed(second, "closed again", now=3.6))[0].row[2] == "open"
    assert [row for _, payload in rows(session) for row in payload] == [
        ("501", "c8y_Command"),
        ("503", "c8y_Command", "closed again"),
        ("501", "c8y_Command"),
    ]


def test_equal_operations_at_any_other_time_are_different_ones() -> None:
    session = fresh()
    (first,) = started(session.received("s/ds", b"511,dev,ls\n511,dev,ls", 20.0))
    assert len(session.operations) == 2
    session.received("s/ds", b"511,dev,ls", 21.0)
    assert len(session.operations) == 3
    session.succeed(first)
    assert len(session.operations) == 2


def test_a_payload_marked_as_duplicate_is_ignored() -> None:
    """The 500 of this connection brings all that was not seen before."""
    session = fresh()
    (operation,) = started(session.received("s/ds", b"511,dev,ls", 20.0))
    assert session.received("s/ds", b"511,dev,ls", 20.1, duplicate=True) == []
    session.succeed(operation)
    assert session.received("s/ds", b"511,dev,ls\n510,dev", 30.0, duplicate=True) == []
    assert session.operations == []
    assert len(started(session.received("s/ds", b"511,dev,ls", 50.0))) == 1


def test_a_list_in_several_payloads_is_taken_once_it_was_the_same_often_enough() -> None:
    """Otherwise a push that crosses the answer to 500 could count as a second operation."""
    session = online()
    starts = []
    for window in (1, 2, 3):  # 1 + the bits of 3
        assert rows(session) == [("s/us", [("500",)])]
        session.received("s/ds", b"511,dev,1\n511,dev,2", 10.0 * window)
        session.received("s/ds", b"511,dev,3", 10.0 * window)
        starts.append(len(started(session.tick(10.0 * window + 5))))
    assert starts == [0, 0, 1]
    assert [operation.row[2] for operation in session.operations] == ["1", "2", "3"]


def test_what_does_not_fit_is_left_pending_and_asked_for_later() -> None:
    session = online(limits=Limits(operations=4))
    session.tick(10.0)
    session.outgoing()
    events = session.received("s/ds", encode([("511", "dev", str(n)) for n in range(6)]), 20.0)
    assert kinds(events) == [OperationRefused, OperationRefused, OperationReceived]
    assert kinds(session.received("s/ds", b"511,dev,6", 20.0)) == [OperationRefused]  # younger than those left
    (running,) = started(events)
    assert ("s/us", [("500",)]) not in rows(session)
    (running,) = started(session.succeed(running, now=21.0))
    assert started(session.succeed(running, now=21.0)) == []
    assert ("s/us", [("500",)]) in rows(session)
    assert session.received("s/ds", encode([("511", "dev", str(n)) for n in range(2, 8)]), 22.0)
    session.tick(22.5)
    assert [op.row[2] for op in session.operations] == ["2", "3", "4", "5"]


def test_what_waits_finds_room_again_on_the_next_connection() -> None:
    session = fresh(limits=Limits(operations=2))
    (running,) = started(session.received("s/ds", b"511,dev,1\n511,dev,2", 20.0))
    reconnect(session, 25.0)
    assert kinds(session.received("s/ds", b"511,dev,2\n511,dev,3", 25.1)) == [OperationRefused]
    session.tick(40.0)
    assert [op.row[2] for op in session.operations] == ["1", "2"]
    assert [op.row[2] for op in started(session.succeed(running, now=41.0))] == []  # 3 was left, so 500 comes first
    session.received("s/ds", b"511,dev,2\n511,dev,3", 41.1)
    assert [op.row[2] for op in started(session.tick(42.0))] == ["2"]


def test_operations_wait_until_500_is_answered() -> None:
    session = online(acknowledgements=True)
    (ask,) = session.outgoing()
    assert isinstance(ask, Publish)
    session.received("s/ds", b"511,dev,old\n511,dev,young", 0.1)
    assert session.due() == pytest.approx(60.0)
    session.acknowledged(ask.id, 0.2)
    assert session.due() == pytest.approx(0.7)
    assert session.tick(0.7) == []
    assert [op.row[2] for op in started(acknowledge(session, 0.8))] == ["old"]
    assert [op.row[2] for op in session.operations] == ["old", "young"]


def test_an_operation_runs_on_while_the_connection_is_away() -> None:
    session = fresh(acknowledgements=True)
    session.received("s/ds", b"511,dev,ls", 20.0)
    (operation,) = started(acknowledge(session, 20.1))
    session.disconnected(30.0)
    assert session.succeed(operation, "done", now=31.0) == []
    session.tick(session.due() or 0.0)
    session.outgoing()
    session.connected(0, 40.0)
    acknowledge(session, 40.1)
    assert [topic_rows for topic_rows in rows(session) if topic_rows[1][0][0] == "503"] == [
        ("s/us", [("503", "c8y_Command", "done")])
    ]


def test_stopping_soon_after_a_broken_connection_settles_first() -> None:
    session = fresh(acknowledgements=True)
    session.received("s/ds", b"511,dev,ls\n511,dev,pwd", 20.0)
    session.outgoing()  # 501 is never acknowledged
    reconnect(session, 25.0)
    acknowledge(session, 30.0)  # 500
    session.stop(30.1)
    assert session.state is State.CLOSING
    session.received("s/ds", b"511,dev,pwd", 30.2)  # so 501 for ls has arrived
    (operation,) = started(session.tick(30.5))
    assert operation.row[2] == "ls"
    session.succeed(operation, "done", now=30.6)
    assert rows(session) == [("s/us", [("503", "c8y_Command", "done")])]


def reconnect(session: Session, now: float) -> None:
    """Break the connection and come online again, acknowledging all before it but not 500 or later."""
    session.disconnected(now)
    session.tick(session.due() or 0.0)
    session.outgoing()
    session.connected(0, now)
    while not session.online:
        for action in session.outgoing():
            if isinstance(action, Publish):
                session.acknowledged(action.id, now)
            elif isinstance(action, Subscribe):
                session.subscribed(action.topic, 1, now)


def test_left_over_operations_are_settled_again_until_that_is_acknowledged() -> None:
    """Otherwise one stays EXECUTING and, as the oldest, receives the answers of others."""
    session = online(
        acknowledgements=True, restarted="again", x_ids=["acme"], operations={"dm1": OperationTemplate(None, 2)}
    )
    settled = ("s/us", [("507", "", "again")])
    assert settled in rows(session)
    reconnect(session, 5.0)
    (left_over,) = session.outgoing()  # alone, since a connection died on it
    assert isinstance(left_over, Publish)
    assert left_over.payload == b"507,,again"
    assert session.received("s/dc/acme", b"dm1,dev,1", 5.1) == []  # it would fail with the others
    assert session.outgoing() == []
    session.acknowledged(left_over.id, 5.2)
    assert acknowledge(session, 5.25) == []  # 500
    assert kinds(acknowledge(session, 5.3)) == [OperationReceived]
    reconnect(session, 6.0)
    assert settled not in rows(session)


@pytest.mark.parametrize(
    "text", ["done", "x" * 50_000, "ä" * 10_000, '"' * 10_000], ids=["short", "long", "wide", "quoted"]
)
@pytest.mark.parametrize("outcome", ["succeed", "fail"])
def test_each_row_of_an_operation_is_encoded_once(outcome: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[bytes] = []
    for module in (flow, flow.operations):

        def counted(row: Any, **options: Any) -> bytes:
            made.append(f"{row[0]}".encode())
            return encode_row(row, **options)

        monkeypatch.setattr(module, "encode_row", counted)
    session = fresh()
    (operation,) = started(session.received("s/ds", b"511,dev,1", 20.0))
    getattr(session, outcome)(operation, text)
    sent = [action.payload[:3] for action in session.outgoing() if isinstance(action, Publish)]
    assert made == sent == [b"501", b"503" if outcome == "succeed" else b"502"]
