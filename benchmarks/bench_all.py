"""Every race of the registry on pytest-benchmark: `python -m pytest benchmarks/bench_all.py -k "D1 or E1"`.

Each contender is checked as in `python -m benchmarks`, which is the thorough way. One that is wrong says so in its name
and in `extra_info`.
"""

from __future__ import annotations

from functools import lru_cache
from time import perf_counter_ns
from typing import Any

from benchmarks.harness import verify
from benchmarks.lineup import Lineup, Setting
from benchmarks.registry import RACES

SHOWN = [id for id in RACES if id[0] in "DEF"]  # the others turn a switch inside the core for each pass


@lru_cache(maxsize=1)
def lineups(id: str) -> list[Lineup]:
    return list(RACES[id](Setting(quick=True)))


def pytest_generate_tests(metafunc: Any) -> None:
    cases = [(id, i, c.name) for id in SHOWN for i, lineup in enumerate(lineups(id)) for c in lineup.contenders]
    metafunc.parametrize(("id", "race", "name"), cases, ids=[f"{id}.{race}-{name}" for id, race, name in cases])


def test_race(benchmark: Any, id: str, race: int, name: str) -> None:
    lineup = lineups(id)[race]
    contender = next(c for c in lineup.contenders if c.name == name)
    wrong = verify(contender, lineup.expected) if lineup.expected is not None else ""
    benchmark.group = f"{id} {lineup.part}"
    benchmark.extra_info |= {"contender": name, "wrong": wrong, "fields": lineup.fields, "bytes": lineup.size}
    if wrong:
        benchmark.name = f"{benchmark.name} ({wrong})"
    if callable(contender.items):  # new strings for each pass, made outside the clock
        names = tuple(contender.names.values())
        benchmark.pedantic(contender.run, setup=lambda: ((contender.input(), perf_counter_ns, *names), {}), rounds=40)
    else:
        benchmark(contender.one_pass, perf_counter_ns)
