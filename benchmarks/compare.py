"""Sets two finished runs side by side: both ratios, the difference, and whether noise explains it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .report import markdown_table, number

NOISE = 0.05  # assumed between processes where a run does not hold their ratios
HOW = f"""\
Noise: how far the ratios of the processes lie apart, in the run where that is more.
(assumed): a run holds one ratio a row, and {NOISE:.0%} is taken for it."""
Key = tuple[str, str, str]


class UnusableRun(Exception):
    """A file that holds no finished run; the text says why, and what to do."""


def load(path: str) -> dict[str, Any]:
    try:
        run = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as exc:
        raise UnusableRun(f"{path} cannot be read: {exc.strerror or exc}") from exc
    except ValueError as exc:
        raise UnusableRun(f"{path} is not JSON: give a file that --json wrote") from exc
    wanted = ("id", "part", "peer", "value")
    table = run.get("table") if isinstance(run, dict) else None
    if not isinstance(table, list) or not all(isinstance(o, dict) and all(k in o for k in wanted) for o in table):
        raise UnusableRun(f"{path} does not hold a run of the benchmarks: give a file that --json wrote")
    if any(not isinstance(o["value"], (int, float, type(None))) for o in table):
        raise UnusableRun(f"{path} holds a ratio that is not a number: give a file that --json wrote")
    return run


def label(path: str, run: dict[str, Any]) -> str:
    """Return the file's name with its engine, Python and seed, so that two columns never read the same."""
    machine = run.get("machine") or {}
    python = [*machine.get("python", "").split(), "", ""][1]
    known = (machine.get("engine", ""), python, f"seed {run['seed']}" if "seed" in run else "", run.get("date", ""))
    return f"{path} ({', '.join(filter(None, known))})" if any(known) else path


def compared(first: str, second: str) -> str:
    """Return how the second run differs from the first, row by row. Raises UnusableRun."""
    a, b = load(first), load(second)
    names = [label(first, a), label(second, b)]
    columns: list[dict[Key, dict[str, Any]]] = [
        {(o["id"], o["part"], o["peer"]): o for o in run["table"]} for run in (a, b)
    ]
    rows = []
    for key in dict.fromkeys([*columns[0], *columns[1]]):
        before, after = (column.get(key) for column in columns)
        rows.append([*key, *(number(o["value"]) if o else "" for o in (before, after)), *difference(before, after)])
    head = ("id", "what", "against", "A", "B", "B over A", "noise", "")
    return f"A: {names[0]}\nB: {names[1]}\n\n" + markdown_table(head, rows, range(3, 7)) + f"\n\n{HOW}"


def difference(before: dict[str, Any] | None, after: dict[str, Any] | None) -> tuple[str, str, str]:
    """Return the change in percent, the noise, and which of the two is larger."""
    if not before or not after or not before["value"] or not after["value"]:
        return "", "", ""
    change = after["value"] / before["value"] - 1
    spreads = [spread(o) for o in (before, after)]
    known = [s for s in spreads if s is not None]
    noise = max([*known, NOISE]) if len(known) < 2 else max(known)
    small = bool(before.get("small"))
    verdict = "within noise" if abs(change) <= noise else "better" if (change > 0) != small else "worse"
    return f"{change:+.1%}", f"{noise:.1%}" + (" (assumed)" if len(known) < 2 else ""), verdict


def spread(outcome: dict[str, Any]) -> float | None:
    """Return how far the processes lie apart, as a share of the least; None where that is not known."""
    values = outcome.get("values") or []
    return max(values) / min(values) - 1 if len(values) > 1 and min(values) > 0 else None
