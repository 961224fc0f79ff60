"""Operations in the order in which the platform answers them: one lane per (device, fragment), one at a time.

501, 502 and 503 name a fragment and act on the *oldest* operation that has it. So a lane keeps the platform's order,
starts an operation only when the answer of the one before is acknowledged, and never repeats a 501 blindly. An
operation row has no number; how a repeated row is told from a second equal operation stands at `Lanes.receive`.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

HISTORY = 1_000  # answered operations that are remembered, by ID and for payloads that MQTT marks as duplicates


class OperationTemplate(NamedTuple):
    """How to read the operation rows of a template ID.

    `fragment` is the operation's, which 501 to 503 name. `id_field` is the index in the row of the operation's ID
    (a pattern of a custom response template): with it the answers go by ID (504 to 506).
    """

    fragment: str | None = None
    id_field: int | None = None


@dataclass(eq=False, frozen=True)
class Operation:
    """An operation for a device or child.

    `device` is the external ID it is for, `child` the same where it is a child, else `None`; `fragment` may be "" where
    the answers go by `id`. `row` holds the fields as they came from `topic`.
    """

    device: str
    child: str | None
    fragment: str
    row: tuple[str, ...] = field(repr=False)
    topic: str
    id: str | None = None

    @property
    def template_id(self) -> str:
        return self.row[0]

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The named, typed parameters of the row's static template, without `device_id`.

        For other templates the fields after the device ID by their index in the row, as text. Raises `TemplateError`.
        """
        from ..templates import static

        template = static.by_id(self.template_id)
        if template is None:
            return {str(index): text for index, text in enumerate(self.row) if index > 1}
        parameters = dict(template.parse(self.row).parameters)
        parameters.pop("device_id", None)
        return parameters

    @property
    def lane(self) -> tuple[str, str]:
        """What is worked on one at a time: device and fragment."""
        return self.device, self.fragment or self.template_id


class Told(Enum):
    """What the platform knows of a 501 or an answer."""

    NO = "not sent"
    SENT = "sent, not acknowledged"
    UNCERTAIN = "sent on a connection that broke before the acknowledgement"
    YES = "acknowledged"


class Entry:
    """What a lane knows of one operation."""

    __slots__ = (
        "answer",
        "answered",
        "claim",
        "executing",
        "executing_at",
        "operation",
        "refusal",
        "repeated",
        "revivable",
        "started",
        "status",
    )

    def __init__(self, operation: Operation, refusal: str | None = None) -> None:
        self.operation = operation
        self.refusal = refusal  # why it is answered 502 without being run
        self.started = False
        self.executing = Told.NO  # of 501 or 504
        self.executing_at = 0.0  # when that was acknowledged
        self.answer: tuple[Any, ...] | None = None  # the row 502, 503, 505 or 506
        self.status = ""
        self.answered = Told.NO
        self.claim = False  # one equal row may still arrive that is this operation again
        self.repeated = False  # one did
        self.revivable = False  # answered and acknowledged, but so late that the broker may have lost the answer

    @property
    def running(self) -> bool:
        return self.started and self.answer is None


class Lane:
    """The operations of one device and fragment, oldest first. `held`: waits for what 500 will tell."""

    __slots__ = ("entries", "held")

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque()
        self.held = False

    def next_start(self) -> Entry | None:
        """The operation that may start now, if any."""
        head = self.entries[0]
        if head.started or (self.held and head.operation.id is None) or any(entry.running for entry in self.entries):
            return None
        return head

    def next_rows(self) -> tuple[Entry, bool, bool] | None:
        """The head, if something is to be sent about it: whether its 501, whether its answer."""
        head = self.entries[0]
        if not head.started:
            return None
        executing = head.executing in (Told.NO, Told.UNCERTAIN)
        if executing and self.held and head.operation.id is None:
            return None
        answer = head.answer is not None and head.answered in (Told.NO, Told.UNCERTAIN)
        return (head, executing, answer) if executing or answer else None

    def release(self, pending: Iterable[Entry] = ()) -> None:
        """500 has told which are `pending`: a head that is not among them is being executed already."""
        self.held = False
        head = self.entries[0]
        if head.executing is Told.UNCERTAIN:
            head.executing = Told.NO if head in pending else Told.YES


class Lanes:
    """All operations that are held: waiting, running, or answered and not yet acknowledged.

    `doubt`: an acknowledgement that came less than so many seconds before the connection broke does not count, since
    the broker may have died before it passed the rows on.
    """

    def __init__(self, doubt: float) -> None:
        self.doubt = doubt
        self.touched: dict[tuple[str, str], Lane] = {}  # lanes that may have something to start or to send
        self.listening = False  # a 500 was sent, its answer may still come
        self.ask_again = False  # a row was taken as a repeat; 500 will tell whether it was a second operation
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._entries: dict[Operation, Entry] = {}
        self._by_row: dict[tuple[str, ...], list[Entry]] = {}
        self._finished: deque[tuple[float, Entry]] = deque()  # removed, still in _by_row
        self._history: OrderedDict[tuple[str, ...], Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def entry(self, operation: Operation) -> Entry | None:
        return self._entries.get(operation)

    @property
    def held(self) -> bool:
        return any(lane.held for lane in self._lanes.values())

    def touch(self, entry: Entry) -> None:
        self.touched[entry.operation.lane] = self._lanes[entry.operation.lane]

    def receive(self, entries: list[Entry], *, duplicate: bool = False) -> list[tuple[Entry, bool]]:
        """Take in the operations of one payload; returns each entry, or the known one it repeats, and whether it does.

        By ID a repeat is certain. Without one, a row equal to that of a held operation is a repeat, once per operation
        and 500, if the operation was held when 500 was sent or came while its answer was awaited; or if MQTT marks the
        payload as a duplicate. Since that may take a second equal operation for a repeat, `ask_again` is set once the
        first is answered: another 500 brings the second. Rows of one payload are never repeats of each other. A new row
        that stands before a repeat of its lane is older than that: it is put before it.
        """
        result: list[tuple[Entry, bool]] = []
        fresh: list[Entry] = []
        unplaced: dict[tuple[str, str], list[Entry]] = {}
        pending: dict[tuple[str, str], set[Entry]] = {}
        for entry in entries:
            key = entry.operation.lane
            known = self._find(entry.operation, duplicate)
            result.append((known or entry, known is not None))
            if known is None:
                unplaced.setdefault(key, []).append(entry)
                fresh.append(entry)
            elif known.operation in self._entries:
                self._place(key, unplaced.pop(key, []), before=known)
                pending.setdefault(key, set()).add(known)
            elif known.revivable or known.operation.id is not None:
                unplaced.setdefault(key, []).append(self._revive(known))
        for key, rest in unplaced.items():
            self._place(key, rest)
        for entry in fresh:
            entry.claim = self.listening
            self._by_row.setdefault(entry.operation.row, []).append(entry)
        for key, known_pending in pending.items():
            self._lanes[key].release(known_pending)
            self.touched[key] = self._lanes[key]
        return result

    def _find(self, operation: Operation, duplicate: bool) -> Entry | None:
        for entry in self._by_row.get(operation.row, ()):
            same = entry.operation
            if same.topic != operation.topic or same.id != operation.id:
                continue
            if operation.id is None:
                if not (entry.claim or (duplicate and same in self._entries)):
                    continue
                entry.claim = False
                entry.repeated = True
                self.ask_again |= same not in self._entries and not entry.revivable
            return entry
        if operation.id is not None or duplicate:
            return self._history.get(_mark(operation))
        return None

    def _revive(self, entry: Entry) -> Entry:
        """The platform has not seen the answer: it is given again, nothing is run again."""
        entry.executing = entry.answered = Told.NO
        entry.revivable = False
        self._finished = deque(pair for pair in self._finished if pair[1] is not entry)
        listed = self._by_row.setdefault(entry.operation.row, [])
        if entry not in listed:
            listed.append(entry)
        return entry

    def _place(self, key: tuple[str, str], entries: list[Entry], before: Entry | None = None) -> None:
        if not entries:
            return
        lane = self._lanes.setdefault(key, Lane())
        self.touched[key] = lane
        self._entries.update((entry.operation, entry) for entry in entries)
        if before is None:
            lane.entries.extend(entries)
            return
        if before.executing is Told.UNCERTAIN:  # both are pending: it never arrived
            before.executing = Told.NO
        elif before.executing is not Told.NO and entries[0].executing is Told.NO:  # it went to the oldest: another one
            entries[0].executing, before.executing = before.executing, Told.NO
        position = lane.entries.index(before)
        for entry in reversed(entries):
            lane.entries.insert(position, entry)

    def remove(self, entry: Entry, now: float) -> None:
        """Its answer is acknowledged."""
        operation = entry.operation
        lane = self._lanes[operation.lane]
        lane.entries.remove(entry)
        if lane.entries:
            self.touched[operation.lane] = lane
        else:
            del self._lanes[operation.lane]
            self.touched.pop(operation.lane, None)
        del self._entries[operation]
        self.ask_again |= entry.repeated
        entry.repeated = False
        self._history[_mark(operation)] = entry
        if len(self._history) > HISTORY:
            self._history.popitem(last=False)
        self._finished.append((now, entry))
        self._prune(now)

    def _prune(self, now: float) -> None:
        while self._finished and not self.listening and self._finished[0][0] < now - self.doubt:
            _, entry = self._finished.popleft()
            entry.claim = entry.revivable = False
            listed = self._by_row[entry.operation.row]
            listed.remove(entry)
            if not listed:
                del self._by_row[entry.operation.row]

    def asked(self, now: float) -> None:
        """500 is on its way: each held operation may come once more."""
        self._prune(now)
        self.listening = True
        self.ask_again = False
        for _, entry in self._finished:
            entry.claim = entry.revivable
        for entry in self:
            entry.claim = True

    def end_listening(self, now: float) -> None:
        """The answer of 500 has had its time."""
        self.listening = False
        for _, entry in self._finished:
            entry.claim = entry.revivable = False
        self._prune(now)

    def release(self) -> None:
        """500 was not answered with these: what was sent before the connection broke has arrived."""
        for key, lane in self._lanes.items():
            if lane.held:
                lane.release()
                self.touched[key] = lane

    def disconnected(self, now: float) -> None:
        """What was sent and not surely taken is uncertain now; every lane waits for what 500 will tell."""
        self.end_listening(now)
        for entry in self:
            acknowledged = entry.executing is Told.YES and entry.executing_at >= now - self.doubt
            if entry.executing is Told.SENT or acknowledged:
                entry.executing = Told.UNCERTAIN
            if entry.answered is Told.SENT:
                entry.answered = Told.UNCERTAIN
        for finished_at, entry in self._finished:
            entry.claim = entry.revivable = finished_at >= now - self.doubt
        for lane in self._lanes.values():
            lane.held = True
        self.touched.update(self._lanes)


def _mark(operation: Operation) -> tuple[str, ...]:
    if operation.id is not None:
        return ("id", operation.device, operation.id)
    return ("row", operation.topic, *operation.row)


def static_operations() -> dict[str, OperationTemplate]:
    """The operations of the static templates, by template ID."""
    from ..templates import static

    return {
        key: OperationTemplate(template.operation_fragment)
        for key, template in static.items()
        if template.operation_fragment is not None
    }
