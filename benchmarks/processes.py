"""Measures every row of the table in fresh processes, several times, and takes the middle one.

What a process has done before shows in its figures: where its heap has holes, which pages its code lies on, how its
dicts are seeded. Alone in a process a row does not hang on the rows before it, and no process decides by itself.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

from . import bounds, decoding, encoding, inside
from .harness import WrongResult
from .table import Outcome, Run
from .targets import IDS

MEASURE: dict[str, Callable[[Run], None]] = {
    id: getattr(module, id.lower())
    for id in IDS
    for module in (decoding, encoding, inside, bounds)
    if hasattr(module, id.lower())
}


def alone(id: str, run: Run) -> Run:
    """Measure one row of the table, in this process."""
    try:
        MEASURE[id](run)
    except WrongResult as exc:
        raise WrongResult(f"{id}, {exc}") from None
    run.not_measured(id, "not timed")
    return run


def sweeps(ids: Sequence[str], how: Run, count: int) -> Iterator[Run]:
    """Yield each row as a process of its own measures it: all of them once, then all of them again, `count` times.

    `how` stays empty. Raises what a process raised.
    """
    for sweep in range(1, count + 1):
        for id in ids:
            how.say(f"{id} ({sweep} of {count}) …")
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                yield process.submit(alone, id, how).result()


def merged(how: Run, found: Iterable[Run]) -> Run:
    """Return one run out of what the processes found, the rows in the order of their first sweep."""
    outcomes: dict[tuple[str, str, str], list[Outcome]] = {}
    timings: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for one in found:
        for outcome in one.outcomes:
            outcomes.setdefault((outcome.id, outcome.part, outcome.peer), []).append(outcome)
        for timing in one.timings:
            timings.setdefault((timing["id"], timing["part"], timing["name"]), []).append(timing)
    return replace(how, outcomes=[*map(middle, outcomes.values())], timings=[*map(pooled, timings.values())])


def middle(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcome of the middle ratio, the worse one of the two if there are two, of those that have one."""
    measured = [outcome for outcome in outcomes if outcome.value is not None]
    if not measured:
        return outcomes[0]
    ranked = sorted(measured, key=lambda o: o.value or 0.0, reverse=measured[0].small)
    return ranked[(len(ranked) - 1) // 2]


def pooled(timings: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the fastest of all rounds, the middle of the medians, and how many rounds there were."""
    return timings[0] | {
        "fastest": min(t["fastest"] for t in timings),
        "median": statistics.median(t["median"] for t in timings),
        "rounds": sum(t["rounds"] for t in timings),
    }
