"""A session's publishing: life-cycle rows, operation answers, then data packed from the outbox.

Tracks unacknowledged payloads. After a broken connection, data returns to the front of the outbox, and the answer to
500 tells the state of each operation (lanes.py). Has no clock: callers pass the time.
"""

from __future__ import annotations

import heapq
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .. import encode_row
from .._constants import ROW_END
from ..mqtt import topics
from . import operations
from .events import (
    Action,
    Delivered,
    Dropped,
    Event,
    OperationAnswered,
    OperationReceived,
    OperationRefused,
    OperationRepeated,
    OperationTimedOut,
    OperationUntold,
    OutboxFailed,
    OutboxSaved,
    Publish,
    QueueHalfFull,
)
from .lanes import Entry, Lane, Lanes, Stage
from .operations import Operation
from .outbox import Item, Outbox
from .settings import Limits

RETRY = 1.0  # seconds between attempts to write the outbox file
NEVER = float("inf")
_SPENT = 64  # stale time limits kept before a sweep
_BAD_TOPIC = 2  # consecutive rows given up, after which a topic's payloads are given up whole
_REASON = 3  # the shortest 502 exceeds the claim by a comma and a reason of at least one character
_CROWDED = "too many operations held; left PENDING, to be requested again later"


@dataclass
class Flight:
    """A payload handed out and not yet acknowledged."""

    purpose: str  # "data", "claim", "answer", "fail", or a name of the session's own
    topic: str
    sent_at: float
    items: list[Item] = field(default_factory=list)
    entry: Entry | None = None
    lane: Lane | None = None  # of a claim, an answer or a 507
    deaths: int = 0  # connections in a row that died with this data payload alone in flight


class Flow:
    """With `acknowledgements=False` a payload counts as acknowledged once it is handed out."""

    def __init__(
        self,
        limits: Limits,
        budget: Callable[[str], int],
        *,
        qos: int,
        linger: float,
        acknowledgements: bool,
        outbox: str | os.PathLike[str] | None = None,
    ) -> None:
        self.limits = limits
        self.budget = budget
        self.qos = qos
        self.linger = linger
        self.acknowledgements = acknowledgements
        self.out: list[Action] = []
        self.events: list[Event] = []
        self.outbox = _outbox(outbox, limits.queue, budget)
        self.lanes = Lanes(limits)
        self.in_flight: dict[int, Flight] = {}
        self.flush_at: float | None = None
        self.taken = 0  # rows of data
        self._again: deque[Flight] = deque()  # data that two connections died with: resent one by one
        self._given_up: dict[str, int] = {}  # topic -> rows given up since a payload was acknowledged
        self._repeated = 0  # ID of the one in flight
        self._suspects: dict[tuple[str, str], Lane] = {}  # with rows of operations to be sent alone
        self._alone = 0  # ID of the one in flight
        self._quiet = False  # no data is sent while a suspect row waits or is in flight
        self._data_in_flight = 0
        self.acknowledged_at: float | None = None  # the latest
        self._half_full = False  # reported, and not yet down to a quarter
        self._save_at = NEVER
        self._last_id = 0
        self._deadlines: list[tuple[float, int, Entry]] = []
        self.times_start = True  # the time of an operation counts from its start; else from the first `extend`
        self.open()

    # Publishing and acknowledgements

    def publish(self, purpose: str, topic: str, payload: bytes, now: float, *, qos: int = 1, **what: Any) -> int:
        self._last_id += 1
        flight = Flight(purpose, topic, now, **what)
        self.out.append(Publish(topic, payload, qos, self._last_id))
        if qos == 0 or not self.acknowledgements:
            self._settle(self._last_id, flight, now)
        else:
            self.in_flight[self._last_id] = flight
            self._data_in_flight += purpose == "data"
        return self._last_id

    def acknowledged(self, id: int, now: float) -> Flight | None:
        flight = self.in_flight.pop(id, None)
        if flight is not None:
            self._data_in_flight -= flight.purpose == "data"
            self.acknowledged_at = now
            self._settle(id, flight, now)
        return flight

    def _settle(self, id: int, flight: Flight, now: float) -> None:
        entry = flight.entry
        if flight.lane is not None:
            self._passed(flight.lane, flight.purpose)
        if flight.purpose == "data":
            self.outbox.done(flight.items)
            self._watch_size()
            self._given_up.pop(flight.topic, None)
            self.events.append(Delivered(flight.topic, len(flight.items), id))
        elif flight.purpose == "claim" and entry is not None:
            if self.lanes.claimed(entry, now):
                self._start(entry, now)
        elif flight.purpose == "answer" and entry is not None:
            self.lanes.answered(entry, now)
            if not entry.reported:
                entry.reported = True
                self.events.append(OperationAnswered(entry.operation, entry.status))
        elif flight.purpose == "fail" and flight.lane is not None:
            self.lanes.failed(flight.lane)
        elif flight.purpose == "ask":
            self.lanes.asked_acknowledged(now)

    # Data

    def open(self) -> None:
        """Load the rows that an earlier run left in the outbox file."""
        found, dropped = self.outbox.open()
        self.taken += found
        self._report(dropped, "queue_full")
        self._watch_size()
        self.flush(0.0)

    def put(self, items: list[Item], now: float, room: Callable[[int], None] | None = None) -> None:
        """Queue rows. `room` is called first with the bytes that they need, and may raise."""
        if room is not None:
            room(sum(item.size for item in items))
        dropped = self.outbox.put(items)
        self.taken += len(items)
        self._report(dropped, "queue_full")
        self._watch_size()
        if self.outbox and self.flush_at is None:
            self.flush_at = now + self.linger

    @property
    def pending(self) -> int:
        """Data rows waiting, including those to be resent."""
        return len(self.outbox) + sum(len(flight.items) for flight in self._again)

    def _watch_size(self) -> None:
        size, limit = self.outbox.size, self.limits.queue
        if self._half_full:
            self._half_full = size > limit // 4
        elif size > limit // 2:
            self._half_full = True
            self.events.append(QueueHalfFull(size, limit))

    def watch_file(self, now: float) -> None:
        """Report a file that cannot be written, and retry."""
        due = now >= self._save_at
        if due:
            self.outbox.save()
        if self.outbox.failure is None:
            if self._save_at != NEVER:
                self._save_at = NEVER
                self.events.append(OutboxSaved())
        elif due or self._save_at == NEVER:
            if not due:
                self.events.append(OutboxFailed(self.outbox.failure, RETRY))
            self._save_at = now + RETRY

    def flush(self, now: float) -> None:
        if self.outbox:
            self.flush_at = now

    def _report(self, dropped: list[Item], reason: str) -> None:
        self.events += [Dropped(item.topic, item.data, reason) for item in dropped]

    def pump(self, now: float, *, start: bool, subscribed: bool) -> None:
        """Hand out what may be sent: answers first, then data. `start` permits claims.

        `subscribed`: only PUBACKs are awaited. Only then does a broken connection put the blame on a payload.
        """
        self._quiet = subscribed and self._pump_suspects(now, start)
        if not self._quiet:
            self._pump_operations(now, start)
        ripe = self.flush_at is not None and now >= self.flush_at
        while self._data_in_flight < self._window:
            if self._again:
                if not subscribed or self._asked:
                    self._quiet = True
                    break
                again = self._again.popleft()
                payload = ROW_END.encode().join(item.data for item in again.items)
                self.publish("data", again.topic, payload, now, qos=self.qos, items=again.items, deaths=again.deaths)
                self._repeated = self._last_id
                continue
            taken = self.outbox.take(full_only=not ripe)
            if taken is None:
                break
            topic, payload, items = taken
            self.publish("data", topic, payload, now, qos=self.qos, items=items)
        if not self.outbox:
            self.flush_at = None

    def disconnected(self, now: float) -> bool:
        """Return data to the outbox; payloads that two connections died with are resent one by one.

        Everything else is rebuilt by its owner. Returns whether a payload was to blame.
        """
        lost = [flight for flight in self.in_flight.values() if flight.purpose == "data"]
        rows = [flight for flight in self.in_flight.values() if flight.lane is not None]
        first = next(iter(self.in_flight.values()), None)
        alone = len(lost) == 1 and lost[0] is first
        suspect = len(rows) == 1 and not lost and rows[0] is first
        blamed = any(item.died for item in lost[0].items) if alone else suspect and bool(_deaths(rows[0]))
        back: list[Item] = []
        again: list[Flight] = []
        for flight in lost:
            if any(item.died for item in flight.items):
                flight.deaths = max(flight.deaths, 1)
                again += self._died_on(flight) if alone else [flight]
            else:
                back += flight.items
            for item in flight.items:
                item.died = True
        self._again.extendleft(reversed(again))
        self._report(self.outbox.put_back(back), "queue_full")
        self.in_flight.clear()
        self._data_in_flight = 0
        self.lanes.cut(now, blamed=blamed)
        for flight in rows:
            self._row_died(flight, alone=suspect)
        self._quiet = False
        self.flush(now)
        return blamed

    @property
    def _asked(self) -> bool:
        """Whether something that is neither data nor of an operation is on its way, such as 500."""
        return any(flight.lane is None and flight.purpose != "data" for flight in self.in_flight.values())

    @property
    def _rows_in_flight(self) -> int:
        return len(self.in_flight) - self._data_in_flight

    @property
    def _window(self) -> int:
        """Data payloads allowed in flight: one while resending, to find the payload at fault."""
        if self._quiet:
            return 0
        return 1 if self._again or self._repeated in self.in_flight else self.limits.in_flight

    def _died_on(self, flight: Flight) -> list[Flight]:
        """The connection died with only this payload in flight: returns what to resend of it.

        One death before `limits.hang_ups` its rows are split up, to find the one at fault. If a topic loses several
        rows with none acknowledged in between, the topic itself is at fault, and its payloads stay whole.
        """
        flight.deaths += 1
        whole = len(flight.items) == 1 or self._given_up.get(flight.topic, 0) >= _BAD_TOPIC
        if flight.deaths >= self.limits.hang_ups and whole:
            self.outbox.done(flight.items)
            self._report(flight.items, "hang_up")
            self._given_up[flight.topic] = self._given_up.get(flight.topic, 0) + len(flight.items)
            return self._rejoined(flight.topic) if self._given_up[flight.topic] >= _BAD_TOPIC else []
        if flight.deaths >= self.limits.hang_ups - 1 and not whole:
            return [Flight("data", flight.topic, 0.0, [item], deaths=1) for item in flight.items]
        return [flight]

    def _rejoined(self, topic: str) -> list[Flight]:
        """Join the rest of a payload whose rows were being sent one by one."""
        items: list[Item] = []
        left = self.budget(topic)
        while self._again and self._again[0].topic == topic and len(self._again[0].items) == 1:
            item = self._again[0].items[0]
            left -= len(item.data) + len(ROW_END)
            if items and (item.alone or left < 0):
                break
            items.append(item)
            self._again.popleft()
            if item.alone:
                break
        return [Flight("data", topic, 0.0, items, deaths=self.limits.hang_ups - 1)] if items else []

    def drop_all(self, reason: str) -> None:
        """Give up all data that is not in an outbox file."""
        items = [item for flight in (*self.in_flight.values(), *self._again) for item in flight.items]
        self._again.clear()
        for flight in self.in_flight.values():
            flight.items = []
        self._report(self.outbox.end(items), reason)
        self.flush_at, self._save_at = None, NEVER

    @property
    def idle(self) -> bool:
        """Whether nothing is waiting, running or unacknowledged."""
        return not self.in_flight and not self._again and not self.outbox and not self.lanes.busy

    # Operations

    def take(self, found: list[tuple[Operation, str | None]], *, duplicate: bool) -> None:
        """Accept the operations of one payload, each with the reason it is refused, or `None`."""
        entries: list[tuple[Lane, Entry]] = []
        for operation, refusal in found:
            try:
                entries.append(self._entry(operation, refusal))
            except ValueError as error:  # noqa: PERF203 - SmartRestError, or the topic leaves no room
                self.events.append(OperationRefused(operation, str(error), answered=False))
        repeated, left = self.lanes.receive(entries, duplicate=duplicate)
        self.events += [OperationRepeated(entry.operation) for entry in repeated]
        self.events += [OperationRefused(entry.operation, _CROWDED, answered=False) for entry in left]

    def _entry(self, operation: Operation, refusal: str | None) -> tuple[Lane, Entry]:
        lane = self.lanes.lane(operation.lane)
        if lane is None:
            topic = topics.us(operation.child)
            lane = Lane(operation.lane, topic, self.budget(topic))
        return lane, Entry(operation, encode_row(operations.executing(operation), limit=lane.limit - _REASON), refusal)

    def tick(self, now: float) -> None:
        """Fail operations whose time is up, and evaluate the answer to 500 once it is complete."""
        while self._deadlines and self._next_deadline() <= now:
            _, _, entry = heapq.heappop(self._deadlines)
            text = f"no result within {entry.limit:g} seconds"
            entry.operation.cancel(text)
            self.fail(entry, text)
            self.events.append(OperationTimedOut(entry.operation, entry.limit))
        resolution = self.lanes.tick(now)
        for entry in resolution.arrived:
            self._passed(entry.lane, "claim")
            if self.lanes.began(entry):
                self._start(entry, now)
        self.events += [OperationRepeated(entry.operation) for entry in resolution.again]
        self.events += [OperationUntold(entry.operation) for entry in resolution.untold]

    def _pump_operations(self, now: float, start: bool) -> None:
        waiting = {}
        while self.lanes.touched and self._rows_in_flight < self.limits.rows_in_flight:
            key = next(iter(self.lanes.touched))
            lane = self.lanes.touched.pop(key)
            while self._pump_lane(lane, now, start):
                self.lanes.touched.pop(key, None)
                if self._rows_in_flight >= self.limits.rows_in_flight:
                    self.lanes.touched[key] = lane  # resumes at the next acknowledgement
                    break
            if self.lanes.next_claim(lane) is not None:
                waiting[key] = lane  # only `start` is missing
        self.lanes.touched.update(waiting)

    def _pump_lane(self, lane: Lane, now: float, start: bool) -> bool:
        """Hand out the lane's next row, if it may be sent."""
        purpose, entry = self._next(lane, start)
        if not purpose or purpose in lane.suspect:
            return False
        self._send(lane, purpose, entry, now)
        return True

    def _pump_suspects(self, now: float, start: bool) -> bool:
        """Hand out a row that goes alone once nothing is on its way; whether there is one."""
        if self._alone in self.in_flight:
            return True
        for lane in self._suspects.values():
            purpose, entry = self._next(lane, start)
            if purpose in lane.suspect:
                if not self.in_flight:
                    self._alone = self._send(lane, purpose, entry, now)
                return True
        return False

    def _next(self, lane: Lane, start: bool) -> tuple[str, Entry | None]:
        """The purpose of the next row of a lane ("": there is none), and its operation."""
        if lane.failing:
            return ("" if lane.fail_sent or "fail" in lane.given_up else "fail"), None
        if (answer := self.lanes.next_answer(lane)) is not None:
            return "answer", answer
        claim = self.lanes.next_claim(lane) if start else None
        return ("claim" if claim is not None else ""), claim

    def _send(self, lane: Lane, purpose: str, entry: Entry | None, now: float) -> int:
        if entry is None:
            lane.fail_sent = True
            if lane.fail is None:
                text = operations.unanswered if lane.unanswered else operations.untold
                lane.fail = text(lane.key[1], lane.limit)
        elif purpose == "answer":
            entry.stage = Stage.ANSWERING
        else:
            self.lanes.claim(entry)
        return self.publish(purpose, lane.topic, _row(lane, purpose, entry), now, entry=entry, lane=lane)

    def _passed(self, lane: Lane, purpose: str) -> None:
        lane.passed(purpose)
        if not lane.suspect:
            self._suspects.pop(lane.key, None)

    def _row_died(self, flight: Flight, *, alone: bool) -> None:
        """The connection died with this row of an operation on its way; `alone`: with nothing else before or beside it.

        The second time it is suspect. Given up, an answer goes without its text or parameters; then 507 takes its
        place. After a 507 or a claim that is given up the lane claims nothing more on this connection.
        """
        lane, purpose, entry, most = flight.lane, flight.purpose, flight.entry, self.limits.hang_ups
        assert lane is not None
        before = lane.deaths.get(purpose, 0)
        deaths = lane.deaths[purpose] = before + (alone or not before)
        if before:
            lane.suspect.add(purpose)
            self._suspects[lane.key] = lane
        if not (before and alone and deaths >= most) or (purpose == "answer" and lane.unresolved):
            return
        row = _row(lane, purpose, entry)
        self.events.append(Dropped(lane.topic, row, "hang_up"))
        if purpose != "answer" or entry is None:
            lane.given_up.add(purpose)
            lane.deaths[purpose] = max(most - 1, 1)  # tried again, one such connection is enough
            return
        entry.answer = operations.shortest(entry.operation, entry.status)
        lane.deaths[purpose] = 0
        if row == entry.answer:
            self._passed(lane, purpose)
            self.lanes.unanswered(entry)

    def _start(self, entry: Entry, now: float) -> None:
        """The operation is EXECUTING: pass it to the program with a time limit, or refuse it."""
        if entry.refusal is not None:
            self.events.append(OperationRefused(entry.operation, entry.refusal))
            self.fail(entry, entry.refusal)
            return
        if self.times_start:
            self.extend(entry, self.limits.operation, now)
        self.events.append(OperationReceived(entry.operation))

    def extend(self, entry: Entry, seconds: float | None, now: float) -> None:
        """Fail the operation unless it is answered within `seconds`."""
        if seconds is None:
            entry.deadline = None
            return
        entry.limit, entry.deadline = seconds, now + seconds
        self._last_id += 1  # breaks ties in the heap
        heapq.heappush(self._deadlines, (now + seconds, self._last_id, entry))
        if len(self._deadlines) > 2 * len(self.lanes) + _SPENT:
            self._deadlines = [item for item in self._deadlines if _counts(item)]
            heapq.heapify(self._deadlines)

    def running(self, operation: Operation) -> Entry | None:
        """The entry of a running operation without an answer."""
        entry = self.lanes.entry(operation)
        return entry if entry is not None and entry.running else None

    def succeed(self, entry: Entry, fields: tuple[Any, ...]) -> None:
        """Raises `EncodeError` and leaves the operation open."""
        answer = operations.successful(entry.operation, fields, entry.lane.limit)
        self.lanes.answer(entry, answer, "successful")

    def fail(self, entry: Entry, text: str) -> None:
        self.lanes.answer(entry, operations.failed(entry.operation, text, entry.lane.limit), "failed")

    def progress(self, entry: Entry, text: str, now: float) -> None:
        """Queue an event row and send it without waiting for `linger`."""
        lane = entry.lane
        self.put([Item(lane.topic, operations.progress(entry.operation, text, lane.limit))], now)
        self.flush(now)

    def cancel(self, reason: str | None) -> None:
        """Set `cancelled` for running handlers; `None` clears it."""
        for entry in self.lanes:
            if entry.running:
                entry.operation.cancel(reason)

    def _next_deadline(self) -> float:
        while self._deadlines:
            if _counts(self._deadlines[0]):
                return self._deadlines[0][0]
            heapq.heappop(self._deadlines)
        return float("inf")

    def due(self, *, publishing: bool) -> float:
        """The time of the next `pump` or `tick`; `publishing`: the connection accepts data."""
        moments = [self._next_deadline(), self.lanes.due, self._save_at]
        if publishing and self.flush_at is not None and self._data_in_flight < self._window:
            moments.append(self.flush_at)
        moments.append(self._dead_at())
        return min(moments)

    def overdue(self, now: float) -> bool:
        """Whether a payload is in flight and nothing has been acknowledged for too long."""
        return now >= self._dead_at()

    def _dead_at(self) -> float:
        oldest = next(iter(self.in_flight.values()), None)
        if oldest is None:
            return float("inf")
        return max(oldest.sent_at, self.acknowledged_at or 0.0) + self.limits.acknowledge


def _outbox(path: str | os.PathLike[str] | None, limit: int, budget: Callable[[str], int]) -> Outbox:
    if path is None:
        return Outbox(limit, budget)
    from .durable import DurableOutbox  # loads sqlite3

    return DurableOutbox(path, limit, budget)


def _deaths(flight: Flight) -> int:
    return flight.lane.deaths.get(flight.purpose, 0) if flight.lane is not None else 0


def _row(lane: Lane, purpose: str, entry: Entry | None) -> bytes:
    """The encoded row of this purpose."""
    row = lane.fail if entry is None else entry.answer if purpose == "answer" else entry.claim
    assert row is not None
    return row


def _counts(item: tuple[float, int, Entry]) -> bool:
    """Whether this heap item is still its operation's time limit."""
    return item[2].running and item[2].deadline == item[0]
