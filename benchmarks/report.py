"""Writes a finished run: the table as text and as Markdown, all figures as JSON, the ratios as a chart."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import smartrest

from .peers import versions
from .table import OURS, Outcome, Run

MARKER = "<!-- benchmarks:"
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
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
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
    return "\n".join([*lines, "", *summary(run), ""])


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
    if here["engine"].partition(":")[2] not in ("avx512", "avx2"):
        lines.append("no gates are set for this engine, but for the rows P1, G1, M1 and I1")
    return lines


def skipped(run: Run) -> str:
    missing = [o for o in run.outcomes if o.verdict == "not measured"]
    return f"{len(missing)} not measured" if missing else "all of them measured"


def as_json(run: Run) -> str:
    content: dict[str, Any] = {
        "machine": machine(),
        "peers": versions(),
        "seed": run.seed,
        "clock": run.clock,
        "quick": run.quick,
    }
    content["table"] = [asdict(outcome) for outcome in run.outcomes]
    content["nanoseconds"] = run.timings
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Return a table with its `right` columns, the numbers, aligned to the right."""
    rule = ["---:" if i in right else "---" for i in range(len(head))]
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in (head, rule, *rows)]
    return "\n".join("| " + " | ".join(row) + " |" for row in escaped)


def as_markdown(run: Run) -> str:
    rows = [[c.replace("<= ", "≤ ") for c in cells(outcome)] for outcome in run.outcomes]
    table = markdown_table(HEAD, rows, range(3, 7))
    return table + "\n\n" + "  \n".join(summary(run))


def nanoseconds(timings: Sequence[dict[str, Any]]) -> str:
    """Return every contender's time, fastest first, one line for each part."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for timing in timings:
        groups.setdefault((timing["id"], timing["part"], timing["unit"]), []).append(timing)
    rows = []
    for (id, part, unit), members in groups.items():
        if id == "G1" or (unit == "call" and ": free" in part):
            continue
        ordered = sorted(members, key=lambda t: t["fastest"])
        rows.append((id, part, unit, " · ".join(f"{t['name']} {short(t['fastest'])}" for t in ordered)))
    return markdown_table(("id", "what", "per", "fastest of all rounds"), rows)


def ahead(timings: Sequence[dict[str, Any]]) -> str:
    """Return who was faster than this engine, and in which rows."""
    ours = {(t["id"], t["part"]): t["fastest"] for t in timings if t["name"] == OURS and t["id"][0] in "DE"}
    lines = []
    for (id, part), mine in ours.items():
        others = [t for t in timings if (t["id"], t["part"]) == (id, part) and t["fastest"] < mine]
        names = [
            f"{t['name']} ({t['fastest'] / mine:.2f} of our time{', wrong rows' if t['wrong'] else ''})" for t in others
        ]
        if names and ": free" not in part and id not in ("D13", "E9"):
            lines.append(f"* {id}, {part}: {', '.join(names)}")
    return "\n".join(lines) or "None."


def short(nanoseconds: float) -> str:
    for size, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.3g} ns"


def compared(paths: Sequence[str]) -> str:
    """Return one table of several runs that were written as JSON: a column of ratios for each."""
    runs = [json.loads(Path(path).read_text(encoding="utf-8")) for path in paths]
    marks = {"goal": "", "gate": "", "MISSED": " ✗", "-": "", "not measured": ""}
    head = ["id", "what", "against"]
    for run in runs:
        python = run["machine"]["python"].split()[1]
        head.append(f"{run['machine']['engine']}, {python}, seed {run['seed']}")
    keys = list(dict.fromkeys((o["id"], o["part"], o["peer"]) for run in runs for o in run["table"]))
    columns = [{(o["id"], o["part"], o["peer"]): o for o in run["table"]} for run in runs]
    rows = []
    for key in keys:
        found = [column.get(key) for column in columns]
        rows.append([*key, *(number(o["value"]) + marks[o["verdict"]] if o else "" for o in found)])
    return markdown_table(head, rows, range(3, len(head))) + "\n\n✗: the gate of that engine and Python was missed."


def write_sections(path: str, sections: dict[str, str]) -> None:
    """Put each content between the markers of its section; a file without any markers becomes the contents alone."""
    target = Path(path)
    old = target.read_text(encoding="utf-8") if target.exists() else ""
    if MARKER not in old:
        old = "\n".join(f"{marker(name)}\n{marker('/' + name)}\n" for name in sections)
    for name, content in sections.items():
        start, end = marker(name), marker("/" + name)
        head, found, rest = old.partition(start)
        _, closed, tail = rest.partition(end)
        if found and closed:
            old = f"{head}{start}\n\n{content}\n\n{end}{tail}"
        else:
            print(f"smartrest: {path} has no section {name}: not written", file=sys.stderr)
    target.write_text(old, encoding="utf-8")


def marker(name: str) -> str:
    return f"{MARKER}{name} -->".replace("benchmarks:/", "/benchmarks:")


def chart(run: Run, path: str) -> None:
    """Draw each ratio with its gate and goal as an SVG. Those that must stay small are not in it."""
    import matplotlib  # comes with the bench extra

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "smartrest"
    from matplotlib import pyplot

    shown = [o for o in run.outcomes if o.value is not None and o.gate is not None and not o.small][::-1]
    if not shown:
        print("smartrest: nothing to draw: no row with a gate was measured", file=sys.stderr)
        return
    figure, axes = pyplot.subplots(figsize=(10, 1.5 + 0.21 * len(shown)))
    places = range(len(shown))
    colours = ["#c0392b" if o.verdict == "MISSED" else "#2e7d6b" for o in shown]
    axes.barh(places, [o.value or 0 for o in shown], color=colours, height=0.65)
    axes.plot([o.gate or 0 for o in shown], places, "|", color="black", markersize=9, label="gate")
    axes.plot([o.goal or 0 for o in shown], places, ".", color="#777777", markersize=4, label="goal")
    axes.axvline(1, color="black", linewidth=0.6)
    axes.set_xscale("log")
    axes.set_yticks(places, [f"{o.id}  {o.part} / {o.peer}" for o in shown], fontsize=6.5)
    axes.set_ylim(-0.8, len(shown) - 0.2)
    axes.set_xlabel("times faster than the contender after the slash (logarithmic)")
    here = machine()
    axes.set_title(f"{here['engine']}, {here['python'].partition(' (')[0]}, {here['cpu']}", fontsize=8)
    axes.legend(loc="lower right", fontsize=7)
    figure.savefig(path, format="svg", bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)
