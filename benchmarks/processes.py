"""Measures every row of the table in fresh processes, several times, and takes the middle one.

What a process has done before shows in its figures: where its heap has holes, which pages its code lies on, how its
dicts are seeded. Alone in a process a row does not hang on the rows before it, and no process decides by itself.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from .harness import WrongResult, itself, reason
from .lineup import OURS
from .registry import measure
from .table import Outcome, Run

LONGEST = 3600.0  # seconds for the races themselves, when every contender has shown that it ends


def alone(id: str, run: Run) -> Run:
    """Measure one row of the table, in this process. Only a wrong result of this engine ends the run."""
    try:
        measure(id, run)
    except WrongResult as exc:
        raise WrongResult(f"{id}, {exc}") from None
    except Exception as exc:  # the row is recorded as not measured; others go on
        run.not_measured(id, reason(exc))
    run.not_measured(id, "not timed")
    return run


def work(pipe: Connection, id: str, run: Run) -> None:
    """Be the process of one row: tell whose turn it is, then what was measured."""
    run.trying = lambda name: pipe.send(("trying", name))
    try:
        found = alone(id, run)
        found.trying = itself
        pipe.send(("measured", found))
    except BaseException as exc:
        pipe.send(("failed", exc))


def in_a_process(id: str, how: Run) -> Run:
    """Measure one row in a new process. A contender that hangs or ends the process is named and left out."""
    hung: dict[str, str] = {}
    while True:
        context = get_context("spawn")
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(there, id, replace(how, hung=hung)), daemon=True)
        process.start()
        there.close()
        name, found, failed = "", None, None
        try:
            while found is None and failed is None:
                if not here.poll(how.trial if name else LONGEST):
                    failed = f"did not end within {how.trial if name else LONGEST:g} s"
                    break
                kind, value = here.recv()
                if kind == "trying":
                    name = value
                elif kind == "measured":
                    found = value
                else:
                    raise value
        except EOFError:
            failed = "ended the process"
        finally:
            process.kill()
            process.join()
            here.close()
        if found is not None:
            return found
        if not name or name == OURS:
            run = replace(how, outcomes=[], timings=[], failures=[])
            run.not_measured(id, f"{name or 'a race'} {failed}")
            return run
        hung = {**hung, name: str(failed)}


def sweeps(ids: Sequence[str], how: Run, count: int) -> Iterator[Run]:
    """Yield each row as a process of its own measures it: all of them once, then all of them again, `count` times.

    `how` stays empty. Raises what a process raised.
    """
    for sweep in range(1, count + 1):
        for id in ids:
            how.say(f"{id} ({sweep} of {count}) …")
            yield in_a_process(id, how)


def merged(how: Run, found: Iterable[Run]) -> Run:
    """Return one run out of what the processes found, the rows in the order of their first sweep."""
    outcomes: dict[tuple[str, str, str], list[Outcome]] = {}
    timings: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    failures: dict[tuple[str, str, str], dict[str, str]] = {}
    for one in found:
        for outcome in one.outcomes:
            outcomes.setdefault((outcome.id, outcome.part, outcome.peer), []).append(outcome)
        for timing in one.timings:
            timings.setdefault((timing["id"], timing["part"], timing["name"]), []).append(timing)
        failures.update({(f["id"], f["part"], f["name"]): f for f in one.failures})
    return replace(
        how,
        outcomes=[*map(middle, outcomes.values())],
        timings=[*map(pooled, timings.values())],
        failures=[*failures.values()],
    )


def middle(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcome of the middle ratio, the worse one of the two if there are two, of those that have one."""
    measured = [outcome for outcome in outcomes if outcome.value is not None]
    if not measured:
        return outcomes[0]
    ranked = sorted(measured, key=lambda o: o.value or 0.0, reverse=measured[0].small)
    values = [outcome.value for outcome in measured if outcome.value is not None]
    return replace(ranked[(len(ranked) - 1) // 2], values=values)


def pooled(timings: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the fastest of all rounds, the middle median, the number of rounds, and the fastest of each process."""
    return timings[0] | {
        "fastest": min(t["fastest"] for t in timings),
        "median": statistics.median(t["median"] for t in timings),
        "rounds": sum(t["rounds"] for t in timings),
        "processes": [t["fastest"] for t in timings],
    }
