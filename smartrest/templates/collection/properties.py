"""Custom properties of requests, one function per type: `number("acme_Pump.rpm.value")`.

Each takes the JSON path and, for a constant, its value; without one the device sends the value.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from .._types import AlarmStatus, OperationStatus, Severity
from .definitions import Property

__all__ = [
    "alarm_status",
    "date",
    "flag",
    "integer",
    "number",
    "operation_status",
    "severity",
    "string",
    "unsigned",
]


def string(path: str, value: str | None = None) -> Property:
    """A text."""
    return Property(path, "STRING", value)


def date(path: str, value: datetime | str | None = None) -> Property:
    """A date and time; if left empty, the server's time."""
    return Property(path, "DATE", value)


def number(path: str, value: float | Decimal | None = None) -> Property:
    """An integer or decimal number."""
    return Property(path, "NUMBER", value)


def integer(path: str, value: int | None = None) -> Property:
    """An integer."""
    return Property(path, "INTEGER", value)


def unsigned(path: str, value: int | None = None) -> Property:
    """An unsigned integer."""
    return Property(path, "UNSIGNED", value)


def flag(path: str) -> Property:
    """An empty object; a row has no value for it."""
    return Property(path, "FLAG")


def severity(path: str, value: Severity | str | None = None) -> Property:
    """The severity of an alarm."""
    return Property(path, "SEVERITY", value)


def alarm_status(path: str, value: AlarmStatus | str | None = None) -> Property:
    """The status of an alarm."""
    return Property(path, "ALARMSTATUS", value)


def operation_status(path: str, value: OperationStatus | str | None = None) -> Property:
    """The status of an operation."""
    return Property(path, "OPERATIONSTATUS", value)
