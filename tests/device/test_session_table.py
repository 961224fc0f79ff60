"""The table of transitions: complete, obeyed by the session, and shown in the documentation."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest
from support_session import online

from smartrest.device import TRANSITIONS, Credentials, Publish, Session, State, Subscribe, Transition, Trigger, diagram
from smartrest.device.lifecycle import BY_STATE

BOOT = Credentials("management", "devicebootstrap", "x")


def acknowledge(session: Session, now: float) -> None:
    for action in session.outgoing():
        if isinstance(action, Publish):
            session.acknowledged(action.id, now)


def in_state(state: State) -> Session:
    """A session brought to this state by its inputs."""
    if state in (State.BOOTSTRAP, State.SWITCHING):
        session = Session("dev", bootstrap=BOOT, acknowledgements=True, now=0.0)
        session.connected(0, 0.0)
        if state is State.SWITCHING:
            session.subscribed("s/dcr", 1, 0.0)
            session.received("s/dcr", b"70,t,u,p", 0.0)
        return session
    session = Session("dev", acknowledgements=True, now=0.0)
    if state is State.FAILED:
        session.connected(4, 0.0)
    elif state is State.WAITING:
        session.disconnected(0.0)
    elif state is State.CLOSED:
        session.stop(0.0)
    elif state is not State.CONNECTING:
        session.connected(0, 0.0)
        if state is not State.REGISTERING:
            acknowledge(session, 0.0)
        if state in (State.ONLINE, State.CLOSING):
            session.subscribed("s/ds", 1, 0.0)
        if state is State.CLOSING:
            session.stop(0.0)
    return session


def time_is_up(session: Session) -> None:
    session.tick(session._deadline)


def silent(session: Session) -> None:
    """No acknowledgement comes. Sends something to be acknowledged if nothing is in flight."""
    if not session._flow.in_flight:
        if session.state is State.BOOTSTRAP:
            session.subscribed("s/dcr", 1, 0.0)
        else:
            session.send(("125",), now=0.0)
    for _ in range(100):
        if session.due() is None or session.state in (State.WAITING, State.CLOSED):
            return
        if session.state is State.CLOSING:
            session._deadline = 1e9  # it would end before
        if session._subscriptions.answers:
            session._deadline = 1e9  # as above: SUBACK has the same limit
        session.tick(session._flow.due(publishing=True))


INPUTS: dict[Trigger, Callable[[Session], object]] = {
    Trigger.START: lambda session: session.start(1.0),
    Trigger.ACCEPTED: lambda session: session.connected(0, 1.0),
    Trigger.ACCEPTED_BOOTSTRAP: lambda session: (setattr(session, "bootstrap", BOOT), session.connected(0, 1.0)),
    Trigger.REFUSED: lambda session: session.connected(3, 1.0),
    Trigger.REFUSED_FOR_GOOD: lambda session: session.connected(2, 1.0),
    Trigger.LOST: lambda session: session.disconnected(1.0),
    Trigger.CREDENTIALS: lambda session: session.received("s/dcr", b"70,t,u,p", 1.0),
    Trigger.REGISTERED: lambda session: acknowledge(session, 1.0),
    Trigger.SUBSCRIBED: lambda session: [
        session.subscribed(topic, 1, 1.0) for topic in list(session._subscriptions.answers)
    ],
    Trigger.NOT_SUBSCRIBED: lambda session: [
        session.subscribed(topic, 128, 1.0) for topic in list(session._subscriptions.answers)
    ],
    Trigger.TIMER: time_is_up,
    Trigger.SILENT: silent,
    Trigger.STOP: lambda session: session.stop(1.0),
    Trigger.DRAINED: lambda session: [acknowledge(session, 1.0) for _ in range(3)],
}


@pytest.mark.parametrize("transition", TRANSITIONS, ids=lambda t: f"{t.state}: {t.trigger}")
def test_every_transition_happens(transition: Transition) -> None:
    session = in_state(transition.state)
    assert session.state is transition.state
    seen = []
    fire = session._fire

    def spy(trigger: Trigger) -> None:
        seen.append((session.state, trigger))
        fire(trigger)

    session._fire = spy  # type: ignore[method-assign]  # it only watches
    INPUTS[transition.trigger](session)
    assert (transition.state, transition.trigger) in seen
    after = seen.index((transition.state, transition.trigger)) + 1
    assert (seen[after][0] if after < len(seen) else session.state) is transition.target


@pytest.mark.parametrize("state", list(State), ids=str)
@pytest.mark.parametrize("trigger", [t for t in Trigger if t not in (Trigger.TIMER, Trigger.SILENT)], ids=str)
def test_a_trigger_not_in_the_table_changes_nothing(state: State, trigger: Trigger) -> None:
    if (state, trigger) in BY_STATE or (trigger is Trigger.ACCEPTED_BOOTSTRAP and state is State.CONNECTING):
        return
    session = in_state(state)
    session._fire(trigger)
    assert session.state is state


def test_the_table_is_whole() -> None:
    assert len(BY_STATE) == len(TRANSITIONS)
    assert {t.state for t in TRANSITIONS} == set(State)
    assert {t.trigger for t in TRANSITIONS} == set(Trigger)
    named = {action for t in TRANSITIONS for action in t.actions}
    assert named == {
        name[len("_do_") :] for name, _ in inspect.getmembers(Session, callable) if name.startswith("_do_")
    }
    assert all((state, Trigger.STOP) in BY_STATE for state in set(State) - {State.CLOSED, State.CLOSING})
    reached = {State.CONNECTING}
    for _ in State:
        reached |= {t.target for t in TRANSITIONS if t.state in reached}
    assert reached == set(State)


def test_only_the_table_changes_the_state() -> None:
    from smartrest.device import flow, incoming, operations, outbox, session

    texts = [inspect.getsource(module) for module in (flow, incoming, operations, outbox, session)]
    assert sum(text.count("self.state =") for text in texts) == 2  # where it begins, and where it applies the table


def test_the_documentation_shows_the_table(repository: Path) -> None:
    text = (repository / "docs" / "session.md").read_text(encoding="utf-8")
    assert f"```mermaid\n{diagram()}\n```" in text
    for transition in TRANSITIONS:
        assert f"{transition.state} --> {transition.target}: " in diagram()
        assert transition.trigger in diagram()


def test_a_session_that_is_online_has_subscribed_all() -> None:
    session = online(x_ids=["a", "b"], token=True, debug=True)
    assert set(session._subscriptions.answers) == {"s/ds", "s/dc/a", "s/dc/b", "s/dat", "s/e"}
    assert not [action for action in session.outgoing() if isinstance(action, Subscribe)]
