"""The reference for tables, row by row over the pure codec: what `smartrest.columns` does in loops over columns.

`abi.py` reads and writes Arrow batches with ctypes; `decode.py` and `encode.py` know values, and nothing of memory.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..._columns import Plan as Encoding
from .abi import Batch, Shape, from_buffers, read_array, read_stream, shape_of, stream_of
from .decode import Plan, Reader
from .encode import TableEncoder

__all__ = [
    "Batch",
    "Reader",
    "Shape",
    "TableEncoder",
    "engine",
    "from_buffers",
    "read_array",
    "read_stream",
    "reader",
    "shape_of",
    "stream_of",
    "writer",
]


def engine() -> str:
    """The name of this engine."""
    return "pure"


def reader(plans: Sequence[Plan], payload: str, keep: Sequence[str]) -> Reader:
    """What reads payloads by these plans."""
    return Reader(plans, payload, keep)


def writer(plan: Encoding, shape: Shape) -> TableEncoder:
    """What packs the rows of tables with these columns."""
    return TableEncoder(plan, shape)
