"""Templates: the meaning of a row's fields, typed and checked, in both directions.

Everything about collections is imported on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._message import Message
from ._parameters import Group, Parameter
from ._parse import Reader, check_rows, parse
from ._records import (
    AdvancedSoftware,
    AdvancedSoftwareAction,
    ParameterValue,
    ProfileConfiguration,
    ProfileFirmware,
    SeriesValue,
    Software,
    SoftwareAction,
    SoftwareVersion,
)
from ._rows import CollectionRow
from ._split import divided, split_groups
from ._static import built_in, static
from ._template import Template
from ._types import AlarmStatus, OperationStatus, Severity

if TYPE_CHECKING:
    from .collection.collection import Collection
    from .collection.definitions import Property
    from .collection.properties import (
        alarm_status,
        date,
        flag,
        integer,
        number,
        operation_status,
        severity,
        string,
        unsigned,
    )
    from .library import fragment_library

__all__ = [
    "AdvancedSoftware",
    "AdvancedSoftwareAction",
    "AlarmStatus",
    "Collection",
    "CollectionRow",
    "Group",
    "Message",
    "OperationStatus",
    "Parameter",
    "ParameterValue",
    "ProfileConfiguration",
    "ProfileFirmware",
    "Property",
    "Reader",
    "SeriesValue",
    "Severity",
    "Software",
    "SoftwareAction",
    "SoftwareVersion",
    "Template",
    "alarm_status",
    "built_in",
    "check_rows",
    "date",
    "divided",
    "flag",
    "fragment_library",
    "integer",
    "number",
    "operation_status",
    "parse",
    "severity",
    "split_groups",
    "static",
    "string",
    "unsigned",
]

_LATER = dict.fromkeys(
    ("alarm_status", "date", "flag", "integer", "number", "operation_status", "severity", "string", "unsigned"),
    "collection.properties",
) | {"Collection": "collection.collection", "Property": "collection.definitions", "fragment_library": "library"}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_LATER[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
