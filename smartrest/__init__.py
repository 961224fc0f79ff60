"""Reads and writes SmartREST, the CSV-like MQTT payload of Cumulocity IoT devices: lossless and fast."""

from __future__ import annotations

from ._constants import PACKET_LIMIT, PAYLOAD_LIMIT
from ._engine import (
    Dispatcher,
    Encoder,
    LazyRow,
    LazyRows,
    Packer,
    Schema,
    check,
    compile,
    decode,
    decode_row,
    encode,
    encode_row,
    engine,
    escape,
    pack,
    payload_budget,
    scan,
    split,
    truncate,
    unescape,
)
from ._findings import Finding
from .errors import (
    DecodeError,
    DispatchError,
    EncodeError,
    EngineWarning,
    PayloadTooLargeError,
    SmartRestError,
    TemplateError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .pure import Field, RowLike
else:  # stand-ins at run time: the exact types import typing, and a module __getattr__ slows down every call
    Field = object
    RowLike = tuple | list | LazyRow

__version__ = "0.2.0"  # pyproject.toml takes it from here

__all__ = [
    "PACKET_LIMIT",
    "PAYLOAD_LIMIT",
    "DecodeError",
    "DispatchError",
    "Dispatcher",
    "EncodeError",
    "Encoder",
    "EngineWarning",
    "Field",
    "Finding",
    "LazyRow",
    "LazyRows",
    "Packer",
    "PayloadTooLargeError",
    "RowLike",
    "Schema",
    "SmartRestError",
    "TemplateError",
    "__version__",
    "check",
    "compile",
    "decode",
    "decode_row",
    "encode",
    "encode_row",
    "engine",
    "escape",
    "pack",
    "payload_budget",
    "scan",
    "split",
    "truncate",
    "unescape",
]
