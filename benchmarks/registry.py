"""The one list of what is measured. The harness, pytest-benchmark and the page of results all read it.

`payloads.WORKLOADS` are the workloads, `RACES` the rows whose contenders take turns, `MEASURES` the rows that need a
measurement of their own (a million rows, memory, growth), `targets.TARGETS` the gates.
"""

from __future__ import annotations

from collections.abc import Callable

from . import bounds, decoding, encoding, inside, shapes, values
from .lineup import Races
from .table import Run

RACES: Races = {**decoding.RACES, "D15": shapes.d15, **encoding.RACES, **values.RACES, **inside.RACES}
MEASURES: dict[str, Callable[[Run], None]] = {
    "D9": decoding.d9,
    "D13": inside.d13,
    "E7": encoding.e7,
    "E11": encoding.e11,
    "C1": inside.c1,
    "G1": bounds.g1,
    "L1": bounds.l1,
    "M1": bounds.m1,
    "I1": bounds.i1,
}


def measure(id: str, run: Run) -> None:
    """Measure one row of the table, in this process."""
    if id in MEASURES:
        MEASURES[id](run)
        return
    for lineup in RACES[id](run.setting):
        run.race(id, lineup)
