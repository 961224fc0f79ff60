"""The life cycle as data: states, triggers, and the one transition table that `Session` obeys.

On a trigger, `Session` looks up the transition here and runs its actions; a trigger without one is ignored. `diagram()`
draws the figure in docs/session.md; a test compares the two, so change both together.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class State(str, Enum):
    """The state of a session."""

    CONNECTING = "connecting"  # Connect handed out, CONNACK awaited
    BOOTSTRAP = "bootstrap"  # step 0: polls for credentials
    SWITCHING = "switching"  # has credentials, leaves the bootstrap connection
    REGISTERING = "registering"  # steps 1 and 2: 100 and 101 published, acknowledgement awaited
    SUBSCRIBING = "subscribing"  # step 3: SUBACKs awaited, or a refused subscription waits for another try
    ONLINE = "online"  # the cycle: publish, receive, answer
    WAITING = "waiting"  # not connected: backing off
    CLOSING = "closing"  # stopping: sends the remaining rows
    CLOSED = "closed"
    FAILED = "failed"  # refused for good

    __str__ = str.__str__


ENDED = (State.CLOSED, State.FAILED)


class Trigger(str, Enum):
    """An event that may change the state."""

    START = "start"
    ACCEPTED = "accepted"
    ACCEPTED_BOOTSTRAP = "accepted as bootstrap"
    REFUSED = "refused, try again"
    REFUSED_FOR_GOOD = "refused for good"
    LOST = "connection lost"
    CREDENTIALS = "credentials (70)"
    REGISTERED = "100 and 101 acknowledged"
    SUBSCRIBED = "all subscribed"
    NOT_SUBSCRIBED = "subscription refused"
    TIMER = "time is up"
    SILENT = "no acknowledgement"
    STOP = "stop"
    DRAINED = "all acknowledged"

    __str__ = str.__str__


class Transition(NamedTuple):
    """On `trigger` in `state`: go to `target` and run `actions`, methods of `Session`, in order."""

    state: State
    trigger: Trigger
    target: State
    actions: tuple[str, ...] = ()


_S, _T = State, Trigger

TRANSITIONS: tuple[Transition, ...] = (
    Transition(_S.CONNECTING, _T.ACCEPTED_BOOTSTRAP, _S.BOOTSTRAP, ("subscribe_credentials",)),
    Transition(_S.CONNECTING, _T.ACCEPTED, _S.REGISTERING, ("register",)),
    Transition(_S.CONNECTING, _T.REFUSED, _S.WAITING, ("back_off",)),
    Transition(_S.CONNECTING, _T.REFUSED_FOR_GOOD, _S.FAILED, ("give_up",)),
    Transition(_S.CONNECTING, _T.LOST, _S.WAITING, ("back_off",)),
    Transition(_S.CONNECTING, _T.TIMER, _S.WAITING, ("abort", "back_off")),
    Transition(_S.CONNECTING, _T.STOP, _S.CLOSED, ("abort", "close")),
    Transition(_S.BOOTSTRAP, _T.SUBSCRIBED, _S.BOOTSTRAP, ("poll",)),
    Transition(_S.BOOTSTRAP, _T.NOT_SUBSCRIBED, _S.WAITING, ("disconnect", "back_off")),
    Transition(_S.BOOTSTRAP, _T.TIMER, _S.BOOTSTRAP, ("poll",)),
    Transition(_S.BOOTSTRAP, _T.CREDENTIALS, _S.SWITCHING, ("disconnect", "await_end")),
    Transition(_S.BOOTSTRAP, _T.SILENT, _S.WAITING, ("abort", "back_off")),
    Transition(_S.BOOTSTRAP, _T.LOST, _S.WAITING, ("back_off",)),
    Transition(_S.BOOTSTRAP, _T.REFUSED, _S.WAITING, ("abort", "back_off")),
    Transition(_S.BOOTSTRAP, _T.REFUSED_FOR_GOOD, _S.FAILED, ("abort", "give_up")),
    Transition(_S.BOOTSTRAP, _T.STOP, _S.CLOSED, ("disconnect", "close")),
    Transition(_S.SWITCHING, _T.LOST, _S.CONNECTING, ("connect",)),
    Transition(_S.SWITCHING, _T.TIMER, _S.CONNECTING, ("abort", "connect")),
    Transition(_S.SWITCHING, _T.STOP, _S.CLOSED, ("close",)),
    Transition(_S.REGISTERING, _T.REGISTERED, _S.SUBSCRIBING, ("subscribe",)),
    Transition(_S.REGISTERING, _T.SILENT, _S.WAITING, ("abort", "back_off")),
    Transition(_S.REGISTERING, _T.LOST, _S.WAITING, ("back_off",)),
    Transition(_S.REGISTERING, _T.REFUSED, _S.WAITING, ("abort", "back_off")),
    Transition(_S.REGISTERING, _T.REFUSED_FOR_GOOD, _S.FAILED, ("abort", "give_up")),
    Transition(_S.REGISTERING, _T.STOP, _S.CLOSING, ("drain",)),
    Transition(_S.SUBSCRIBING, _T.SUBSCRIBED, _S.ONLINE, ("go_online",)),
    Transition(_S.SUBSCRIBING, _T.NOT_SUBSCRIBED, _S.SUBSCRIBING, ("subscribe_later",)),
    Transition(_S.SUBSCRIBING, _T.TIMER, _S.REGISTERING, ("register",)),
    Transition(_S.SUBSCRIBING, _T.SILENT, _S.WAITING, ("abort", "back_off")),
    Transition(_S.SUBSCRIBING, _T.LOST, _S.WAITING, ("back_off",)),
    Transition(_S.SUBSCRIBING, _T.REFUSED, _S.WAITING, ("abort", "back_off")),
    Transition(_S.SUBSCRIBING, _T.REFUSED_FOR_GOOD, _S.FAILED, ("abort", "give_up")),
    Transition(_S.SUBSCRIBING, _T.STOP, _S.CLOSING, ("drain",)),
    Transition(_S.ONLINE, _T.SILENT, _S.WAITING, ("abort", "back_off")),
    Transition(_S.ONLINE, _T.LOST, _S.WAITING, ("back_off",)),
    Transition(_S.ONLINE, _T.REFUSED, _S.WAITING, ("abort", "back_off")),
    Transition(_S.ONLINE, _T.REFUSED_FOR_GOOD, _S.FAILED, ("abort", "give_up")),
    Transition(_S.ONLINE, _T.STOP, _S.CLOSING, ("drain",)),
    Transition(_S.WAITING, _T.TIMER, _S.CONNECTING, ("connect",)),
    Transition(_S.WAITING, _T.STOP, _S.CLOSED, ("close",)),
    Transition(_S.CLOSING, _T.DRAINED, _S.CLOSED, ("disconnect", "close")),
    Transition(_S.CLOSING, _T.TIMER, _S.CLOSED, ("disconnect", "close")),
    Transition(_S.CLOSING, _T.SILENT, _S.CLOSED, ("abort", "close")),
    Transition(_S.CLOSING, _T.LOST, _S.CLOSED, ("close",)),
    Transition(_S.CLOSING, _T.REFUSED, _S.CLOSED, ("abort", "close")),
    Transition(_S.CLOSING, _T.REFUSED_FOR_GOOD, _S.CLOSED, ("abort", "close")),
    Transition(_S.FAILED, _T.STOP, _S.CLOSED, ("close",)),
    Transition(_S.FAILED, _T.START, _S.CONNECTING, ("connect",)),
    Transition(_S.CLOSED, _T.START, _S.CONNECTING, ("connect",)),
)

BY_STATE: dict[tuple[State, Trigger], Transition] = {(t.state, t.trigger): t for t in TRANSITIONS}


def diagram() -> str:
    """The table as a Mermaid state diagram; triggers between the same two states share an arrow."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for state, trigger, target, _ in TRANSITIONS:
        arrows.setdefault((state, target), []).append(trigger)
    lines = ["stateDiagram-v2", f"    [*] --> {State.CONNECTING}"]
    lines += [f"    {state} --> {target}: {'<br/>'.join(triggers)}" for (state, target), triggers in arrows.items()]
    lines.append(f"    {State.CLOSED} --> [*]")
    return "\n".join(lines)
