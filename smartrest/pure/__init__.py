"""The reference engine in pure Python, written from the rules of docs/format.md, and the home of public docstrings.

`reading.py` finds the reading of a payload, `rows.py` cuts it, `writing.py` writes a row; the other modules hold the
public functions.
"""

from __future__ import annotations

from .._limits import payload_budget
from .checking import check
from .compiled import Encoder, compile
from .decoding import decode, decode_row, split, unescape
from .dispatching import Dispatcher
from .encoding import encode, encode_row, escape, truncate
from .lazy import LazyRow, LazyRows, scan
from .packing import Packer, pack
from .schema import Schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .types import Field, RowLike
else:

    def __getattr__(name):
        if name not in ("Field", "RowLike"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from . import types  # late, for it imports modules that nothing else here needs

        return getattr(types, name)


__all__ = [
    "Dispatcher",
    "Encoder",
    "Field",
    "LazyRow",
    "LazyRows",
    "Packer",
    "RowLike",
    "Schema",
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


def engine() -> str:
    """The engine in use: `"core:"` and the kernel, such as `"core:avx512"`, or `"pure"`."""
    return "pure"
