"""Templates: what the fields of a row mean, typed and checked, in both directions."""

from __future__ import annotations

from ._collection import Collection
from ._definitions import Property
from ._message import Message
from ._parameters import Group, Parameter
from ._parse import check_rows, parse
from ._properties import alarm_status, date, flag, integer, number, operation_status, severity, string, unsigned
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
from ._split import divided, split_groups
from ._static import built_in, static
from ._template import Template
from ._words import AlarmStatus, OperationStatus, Severity

__all__ = [
    "AdvancedSoftware",
    "AdvancedSoftwareAction",
    "AlarmStatus",
    "Collection",
    "Group",
    "Message",
    "OperationStatus",
    "Parameter",
    "ParameterValue",
    "ProfileConfiguration",
    "ProfileFirmware",
    "Property",
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
