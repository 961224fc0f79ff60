"""Closed lists of words that the platform knows. Members are texts: `Severity.MAJOR == "MAJOR"`."""

from __future__ import annotations

from enum import Enum

__all__ = ["AlarmStatus", "OperationStatus", "Severity"]


class _Word(str, Enum):
    """A text and an enum member at once; `str()` and formatting give the text on every Python."""

    def __str__(self) -> str:
        return str.__str__(self)

    def __format__(self, format_spec: str) -> str:
        return str.__format__(self, format_spec)


class Severity(_Word):
    """How serious an alarm is."""

    CRITICAL = "CRITICAL"
    MAJOR = "MAJOR"
    MINOR = "MINOR"
    WARNING = "WARNING"


class AlarmStatus(_Word):
    """Where an alarm stands."""

    ACTIVE = "ACTIVE"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    CLEARED = "CLEARED"


class OperationStatus(_Word):
    """Where an operation stands."""

    PENDING = "PENDING"
    EXECUTING = "EXECUTING"
    SUCCESSFUL = "SUCCESSFUL"
    FAILED = "FAILED"
