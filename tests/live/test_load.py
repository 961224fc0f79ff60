"""Devices under load and with a killed broker: the campaigns of tools/load.py, in small.

`Campaign.judge` checks the promises and raises; the assertions here check that the test could have failed.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from smartrest.testing.broker import find_mosquitto

pytestmark = pytest.mark.skipif(not find_mosquitto(), reason="mosquitto is not installed")


@pytest.fixture(scope="module")
def load() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "tools" / "load.py"
    spec = importlib.util.spec_from_file_location("load", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("client", ["device", "async"])
def test_a_killed_broker_loses_no_row_and_repeats_no_operation(load: ModuleType, client: str) -> None:
    (figures,) = load.kill(2, rate=2000.0, seed=7, clients=[client])
    assert figures["connections"] >= 2
    assert figures["rows_acknowledged"] == figures["rows_sent"] > 1000
    assert figures["operations"] == figures["operations_run"] > 10
    assert figures["operations_run_twice"] == figures["operations_failed"] == 0


def test_rows_that_a_full_queue_drops_are_reported(load: ModuleType) -> None:
    (figures,) = load.kill(2, rate=20_000.0, seed=3, clients=["device"], queue=100_000)
    assert figures["rows_dropped"] > 100
    assert figures["rows_acknowledged"] + figures["rows_dropped"] == figures["rows_sent"]


def test_the_judge_finds_broken_promises(load: ModuleType) -> None:
    campaign = load.Campaign(1, 1.0, 1, 1000)
    campaign.ran.update(["c1", "c1"])

    class Nothing:
        operations: tuple[()] = ()
        statistics = type("Statistics", (), {"acknowledged": 0, "connections": 1})

        def wait_for(self, *_: object) -> None: ...
        def published(self, topic: str) -> list[tuple[str, ...]]:
            return []

    with pytest.raises(AssertionError, match=r"operations ran twice: {'c1': 2}"):
        campaign.judge(Nothing(), Nothing(), "", 1.0)
    campaign.ran.clear()
    campaign.sent = 1
    with pytest.raises(AssertionError, match="rows are not accounted for"):
        campaign.judge(Nothing(), Nothing(), "", 1.0)


def test_throughput_and_round_trips(load: ModuleType) -> None:
    figures = load.throughput(0.5)
    assert figures["rows"] > 1000
    assert 0 < figures["codec_share"] < 1
    (figures,) = load.operations(0.5, loads=[None])
    assert figures["operations"] > 20
    assert 0 < figures["p50_ms"] <= figures["p99_ms"] <= figures["worst_ms"] < 5000
