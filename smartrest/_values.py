"""Field values to text, typed texts to values, and the types that users name for fields and holes.

The reference for both engines, and their path for rare values. Checks the real type of a value, and calls no method of
a value it refuses. Never quotes: the engines do.
"""

from __future__ import annotations

import sys
from operator import index

from ._constants import INT_DIGITS
from .errors import encode_error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import Any

SAFE_BITS = 2_000  # an int of this size has under 640 digits, which Python converts whatever its limit
CHUNK = 500  # digits converted at a time beyond that
MAX_BITS = 14_285  # 10**4300 has 14,285 bits
FLOAT_CHARACTERS = frozenset("0123456789+-.eE")
DAY = 86_400_000  # milliseconds
EPOCH = 719_163  # 1970-01-01 as `date.toordinal` counts
# Of numpy's datetime64: milliseconds of a unit, or units of a millisecond.
LONG_UNITS = {"W": 7 * DAY, "D": DAY, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
SHORT_UNITS = {"us": 10**3, "ns": 10**6, "ps": 10**9, "fs": 10**12, "as": 10**15}
NUMPY_FLOATS = {"float32": (24, -149), "float16": (11, -24)}  # bits, and the exponent of the least value
NUMPY = {**dict.fromkeys(NUMPY_FLOATS, "float"), "bool": "bool", "bool_": "bool", "datetime64": "datetime"}
_true: dict[tuple[str, str], type] = {}  # a dict, since test libraries replace the names of a module
TEXT, INT, FLOAT, BOOL, DATETIME = range(5)  # kinds of fields, one byte each in a plan


def type_name(value: object) -> str:
    """The name of the type of `value`, escaped for a message."""
    name: str = type.__dict__["__name__"].__get__(type(value))
    return excerpt(name)[1:-1]


def class_of(module: str, name: str) -> Any:
    """The true class if its module is loaded, else `None`: no value of the class can exist yet.

    Taken from the C module, or from its Python twin: test libraries replace classes in the public module, and some put
    a subclass in every module.
    """
    known = _true.get((module, name))
    if known is not None:
        return known
    for home in (f"_{module}", f"_py{module}", module):
        found = getattr(sys.modules.get(home), name, None)
        if isinstance(found, type):
            named = [base for base in found.__mro__ if base.__name__ == name]
            if named:
                if home == f"_{module}":  # cache only this one: it replaces the Python class once loaded
                    _true[module, name] = named[-1]
                return named[-1]
    return None


def is_a(cls: type, base: Any) -> bool:
    """Whether `cls` derives from `base`, by its real bases."""
    return base is not None and base in cls.__mro__


def has_index(cls: type) -> bool:
    """Whether values of `cls` are integers to `operator.index`; a class with a length is an array."""
    found = False
    for base in reversed(cls.__mro__):
        if "__len__" in base.__dict__:
            return False
        if "__index__" in base.__dict__:
            found = base.__dict__["__index__"] is not None
    return found


def numpy_class(cls: type) -> Any:
    """The class of `NUMPY` that `cls` is or derives from, else `None`. Never imports numpy."""
    for base in cls.__mro__:
        name = type.__dict__["__name__"].__get__(base)
        if name in NUMPY and getattr(sys.modules.get("numpy"), name, None) is base:
            return base
    return None


def numpy_kind(value: object) -> str | None:
    """What Python calls the type of this scalar of numpy: "float", "bool" or "datetime"; `None`: not such a scalar."""
    known = numpy_class(type(value))
    return None if known is None else NUMPY[known.__name__]


def text_of(value: Any, row: int | None, field: int | None) -> str:
    """The text of a field value, not yet quoted. Raises `EncodeError` for a value that cannot be sent."""
    cls = type(value)
    text: str
    if cls is str:
        text = value
        return text
    if value is None:
        return ""
    if cls is bool:
        return "true" if value else "false"
    mro = cls.__mro__
    if int in mro:
        return int_text(value, row, field)
    if str in mro:
        return str.__str__(value)
    if float in mro:
        text = float.__repr__(value)
        if text[-1] in "fn":  # inf, nan
            raise encode_error("bad_value", row, field, text)
        return text
    if is_a(cls, class_of("decimal", "Decimal")):
        decimal = class_of("decimal", "Decimal")
        text = decimal.__str__(value)
        if not decimal.is_finite(value):
            raise encode_error("bad_value", row, field, excerpt(text)[1:-1])
        return text
    if is_a(cls, class_of("datetime", "datetime")):
        return datetime_text(value, row, field)
    known = numpy_class(cls)
    if known is not None:
        return _numpy_text(known, value, row, field)
    if has_index(cls):
        return int_text(index(value), row, field)
    raise encode_error("bad_type", row, field, type_name(value))


def settled(value: Any, row: int | None, field: int | None) -> Any:
    """`value` if its text can never change, else its text. Raises `EncodeError`."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    return text_of(value, row, field)


def row_refusal(row: object) -> str:
    """The detail of an error about an object that is not a row."""
    name = type_name(row)
    if issubclass(type(row), (str, bytes, bytearray, memoryview)):
        return f"{name}; a row is a tuple or list of fields, and encode_row takes a single row"
    return name


def int_text(value: int, row: int | None, field: int | None) -> str:
    """The decimal digits of an int, whatever `sys.set_int_max_str_digits` says."""
    bits = int.bit_length(value)
    if bits <= SAFE_BITS:
        return int.__repr__(value)
    rest = int.__abs__(value)
    if bits > MAX_BITS or rest >= 10**INT_DIGITS:
        raise encode_error("bad_value", row, field, f"int of more than {INT_DIGITS} digits")
    pieces = []
    while rest:
        rest, piece = divmod(rest, 10**CHUNK)
        pieces.append(f"{piece:0{CHUNK}d}")
    digits = "".join(reversed(pieces)).lstrip("0")
    return f"-{digits}" if int.__lt__(value, 0) else digits


def datetime_text(value: datetime, row: int | None, field: int | None) -> str:
    """ISO 8601 with milliseconds and offset."""
    minutes = offset_minutes(value, row, field)
    cls, delta, timezone = [class_of("datetime", name) for name in ("datetime", "timedelta", "timezone")]
    moment = cls.replace(_as_datetime(cls, value, row, field), tzinfo=timezone(delta(minutes=minutes)))
    text: str = moment.isoformat(timespec="milliseconds")
    return text


def offset_minutes(value: datetime, row: int | None, field: int | None) -> int:
    """The offset that the time zone of `value` gives. Asks for it once: a time zone is the caller's code."""
    cls = class_of("datetime", "datetime")
    offset = _utc_offset(cls, _as_datetime(cls, value, row, field), row, field)
    if offset is None:
        raise encode_error("bad_value", row, field, "datetime without time zone; give it one, such as timezone.utc")
    delta = class_of("datetime", "timedelta")
    minutes, seconds = divmod(delta.seconds.__get__(offset), 60)
    if seconds or delta.microseconds.__get__(offset):
        raise encode_error("bad_value", row, field, "datetime with an offset that is not in whole minutes")
    whole: int = delta.days.__get__(offset) * 1440 + minutes
    return whole


def _as_datetime(cls: Any, value: datetime, row: int | None, field: int | None) -> Any:
    """The value as a plain `datetime`: what the time zone sees, and its methods, are then not those of a subclass."""
    if type(value) is cls:
        return value
    names = ("year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo")
    moment = cls(*[getattr(cls, name).__get__(value) for name in names], fold=cls.fold.__get__(value))
    stamp = class_of("pandas", "Timestamp")
    if is_a(type(value), stamp) and stamp.year.__get__(value) != moment.year:  # it holds another one out of range
        raise encode_error("bad_value", row, field, "Timestamp outside the years 1 to 9999")
    return moment


def _utc_offset(cls: Any, value: datetime, row: int | None, field: int | None) -> Any:
    # A short function of its own: from CPython 3.12 on, a handler far into a function loops when memory runs out.
    try:
        return cls.utcoffset(value)
    except MemoryError:
        raise
    except Exception as error:  # a time zone is the caller's code
        raise encode_error("bad_value", row, field, "datetime whose time zone fails") from error


def _numpy_text(cls: Any, value: Any, row: int | None, field: int | None) -> str:
    """The text of a numpy scalar of class `cls`, or of a subclass."""
    name = cls.__name__
    if name in NUMPY_FLOATS:
        number = cls.__float__(value)
        if number - number != 0 or not number:
            return text_of(number, row, field)
        return _small_float_text(number, *NUMPY_FLOATS[name])
    if name != "datetime64":
        return "true" if cls.__bool__(value) else "false"
    unit, count = sys.modules["numpy"].datetime_data(cls.dtype.__get__(value))
    moment = _moment(unit, index(cls.view(value, "int64")) * count)
    if moment is None:
        raise encode_error("bad_value", row, field, "datetime64 that is not a time in the years 1 to 9999")
    text: str = moment.isoformat(timespec="milliseconds")
    return f"{text}+00:00"


def _small_float_text(number: float, precision: int, least: int) -> str:
    """The fewest digits that read back as the same float of `precision` bits and multiples of 2**least, as `repr`."""
    import math

    __import__("decimal")
    decimal = class_of("decimal", "Decimal")
    size = abs(number)
    fraction, exponent = math.frexp(size)
    unit = math.ldexp(1.0, max(exponent - precision, least))
    narrow = fraction == 0.5 and exponent - precision > least  # half as wide a gap to the float below
    ends = [decimal.from_float(size - unit / (4 if narrow else 2)), decimal.from_float(size + unit / 2)]
    even = size / unit % 2 == 0  # then the ends themselves read back as this float
    for digits in range(9):
        mantissa, _, power = f"{size:.{digits}e}".partition("e")
        nearest = int(mantissa.replace(".", ""))
        for whole in (nearest, nearest + 1):  # the gap above is the wider one
            text = decimal(f"{whole}e{int(power) - digits}")
            if ends[0] < text < ends[1] or (even and text in ends):
                return float.__repr__(math.copysign(float(text), number))
    return float.__repr__(number)


def _moment(unit: str, number: int) -> Any:
    """A number of units of datetime64 since 1970 as a naive `datetime` in UTC, cut to milliseconds; `None`: no such."""
    cls, timedelta = class_of("datetime", "datetime"), class_of("datetime", "timedelta")
    if unit in ("Y", "M"):
        years, month = divmod(number if unit == "M" else number * 12, 12)
        return cls(1970 + years, 1 + month, 1) if 1 <= 1970 + years <= 9999 else None
    if unit in LONG_UNITS:
        millis = number * LONG_UNITS[unit]
    elif unit in SHORT_UNITS:
        millis = number // SHORT_UNITS[unit]
    else:  # generic: NaT, or a bare number
        return None
    days, millis = divmod(millis, DAY)
    if not cls.min.toordinal() <= EPOCH + days <= cls.max.toordinal():
        return None
    return cls.fromordinal(EPOCH + days) + timedelta(milliseconds=millis)


def parse_int(text: str) -> int:
    """`[+-]?[0-9]+`, at most 4,300 digits. Raises `ValueError`."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()) or len(digits) > INT_DIGITS:
        raise ValueError(text)
    number = 0
    for at in range(0, len(digits), CHUNK):
        piece = digits[at : at + CHUNK]
        number = number * 10 ** len(piece) + int(piece)
    return -number if text[0] == "-" else number


def parse_float(text: str) -> float:
    """Decimal or exponent form, finite. Raises `ValueError`."""
    if not FLOAT_CHARACTERS.issuperset(text):
        raise ValueError(text)
    number = float(text)
    if number - number != 0:  # infinite
        raise ValueError(text)
    return number


def parse_bool(text: str) -> bool:
    """`true` or `false`. Raises `ValueError`."""
    if text == "true":
        return True
    if text == "false":
        return False
    raise ValueError(text)


def parse_datetime(text: str) -> datetime:
    """`YYYY-MM-DDThh:mm[:ss[.f+]]` with `Z`, `±hh:mm`, `±hhmm` or `±hh`, cut to microseconds. Raises `ValueError`.

    `t` and `z` are read as `T` and `Z`.
    """
    if len(text) < 17 or not text.isascii() or text[4] + text[7] + text[13] != "--:" or text[10] not in "Tt":
        raise ValueError(text)
    rest = text[16:]
    seconds = micros = 0
    if rest[0] == ":":
        seconds, rest = _digits(rest[1:3].ljust(2)), rest[3:]
        if rest[:1] == ".":
            zone = rest[1:].lstrip("0123456789")
            fraction = rest[1 : len(rest) - len(zone)]
            micros = _digits(fraction[:6].ljust(6, "0") if fraction else "")
            rest = zone
    date = (_digits(text[:4]), _digits(text[5:7]), _digits(text[8:10]))
    __import__("datetime")
    cls, timezone, timedelta = [class_of("datetime", name) for name in ("datetime", "timezone", "timedelta")]
    tz = timezone.utc
    if rest not in ("Z", "z"):
        minutes = rest[4:] if rest[3:4] == ":" else rest[3:] or "00"
        if rest[:1] not in ("+", "-") or len(rest[1:3]) != 2 or len(minutes) != 2:
            raise ValueError(text)
        offset = timedelta(hours=_digits(rest[1:3], 23), minutes=_digits(minutes, 59))
        if offset:
            tz = timezone(-offset if rest[0] == "-" else offset)
    made: datetime = cls(*date, _digits(text[11:13]), _digits(text[14:16]), seconds, micros, tz)
    return made


def _digits(text: str, most: int | None = None) -> int:
    if not text.isdigit() or (most is not None and int(text) > most):
        raise ValueError(text)
    return int(text)


def kinds_of(types: Mapping[str, Sequence[Any]]) -> dict[str, tuple[bytes, bytes]]:
    """By template ID: the kinds of the fixed fields after the ID, and of those that repeat to the end of the row."""
    plans: dict[str, tuple[bytes, bytes]] = {}
    for given, kinds in types.items():
        if not isinstance(given, str):
            raise TypeError(f"template ID must be a str, not {type(given).__name__}")
        template_id = str.__str__(given)  # a subclass counts as its text
        if template_id in plans:
            raise ValueError(f"types of {template_id!a} are given twice")
        if not isinstance(kinds, (list, tuple)):
            raise TypeError(f"types of {template_id!a} must be a list, not {type(kinds).__name__}")
        repeated: tuple[Any, ...] = ()
        if kinds and isinstance(kinds[-1], tuple):
            *kinds, repeated = kinds
            if not repeated:
                raise ValueError(f"types of {template_id!a} end with an empty tuple")
        if any(isinstance(kind, tuple) for kind in kinds):
            raise ValueError(f"types of {template_id!a}: a tuple must come last")
        plans[template_id] = (
            bytes([_kind(template_id, kind) for kind in kinds]),
            bytes([_kind(template_id, kind) for kind in repeated]),
        )
    return plans


def _kind(template_id: str, wanted: Any) -> int:
    for known, kind in ((str, TEXT), (int, INT), (float, FLOAT), (bool, BOOL)):
        if wanted is known:
            return kind
    if issubclass(type(wanted), type) and is_a(wanted, class_of("datetime", "datetime")):
        return DATETIME
    raise TypeError(f"type of {template_id!a} must be int, float, bool, datetime or str, not {wanted!a:.80}")


def hole_of(field: Any) -> type | None:
    """The class of values that a hole of a row to be compiled takes; `None` for a constant.

    A subclass of `Decimal` or `datetime`, as test libraries install, counts as the true class.
    """
    if field is str or field is int or field is float or field is bool or field is object:
        return field
    if issubclass(type(field), type):
        for true in (class_of("decimal", "Decimal"), class_of("datetime", "datetime")):
            if is_a(field, true):
                return true  # type: ignore[no-any-return]  # a class
    return None


def fits(hole: type, value: Any) -> bool:
    """Whether `value` may fill `hole`: `None` anywhere, integers as `float`, `bool` as itself only."""
    cls = type(value)
    if value is None or hole is object or (hole is not int and is_a(cls, hole)):
        return True
    known = numpy_kind(value)
    if known is not None:
        return known == hole.__name__
    if hole is int:
        return cls is not bool and (is_a(cls, int) or (not is_a(cls, float) and has_index(cls)))
    return hole is float and fits(int, value)


def misfit(hole: type, value: Any) -> str:
    """The detail of an error about a value that does not fit its hole."""
    return f"{type_name(value)} in a hole for {hole.__name__}"
