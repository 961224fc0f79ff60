"""Writes a finished run: the table as text and as Markdown, and all figures as JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import smartrest

from . import payloads as data
from .lineup import OURS
from .peers import versions
from .table import Outcome, Run

ROOT = Path(__file__).parent.parent
HEAD = ("id", "what", "against", "ratio", "median", "gate", "goal", "verdict", "note")


def machine() -> dict[str, str]:
    """Return what the figures hang on."""
    return {
        "cpu": cpu(),
        "cores": str(os.cpu_count()),
        "python": f"{platform.python_implementation()} {platform.python_version()} ({platform.python_compiler()})",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "engine": smartrest.engine(),
    }


def commit() -> str:
    """Return the commit that is checked out, with a mark where files were changed."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def cpu() -> str:
    try:
        info = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    found = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in info.splitlines())}
    name = found.get("model name", platform.machine())
    return f"{name} (family {found['cpu family']}, model {found['model']})" if "cpu family" in found else name


def number(value: float | None, small: bool = False) -> str:
    if value is None:
        return ""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 0.1 else 3
    return ("<= " if small else "") + f"{value:.{digits}f}"


def cells(outcome: Outcome) -> tuple[str, ...]:
    note = outcome.note
    if outcome.noisy:
        note = "; ".join(filter(None, (note, "NOISY: minima and medians differ by more than 10 %")))
    return (
        outcome.id,
        outcome.part,
        outcome.peer,
        number(outcome.value),
        number(outcome.median),
        number(outcome.gate, outcome.small),
        number(outcome.goal, outcome.small),
        outcome.verdict,
        note,
    )


def as_text(run: Run) -> str:
    rows = [HEAD, *map(cells, run.outcomes)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    failed = [f"{f['id']}, {f['part']}: {f['name']} {f['why']}" for f in run.failures]
    return "\n".join([*lines, "", *failed, "", rates(run.timings), "", *summary(run), ""])


def summary(run: Run) -> list[str]:
    """Return the machine, and how many targets were reached."""
    judged = [o for o in run.outcomes if o.verdict in ("goal", "gate", "MISSED")]
    reached = [o for o in judged if o.verdict != "MISSED"]
    goals = [o for o in judged if o.verdict == "goal"]
    here = machine()
    lines = [f"{key}: {value}" for key, value in here.items()]
    lines.append("peers: " + ", ".join(f"{name} {found}" for name, found in versions().items()))
    lines.append(f"seed: {run.seed}, {run.clock} clock{', quick: the figures mean nothing' if run.quick else ''}")
    lines.append(f"{len(reached)} of {len(judged)} gates reached, {len(goals)} goals; {skipped(run)}")
    if here["engine"].partition(":")[2] not in ("avx512", "avx2", "sse2"):
        lines.append("few gates are set for this engine (benchmarks/targets.py)")
    return lines


def skipped(run: Run) -> str:
    missing = [o for o in run.outcomes if o.verdict == "not measured"]
    return f"{len(missing)} not measured" if missing else "all of them measured"


def as_json(run: Run) -> str:
    content: dict[str, Any] = {
        "date": date.today().isoformat(),
        "commit": commit(),
        "machine": machine(),
        "peers": versions(),
        "seed": run.seed,
        "clock": run.clock,
        "quick": run.quick,
    }
    content["table"] = [asdict(outcome) for outcome in run.outcomes]
    content["nanoseconds"] = run.timings
    content["failures"] = run.failures
    content["workloads"] = all_facts(run.seed)
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Return a table with its `right` columns, the numbers, aligned to the right."""
    rule = ["---:" if i in right else "---" for i in range(len(head))]
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in (head, rule, *rows)]
    return "\n".join("| " + " | ".join(row) + " |" for row in escaped)


def as_markdown(run: Run) -> str:
    rows = [[c.replace("<= ", "≤ ") for c in cells(outcome)] for outcome in run.outcomes]
    parts = [
        f"# Where others are ahead\n\n{ahead(asdict_of(run))}",
        f"# The table\n\n{markdown_table(HEAD, rows, range(3, 7))}",
        f"# Times\n\n{rates(run.timings)}",
        f"# Workloads\n\n{workloads(run.seed)}",
        "  \n".join(summary(run)),
    ]
    return "\n\n".join(parts) + "\n"


def asdict_of(run: Run) -> dict[str, Any]:
    return {"table": [asdict(outcome) for outcome in run.outcomes], "nanoseconds": run.timings}


def rates(timings: Sequence[dict[str, Any]]) -> str:
    """Return every contender's time, fastest first; with ns a field and MB/s of SmartREST where the race has both."""
    rows = []
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for timing in timings:
        groups.setdefault((timing["id"], timing["part"]), []).append(timing)
    for (id, part), members in groups.items():
        if id == "G1" or part.endswith(": free"):
            continue
        for t in sorted(members, key=lambda t: t["fastest"]):
            fields, size = t.get("fields"), t.get("size")
            field = f"{t['fastest'] / fields:.3g}" if fields else ""
            speed = f"{size / t['fastest'] * 1e3:.4g}" if size else ""
            spread = f"{short(min(t['processes']))} to {short(max(t['processes']))}" if t.get("processes") else ""
            rows.append((id, part, t["name"], f"{short(t['fastest'])}/{t['unit']}", field, speed, spread, t["wrong"]))
    return markdown_table(("id", "what", "who", "fastest", "ns/field", "MB/s", "processes", "wrong"), rows, range(3, 7))


def workloads(seed: int) -> str:
    """Return what each workload holds."""
    return workload_table(all_facts(seed))


def all_facts(seed: int) -> list[dict[str, Any]]:
    return [asdict(data.facts(data.workload(name, seed))) for name in data.WORKLOADS]


def workload_table(found: Sequence[dict[str, Any]]) -> str:
    rows = []
    for f in found:
        counts = (f"{f[key]:,}" for key in ("payloads", "size", "rows", "fields"))
        shares = (f"{100 * f[key]:.0f} %" for key in ("quoted", "escaped", "foreign"))
        rows.append((f["name"], *counts, *shares))
    head = (
        "workload",
        "payloads",
        "bytes",
        "rows",
        "fields",
        "fields quoted",
        "fields with quotes inside",
        "rows beyond ASCII",
    )
    return markdown_table(head, rows, range(1, len(head)))


def faster(run: dict[str, Any]) -> dict[tuple[str, str], dict[str, tuple[float, str]]]:
    """Return who was ahead of this engine, by row and name: its time over ours, and on what it was wrong.

    All rows count: by the ratio of the table, or by the fastest round. Only a bound without a contender is not a race.
    """
    found: dict[tuple[str, str], dict[str, tuple[float, str]]] = {}
    times: dict[tuple[str, str], dict[str, Any]] = {}
    for t in run["nanoseconds"]:
        if not t["part"].endswith(": free"):  # what freeing takes is a part of no row
            times.setdefault((t["id"], t["part"]), {})[t["name"]] = t
    for key, timed in times.items():
        mine = timed.get(OURS)
        for name, t in timed.items():
            if mine and t["fastest"] < mine["fastest"]:
                found.setdefault(key, {})[name] = (t["fastest"] / mine["fastest"], t.get("wrong", ""))
    for outcome in run["table"]:
        value, key = outcome["value"], (outcome["id"], outcome["part"])
        if value is None or outcome["peer"] == "itself" or outcome["id"] == "L1":
            continue
        share = 1 / value if outcome["small"] and value else value
        if share < 1:
            note = outcome["note"].partition(";")[0]
            name = note.removeprefix("by ") if note.startswith("by ") else outcome["peer"]
            others = found.setdefault(key, {})
            others[name] = min(others.get(name, (1.0, "")), (share, note if note.startswith("wrong") else ""))
    return {key: dict(sorted(others.items(), key=lambda item: item[1][0])) for key, others in found.items()}


def ahead(run: dict[str, Any]) -> str:
    """Return `faster` as a list."""
    lines = []
    for (id, part), others in faster(run).items():
        named = [
            f"{name} ({number(share)} of our time{', wrong rows' if wrong else ''})"
            for name, (share, wrong) in others.items()
        ]
        lines.append(f"* {id}, {part}: {', '.join(named)}")
    return "\n".join(lines) or "None."


def short(nanoseconds: float) -> str:
    for size, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.3g} ns"
