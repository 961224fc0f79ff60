"""The reference for tables, row by row over the pure codec: what `smartrest.columns` does in loops over columns.

`abi.py` reads and writes Arrow batches with ctypes; `decode.py` and `encode.py` know values, and nothing of memory.
"""

from __future__ import annotations

from .abi import Batch, Shape, from_buffers, read_array, read_stream, shape_of, stream_of

__all__ = ["Batch", "Shape", "engine", "from_buffers", "read_array", "read_stream", "shape_of", "stream_of"]


def engine() -> str:
    """The name of this engine."""
    return "pure"
