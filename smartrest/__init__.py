"""SmartREST, the CSV-like payload of Cumulocity IoT devices on MQTT: read and written without loss, and fast."""

from __future__ import annotations

from ._constants import PACKET_LIMIT, PAYLOAD_LIMIT
from ._engine import (
    Dispatcher,
    Encoder,
    LazyRow,
    LazyRows,
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
from ._finding import Finding
from .errors import (
    DecodeError,
    DispatchError,
    EncodeError,
    PayloadTooLargeError,
    SmartRestError,
    TemplateError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .pure import Field, RowLike
else:

    def __getattr__(name):
        if name not in ("Field", "RowLike"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from .pure import types  # only for annotations that are looked at

        return getattr(types, name)


__all__ = [
    "PACKET_LIMIT",
    "PAYLOAD_LIMIT",
    "DecodeError",
    "DispatchError",
    "Dispatcher",
    "EncodeError",
    "Encoder",
    "Field",
    "Finding",
    "LazyRow",
    "LazyRows",
    "PayloadTooLargeError",
    "RowLike",
    "Schema",
    "SmartRestError",
    "TemplateError",
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
