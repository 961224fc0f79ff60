"""Operations as rows: each one run once, and answered with its own result. One lane for each device and fragment.

501 takes the oldest PENDING operation of a fragment, 502 and 503 the oldest EXECUTING one, and 500 brings those that
are PENDING, oldest first. A row has no number, so a lane never compares rows to find a repeat. It claims an operation
(501) and runs it once the claim is acknowledged; it has one claimed operation at a time; and it takes what 500 brings
as a whole list, or not at all. docs/device.md, "Once only", gives the rules with their reasons; the numbers in the
comments are theirs. Encodes nothing and has no clock.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import NamedTuple

from .operations import Operation
from .settings import Limits

HISTORY = 256  # rows that were claimed, and operations with an ID that were answered, that are remembered
EVIDENCE = 64  # rows in doubt that are compared with a list; with more, nothing is concluded
NEVER = float("inf")

Fingerprint = tuple[str, ...]


class Stage(Enum):
    """How far an operation is."""

    WAITING = "PENDING at the platform"
    CLAIMING = "501 is on its way"
    UNKNOWN = "the connection broke with 501 on its way"
    RUNNING = "EXECUTING, and the program has it"
    DONE = "has its answer, which is to be sent"
    ANSWERING = "the answer is on its way"
    ANSWERED = "the answer is acknowledged"


class Entry:
    """One operation and what is known of it. `claim` and `answer` are encoded rows."""

    __slots__ = (
        "answer",
        "answered_at",
        "claim",
        "claimed_at",
        "deadline",
        "lane",
        "limit",
        "number",
        "operation",
        "refusal",
        "reported",
        "stage",
        "started",
        "status",
        "sweep",
    )

    def __init__(self, operation: Operation, claim: bytes, refusal: str | None = None) -> None:
        self.operation = operation
        self.claim = claim  # the row 501 or 504
        self.refusal = refusal  # why it is answered 502 without being run
        self.lane: Lane
        self.number = 0  # in the order of arrival
        self.stage = Stage.WAITING
        self.started = False  # the program has it, or had it: it is never started again
        self.deadline: float | None = None  # for the answer
        self.limit = 0.0  # seconds that lead to it
        self.claimed_at = self.answered_at = -NEVER  # when that was acknowledged
        self.answer: bytes | None = None
        self.status = ""
        self.reported = False  # the program knows that it was answered
        self.sweep = False  # 507 follows its answer

    @property
    def fingerprint(self) -> Fingerprint:
        """All that tells this operation from others that have no ID."""
        return (self.operation.topic, *self.operation.row)

    @property
    def running(self) -> bool:
        """Whether it wants its answer."""
        return self.started and self.answer is None


class Resolution(NamedTuple):
    """What the answer of 500 tells of claims that a connection took with it."""

    arrived: list[Entry]  # claimed: to be run
    again: list[Entry]  # lost by a broker that had acknowledged them: to be claimed and answered again, not run again
    untold: list[Entry]  # it does not tell


class Lane:
    """The operations of one device and fragment.

    `queue`: surely PENDING, oldest first, those with an ID before others. `run`: the one that is claimed. `before`:
    answered so shortly before the connection broke that the broker may have lost it. `behind`: what may have waited
    when it broke, one tuple of fingerprints for each possibility; `None`: too many.
    """

    def __init__(self, key: tuple[str, str], topic: str, limit: int, fail: bytes) -> None:
        self.key = key
        self.topic = topic  # to answer on
        self.limit = limit  # bytes of an answer
        self.fail = fail  # the row 507
        self.queue: deque[Entry] = deque()
        self.run: Entry | None = None
        self.before: list[Entry] = []
        self.behind: set[tuple[Fingerprint, ...]] | None = set()
        self.unresolved = False  # what became of `before` and `run` is to be read from the next list
        self.failing = False  # 507 is to be sent, and to be acknowledged
        self.fail_sent = False
        self.doubt = False  # 500 is to be sent again
        self.crowded = False  # operations were left out for want of room: so are all younger ones
        self.window: list[list[Entry]] = []  # payloads since 500 was sent
        self.last: list[list[Fingerprint]] = []  # the window before, where it was not taken
        self.same = 0  # how often it came
        self.listed: tuple[Fingerprint, ...] = ()  # the list, while a push of one of them may still come
        self.extra: list[Fingerprint] = []  # rows in doubt: evidence only

    @property
    def waiting(self) -> Iterator[Entry]:
        """Entries of the queue that only a list can bring again."""
        return (entry for entry in self.queue if entry.operation.id is None and not entry.started)

    def accept(self, met: Callable[[Entry], bool], resolution: Resolution) -> None:
        """The time for the answer of 500 is over (rule 7). `met`: whether equal operations were seen."""
        kept = [entry for entry in self.queue if entry.operation.id is not None or entry.started]
        found = [entry for payload in self.window for entry in payload]
        fingerprints = [[entry.fingerprint for entry in payload] for payload in self.window]
        self.same = self.same + 1 if fingerprints == self.last else 1
        self.window = []
        # One payload is the answer. Of several, some may be pushes of operations that the answer lists as well; their
        # number at least halves with each equal window.
        if len(fingerprints) > 1 and self.same < 1 + len(found).bit_length():
            self.last, self.doubt, self.queue = fingerprints, True, deque(kept)
            return
        self.last, self.same = [], 0
        self.listed = tuple(entry.fingerprint for entry in found)
        back = self._resolve(_without_id(kept), met, resolution) if self.unresolved else _without_id(kept)
        if tuple(entry.fingerprint for entry in back) != self.listed[: len(back)]:
            for entry in back:  # withdrawn: there is nothing that could be answered
                entry.stage = Stage.ANSWERED
            back = []
        with_id = [entry for entry in kept if entry.operation.id is not None]
        self.queue = deque([*with_id, *back, *found[len(back) :]])

    def _resolve(self, again: list[Entry], met: Callable[[Entry], bool], resolution: Resolution) -> list[Entry]:
        """Read from the list what became of the claims that the connection took with it (rule 4).

        Returns those that turn out to be PENDING. `again`: those of which this was known before.
        """
        claimed = [*self.before, *([self.run] if self.run is not None else [])]
        known = [entry.fingerprint for entry in (*claimed, *again)]
        fit = [arrived for arrived in range(len(claimed) + 1) if self._fits(known[arrived:])]
        unknown = self.run is not None and self.run.stage is Stage.UNKNOWN
        likely = [arrived for arrived in fit if arrived >= len(claimed) - unknown]
        arrived = likely[0] if len(likely) == 1 else None if unknown else len(claimed)
        # A broker that dies may lose what it has acknowledged. Then the list begins with what was answered already.
        lost = next((arrived for arrived in fit if arrived < len(claimed) - unknown), None)
        if lost is not None and not any(met(entry) for entry in claimed[lost:]):
            arrived = lost
            resolution.again.extend(entry for entry in claimed[lost:] if entry.started)
        run, self.run, before, self.before, self.unresolved = self.run, None, self.before, [], False
        if arrived is None and run is not None:
            resolution.untold.append(run)
            if not before or len(claimed) - 1 not in fit or met(run):
                self.failing = True
                return again
            arrived = len(claimed) - 1  # 507 might fail what was answered before; so this one is run first
            run.sweep = True
        assert arrived is not None
        if arrived:
            self.run = claimed[arrived - 1]
            if self.run.stage is Stage.ANSWERED:
                self.run.stage = Stage.DONE  # its answer may be lost: given again, it finds this operation or none
            elif self.run.stage is Stage.UNKNOWN:
                resolution.arrived.append(self.run)
        for entry in claimed[arrived:]:
            entry.stage = Stage.WAITING
        return [*claimed[arrived:], *again]

    def _fits(self, claims: list[Fingerprint]) -> bool:
        """Whether the list begins with `claims` and what may have waited behind them."""
        begins = tuple(claims)
        return self.behind is not None and any(
            self.listed[: len(begins) + len(rest)] == begins + rest for rest in self.behind
        )

    def cut(self, now: float, doubt: float, *, settled: bool) -> None:
        """The connection broke. An acknowledgement of the last `doubt` seconds does not count."""
        run = self.run
        if run is not None and run.operation.id is None:
            if run.stage is Stage.CLAIMING:
                run.stage = Stage.UNKNOWN
            fresh = run.stage is Stage.UNKNOWN or run.claimed_at > now - doubt
        else:
            fresh = False
        if run is not None and run.stage in (Stage.ANSWERING, Stage.ANSWERED):
            run.stage = Stage.DONE
        if not self.unresolved:
            self.before = [entry for entry in self.before if entry.answered_at > now - doubt]
            self.unresolved = fresh or bool(self.before)
            self.behind = self._behind(settled) if self.unresolved else set()
        self.queue = deque(entry for entry in self.queue if entry.operation.id is not None or entry.started)
        self.window, self.last, self.same, self.listed, self.extra = [], [], 0, (), []
        self.doubt = self.crowded = self.fail_sent = False

    def _behind(self, settled: bool) -> set[tuple[Fingerprint, ...]] | None:
        """The queue, and behind it the rows in doubt, less those that were late pushes of what was listed."""
        if len(self.extra) > EVIDENCE:
            return None
        queue = tuple(entry.fingerprint for entry in self.waiting)
        behind = {queue + tuple(self.extra)}
        starts = list(range(len(self.listed)))  # where a run of late pushes may begin
        for count in range(1, len(self.extra) + 1):
            starts = [at for at in starts if self.listed[at + count - 1 : at + count] == (self.extra[count - 1],)]
            if any(not settled or at + count == len(self.listed) for at in starts):
                behind.add(queue + tuple(self.extra[count:]))
        return behind

    def take(self, entry: Entry, *, opened: bool) -> bool:
        """A row that comes when no answer of 500 is awaited (rule 8); whether it is in the queue now."""
        if self.doubt or (opened and entry.fingerprint in self.listed):
            self.doubt = True
            self.extra.append(entry.fingerprint)
            del self.extra[EVIDENCE + 1 :]
            return False
        self.listed = ()  # it is new, and so is all that comes after it
        self.queue.append(entry)
        return True

    @property
    def idle(self) -> bool:
        """Whether there is nothing to remember."""
        return not (
            self.queue
            or self.run
            or self.before
            or self.unresolved
            or self.failing
            or self.doubt
            or self.crowded
            or self.window
            or self.last
            or self.listed
        )


class Phase(Enum):
    """Of the question 500 on this connection."""

    OFF = "not asked"
    ASKED = "its answer is awaited: no 501 is sent"
    OPEN = "answered; late pushes of what the answer holds may still come"
    SURE = "whatever comes is new"


class Lanes:
    """All operations that are held."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.phase = Phase.OFF
        self.due = NEVER  # when `tick` wants to be called
        self.touched: dict[tuple[str, str], Lane] = {}  # lanes that may have something to send
        self.claiming = 0  # claims without an ID on their way
        self._settle_at = NEVER
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._held = 0  # entries in queues, in windows, and claimed
        self._entries: dict[Operation, Entry] = {}  # those that the program has
        self._by_id: dict[tuple[str, str], Entry] = {}
        self._history: OrderedDict[tuple[str, str], Entry] = OrderedDict()  # answered, with an ID
        self._met: OrderedDict[Fingerprint, tuple[int, bool]] = OrderedDict()  # claimed rows; whether more than once
        self._answered: deque[Entry] = deque()  # so lately that the acknowledgement may not count
        self._asking: dict[tuple[str, str], Lane] = {}  # lanes in doubt, or crowded
        self._numbers = 0

    def __len__(self) -> int:
        return self._held

    def __iter__(self) -> Iterator[Entry]:
        """What is held, oldest first."""
        entries = [
            entry
            for lane in self._lanes.values()
            for entry in (*([lane.run] if lane.run else []), *lane.queue, *(e for p in lane.window for e in p))
        ]
        return iter(sorted(entries, key=lambda entry: entry.number))

    def lane(self, key: tuple[str, str]) -> Lane | None:
        return self._lanes.get(key)

    def entry(self, operation: Operation) -> Entry | None:
        """The entry of an operation that the program has."""
        return self._entries.get(operation)

    @property
    def busy(self) -> bool:
        """Whether something is claimed, runs, or waits for its acknowledgement."""
        return bool(self._entries) or any(lane.run or lane.failing or lane.unresolved for lane in self._lanes.values())

    # What arrives

    def receive(self, found: list[tuple[Lane, Entry]], *, duplicate: bool) -> tuple[list[Entry], list[Entry]]:
        """The operations of one payload. Returns those that repeat one by its ID, and those for which there is no room.

        A payload that MQTT marks as a duplicate is ignored, but for operations with an ID: the 500 of this connection
        brings whatever was not seen before (rule 9).
        """
        repeated: list[Entry] = []
        left: list[Entry] = []
        payloads: dict[tuple[str, str], list[Entry]] = {}
        for lane, entry in found:
            with_id = entry.operation.id is not None
            known_by_id = self._repeated(entry, lane) if with_id else None
            if known_by_id is not None:
                repeated.append(known_by_id)
                continue
            if duplicate and not with_id:
                continue
            known = self._lanes.setdefault(lane.key, lane)
            if known.crowded or self._held >= self.limits.operations:
                known.crowded = True
                self._asking[known.key] = known
                left.append(entry)
                continue
            self._number(entry, known)
            if with_id:
                self._by_id[_id(entry)] = entry
                known.queue.append(entry)
            elif self.phase in (Phase.OFF, Phase.ASKED):
                payloads.setdefault(known.key, []).append(entry)
            elif not known.take(entry, opened=self.phase is Phase.OPEN):
                self._asking[known.key] = known
                continue
            self._held += 1
            self.touched[known.key] = known
        for key, entries in payloads.items():
            self._lanes[key].window.append(entries)
        return repeated, left

    def _number(self, entry: Entry, lane: Lane) -> None:
        self._numbers += 1
        entry.number, entry.lane = self._numbers, lane

    def _repeated(self, entry: Entry, lane: Lane) -> Entry | None:
        """By its ID it is certain. If it was answered, the platform has not seen that: it is answered again."""
        key = _id(entry)
        held = self._by_id.get(key)
        if held is not None:
            if self.phase is Phase.ASKED and held.stage in (Stage.RUNNING, Stage.DONE) and held.lane.run is held:
                held.stage, held.lane.run = Stage.WAITING, None  # still PENDING: the claim was lost
                held.lane.queue.appendleft(held)
                self.touched[held.lane.key] = held.lane
            return held
        answered = self._history.pop(key, None)
        if answered is None:
            return None
        known = self._lanes.setdefault(lane.key, lane)
        self._number(answered, known)
        answered.stage = Stage.WAITING
        self._by_id[key] = answered
        self._entries[answered.operation] = answered
        known.queue.append(answered)
        self._held += 1
        self.touched[known.key] = known
        return answered

    # The question 500

    @property
    def wants_to_ask(self) -> bool:
        """Whether 500 is due. No 501 is sent until it has been asked and answered."""
        if self.phase is not Phase.SURE:
            return False
        room = self._held <= self.limits.operations // 2
        return any(lane.doubt or room for lane in self._asking.values())

    def asked(self) -> None:
        """500 is on its way: from now on what comes is collected."""
        self.phase, self.due, self._settle_at = Phase.ASKED, NEVER, NEVER
        for lane in self._asking.values():
            lane.doubt = lane.crowded = False
            lane.extra = []
        self._asking.clear()
        self._recount()

    def _recount(self) -> None:
        self._held = sum(bool(lane.run) + len(lane.queue) + sum(map(len, lane.window)) for lane in self._lanes.values())
        if self.phase is Phase.ASKED:  # the list brings them again
            self._held -= sum(1 for lane in self._lanes.values() for _ in lane.waiting)

    def asked_acknowledged(self, now: float) -> None:
        """The platform has 500: its answer is complete after `grace`; pushes of what it lists come until `settle`."""
        if self.phase is Phase.ASKED:
            self.due, self._settle_at = now + self.limits.grace, now + self.limits.settle

    def tick(self, now: float) -> Resolution:
        """Time has passed."""
        resolution = Resolution([], [], [])
        if self.phase is Phase.ASKED and now >= self.due:
            self.phase, self.due = Phase.OPEN, self._settle_at
            for lane in self._lanes.values():
                lane.accept(self._is_met, resolution)
                if lane.doubt or lane.crowded:
                    self._asking[lane.key] = lane
            for entry in [entry for entry in self._entries.values() if entry.stage is Stage.ANSWERED]:
                del self._entries[entry.operation]  # withdrawn
            self._recount()
            self.touched.update(self._lanes)
        if self.phase is Phase.OPEN and now >= self.due:
            self.phase, self.due = Phase.SURE, NEVER
            self._prune(now)
            for lane in list(self._lanes.values()):
                if not lane.doubt:
                    lane.listed = ()
                self._forget_idle(lane)
            self.touched.update(self._lanes)
        return resolution

    def _is_met(self, entry: Entry) -> bool:
        """Whether its row was claimed more than once, or is listed more than once: an equal one is likely."""
        return self._met.get(entry.fingerprint, (0, False))[1] or entry.lane.listed.count(entry.fingerprint) > 1

    def cut(self, now: float) -> None:
        """The connection broke."""
        settled = self.phase is Phase.SURE
        self.phase, self.due, self._settle_at, self.claiming = Phase.OFF, NEVER, NEVER, 0
        for lane in list(self._lanes.values()):
            run = lane.run
            lane.cut(now, self.limits.doubt, settled=settled)
            if run is not None and run.stage is Stage.CLAIMING:  # by its ID it can be claimed again
                run.stage, lane.run = Stage.WAITING, None
                lane.queue.appendleft(run)
            self._forget_idle(lane)
        self._answered.clear()
        self._asking.clear()
        self._recount()
        self.touched = dict(self._lanes)

    # The way of one operation

    def next_claim(self, lane: Lane) -> Entry | None:
        """The operation to be claimed now, if any."""
        if lane.run is not None or lane.failing or lane.unresolved or not lane.queue:
            return None
        entry = lane.queue[0]
        if entry.operation.id is None and (self.phase in (Phase.OFF, Phase.ASKED) or self.wants_to_ask):
            return None
        return entry

    def claim(self, entry: Entry) -> None:
        """501 or 504 is on its way."""
        lane = entry.lane
        lane.queue.popleft()
        lane.run, entry.stage = entry, Stage.CLAIMING
        if entry.operation.id is None:
            self.claiming += 1
            first, more = self._met.pop(entry.fingerprint, (entry.number, False))
            self._met[entry.fingerprint] = first, more or first != entry.number
            if len(self._met) > HISTORY:
                self._met.popitem(last=False)

    def claimed(self, entry: Entry, now: float) -> bool:
        """It is EXECUTING (rule 1); whether the program is to get it now."""
        if entry.stage is not Stage.CLAIMING:
            return False
        self.claiming -= entry.operation.id is None
        entry.claimed_at = now
        return self.began(entry)

    def began(self, entry: Entry) -> bool:
        entry.stage = Stage.RUNNING if entry.answer is None else Stage.DONE
        self.touched[entry.lane.key] = entry.lane
        first, entry.started = not entry.started, True
        self._entries[entry.operation] = entry
        return first

    def answer(self, entry: Entry, payload: bytes, status: str) -> None:
        """The program has answered."""
        entry.answer, entry.status = payload, status
        if entry.stage is Stage.RUNNING:
            entry.stage = Stage.DONE
            self.touched[entry.lane.key] = entry.lane

    def next_answer(self, lane: Lane) -> Entry | None:
        """The operation whose answer is to be sent now, if any."""
        if lane.unresolved or lane.failing or lane.run is None or lane.run.stage is not Stage.DONE:
            return None
        return lane.run

    def answered(self, entry: Entry, now: float) -> None:
        """The answer is acknowledged: the next may be claimed (rule 2)."""
        if entry.stage is not Stage.ANSWERING:
            return
        lane = entry.lane
        entry.stage, entry.answered_at = Stage.ANSWERED, now
        lane.run, lane.failing = None, entry.sweep
        self._held -= 1
        self._entries.pop(entry.operation, None)
        if entry.operation.id is not None:
            self._by_id.pop(_id(entry), None)
            self._history[_id(entry)] = entry
            if len(self._history) > HISTORY:
                self._history.popitem(last=False)
        elif self.limits.doubt:
            lane.before.append(entry)
            self._answered.append(entry)
        self.touched[lane.key] = lane
        self._prune(now)
        self._forget_idle(lane)

    def _prune(self, now: float) -> None:
        """Forget what was answered so long ago that its acknowledgement counts."""
        while self._answered and self._answered[0].answered_at <= now - self.limits.doubt:
            entry = self._answered.popleft()
            if entry in entry.lane.before:
                entry.lane.before.remove(entry)
                self._forget_idle(entry.lane)

    def failed(self, lane: Lane) -> None:
        """507 is acknowledged."""
        lane.failing = lane.fail_sent = False
        self.touched[lane.key] = lane
        self._forget_idle(lane)

    def _forget_idle(self, lane: Lane) -> None:
        if lane.idle:
            self._lanes.pop(lane.key, None)
            self.touched.pop(lane.key, None)


def _without_id(entries: Iterable[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.operation.id is None]


def _id(entry: Entry) -> tuple[str, str]:
    assert entry.operation.id is not None
    return entry.operation.device, entry.operation.id
