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
BUDGET = 1.5  # seconds that the rounds of one race take, where the fewest do not take longer
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
    naive: bool = False  # known to be wrong on some data: timed all the same, and marked
    must: bool = False  # where this one fails or is wrong, there is nothing to compare: the race ends
    guest: bool = False  # a user's own: timed and marked where it is wrong
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


def verify(contender: Contender, expected: Sequence[Any]) -> str:
    """Return on how many items a naive or a user's contender is wrong. Raise WrongResult where another is."""
    results = contender.results()
    if results is None:
        return ""
    see = contender.forgives
    bad, first = 0, ""
    for i, (got, want) in enumerate(zip(results, expected, strict=True)):
        try:
            got, want = same(see(got)), same(see(want))
        except Exception as exc:  # not even rows: as wrong as other rows
            got = f"{got!r} ({type(exc).__name__})"
        if got != want:
            bad += 1
            first = first or f"item {i}: {str(got)[:200]} instead of {str(want)[:200]}"
    if bad and not (contender.naive or contender.guest):
        raise WrongResult(f"{contender.name}, {first}")
    return f"wrong on {bad} of {len(expected)} items" if bad else ""


def check(contenders: Sequence[Contender], expected: Sequence[Any] | None) -> dict[str, str]:
    """Raise WrongResult for a contender that should be right and is not; count the wrong items of the others."""
    found = {c.name: verify(c, expected) for c in contenders} if expected is not None else {}
    return {name: wrong for name, wrong in found.items() if wrong}


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


class Failure(Exception):
    """A contender raised while it was timed, after it had been tried."""

    def __init__(self, contender: Contender, cause: Exception) -> None:
        self.contender, self.cause = contender, cause


def guarded(contender: Contender, clock: Clock, trying: Callable[[str], object]) -> int:
    """Time one pass. A user's own contender may hang in any of them."""
    try:
        if not contender.guest:
            return contender.one_pass(clock)
        trying(contender.name)
        taken = contender.one_pass(clock)
        trying("")
    except Exception as exc:  # a contender may raise anything; the table names it
        raise Failure(contender, exc) from exc
    return taken


def race(
    contenders: Sequence[Contender],
    units: int,
    *,
    expected: Sequence[Any] | None = None,
    budget: float = BUDGET,
    rounds: int | None = None,
    clock: Clock = perf_counter_ns,
    failed: dict[str, str] | None = None,
    trying: Callable[[str], object] = itself,
) -> dict[str, Timing]:
    """Check the contenders, warm them up, time them; `units` is what one pass is divided by.

    With `failed`, a contender that raises or is wrong is named there and the others race on, unless it is one that must
    not fail. `trying` hears whose turn it is while they are tried, and an empty name when that is over.
    """
    wrong: dict[str, str] = {}
    fit: list[Contender] = []
    warm: list[int] = []
    with quiet_collector():
        for contender in contenders:
            trying(contender.name)
            try:
                if expected is not None:
                    wrong[contender.name] = verify(contender, expected)
                warm.append(contender.one_pass(clock))
            except Exception as exc:  # a contender that raises is named, and the run goes on
                if failed is None or contender.must:
                    raise
                failed[contender.name] = reason(exc)
            else:
                fit.append(contender)
        trying("")
        most, patience = (rounds, 1) if rounds else (rounds_for(warm, budget), PATIENCE)
        while True:
            passes = [partial(guarded, c, clock, trying) for c in fit]
            try:
                return timings([c.name for c in fit], passes, units, most, wrong, patience=patience)
            except Failure as failure:
                if failed is None or failure.contender.must:
                    raise failure.cause from None
                failed[failure.contender.name] = reason(failure.cause)
                fit.remove(failure.contender)


def reason(exc: BaseException) -> str:
    """Return what went wrong, as the table says it."""
    return f"wrong: {exc}" if isinstance(exc, WrongResult) else f"raised {type(exc).__name__}: {exc}"


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
