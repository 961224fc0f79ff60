"""The benchmarks: facts about the workloads, the check of contenders, verdicts, one quick run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest
from support_benchmarks import ROOT, UNMEASURED, lineups, load
from support_docs import blocks

import smartrest
from smartrest.cli import bench as command

data, harness, lineup, peers, targets, table, report, processes, registry, compare, guests = map(
    load,
    (
        *("payloads", "harness", "lineup", "peers", "targets", "table", "report", "processes", "registry"),
        *("compare", "guests"),
    ),
)


@pytest.mark.parametrize(
    ("name", "size", "fields", "bytes_a_row", "fields_a_row", "quoted", "foreign"),
    [
        ("measurements", 301_425, 32_243, 46.6, 5.08, 0.0, 0.0),
        ("events", 609_091, 23_969, 95.7, 3.74, 0.20, 0.30),
        ("operations", 375_020, 9_250, 142.0, 3.61, 0.16, 0.26),
        ("single", 12_008, 1_273, 45.5, 5.05, 0.0, 0.0),
    ],
)
def test_facts_of_a_workload(name, size, fields, bytes_a_row, fields_a_row, quoted, foreign):
    work = data.workload(name, 1)
    assert (work.size, work.field_count) == (size, fields)  # the same on every Python, or figures do not compare
    for seed in (1, 2, 3):
        f = data.facts(data.workload(name, seed))
        found = (f.size / f.rows, f.fields / f.rows, f.quoted, f.foreign)
        assert found == pytest.approx((bytes_a_row, fields_a_row, quoted, foreign), rel=0.06, abs=0.02)


def test_measurements_need_no_quotes_and_no_utf_8():
    for payload in data.workload("measurements").payloads + data.workload("single").payloads:
        assert payload.isascii()
        assert b'"' not in payload


def test_payloads_fit_a_packet_and_hold_their_rows():
    for name in ("measurements", "events", "operations", "single"):
        work = data.workload(name)
        assert max(map(len, work.payloads)) <= smartrest.PAYLOAD_LIMIT
        assert [smartrest.decode(payload) for payload in work.payloads] == work.rows


def test_device_ids_of_operations_are_unique():
    rows = [row for group in data.workload("operations").rows for row in group]
    assert len({row[1] for row in rows}) == len(rows)


def test_another_seed_is_other_data():
    assert data.workload("events", 1).rows != data.workload("events", 2).rows
    assert data.bulk_rows(1, 50) != data.bulk_rows(2, 50)


def test_bulk_rows_are_of_one_shape_and_never_quoted():
    rows = data.bulk_rows(1, 5_000)
    payload = data.bulk_payload(rows)
    assert payload.endswith(b"\n")
    assert smartrest.decode(payload) == rows
    assert {len(row) for row in rows} == {6}
    assert len(payload) / len(rows) == pytest.approx(57.07, rel=0.03)


def test_full_payloads_nearly_fill_a_packet():
    for name in ("measurements", "events", "operations"):
        assert 15_900 < len(data.full_payload(data.workload(name))) <= smartrest.PACKET_LIMIT


def test_fresh_strings_are_equal_and_new():
    rows = data.workload("events").rows[:1]
    fresh = data.fresh(rows)
    assert fresh == rows
    assert all(
        a is not b for row, other in zip(rows[0], fresh[0], strict=True) for a, b in zip(row, other, strict=True)
    )


def test_typed_rows_are_written_with_the_same_numbers():
    row = ("201", "a", "t", "b", "x", "-0.50", "", "c")
    assert data.typed(row) == (201, "a", "t", "b", "x", -0.5, "", "c")
    assert data.typed(("210", "-70", "3", "t")) == (210, -70, 3, "t")


@pytest.mark.slow
def test_every_installed_peer_is_right_on_every_workload():
    for name in ("measurements", "events", "operations"):
        work = data.workload(name)
        texts = [c for c in peers.text_decoders(work.payloads) if not c.naive]
        harness.check([*texts, *peers.decoders(work.rows)], work.rows)
        harness.check([*peers.text_encoders(work.rows, smartrest.decode), *peers.encoders(work.rows)], work.rows)


def test_naive_rows_are_wrong_where_there_are_quotes():
    work = data.workload("operations")
    assert harness.check(peers.text_decoders(work.payloads), work.rows)["naive"] == "wrong on 64 of 64 items"
    work = data.workload("measurements")
    assert "naive" not in harness.check(peers.text_decoders(work.payloads), work.rows)


def test_a_contender_that_is_wrong_is_never_timed():
    def never(*_):
        raise AssertionError("it was timed")

    broken = harness.Contender("broken", "item.split(b';')", {}, [b"1,2"])
    broken.run = never
    with pytest.raises(harness.WrongResult, match="broken, item 0"):
        harness.race([broken], 1, expected=[["1", "2"]])


def test_a_statement_without_a_value_is_not_taken_for_checked():
    unchecked = harness.Contender("statement", "for x in item: x", {}, [b"1"])
    with pytest.raises(SyntaxError):
        harness.check([unchecked], [["1"]])


@pytest.mark.slow
def test_race_finds_the_faster_one_by_about_the_right_factor():
    busy = [harness.Contender(str(n), "sum(range(item))", {}, [n * 2_000] * 5) for n in (1, 4)]
    timed = harness.race(busy, 5)
    assert timed["1"].rounds >= harness.ROUNDS_BELOW_A_MILLISECOND
    assert harness.ratio(timed["4"], timed["1"]).value == pytest.approx(4, rel=0.5)


@pytest.mark.slow
def test_the_cpu_clock_does_not_count_waiting():
    idle = harness.Contender("idle", "sleep(item)", {"sleep": time.sleep}, [0.005])
    wall = harness.race([idle], 1, rounds=2)["idle"]
    cpu = harness.race([idle], 1, rounds=2, clock=harness.CLOCKS["cpu"])["idle"]
    assert wall.fastest >= 5_000_000 > 2_500_000 > cpu.fastest


def test_a_race_runs_on_while_the_machine_is_restless():
    def took(*times):
        return iter(times).__next__

    steady, restless = [100] * 4, [50, 100, 100, 100]
    for first, second, rounds in (
        (steady, steady, 4),
        (steady, restless, 8),
        (restless, steady, 8),
        (restless, restless, 4),
    ):
        passes = [took(*first, *[100] * 8), took(*second, *[50] * 8)]
        timed = harness.timings(["a", "b"], passes, 1, 4, {}, patience=2)
        assert [timing.rounds for timing in timed.values()] == [rounds] * 2
    assert timed["a"].fastest == 50
    assert harness.timings(["a", "b"], [took(*steady), took(*restless)], 1, 4, {})["b"].rounds == 4


def outcomes(*values, small=False):
    return [table.Outcome("X", "part", "peer", "gate", value, small=small, note=f"of {value}") for value in values]


def test_the_middle_process_counts_and_of_two_the_worse():
    middle = processes.middle
    assert middle(outcomes(0.8, 0.91, 0.9)).note == "of 0.9"
    assert middle(outcomes(2.0, 1.0)).value == 1.0
    assert middle(outcomes(2.0, 1.0, small=True)).value == 2.0
    assert middle(outcomes(None, 3.0, None)).value == 3.0
    assert middle(outcomes(None, None)).value is None


def test_rows_of_several_processes_become_one_with_all_their_rounds():
    def run(value, fastest, median):
        timing = {"id": "X", "part": "part", "unit": "item", "wrong": "", "rounds": 20}
        a = timing | {"name": "a", "fastest": fastest, "median": median}
        b = timing | {"name": "b", "fastest": 1, "median": 1}
        return table.Run(outcomes=outcomes(value), timings=[a, b])

    merged = processes.merged(table.Run(seed=7), [run(0.5, 5, 9), run(0.3, 3, 8), run(0.4, 4, 6)])
    assert (merged.seed, [o.value for o in merged.outcomes]) == (7, [0.4])
    assert [(t["name"], t["fastest"], t["median"], t["rounds"]) for t in merged.timings] == [
        ("a", 3, 8, 60),
        ("b", 1, 1, 60),
    ]
    assert merged.outcomes[0].values == [0.5, 0.3, 0.4]
    assert merged.timings[0]["processes"] == [5, 3, 4]


def test_an_interrupted_run_prints_its_figures(monkeypatch, capsys):
    def broken_off(ids, how, count):
        yield table.Run(outcomes=outcomes(1.25))
        raise KeyboardInterrupt

    main = load("__main__")
    monkeypatch.setattr(main, "sweeps", broken_off)
    with pytest.raises(KeyboardInterrupt):
        main.main(["--rows", "C1"])
    assert "1.25" in capsys.readouterr().out


STAND_IN = """
import os
from benchmarks.harness import Contender, WrongResult
from benchmarks.lineup import Lineup, ours

def hang(item):
    while True:
        pass

def fail(item):
    raise KeyError(item)

def leave(item):
    os._exit(1)

def measure(id, run):
    if id == "pid":
        run.plain(id, str(os.getpid()), "", 1.0)
    if id == "wrong":
        raise WrongResult("wrong, contender")
    if id == "broken":
        raise OSError("no such device")
    if id == "raced":
        others = [Contender(f.__name__, "f(item)", {"f": f}, ["a"]) for f in (hang, fail, leave, str)]
        others.append(Contender("other", "f(item)", {"f": repr}, ["a"]))
        run.race(id, Lineup("part", [ours("f(item)", ["a"], f=str), *others], 1, "item", ["a"], 2, 3))
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Let the row processes measure `STAND_IN`."""
    (tmp_path / "stand_in_for_rows.py").write_text(STAND_IN)
    (tmp_path / "sitecustomize.py").write_text(
        "import benchmarks.processes, stand_in_for_rows\nbenchmarks.processes.measure = stand_in_for_rows.measure\n"
    )
    for folder in (ROOT, tmp_path):  # for the processes
        monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


@pytest.mark.slow
def test_each_row_has_a_process_of_its_own_in_each_sweep(stand_in):
    runs = [*processes.sweeps(["pid", "pid"], table.Run(), 2)]
    pids = {outcome.part for run in runs for outcome in run.outcomes}
    assert len({str(os.getpid()), *pids}) == 5
    with pytest.raises(harness.WrongResult, match="wrong, wrong, contender"):
        next(processes.sweeps(["wrong"], table.Run(), 1))
    assert next(processes.sweeps(["broken"], table.Run(), 1)).timings == []


@pytest.mark.slow
def test_a_contender_that_hangs_raises_or_is_wrong_is_named_and_the_others_race_on(stand_in):
    how = table.Run(trial=5.0, rounds=3)
    run = processes.merged(how, processes.sweeps(["raced"], how, 1))
    assert {f["name"]: f["why"] for f in run.failures} == {
        "hang": "did not end within 5 s",
        "fail": "raised KeyError: 'a'",
        "leave": "ended the process",
        "other": "wrong: other, item 0: 'a' instead of a",
    }
    assert {(t["name"], t["fields"], t["size"], t["rounds"]) for t in run.timings} == {
        ("smartrest", 2, 3, 3),
        ("str", 2, 3, 3),
    }
    assert "raced, part: hang did not end within 5 s" in report.as_text(run)


def test_a_failure_of_this_engine_ends_the_race():
    mine = lineup.ours("int(item)", ["x"])
    with pytest.raises(ValueError, match="invalid literal"):
        harness.race([mine], 1, expected=[1], failed={})


def test_a_contender_that_raises_while_it_is_timed_is_named_and_the_others_race_on():
    late = iter([1, 1, 1]).__next__  # one call for the check, one to warm up, one round
    mine, other = lineup.ours("f(item)", [1], f=int), harness.Contender("late", "f()", {"f": late}, [1])
    failed = {}
    timed = harness.race([mine, other], 1, expected=[1], rounds=5, failed=failed)
    assert {name: timing.rounds for name, timing in timed.items()} == {"smartrest": 5}
    assert failed == {"late": "raised StopIteration: "}
    late = iter([1, 1, 1]).__next__
    with pytest.raises(StopIteration):
        harness.race([harness.Contender("late", "f()", {"f": late}, [1])], 1, expected=[1], rounds=5)


def test_the_contender_on_the_page_is_right_where_nothing_is_quoted(tmp_path):
    mine = tmp_path / "mine.py"
    [code] = blocks(ROOT / "docs" / "performance.md", "python")
    mine.write_text(code)
    for id, marked in (("D1", ""), ("D3", "wrong on 64 of 64 items")):
        found = next(registry.RACES[id](lineup.Setting()))
        [own] = guests.contenders([str(mine)], found)
        assert (own.name, harness.verify(own, found.expected)) == ("two splits", marked)


def test_a_contender_may_have_the_name_of_a_peer(tmp_path):
    mine = tmp_path / "naive.py"
    mine.write_text("def decode(payload): return []")
    [own] = guests.contenders([str(mine)], next(registry.RACES["D1"](lineup.Setting())))
    assert own.name == "naive, your own"


def test_a_contender_of_ones_own_cannot_spoil_the_rows_of_others(tmp_path):
    mine = tmp_path / "spoils.py"
    mine.write_text("def encode(rows): rows.clear(); return b''")
    found = next(registry.RACES["E1"](lineup.Setting()))
    [own] = guests.contenders([str(mine)], found)
    assert harness.verify(own, found.expected) == "wrong on 64 of 64 items"
    assert harness.verify(found.contenders[0], found.expected) == ""


def test_minima_and_medians_far_apart_are_called_noisy():
    assert harness.Ratio(2.0, 2.3).noisy
    assert harness.Ratio(2.3, 2.0).noisy
    assert not harness.Ratio(2.0, 2.1).noisy


def test_gates_fall_on_newer_pythons_and_narrower_kernels_and_nowhere_else():
    naive, best = (next(t for t in targets.TARGETS if t.id == "D1" and p in t.peer) for p in ("naive", "best"))
    assert targets.gate_here(naive, "core:avx512", (3, 11)) == 2.4
    assert targets.gate_here(naive, "core:avx512", (3, 13)) == pytest.approx(2.4 * 0.85)
    assert targets.gate_here(naive, "core:avx2", (3, 13)) == pytest.approx(2.4 * 0.85 * 0.8)
    assert targets.gate_here(best, "core:avx512", (3, 13)) == best.gate
    assert targets.gate_here(best, "core:avx2", (3, 13)) == 1.7
    assert targets.gate_here(best, "core:sse2", (3, 11)) == 1.5
    assert targets.gate_here(naive, "core:sse2", (3, 11)) == pytest.approx(2.4 * 0.6)
    assert targets.gate_here(naive, "core:scalar", (3, 11)) is None
    assert {(t.id, t.part, t.peer) for t in targets.TARGETS} >= set(targets.NARROW)
    growth = next(t for t in targets.TARGETS if t.id == "G1")
    assert targets.gate_here(growth, "pure", (3, 14)) == growth.gate


def test_verdicts():
    target = targets.Target("X", "part", "peer", 2.0, 3.0)
    assert [targets.verdict(target, value, 2.0) for value in (1.9, 2.0, 3.0)] == ["MISSED", "gate", "goal"]
    small = targets.Target("X", "part", "peer", 3.0, 2.0, small=True)
    assert [targets.verdict(small, value, 3.0) for value in (3.1, 3.0, 2.0)] == ["MISSED", "gate", "goal"]
    assert targets.verdict(target, 9.0, None) == "-"


def test_every_target_has_its_own_place_and_a_function_that_measures_it():
    keys = [(t.id, t.part, t.peer) for t in targets.TARGETS]
    assert len(set(keys)) == len(keys)
    assert sorted([*registry.RACES, *registry.MEASURES]) == sorted(targets.IDS)
    for target in targets.TARGETS:
        assert (target.goal <= target.gate) if target.small else (target.goal >= target.gate)


@pytest.mark.slow
@pytest.mark.parametrize("id", [id for id in registry.RACES if id[0] in "DEFP"])
def test_every_contender_of_the_registry_is_right_where_it_should_be(id):
    for found in lineups(id):
        assert found.contenders[0].name == "smartrest"
        assert found.contenders[0].must
        assert found.fields >= len(found.expected)
        assert found.size > 0
        wrong = harness.check(found.contenders, found.expected)
        assert set(wrong) <= {contender.name for contender in found.contenders if contender.naive}
        if "measurements" in found.part or "message" in found.part:
            assert wrong == {}  # these have no quotes, so even naive code is right
        for contender in found.contenders:
            contender.one_pass(time.perf_counter_ns)


@pytest.mark.slow
def test_every_target_belongs_to_a_part_of_the_registry_and_to_a_contender():
    parts = {(id, found.part): found for id in registry.RACES for found in lineups(id)}
    for target in targets.TARGETS:
        here = target.part not in UNMEASURED and (target.id != "S1" or smartrest.engine() != "pure")
        if target.id in registry.RACES and here:
            names = {contender.name for contender in parts[target.id, target.part].contenders}
            known = {*names, *peers.absent}
            assert known & set(table.CODECS.get(target.peer, (target.peer,)))


def test_pieces_that_peers_make_are_the_rows_and_fit_a_packet():
    encoding = load("encoding")
    rows = data.bulk_rows(1, 1_000)
    typed = [(200, *row[1:3], float(row[3]), *row[4:]) for row in rows]
    for write, items in ((encoding.join_rows, rows), (encoding.format_rows, typed)):
        pieces = []
        encoding.in_pieces(lambda piece, write=write, pieces=pieces: pieces.append(write(piece)))(items)
        assert b"\n".join(pieces) == b"\n".join(smartrest.pack(items))
        assert all(12_000 < len(piece) <= smartrest.PACKET_LIMIT for piece in pieces[:-1])


def test_readers_of_a_million_rows_give_tuples():
    decoding = load("decoding")
    rows = data.bulk_rows(1, 50)
    payload = data.bulk_payload(rows)
    assert decoding.big_decode(payload) == decoding.csv_decode(payload) == rows
    assert decoding.naive_decode(payload)[:-1] == rows


CONTENDERS = {
    "right": "def decode(payload): return [line.split(',') for line in payload.decode().split('\\n')]",
    "wrong": "def decode(payload): return [['1']]",
    "odd": "def decode(payload): return None",
    "raises": "def decode(payload): raise RuntimeError('no')",
    "hangs": "def decode(payload):\n    while True: pass",
    "hangs late": "n = []\ndef decode(payload):\n    n.append(1)\n    while len(n) > 150: pass\n    return []",
}


@pytest.mark.slow
def test_contenders_of_ones_own_are_marked_and_shown_beside_the_others(tmp_path):
    options = []
    for name, code in CONTENDERS.items():
        (tmp_path / f"{name}.py").write_text(code)
        options += ["--contender", tmp_path / f"{name}.py"]
    done = quick("--rows", "D1", "--trial", "4", *options, "--json", tmp_path / "run.json")
    assert done.returncode in (0, 1), done.stderr
    run = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    notes = {row["peer"]: row["note"] for row in run["table"]}
    assert notes["right"] == "right"
    assert notes["wrong"] == notes["odd"] == "wrong on 64 of 64 items"
    assert {f["name"]: f["why"] for f in run["failures"]} == {
        "raises": "raised RuntimeError: no",
        "hangs": "did not end within 4 s",
        "hangs late": "did not end within 4 s",
    }
    assert {"right", "wrong", "naive", "smartrest"} <= {t["name"] for t in run["nanoseconds"]}
    assert "hangs did not end within 4 s" in done.stdout
    assert run["workloads"][1]["foreign"] == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "does not exist"),
        ("x = 1", "defines none of decode, decode_row, encode, encode_row"),
        ("1 / 0", "cannot be loaded: ZeroDivisionError"),
        ("NAME = 'smartrest'\ndecode = str", "another contender is called smartrest"),
    ],
)
def test_a_file_without_a_contender_is_one_clear_sentence(tmp_path, capsys, content, said):
    mine = tmp_path / "mine.py"
    if content:
        mine.write_text(content)
    assert load("__main__").main(["--rows", "D1", "--contender", str(mine)]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_the_example_contender_reads_and_writes_plain_rows():
    example = str(ROOT / "benchmarks" / "example_contender.py")
    for id in ("D1", "E1"):
        found = next(registry.RACES[id](lineup.Setting()))
        [own] = guests.contenders([example], found)
        assert harness.verify(own, found.expected) == ""


def quick(*options, cwd=ROOT):
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(ROOT), *sys.path]))
    line = [sys.executable, "-m", "benchmarks", "--quick", *map(str, options)]
    return subprocess.run(line, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_quick_run_prints_the_table_and_writes_its_files(tmp_path):
    files = ["--json", tmp_path / "run.json", "--markdown", tmp_path / "run.md"]
    done = quick("--rows", "D1,D4,d5,D7,D8,D13,E5,E6,F1,C1,S1,L1", *files)
    assert done.returncode in (0, 1), done.stderr  # with two rounds gates are a matter of chance
    content = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    ids = {"D1", "D4", "D5", "D7", "D8", "D13", "E5", "E6", "F1", "C1", "S1"}
    wanted = {(t.id, t.part, t.peer) for t in targets.TARGETS if t.id in ids}
    found = {(row["id"], row["part"], row["peer"]): row for row in content["table"]}
    assert wanted <= set(found)
    assert found["D1", "decode measurements", "naive"]["value"] > 0
    assert all(row["value"] or row["note"] for row in content["table"])  # each row not measured says why
    assert content["machine"]["engine"] == smartrest.engine()
    assert "quick" in done.stdout
    assert "decode measurements" in (tmp_path / "run.md").read_text(encoding="utf-8")
    assert "| D4 |" in compare.compared(*[str(tmp_path / "run.json")] * 2)


@pytest.mark.parametrize(("options", "named"), [(("--rows", "D99"), "D99"), (("--processes", "0"), "--processes")])
def test_a_meaningless_option_is_refused(options, named, capsys):
    assert load("__main__").main(options) == 2
    assert named in capsys.readouterr().err


def test_the_subcommand_outside_a_checkout_says_how(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "ROOT", tmp_path)
    assert command.run(None) == 2
    assert "pip install -e '.[bench]'" in capsys.readouterr().err


@pytest.mark.slow
def test_the_subcommand_runs_the_benchmarks():
    line = [sys.executable, "-m", "smartrest", "bench", "--quick", "--rows", "C1"]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(ROOT), *sys.path]))
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert "decode of an empty payload" in done.stdout
