"""Collects what was measured: every contender's time, and for every target its ratio and verdict."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import smartrest

from . import guests
from .harness import BUDGET, CLOCKS, ROUNDS, Clock, Ratio, Timing, itself, race, ratio
from .lineup import OURS, Lineup, Setting
from .peers import absent
from .targets import BEST, BEST_JSON, BEST_NAIVE, TARGETS, Target, gate_here, verdict

TRIAL = 60.0  # seconds
CODECS: dict[str, tuple[str, ...]] = {BEST: ("orjson", "ssrjson", "msgspec.json", "msgspec.msgpack", "msgpack")}
CODECS[BEST_JSON] = ("orjson", "ssrjson")
CODECS["best peer"] = (*CODECS[BEST], "ssrjson, no cache", "ormsgpack")
CODECS[BEST_NAIVE] = ("naive %", "naive join(map(str))")
CODECS["best typed codec"] = ("orjson, typed JSON", "ssrjson, typed JSON", "msgpack, typed")


@dataclass
class Outcome:
    """One row of the table."""

    id: str
    part: str
    peer: str
    verdict: str
    value: float | None = None
    median: float | None = None
    gate: float | None = None
    goal: float | None = None
    small: bool = False
    note: str = ""
    values: list[float] = field(default_factory=list)  # the ratio of each process

    @property
    def noisy(self) -> bool:
        return self.value is not None and self.median is not None and Ratio(self.value, self.median).noisy


@dataclass
class Run:
    """One run of the table on one engine."""

    seed: int = 1
    quick: bool = False
    rounds: int | None = None
    processes: int = 1  # that share the rounds of a race
    clock: str = "wall"
    engine: str = field(default_factory=smartrest.engine)
    guests: list[str] = field(default_factory=list)  # files of contenders of the user's own
    trial: float = TRIAL  # how long a contender may take to be checked and warmed up
    hung: dict[str, str] = field(default_factory=dict)  # contenders that ended a process before: left out
    trying: Callable[[str], object] = itself
    failures: list[dict[str, str]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    timings: list[dict[str, Any]] = field(default_factory=list)

    @property
    def budget(self) -> float:
        """The seconds that the rounds of one race may take in one process."""
        return BUDGET / self.processes

    @property
    def long_rounds(self) -> int:
        """The rounds of a race whose passes take seconds."""
        return 2 if self.quick else max(-(-ROUNDS // self.processes), self.rounds or 0)

    @property
    def setting(self) -> Setting:
        return Setting(self.seed, self.quick)

    def race(self, id: str, lineup: Lineup) -> dict[str, Timing]:
        """Time the contenders, keep every figure, and judge each target of this part that a contender answers."""
        own = guests.contenders(self.guests, lineup)
        failed = {c.name: self.hung[c.name] for c in [*lineup.contenders, *own] if c.name in self.hung}
        timed = race(
            [c for c in [*lineup.contenders, *own] if c.name not in failed],
            lineup.units,
            expected=lineup.expected,
            budget=self.budget * lineup.share,
            rounds=2 if self.quick else self.rounds,
            clock=self.ticks,
            failed=failed,
            trying=self.trying,
        )
        self.keep(id, lineup.part, lineup.unit, timed, lineup.fields / lineup.units, lineup.size / lineup.units)
        self.failures += [{"id": id, "part": lineup.part, "name": name, "why": why} for name, why in failed.items()]
        self.judge(id, lineup.part, timed)
        for guest in own:
            if guest.name in timed:
                found = ratio(timed[guest.name], timed[OURS])
                note = timed[guest.name].wrong or "right"
                self.outcomes.append(Outcome(id, lineup.part, guest.name, "-", found.value, found.median, note=note))
        return timed

    @property
    def ticks(self) -> Clock:
        return CLOCKS[self.clock]

    def keep(
        self, id: str, part: str, unit: str, timings: dict[str, Timing], fields: float = 0, size: float = 0
    ) -> None:
        """Keep the times; `fields` and `size`, the bytes of SmartREST, are those of one unit."""
        for timing in timings.values():
            self.timings.append({"id": id, "part": part, "unit": unit, **vars(timing), "fields": fields, "size": size})

    def judge(self, id: str, part: str, timings: dict[str, Timing]) -> None:
        for target in TARGETS:
            if (target.id, target.part) != (id, part):
                continue
            names = [name for name in CODECS.get(target.peer, (target.peer,)) if name in timings]
            if not names:
                failed = [f["why"] for f in self.failures if (f["id"], f["part"], f["name"]) == (id, part, target.peer)]
                self.missing(target, *failed or [f"{target.peer} is absent" if target.peer in absent else "not timed"])
                continue
            best = min((timings[name] for name in names), key=lambda t: t.fastest)
            found = ratio(best, timings[OURS])
            if target.small:
                found = Ratio(1 / found.value, 1 / found.median)
            note = f"by {best.name}" if len(names) > 1 else ""
            self.figure(target, found.value, found.median, note or best.wrong)

    def figure(self, target: Target, value: float, median: float | None = None, note: str = "") -> None:
        gate = gate_here(target, self.engine)
        judged = verdict(target, value, gate)
        where = (target.id, target.part, target.peer)
        self.outcomes.append(Outcome(*where, judged, value, median, gate, target.goal, target.small, note))

    def missing(self, target: Target, why: str) -> None:
        gate = gate_here(target, self.engine)
        where = (target.id, target.part, target.peer)
        self.outcomes.append(Outcome(*where, "not measured", None, None, gate, target.goal, target.small, why))

    def not_measured(self, id: str, why: str, part: str = "") -> None:
        """Mark every target of this ID (and part) that has no outcome yet."""
        done = {(o.id, o.part, o.peer) for o in self.outcomes}
        for target in TARGETS:
            here = target.id == id and part in target.part
            if here and (target.id, target.part, target.peer) not in done:
                self.missing(target, why)

    def plain(self, id: str, part: str, peer: str, value: float, note: str = "") -> None:
        """Add a figure that has no target."""
        self.outcomes.append(Outcome(id, part, peer, "-", value, note=note))

    def target(self, id: str, part: str) -> Target:
        return next(t for t in TARGETS if (t.id, t.part) == (id, part))

    def say(self, text: str) -> None:
        if sys.stderr.isatty():
            print(text, file=sys.stderr, flush=True)
