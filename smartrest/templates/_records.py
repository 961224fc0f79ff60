"""Items of the groups of static templates, as small named tuples.

Printed by tools/gen_templates.py from table.json: do not edit.
"""

from __future__ import annotations

from typing import NamedTuple


class Software(NamedTuple):
    """An item of 116 set_software_list, 516 software_list."""

    name: str | None = None
    version: str | None = None
    url: str | None = None


class AdvancedSoftware(NamedTuple):
    """An item of 140 set_advanced_software_list, 141 append_advanced_software."""

    name: str
    version: str | None
    software_type: str | None = None
    url: str | None = None


class SoftwareVersion(NamedTuple):
    """An item of 142 remove_advanced_software."""

    name: str
    version: str


class SeriesValue(NamedTuple):
    """An item of 201 create_measurements."""

    fragment: str
    series: str
    value: float
    unit: str | None = None


class ParameterValue(NamedTuple):
    """An item of 408 create_parameter_update_event, 532 parameter_update."""

    path: str
    type: str | None = None
    value: str | None = None


class ProfileFirmware(NamedTuple):
    """An item of 527 device_profile, 531 device_profile_with_software_type."""

    name: str | None = None
    version: str | None = None
    url: str | None = None
    is_patch: str | None = None
    dependency: str | None = None


class SoftwareAction(NamedTuple):
    """An item of 527 device_profile, 528 update_software."""

    name: str | None = None
    version: str | None = None
    url: str | None = None
    action: str | None = None


class ProfileConfiguration(NamedTuple):
    """An item of 527 device_profile, 531 device_profile_with_software_type."""

    url: str | None = None
    config_type: str | None = None


class AdvancedSoftwareAction(NamedTuple):
    """An item of 529 update_advanced_software, 531 device_profile_with_software_type."""

    name: str | None = None
    version: str | None = None
    software_type: str | None = None
    url: str | None = None
    action: str | None = None
