"""The map, the comparison of two runs, and the page: what is made of finished runs."""

from __future__ import annotations

import json
from decimal import Decimal
from random import Random

import pytest
from support_benchmarks import ROOT, UNMEASURED, lineups, load

import smartrest

targets, report, compare, page, shapes, values = map(load, ("targets", "report", "compare", "page", "shapes", "values"))


@pytest.mark.parametrize("id", targets.MAP)
def test_every_cell_of_the_map_has_gates_and_no_row_twice(id):
    found = lineups(id)
    parts = [cell.part for cell in found]
    assert sorted(set(parts)) == sorted(parts)
    assert {target.part for target in targets.TARGETS if target.id == id} - UNMEASURED == set(parts)
    for cell in found:
        groups = [smartrest.decode(group) if isinstance(group, bytes) else group for group in cell.expected]
        rows = [repr(row) for group in groups for row in group]
        few = {"encode, None": 1, "encode, bool": 100, "Schema.decode, bools": 100}  # there are not more
        least = few.get(cell.part, 0.95 * len(rows))
        assert len(set(rows)) >= least, cell.part


def test_mixes_for_growth_hold_many_shapes_and_grow_with_their_size():
    mixes = [shapes.mixed(Random(seed), 2_000) for seed in (1, 2)]
    assert mixes[0] != mixes[1]
    assert all(2_000 <= len(mix) < 2_300 for mix in mixes)
    assert {type(field) for row in values.mixed(Random(1), 2_000) for field in row} > {str, float, bool, int, Decimal}


def run_of(*rows, times=()):
    named = [{"id": i, "part": p, "peer": n, "value": v, "small": s, "note": note} for i, p, n, v, s, note in rows]
    return {
        "table": named,
        "nanoseconds": [{"id": i, "part": p, "name": n, "fastest": f, "wrong": ""} for i, p, n, f in times],
    }


def test_who_is_ahead_is_read_from_all_rows():
    """By ratio or time, in every row: D13, E9, F1, P1 and S1 were once left out."""
    rows = [
        ("D1", "a", "naive", 2.0, False, ""),
        ("D13", "b", "memcpy", 0.5, False, ""),
        ("E9", "c", "own encode", 1.25, True, ""),
        ("F1", "d", "best peer", 0.8, False, "by ssrjson"),
        ("P1", "e", "naive", 0.9, False, "wrong on 64 of 64 items"),
        ("S1", "f", "own decode, cache off", 0.95, False, ""),
        ("D9", "memory", "naive", 0.45, True, ""),
        ("G1", "g", "itself", 10.0, True, ""),
        ("D2", "none", "orjson", None, False, "absent"),
    ]
    times = [("D1", "a", "smartrest", 10), ("D1", "a", "other", 9), ("D1", "a", "naive", 20)]
    times += [("S1", "f", "smartrest", 10), ("S1", "f", "own decode, cache off", 9.9)]
    times += [("D9", "x: free", "smartrest", 10), ("D9", "x: free", "naive", 1)]
    assert report.ahead(run_of(*rows, times=times)).splitlines() == [
        "* D1, a: other (0.90 of our time)",
        "* S1, f: own decode, cache off (0.95 of our time)",
        "* D13, b: memcpy (0.50 of our time)",
        "* E9, c: own encode (0.80 of our time)",
        "* F1, d: ssrjson (0.80 of our time)",
        "* P1, e: naive (0.90 of our time, wrong rows)",
    ]
    assert report.ahead(run_of(rows[0])) == "None."


def finished(path, value, values=(), **more):
    row = {"id": "D1", "part": "decode", "peer": "naive", "value": value, "small": False, "values": list(values)}
    path.write_text(json.dumps({"table": [row | more]}))
    return str(path)


@pytest.mark.parametrize(
    ("before", "after", "more", "shown"),
    [
        ((2.0, [2.0, 2.02]), (2.2, [2.2, 2.22]), {}, "2.00 | 2.20 | +10.0% | 1.0% | better"),
        ((2.0, [2.0, 2.5]), (2.2, [2.2, 2.22]), {}, "2.00 | 2.20 | +10.0% | 25.0% | within noise"),
        ((2.0, [2.0, 2.02]), (2.2, [2.2, 2.22]), {"small": True}, "2.00 | 2.20 | +10.0% | 1.0% | worse"),
        ((2.0, []), (1.8, [1.8, 1.8]), {}, "2.00 | 1.80 | -10.0% | 5.0% (assumed) | worse"),
        ((2.0, []), (None, []), {}, "2.00 |  |  |  | "),
    ],
)
def test_two_runs_are_compared_with_their_names_the_difference_and_its_noise(tmp_path, before, after, more, shown):
    a, b = finished(tmp_path / "a.json", *before, **more), finished(tmp_path / "b.json", *after, **more)
    text = compare.compared(a, b)
    assert f"A: {a}\nB: {b}\n" in text
    assert f"| D1 | decode | naive | {shown} |" in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file"),
        ("<html>", "is not JSON"),
        ("[1]", "does not hold a run"),
        ('{"table": [{"id": "D1"}]}', "does not hold a run"),
        ('{"table": [{"id": "D1", "part": "", "peer": "", "value": "x"}]}', "not a number"),
    ],
)
def test_a_file_that_holds_no_run_is_one_clear_sentence(tmp_path, capsys, content, said):
    wrong = tmp_path / "wrong.json"
    if content is not None:
        wrong.write_text(content)
    assert load("__main__").main(["--compare", str(wrong), finished(tmp_path / "a.json", 1.0)]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def outcome(id, part, peer, value, verdict="gate"):
    fixed = {"median": None, "gate": 0.9, "goal": 2.0, "small": False, "note": "", "values": []}
    return {"id": id, "part": part, "peer": peer, "value": value, "verdict": verdict, **fixed}


def kernel_run(kernel, *table, seed=1, date="2026-01-02", **more):
    machine = {"engine": f"core:{kernel}", "python": "CPython 3.11.7 (GCC)", "cpu": "a CPU"}
    run = {"date": date, "commit": "abc", "machine": machine, "seed": seed, "peers": {"orjson": "3"}}
    return run | {"table": list(table), "nanoseconds": []} | more


def test_the_map_names_the_worst_cell_first_and_marks_who_is_ahead():
    cells = [
        outcome("D15", "decode, a", "naive", 2.5),
        outcome("D15", "decode, a", "best of orjson, ssrjson", 1.02),
        outcome("E12", "encode, b", "best naive form", 0.5, "MISSED"),
        outcome("E12", "encode, c", "orjson", 2.0),
        outcome("E12", "encode, d", "orjson", None, "not measured"),
        outcome("E13", "pack", "own encode", 0.2),
        outcome("D1", "decode measurements", "naive", 0.1),
    ]
    scalar = kernel_run("scalar", outcome("E12", "encode, c", "orjson", 0.9, "-"))
    text = page.chart([kernel_run("avx2", *cells), kernel_run("neon", cells[-1]), scalar])
    assert [" ".join(line.split()) for line in text.splitlines()] == [
        "The worst cell on avx2: **encode, b**, 0.50.",
        "",
        "```diff",
        "cell against avx2 scalar",
        "@@ against others @@",
        "- encode, b naive 0.50✗",
        "! decode, a naive / JSON 2.50 / 1.02",
        "+ encode, c orjson 2.00 0.90",
        "@@ against our own encode and decode @@",
        "- pack own 0.20",
        "```",
    ]
    assert page.chart([kernel_run("avx2", cells[-1])]) == "Not measured yet."


def test_missed_gates_are_listed_for_every_seed_of_the_newest_day():
    slow, fine = outcome("D1", "decode", "naive", 0.5, "MISSED"), outcome("D1", "decode", "naive", 1.5)
    runs = [
        kernel_run("avx2", slow, date="2026-01-01"),
        kernel_run("avx2", fine),
        kernel_run("avx2", slow, outcome("D2", "events", "naive", 0.8, "MISSED"), seed=2),
        kernel_run("scalar", fine),
    ]
    assert page.missed(runs).splitlines()[2:] == [
        "| D1 decode | naive | 1.50 / 0.50✗, gate 0.90 |  |",
        "| D2 events | naive | 0.80✗, gate 0.90 |  |",
    ]
    assert page.missed(runs[1:2]) == "None."
    assert "* avx2 (seeds 1, 2), scalar (seed 1): 2026-01-02, commit `abc`, a CPU, CPython 3.11.7" in page.sources(runs)


def test_each_ratio_stands_beside_its_own_contender():
    """A contender that a run does not have once shifted the ratios of the others."""
    old = kernel_run("avx512", outcome("F1", "text", "repr", 9.0), outcome("E2", "encode", "naive", 3.0))
    new = kernel_run("avx2", outcome("E2", "encode", "naive", 2.0), outcome("F1", "text", "ssrjson", 1.2))
    assert page.table([old, new]).splitlines()[2:] == [
        "| E2 encode | naive 3.00 | naive 2.00 |",
        "| F1 text | repr 9.00 | ssrjson 1.20 |",
    ]


def test_columns_older_than_the_newest_have_date_and_commit():
    runs = [kernel_run("avx512", date="2026-01-01"), kernel_run("avx2")]
    assert page.heads(page.newest(runs)) == ["avx2", "avx512, 2026-01-01, `abc`"]


def test_the_page_has_times_workloads_and_versions():
    timing = {"id": "D1", "part": "decode", "name": "smartrest", "fastest": 100, "fields": 5, "size": 50, "wrong": ""}
    facts = report.all_facts(1)
    run = kernel_run("avx2", nanoseconds=[timing, timing | {"name": "other"}], workloads=facts)
    assert page.times([kernel_run("sse2"), run]).splitlines()[-1] == "| D1 decode | 20 | 500 |"
    assert page.workloads([kernel_run("sse2"), run]) == report.workload_table(facts)
    assert "* contenders of avx2: orjson 3" in page.sources([run])


def test_the_page_shows_the_results_that_the_repository_holds():
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    written = page.filled(text, page.finished())
    assert written == text, "write it again: python -m benchmarks --page docs/performance.md"
    with pytest.raises(compare.UnusableRun, match="no section main"):
        page.between("text", "main", "")
