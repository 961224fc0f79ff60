"""The guard on instruction counts: its verdicts and, where figures can be compared, that no count has grown.

A run under valgrind takes ten seconds.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "count_instructions.py"
spec = importlib.util.spec_from_file_location("count_instructions", TOOL)
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)

RECORDED = {"decode": 100_000, "encode": 50_000}


def test_more_instructions_than_recorded_are_a_fault():
    assert tool.compare(RECORDED, {"decode": 101_900, "encode": 40_000}) == []
    faults = tool.compare(RECORDED, {"decode": 102_100, "encode": 50_000})
    assert faults == ["decode: 102,100 instructions, +2.1% over the recorded 100,000"]


def test_an_operation_that_only_one_side_knows_is_a_fault():
    assert tool.compare(RECORDED, {"decode": 1}) == ["encode: no longer counted"]
    assert tool.compare({}, {"decode": 1}) == ["decode: not recorded"]


def test_figures_of_other_conditions_are_not_compared(tmp_path, monkeypatch):
    record = tmp_path / "counts.json"
    record.write_text(json.dumps([{"conditions": {"python": "PyPy 1"}, "instructions": RECORDED}]))
    monkeypatch.setattr(tool, "RECORD", record)
    monkeypatch.setattr(tool, "conditions", lambda: {"python": "CPython 2"})
    with pytest.raises(tool.CannotCompare, match="recorded for PyPy 1; here: CPython 2"):
        tool.check()


def test_recorded_figures_match_the_operations():
    records = json.loads(tool.RECORD.read_text(encoding="utf-8"))
    names = set(records[0]["instructions"])
    assert {"decode measurements", "encode measurements", "scan measurements", "dispatch operations"} <= names
    assert all(set(record["instructions"]) == names for record in records)


def test_no_operation_costs_more_than_recorded():
    try:
        recorded, counted = tool.check()
    except tool.CannotCompare as exc:
        pytest.skip(f"instruction counts cannot be compared here: {exc}")
    assert tool.compare(recorded, counted) == []
