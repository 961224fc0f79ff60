"""Rows waiting to be published: packed per topic, bounded, dropped by a stated policy.

Over the bound, the oldest measurement is dropped first (template IDs 200 to 299 on `us` topics), then the oldest other
row. Operation answers are kept elsewhere and never dropped. Knows neither clock nor connection.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from .. import PayloadTooLargeError, TemplateError, encode_row, pack
from .._constants import ROW_END

if TYPE_CHECKING:
    from .. import RowLike
    from ..pure.types import Dialect

MEASUREMENT = re.compile(rb"2[0-9][0-9](,|$)").match
_JOINT = ROW_END.encode()
_OVERHEAD = 120  # approximate bytes of memory per waiting row, on top of its text
_DROPPED = 64  # dropped items to tolerate in a queue before sweeping it


class Item:
    """One encoded row, or (`alone`) a whole payload that must not be joined with others."""

    __slots__ = ("alone", "data", "died", "gone", "measurement", "number", "size", "topic")

    def __init__(self, topic: str, data: bytes, *, measurement: bool = False, alone: bool = False) -> None:
        self.topic = topic
        self.data = data
        self.measurement = measurement
        self.alone = alone
        self.gone = False  # taken or dropped
        self.number = 0  # its key in the outbox file, if there is one
        self.died = False  # a connection broke while it was in flight
        self.size = len(data) + _OVERHEAD


class _Queue:
    """The items waiting for one topic: `live` ones of `wire` bytes, joints included, and dropped ones."""

    __slots__ = ("budget", "items", "live", "unjoined", "wire")

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.items: deque[Item] = deque()
        self.live = self.wire = self.unjoined = 0

    def count(self, item: Item, sign: int) -> None:
        self.live += sign
        self.wire += sign * (item.size - _OVERHEAD + len(_JOINT))
        self.unjoined += sign * item.alone

    @property
    def full(self) -> bool:
        return self.wire - len(_JOINT) > self.budget or self.unjoined > 0

    def sweep(self) -> None:
        if len(self.items) > 2 * self.live + _DROPPED:
            self.items = deque(item for item in self.items if not item.gone)


class Outbox:
    """The queue. `limit`: approximate bytes of memory; `budget(topic)`: the most bytes in a payload."""

    failure: str | None = None  # why the file of a durable outbox cannot be written (durable.py)
    waits = True  # `put` returns when the rows are in that file

    def __init__(self, limit: int, budget: Callable[[str], int]) -> None:
        self.limit = limit
        self.size = 0  # of items waiting and in flight
        self._budget = budget
        self._queues: dict[str, _Queue] = {}  # in order of their turns
        self._full: dict[str, None] = {}  # topics with a whole payload waiting
        self._by_age: tuple[deque[Item], deque[Item]] = (deque(), deque())  # other rows, measurements

    def __bool__(self) -> bool:
        return bool(self._queues)

    def __len__(self) -> int:
        return sum(queue.live for queue in self._queues.values())

    @property
    def full(self) -> bool:
        """Whether some topic has a full payload waiting."""
        return bool(self._full)

    def put(self, items: Iterable[Item]) -> list[Item]:
        """Append; returns the items dropped to make room."""
        for item in items:
            self.size += item.size
            self._by_age[item.measurement].append(item)
            queue = self._queue(item.topic)
            queue.items.append(item)
            queue.count(item, 1)
            if queue.wire > queue.budget or item.alone:
                self._mark(item.topic, queue)
        return self._drop()

    def put_back(self, items: list[Item]) -> list[Item]:
        """Return unacknowledged items to the front, in their old order. Returns the items dropped."""
        for item in reversed(items):
            item.gone = False
            self._by_age[item.measurement].appendleft(item)
            queue = self._queue(item.topic)
            queue.items.appendleft(item)
            queue.count(item, 1)
            self._mark(item.topic, queue)
        first = dict.fromkeys(item.topic for item in items)  # their topics go next
        self._queues = {**{topic: self._queues[topic] for topic in first}, **self._queues}
        return self._drop()

    def take(self, *, full_only: bool = False) -> tuple[str, bytes, list[Item]] | None:
        """The next payload with its topic and items; topics take turns. `full_only`: full payloads only."""
        topic = next(iter(self._full if full_only else self._queues), None)
        if topic is None:
            return None
        queue = self._queues.pop(topic)
        items: list[Item] = []
        size = 0
        while queue.live:
            item = queue.items[0]
            if not item.gone:
                size += len(item.data) + (len(_JOINT) if items else 0)
                if items and (item.alone or size > queue.budget):
                    break
                item.gone = True
                queue.count(item, -1)
                items.append(item)
            queue.items.popleft()
            if item.alone and items:
                break
        if queue.live:
            self._queues[topic] = queue
        self._mark(topic, queue)
        for ages in self._by_age:
            while ages and ages[0].gone:
                ages.popleft()
        return topic, _JOINT.join(item.data for item in items), items

    def done(self, items: Iterable[Item]) -> None:
        """Stop counting items that were acknowledged or given up."""
        for item in items:
            self.size -= item.size

    def open(self) -> tuple[int, list[Item]]:
        """Load rows of an earlier run; returns their number and the items that had to be dropped."""
        return 0, []

    @property
    def saved(self) -> bool:
        """Whether all rows are in that file."""
        return True

    def write_in_thread(self, written: Callable[[], None]) -> None:
        """Let a thread write what need not be in the file at once, and call `written` in that thread afterwards."""

    def save(self) -> None:
        """Retry the write that failed."""

    def end(self, in_flight: list[Item]) -> list[Item]:
        """The session has closed. Returns the items dropped."""
        self.done(in_flight)
        return in_flight + self.clear()

    def clear(self) -> list[Item]:
        """Empty the queue; returns the items that waited."""
        items = [item for queue in self._queues.values() for item in queue.items if not item.gone]
        self.done(items)
        self._queues, self._full, self._by_age = {}, {}, (deque(), deque())
        return items

    def _queue(self, topic: str) -> _Queue:
        queue = self._queues.get(topic)
        if queue is None:
            queue = self._queues[topic] = _Queue(self._budget(topic))
        return queue

    def _mark(self, topic: str, queue: _Queue) -> None:
        if queue.full:
            self._full[topic] = None
        else:
            self._full.pop(topic, None)

    def _drop(self) -> list[Item]:
        dropped: list[Item] = []
        while self.size > self.limit:
            ages = self._by_age[1] or self._by_age[0]
            if not ages:  # all the rest is in flight
                break
            item = ages.popleft()
            if item.gone:
                continue
            item.gone = True
            self.size -= item.size
            queue = self._queues[item.topic]
            queue.count(item, -1)
            queue.sweep()
            if not queue.live:
                del self._queues[item.topic]
            self._mark(item.topic, queue)
            dropped.append(item)
        return dropped


def encoded(row: RowLike, limit: int, dialect: Dialect = "backslash") -> list[bytes]:
    """The encoded row; several if it is too long and its template allows splitting."""
    try:
        return [encode_row(row, limit=limit, dialect=dialect)]
    except PayloadTooLargeError as error:
        try:
            return list(pack([row], limit=limit, dialect=dialect, split_groups=True))
        except TemplateError:
            raise error from None
