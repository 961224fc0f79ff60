# The signatures of the builders, for type checkers and editors.
# Printed by tools/gen_templates.py from table.json: do not edit.

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from ..pure import Field
from ._records import AdvancedSoftware, ParameterValue, SeriesValue, Software, SoftwareVersion
from ._types import Severity

class Builders:
    @staticmethod
    def create_device(device_name: str | None = None, device_type: str | None = None) -> tuple[Field, ...]: ...
    @staticmethod
    def create_child_device(
        child_id: str,
        device_name: str | None = None,
        device_type: str | None = None,
        is_child_device: bool | None = None,
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def create_service(
        service_id: str, service_type: str, service_name: str, service_status: str
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def update_service_status(service_status: str) -> tuple[Field, ...]: ...
    @staticmethod
    def get_child_devices() -> tuple[Field, ...]: ...
    @staticmethod
    def clear_device_fragments(fragments: Iterable[str]) -> tuple[Field, ...]: ...
    @staticmethod
    def set_hardware(
        serial_number: str | None = None, model: str | None = None, revision: str | None = None
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def set_mobile(
        imei: str | None = None,
        iccid: str | None = None,
        imsi: str | None = None,
        mcc: str | None = None,
        mnc: str | None = None,
        lac: str | None = None,
        cell_id: str | None = None,
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def set_position(
        latitude: float | Decimal | None = None,
        longitude: float | Decimal | None = None,
        altitude: float | Decimal | None = None,
        accuracy: int | None = None,
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def set_configuration(configuration: str | None = None) -> tuple[Field, ...]: ...
    @staticmethod
    def set_supported_operations(operations: Iterable[str] | None = None) -> tuple[Field, ...]: ...
    @staticmethod
    def set_firmware(
        name: str | None = None, version: str | None = None, url: str | None = None
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def set_software_list(
        software: Iterable[Software | tuple[Any, ...] | list[Any] | Mapping[str, Any]] | None = None,
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def set_required_availability(required_interval: int | None = None) -> tuple[Field, ...]: ...
    @staticmethod
    def set_supported_logs(logs: Iterable[str] | None = None) -> tuple[Field, ...]: ...
    @staticmethod
    def set_supported_configurations(configurations: Iterable[str] | None = None) -> tuple[Field, ...]: ...
    @staticmethod
    def set_installed_configuration(
        config_type: str, url: str, file_name: str | None = None, time: datetime | None = None
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def set_device_profile(profile_executed: str, profile_id: str | None = None) -> tuple[Field, ...]: ...
    @staticmethod
    def set_agent_information(
        name: str, version: str, url: str | None = None, *, maintainer: str
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def get_device_id() -> tuple[Field, ...]: ...
    @staticmethod
    def send_heartbeat() -> tuple[Field, ...]: ...
    @staticmethod
    def set_advanced_software_list(
        software: Iterable[AdvancedSoftware | tuple[Any, ...] | list[Any] | Mapping[str, Any]],
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def append_advanced_software(
        software: Iterable[AdvancedSoftware | tuple[Any, ...] | list[Any] | Mapping[str, Any]],
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def remove_advanced_software(
        software: Iterable[SoftwareVersion | tuple[Any, ...] | list[Any] | Mapping[str, Any]],
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def set_supported_software_types(software_types: Iterable[str] | None = None) -> tuple[Field, ...]: ...
    @staticmethod
    def set_remote_access_protocols(protocols: Iterable[str] | None = None) -> tuple[Field, ...]: ...
    @staticmethod
    def create_measurement(
        fragment: str, series: str, value: float | Decimal, unit: str | None = None, time: datetime | None = None
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def create_measurements(
        type: str,
        time: datetime | None = None,
        *,
        series_values: Iterable[SeriesValue | tuple[Any, ...] | list[Any] | Mapping[str, Any]],
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def create_signal_strength(
        rssi: float | Decimal | None = None, ber: float | Decimal | None = None, time: datetime | None = None
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def create_temperature(temperature: float | Decimal, time: datetime | None = None) -> tuple[Field, ...]: ...
    @staticmethod
    def create_battery(battery: float | Decimal, time: datetime | None = None) -> tuple[Field, ...]: ...
    @staticmethod
    def create_critical_alarm(
        type: str, text: str | None = None, time: datetime | None = None
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def create_major_alarm(type: str, text: str | None = None, time: datetime | None = None) -> tuple[Field, ...]: ...
    @staticmethod
    def create_minor_alarm(type: str, text: str | None = None, time: datetime | None = None) -> tuple[Field, ...]: ...
    @staticmethod
    def create_warning_alarm(type: str, text: str | None = None, time: datetime | None = None) -> tuple[Field, ...]: ...
    @staticmethod
    def update_alarm_severity(type: str, severity: Severity | str) -> tuple[Field, ...]: ...
    @staticmethod
    def clear_alarm(type: str) -> tuple[Field, ...]: ...
    @staticmethod
    def clear_alarm_fragments(type: str, fragments: Iterable[str]) -> tuple[Field, ...]: ...
    @staticmethod
    def create_event(type: str, text: str, time: datetime | None = None) -> tuple[Field, ...]: ...
    @staticmethod
    def create_location_event(
        latitude: float | Decimal | None = None,
        longitude: float | Decimal | None = None,
        altitude: float | Decimal | None = None,
        accuracy: float | Decimal | None = None,
        time: datetime | None = None,
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def create_location_event_with_device_update(
        latitude: float | Decimal | None = None,
        longitude: float | Decimal | None = None,
        altitude: float | Decimal | None = None,
        accuracy: float | Decimal | None = None,
        time: datetime | None = None,
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def clear_event_fragments(type: str, fragments: Iterable[str] | None = None) -> tuple[Field, ...]: ...
    @staticmethod
    def create_parameter_update_event(
        text: str | None = None,
        time: datetime | None = None,
        change_detect: bool | None = None,
        *,
        parameters: Iterable[ParameterValue | tuple[Any, ...] | list[Any] | Mapping[str, Any]],
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def get_pending_operations() -> tuple[Field, ...]: ...
    @staticmethod
    def set_operation_executing(fragment: str) -> tuple[Field, ...]: ...
    @staticmethod
    def set_operation_failed(fragment: str, failure_reason: str | None = None) -> tuple[Field, ...]: ...
    @staticmethod
    def set_operation_successful(
        fragment: str, result_parameters: Iterable[str] | None = None
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def set_operation_executing_by_id(operation_id: str) -> tuple[Field, ...]: ...
    @staticmethod
    def set_operation_failed_by_id(operation_id: str, failure_reason: str | None = None) -> tuple[Field, ...]: ...
    @staticmethod
    def set_operation_successful_by_id(
        operation_id: str, result_parameters: Iterable[str] | None = None
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def fail_executing_operations(
        fragment: str | None = None, failure_reason: str | None = None
    ) -> tuple[Field, ...]: ...
    @staticmethod
    def get_platform_version() -> tuple[Field, ...]: ...
    @staticmethod
    def get_supported_templates() -> tuple[Field, ...]: ...
