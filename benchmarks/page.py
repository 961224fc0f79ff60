"""Writes finished runs into the sections of a page: where others are ahead, and the newest table of each kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .compare import UnusableRun, load
from .report import faster, markdown_table, number

RESULTS = Path(__file__).parent / "results"
MARKER = "<!-- benchmarks:"


def newest(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """Return the newest run of each kernel, of the first seed and the oldest Python of that day."""
    runs = [load(str(path)) for path in sorted(folder.glob("*.json"))]
    runs = [run for run in runs if not run.get("quick")]
    if not runs:
        raise UnusableRun(f"{folder} holds no finished run: write one there with --json")
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


def ahead(runs: list[dict[str, Any]]) -> str:
    """Return who is ahead in which row, of all rows, with a column for each kernel."""
    found = [faster(run) for run in runs]
    rows = [
        [
            f"{key[0]} {key[1]}",
            *(", ".join(f"{name} {share:.2f}" for name, (share, _) in f.get(key, {}).items()) for f in found),
        ]
        for key in sorted({key for f in found for key in f}, key=place)
    ]
    return markdown_table(("row", *map(kernel, runs)), rows) if rows else "None."


def place(key: tuple[str, str]) -> tuple[str, int, str]:
    return key[0][0], int(key[0][1:]), key[1]


def table(runs: list[dict[str, Any]]) -> str:
    """Return the ratios, one line a part: ✗ where a gate was missed, † where today's set-up of the peer is faster."""
    columns: list[dict[tuple[str, str], list[str]]] = []
    for run in runs:
        column: dict[tuple[str, str], list[str]] = {}
        for o in run["table"]:
            if o["value"] is not None:
                column.setdefault((o["id"], o["part"]), []).append(cell(run, o))
        columns.append(column)
    keys = dict.fromkeys(key for column in columns for key in column)
    rows = [[f"{id} {part}", *(" · ".join(c.get((id, part), ())) for c in columns)] for id, part in keys]
    return markdown_table(("row", *map(kernel, runs)), rows)


def cell(run: dict[str, Any], outcome: dict[str, Any]) -> str:
    peer = str(outcome["peer"]).partition(" of ")[0]  # best of …
    dated = run.get("superseded", {})
    mark = " †" if outcome["id"] in dated or f"{outcome['id']} {peer}" in dated else ""
    return f"{peer} {number(outcome['value'])}{mark}{' ✗' if outcome['verdict'] == 'MISSED' else ''}"


def sources(runs: list[dict[str, Any]]) -> str:
    lines = [
        f"* {kernel(run)}: {run['date']}, commit `{run['commit']}`, {run['machine']['cpu']}, "
        f"{run['machine']['python'].partition(' (')[0]}, seed {run['seed']}"
        for run in runs
    ]
    why = {f"{name}: {reason}": None for run in runs for name, reason in run.get("superseded", {}).items()}
    return "\n".join([*lines, *([f"* † {'; '.join(why)}."] if why else [])])


def write(path: str) -> None:
    """Put the newest results between the page's markers. Raises UnusableRun."""
    runs = newest()
    target = Path(path)
    try:
        text = target.read_text(encoding="utf-8")
    except OSError as exc:
        raise UnusableRun(f"{path} cannot be read: {exc.strerror or exc}") from exc
    for name, content in (("ahead", ahead(runs)), ("table", table(runs)), ("sources", sources(runs))):
        text = between(text, name, content, path)
    target.write_text(text, encoding="utf-8")


def between(text: str, name: str, content: str, path: str = "the page") -> str:
    start, end = f"{MARKER}{name} -->", f"<!-- /benchmarks:{name} -->"
    head, found, rest = text.partition(start)
    _, closed, tail = rest.partition(end)
    if not (found and closed):
        raise UnusableRun(f"{path} has no section {name}: put {start} and {end} where it belongs")
    return f"{head}{start}\n\n{content}\n\n{end}{tail}"
