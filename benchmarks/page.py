"""Writes finished runs into the sections of a page: where others are ahead, the map, and the tables.

For every kernel its newest run is shown, in a column of its own. The map is a block in the language `diff`: GitHub and
Sphinx colour its lines by their first sign.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .compare import UnusableRun, load
from .lineup import OURS
from .report import faster, markdown_table, number, workload_table
from .targets import BEST_JSON, BEST_NAIVE, IDS, MAP

RESULTS = Path(__file__).parent / "results"
MARKER = "<!-- benchmarks:"
LEVEL = 0.05  # this near to 1 neither is ahead
Found = list[dict[str, Any]]


def finished(folder: Path = RESULTS) -> Found:
    runs = [load(str(path)) for path in sorted(folder.glob("*.json"))]
    runs = [run for run in runs if not run.get("quick")]
    if not runs:
        raise UnusableRun(f"{folder} holds no finished run: write one there with --json")
    return runs


def newest(runs: Found) -> Found:
    """Return the newest run of each kernel, of the first seed and the oldest Python of that day; older ones last."""
    best: dict[str, dict[str, Any]] = {}
    for run in sorted(
        runs, key=lambda r: (r["date"], r["seed"] == 1, r["machine"]["python"].startswith("CPython 3.11"))
    ):
        best[kernel(run)] = run
    last = max(run["date"] for run in runs)
    return sorted(best.values(), key=lambda run: (run["date"] != last, order(kernel(run))))


def kernel(run: dict[str, Any]) -> str:
    engine = str(run["machine"]["engine"])
    return engine.partition(":")[2] or engine


def heads(runs: Found) -> list[str]:
    """Return the columns' names: the kernels, with date and commit where a run is older than the newest."""
    newest_day = max(run["date"] for run in runs)
    return [
        kernel(run) if run["date"] == newest_day else f"{kernel(run)}, {run['date']}, `{run['commit']}`" for run in runs
    ]


def order(name: str) -> int:
    known = ("avx512", "avx2", "sse2", "neon", "scalar", "pure")
    return known.index(name) if name in known else len(known)


def ahead(runs: Found) -> str:
    """Return who is ahead in which row, of all rows, the worst first."""
    found = [faster(run) for run in runs]
    rows = [
        [f"{key[0]} {key[1]}", *(", ".join(map(one_ahead, f.get(key, {}).items())) for f in found)]
        for key in sorted({key for f in found for key in f}, key=lambda key: [least(f.get(key)) for f in found])
    ]
    return markdown_table(("row", *heads(runs)), rows) if rows else "None."


def one_ahead(other: tuple[str, tuple[float, str]]) -> str:
    name, (share, wrong) = other
    return f"{name} {number(share)}{' (wrong rows)' if wrong else ''}"


def least(others: dict[str, tuple[float, str]] | None) -> float:
    return min((share for share, _ in others.values()), default=2.0) if others else 2.0


def of_the_day(runs: Found) -> dict[str, Found]:
    """Return the runs of each kernel, whatever their seed, of the day and the Python of its newest one."""
    found = {}
    for shown in newest(runs):
        where = [(kernel(run), run["date"], run["machine"]["python"]) for run in (shown, *runs)]
        same = [run for run, place in zip(runs, where[1:], strict=True) if place == where[0]]
        found[kernel(shown)] = sorted(same, key=lambda run: int(run["seed"]))
    return found


def missed(runs: Found) -> str:
    """Return the gates that a run of the newest day of its kernel missed, with the ratios of all seeds."""
    ratios: dict[tuple[str, str, str], dict[str, list[dict[str, Any]]]] = {}
    days = of_the_day(runs)
    for name, same in days.items():
        for o in (o for run in same for o in run["table"]):
            ratios.setdefault((o["id"], o["part"], o["peer"]), {}).setdefault(name, []).append(o)
    rows = [
        [f"{id} {part}", peer, *(against_gate(found.get(name, [])) for name in days)]
        for (id, part, peer), found in ratios.items()
        if any(map(against_gate, found.values()))
    ]
    return markdown_table(("row", "against", *heads(newest(runs))), rows) if rows else "None."


def against_gate(outcomes: list[dict[str, Any]]) -> str:
    """Return the ratios of all seeds and their gate, or nothing where none missed it."""
    if not any(o["verdict"] == "MISSED" for o in outcomes):
        return ""
    return f"{' / '.join(map(ratio_of, outcomes))}, gate {number(outcomes[0]['gate'])}"


def chart(runs: Found) -> str:
    """Return the map: a line for each cell, the worst first, marked by the worst ratio of the first kernel."""
    runs = [run for run in runs if any(o["id"] in MAP for o in run["table"])]
    if not runs:
        return "Not measured yet."
    cells: dict[str, list[list[dict[str, Any]]]] = {}
    for column, run in enumerate(runs):
        for o in run["table"]:
            if o["id"] in MAP and o["value"] is not None:
                cells.setdefault(o["part"], [[] for _ in runs])[column].append(o)
    parts = sorted(cells, key=lambda part: worst(cells[part][0]))
    rivals = [part for part in parts if not is_own(cells[part])]
    own = [part for part in parts if is_own(cells[part])]
    lines = [row(" ", "cell", "against", [kernel(run) for run in runs])]
    for head, group in (("against others", rivals), ("against our own encode and decode", own)):
        lines.append(f"@@ {head} @@")
        for part in group:
            against = " / ".join(dict.fromkeys(short_peer(o) for found in cells[part] for o in found))
            figures = [" / ".join(map(ratio_of, found)) for found in cells[part]]
            lines.append(row(sign(worst(cells[part][0])), part, against, figures))
    first = rivals[0]
    named = f"The worst cell on {kernel(runs[0])}: **{first}**, {number(worst(cells[first][0]))}."
    return "\n".join([named, "", "```diff", *(line.rstrip() for line in lines), "```"])


def row(mark: str, part: str, against: str, figures: list[str]) -> str:
    return f"{mark} {part:<47} {against:<18}" + "".join(f"{figure:<15}" for figure in figures)


def worst(found: list[dict[str, Any]]) -> float:
    return min((o["value"] for o in found), default=float("inf"))


def sign(value: float) -> str:
    return "-" if value < 1 - LEVEL else "!" if value < 1 + LEVEL else "+"


def is_own(columns: list[list[dict[str, Any]]]) -> bool:
    return any(o["peer"].startswith("own ") for found in columns for o in found)


def short_peer(outcome: dict[str, Any]) -> str:
    return {BEST_JSON: "JSON", BEST_NAIVE: "naive"}.get(outcome["peer"], outcome["peer"].partition(" ")[0])


def ratio_of(outcome: dict[str, Any]) -> str:
    return number(outcome["value"]) + ("✗" if outcome["verdict"] == "MISSED" else "")


def times(runs: Found) -> str:
    """Return what this engine takes for each row outside the map."""
    rows: dict[str, list[str]] = {}
    for column, run in enumerate(runs):
        for t in run["nanoseconds"]:
            if t["name"] == OURS and t["id"] not in MAP and t.get("fields") and t.get("size"):
                line = rows.setdefault(f"{t['id']} {t['part']}", ["", ""] * len(runs))
                line[2 * column] = f"{t['fastest'] / t['fields']:.3g}"
                line[2 * column + 1] = f"{t['size'] / t['fastest'] * 1e3:,.0f}"
    if not rows:
        return "Not measured yet."
    kept = [i for i in range(2 * len(runs)) if any(line[i] for line in rows.values())]
    names = [f"{head}, {unit}" for head in heads(runs) for unit in ("ns/field", "MB/s")]
    table = [[name, *(line[i] for i in kept)] for name, line in rows.items()]
    return markdown_table(("row", *(names[i] for i in kept)), table, range(1, len(kept) + 1))


def workloads(runs: Found) -> str:
    known = [run["workloads"] for run in runs if run.get("workloads")]
    return workload_table(known[0]) if known else "Not measured yet."


def table(runs: Found) -> str:
    """Return the ratios: ✗ where a gate was missed, † where today's set-up of the peer is faster.

    One line holds all parts of a row that have the same contenders; their ratios follow each other.
    """
    lines: dict[tuple[str, tuple[str, ...]], dict[str, list[dict[str, str]]]] = {}
    parts = dict.fromkeys((o["id"], o["part"]) for run in runs for o in run["table"] if o["id"] not in MAP)
    for id, part in sorted(parts, key=lambda key: IDS.index(key[0])):
        found = [[o for o in run["table"] if (o["id"], o["part"]) == (id, part)] for run in runs]
        peers = tuple(dict.fromkeys(peer(o) for outcomes in found for o in outcomes))
        cells = [{peer(o): figure(run, o) for o in outcomes} for run, outcomes in zip(runs, found, strict=True)]
        lines.setdefault((id, peers), {})[part] = cells
    rows = []
    for (id, peers), by_part in lines.items():
        columns = []
        for column in range(len(runs)):
            figures = [cells[column] for cells in by_part.values()]
            by_peer = [
                f"{name} {' / '.join(f.get(name, '-') for f in figures)}"
                for name in peers
                if any(name in f for f in figures)
            ]
            columns.append(" · ".join(by_peer))
        rows.append([f"{id} {together(list(by_part))}", *columns])
    return markdown_table(("row", *heads(runs)), rows)


def together(parts: list[str]) -> str:
    """Return the parts with the words that they open with said once."""
    words = [part.split(" ") for part in parts]
    same = 0
    while len(parts) > 1 and all(len(w) > same + 1 and w[: same + 1] == words[0][: same + 1] for w in words):
        same += 1
    return " ".join([*words[0][:same], " / ".join(" ".join(w[same:]) for w in words)])


def peer(outcome: dict[str, Any]) -> str:
    return str(outcome["peer"]).partition(" of ")[0]  # best of …


def figure(run: dict[str, Any], outcome: dict[str, Any]) -> str:
    dated = run.get("superseded", {})
    mark = "†" if outcome["id"] in dated or f"{outcome['id']} {peer(outcome)}" in dated else ""
    return f"{number(outcome['value']) or '?'}{mark}{'✗' if outcome['verdict'] == 'MISSED' else ''}"


def sources(runs: Found) -> str:
    places: dict[str, list[str]] = {}
    versions: dict[str, dict[str, None]] = {}
    for name, same in of_the_day(runs).items():
        seeds = ", ".join(dict.fromkeys(str(run["seed"]) for run in same))
        for run in newest(same):
            python = run["machine"]["python"].partition(" (")[0]
            place = f"{run['date']}, commit `{run['commit']}`, {run['machine']['cpu']}, {python}"
            places.setdefault(place, []).append(
                f"{name} (seeds {seeds})" if len(seeds) > 1 else f"{name} (seed {seeds})"
            )
            found = ", ".join(f"{peer} {version}" for peer, version in run.get("peers", {}).items())
            versions.setdefault(found, {})[name] = None
    lines = [f"* {', '.join(kernels)}: {place}" for place, kernels in places.items()]
    lines += [f"* contenders of {', '.join(kernels)}: {found}" for found, kernels in versions.items() if found]
    runs = newest(runs)
    dated: dict[str, dict[str, None]] = {}
    for run in runs:
        for name, why in run.get("superseded", {}).items():
            dated.setdefault(why, {})[name] = None
    marked = "; ".join(f"{', '.join(names)}: {why}" for why, names in dated.items())
    return "\n".join([*lines, *([f"* † set up differently then: {marked}."] if marked else [])])


def write(path: str) -> None:
    """Put the newest results between the page's markers. Raises UnusableRun."""
    runs = finished()
    target = Path(path)
    try:
        text = target.read_text(encoding="utf-8")
    except OSError as exc:
        raise UnusableRun(f"{path} cannot be read: {exc.strerror or exc}") from exc
    target.write_text(filled(text, runs, path), encoding="utf-8")


def filled(text: str, runs: Found, path: str = "the page") -> str:
    """Return the text with every section written anew. Raises UnusableRun."""
    shown = newest(runs)
    for section in (ahead, chart, times, workloads, table):
        text = between(text, section.__name__, section(shown), path)
    for section in (missed, sources):
        text = between(text, section.__name__, section(runs), path)
    return text


def between(text: str, name: str, content: str, path: str = "the page") -> str:
    start, end = f"{MARKER}{name} -->", f"<!-- /benchmarks:{name} -->"
    head, found, rest = text.partition(start)
    _, closed, tail = rest.partition(end)
    if not (found and closed):
        raise UnusableRun(f"{path} has no section {name}: put {start} and {end} where it belongs")
    return f"{head}{start}\n{content}\n{end}{tail}"
