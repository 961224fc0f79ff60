"""The prefix that a gateway's broker puts before every topic: only outside, and counted in every size."""

from __future__ import annotations

import pytest

from smartrest import SmartRestError, payload_budget
from smartrest.device import MessageReceived, OperationReceived, PayloadReceived, Publish, Session, Subscribe


def _online(prefix: str | None) -> tuple[Session, list[str]]:
    """An online session, and the topics of its actions so far."""
    session = Session("dev1", prefix=prefix, x_ids=["acme"], debug=True, now=0.0)
    seen: list[str] = []
    session.outgoing()
    session.connected(0, 0.0)
    for _ in range(5):
        for action in session.outgoing():
            if isinstance(action, (Publish, Subscribe)):
                seen.append(action.topic)
            if isinstance(action, Subscribe):
                session.subscribed(action.topic, 1, 0.0)
            elif isinstance(action, Publish):
                session.acknowledged(action.id, 0.0)
    assert session.online
    return session, seen


def test_every_topic_that_goes_out_has_the_prefix() -> None:
    _, bare = _online(None)
    _, seen = _online("c8y")
    assert seen == [f"c8y/{topic}" for topic in bare]
    assert {"c8y/s/us", "c8y/s/ds", "c8y/s/dc/acme", "c8y/s/e"} <= set(seen)


def test_incoming_topics_are_read_without_it() -> None:
    session, _ = _online("c8y")
    session.tick(10.0)
    events = session.received("c8y/s/ds", b"511,dev1,ls\n106,a", 10.0)
    assert [event.topic for event in events if isinstance(event, MessageReceived)] == ["s/ds"]
    session.tick(20.0)
    started = [*events, *session.tick(21.0)]
    assert [event.operation.topic for event in started if isinstance(event, OperationReceived)] == ["s/ds"]
    [event] = session.received("s/ds", b"511,dev1,ls", 30.0)
    assert event == PayloadReceived("s/ds", b"511,dev1,ls")  # a topic of the gateway's own
    assert session.received("c8ys/ds", b"500", 31.0) == [PayloadReceived("c8ys/ds", b"500")]


def test_the_prefix_counts_in_the_size() -> None:
    session, _ = _online("c8y")
    limit = payload_budget("s/us", qos=1) - len("c8y/")
    session.send(("400", "t", "x" * (limit - len("400,t,"))))
    with pytest.raises(SmartRestError, match="large"):
        session.send(("400", "t", "x" * (limit + 1 - len("400,t,"))))
    with pytest.raises(ValueError, match="cannot publish"):
        session.publish("s/ds", b"")
    assert [action.topic for action in session.outgoing() if isinstance(action, Publish)] == ["c8y/s/us"]


@pytest.mark.parametrize("prefix", ["c8y/", "", "+", "c8y/#"])
def test_a_bad_prefix_is_refused_at_once(prefix: str) -> None:
    with pytest.raises(SmartRestError, match="prefix"):
        Session("dev1", prefix=prefix)
