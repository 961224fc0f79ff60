"""Runs each operation once and answers it with its own result. One lane per device and fragment.

501 claims the oldest PENDING operation of a fragment, 502 and 503 answer the oldest EXECUTING one, and 500 lists the
PENDING ones, oldest first. Rows have no sequence number, so a lane never compares rows to detect a repeat. It claims an
operation (501) and runs it once the claim is acknowledged, holds one claim at a time, and takes the list that 500
brings whole or not at all. docs/session.md, "Once only", gives the rules and their reasons; comments here cite its
numbers. Encodes nothing and has no clock.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import NamedTuple

from .operations import Operation
from .settings import Limits

HISTORY = 256  # claimed rows, and answered operations with an ID, to remember
EVIDENCE = 64  # rows in doubt to compare with a list; with more, draw no conclusion
NEVER = float("inf")

Fingerprint = tuple[str, ...]


class Stage(Enum):
    """The progress of an operation."""

    WAITING = "PENDING at the platform"
    CLAIMING = "501 is in flight"
    UNKNOWN = "the connection broke with 501 in flight"
    RUNNING = "EXECUTING, and given to the program"
    DONE = "the answer must be sent"
    ANSWERING = "the answer is in flight"
    ANSWERED = "the answer is acknowledged"


class Entry:
    """One operation and its state. `claim` and `answer` are encoded rows."""

    __slots__ = (
        "answer", "answered_at", "asks", "claim", "claimed_at", "deadline", "lane", "limit",
        "number", "operation", "refusal", "reported", "stage", "started", "status", "sweep",
    )  # fmt: skip

    def __init__(self, operation: Operation, claim: bytes, refusal: str | None = None) -> None:
        self.operation = operation
        self.claim = claim  # the row 501 or 504
        self.refusal = refusal  # if set, answer 502 with this reason instead of running it
        self.lane: Lane
        self.number = 0  # in the order of arrival
        self.stage = Stage.WAITING
        self.started = False  # given to the program, which must happen only once
        self.deadline: float | None = None  # for the answer
        self.limit = 0.0  # the seconds allowed
        self.claimed_at = self.answered_at = -NEVER  # time of the acknowledgement
        self.asks = 0  # how often 500 had been sent when its claim or answer was acknowledged
        self.answer: bytes | None = None
        self.status = ""
        self.reported = False  # `OperationAnswered` was emitted
        self.sweep = False  # send 507 after its answer

    @property
    def fingerprint(self) -> Fingerprint:
        """All that distinguishes this operation from others without an ID."""
        return (self.operation.topic, *self.operation.lasting)

    @property
    def running(self) -> bool:
        """Whether it was started and has no answer yet."""
        return self.started and self.answer is None


class Resolution(NamedTuple):
    """The fate, according to the answer to 500, of claims that were in flight when a connection broke."""

    arrived: list[Entry]  # claimed: run them
    again: list[Entry]  # acknowledged, then lost by the broker: claim and answer again, do not run again
    untold: list[Entry]  # undecided


class Lane:
    """The operations of one device and fragment.

    `queue`: known to be PENDING, oldest first, those with an ID first. `run`: the claimed one. `before`: answered so
    shortly before the connection broke that the broker may have lost the answer. `behind`: the possible queues at that
    moment, one tuple of fingerprints each; `None`: too many.
    """

    def __init__(self, key: tuple[str, str], topic: str, limit: int) -> None:
        self.key = key
        self.topic = topic  # for answers
        self.limit = limit  # bytes in an answer
        self.queue: deque[Entry] = deque()
        self.run: Entry | None = None
        self.before: list[Entry] = []
        self.behind: set[tuple[Fingerprint, ...]] | None = set()
        self.unresolved = False  # the next list will decide the fate of `before` and `run`
        self.trusted = 0  # how many of them were claimed so long before that no broker can have lost the claim
        self.failing = False  # 507 must be sent and acknowledged
        self.fail_sent = False
        self.fail: bytes | None = None  # the row 507, once it was needed
        self.unanswered = False  # 507 fails what has run and whose answer was given up
        self.deaths: dict[str, int] = {}  # connections in a row that died with a row of this purpose on its way
        self.suspect: set[str] = set()  # purposes whose rows go alone, since two connections died with one
        self.given_up: set[str] = set()  # purposes ("claim", "fail") whose rows are not sent: servers hang up on them
        self.doubt = False  # 500 must be sent again
        self.crowded = False  # an operation was left out for lack of room, so younger ones must be too
        self.window: list[list[Entry]] = []  # payloads since 500 was sent
        self.last: list[list[Fingerprint]] = []  # the previous window, if it was rejected
        self.same = 0  # how often that window came
        self.listed: tuple[Fingerprint, ...] = ()  # the list, while late pushes of its rows may still come
        self.extra: list[Fingerprint] = []  # rows in doubt: evidence only

    @property
    def waiting(self) -> Iterator[Entry]:
        """Queued entries that only another list can restore."""
        return (entry for entry in self.queue if entry.operation.id is None and not entry.started)

    def accept(self, met: Callable[[Entry], bool], resolution: Resolution) -> None:
        """The time for the answer to 500 is over (rule 7). `met`: whether equal operations were seen."""
        kept = [entry for entry in self.queue if entry.operation.id is not None or entry.started]
        found = [entry for payload in self.window for entry in payload]
        fingerprints = [[entry.fingerprint for entry in payload] for payload in self.window]
        self.same = self.same + 1 if fingerprints == self.last else 1
        self.window = []
        # A single payload is the answer. Among several, some may be pushes of operations that the answer lists too.
        # Each further equal window at least halves the number of possible pushes.
        if len(fingerprints) > 1 and self.same < 1 + len(found).bit_length():
            self.last, self.doubt, self.queue = fingerprints, True, deque(kept)
            return
        self.last, self.same = [], 0
        self.listed = tuple(entry.fingerprint for entry in found)
        back = self._resolve(_without_id(kept), met, resolution) if self.unresolved else _without_id(kept)
        if tuple(entry.fingerprint for entry in back) != self.listed[: len(back)]:
            for entry in back:  # withdrawn at the platform: nothing left to answer
                entry.stage = Stage.ANSWERED
            back = []
        with_id = [entry for entry in kept if entry.operation.id is not None]
        self.queue = deque([*with_id, *back, *found[len(back) :]])

    def _resolve(self, again: list[Entry], met: Callable[[Entry], bool], resolution: Resolution) -> list[Entry]:
        """Decide from the list which claims arrived before the connection broke (rule 4).

        Returns the operations that are PENDING. `again`: those already known to be.
        """
        claimed = [*self.before, *([self.run] if self.run is not None else [])]
        known = [entry.fingerprint for entry in (*claimed, *again)]
        fit = [arrived for arrived in range(len(claimed) + 1) if self._fits(known[arrived:])]
        unknown = self.run is not None and self.run.stage is Stage.UNKNOWN
        likely = [arrived for arrived in fit if arrived >= len(claimed) - unknown]
        arrived = likely[0] if len(likely) == 1 else None if unknown else len(claimed)
        # A dying broker may lose rows that it has acknowledged. The list then begins with operations already answered.
        lost = next((arrived for arrived in fit if self.trusted <= arrived < len(claimed) - unknown), None)
        if lost is not None and not any(met(entry) for entry in claimed[lost:]):
            arrived = lost
            resolution.again.extend(entry for entry in claimed[lost:] if entry.started)
            if self.run is not None and self.run.started:
                self.run.sweep = (
                    True  # if its claim did arrive, the second one takes an equal operation, which 507 fails
                )
        run, self.run, before, self.before, self.unresolved = self.run, None, self.before, [], False
        if arrived is None and run is not None:
            resolution.untold.append(run)
            if not before or len(claimed) - 1 not in fit or met(run):
                self.failing = True
                return again
            arrived = len(claimed) - 1  # 507 now might fail the one answered before, so run this one first
            run.sweep = True
        assert arrived is not None
        if arrived:
            self.run = claimed[arrived - 1]
            if self.run.stage is Stage.ANSWERED:
                self.run.stage = Stage.DONE  # its answer may be lost; a repeat hits this operation or none
            elif self.run.stage is Stage.UNKNOWN:
                resolution.arrived.append(self.run)
        for entry in claimed[arrived:]:
            entry.stage = Stage.WAITING
        return [*claimed[arrived:], *again]

    def _fits(self, claims: list[Fingerprint]) -> bool:
        """Whether the list begins with `claims` followed by a possible queue."""
        begins = tuple(claims)
        return self.behind is not None and any(
            self.listed[: len(begins) + len(rest)] == begins + rest for rest in self.behind
        )

    def cut(self, now: float, doubt: float, *, settled: bool) -> None:
        """The connection broke. Acknowledgements of the last `doubt` seconds are not trusted."""
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
            claimed = [*self.before, *([run] if run is not None else [])]
            self.trusted = sum(-NEVER < entry.claimed_at <= now - doubt for entry in claimed)
        self.queue = deque(entry for entry in self.queue if entry.operation.id is not None or entry.started)
        self.window, self.last, self.same, self.listed, self.extra = [], [], 0, (), []
        self.doubt = self.crowded = self.fail_sent = False

    def _behind(self, settled: bool) -> set[tuple[Fingerprint, ...]] | None:
        """The possible queues: `queue`, then the rows in doubt, less those that may be late pushes of listed rows."""
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
        """A row arrived while no answer to 500 was awaited (rule 8). Returns whether it was queued."""
        if self.doubt or (opened and entry.fingerprint in self.listed):
            self.doubt = True
            self.extra.append(entry.fingerprint)
            del self.extra[EVIDENCE + 1 :]
            return False
        self.listed = ()  # this row is new, so all later ones are
        self.queue.append(entry)
        return True

    def passed(self, purpose: str) -> None:
        """The platform has taken a row of this purpose."""
        self.deaths.pop(purpose, None)
        self.suspect.discard(purpose)

    @property
    def idle(self) -> bool:
        """Whether the lane can be forgotten."""
        return not (
            self.queue
            or self.run
            or self.before
            or self.unresolved
            or self.failing
            or self.suspect
            or self.doubt
            or self.crowded
            or self.window
            or self.last
            or self.listed
        )


class Phase(Enum):
    """The state of request 500 on this connection."""

    OFF = "not sent"
    ASKED = "the answer is awaited: no 501 is sent"
    OPEN = "answered; late pushes of listed operations may still arrive"
    SURE = "every arrival is new"


class Lanes:
    """All operations held."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.phase = Phase.OFF
        self.due = NEVER  # time of the next `tick`
        self.touched: dict[tuple[str, str], Lane] = {}  # lanes that may have something to send
        self.barred: set[tuple[str, ...]] = set()  # lanes, and devices, that claim nothing
        self.claiming = 0  # claims in flight of operations without an ID
        self._settle_at = NEVER
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._held = 0  # entries queued, in windows, and claimed
        self._entries: dict[Operation, Entry] = {}  # those given to the program
        self._by_id: dict[tuple[str, str], Entry] = {}
        self._history: OrderedDict[tuple[str, str], Entry] = OrderedDict()  # answered, with an ID
        self._met: OrderedDict[Fingerprint, tuple[int, bool]] = OrderedDict()  # claimed rows; whether more than once
        self._answered: deque[Entry] = deque()  # so recently that the acknowledgement is not trusted yet
        self._asking: dict[tuple[str, str], Lane] = {}  # lanes in doubt, or crowded
        self._numbers = 0
        self._asks = 0  # how often 500 was sent

    def __len__(self) -> int:
        return self._held

    def __iter__(self) -> Iterator[Entry]:
        """The entries held, oldest first."""
        entries = [
            entry
            for lane in self._lanes.values()
            for entry in (*([lane.run] if lane.run else []), *lane.queue, *(e for p in lane.window for e in p))
        ]
        return iter(sorted(entries, key=lambda entry: entry.number))

    def lane(self, key: tuple[str, str]) -> Lane | None:
        return self._lanes.get(key)

    def entry(self, operation: Operation) -> Entry | None:
        """The entry of an operation that was given to the program."""
        return self._entries.get(operation)

    @property
    def busy(self) -> bool:
        """Whether anything is claimed, running or unacknowledged."""
        return bool(self._entries) or any(
            lane.run or lane.unresolved or (lane.failing and "fail" not in lane.given_up)
            for lane in self._lanes.values()
        )

    # Arrivals

    def receive(self, found: list[tuple[Lane, Entry]], *, duplicate: bool) -> tuple[list[Entry], list[Entry]]:
        """Accept the operations of one payload. Returns the repeats (by ID), and those that found no room.

        In a payload marked as an MQTT duplicate only operations with an ID count: the 500 of this connection lists
        whatever was not seen before (rule 9).
        """
        repeated: list[Entry] = []
        left: list[Entry] = []
        payloads: dict[tuple[str, str], list[Entry]] = {}
        for lane, entry in found:
            with_id = entry.operation.id is not None
            known_by_id = self._repeated(entry) if with_id else None
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

    def _repeated(self, entry: Entry) -> Entry | None:
        """Find a repeat by its ID. Unless the list may be older, the platform has missed the claim or answer: again."""
        key = _id(entry)
        held = self._by_id.get(key)
        if held is not None:
            listed = self.phase is Phase.ASKED and held.asks < self._asks
            if listed and held.stage in (Stage.RUNNING, Stage.DONE) and held.lane.run is held:
                held.stage, held.lane.run = Stage.WAITING, None  # still PENDING: the claim was lost
                held.lane.queue.appendleft(held)
                self.touched[held.lane.key] = held.lane
            return held
        answered = self._history.get(key)
        if answered is None or (answered.asks == self._asks and self.phase is not Phase.SURE):
            return answered
        self._again(answered)
        return answered

    def _again(self, answered: Entry) -> None:
        """Claim and answer an operation with an ID once more, without running it."""
        del self._history[_id(answered)]
        lane = self._lanes.setdefault(answered.lane.key, answered.lane)
        self._number(answered, lane)
        answered.stage = Stage.WAITING
        self._by_id[_id(answered)] = answered
        self._entries[answered.operation] = answered
        lane.queue.append(answered)
        self._held += 1
        self.touched[lane.key] = lane

    # Request 500

    @property
    def settled(self) -> bool:
        """Whether 500 was answered long enough ago that every arrival is new."""
        return self.phase is Phase.SURE

    @property
    def wants_to_ask(self) -> bool:
        """Whether 500 is due. No 501 is sent until 500 is answered."""
        if self.phase is not Phase.SURE:
            return False
        room = self._held <= self.limits.operations // 2
        return any(lane.doubt or room for lane in self._asking.values())

    def asked(self) -> None:
        """500 was sent: collect arrivals from now on."""
        self.phase, self.due, self._settle_at = Phase.ASKED, NEVER, NEVER
        self._asks += 1
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
        """500 is acknowledged: its answer is complete after `grace`, late pushes of listed rows end after `settle`."""
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
        """Whether an equal operation is likely: its row was claimed, or is listed, more than once."""
        return self._met.get(entry.fingerprint, (0, False))[1] or entry.lane.listed.count(entry.fingerprint) > 1

    def cut(self, now: float, *, blamed: bool) -> None:
        """The connection broke; `blamed`: on a row that was alone on its way.

        What was given up is tried again after a connection that settled and broke for no such reason.
        """
        settled = self.phase is Phase.SURE
        self.phase, self.due, self._settle_at, self.claiming = Phase.OFF, NEVER, NEVER, 0
        for lane in list(self._lanes.values()):
            run = lane.run
            if settled and not blamed:
                lane.given_up.clear()
            lane.cut(now, self.limits.doubt, settled=settled)
            if run is not None and run.stage is Stage.CLAIMING:  # it has an ID, so it is safe to claim again
                run.stage, lane.run = Stage.WAITING, None
                lane.queue.appendleft(run)
            self._forget_idle(lane)
        for entry in [each for each in self._history.values() if each.answered_at > now - self.limits.doubt]:
            self._again(entry)  # the broker may have lost an answer that it acknowledged so shortly before
        self._answered.clear()
        self._asking.clear()
        self._recount()
        self.touched = dict(self._lanes)

    # One operation, step by step

    def bar(self, barred: set[tuple[str, ...]]) -> None:
        """Claim nothing of these lanes and devices: an operation of an earlier run may be EXECUTING there."""
        self.barred = barred
        self.touched.update(self._lanes)

    def next_claim(self, lane: Lane) -> Entry | None:
        """The operation to be claimed now, if any."""
        if lane.run is not None or lane.failing or lane.unresolved or lane.given_up or not lane.queue:
            return None
        if self.barred and (lane.key in self.barred or lane.key[:1] in self.barred):
            return None
        entry = lane.queue[0]
        if entry.operation.id is None and (self.phase in (Phase.OFF, Phase.ASKED) or self.wants_to_ask):
            return None
        return entry

    def claim(self, entry: Entry) -> None:
        """501 or 504 was sent."""
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
        """The claim is acknowledged, so it is EXECUTING (rule 1). Returns whether to start it."""
        if entry.stage is not Stage.CLAIMING:
            return False
        self.claiming -= entry.operation.id is None
        entry.claimed_at, entry.asks = now, self._asks
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
        """The operation whose answer to send now, if any."""
        if lane.unresolved or lane.failing or lane.run is None or lane.run.stage is not Stage.DONE:
            return None
        return lane.run

    def answered(self, entry: Entry, now: float) -> None:
        """The answer is acknowledged: the lane may claim its next operation (rule 2)."""
        if entry.stage is not Stage.ANSWERING:
            return
        lane = entry.lane
        entry.answered_at, entry.asks = now, self._asks
        self._end(entry, failing=entry.sweep)
        if entry.operation.id is None and self.limits.doubt:
            lane.before.append(entry)
            self._answered.append(entry)
        self._prune(now)
        self._forget_idle(lane)

    def unanswered(self, entry: Entry) -> None:
        """Its answer is given up: 507 fails it before anything younger is claimed (rule 2)."""
        lane = entry.lane
        lane.unanswered = bool(entry.operation.fragment)  # without one its ID is the answer's, and meets no other
        self._end(entry, failing=lane.unanswered)
        self._forget_idle(lane)

    def _end(self, entry: Entry, *, failing: bool) -> None:
        lane = entry.lane
        entry.stage = Stage.ANSWERED
        lane.run, lane.failing = None, failing
        self._held -= 1
        self._entries.pop(entry.operation, None)
        if entry.operation.id is not None:
            self._by_id.pop(_id(entry), None)
            self._history[_id(entry)] = entry
            if len(self._history) > HISTORY:
                self._history.popitem(last=False)
        self.touched[lane.key] = lane

    def _prune(self, now: float) -> None:
        """Forget answers whose acknowledgement is old enough to be trusted."""
        while self._answered and self._answered[0].answered_at <= now - self.limits.doubt:
            entry = self._answered.popleft()
            if entry in entry.lane.before:
                entry.lane.before.remove(entry)
                self._forget_idle(entry.lane)

    def failed(self, lane: Lane) -> None:
        """507 is acknowledged."""
        lane.failing = lane.fail_sent = lane.unanswered = False
        lane.fail = None
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
