"""Contenders of the user's own: files that define some of `decode`, `decode_row`, `encode`, `encode_row`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from runpy import run_path
from typing import Any

from .harness import Contender
from .lineup import OURS, Lineup

JOBS = ("decode", "decode_row", "encode", "encode_row")


class UnusableFile(Exception):
    """A file that gives no contender; the text says why, and what to do."""


@lru_cache
def load(path: str) -> tuple[str, dict[str, Callable[[Any], Any]]]:
    """Return the name of a contender and its functions."""
    if not Path(path).is_file():
        raise UnusableFile(f"{path} does not exist: give --contender the path of a Python file")
    try:
        found = run_path(path)
    except Exception as exc:  # a user's file may raise anything
        raise UnusableFile(f"{path} cannot be loaded: {type(exc).__name__}: {exc}") from exc
    jobs = {job: found[job] for job in JOBS if callable(found.get(job))}
    if not jobs:
        raise UnusableFile(f"{path} defines none of {', '.join(JOBS)}: see benchmarks/example_contender.py")
    return str(found.get("NAME", Path(path).stem)), jobs


def check(paths: Sequence[str], taken: Sequence[str] = (OURS,)) -> None:
    """Raise UnusableFile where a file gives no contender, or a name that another has."""
    names = list(taken)
    for path in paths:
        name = load(path)[0]
        if name in names:
            raise UnusableFile(f"{path}: another contender is called {name}: set another NAME in the file")
        names.append(name)


def contenders(paths: Sequence[str], lineup: Lineup) -> list[Contender]:
    """Return those that can do the lineup's job, on the same items and with the same check as this engine."""
    model = lineup.contenders[0]
    taken = {contender.name for contender in lineup.contenders}
    found = []
    for path in paths:
        name, jobs = load(path)
        if lineup.job in jobs:
            name = f"{name}, your own" if name in taken else name
            names, code = {lineup.job: jobs[lineup.job]}, f"{lineup.job}(item)"
            items = model.items if callable(model.items) else deepcopy(model.items)  # its own, to spoil as it likes
            found.append(Contender(name, code, names, items, reads=model.reads, forgives=model.forgives, guest=True))
    return found
