"""What a session publishes: life-cycle rows, answers in the order of their lanes, then data packed from the outbox.

Keeps what is not acknowledged: after a broken connection data goes back to the front of the outbox, and of operations
what is uncertain waits for the answer of 500 (lanes.py). Knows the time only as it is told.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .. import PayloadTooLargeError, encode, encode_row
from .._constants import ROW_END
from ..mqtt import topics
from . import answers
from .events import (
    Action,
    Delivered,
    Dropped,
    Event,
    OperationAnswered,
    OperationReceived,
    OperationTimedOut,
    Publish,
)
from .lanes import Entry, Lanes, Told
from .operations import Operation
from .outbox import Item, Outbox
from .settings import Limits

_SPENT = 64  # time limits of operations that are done, kept before they are swept


@dataclass
class Flight:
    """A payload that was handed out and is not acknowledged."""

    kind: str  # "data", "executing", "answer", or what the session calls its own
    topic: str
    sent_at: float
    items: list[Item] = field(default_factory=list)
    entry: Entry | None = None


class Flow:
    """`acknowledgements=False`: nobody will call `acknowledged`; what is handed out counts as acknowledged."""

    def __init__(
        self,
        limits: Limits,
        budget: Callable[[str], int],
        *,
        qos: int,
        linger: float,
        acknowledgements: bool,
    ) -> None:
        self.limits = limits
        self.budget = budget
        self.qos = qos
        self.linger = linger
        self.acknowledgements = acknowledgements
        self.out: list[Action] = []
        self.events: list[Event] = []
        self.outbox = Outbox(limits.queue, budget)
        self.lanes = Lanes(limits.doubt, settling=acknowledgements)
        self.in_flight: dict[int, Flight] = {}
        self.flush_at: float | None = None
        self.taken = 0  # rows of data
        self._data_in_flight = 0
        self._acknowledged_at = 0.0  # the latest
        self._last_id = 0
        self._deadlines: list[tuple[float, int, Entry]] = []

    # Publishing and acknowledgements

    def publish(self, kind: str, topic: str, payload: bytes, now: float, *, qos: int = 1, **what: Any) -> int:
        self._last_id += 1
        flight = Flight(kind, topic, now, **what)
        self.out.append(Publish(topic, payload, qos, self._last_id))
        if qos == 0 or not self.acknowledgements:
            self._settle(self._last_id, flight, now)
        else:
            self.in_flight[self._last_id] = flight
            self._data_in_flight += kind == "data"
        return self._last_id

    def acknowledged(self, id: int, now: float) -> Flight | None:
        flight = self.in_flight.pop(id, None)
        if flight is not None:
            self._data_in_flight -= flight.kind == "data"
            self._acknowledged_at = now
            self._settle(id, flight, now)
        return flight

    def _settle(self, id: int, flight: Flight, now: float) -> None:
        entry = flight.entry
        if flight.kind == "data":
            self.outbox.done(flight.items)
            self.events.append(Delivered(flight.topic, len(flight.items), id))
        elif flight.kind == "executing" and entry is not None:
            if entry.executing is Told.SENT:
                entry.executing, entry.executing_at = Told.YES, now
        elif flight.kind == "answer" and entry is not None and entry.answered is Told.SENT:
            self.lanes.remove(entry, now)
            if not entry.reported:
                entry.reported = True
                self.events.append(OperationAnswered(entry.operation, entry.status))

    # Data

    def put(self, items: list[Item], now: float) -> None:
        self.taken += len(items)
        self._report(self.outbox.put(items), "queue_full")
        if self.outbox and self.flush_at is None:
            self.flush_at = now + self.linger

    def flush(self, now: float) -> None:
        if self.outbox:
            self.flush_at = now

    def _report(self, dropped: list[Item], reason: str) -> None:
        self.events += [Dropped(item.topic, item.data, reason) for item in dropped]

    def pump(self, now: float, *, start: bool) -> None:
        """Hand out what may go: answers first, then data; `start` lets operations begin."""
        self._pump_operations(now, start)
        ripe = self.flush_at is not None and now >= self.flush_at
        while self._data_in_flight < self.limits.in_flight:
            taken = self.outbox.take(full_only=not ripe)
            if taken is None:
                break
            topic, payload, items = taken
            self.publish("data", topic, payload, now, qos=self.qos, items=items)
        if not self.outbox:
            self.flush_at = None

    def disconnected(self, now: float) -> None:
        """Data comes back to the outbox; the rest is made again by the session or by its lanes."""
        items = [item for flight in self.in_flight.values() for item in flight.items]
        self.in_flight.clear()
        self._data_in_flight = 0
        self._report(self.outbox.put_back(items), "queue_full")
        self.lanes.disconnected(now)
        self.lanes.settling = self.acknowledgements
        self.flush(now)

    def drop_all(self, reason: str) -> None:
        """Give up all data."""
        items = [item for flight in self.in_flight.values() for item in flight.items]
        for flight in self.in_flight.values():
            flight.items = []
        self.outbox.done(items)
        self._report(items + self.outbox.clear(), reason)
        self.flush_at = None

    @property
    def idle(self) -> bool:
        """Nothing waits, runs or is unacknowledged."""
        return not self.in_flight and not self.outbox and not any(entry.started for entry in self.lanes)

    # Operations

    def _pump_operations(self, now: float, start: bool) -> None:
        waiting = {}
        while self.lanes.touched:
            key = next(iter(self.lanes.touched))
            lane = self.lanes.touched.pop(key)
            while lane.entries:
                entry = lane.next_start()
                if entry is not None and start:
                    self._start(entry, now)
                    continue
                rows = lane.next_rows()
                if rows is None:
                    break
                self._send_rows(*rows, now)
            if lane.entries and lane.next_start() is not None:
                waiting[key] = lane  # only `start` is missing
            else:
                self.lanes.touched.pop(key, None)
        self.lanes.touched.update(waiting)

    def _start(self, entry: Entry, now: float) -> None:
        self.lanes.start(entry)
        if entry.refusal is not None:
            self._answer(entry, "failed", answers.failed(entry.operation, entry.refusal, self._limit(entry.operation)))
            return
        self.extend(entry, self.limits.operation, now)
        self.events.append(OperationReceived(entry.operation))

    def extend(self, entry: Entry, seconds: float | None, now: float) -> None:
        """Fail the operation if it has no answer in so many seconds."""
        if seconds is None:
            entry.deadline = None
            return
        entry.limit, entry.deadline = seconds, now + seconds
        self._last_id += 1  # parts entries of equal time
        heapq.heappush(self._deadlines, (now + seconds, self._last_id, entry))
        if len(self._deadlines) > 2 * len(self.lanes) + _SPENT:
            self._deadlines = [item for item in self._deadlines if _counts(item)]
            heapq.heapify(self._deadlines)

    def _send_rows(self, entry: Entry, executing: bool, answer: bool, now: float) -> None:
        topic = topics.us(entry.operation.child)
        if executing:
            self.lanes.told(entry)
            self.publish("executing", topic, encode_row(answers.executing(entry.operation)), now, entry=entry)
        if answer and entry.answer is not None:
            entry.answered = Told.SENT
            *parts, last = self._answer_payloads(entry, self.budget(topic))
            for part in parts:
                self.publish("part of an answer", topic, part, now)
            self.publish("answer", topic, last, now, entry=entry)

    def _answer_payloads(self, entry: Entry, limit: int) -> list[bytes]:
        """The answer; behind it in the same payload, since both or none must arrive, what settles an ambiguous one."""
        assert entry.answer is not None
        if not entry.ambiguous or entry.operation.id is not None:
            return [encode_row(entry.answer, limit=limit)]
        sweep = answers.sweep(entry.operation)
        settled = encode_row(sweep)
        try:
            answer = answers.fit(entry.answer, limit - len(ROW_END) - len(settled))
            return [encode([answer, sweep], limit=limit)]
        except PayloadTooLargeError:  # many numbers, of which none can be cut
            return [encode_row(entry.answer, limit=limit), settled]

    def _limit(self, operation: Operation) -> int:
        return self.budget(topics.us(operation.child))

    def _answer(self, entry: Entry, status: str, row: answers.Row) -> None:
        self.lanes.answer(entry, row, status)

    def running(self, operation: Operation) -> Entry | None:
        """The entry of an operation that runs and has no answer yet."""
        entry = self.lanes.entry(operation)
        return entry if entry is not None and entry.running else None

    def succeed(self, entry: Entry, fields: tuple[Any, ...]) -> None:
        """Raises `EncodeError` and leaves the operation open."""
        self._answer(entry, "successful", answers.successful(entry.operation, fields, self._limit(entry.operation)))

    def fail(self, entry: Entry, text: str) -> None:
        self._answer(entry, "failed", answers.failed(entry.operation, text, self._limit(entry.operation)))

    def time_out(self, now: float) -> None:
        """Fail the operations whose time is up."""
        while self._deadlines and self._next_deadline() <= now:
            _, _, entry = heapq.heappop(self._deadlines)
            self.fail(entry, f"no result within {entry.limit:g} seconds")
            self.events.append(OperationTimedOut(entry.operation, entry.limit))

    def _next_deadline(self) -> float:
        while self._deadlines:
            if _counts(self._deadlines[0]):
                return self._deadlines[0][0]
            heapq.heappop(self._deadlines)
        return float("inf")

    def due(self, *, publishing: bool) -> float:
        """When something here wants a `pump` or `time_out`; `publishing`: the connection takes data."""
        moments = [self._next_deadline()]
        if publishing and self.flush_at is not None and self._data_in_flight < self.limits.in_flight:
            moments.append(self.flush_at)
        moments.append(self._dead_at())
        return min(moments)

    def overdue(self, now: float) -> bool:
        """Whether the oldest payload waits, and nothing was acknowledged for too long."""
        return now >= self._dead_at()

    def _dead_at(self) -> float:
        oldest = next(iter(self.in_flight.values()), None)
        if oldest is None:
            return float("inf")
        return max(oldest.sent_at, self._acknowledged_at) + self.limits.acknowledge


def _counts(item: tuple[float, int, Entry]) -> bool:
    """Whether a time limit is still that of its operation."""
    return item[2].running and item[2].deadline == item[0]


def check_answerable(operation: Operation, budget: Callable[[str], int]) -> str | None:
    """Why no answer can be published for this operation, or `None`."""
    try:
        limit = budget(topics.us(operation.child))
        for row in (answers.executing(operation), answers.sweep(operation)):
            encode_row(row, limit=limit)
        answers.failed(operation, "-", limit)
    except ValueError as error:  # SmartRestError, or of a topic that leaves no room
        return str(error)
    return None
