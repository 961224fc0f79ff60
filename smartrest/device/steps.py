"""What the rows of `lifecycle.TRANSITIONS` do: one method `_do_…` for each action named there, and what they share.

`Session` adds the inputs and outputs. The order of what is published after a connection stands: 100, 101, answers that
the last connection took with it, then 500, then data as it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from random import random as system_random

from .. import encode, encode_row, pack, payload_budget
from ..mqtt import Backoff, ClientId, ConnackCode, topics
from .events import (
    Closed,
    Connect,
    Credentials,
    Disconnect,
    Event,
    GaveUp,
    Lost,
    Online,
    OperationRefused,
    OperationRepeated,
    Publish,
    Refused,
    Subscribe,
)
from .flow import Flow, check_answerable
from .lanes import Entry
from .lifecycle import BY_STATE, State, Trigger
from .operations import Operation, OperationTemplate, static_operations
from .settings import Child, Limits

REFUSED = 0x80  # SUBACK
PUBLISHING = (State.SUBSCRIBING, State.ONLINE, State.CLOSING)  # registered: rows may go
CONNECTED = (State.BOOTSTRAP, State.REGISTERING, *PUBLISHING)
NEVER = float("inf")
CROWDED = "too many operations at a time; left PENDING, to be asked for later"
TOKEN_PATIENCE = 600.0  # seconds at most between two attempts to get a token
BUDGETS = 10_000  # topics whose budget is remembered


class Steps:
    """State, timers and actions of a session; the arguments are described at `Session`."""

    def __init__(
        self,
        client_id: ClientId | str,
        *,
        credentials: Credentials | None = None,
        bootstrap: Credentials | None = None,
        children: Iterable[Child | str] = (),
        name: str | None = None,
        type: str = "c8y_MQTTDevice",
        x_ids: Iterable[str] = (),
        operations: Mapping[str, OperationTemplate] | None = None,
        ignored: Iterable[str] = ("531",),
        token: bool = False,
        debug: bool = False,
        restarted: str | None = None,
        finished: Iterable[str] = (),
        qos: int = 1,
        linger: float = 0.0,
        acknowledgements: bool = False,
        limits: Limits | None = None,
        random: Callable[[], float] = system_random,
        now: float | None = None,
    ) -> None:
        if qos not in (0, 1):
            raise ValueError(f"QoS of data is 0 or 1, not {qos!r}")
        self.client_id = ClientId.parse(client_id) if isinstance(client_id, str) else client_id
        self.credentials = credentials
        self.bootstrap = bootstrap
        self.name = name
        self.type = type
        self.limits = limits or Limits()
        self.token_wanted = token
        self.token: str | None = None
        self.state = State.CONNECTING
        self.children: dict[str, Child] = {}
        self._known: set[str] = set()
        self._budgets: dict[str, int] = {}
        self._flow = Flow(self.limits, self._budget, qos=qos, linger=linger, acknowledgements=acknowledgements)
        self._templates = {**static_operations(), **(operations or {})}
        for template_id in ignored:
            self._templates.pop(template_id, None)
        self._required = [topics.ds(), *(topics.dc(x_id) for x_id in x_ids)]
        if self.client_id.x_id is not None:
            self._required.append(topics.dd())
        self._optional = [topics.dat()] * token + [topics.e()] * debug
        self._finished: tuple[str, ...] = tuple(finished)
        self._restarted = restarted
        self._random = random
        self._now = now or 0.0
        self._cause: ConnackCode | str = ""
        self._attempts = self._refusals = self._denials = self._token_attempts = 0
        self._online_at = NEVER
        self._deadline = NEVER  # of the state
        self._token_at = self._grace_at = self._settle_at = NEVER
        self._subscriptions: dict[str, int | None] = {}
        self._registrations: set[int] = set()
        self._settling_left_over: set[int] = set()
        self._left_pending = False  # operations that did not find room
        for child in children:
            self._adopt(Child(child) if isinstance(child, str) else child)
        self._registration()  # what cannot be sent shall fail here
        self._do_connect()
        if now is None:
            self._deadline = NEVER

    # Shared by inputs and actions

    def _at(self, now: float | None) -> None:
        if now is not None:
            self._now = max(self._now, now)

    def _fire(self, trigger: Trigger) -> None:
        transition = BY_STATE.get((self.state, trigger))
        if transition is None:
            return
        self.state = transition.target
        self._deadline = NEVER
        for action in transition.actions:
            getattr(self, f"_do_{action}")()

    def _end(self) -> list[Event]:
        flow = self._flow
        if self.state in PUBLISHING:
            flow.pump(self._now, start=self.state is State.ONLINE and not self._settling_left_over)
        if self.state is State.ONLINE:
            room = len(flow.lanes) <= self.limits.operations // 2
            if not flow.lanes.listening and (flow.lanes.ask_again or (self._left_pending and room)):
                self._ask_pending()
        elif self.state is State.CLOSING and flow.idle:
            self._fire(Trigger.DRAINED)
        events, flow.events = flow.events, []
        return events

    def _budget(self, topic: str) -> int:
        budget = self._budgets.get(topic)
        if budget is None:
            if len(self._budgets) >= BUDGETS:
                self._budgets.clear()
            budget = self._budgets[topic] = payload_budget(topic, qos=1, packet_limit=self.limits.packet)
        return budget

    @property
    def _bootstrapping(self) -> bool:
        return self.credentials is None and self.bootstrap is not None

    def _adopt(self, child: Child) -> None:
        topics.us(child.id)
        if child.id == self.client_id.device_id:
            raise ValueError(f"child {child.id!r} has the ID of the device")
        self.children[child.id] = child
        self._known.add(child.id)

    def _registration(self) -> list[tuple[str, bytes]]:
        """Payloads of steps 1 and 2 with their topics; a child's children come after it."""
        rows: dict[str, list[tuple[str, ...]]] = {}
        rows[topics.us()] = [("100", self.name or self.client_id.device_id, self.type)]
        for child in self.children.values():
            rows.setdefault(topics.us(child.parent), []).append(row_101(child))
        return [(topic, payload) for topic in rows for payload in pack(rows[topic], limit=self._budget(topic))]

    def _leave(self) -> None:
        """The connection is gone, or as good as gone."""
        self._flow.disconnected(self._now)
        self._subscriptions.clear()
        self._registrations.clear()
        self._settling_left_over.clear()
        self._grace_at = self._settle_at = NEVER

    def _discard(self) -> None:
        """What was not fetched yet was meant for a connection that is no more."""
        self._flow.out = [action for action in self._flow.out if not isinstance(action, Publish | Subscribe)]

    def _ask_pending(self) -> None:
        lanes = self._flow.lanes
        lanes.settling |= self._left_pending and self._flow.acknowledgements
        self._left_pending = False
        self._flow.publish("pending", topics.us(), encode_row(("500",)), self._now)
        lanes.asked(self._now)
        self._settle_at = self._now + self.limits.settle

    def _ask_token(self) -> None:
        self._flow.publish("token", topics.uat(), b"", self._now)
        backoff = Backoff(self.limits.token, max(self.limits.token, TOKEN_PATIENCE))
        self._token_at = self._now + backoff.delay(self._token_attempts, self._random())
        self._token_attempts += 1

    def _take_operations(self, found: list[tuple[Operation, str | None]], duplicate: bool) -> None:
        events = self._flow.events
        lanes = self._flow.lanes
        entries: list[Entry] = []
        for operation, refusal in found:
            reason = check_answerable(operation, self._budget)
            if reason is None:
                entries.append(Entry(operation, refusal))
            else:
                events.append(OperationRefused(operation, reason, answered=False))
        room = 0 if self._left_pending else self.limits.operations - len(lanes)
        for entry, repeated in lanes.receive(entries, self._now, duplicate=duplicate, room=room):
            if repeated is None:
                self._left_pending = True  # and so are all younger ones: the platform answers the oldest
                events.append(OperationRefused(entry.operation, CROWDED, answered=False))
            elif repeated:
                events.append(OperationRepeated(entry.operation))
            elif entry.refusal is not None:
                events.append(OperationRefused(entry.operation, entry.refusal))

    def _check_registered(self) -> None:
        if self.state is State.REGISTERING and not self._registrations:
            self._fire(Trigger.REGISTERED)

    # Actions of the table

    def _do_connect(self) -> None:
        credentials = self.bootstrap if self._bootstrapping else self.credentials
        self._flow.out.append(Connect(str(self.client_id), credentials))
        self._deadline = self._now + self.limits.connect

    def _do_subscribe_credentials(self) -> None:
        self._subscriptions = {topics.dcr(): None}
        self._flow.out.append(Subscribe(topics.dcr()))
        self._deadline = self._now + self.limits.acknowledge

    def _do_poll(self) -> None:
        self._flow.publish("poll", topics.ucr(), b"", self._now)
        self._deadline = self._now + self.limits.poll

    def _do_register(self) -> None:
        self._registrations.clear()
        for topic, payload in self._registration():
            id = self._flow.publish("registration", topic, payload, self._now)
            if id in self._flow.in_flight:
                self._registrations.add(id)
        self._check_registered()

    def _do_subscribe(self) -> None:
        for topic in (*self._required, *self._optional):
            answer = self._subscriptions.get(topic)
            if answer is None or answer >= REFUSED:
                self._subscriptions[topic] = None
                self._flow.out.append(Subscribe(topic))
        self._deadline = self._now + self.limits.acknowledge

    def _do_subscribe_later(self) -> None:
        delay = self.limits.subscribe_backoff.delay(self._denials, self._random())
        self._denials += 1
        self._deadline = self._now + delay

    def _do_go_online(self) -> None:
        self._flow.events.append(Online())
        self._online_at = self._now
        self._refusals = self._denials = self._token_attempts = 0
        self._flow.pump(self._now, start=False)
        for topic, rows in self._left_over().items():
            id = self._flow.publish("left over", topic, encode(rows), self._now)
            if id in self._flow.in_flight:
                self._settling_left_over.add(id)
        self._check_left_over()
        self._ask_pending()
        if self.token_wanted and (self.token is None or self._now >= self._token_at):
            self._ask_token()

    def _check_left_over(self) -> None:
        """Once settled it is never sent again: it would fail what runs by then."""
        if not self._settling_left_over:
            self._finished, self._restarted = (), None

    def _left_over(self) -> dict[str, list[tuple[str, ...]]]:
        rows: dict[str, list[tuple[str, ...]]] = {}
        if self._finished:
            rows[topics.us()] = [("503", fragment) for fragment in self._finished]
        if self._restarted is not None:
            for child in (None, *self.children):
                rows.setdefault(topics.us(child), []).append(("507", "", self._restarted))
        return rows

    def _do_back_off(self) -> None:
        if self._now - self._online_at >= self.limits.stable:
            self._attempts = 0
        self._online_at = NEVER
        delay = self.limits.backoff.delay(self._attempts, self._random())
        self._attempts += 1
        self._deadline = self._now + delay
        cause = self._cause
        self._flow.events.append(Refused(cause, delay) if isinstance(cause, ConnackCode) else Lost(cause, delay))
        self._leave()

    def _do_give_up(self) -> None:
        if isinstance(self._cause, ConnackCode):
            self._flow.events.append(Refused(self._cause, None))
            self._flow.events.append(GaveUp(self._cause, f"{self._cause.text}: {self._cause.advice}"))
        self._leave()

    def _do_drain(self) -> None:
        self._flow.flush(self._now)
        self._deadline = self._now + self.limits.drain

    def _do_disconnect(self) -> None:
        self._flow.out.append(Disconnect())
        self._leave()

    def _do_await_end(self) -> None:
        self._deadline = self._now + self.limits.drain

    def _do_abort(self) -> None:
        self._discard()
        self._flow.out.append(Disconnect(abort=True))

    def _do_close(self) -> None:
        self._leave()
        self._flow.drop_all("closed")
        self._flow.events.append(Closed())


def row_101(child: Child) -> tuple[str, ...]:
    """The row that creates a child device."""
    row = ("101", child.id, child.name or child.id)
    return row if child.type is None else (*row, child.type)
