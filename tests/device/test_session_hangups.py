"""Rows on which the server hangs up: found, given up and reported. The rest flows, and no innocent row is blamed."""

from __future__ import annotations

import pytest
from support_hangups import POISON, Life, holds_poison, offline
from support_session import online

from smartrest import decode
from smartrest.device import (
    Dropped,
    Event,
    Limits,
    OperationReceived,
    OperationTemplate,
    Publish,
    Session,
    Subscribe,
)


def connect(session: Session, now: float, hangs_up: str | None = POISON) -> tuple[list[Event], list[tuple[str, ...]]]:
    """One connection on which all is acknowledged up to a row that contains `hangs_up`."""
    events: list[Event] = []
    taken: list[tuple[str, ...]] = []
    events += session.tick(now)
    session.outgoing()
    events += session.connected(0, now)
    for _ in range(10_000):
        actions = session.outgoing()
        if not actions:
            break
        for action in actions:
            if isinstance(action, Subscribe):
                events += session.subscribed(action.topic, 1, now)
            elif isinstance(action, Publish):
                rows = decode(action.payload) if action.payload else []
                if hangs_up and any(hangs_up in field for row in rows for field in row):
                    return events + session.disconnected(now), taken
                taken += rows
                events += session.acknowledged(action.id, now)
    return events, taken


def lives(session: Session, most: int = 60, hangs_up: str = POISON) -> tuple[list[Dropped], list[tuple[str, ...]], int]:
    dropped: list[Dropped] = []
    taken: list[tuple[str, ...]] = []
    now = 100.0
    for count in range(1, most):
        events, rows = connect(session, now, hangs_up)
        dropped += [event for event in events if isinstance(event, Dropped)]
        taken += rows
        if session.online and not session.pending and not session.unacknowledged:
            return dropped, taken, count
        now = (session.due() or now) + 1.0
    pytest.fail(f"{session.pending} rows still wait after {most} connections")


def test_a_single_row_is_given_up_after_three_connections() -> None:
    session = offline()
    session.send(("400", POISON, "x"), now=2.0)
    dropped, _, connections = lives(session)
    assert [(event.reason, decode(event.payload)) for event in dropped] == [("hang_up", [("400", POISON, "x")])]
    assert connections == Limits().hang_ups + 1  # the last one works


@pytest.mark.parametrize("place", [0, 57, 199])
def test_a_row_among_others_of_its_topic(place: int) -> None:
    session = offline()
    for number in range(200):
        session.send(("400", POISON if number == place else "fine", str(number)), now=2.0)
    dropped, taken, connections = lives(session)
    assert [decode(event.payload) for event in dropped] == [[("400", POISON, str(place))]]
    arrived = [int(row[2]) for row in taken if row[0] == "400"]
    assert arrived == [number for number in range(200) if number != place]  # in order, none twice, none lost
    assert connections <= 6


def test_a_topic_is_given_up_without_parting_every_payload() -> None:
    session = offline()
    for number in range(100):
        session.send(("400", POISON, str(number)), child="bad", now=2.0)
        session.send(("400", "fine", str(number)), now=2.0)
    dropped, taken, connections = lives(session)
    assert len(dropped) == 100
    assert {event.topic for event in dropped} == {"s/us/bad"}
    assert [row[2] for row in taken if row[0] == "400"] == [str(number) for number in range(100)]
    assert connections < 12


def test_networks_that_break_cost_no_row() -> None:
    """However often, as long as each connection delivers something."""
    session = offline()
    for number in range(500):
        session.send(("400", "x" * 200, str(number)), now=2.0)
    now, arrived = 100.0, []
    for _ in range(200):
        session.tick(now)
        session.outgoing()
        events = session.connected(0, now)
        budget = 3  # acknowledgements of data until the connection breaks
        while budget and (actions := session.outgoing()):
            for action in actions:
                if isinstance(action, Subscribe):
                    events += session.subscribed(action.topic, 1, now)
                elif isinstance(action, Publish) and budget:
                    if action.payload.startswith(b"400"):
                        budget -= 1
                        arrived += [int(row[2]) for row in decode(action.payload)]
                    events += session.acknowledged(action.id, now)
        events += session.disconnected(now)
        assert not any(isinstance(event, Dropped) for event in events)
        now = (session.due() or now) + 1.0
    assert list(dict.fromkeys(arrived)) == list(range(500))


def test_what_is_in_flight_of_operations_is_bounded() -> None:
    children = [f"c{number}" for number in range(1000)]
    session = online(acknowledgements=True, children=children)
    for action in session.outgoing():
        assert isinstance(action, Publish)
        session.acknowledged(action.id, 0.0)
    for now in (1.0, 5.0):
        session.tick(now)
    session.received("s/ds", b"\n".join(f"511,{child},x".encode() for child in children), 10.0)
    seen, answered, now = 0, 0, 10.0
    limit = Limits().rows_in_flight
    while answered < len(children):
        actions = [action for action in session.outgoing() if isinstance(action, Publish)]
        assert actions, f"{answered} answered"
        seen = max(seen, len(actions))
        assert len(session._flow.in_flight) <= limit
        for action in actions:
            now += 0.001
            for event in session.acknowledged(action.id, now):
                if isinstance(event, OperationReceived):
                    session.succeed(event.operation, now=now)
            answered += action.payload.startswith(b"503")
    assert seen == limit


def test_an_answer_is_given_without_the_text_that_the_server_hangs_up_on() -> None:
    life = Life(offline(), holds_poison, result=POISON)
    life.create(("511", "dev", "a"), ("510", "dev"))
    life.session.send(("400", "fine", "1"), now=2.0)
    connections = life.live()
    assert life.dropped == [("503", "c8y_Command", POISON), ("503", "c8y_Restart", POISON)]
    assert life.states == [("SUCCESSFUL", [])] * 2
    assert sorted(life.handled) == [("510", "dev"), ("511", "dev", "a")]
    assert ("s/us", ("400", "fine", "1")) in life.platform.published
    assert connections <= 2 * Limits().hang_ups + 1
    life.result = "done"
    life.platform.create(("511", "dev", "b"))
    life.cut()
    assert life.live() == 1
    assert life.states[2] == ("SUCCESSFUL", ["done"])


def test_a_reason_that_the_server_hangs_up_on() -> None:
    life = Life(offline(), holds_poison)
    life.answer = lambda operation: life.session.fail(operation, POISON, now=life.now)
    life.create(("511", "dev", "a"))
    life.live()
    assert life.dropped == [("502", "c8y_Command", POISON)]
    assert [operation.status for operation in life.platform.operations] == ["FAILED"]


def test_an_answer_by_id_that_the_server_hangs_up_on() -> None:
    operations = {"dm1": OperationTemplate(id_field=2)}
    session = online(acknowledgements=True, x_ids=["x"], operations=operations)
    session.outgoing()
    session.disconnected(1.0)
    life = Life(session, lambda topic, row: row[0] == "506" and row[1] == "17", result=POISON)
    life.live()
    session.received("s/dc/x", b"dm1,dev,17\ndm1,dev,18", life.now)
    assert not life.drive()
    life.now = session.due() or life.now
    life.live()
    assert life.dropped == [("506", "17", POISON), ("506", "17")]
    assert ("s/us", ("506", "18", POISON)) in life.platform.published
    assert not any(row[0] == "507" for _, row in life.platform.published)  # it would fail operations with another ID


def test_an_answer_that_is_hung_up_on_in_every_form_is_given_up() -> None:
    """Its operation is failed before a younger one of the lane is claimed."""
    life = Life(offline(), lambda topic, row: row[:2] == ("503", "c8y_Command"))
    life.create(("511", "dev", "a"), ("511", "dev", "b"), ("510", "dev"))
    life.live()
    assert life.dropped == [("503", "c8y_Command", "done"), ("503", "c8y_Command")] * 2
    assert life.states == [("FAILED", []), ("FAILED", []), ("SUCCESSFUL", ["done"])]
    assert sorted(life.handled) == [("510", "dev"), ("511", "dev", "a"), ("511", "dev", "b")]
    assert not any(operation.reason.startswith("Not run") for operation in life.platform.operations)
    assert life.platform.errors == []


def test_a_claim_that_the_server_hangs_up_on_leaves_its_lane_pending() -> None:
    life = Life(offline(), lambda topic, row: row == ("501", "c8y_Command"))
    life.create(("511", "dev", "a"), ("511", "dev", "b"), ("510", "dev"))
    life.session.send(("400", "fine", "1"), now=2.0)
    life.live()
    assert life.dropped == [("501", "c8y_Command")]
    assert life.states == [("PENDING", []), ("PENDING", []), ("SUCCESSFUL", ["done"])]
    assert ("s/us", ("400", "fine", "1")) in life.platform.published
    life.cut()
    assert life.live() == 2  # retried once on a new connection
    life.hangs_up = lambda topic, row: False
    life.cut()
    assert life.live() == 1
    assert life.states == [("SUCCESSFUL", ["done"])] * 3
    assert len(life.handled) == 3


def test_nothing_of_a_lane_starts_until_its_507_is_acknowledged() -> None:
    life = Life(offline(), lambda topic, row: row[0] in ("503", "507") and row[1] == "c8y_Command")
    life.create(("511", "dev", "a"), ("511", "dev", "b"), ("510", "dev"))
    life.live()
    assert [row[:2] for row in life.dropped] == [("503", "c8y_Command")] * 2 + [("507", "c8y_Command")]
    assert life.states == [("EXECUTING", []), ("PENDING", []), ("SUCCESSFUL", ["done"])]
    life.hangs_up = lambda topic, row: False
    life.cut()
    assert life.live() == 1
    assert life.states == [("FAILED", []), ("SUCCESSFUL", ["done"]), ("SUCCESSFUL", ["done"])]


def test_a_topic_that_the_server_hangs_up_on_stops_no_other() -> None:
    session = online(acknowledgements=True, children=["c1"])
    session.outgoing()
    session.disconnected(1.0)
    life = Life(session, lambda topic, row: topic == "s/us/c1" and row[0][0] == "5")
    life.create(("511", "c1", "a"), ("510", "c1"), ("511", "dev", "a"))
    session.send(("400", "fine", "1"), child="c1", now=2.0)
    life.live()
    assert [status for status, _ in life.states] == ["PENDING", "PENDING", "SUCCESSFUL"]
    assert ("s/us/c1", ("400", "fine", "1")) in life.platform.published


@pytest.mark.parametrize("deaf", [False, True])
def test_networks_that_break_cost_no_answer(deaf: bool) -> None:
    """As long as each connection delivers something, or breaks (`deaf`) before a row of the lane was sent alone."""
    children = [f"c{number}" for number in range(30)]
    session = online(acknowledgements=True, children=children)
    for action in session.outgoing():
        assert isinstance(action, Publish)
        session.acknowledged(action.id, 0.0)
    for now in (1.0, 5.0):
        session.tick(now)
    session.received("s/ds", b"\n".join(f"511,{child},x".encode() for child in children), 10.0)
    operations = [
        event.operation
        for action in session.outgoing()
        if isinstance(action, Publish)
        for event in session.acknowledged(action.id, 10.0)
        if isinstance(event, OperationReceived)
    ]
    for operation in operations:
        session.succeed(operation, "done", now=10.0)
    session.send(("400", "fine", "1"), now=10.0)
    events, now, answered = session.disconnected(11.0), 100.0, 0
    for _ in range(40):
        events += session.tick(now)
        session.outgoing()
        events += session.connected(0, now)
        budget = 0 if deaf else 3  # acknowledgements, then the connection breaks
        while actions := session.outgoing():
            for action in actions:
                if isinstance(action, Subscribe) and not deaf:
                    events += session.subscribed(action.topic, 1, now)
                elif isinstance(action, Publish) and (action.payload.startswith(b"100") or budget):
                    budget -= not action.payload.startswith(b"100")
                    answered += action.payload.startswith(b"503")
                    events += session.acknowledged(action.id, now)
        events += session.disconnected(now)
        now = (session.due() or now) + 1.0
    assert not any(isinstance(event, Dropped) for event in events)
    assert deaf or answered == len(children)


@pytest.mark.parametrize("size", [1, 30])
def test_a_server_that_hangs_up_on_subscriptions_costs_no_row(size: int) -> None:
    """Rows sent right after registration are in flight, but not at fault."""
    session = offline()
    session.send(*[("400", "fine", str(number)) for number in range(size)], now=2.0)
    events, now = [], 100.0
    for _ in range(20):
        events += session.tick(now)
        session.outgoing()
        events += session.connected(0, now)
        for action in session.outgoing():
            if isinstance(action, Publish) and action.payload.startswith(b"100"):
                events += session.acknowledged(action.id, now)
        assert [action for action in session.outgoing() if isinstance(action, Subscribe)]
        events += session.disconnected(now)
        now = (session.due() or now) + 1.0
    assert not any(isinstance(event, Dropped) for event in events)
    assert session.pending == size
