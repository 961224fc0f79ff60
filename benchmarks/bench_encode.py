"""Encoding on pytest-benchmark, as `bench_decode.py`: one group for each workload."""

from __future__ import annotations

from typing import Any

import pytest

import smartrest
from benchmarks import payloads as data
from benchmarks.groups import bench
from benchmarks.harness import Contender
from benchmarks.peers import encoders, text_encoders, texts

CONTENDERS = ("smartrest", "naive join", "csv.writer", "orjson", "msgspec.json")


def contenders(name: str) -> dict[str, Contender]:
    rows = data.workload(name).rows
    names = {"encode": smartrest.encode}
    ours = Contender("smartrest", "encode(item)", names, rows, reads=smartrest.decode, forgives=texts)
    return {c.name: c for c in (ours, *text_encoders(rows, smartrest.decode), *encoders(rows))}


@pytest.mark.parametrize("workload", ["measurements", "events", "operations", "single"])
@pytest.mark.parametrize("name", CONTENDERS)
def test_encode(benchmark: Any, workload: str, name: str) -> None:
    bench(benchmark, f"encode {workload}", contenders(workload).get(name), name, data.workload(workload).rows)
