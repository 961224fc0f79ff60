"""Decoding on pytest-benchmark: one group for each workload, this engine beside its neighbours.

`python -m pytest benchmarks/bench_decode.py` prints times with the ratio to the fastest in brackets, and at the end
how many times faster this engine is than each neighbour. `python -m benchmarks` is the thorough way.
"""

from __future__ import annotations

from typing import Any

import pytest

import smartrest
from benchmarks import payloads as data
from benchmarks.groups import bench
from benchmarks.harness import Contender
from benchmarks.peers import decoders, text_decoders

CONTENDERS = ("smartrest", "naive", "csv.reader", "orjson", "msgspec.json")


def contenders(name: str) -> dict[str, Contender]:
    work = data.workload(name)
    ours = Contender("smartrest", "decode(item)", {"decode": smartrest.decode}, work.payloads)
    return {c.name: c for c in (ours, *text_decoders(work.payloads), *decoders(work.rows))}


@pytest.mark.parametrize("workload", ["measurements", "events", "operations", "single"])
@pytest.mark.parametrize("name", CONTENDERS)
def test_decode(benchmark: Any, workload: str, name: str) -> None:
    bench(benchmark, f"decode {workload}", contenders(workload).get(name), name, data.workload(workload).rows)
