"""Shared by the tests of tables: the engines for tables, and tables as lists of Python values."""

from __future__ import annotations

import importlib
from typing import Any

import support

from smartrest.pure import columns as pure_columns


def open_columns(variant: str) -> Any:
    """The engine for tables of that name. If it cannot run, skips the test, or fails it if the core is required."""
    support.open_engine(variant)  # skips or fails
    if variant == "pure":
        return pure_columns
    return importlib.import_module("smartrest.columns").Engine(variant.partition(":")[2])
