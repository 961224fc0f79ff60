"""The integration life cycle as a sans-I/O state machine: steps 0 to 3 and the cycle of publishing and operations.

No socket, no clock, no thread: inputs carry the time, outputs are actions and events. Every change of state is a row of
`lifecycle.TRANSITIONS`; what it does stands in steps.py. Not safe for threads: callers lock.
Source: MQTT integration guide, section "Device integration"; docs/device.md.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .. import PayloadTooLargeError, TemplateError, encode_row, pack
from ..errors import too_large_error
from ..mqtt import ConnackCode, topics
from . import incoming
from .events import (
    Action,
    AnswerIgnored,
    Connected,
    CredentialsReceived,
    Event,
    OperationRefused,
    SubscriptionRefused,
    TokenReceived,
)
from .lifecycle import State, Trigger
from .operations import Operation, OperationTemplate
from .outbox import Item
from .settings import Child
from .steps import CONNECTED, NEVER, PUBLISHING, REFUSED, Steps, row_101

if TYPE_CHECKING:
    from .. import Field, RowLike

MEASUREMENT = re.compile(rb"2[0-9][0-9](,|$)").match
SETTLING = (State.ONLINE, State.CLOSING)
WITHDRAWN = "not PENDING any more: withdrawn while the connection was lost"
CREATES = ("101", "102")  # a child or service that operations may be for


class Session(Steps):
    """One device with its children on one connection after the other.

    In: `connected`, `subscribed`, `received`, `acknowledged`, `disconnected`, `tick`, and of the program `send`,
    `succeed`, `fail`, `stop`, `start`; each returns the events that it caused. Out: `outgoing()`, the actions for the
    client, to be asked after every input, and `due()`, when `tick` wants to be called. Times are seconds of any clock
    that does not run backwards.

    `credentials`: of the device. Without them and with `bootstrap` (user `management/devicebootstrap`), step 0 fetches
    them. Neither: the connection is by certificate, or anonymous. `x_ids`: custom collections to subscribe to;
    `operations`: how their operation rows look; template IDs in `ignored` are no operations (531 is sent beside 527).
    `token`: fetch tokens, certificate devices only. `debug`: subscribe to error rows. `restarted`: a text with which
    operations that a run before this one left EXECUTING are failed (507) when first online; `finished`: fragments whose
    left-over operation is answered 503 before that, such as `c8y_Restart`.
    `acknowledgements`: the client calls `acknowledged` for each `Publish` of QoS 1; then what was not acknowledged is
    sent again after a broken connection. Else what was handed out counts as delivered.
    """

    def __repr__(self) -> str:
        return f"<Session {str(self.client_id)!r} {self.state}>"

    @property
    def device_id(self) -> str:
        return self.client_id.device_id

    @property
    def pending(self) -> int:
        """Data rows that wait; those in flight are not counted."""
        return len(self._flow.outbox)

    @property
    def taken(self) -> int:
        """Data rows taken so far; a row that was split counts as its parts."""
        return self._flow.taken

    @property
    def unacknowledged(self) -> int:
        """Data rows in flight."""
        return sum(len(flight.items) for flight in self._flow.in_flight.values())

    @property
    def online(self) -> bool:
        return self.state is State.ONLINE

    @property
    def operations(self) -> list[Operation]:
        """The operations that are held, oldest first."""
        return [entry.operation for entry in self._flow.lanes]

    # Inputs: the connection

    def connected(self, code: int, now: float) -> list[Event]:
        """CONNACK arrived; one with an error may also come later, when the platform closes the connection."""
        self._at(now)
        self._cause = code = _connack(code)
        if not code.ok:
            self._refusals += 1
            lasting = code.permanent or (code.retries is not None and self._refusals > code.retries)
            self._fire(Trigger.REFUSED_FOR_GOOD if lasting else Trigger.REFUSED)
        elif self.state is State.CONNECTING:
            self._flow.events.append(Connected(self._bootstrapping))
            self._fire(Trigger.ACCEPTED_BOOTSTRAP if self._bootstrapping else Trigger.ACCEPTED)
        return self._end()

    def disconnected(self, now: float, reason: str = "connection lost") -> list[Event]:
        """The connection ended or could not be made. Call it for the latest `Connect` only."""
        self._at(now)
        self._cause = reason
        if self.state in CONNECTED:
            self._discard()
        self._fire(Trigger.LOST)
        return self._end()

    def subscribed(self, topic: str, code: int, now: float) -> list[Event]:
        """SUBACK arrived: `code` is the granted QoS, or 128 and above where refused."""
        self._at(now)
        if topic not in self._subscriptions:
            return self._end()
        self._subscriptions[topic] = code
        refused = [name for name, answer in self._subscriptions.items() if answer is not None and answer >= REFUSED]
        if self.state is State.BOOTSTRAP:
            if refused:
                self._cause = f"subscription of {topic} refused"
                self._flow.events.append(SubscriptionRefused(topic, code, None))
            self._fire(Trigger.NOT_SUBSCRIBED if refused else Trigger.SUBSCRIBED)
        elif None not in self._subscriptions.values():
            blocked = any(name in self._required for name in refused)
            self._fire(Trigger.NOT_SUBSCRIBED if blocked else Trigger.SUBSCRIBED)
            retry_in = self._deadline - self._now if blocked else None
            codes = ((name, self._subscriptions[name]) for name in refused)
            self._flow.events += [SubscriptionRefused(name, code or 0, retry_in) for name, code in codes]
        return self._end()

    def acknowledged(self, id: int, now: float) -> list[Event]:
        """PUBACK arrived for the `Publish` with this `id`."""
        self._at(now)
        flight = self._flow.acknowledged(id, now)
        if flight is not None and flight.kind == "pending" and self._flow.lanes.settling:
            self._grace_at = self._now + self.limits.grace
        if id in self._registrations:
            self._registrations.remove(id)
            self._check_registered()
        if id in self._settling_left_over:
            self._settling_left_over.remove(id)
            self._check_left_over()
        return self._end()

    def received(self, topic: str, payload: bytes, now: float, *, duplicate: bool = False) -> list[Event]:
        """A payload arrived; `duplicate` is MQTT's DUP flag. Nothing that the network sends raises."""
        self._at(now)
        found = incoming.read(
            topic,
            payload,
            limit=self.limits.receive,
            device=self.device_id,
            children=self._known,
            templates=self._templates,
        )
        for event in found.events:
            if isinstance(event, CredentialsReceived):
                if self.state is not State.BOOTSTRAP:
                    continue
                self.credentials = event.credentials
                self._fire(Trigger.CREDENTIALS)
            elif isinstance(event, TokenReceived):
                self.token = event.token
                self._token_at = self._now + event.renew_in
                self._token_attempts = 0
            self._flow.events.append(event)
        if found.operations:
            self._take_operations(found.operations, duplicate)
        return self._end()

    def tick(self, now: float) -> list[Event]:
        """Time has passed; wanted at `due()`, harmless at any other time."""
        self._at(now)
        if self._deadline == NEVER and self.state is State.CONNECTING:
            self._deadline = now + self.limits.connect
        self._flow.time_out(now)
        if self.state in CONNECTED and self._flow.overdue(now):
            self._cause = "no acknowledgement in time"
            self._fire(Trigger.SILENT)
        elif now >= self._deadline:
            self._cause = "no answer in time"
            self._fire(Trigger.TIMER)
        if self.state in SETTLING:
            if now >= self._grace_at:
                self._grace_at = NEVER
                self._flow.lanes.release(now, uncertain=False)
            if now >= self._settle_at:
                self._settle_at = NEVER
                self._flow.lanes.release(now, uncertain=True)
                self._flow.lanes.end_listening(now)
                for entry in self._flow.lanes.withdrawn():
                    self._flow.events.append(OperationRefused(entry.operation, WITHDRAWN, answered=False))
        if self.state is State.ONLINE and now >= self._token_at:
            self._ask_token()
        return self._end()

    # Inputs: the program

    def send(
        self,
        *rows: RowLike,
        child: str | None = None,
        x_id: str | None = None,
        mode: str = "s",
        now: float | None = None,
    ) -> list[Event]:
        """Publish rows for the device or `child`, of static templates or of the collection `x_id`.

        They are packed with others of their topic and leave after `linger` seconds at the latest; offline they wait.
        Order is kept per topic. A row too long is split where its template allows it. Raises `EncodeError`,
        `PayloadTooLargeError` or `SmartRestError` (a topic), and then takes none of the rows.
        """
        self._at(now)
        topic = topics.us(child, mode=mode) if x_id is None else topics.uc(x_id, child, mode=mode)
        limit = self._budget(topic)
        items: list[Item] = []
        for row in rows:
            encoded = _encode(row, limit)
            measurement = x_id is None and MEASUREMENT(encoded[0]) is not None
            items += [Item(topic, data, measurement=measurement) for data in encoded]
        if x_id is None:
            self._known.update(str(row[1]) for row in rows if str(row[0]) in CREATES and len(row) > 1)
        self._flow.put(items, self._now)
        return self._end()

    def publish(self, topic: str, payload: bytes, *, now: float | None = None) -> list[Event]:
        """Publish a payload as it is, joined with no other: a collection on `s/ut`, JSON. Kept like rows."""
        self._at(now)
        limit = self._budget(topic)
        if len(payload) > limit:
            raise too_large_error(limit, None)
        self._flow.put([Item(topic, bytes(payload), alone=True)], self._now)
        return self._end()

    def flush(self, now: float | None = None) -> list[Event]:
        """Do not wait for `linger`."""
        self._at(now)
        self._flow.flush(self._now)
        return self._end()

    def add_child(self, child: Child | str, *, now: float | None = None) -> list[Event]:
        """Create a child device (101), now and with each connection to come."""
        added = Child(child) if isinstance(child, str) else child
        self._adopt(added)
        return self.send(row_101(added), child=added.parent, now=now)

    def set_operation(self, template_id: str, template: OperationTemplate | None) -> None:
        """How the operation rows of a template ID look from now on; `None`: its rows are no operations."""
        if template is None:
            self._templates.pop(template_id, None)
        else:
            self._templates[template_id] = template

    def is_running(self, operation: Operation) -> bool:
        """Whether the operation was started and wants its answer."""
        return self._flow.running(operation) is not None

    def extend(self, operation: Operation, seconds: float | None, *, now: float | None = None) -> list[Event]:
        """Let the time limit of an operation that runs count from now; `None`: no limit."""
        self._at(now)
        entry = self._flow.running(operation)
        if entry is not None:
            self._flow.extend(entry, seconds, self._now)
        return self._end()

    def succeed(self, operation: Operation, *fields: Field, now: float | None = None) -> list[Event]:
        """Answer 503 or 506, `fields` as its extra parameters; long texts are cut. The first answer counts.

        Raises `EncodeError` for a field that cannot be sent; the operation then still wants its answer.
        """
        self._at(now)
        entry = self._flow.running(operation)
        if entry is None:
            self._flow.events.append(AnswerIgnored(operation))
        else:
            self._flow.succeed(entry, fields)
        return self._end()

    def fail(self, operation: Operation, text: str, *, now: float | None = None) -> list[Event]:
        """Answer 502 or 505 with `text` as the reason, cut to fit. The first answer counts."""
        self._at(now)
        entry = self._flow.running(operation)
        if entry is None:
            self._flow.events.append(AnswerIgnored(operation))
        else:
            self._flow.fail(entry, text)
        return self._end()

    def stop(self, now: float | None = None) -> list[Event]:
        """Send what is left, then disconnect: the last event is `Closed`. Operations that run may still be answered."""
        self._at(now)
        self._fire(Trigger.STOP)
        return self._end()

    def start(self, now: float | None = None) -> list[Event]:
        """Connect anew after `Closed` or `GaveUp`."""
        self._at(now)
        self._attempts = self._refusals = 0
        self._fire(Trigger.START)
        return self._end()

    # Outputs

    def outgoing(self) -> list[Action]:
        """The actions for the client, in order; each is given once."""
        actions, self._flow.out = self._flow.out, []
        return actions

    def due(self) -> float | None:
        """When `tick` wants to be called, or `None`."""
        if self._deadline == NEVER and self.state is State.CONNECTING:
            return self._now  # made without a time: the first tick tells it
        moments = [self._deadline, self._flow.due(publishing=self.state in PUBLISHING)]
        if self.state in SETTLING:
            moments += [self._grace_at, self._settle_at]
        if self.state is State.ONLINE:
            moments.append(self._token_at)
        moment = min(moments)
        return None if moment == NEVER else moment


def _connack(code: int) -> ConnackCode:
    """The code, or the nearest: what is not in the table is refused for now."""
    try:
        return ConnackCode(code)
    except ValueError:
        return ConnackCode.UNAVAILABLE


def _encode(row: RowLike, limit: int) -> list[bytes]:
    """The row as it goes on the wire, in several where it is too long and its template lets it be split."""
    try:
        return [encode_row(row, limit=limit)]
    except PayloadTooLargeError as error:
        try:
            return list(pack([row], limit=limit, split_groups=True))
        except TemplateError:
            raise error from None
