"""Shared by the tests of tables: the engines for tables, and tables as lists of Python values."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import support

from smartrest.arrow import _engine
from smartrest.pure import columns as pure_columns
from smartrest.pure.columns.abi import values


def open_columns(variant: str) -> Any:
    """The engine for tables of that name. If it cannot run, skips the test, or fails it if the core is required."""
    support.open_engine(variant)  # skips or fails
    if variant == "pure":
        return pure_columns
    return importlib.import_module("smartrest.columns").Engine(variant.partition(":")[2])


@contextmanager
def using(engine: Any) -> Iterator[None]:
    """`smartrest.arrow` on this engine for tables."""
    before, _engine._chosen = _engine._chosen, engine
    try:
        yield
    finally:
        _engine._chosen = before


def rows_of(table: Any) -> list[tuple[Any, ...]]:
    """The rows of a batch or of batches, read by the pure engine: texts as `str`, times as integers."""
    if hasattr(table, "__arrow_c_array__"):
        batches = [pure_columns.read_array(*table.__arrow_c_array__())]
    else:
        batches = list(pure_columns.read_stream(table.__arrow_c_stream__()))
    return [
        tuple(_as_text(value) for value in row)
        for batch in batches
        for row in zip(*[values(array) for array in batch.array.children], strict=True)
    ]


def _as_text(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value
