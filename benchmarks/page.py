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
from .targets import BEST_JSON, BEST_NAIVE, MAP

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
    """Return the newest run of each kernel, of the first seed and the oldest Python of that day."""
    best: dict[str, dict[str, Any]] = {}
    for run in sorted(
        runs, key=lambda r: (r["date"], r["seed"] == 1, r["machine"]["python"].startswith("CPython 3.11"))
    ):
        best[kernel(run)] = run
    return [best[name] for name in sorted(best, key=order)]


def kernel(run: dict[str, Any]) -> str:
    engine = str(run["machine"]["engine"])
    return engine.partition(":")[2] or engine


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
    return markdown_table(("row", *map(kernel, runs)), rows) if rows else "None."


def one_ahead(other: tuple[str, tuple[float, str]]) -> str:
    name, (share, wrong) = other
    return f"{name} {share:.2f}{' (wrong rows)' if wrong else ''}"


def least(others: dict[str, tuple[float, str]] | None) -> float:
    return min((share for share, _ in others.values()), default=2.0) if others else 2.0


def missed(runs: Found) -> str:
    """Return the gates that were missed on the newest day of each kernel, whatever the seed."""
    days = {(kernel(run), run["date"], run["machine"]["python"]) for run in newest(runs)}
    shown: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for run in runs:
        if (kernel(run), run["date"], run["machine"]["python"]) not in days:
            continue
        for o in run["table"]:
            if o["verdict"] == "MISSED":
                cell = shown.setdefault((o["id"], o["part"], o["peer"]), {}).setdefault(kernel(run), [])
                cell.append(f"{number(o['value'])} of {number(o['gate'])} (seed {run['seed']})")
    kernels = sorted({name for name, _, _ in days}, key=order)
    rows = [
        [f"{id} {part}", peer, *("; ".join(cells.get(name, [])) for name in kernels)]
        for (id, part, peer), cells in shown.items()
    ]
    return markdown_table(("row", "against", *kernels), rows) if rows else "None."


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
    heads = [f"{kernel(run)}, {unit}" for run in runs for unit in ("ns/field", "MB/s")]
    table = [[name, *(line[i] for i in kept)] for name, line in rows.items()]
    return markdown_table(("row", *(heads[i] for i in kept)), table, range(1, len(kept) + 1))


def workloads(runs: Found) -> str:
    known = [run["workloads"] for run in runs if run.get("workloads")]
    return workload_table(known[0]) if known else "Not measured yet."


def table(runs: Found) -> str:
    """Return the ratios: ✗ where a gate was missed, † where today's set-up of the peer is faster.

    One line holds all parts of a row that have the same contenders; their ratios follow each other.
    """
    lines: dict[tuple[str, tuple[str, ...]], dict[str, list[list[str]]]] = {}
    for id, part in dict.fromkeys((o["id"], o["part"]) for run in runs for o in run["table"] if o["id"] not in MAP):
        found = [[o for o in run["table"] if (o["id"], o["part"]) == (id, part)] for run in runs]
        peers = tuple(dict.fromkeys(peer(o) for outcomes in found for o in outcomes))
        cells = [[figure(run, o) for o in outcomes] for run, outcomes in zip(runs, found, strict=True)]
        lines.setdefault((id, peers), {})[part] = cells
    rows = []
    for (id, peers), parts in lines.items():
        cells = []
        for column in range(len(runs)):
            figures = [found[column] for found in parts.values()]
            by_peer = [
                f"{name} {' / '.join(f[i] for f in figures if i < len(f))}"
                for i, name in enumerate(peers)
                if any(figures)
            ]
            cells.append(" · ".join(by_peer))
        rows.append([f"{id} {together(list(parts))}", *cells])
    return markdown_table(("row", *map(kernel, runs)), rows)


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
    for run in runs:
        python = run["machine"]["python"].partition(" (")[0]
        place = f"{run['date']}, commit `{run['commit']}`, {run['machine']['cpu']}, {python}, seed {run['seed']}"
        places.setdefault(place, []).append(kernel(run))
    lines = [f"* {', '.join(kernels)}: {place}" for place, kernels in places.items()]
    versions = dict.fromkeys(", ".join(f"{n} {v}" for n, v in run.get("peers", {}).items()) for run in runs)
    lines += [f"* Contenders: {found}" for found in versions if found]
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
    for section in (ahead, chart, times, workloads, table, sources):
        text = between(text, section.__name__, section(shown), path)
    return between(text, "missed", missed(runs), path)


def between(text: str, name: str, content: str, path: str = "the page") -> str:
    start, end = f"{MARKER}{name} -->", f"<!-- /benchmarks:{name} -->"
    head, found, rest = text.partition(start)
    _, closed, tail = rest.partition(end)
    if not (found and closed):
        raise UnusableRun(f"{path} has no section {name}: put {start} and {end} where it belongs")
    return f"{head}{start}\n{content}\n{end}{tail}"
