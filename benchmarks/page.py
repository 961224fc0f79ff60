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
    """Return the ratios: ✗ where a gate was missed, † where today's set-up of the peer is faster.

    One line holds all parts of a row that have the same contenders; their ratios follow each other.
    """
    lines: dict[tuple[str, tuple[str, ...]], dict[str, list[list[str]]]] = {}
    for id, part in dict.fromkeys((o["id"], o["part"]) for run in runs for o in run["table"]):
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


def sources(runs: list[dict[str, Any]]) -> str:
    places: dict[str, list[str]] = {}
    for run in runs:
        python = run["machine"]["python"].partition(" (")[0]
        place = f"{run['date']}, commit `{run['commit']}`, {run['machine']['cpu']}, {python}, seed {run['seed']}"
        places.setdefault(place, []).append(kernel(run))
    lines = [f"* {', '.join(kernels)}: {place}" for place, kernels in places.items()]
    dated: dict[str, dict[str, None]] = {}
    for run in runs:
        for name, why in run.get("superseded", {}).items():
            dated.setdefault(why, {})[name] = None
    marked = "; ".join(f"{', '.join(names)}: {why}" for why, names in dated.items())
    return "\n".join([*lines, *([f"* † set up differently then: {marked}."] if marked else [])])


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
    return f"{head}{start}\n{content}\n{end}{tail}"
