"""Times contenders side by side: one process, a new order in every round, minima and medians of all rounds.

Every contender is a statement in a compiled loop, so that none pays for a wrapper that another does not need.
A contender that is not naive must return the right result before any clock runs. Nothing here knows SmartREST.
"""

from __future__ import annotations

import gc
import statistics
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from time import perf_counter_ns, thread_time_ns
from typing import Any

Clock = Callable[[], int]
ROUNDS = 15
ROUNDS_BELOW_A_MILLISECOND = 40
CLOCKS: dict[str, Clock] = {"wall": perf_counter_ns, "cpu": thread_time_ns}  # cpu: what others run does not count
BUDGET = 2.0  # seconds that the rounds of one race take, where the fewest do not take longer
PATIENCE = 3
NOISY = 1.10  # ratio of minima and ratio of medians further apart than this: a warning


class WrongResult(Exception):
    """A contender that is meant to be right returned something else; its time would be no figure."""


def itself(value: Any) -> Any:
    return value


def same(value: Any) -> Any:
    """Return rows, or a row, with every tuple as a list: what readers of JSON give."""
    return [same(part) for part in value] if isinstance(value, (list, tuple)) else value


@dataclass
class Contender:
    """One way to do the work: `code` is run for every item, with `names` in reach."""

    name: str
    code: str
    names: dict[str, Any]
    items: Sequence[Any] | Callable[[], Sequence[Any]]
    value: str | None = None  # the expression that is checked, where `code` is no expression
    reads: Callable[[Any], Any] = itself  # turns a value into what `expected` holds
    forgives: Callable[[Any], Any] = itself  # what this format cannot tell apart: applied to result and expectation
    naive: bool = False  # known to be wrong on some data, and not checked
    target: str = "item"
    before: Callable[[], object] | None = None  # runs before each pass, outside the clock
    run: Callable[..., int] = field(init=False)

    def __post_init__(self) -> None:
        head = (
            f"def run(items, clock, {', '.join(self.names)}):\n    start = clock()\n    for {self.target} in items:\n"
        )
        space: dict[str, Any] = {}
        exec(head + textwrap.indent(self.code, " " * 8) + "\n    return clock() - start\n", space)
        self.run = space["run"]

    def input(self) -> Sequence[Any]:
        return self.items() if callable(self.items) else self.items

    def results(self) -> list[Any] | None:
        """Return what each item gives, as the check wants to see it; None for a naive statement without a value."""
        space = dict(self.names) | {"items": self.input()}
        try:
            values = eval(f"[{self.value or self.code} for {self.target} in items]", space)
        except SyntaxError:
            if self.naive:
                return None
            raise
        return [self.reads(value) for value in values]

    def one_pass(self, clock: Clock) -> int:
        """Return the nanoseconds of one pass over all items."""
        items = self.input()
        if self.before:
            self.before()
        return self.run(items, clock, *self.names.values())


@dataclass
class Timing:
    """What one contender took, in nanoseconds per unit."""

    name: str
    fastest: float
    median: float
    rounds: int
    wrong: str = ""  # on how many items a naive contender is wrong


@dataclass
class Ratio:
    """How many times longer the other took; of minima and of medians."""

    value: float
    median: float

    @property
    def noisy(self) -> bool:
        low, high = sorted((self.value, self.median))
        return high > low * NOISY


def ratio(peer: Timing, ours: Timing) -> Ratio:
    return Ratio(peer.fastest / ours.fastest, peer.median / ours.median)


def check(contenders: Sequence[Contender], expected: Sequence[Any] | None) -> dict[str, str]:
    """Raise WrongResult for a contender that should be right and is not; count the wrong items of the naive ones."""
    wrong = {}
    for contender in contenders:
        results = None if expected is None else contender.results()
        if results is None or expected is None:
            continue
        see = contender.forgives
        pairs = [(same(see(got)), same(see(want))) for got, want in zip(results, expected, strict=True)]
        bad = [i for i, (got, want) in enumerate(pairs) if got != want]
        if bad and not contender.naive:
            got, want = pairs[bad[0]]
            raise WrongResult(f"{contender.name}, item {bad[0]}: {str(got)[:200]} instead of {str(want)[:200]}")
        if bad:
            wrong[contender.name] = f"wrong on {len(bad)} of {len(pairs)} items"
    return wrong


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Keep the harness's own objects out of the collector's way; the collector itself stays as it is."""
    gc.collect()
    if not hasattr(gc, "freeze"):  # PyPy
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def rounds_for(passes: Sequence[int], budget: float) -> int:
    """Return how many rounds these passes deserve: as many as fit the budget in seconds, and never too few."""
    least = ROUNDS_BELOW_A_MILLISECOND if min(passes) < 1_000_000 else ROUNDS
    return max(least, min(400, int(budget * 1e9 / max(1, sum(passes)))))


def race(
    contenders: Sequence[Contender],
    units: int,
    *,
    expected: Sequence[Any] | None = None,
    budget: float = BUDGET,
    rounds: int | None = None,
    clock: Clock = perf_counter_ns,
) -> dict[str, Timing]:
    """Check the contenders, warm them up, time them; `units` is what one pass is divided by."""
    wrong = check(contenders, expected)
    with quiet_collector():
        warm = [contender.one_pass(clock) for contender in contenders]
        passes = [partial(c.one_pass, clock) for c in contenders]
        if rounds:
            return timings([c.name for c in contenders], passes, units, rounds, wrong)
        return timings([c.name for c in contenders], passes, units, rounds_for(warm, budget), wrong, patience=PATIENCE)


def timings(
    names: Sequence[str],
    passes: Sequence[Callable[[], int]],
    units: int,
    rounds: int,
    wrong: dict[str, str],
    *,
    patience: int = 1,
) -> dict[str, Timing]:
    """Run the passes in a new order each round; as often again on a restless machine, up to `patience` times."""
    order, shuffle = list(range(len(passes))), Random(0).shuffle
    taken: list[list[int]] = [[] for _ in passes]
    for _ in range(patience):
        for _ in range(rounds):
            shuffle(order)
            for i in order:
                taken[i].append(passes[i]())
        if calm(taken):
            break
    return {
        name: Timing(name, min(t) / units, statistics.median(t) / units, len(t), wrong.get(name, ""))
        for name, t in zip(names, taken, strict=True)
    }


def calm(taken: Sequence[Sequence[int]]) -> bool:
    """Whether no ratio of two contenders is noisy. It does not matter who is ahead."""
    spreads = [statistics.median(t) / min(t) for t in taken]
    return max(spreads) <= min(spreads) * NOISY


def call(function: Callable[[Any], Any], argument: Any, clock: Clock) -> tuple[int, int]:
    """Return the nanoseconds of one call, and those of freeing its result."""
    start = clock()
    result = function(argument)
    done = clock()
    del result
    return done - start, clock() - done


def latencies(function: Callable[[Any], Any], items: Sequence[Any]) -> list[int]:
    """Return the nanoseconds of each single call; the clock's own cost is in them."""
    clock = perf_counter_ns
    taken = []
    for item in items:
        start = clock()
        function(item)
        taken.append(clock() - start)
    return taken


def percentile(values: Sequence[int], share: float) -> int:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
