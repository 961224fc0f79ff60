"""What tests of the benchmarks share: how to import them, and the races of a row."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def load(name):
    """Import a module of the benchmarks, which are not installed, without putting the checkout on the path."""
    if "benchmarks" not in sys.modules:
        folder = ROOT / "benchmarks"
        spec = importlib.util.spec_from_file_location(
            "benchmarks", folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        sys.modules["benchmarks"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["benchmarks"])
    return importlib.import_module(f"benchmarks.{name}")


registry, lineup = load("registry"), load("lineup")
UNMEASURED = set() if load("peers").numpy else {"encode, numpy ints"}  # without the packages that it needs


def lineups(id):
    return list(registry.RACES[id](lineup.Setting(quick=True)))
