"""A model of the platform's operations around a real `Session`, and a search through all that can happen to both.

One device has operations of two fragments, each with one of two payloads, so rows are often equal. The link is first
in, first out; when it breaks, payloads that the platform has not taken are lost. From every state each action is tried:
an operation is created, a push or a payload of an answer arrives, an acknowledgement comes back, the time for 500 ends,
a handler ends, the connection breaks or is opened again, the memory is lost. `explore` continues until it finds no new
state; only the faults are bounded. `walk` goes far beyond that at random.

It is a `Violation` if a handler starts while its operation is not the only one EXECUTING; an operation runs twice; a
result reaches another operation; an operation that ran is failed as not run; an operation never ends.
"""

from __future__ import annotations

import copy
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from smartrest import decode, encode
from smartrest.device import (
    Connect,
    Event,
    Limits,
    Operation,
    OperationReceived,
    OperationUntold,
    Publish,
    Session,
    State,
    Subscribe,
)
from smartrest.device.lanes import Phase
from smartrest.mqtt import Backoff

PAYLOADS = {"a": ("511", "dev", "a"), "b": ("511", "dev", "b"), "r": ("510", "dev")}
FRAGMENTS = {"511": "c8y_Command", "510": "c8y_Restart"}
LIMITS = Limits(operation=None, acknowledge=1e9, doubt=0.0, hang_ups=2, backoff=Backoff(1.0, 1.0))
NOT_RUN = "Not run"  # the start of the text of 507 for an undecided operation
Operation.__deepcopy__ = lambda self, memo: self  # type: ignore[attr-defined]  # frozen, and compared by identity


class Violation(Exception):
    """A broken promise of those above."""


class Budget(NamedTuple):
    """Limits for faults, and for other events that make histories long."""

    creates: int = 0
    cuts: int = 0
    losses: int = 0  # of memory
    duplicates: int = 0  # pushes repeated with the DUP flag
    payloads: str = "ab"
    split: bool = False  # the answer to 500 may take a payload for each row


class World:
    """The platform, the session, and the link between them with its payloads in flight."""

    def __init__(self, budget: Budget) -> None:
        self.left = budget
        self.session = _session()
        self.told: Counter[str] = Counter()
        self.ops: list[tuple[str, str, int]] = []  # payload; P, E, S, F, or X for failed by 507; number of runs
        self.online = False
        self.up: list[Publish] = []
        self.acks: list[int] = []
        self.pushes: list[tuple[int, bool]] = []  # operation, DUP
        self.answers: list[bytes] = []
        self.snap = -1  # the number of operations when 500 was taken
        self.running: dict[int, Operation] = {}
        self.results: dict[Operation, int] = {}  # the operation that a row without text answers

    def copy(self) -> World:
        new = copy.copy(self)
        new.told = self.told.copy()
        for name in ("ops", "up", "acks", "pushes", "answers", "running", "results"):
            setattr(new, name, copy.copy(getattr(self, name)))
        new.session = copy.copy(self.session)
        flow, shared = self.session._flow, self.session
        keep = (shared.limits, shared._prefix, flow.outbox, flow.budget)
        new.session._flow = copy.deepcopy(flow, {id(thing): thing for thing in keep})
        new.session._subscriptions = copy.deepcopy(shared._subscriptions)
        for name in ("_opening", "_left_over"):
            thing = getattr(shared, name)
            setattr(new.session, name, copy.deepcopy(thing, {id(thing._budget): thing._budget}))
        return new

    def key(self) -> tuple[Any, ...]:
        """All that the future depends on, without times and counters."""
        flow = self.session._flow
        lanes = []
        for name, lane in flow.lanes._lanes.items():
            run = lane.run and (lane.run.fingerprint, lane.run.stage, lane.run.started, lane.run.answer)
            queue = tuple((entry.fingerprint, entry.started) for entry in lane.queue)
            window = tuple(tuple(entry.fingerprint for entry in payload) for payload in lane.window)
            last = tuple(map(tuple, lane.last))
            flags = (lane.unresolved, lane.failing, lane.fail_sent, lane.doubt, lane.same, lane.listed)
            behind = frozenset(lane.behind or ()) if lane.unresolved else None
            deaths = tuple(sorted(lane.deaths.items())), frozenset(lane.suspect), frozenset(lane.given_up)
            lanes.append((name, run, queue, window, last, flags, tuple(lane.extra), behind, deaths, lane.unanswered))
        kinds = {
            id: (flight.purpose, flight.entry and flight.entry.fingerprint) for id, flight in flow.in_flight.items()
        }
        up = tuple((kinds.get(action.id), action.payload) for action in self.up)
        acks = tuple(kinds.get(id) for id in self.acks)
        opening, left_over = self.session._opening, self.session._left_over
        waits = tuple(map(tuple, opening._waiting)), tuple(map(tuple, opening._in_flight.values())), opening._careful
        blame = frozenset(opening._deaths.items()), frozenset(opening.given_up), tuple(left_over._steps)
        begins = waits, blame, frozenset(flow.lanes.barred), left_over._started
        there = (self.session.state, flow.lanes.phase, flow.lanes.due == float("inf"), flow.lanes.claiming, begins)
        running = tuple(sorted(self.running))
        snap = self.snap if flow.lanes.phase in (Phase.ASKED, Phase.OPEN) else -1
        here = (tuple(self.ops), self.online, up, acks, tuple(self.pushes), tuple(self.answers), snap, running)
        return (self.left, here, there, tuple(sorted(lanes)))

    # Possible actions

    def actions(self, *, faults: bool = True) -> Iterator[tuple[str, World]]:
        """Each possible action with the resulting world. Without faults: only actions that happen by themselves."""
        for name, change in self._possible(faults):
            world = self.copy()
            change(world)
            world._fetch()
            yield name, world

    def _possible(self, faults: bool) -> Iterator[tuple[str, Any]]:
        lanes = self.session._flow.lanes
        left = self.left if faults else Budget()
        if not self.online:
            yield "connect", World._connect
        if self.up:
            yield f"platform takes {self.up[0].payload!r}", World._take
            if left.split and self.up[0].payload == b"500" and sum(op[1] == "P" for op in self.ops) > 1:
                yield "platform takes 500, answers row by row", lambda world: world._take(split=True)
        if self.acks:
            yield "acknowledgement", World._acknowledge
        if self.answers:
            yield f"answer {self.answers[0]!r}", World._answer
        if self.pushes:
            yield f"push of {self.pushes[0]}", World._push
            if left.duplicates and not self.pushes[0][1]:
                yield f"push of {self.pushes[0]}, to be repeated", lambda world: world._push(again=True)
        asked = lanes.phase is Phase.ASKED and lanes.due < float("inf")
        if asked and not self.answers:
            yield "grace is over", World._tick
        if lanes.phase is Phase.OPEN and all(op >= self.snap for op, dup in self.pushes if not dup):
            yield "settled", World._tick
        for op in self.running:
            yield f"handler of {op} ends", lambda world, op=op: world._end(op, ok=True)
            if faults:
                yield f"handler of {op} fails", lambda world, op=op: world._end(op, ok=False)
        for payload in left.payloads if left.creates else "":
            yield f"create {payload}", lambda world, payload=payload: world._create(payload)
        if left.cuts and self.online:
            yield "cut", World._cut
        if left.losses:
            yield "memory lost", World._lose

    # The link

    def _fetch(self) -> None:
        """Put the session's payloads on the link."""
        for action in self.session.outgoing():
            if isinstance(action, Publish) and self.online:
                self.up.append(action)

    def _connect(self) -> None:
        session = self.session
        while session.state is not State.CONNECTING:
            session.tick(session.due() or 0.0)
        now = session._now
        session.connected(0, now)
        self.online = True
        while session.state is not State.ONLINE:
            for action in session.outgoing():
                if isinstance(action, Publish) and action.payload.startswith(b"100,"):
                    session.acknowledged(action.id, now)
                elif isinstance(action, Publish):
                    self.up.append(action)  # an answer lost with the last connection
                elif isinstance(action, Subscribe):
                    session.subscribed(action.topic, 1, now)
                else:
                    assert isinstance(action, Connect)

    def _cut(self) -> None:
        self.left = self.left._replace(cuts=self.left.cuts - 1)
        self._break()
        self.session.disconnected(self.session._now)

    def _lose(self) -> None:
        self.left = self.left._replace(losses=self.left.losses - 1)
        self._break()
        self.running = {}
        self.session = _session(restarted="restarted: may have run")

    def _break(self) -> None:
        self.online, self.snap = False, -1
        self.up, self.acks, self.pushes, self.answers = [], [], [], []

    def _acknowledge(self) -> None:
        self._note(self.session.acknowledged(self.acks.pop(0), self.session._now))

    def _answer(self) -> None:
        self._note(self.session.received("s/ds", self.answers.pop(0), self.session._now))

    def _push(self, *, again: bool = False) -> None:
        op, dup = self.pushes.pop(0)
        if again:
            self.left = self.left._replace(duplicates=self.left.duplicates - 1)
            self.pushes.insert(0, (op, True))
        payload = encode([PAYLOADS[self.ops[op][0]]])
        self._note(self.session.received("s/ds", payload, self.session._now, duplicate=dup))

    def _tick(self) -> None:
        self._note(self.session.tick(self.session._flow.lanes.due))

    # The program

    def _note(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, OperationUntold):
                self.told["cannot be told"] += 1
            if isinstance(event, OperationReceived):
                self._start(event.operation)

    def _start(self, operation: Operation) -> None:
        fragment = operation.fragment
        executing = [n for n, op in enumerate(self.ops) if op[1] == "E" and _fragment(op[0]) == fragment]
        if len(executing) != 1:
            raise Violation(f"a handler starts while {len(executing)} operations are EXECUTING")
        (number,) = executing
        payload, status, runs = self.ops[number]
        if PAYLOADS[payload] != operation.row:
            raise Violation(f"the handler of {operation.row} runs for operation {number}, which is {payload}")
        if runs:
            raise Violation(f"operation {number} is run twice")
        self.ops[number] = (payload, status, 1)
        self.running[number] = operation

    def _end(self, op: int, *, ok: bool) -> None:
        operation, now = self.running.pop(op), self.session._now
        self.results[operation] = op
        if ok:
            self._note(self.session.succeed(operation, str(op), now=now))
        else:
            self._note(self.session.fail(operation, str(op), now=now))

    # The platform

    def _create(self, payload: str) -> None:
        self.left = self.left._replace(creates=self.left.creates - 1)
        self.ops.append((payload, "P", 0))
        if self.online:
            self.pushes.append((len(self.ops) - 1, False))

    def _take(self, *, split: bool = False) -> None:
        """The platform takes the oldest payload and sends its acknowledgement."""
        action = self.up.pop(0)
        self.acks.append(action.id)
        for row in decode(action.payload):
            self._row(row, split, action)

    def _row(self, row: tuple[str, ...], split: bool, action: Publish) -> None:
        match row:
            case ("500",):
                rows = [PAYLOADS[payload] for payload, status, _ in self.ops if status == "P"]
                self.answers += [encode([row]) for row in rows] if split else [encode(rows)] * bool(rows)
                self.snap = len(self.ops)
            case ("501", fragment):
                number = self._oldest(fragment, "P")
                if number is None:
                    raise Violation("501 for an operation that is not there")
                self._move(number, "E")
            case ("502" | "503" as id, fragment, *text):
                number = self._oldest(fragment, "E")
                flight = self.session._flow.in_flight[action.id]
                assert flight.entry is not None
                meant = self.results[flight.entry.operation]
                assert text in ([], [str(meant)])
                if number is not None and number != meant:
                    raise Violation(f"the result of operation {meant} went to operation {number}")
                self.told["answered without its text"] += not text
                if number is not None:
                    self._move(number, "S" if id == "503" else "F")
            case ("507", fragment, text):
                for number, (payload, status, runs) in enumerate(self.ops):
                    if status == "E" and fragment in ("", _fragment(payload)):
                        if runs and text.startswith(NOT_RUN):
                            raise Violation(f"operation {number} has run and is failed as not run")
                        self.told[f"failed by 507 ({'has run' if runs else 'not run'})"] += 1
                        self._move(number, "X")
            case _:
                assert row[0] == "100", row

    def _oldest(self, fragment: str, status: str) -> int | None:
        found = (n for n, op in enumerate(self.ops) if op[1] == status and _fragment(op[0]) == fragment)
        return next(found, None)

    def _move(self, number: int, status: str) -> None:
        payload, _, runs = self.ops[number]
        self.ops[number] = (payload, status, runs)


def _session(**options: Any) -> Session:
    session = Session("dev", acknowledgements=True, limits=LIMITS, random=lambda: 0.0, now=0.0, **options)
    session.outgoing()
    return session


def _fragment(payload: str) -> str:
    return FRAGMENTS[PAYLOADS[payload][0]]


def drain(world: World, done: set[Any]) -> None:
    """Check that everything ends without more faults. `done`: states already checked."""
    path: dict[Any, None] = {}
    while True:
        step = next(world.actions(faults=False), None)
        lanes = world.session._flow.lanes._lanes.values()
        given_up = any(lane.given_up for lane in lanes) or bool(world.session._opening.given_up)
        if step is None and not given_up:
            break
        key = world.key()
        if key in done:
            break
        if key in path:
            raise Violation("goes round for ever")
        path[key] = None
        if step is None:  # retried after a connection that broke with nothing in flight
            world = world.copy()
            world._cut()
        else:
            _, world = step
    if step is None and not given_up:
        if any(status in "PE" for _, status, _ in world.ops) or world.session.operations or not world.online:
            raise Violation(f"stuck for ever: {world.ops}")
        if any(runs != 1 for _, status, runs in world.ops if status in "SF"):
            raise Violation(f"answered without a run: {world.ops}")
    done.update(path)


class Report(NamedTuple):
    """The result of a search. `complete`: it has seen every state."""

    states: int
    steps: int
    depth: int
    complete: bool
    told: Counter[str]
    seconds: float


def explore(budget: Budget, *, seconds: float = 1e9, deep: int = 10**9) -> Report:
    """Search breadth first, until all states were seen, time runs out or the depth is reached.

    Raises `Violation` with the shortest history that leads to it.
    """
    began, steps, depth = time.process_time(), 0, 0
    first = World(budget)
    parents: dict[Any, tuple[Any, str] | None] = {first.key(): None}
    done: set[Any] = set()
    told: Counter[str] = Counter()
    level = [first]
    while level and depth < deep:
        following = []
        for world in level:
            key = world.key()
            try:
                name = "then without faults"
                drain(world, done)
                for name, after in _each(world):
                    steps += 1
                    found = after.key()
                    if found not in parents:
                        parents[found] = (key, name)
                        following.append(after)
                        told.update(after.told - world.told)
            except Violation as violation:
                raise Violation(f"{violation}\n  {history(parents, key)}") from violation
            if time.process_time() - began > seconds:
                return Report(len(parents), steps, depth, False, told, time.process_time() - began)
        level = following
        depth += bool(level)
    return Report(len(parents), steps, depth, not level, told, time.process_time() - began)


def _each(world: World) -> Iterator[tuple[str, World]]:
    """The actions; a violation names the action that caused it."""
    for name, change in world._possible(True):
        after = world.copy()
        try:
            change(after)
            after._fetch()
        except Violation as violation:
            raise Violation(f"{violation} (by: {name})") from violation
        yield name, after


def history(parents: dict[Any, tuple[Any, str] | None], key: Any) -> str:
    names = []
    while (parent := parents[key]) is not None:
        key, name = parent
        names.append(name)
    return "\n  ".join(reversed(names))


def walk(seed: int, *, length: int = 300) -> tuple[int, Counter[str]]:
    """Run one long random history, then end it without faults. Returns its steps and the undecided operations."""
    chance = random.Random(seed)
    counts = [chance.randint(0, most) for most in (10, 5, 2, 3)]
    world = World(Budget(*counts, payloads=chance.choice(("ab", "aab", "abr")), split=chance.random() < 0.3))
    names: list[str] = []
    try:
        for _ in range(chance.randint(10, length)):
            possible = list(world._possible(True))
            if not possible:
                break
            weights = [0.3 if name in ("cut", "memory lost") else 1.0 for name, _ in possible]
            name, change = chance.choices(possible, weights)[0]
            names.append(name)
            change(world)
            world._fetch()
        drain(world, set())
    except Violation as violation:
        raise Violation(f"seed {seed}: {violation}\n  " + "\n  ".join(names)) from violation
    return len(names), world.told


__all__ = ["Budget", "Report", "Violation", "explore", "walk"]
