"""Tables to SmartREST payloads and back, a column at a time, for whatever speaks the Arrow PyCapsule interface.

Batches in, batches out: pyarrow, pandas, polars, DuckDB and nanoarrow need no other library, and neither do columns of
numpy arrays. Where pyarrow is installed, iterating yields its `RecordBatch`.
"""

from __future__ import annotations

from ._batches import Batches
from ._decode import Decoded, Decoder, decode_batches, decode_table
from ._encode import encode_batches, encode_table

__all__ = [
    "Batches",
    "Decoded",
    "Decoder",
    "decode_batches",
    "decode_table",
    "encode_batches",
    "encode_table",
]
