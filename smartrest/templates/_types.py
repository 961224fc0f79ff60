"""The types of parameters, including closed lists of words: field to value in reading, value to field in building.

Never guesses: a text must match its type exactly. `smartrest/_values.py` decides how numbers and dates are written,
for typed decoding too.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from math import inf, isfinite
from operator import index
from typing import Any

from .._constants import INT_DIGITS
from .._values import (
    MAX_BITS,
    class_of,
    has_index,
    is_a,
    numpy_class,
    numpy_kind,
    parse_bool,
    parse_datetime,
    parse_float,
    parse_int,
    text_of,
)
from ..errors import EncodeError

__all__ = ["PARAMETER_TYPES", "AlarmStatus", "OperationStatus", "ParameterType", "Refusal", "Severity"]


class _Word(str, Enum):
    """A word that the platform knows, both a `str` and an enum member: `Severity.MAJOR == "MAJOR"`.

    `str()` and formatting give the text on every Python version.
    """

    def __str__(self) -> str:
        return str.__str__(self)

    def __format__(self, format_spec: str) -> str:
        return str.__format__(self, format_spec)


class Severity(_Word):
    """The severity of an alarm."""

    CRITICAL = "CRITICAL"
    MAJOR = "MAJOR"
    MINOR = "MINOR"
    WARNING = "WARNING"


class AlarmStatus(_Word):
    """The status of an alarm."""

    ACTIVE = "ACTIVE"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    CLEARED = "CLEARED"


class OperationStatus(_Word):
    """The status of an operation."""

    PENDING = "PENDING"
    EXECUTING = "EXECUTING"
    SUCCESSFUL = "SUCCESSFUL"
    FAILED = "FAILED"


class Refusal(str):
    """Why a value was refused: a word of `_faults.TEXTS`."""

    __slots__ = ()


BAD_TYPE = Refusal("bad_type")
BAD_VALUE = Refusal("bad_value")
UNKNOWN_WORD = Refusal("unknown_word")


class ParameterType:
    """One type of parameter: `expected` in words, `column` as a type of `Schema`. The base class is String."""

    expected = "a text"
    column: type = str

    def read(self, text: str) -> Any:
        """The value of a non-empty text, or a `Refusal`."""
        return text

    def take(self, value: Any) -> Any:
        """The field for a value given to a builder, or a `Refusal`."""
        if type(value) is str:
            return value
        return str.__str__(value) if is_a(type(value), str) else BAD_TYPE

    def read_field(self, field: Any) -> Any:
        """The value of a field that may already be typed, as a builder or `Schema` gives it."""
        return self.read(field) if isinstance(field, str) else self.take(field)


def _parsed(parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except ValueError:
        return BAD_VALUE


class _Number(ParameterType):
    expected = "a finite number"
    column = float

    def read(self, text: str) -> Any:
        return _parsed(parse_float, text)

    def take(self, value: Any) -> Any:
        decimal = class_of("decimal", "Decimal")
        if is_a(type(value), float):
            number = float.__float__(value)
        elif numpy_kind(value) == "float":
            number = numpy_class(type(value)).__float__(value)
        elif is_a(type(value), decimal):
            number = decimal.__float__(value) if decimal.is_finite(value) else inf
        else:
            value = _integer(value)
            if isinstance(value, Refusal):
                return value
            try:
                number = float(value)
            except OverflowError:
                return BAD_VALUE
        return value if isfinite(number) else BAD_VALUE  # too large for a float: would read back as infinite

    def read_field(self, field: Any) -> Any:
        value = self.read(field) if isinstance(field, str) else self.take(field)
        return value if isinstance(value, Refusal) else float(value)


class _Integer(ParameterType):
    expected = "an integer"
    column = int

    def read(self, text: str) -> Any:
        return _parsed(parse_int, text)

    def take(self, value: Any) -> Any:
        return _integer(value)


class _Unsigned(_Integer):
    expected = "an integer without sign"

    def read(self, text: str) -> Any:
        return _parsed(parse_int, text) if text[0] not in "+-" else BAD_VALUE

    def take(self, value: Any) -> Any:
        number = _integer(value)
        return BAD_VALUE if not isinstance(number, Refusal) and number < 0 else number


class _Boolean(ParameterType):
    expected = "true or false"
    column = bool

    def read(self, text: str) -> Any:
        return _parsed(parse_bool, text)

    def take(self, value: Any) -> Any:
        if numpy_kind(value) == "bool":
            return text_of(value, None, None) == "true"
        return value if type(value) is bool else BAD_TYPE


class _Date(ParameterType):
    expected = "a date and time with its offset"

    def read(self, text: str) -> Any:
        return _parsed(parse_datetime, text)

    def take(self, value: Any) -> Any:
        scalar = numpy_kind(value) == "datetime"
        if not scalar and not is_a(type(value), class_of("datetime", "datetime")):
            return BAD_TYPE
        try:
            text = text_of(value, None, None)
        except EncodeError:
            return BAD_VALUE
        return parse_datetime(text) if scalar else value


class _OneOf(ParameterType):
    def __init__(self, words: type[Enum]) -> None:
        self.known: dict[str, Enum] = {word.value: word for word in words}
        self.expected = "one of " + ", ".join(self.known)

    def read(self, text: str) -> Any:
        return self.known.get(text, UNKNOWN_WORD)

    def take(self, value: Any) -> Any:
        text = super().take(value)
        return text if isinstance(text, Refusal) or not text or text in self.known else UNKNOWN_WORD


def _integer(value: Any) -> Any:
    """The value as an exact `int`: accepts integers and objects with `__index__`, but not bool."""
    if type(value) is bool or not has_index(type(value)):
        return BAD_TYPE
    number = index(value)
    return number if number.bit_length() <= MAX_BITS and abs(number) < 10**INT_DIGITS else BAD_VALUE


PARAMETER_TYPES: dict[str, ParameterType] = {
    "String": ParameterType(),
    "Number": _Number(),
    "Integer": _Integer(),
    "Unsigned": _Unsigned(),
    "Boolean": _Boolean(),
    "Date": _Date(),
    "Severity": _OneOf(Severity),
    "AlarmStatus": _OneOf(AlarmStatus),
    "OperationStatus": _OneOf(OperationStatus),
}
