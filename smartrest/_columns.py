"""What both engines share about columns: types that can be sent, the plan of a table's rows, the texts of errors.

Never sees a buffer: the engines read them.
"""

from __future__ import annotations

from typing import NamedTuple

from .errors import excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

PAYLOADS = (("topic", "u"), ("payload", "z"), ("rows", "i"))  # columns of batches of payloads
ERRORS = (
    ("payload_index", "l"),
    ("row", "l"),
    ("field", "l"),
    ("position", "l"),
    ("reason", "u"),
    ("text", "u"),
)  # columns of batches of errors; of encoding, `row` counts those of the source
# Kinds of columns, the words of `Hole.takes`. The numbers are those of src_c/columns/encode.h.
KINDS = {"null": 0, "bool": 1, "int": 2, "uint": 3, "float": 4, "decimal": 5, "time": 6, "date": 7, "text": 8}
DAY = 86_400_000  # milliseconds
MOST_BYTES = 2**24 - 1  # of a payload of rows
UNITS = {"s": 1, "m": 1_000, "u": 1_000_000, "n": 1_000_000_000}  # of a second

# By the format string of the Arrow C data interface: kind, bytes of a value, scale.
FORMATS = {
    "n": ("null", 0, 0),
    "b": ("bool", 0, 0),
    "c": ("int", 1, 0),
    "s": ("int", 2, 0),
    "i": ("int", 4, 0),
    "l": ("int", 8, 0),
    "C": ("uint", 1, 0),
    "S": ("uint", 2, 0),
    "I": ("uint", 4, 0),
    "L": ("uint", 8, 0),
    "e": ("float", 2, 0),
    "f": ("float", 4, 0),
    "g": ("float", 8, 0),
    "u": ("text", 4, 0),
    "U": ("text", 8, 0),
    "vu": ("text", 16, 0),
    "tdD": ("date", 4, 1),
    "tdm": ("date", 8, DAY),
}
WORDS = {
    "z": "bytes", "Z": "bytes", "v": "bytes", "w": "bytes of a fixed size", "tt": "times of day", "tD": "durations",
    "ti": "intervals", "+l": "lists", "+L": "lists", "+v": "lists", "+w": "lists", "+s": "structs", "+m": "maps",
    "+u": "unions", "+r": "runs of equal values",
}  # fmt: skip
TAKEN = {
    "bool": "booleans", "int": "integers", "uint": "integers", "float": "floats", "decimal": "decimals",
    "time": "timestamps", "date": "dates", "text": "texts", "null": "nulls",
}  # fmt: skip
NAIVE = (
    "timestamps without a time zone, which could be of any zone: give them one, as "
    'pyarrow.compute.assume_timezone(column, "UTC") or polars\' .dt.replace_time_zone("UTC") do'
)


class Hole(NamedTuple):
    """A column in a row: its name, the field it fills, the kinds of values that fit, whether each row needs one."""

    column: str
    field: int
    takes: frozenset[str]
    needed: bool = False


class Plan(NamedTuple):
    """How rows become payloads. `constants`: the bytes of a row before each hole, and those after the last."""

    constants: tuple[bytes, ...]
    holes: tuple[Hole, ...]
    dialect: str
    quote: str
    on_trailing_backslash: str
    final_newline: bool
    topic: str
    by: str | None
    limit: int | None  # None: the budget of each topic
    memory: int
    batch_bytes: int
    budget: Callable[[str], int]  # of a topic; raises ValueError
    check_device: Callable[[str], object]  # raises ValueError


class Type(NamedTuple):
    """A type of column that can be sent."""

    kind: str
    width: int
    scale: int


def type_of(format: str, column: str) -> Type:
    """The type with this format string. Raises `TypeError`, with the fix, for one that cannot be sent."""
    known = FORMATS.get(format)
    if known is not None:
        return Type(*known)
    if format.startswith("ts") and format[3:4] == ":" and format[2] in UNITS:
        if format == format[:4]:
            raise TypeError(f"column {column!a} holds {NAIVE}")
        return Type("time", 8, UNITS[format[2]])
    if format.startswith("d:"):
        _, scale, *bits = map(int, format[2:].replace(",", " ").split())
        return Type("decimal", (bits[0] if bits else 128) // 8, scale)
    words = next((WORDS[head] for head in (format[:2], format[:1]) if head in WORDS), f"type {format[:40]!a}")
    raise TypeError(f"column {column!a} holds {words}, which cannot be sent: cast it to text, or leave it out")


def check_hole(hole: Hole, kind: str) -> None:
    """Raises `TypeError` if a column of this kind does not fit."""
    if kind != "null" and kind not in hole.takes:
        wanted = " or ".join(dict.fromkeys(TAKEN[word] for word in TAKEN if word in hole.takes))
        raise TypeError(f"column {hole.column!a} holds {TAKEN[kind]}, but field {hole.field} takes {wanted}: cast it")


def check_by(column: str, kind: str) -> None:
    """Raises `TypeError` if a column of this kind cannot name devices."""
    if kind not in ("text", "null"):
        raise TypeError(f"column {column!a} holds {TAKEN[kind]}, but it names the devices: cast it to text")


def no_column(name: str, known: list[str]) -> NoReturn:
    """Raises `ValueError` for a column that the source lacks."""
    from difflib import get_close_matches

    close = get_close_matches(name, known, 1)
    shown = f"; did you mean {close[0]!a}?" if close else f"; it has {', '.join(map(ascii, known[:10]))}"
    raise ValueError(f"the source has no column {name!a}{shown}")


def detail(reason: str, kind: str, value: Any) -> str:
    """The text of an error about one value, at most 80 escaped characters."""
    if reason == "missing":
        return "no value"
    if value is None:
        return "an offset or index beyond the column's buffers"
    if kind in ("time", "date"):
        return "not a time in the years 1 to 9999"
    if kind == "float":
        return repr(float(value))
    return excerpt(value)


def too_large_detail(size: int, limit: int) -> str:
    return f"{size} bytes, more than the limit of {limit}"


def device_detail(value: bytes | None) -> str:
    return "no device" if not value else excerpt(value)
