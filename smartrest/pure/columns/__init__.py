"""The reference for tables, row by row over the pure codec: what `smartrest.columns` does in loops over columns.

`abi.py` reads and writes Arrow batches with ctypes; `decode.py` and `encode.py` know values, and nothing of memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .abi import Batch, Shape, from_buffers, read_array, read_stream, shape_of, stream_of
from .decode import Plan, Reader
from .encode import TableEncoder

__all__ = [
    "Batch",
    "Reader",
    "Shape",
    "TableEncoder",
    "encoder",
    "engine",
    "from_buffers",
    "read_array",
    "read_stream",
    "reader",
    "shape_of",
    "stream_of",
]


def engine() -> str:
    """The name of this engine."""
    return "pure"


def encoder(plan: Any, shape: Shape) -> TableEncoder:
    """What packs the rows of batches of this shape into payloads."""
    return TableEncoder(plan, shape)


def reader(plans: Sequence[Plan], payload: str, keep: Sequence[str]) -> Reader:
    """What reads payloads by these plans."""
    return Reader(plans, payload, keep)
