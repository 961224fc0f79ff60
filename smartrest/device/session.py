"""The device life cycle as a sans-I/O state machine: steps 0 to 3, then publishing and operations.

No socket, clock or thread: inputs carry the time, outputs are actions and events. Every change of state is a row of
`lifecycle.TRANSITIONS`, which names the `_do_…` methods to run. docs/session.md gives the order of packets on a new
connection. Not thread-safe: callers lock. Source: MQTT integration guide, section "Device integration".
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from random import random as system_random
from typing import TYPE_CHECKING, Literal

from ..errors import too_large_error
from ..mqtt import Backoff, ClientId, ConnackCode, topics
from .connack import REVOKED, nearest
from .credentials import Credentials
from .custom import placed
from .events import (
    Action,
    AnswerIgnored,
    Closed,
    Connect,
    Connected,
    CredentialsReceived,
    Disconnect,
    Dropped,
    Event,
    GaveUp,
    Lost,
    Online,
    Publish,
    Refused,
    Subscribe,
    SubscriptionRefused,
    TokenReceived,
)
from .flow import NEVER, Flow
from .incoming import Reader
from .lifecycle import BY_STATE, ENDED, State, Trigger
from .opening import ASK, TOKEN, LeftOver, Opening, Step, registration
from .operations import Operation, OperationTemplate
from .outbox import MEASUREMENT, Item, encoded
from .prefix import Prefix
from .settings import Child, Limits, row_101
from .subscriptions import REFUSED, Subscriptions

if TYPE_CHECKING:
    from .. import Field, RowLike

PUBLISHING = (State.SUBSCRIBING, State.ONLINE, State.CLOSING)  # registered: rows may go
CONNECTED = (State.BOOTSTRAP, State.REGISTERING, *PUBLISHING)
TOKEN_PATIENCE = 600.0  # seconds at most between two attempts to get a token
CREATES = ("101", "102")  # create a child or service, which may then receive operations


class Session:
    """One device and its children, over any number of successive connections.

    Inputs from the client: `connected`, `subscribed`, `received`, `acknowledged`, `disconnected`, `tick`; from the
    program: `send`, `succeed`, `fail`, `stop`, `start` and others. Each returns the events it caused. Outputs:
    `outgoing()`, the actions for the client, to be read after every input, and `due()`, the time of the next `tick`.
    Times are seconds of any clock that never runs backwards.

    `credentials`: the device's. Without them, `bootstrap` (user `management/devicebootstrap`) fetches them in step 0;
    with `rebootstrap` also after the platform has refused the device's own for good. With neither, the device connects
    by certificate or anonymously. `prefix`: what a gateway's broker puts before every topic, such as `c8y`: in actions
    and inputs only. `x_ids`: custom collections to subscribe to; `required` and `optional`: further topics, where the
    platform may refuse the optional ones; `operations`: how to read operation rows, or "json": operations come as JSON
    with their ID (`devicecontrol/notifications` in place of `s/ds`), and no row is one. Template IDs in `ignored` are
    not treated as operations (531 comes along with 527). `token`: fetch tokens (certificate devices only). `debug`:
    subscribe to error rows. `restarted`: when first online, fail (507) with this text the operations that an earlier
    run left EXECUTING; `finished`: fragments whose left-over operation is answered 503 first, such as `c8y_Restart`.
    `acknowledgements`: the client calls `acknowledged` for each `Publish` of QoS 1, and unacknowledged payloads go
    again after a broken connection. Else a payload counts as delivered once handed out. `outbox`: an SQLite file that
    keeps rows until they are delivered, also by a later run; `send`, `publish` and `stop` write to it.
    """

    smartrest = True  # registers, subscribes to operations and asks for them
    tenant: str | None = None  # the user name of a device without credentials

    def __init__(
        self,
        client_id: ClientId | str,
        *,
        credentials: Credentials | None = None,
        bootstrap: Credentials | None = None,
        rebootstrap: bool = False,
        children: Iterable[Child | str] = (),
        name: str | None = None,
        type: str = "c8y_MQTTDevice",
        prefix: str | None = None,
        x_ids: Iterable[str] = (),
        required: Iterable[str] = (),
        optional: Iterable[str] = (),
        operations: Mapping[str, OperationTemplate] | Literal["json"] | None = None,
        ignored: Iterable[str] = ("531",),
        token: bool = False,
        debug: bool = False,
        restarted: str | None = None,
        finished: Iterable[str] = (),
        qos: int = 1,
        linger: float = 0.0,
        acknowledgements: bool = False,
        outbox: str | os.PathLike[str] | None = None,
        limits: Limits | None = None,
        random: Callable[[], float] = system_random,
        now: float | None = None,
    ) -> None:
        if qos not in (0, 1):
            raise ValueError(f"qos must be 0 or 1, not {qos!r}")
        self.client_id = ClientId.parse(client_id) if isinstance(client_id, str) else client_id
        self.credentials = credentials
        if rebootstrap and bootstrap is None:
            raise ValueError("rebootstrap needs bootstrap, the credentials of step 0")
        self.bootstrap = bootstrap
        self.rebootstrap = rebootstrap
        self.name = name
        self.type = type
        self.limits = limits or Limits()
        self.token_wanted = token
        self.token: str | None = None
        self.state = State.CONNECTING
        self.children: dict[str, Child] = {}
        self._known: set[str] = set()
        self._prefix = Prefix(prefix, self.limits.packet)
        self._flow = Flow(
            self.limits, self._prefix.room, qos=qos, linger=linger, acknowledgements=acknowledgements, outbox=outbox
        )
        own = [topics.json_operations() if operations == "json" else topics.ds()] * self.smartrest
        own += [*map(topics.dc, x_ids), *required, *[topics.dd()] * (self.client_id.x_id is not None)]
        self._subscriptions = Subscriptions(own, [topics.dat()] * token + [topics.e()] * debug + list(optional))
        watched = self._subscriptions.watched
        self._reader = Reader(self.device_id, self._known, watched, operations, ignored, self.limits)
        self._opening = Opening(self.limits.hang_ups, self._prefix.room)
        self._left_over = LeftOver(self.client_id.device_id, finished, restarted, self._prefix.room)
        self._random = random
        self._now = now or 0.0
        self._cause: ConnackCode | str = ""
        self._attempts = self._refusals = self._denials = self._token_attempts = 0
        self._online_at = NEVER
        self._deadline = NEVER  # of the state
        self._token_at = NEVER
        for child in children:
            self._adopt(Child(child) if isinstance(child, str) else child)
        self._registration()  # a name that cannot be sent must fail here, not once connected
        self._do_connect()
        if now is None:
            self._deadline = NEVER

    def __repr__(self) -> str:
        return f"<Session {str(self.client_id)!r} {self.state}>"

    @property
    def device_id(self) -> str:
        return self.client_id.device_id

    @property
    def pending(self) -> int:
        """Data rows waiting, without those in flight."""
        return self._flow.pending

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
        """The operations held, oldest first."""
        return [entry.operation for entry in self._flow.lanes]

    # Inputs: the connection

    def connected(self, code: int, now: float) -> list[Event]:
        """CONNACK arrived. One with an error may also arrive later, before the platform closes the connection."""
        self._at(now)
        self._cause = code = nearest(code)
        if not code.ok:
            self._refusals += 1
            lasting = code.permanent or (code.retries is not None and self._refusals > code.retries)
            if lasting and self.rebootstrap and self.credentials is not None and code in REVOKED:
                self.credentials, self._refusals, lasting = None, 0, False
            self._fire(Trigger.REFUSED_FOR_GOOD if lasting else Trigger.REFUSED)
        elif self.state is State.CONNECTING:
            self._flow.events.append(Connected(self._bootstrapping))
            self._fire(Trigger.ACCEPTED_BOOTSTRAP if self._bootstrapping else Trigger.ACCEPTED)
        return self._end()

    def disconnected(self, now: float, reason: str = "connection lost") -> list[Event]:
        """The connection ended or failed. Call it for the latest `Connect` only."""
        self._at(now)
        self._cause = reason
        if self.state in CONNECTED:
            self._discard()
        self._fire(Trigger.LOST)
        return self._end()

    def subscribed(self, topic: str, code: int, now: float) -> list[Event]:
        """SUBACK arrived: `code` is the granted QoS, or at least 128 if refused."""
        self._at(now)
        topic, subscriptions = self._prefix.inside(topic) or topic, self._subscriptions
        if not subscriptions.answered(topic, code):
            return self._end()
        if code >= REFUSED and self.state in (State.BOOTSTRAP, State.ONLINE):
            self._cause = f"subscription of {topic} refused"
            self._flow.events.append(SubscriptionRefused(topic, code, None))
        if self.state is State.BOOTSTRAP:
            self._fire(Trigger.NOT_SUBSCRIBED if code >= REFUSED else Trigger.SUBSCRIBED)
        elif self.state is not State.ONLINE and subscriptions.complete:
            blocked = subscriptions.blocked
            self._fire(Trigger.NOT_SUBSCRIBED if blocked else Trigger.SUBSCRIBED)
            retry_in = self._deadline - self._now if blocked else None
            self._flow.events += [SubscriptionRefused(*each, retry_in) for each in subscriptions.refused.items()]
        return self._end()

    def acknowledged(self, id: int, now: float) -> list[Event]:
        """PUBACK arrived for the `Publish` with this `id`."""
        self._at(now)
        self._flow.acknowledged(id, now)
        self._opened(id)
        return self._end()

    def received(self, topic: str, payload: bytes, now: float, *, duplicate: bool = False) -> list[Event]:
        """A payload arrived; `duplicate` is MQTT's DUP flag. Never raises for what the network sent."""
        self._at(now)
        found = self._reader.read(topic, payload, self._prefix.inside(topic))
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
            self._flow.take(found.operations, duplicate=duplicate)
        return self._end()

    def tick(self, now: float) -> list[Event]:
        """Time has passed. Call it at `due()`; calls at other times are harmless."""
        self._at(now)
        if self._deadline == NEVER and self.state is State.CONNECTING:
            self._deadline = now + self.limits.connect
        self._flow.tick(now)
        if self.state in CONNECTED and self._flow.overdue(now):
            self._cause = "no acknowledgement in time"
            self._fire(Trigger.SILENT)
        elif now >= self._deadline:
            self._cause = "no answer in time"
            self._fire(Trigger.TIMER)
        if now >= self._token_due:
            self._flow.publish(TOKEN.purpose, TOKEN.topic, TOKEN.row, now)
            self._schedule_token()
        return self._end()

    # Inputs: the program

    def send(
        self,
        *rows: RowLike,
        child: str | None = None,
        x_id: str | None = None,
        mode: str = "s",
        now: float | None = None,
        room: Callable[[int], None] | None = None,
    ) -> list[Event]:
        """Publish rows for the device or `child`, of static templates or of the collection `x_id`, or that built them.

        They are packed with others for the same topic and leave within `linger` seconds; offline they wait. Order is
        kept per topic. A row that is too long is split if its template allows it. `room` is called first with the
        bytes of `limits.queue` that the rows need, and may wait or raise. Raises `EncodeError`,
        `PayloadTooLargeError` or `SmartRestError` (invalid topic), and then takes none of the rows.
        """
        self._at(now)
        items: list[Item] = []
        created: list[str] = []
        for row, topic, static, dialect in placed(rows, child, x_id, mode):
            parts = encoded(row, self._prefix.room(topic), dialect)
            measurement = static and MEASUREMENT(parts[0]) is not None
            items += [Item(topic, data, measurement=measurement) for data in parts]
            if static and str(row[0]) in CREATES and len(row) > 1:
                created.append(str(row[1]))
        self._flow.put(items, self._now, room)
        self._known.update(created)
        return self._end()

    def publish(
        self, topic: str, payload: bytes, *, now: float | None = None, room: Callable[[int], None] | None = None
    ) -> list[Event]:
        """Publish a payload unchanged, never joined with others: a collection on `s/ut`, JSON. Queued like rows."""
        self._at(now)
        limit = self._prefix.room(topics.check_topic(topic))
        if len(payload) > limit:
            raise too_large_error(limit, None, len(payload))
        self._flow.put([Item(topic, bytes(payload), alone=True)], self._now, room)
        return self._end()

    def flush(self, now: float | None = None) -> list[Event]:
        """Send waiting rows now instead of after `linger`."""
        self._at(now)
        self._flow.flush(self._now)
        return self._end()

    def add_child(self, child: Child | str, *, now: float | None = None) -> list[Event]:
        """Create a child device (101), now and on every later connection."""
        added = Child(child) if isinstance(child, str) else child
        self._adopt(added)
        return self.send(row_101(added), child=added.parent, now=now)

    def set_operation(self, template_id: str, template: OperationTemplate | None) -> None:
        """Set how to read the operation rows of a template ID; `None`: ignore the template, as `ignored` does."""
        self._reader.set_operation(template_id, template)

    def handle(self, *fragments: str) -> None:
        """Prefer these fragments in operations as JSON, which may have several."""
        self._reader.handle(fragments)

    def subscribe(self, topic: str, *, now: float | None = None) -> list[Event]:
        """Subscribe to an exact topic, now and on every later connection: `PayloadReceived` for each payload.

        A refusal is only reported (`SubscriptionRefused`). Raises `SmartRestError` for a topic that is for publishing.
        """
        self._at(now)
        if self._subscriptions.watch(topic) and self.state in (State.SUBSCRIBING, State.ONLINE):
            self._ask_for(topic)
        return self._end()

    def is_running(self, operation: Operation) -> bool:
        """Whether the operation was started and has no answer yet."""
        return self._flow.running(operation) is not None

    def extend(self, operation: Operation, seconds: float | None, *, now: float | None = None) -> list[Event]:
        """Restart the time limit of a running operation; `None`: no limit."""
        self._at(now)
        entry = self._flow.running(operation)
        if entry is not None:
            self._flow.extend(entry, seconds, self._now)
        return self._end()

    def succeed(self, operation: Operation, *fields: Field, now: float | None = None) -> list[Event]:
        """Answer 503 or 506 with `fields` as its extra parameters; long texts are cut. Only the first answer counts.

        Raises `EncodeError` for a field that cannot be sent; the operation then stays open.
        """
        self._at(now)
        entry = self._flow.running(operation)
        if entry is None:
            self._flow.events.append(AnswerIgnored(operation))
        else:
            self._flow.succeed(entry, fields)
        return self._end()

    def fail(self, operation: Operation, text: str, *, now: float | None = None) -> list[Event]:
        """Answer 502 or 505 with `text` as the reason, cut to fit. Only the first answer counts."""
        self._at(now)
        entry = self._flow.running(operation)
        if entry is None:
            self._flow.events.append(AnswerIgnored(operation))
        else:
            self._flow.fail(entry, text)
        return self._end()

    def progress(self, operation: Operation, text: str, *, now: float | None = None) -> list[Event]:
        """Publish an event of type `OperationProgress` at once. Does nothing unless the operation is running."""
        self._at(now)
        entry = self._flow.running(operation)
        if entry is not None:
            self._flow.progress(entry, text, self._now)
        return self._end()

    def stop(self, now: float | None = None) -> list[Event]:
        """Send the remaining rows, then disconnect: `Closed`. Running operations may be answered until then."""
        self._at(now)
        self._flow.cancel("the device stops")
        self._fire(Trigger.STOP)
        return self._end()

    def start(self, now: float | None = None) -> list[Event]:
        """Connect again after `Closed` or `GaveUp`."""
        self._at(now)
        self._attempts = self._refusals = 0
        if self.state in ENDED:
            self._flow.open()
            self._flow.cancel(None)
        self._fire(Trigger.START)
        return self._end()

    # Outputs

    def outgoing(self) -> list[Action]:
        """The actions for the client, in order; each is returned once."""
        actions, self._flow.out = self._flow.out, []
        return self._prefix.outside(actions)

    def due(self) -> float | None:
        """The time of the next `tick`, or `None`."""
        if self._deadline == NEVER and self.state is State.CONNECTING:
            return self._now  # made without `now`: the first tick supplies it
        moment = min(self._deadline, self._flow.due(publishing=self._publishing), self._token_due)
        return None if moment == NEVER else moment

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
        if self._opening and self.state is not State.CLOSING:
            self._open()
        if self._publishing:
            start = self.state is State.ONLINE and not self._opening.holds("left over")
            flow.pump(self._now, start=start, subscribed=self.state is not State.SUBSCRIBING)
        if self.state is State.ONLINE:
            if flow.lanes.wants_to_ask and not flow.lanes.claiming:
                flow.lanes.asked()
                flow.publish(ASK.purpose, ASK.topic, ASK.row, self._now)
        elif self.state is State.CLOSING and flow.idle:
            self._fire(Trigger.DRAINED)
        flow.watch_file(self._now)
        events, flow.events = flow.events, []
        return events

    @property
    def _bootstrapping(self) -> bool:
        return self.credentials is None and self.bootstrap is not None

    def _adopt(self, child: Child) -> None:
        topics.us(child.id)
        if child.id == self.client_id.device_id:
            raise ValueError(f"child {child.id!r} has the same ID as the device")
        self.children[child.id] = child
        self._known.add(child.id)

    def _registration(self) -> list[Step]:
        return registration(self.name or self.device_id, self.type, self.children.values(), self._prefix.room)

    @property
    def _publishing(self) -> bool:
        """Whether data and the rows of operations may be sent."""
        return self.state in PUBLISHING and not (self.state is State.ONLINE and self._opening.exclusive)

    @property
    def _token_due(self) -> float:
        return self._token_at if self.state is State.ONLINE and TOKEN not in self._opening.given_up else NEVER

    def _open(self) -> None:
        """Send what may be sent of the rows that open the connection."""
        flow, opening = self._flow, self._opening
        while (payload := opening.next(idle=not flow.in_flight)) is not None:
            if payload == ASK:
                flow.lanes.asked()
            id = flow.publish(payload.purpose, payload.topic, payload.row, self._now)
            opening.sent(id)
            if id not in flow.in_flight:
                self._opened(id)

    def _opened(self, id: int) -> None:
        """A payload was acknowledged, perhaps one that opens the connection."""
        for step in self._opening.acknowledged(id):
            if step.lane:
                for done in self._left_over.acknowledged(step):
                    self._opening.given_up.pop(done, None)
                self._flow.lanes.bar(self._opening.barred)
        if self.state is State.REGISTERING and not self._opening:
            self._fire(Trigger.REGISTERED)

    def _leave(self) -> bool:
        """Forget the connection: it is gone or about to be closed. Returns whether a payload was to blame."""
        blamed = self._flow.disconnected(self._now)
        self._subscriptions.forget()
        self._opening.forget()
        return blamed

    def _discard(self) -> None:
        """Drop actions meant for a connection that no longer exists."""
        self._flow.out = [action for action in self._flow.out if not isinstance(action, Publish | Subscribe)]

    def _ask_for(self, topic: str) -> None:
        self._subscriptions.sent(topic)
        self._flow.out.append(Subscribe(topic))

    def _schedule_token(self) -> None:
        backoff = Backoff(self.limits.token, max(self.limits.token, TOKEN_PATIENCE))
        self._token_at = self._now + backoff.delay(self._token_attempts, self._random())
        self._token_attempts += 1

    # Actions of the table

    def _do_connect(self) -> None:
        credentials = self.bootstrap if self._bootstrapping else self.credentials
        self._flow.out.append(Connect(str(self.client_id), credentials, tenant=self.tenant))
        self._deadline = self._now + self.limits.connect

    def _do_subscribe_credentials(self) -> None:
        self._ask_for(topics.dcr())
        self._deadline = self._now + self.limits.acknowledge

    def _do_poll(self) -> None:
        self._flow.publish("poll", topics.ucr(), b"", self._now)
        self._deadline = self._now + self.limits.poll

    def _do_register(self) -> None:
        self._opening.begin(self._registration())
        self._open()
        self._opened(0)

    def _do_subscribe(self) -> None:
        self._deadline = self._now + self.limits.acknowledge
        for topic in self._subscriptions.missing():
            self._ask_for(topic)
        if not self._subscriptions.answers:
            self._fire(Trigger.SUBSCRIBED)

    def _do_subscribe_later(self) -> None:
        delay = self.limits.subscribe_backoff.delay(self._denials, self._random())
        self._denials += 1
        self._deadline = self._now + delay
        self._opening.try_again()  # the device may not exist

    def _do_go_online(self) -> None:
        self._flow.events.append(Online())
        self._online_at = self._now
        self._refusals = self._denials = self._token_attempts = 0
        steps = [*self._left_over.steps(self.children), *[ASK] * self.smartrest]
        if self.token_wanted and (self.token is None or self._now >= self._token_at):
            steps.append(TOKEN)
            self._schedule_token()
        self._opening.begin(steps)
        self._flow.lanes.bar(self._opening.barred)
        if self._publishing:
            self._flow.pump(self._now, start=False, subscribed=False)
        self._open()

    def _do_back_off(self) -> None:
        if self._now - self._online_at >= self.limits.stable:
            self._attempts = 0
        opening, flow = self._opening, self._flow
        settled = self._online_at != NEVER and not opening and (flow.lanes.settled or ASK in opening.given_up)
        given_up = opening.died(alone=len(flow.in_flight) == 1)
        flow.events += [Dropped(step.topic, step.row, "hang_up") for step in given_up]
        self._online_at = NEVER
        delay = self.limits.backoff.delay(self._attempts, self._random())
        self._attempts += 1
        self._deadline = self._now + delay
        cause = self._cause
        flow.events.append(Refused(cause, delay) if isinstance(cause, ConnackCode) else Lost(cause, delay))
        if not self._leave() and settled:
            opening.try_again()

    def _do_give_up(self) -> None:
        if isinstance(self._cause, ConnackCode):
            self._flow.events.append(Refused(self._cause, None))
            self._flow.events.append(GaveUp(self._cause, f"{self._cause.text}: {self._cause.advice}"))
        self._flow.cancel("the platform refuses the device")
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
