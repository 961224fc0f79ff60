"""Data on which the server hangs up: found, given up and reported; the rest flows, and no row is blamed lightly."""

from __future__ import annotations

import pytest
from support_session import online

from smartrest import decode
from smartrest.device import Dropped, Event, Limits, OperationReceived, Publish, Session, Subscribe

POISON = "poison"


def connect(session: Session, now: float, hangs_up: str | None = POISON) -> tuple[list[Event], list[tuple[str, ...]]]:
    """One connection on which everything is acknowledged until a row holds `hangs_up`."""
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


def offline() -> Session:
    session = online(acknowledgements=True)
    session.outgoing()
    session.disconnected(1.0)
    return session


def test_a_lone_row_is_given_up_after_three_connections() -> None:
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
    """However often, as long as a connection lets something through."""
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
