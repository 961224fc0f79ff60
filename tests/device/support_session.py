"""A simulated platform and network around a `Session`: discrete events, a simulated clock, seeded random faults.

A session has no MQTT client or socket, so none is imitated. The simulation is of the other end: it answers rows as the
platform does and keeps operations by fragment; packets take time and are lost with their connection.
"""

from __future__ import annotations

import base64
import heapq
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from smartrest import decode, encode
from smartrest.device import (
    Connect,
    Disconnect,
    Event,
    Operation,
    OperationReceived,
    Publish,
    Session,
    Subscribe,
)
from smartrest.mqtt import topics

FRAGMENTS = {"511": "c8y_Command", "510": "c8y_Restart", "513": "c8y_Configuration"}


def rows(session: Session) -> list[tuple[str, list[tuple[str, ...]]]]:
    """Topics and rows to be published now."""
    return [(a.topic, decode(a.payload)) for a in session.outgoing() if isinstance(a, Publish)]


def kinds(events: list[Event]) -> list[type[Event]]:
    return [type(event) for event in events]


def online(**options: Any) -> Session:
    """A session that came online at time 0."""
    session = Session("dev", now=0.0, random=lambda: 0.0, **options)
    session.connected(0, 0.0)
    while not session.online:
        for action in session.outgoing():
            if isinstance(action, Publish):
                session.acknowledged(action.id, 0.0)
            elif isinstance(action, Subscribe):
                session.subscribed(action.topic, 1, 0.0)
    return session


@dataclass(eq=False)
class PlatformOperation:
    """An operation at the platform."""

    row: tuple[str, ...]
    fragment: str
    status: str = "PENDING"
    result: list[str] = field(default_factory=list)
    reason: str = ""


def token(number: int, life: float) -> str:
    """A token in the form of a JWT, whose signature is never verified."""
    body = json.dumps({"iat": 1_000_000, "exp": 1_000_000 + life, "n": number}).encode()
    return f"e30.{base64.urlsafe_b64encode(body).rstrip(b'=').decode()}.c2ln"


class SimulatedPlatform:
    """Keeps operations as documented: 501 takes the oldest PENDING one of a fragment, 502 and 503 the oldest EXECUTING.

    507 fails all EXECUTING ones.
    """

    def __init__(self, token_life: float = 3600.0) -> None:
        self.operations: list[PlatformOperation] = []
        self.measurements: list[tuple[str, ...]] = []
        self.errors: list[tuple[str, ...]] = []
        self.published: list[tuple[str, tuple[str, ...]]] = []
        self.registered = 0
        self.tokens = 0
        self.token_life = token_life
        self.deliver: Callable[[str, bytes], None] = lambda topic, payload: None

    def create(self, *rows: tuple[str, ...]) -> list[PlatformOperation]:
        """Create operations and push them in one payload if the device is connected."""
        made = [PlatformOperation(row, FRAGMENTS[row[0]]) for row in rows]
        self.operations += made
        self.deliver(topics.ds(), encode(rows))
        return made

    def receive(self, device: str, topic: str, payload: bytes) -> None:
        if topic == topics.uat():
            self.tokens += 1
            self.deliver(topics.dat(), encode([("71", token(self.tokens, self.token_life))]))
            return
        target = topics.parse(topic).child or device
        for row in decode(payload):
            self.published.append((topic, row))
            self._row(target, row)

    def _row(self, device: str, row: tuple[str, ...]) -> None:
        match row:
            case ("100", *_):
                self.registered += 1
            case ("200", *_):
                self.measurements.append(row)
            case ("500",):
                pending = [operation.row for operation in self.operations if operation.status == "PENDING"]
                if pending:
                    self.deliver(topics.ds(), encode(pending))
            case ("501", fragment):
                self._change(device, fragment, "PENDING", "EXECUTING", row)
            case ("502", fragment, *reason):
                self._change(device, fragment, "EXECUTING", "FAILED", row).reason = ",".join(reason)
            case ("503", fragment, *result):
                self._change(device, fragment, "EXECUTING", "SUCCESSFUL", row).result = result
            case ("507", fragment, reason):
                for operation in self.operations:
                    is_meant = operation.row[1] == device and fragment in ("", operation.fragment)
                    if is_meant and operation.status == "EXECUTING":
                        operation.status, operation.reason = "FAILED", reason

    def _change(self, device: str, fragment: str, old: str, new: str, row: tuple[str, ...]) -> PlatformOperation:
        for operation in self.operations:
            if (operation.row[1], operation.fragment, operation.status) == (device, fragment, old):
                operation.status = new
                return operation
        self.errors.append(row)
        return PlatformOperation(row, fragment)


class JsonPlatform(SimulatedPlatform):
    """Sends operations as JSON with their ID, some payloads twice, and changes them by ID. A row may be repeated."""

    def __init__(self, random: Callable[[], float]) -> None:
        super().__init__()
        self.random = random

    def create(self, *rows: tuple[str, ...]) -> list[PlatformOperation]:
        made = [PlatformOperation(row, FRAGMENTS[row[0]]) for row in rows]
        self.operations += made
        self._push(made)
        return made

    def _push(self, operations: list[PlatformOperation]) -> None:
        lines = []
        for operation in operations:
            number = self.operations.index(operation)
            source = {"externalId": operation.row[1], "type": "c8y_Serial"}
            content = {"id": str(number), operation.fragment: {"text": operation.row[2]}, "externalSource": source}
            lines.append(json.dumps(content).encode())
        for _ in range(2 if self.random() < 0.2 else 1):
            self.deliver(topics.json_operations(), b"\n".join(lines))

    def _row(self, device: str, row: tuple[str, ...]) -> None:
        match row:
            case ("500",):
                self._push([operation for operation in self.operations if operation.status == "PENDING"])
            case ("504", number):
                if self.operations[int(number)].status == "PENDING":
                    self.operations[int(number)].status = "EXECUTING"
            case (("505" | "506") as key, number, *result):
                operation = self.operations[int(number)]
                assert operation.row[1] == device
                assert operation.result in ([], result), "another result"
                operation.status, operation.result = "SUCCESSFUL" if key == "506" else "FAILED", result
            case _:
                super()._row(device, row)


class Simulation:
    """Runs a session against a simulated platform. `latency`: seconds one way; `now`: the clock.

    `handler` gets each operation and returns its result and duration in seconds. `loses_acknowledged`: the broker
    acknowledges a payload before passing it on, and loses it if it dies in between.
    """

    def __init__(
        self,
        platform: SimulatedPlatform,
        session: Session,
        *,
        latency: float = 0.05,
        handler: Callable[[Operation], tuple[tuple[Any, ...], float]] | None = None,
        loses_acknowledged: bool = False,
    ) -> None:
        self.session = session
        self.platform = platform
        self.latency = latency
        self.handler = handler
        self.loses_acknowledged = loses_acknowledged
        self.now = 0.0
        self.reachable = True
        self.connection = 0  # number of the open connection, 0: none
        self.listen: Callable[[Event], None] = lambda event: None
        self.ran: list[Operation] = []
        self.ticks = 0
        self._connections = 0
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._moment = 0.0
        platform.deliver = self._deliver
        self.carry_out()

    def at(self, moment: float, call: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._agenda, (moment, self._count, call))

    def run(self, until: float) -> None:
        """Advance the time from event to event."""
        while True:
            due = self.session.due()
            agenda = self._agenda[0][0] if self._agenda else float("inf")
            moment = min(agenda, float("inf") if due is None else max(due, self.now))
            if moment > until:
                self.now = until
                return
            self.now = moment
            if agenda <= moment:
                heapq.heappop(self._agenda)[2]()
            else:
                self.ticks += 1
                self.note(self.session.tick(self.now))
                after = self.session.due()
                assert after is None or after > self.now, f"tick changed nothing: {self.session!r}"

    def note(self, events: list[Event]) -> None:
        for event in events:
            self.listen(event)
            if isinstance(event, OperationReceived):
                self.ran.append(event.operation)
                if self.handler is not None:
                    self._handle(event.operation, *self.handler(event.operation))
        self.carry_out()

    def _handle(self, operation: Operation, result: tuple[Any, ...], seconds: float) -> None:
        self.at(self.now + seconds, lambda: self.note(self.session.succeed(operation, *result, now=self.now)))

    def send(self, *rows: tuple[Any, ...], child: str | None = None) -> None:
        self.note(self.session.send(*rows, child=child, now=self.now))

    def cut(self) -> None:
        """Break the connection: packets in flight are lost in both directions."""
        if self.connection:
            self.connection = 0
            self.note(self.session.disconnected(self.now, "cut"))

    def carry_out(self) -> None:
        for action in self.session.outgoing():
            moment = self._moment = max(self.now, self._moment) + 1e-9  # packets of a connection keep their order
            match action:
                case Connect():
                    self._connections += 1
                    self.at(moment + self.latency, lambda number=self._connections: self._accept(number))
                case Disconnect():
                    self.connection = 0
                    self.at(moment, lambda: self.note(self.session.disconnected(self.now)))
                case Subscribe(topic=topic):
                    self._travel(moment, lambda topic=topic: self._answer(
                        lambda: self.note(self.session.subscribed(topic, 1, self.now))))  # fmt: skip
                case Publish():
                    self._travel(moment, lambda action=action: self._published(action))

    def _accept(self, number: int) -> None:
        if number != self._connections:
            return
        if self.reachable:
            self.connection = number
            self.note(self.session.connected(0, self.now))
        else:
            self.note(self.session.disconnected(self.now, "unreachable"))

    def _travel(self, moment: float, call: Callable[[], None], latency: float | None = None) -> None:
        number = self.connection
        arrival = moment + (self.latency if latency is None else latency)
        self.at(arrival, lambda: call() if self.connection == number else None)

    def _answer(self, call: Callable[[], None]) -> None:
        self._travel(self.now, call)

    def _published(self, action: Publish) -> None:
        device = self.session.client_id.device_id
        acknowledge = lambda: self.note(self.session.acknowledged(action.id, self.now))  # noqa: E731 - a callback
        if self.loses_acknowledged:
            self._travel(self.now, acknowledge, 0.001)
            self._travel(self.now, lambda: self.platform.receive(device, action.topic, action.payload), 0.01)
        else:
            self.platform.receive(device, action.topic, action.payload)
            self._answer(acknowledge)

    def _deliver(self, topic: str, payload: bytes) -> None:
        if self.connection:
            self._answer(lambda: self.note(self.session.received(topic, payload, self.now)))
