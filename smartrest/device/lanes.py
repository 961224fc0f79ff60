"""Operations in the order in which the platform answers them: one lane per (device, fragment), one at a time.

501, 502 and 503 name a fragment and act on the *oldest* operation that has it. So a lane keeps the platform's order,
starts an operation only when the answer of the one before is acknowledged, and never repeats a 501 blindly. An
operation row has no number; how a repeated row is told from a second equal operation stands at `Lanes.receive`.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Container, Iterator
from enum import Enum
from typing import Any

from ..mqtt import topics
from .operations import Operation

HISTORY = 256  # answered operations that are remembered, by ID and for payloads that MQTT marks as duplicates


class Told(Enum):
    """What the platform knows of a 501 or an answer."""

    NO = "not sent"
    SENT = "sent, not acknowledged"
    UNCERTAIN = "sent on a connection that broke before the acknowledgement"
    YES = "acknowledged"


class Entry:
    """What a lane knows of one operation."""

    __slots__ = (
        "ambiguous",
        "answer",
        "answered",
        "awaited",
        "deadline",
        "executing",
        "executing_at",
        "executing_in",
        "finished_at",
        "limit",
        "operation",
        "refusal",
        "repeated",
        "reported",
        "settled",
        "started",
        "status",
    )

    def __init__(self, operation: Operation, refusal: str | None = None) -> None:
        self.operation = operation
        self.refusal = refusal  # why it is answered 502 without being run
        self.started = False
        self.deadline: float | None = None  # for the answer
        self.limit = 0.0  # seconds that lead to it
        self.executing = Told.NO  # of 501 or 504
        self.executing_at = 0.0  # when that was acknowledged
        self.executing_in = 0  # how often 500 had been asked when it was sent
        self.finished_at = 0.0  # when the answer was
        self.answer: tuple[Any, ...] | None = None  # the row 502, 503, 505 or 506
        self.status = ""
        self.answered = Told.NO
        self.settled = False  # it came when no older one was still to come
        self.awaited = False  # the connection broke: 500 has yet to bring it, if it is still PENDING
        self.repeated = False  # an equal row was taken for this operation again
        self.ambiguous = False  # 501 was repeated: an equal operation, unknown here, may have got one of the two
        self.reported = False  # the program knows that it was answered

    @property
    def running(self) -> bool:
        return self.started and self.answer is None


class Lane:
    """The operations of one device and fragment, oldest first. `held`: waits for what 500 will tell."""

    __slots__ = ("entries", "held", "running")

    def __init__(self, *, held: bool) -> None:
        self.entries: deque[Entry] = deque()
        self.held = held
        self.running: Entry | None = None  # which need not be the head: an older one may have come later

    def next_start(self) -> Entry | None:
        """The operation that may start now, if any."""
        head = self.entries[0]
        if head.started or self.running is not None or head.awaited or (self.held and head.operation.id is None):
            return None
        return head

    def next_rows(self) -> tuple[Entry, bool, bool] | None:
        """The head, if something is to be sent about it: whether its 501, whether its answer."""
        head = self.entries[0]
        if not head.started:
            return None
        executing = head.executing in (Told.NO, Told.UNCERTAIN)
        if self.held and head.operation.id is None and (executing or self._second_started()):
            return None
        answer = head.answer is not None and head.answered in (Told.NO, Told.UNCERTAIN)
        return (head, executing, answer) if executing or answer else None

    def _second_started(self) -> bool:
        return len(self.entries) > 1 and self.entries[1].started

    def still_pending(self, rows: list[tuple[str, ...]]) -> list[Entry]:
        """The entries that `rows`, marks of what 500 brings for this lane, begin with.

        What was PENDING when the connection broke is older than all that came since, and the 501s that arrived are
        those of the oldest. So a number of entries at the front has arrived, and the answer begins with the others, in
        order. Of several such numbers the smallest counts, and what it leaves uncertain is ambiguous. Where none fits,
        or only that of all, this tells nothing: an operation was cancelled, or the rows are no answer but new.
        """
        known = [entry for entry in self.entries if entry.awaited and entry.executing in (Told.NO, Told.UNCERTAIN)]
        marks = [_mark(entry.operation) for entry in known]
        uncertain = sum(entry.executing is Told.UNCERTAIN for entry in known)
        whole = [n for n in range(uncertain + 1) if rows[: len(marks) - n] == marks[n:]]
        begun = [n for n in range(uncertain + 1) if rows == marks[n : n + len(rows)]]  # the answer has several payloads
        arrived = (whole or begun or [len(known)])[0]
        if arrived == len(known):
            return []
        for number, entry in enumerate(known[:uncertain]):
            entry.executing = Told.YES if number < arrived else Told.NO
            entry.ambiguous = number >= arrived and len(whole) != 1
        return known[arrived:]

    def release(self, pending: Container[Entry] = ()) -> list[Entry]:
        """500 has told which are `pending`; returns those that turn out to have been answered.

        Of what was sent before the connection broke, the platform has seen the beginning: up to the last 501 whose
        operation is not pending any more.
        """
        self.held = False
        answered: list[Entry] = []
        last = None
        for entry in self.entries:
            if entry.executing is Told.UNCERTAIN:
                entry.ambiguous = entry in pending
                entry.executing = Told.NO if entry.ambiguous else Told.YES
            if entry.executing is Told.YES:
                last = entry
        if last is not None:
            for entry in self.entries:
                if entry is last:
                    break
                if entry.answered is Told.UNCERTAIN:
                    answered.append(entry)
        return answered


class Lanes:
    """All operations that are held: waiting, running, or answered and not yet acknowledged.

    `doubt`: an acknowledgement that came less than so many seconds before the connection broke does not count, since
    the broker may have died before it passed the rows on. `settling`: the connection is new, and an operation that
    comes now may have an older one before it that 500 has still to bring: it must wait.
    """

    def __init__(self, doubt: float, *, settling: bool) -> None:
        self.doubt = doubt
        self.touched: dict[tuple[str, str], Lane] = {}  # lanes that may have something to start or to send
        self.settling = settling
        self._now = self._asked_at = 0.0
        self._asks = 0
        self.listening = False  # a 500 was sent, its answer may still come
        self.ask_again = False  # a row was taken as a repeat; 500 will tell whether it was a second operation
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._entries: dict[Operation, Entry] = {}
        self._by_row: dict[tuple[str, ...], list[Entry]] = {}
        self._by_id: dict[tuple[str, ...], Entry] = {}
        self._finished: deque[Entry] = deque()  # removed, still in _by_row or _by_id
        self._history: OrderedDict[tuple[str, ...], Entry] = OrderedDict()  # finished some time ago

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def entry(self, operation: Operation) -> Entry | None:
        return self._entries.get(operation)

    def told(self, entry: Entry) -> None:
        """Its 501 is on its way."""
        entry.executing, entry.executing_in = Told.SENT, self._asks

    def start(self, entry: Entry) -> None:
        entry.started = True
        self._lanes[entry.operation.lane].running = entry

    def answer(self, entry: Entry, row: tuple[Any, ...], status: str) -> None:
        entry.answer, entry.status = row, status
        lane = self.touched[entry.operation.lane] = self._lanes[entry.operation.lane]
        if lane.running is entry:
            lane.running = None

    def receive(
        self, entries: list[Entry], now: float, *, duplicate: bool = False, room: int
    ) -> list[tuple[Entry, bool | None]]:
        """Take in the operations of one payload; returns each entry, or the known one it repeats, and whether it does:
        `None` where it does not and is the first for which there is no `room`, or comes after that one.

        By ID a repeat is certain. Without one, a row that equals the row of an operation held or just answered is a
        repeat while the answer of 500 is awaited, or where MQTT marks the payload as a duplicate; one row of a payload
        for one operation, and rows of one payload are never repeats of each other. Since that may take a second equal
        operation for a repeat, `ask_again` is set once the first is answered: another 500 brings the second. A new row
        that stands before a repeat of its lane is older than that: it is put before it. After a broken connection the
        order tells more: `Lane.still_pending`.
        """
        self._now = now
        result: list[tuple[Entry, bool | None]] = []
        fresh: list[Entry] = []
        unplaced: dict[tuple[str, str], list[Entry]] = {}
        pending: dict[tuple[str, str], set[Entry]] = {}
        candidates: dict[tuple[str, ...], Iterator[Entry]] = {}
        paired = self._pair(entries) if self.listening and not duplicate else {}
        used = set(paired.values())
        for entry in entries:
            entry.settled = not self.listening
            known = paired.get(entry) or self._find(entry.operation, duplicate, candidates, used)
            room -= known is None
            if known is None and room < 0:
                result.append((entry, None))
                continue
            result.append((known or entry, known is not None))
            key = (known or entry).operation.lane
            if known is None:
                unplaced.setdefault(key, []).append(entry)
                if entry.operation.id is not None:
                    self._by_id[_mark(entry.operation)] = entry
                else:
                    fresh.append(entry)
            elif known.operation in self._entries:
                known.awaited = False
                if known.executing in (Told.NO, Told.UNCERTAIN) or known.executing_in == self._asks:
                    self._place(key, unplaced.pop(key, []), before=known)
                # else 501 came before 500: the row may be another's, which says nothing of the order
                pending.setdefault(key, set()).add(known)
            elif known.answered is Told.YES and known.operation.id is not None:
                unplaced.setdefault(key, []).append(self._revive(known))
        for key, rest in unplaced.items():
            self._place(key, rest)
        for entry in fresh:  # now, since they are no repeats of each other
            self._by_row.setdefault(entry.operation.row, []).append(entry)
        for key, known_pending in pending.items():
            self._release(key, known_pending)
        return result

    def _pair(self, entries: list[Entry]) -> dict[Entry, Entry]:
        """What the order tells: which entry is the known one that waited when the connection broke."""
        lanes: dict[tuple[str, str], list[Entry]] = {}
        for entry in entries:
            if entry.operation.id is None and entry.operation.lane in self._lanes:
                lanes.setdefault(entry.operation.lane, []).append(entry)
        paired: dict[Entry, Entry] = {}
        for key, fresh in lanes.items():
            known = self._lanes[key].still_pending([_mark(entry.operation) for entry in fresh])
            paired.update(zip(fresh, known, strict=False))
        return paired

    def _find(
        self,
        operation: Operation,
        duplicate: bool,
        candidates: dict[tuple[str, ...], Iterator[Entry]],
        used: Container[Entry],
    ) -> Entry | None:
        """The known operation that this one repeats; `candidates` are those that no row of the payload has met yet."""
        if operation.id is not None:
            return self._by_id.get(_mark(operation)) or self._history.get(_mark(operation))
        if not (self.listening or duplicate):
            return None
        for entry in candidates.setdefault(operation.row, iter(list(self._by_row.get(operation.row, ())))):
            if entry in used or entry.operation.topic != operation.topic:
                continue
            if entry.awaited and entry.settled and entry.executing is Told.UNCERTAIN and not duplicate:
                continue  # its row would be the first
            held = entry.operation in self._entries
            late = self.listening and entry.finished_at >= self._asked_at
            if held or late or duplicate:
                if not duplicate:
                    entry.repeated = held
                    self.ask_again |= not held
                return entry
        return self._history.get(_mark(operation)) if duplicate else None

    def _revive(self, entry: Entry) -> Entry:
        """By ID it is certain that the platform has not seen the answer: it is given again, nothing is run again."""
        entry.executing = entry.answered = Told.NO
        if entry in self._finished:
            self._finished.remove(entry)
        self._by_id[_mark(entry.operation)] = entry
        return entry

    def _place(
        self, key: tuple[str, str], entries: list[Entry], before: Entry | None = None, *, first: bool = False
    ) -> None:
        if not entries:
            return
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(held=self.settling)
        self.touched[key] = lane
        self._entries.update((entry.operation, entry) for entry in entries)
        if before is None:
            if first:
                lane.entries.extendleft(entries)
            else:
                lane.entries.extend(entries)
            return
        if before.executing is Told.UNCERTAIN:  # both are pending: it never arrived
            before.executing = Told.NO
        elif before.executing is not Told.NO and entries[0].executing is Told.NO:  # it went to the oldest: another one
            entries[0].executing, before.executing = before.executing, Told.NO
            entries[0].executing_in = before.executing_in
        position = lane.entries.index(before)
        for entry in reversed(entries):
            lane.entries.insert(position, entry)

    def remove(self, entry: Entry, now: float) -> None:
        """Its answer is acknowledged."""
        self._drop(entry)
        entry.answered = Told.YES
        self.ask_again |= entry.repeated
        entry.repeated = False
        entry.finished_at = now
        self._finished.append(entry)
        self._prune(now)

    def _drop(self, entry: Entry) -> None:
        """Out of its lane."""
        operation = entry.operation
        lane = self._lanes[operation.lane]
        lane.entries.remove(entry)
        if lane.entries:
            self.touched[operation.lane] = lane
        else:
            del self._lanes[operation.lane]
            self.touched.pop(operation.lane, None)
        del self._entries[operation]

    def _forget(self, entry: Entry) -> None:
        """Out of what a row is compared with."""
        operation = entry.operation
        if operation.id is not None:
            del self._by_id[_mark(operation)]
        elif len(self._by_row[operation.row]) > 1:
            self._by_row[operation.row].remove(entry)
        else:
            del self._by_row[operation.row]

    def _prune(self, now: float) -> None:
        while self._finished and not self.listening and self._finished[0].finished_at < now - self.doubt:
            entry = self._finished.popleft()
            operation = entry.operation
            self._forget(entry)
            self._history[_mark(operation)] = entry
            self._history.move_to_end(_mark(operation))
            if len(self._history) > HISTORY:
                self._history.popitem(last=False)

    def asked(self, now: float) -> None:
        """500 is on its way: what is held may come once more."""
        self.end_listening(now)
        self._asked_at = now
        self._asks += 1
        self.listening = True
        self.ask_again = False

    def end_listening(self, now: float) -> None:
        """The answer of 500 has had its time."""
        self.listening = False
        self._prune(now)

    def release(self, now: float, *, uncertain: bool) -> None:
        """The answer of 500 should be here. With `uncertain` also lanes of which something was sent and is not known
        to have arrived: it has, or 500 would have brought the operation."""
        self.settling = False
        self._now = now
        for key, lane in list(self._lanes.items()):
            if lane.held and (uncertain or not any(entry.executing is Told.UNCERTAIN for entry in lane.entries)):
                self._release(key, ())

    def withdrawn(self) -> list[Entry]:
        """500 has had its time: what waited before it and was not brought is not PENDING any more, and is forgotten.

        Its turn would be another's: 501 takes the oldest. Should it come after all, it is a new one. Custom topics are
        left out, since nothing says that 500 brings theirs.
        """
        gone = [entry for entry in self if entry.awaited and not entry.started and entry.operation.topic == topics.ds()]
        for entry in self:
            entry.awaited = False
        for entry in gone:
            self._drop(entry)
            self._forget(entry)
        self.touched.update(self._lanes)
        return gone

    def _release(self, key: tuple[str, str], pending: Container[Entry]) -> None:
        lane = self._lanes[key]
        self.touched[key] = lane
        for entry in lane.release(pending):
            self.remove(entry, self._now)

    def disconnected(self, now: float) -> None:
        """What was sent and not surely taken is uncertain now; every lane waits for what 500 will tell."""
        self.end_listening(now)
        self.settling = True
        while self._finished and self._finished[-1].finished_at >= now - self.doubt:
            entry = self._finished.pop()
            entry.answered = Told.SENT
            self._place(entry.operation.lane, [entry], first=True)
        for entry in self:
            acknowledged = entry.executing is Told.YES and entry.executing_at >= now - self.doubt
            if entry.executing is Told.SENT or acknowledged:
                entry.executing = Told.UNCERTAIN
            if entry.answered is Told.SENT:
                entry.answered = Told.UNCERTAIN
            entry.awaited = entry.operation.id is None
        for lane in self._lanes.values():
            lane.held = True
        self.touched.update(self._lanes)


def _mark(operation: Operation) -> tuple[str, ...]:
    if operation.id is not None:
        return ("id", operation.device, operation.id)
    return ("row", operation.topic, *operation.row)
