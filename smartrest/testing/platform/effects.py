"""The effect of each static template on the inventory of the stand-in platform.

`EFFECTS` maps template IDs to functions; parameters are parsed and named as in the table of templates. Source: MQTT
static templates. An alarm raised again before it is cleared only increments its count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smartrest.templates import static

from .calls import Call, Refusal
from .inventory import Alarm, Event, Measurement, now
from .operations import EXECUTING, FAILED, PENDING, SUCCESSFUL, Operation, oldest

if TYPE_CHECKING:
    from collections.abc import Callable


__all__ = ["EFFECTS", "fragment_of", "raise_alarm"]


EFFECTS: dict[str, Callable[[Call], None]] = {}


def on(*template_ids: str) -> Callable[[Callable[[Call], None]], Callable[[Call], None]]:
    def register(effect: Callable[[Call], None]) -> Callable[[Call], None]:
        for template_id in template_ids:
            EFFECTS[template_id] = effect
        return effect

    return register


# -- inventory


@on("100")
def create_device(call: Call) -> None:
    raise Refusal("41", "Device already existing", fault=False)  # new devices are created before


@on("101")
def create_child_device(call: Call) -> None:
    inventory, child_id = call.tenant.inventory, call["child_id"]
    if child_id in inventory:
        return
    name, type_ = call["device_name"] or f"MQTT Device {child_id}", call["device_type"] or "c8y_MQTTChildDevice"
    child = inventory.create(child_id, name, type_, call.thing)
    if call["is_child_device"] is not False:
        child.fragments["c8y_IsDevice"] = {}


@on("102")
def create_service(call: Call) -> None:
    inventory, service_id = call.tenant.inventory, call["service_id"]
    service = inventory.get(service_id) or inventory.create(
        service_id, call["service_name"], "c8y_Service", call.thing, "service"
    )
    service.name = call["service_name"]
    service.fragments.update(serviceType=call["service_type"], status=call["service_status"])


@on("104")
def update_service_status(call: Call) -> None:
    if call.thing.kind != "service":
        raise Refusal("40", f"{call.thing.external_id} is not a service")
    call.thing.fragments["status"] = call["service_status"]


@on("105")
def get_child_devices(call: Call) -> None:
    call.reply("106", *(child.external_id for child in call.thing.devices))


@on("107")
def clear_device_fragments(call: Call) -> None:
    for name in call.names("fragments"):
        call.thing.fragments.pop(name, None)


@on("117")
def set_required_availability(call: Call) -> None:
    if call["required_interval"] is not None:
        call.thing.fragments.setdefault("c8y_RequiredAvailability", {"responseInterval": call["required_interval"]})


@on("120")
def set_installed_configuration(call: Call) -> None:
    value = {"url": call["url"], "name": call["file_name"] or call["config_type"], "time": call["time"] or now()}
    call.thing.fragments[f"c8y_Configuration_{call['config_type']}"] = value


@on("123")
def get_device_id(call: Call) -> None:
    call.reply("124", call.thing.id)


@on("125")
def send_heartbeat(call: Call) -> None:
    """No effect of its own: every row updates the time of the last message."""


@on("600")
def get_platform_version(call: Call) -> None:
    call.reply("601", call.tenant.options.version)


@on("602")
def get_supported_templates(call: Call) -> None:
    call.reply("603", *EFFECTS)


def _fragment(fragment: str, /, **parameters: str) -> Callable[[Call], None]:
    def effect(call: Call) -> None:
        call.thing.fragments[fragment] = call.given(**parameters)

    return effect


def _list(name: str, group: str, *, empty_removes: bool = False) -> Callable[[Call], None]:
    def effect(call: Call) -> None:
        items = call.names(group)
        call.thing.fragments[name] = items
        if empty_removes and not items:
            del call.thing.fragments[name]

    return effect


EFFECTS["110"] = _fragment("c8y_Hardware", serialNumber="serial_number", model="model", revision="revision")
EFFECTS["111"] = _fragment(
    "c8y_Mobile", imei="imei", iccid="iccid", imsi="imsi", mcc="mcc", mnc="mnc", lac="lac", cellId="cell_id"
)
EFFECTS["112"] = _fragment("c8y_Position", lat="latitude", lng="longitude", alt="altitude", accuracy="accuracy")
EFFECTS["113"] = _fragment("c8y_Configuration", config="configuration")
EFFECTS["114"] = _list("c8y_SupportedOperations", "operations")
EFFECTS["115"] = _fragment("c8y_Firmware", name="name", version="version", url="url")
EFFECTS["118"] = _list("c8y_SupportedLogs", "logs")
EFFECTS["119"] = _list("c8y_SupportedConfigurations", "configurations")
EFFECTS["121"] = _fragment("c8y_Profile", profileExecuted="profile_executed", profileId="profile_id")
EFFECTS["122"] = _fragment("c8y_Agent", name="name", version="version", url="url", maintainer="maintainer")
EFFECTS["143"] = _list("c8y_SupportedSoftwareTypes", "software_types", empty_removes=True)
EFFECTS["150"] = _list("c8y_RemoteAccessSupportedProtocols", "protocols", empty_removes=True)


@on("116", "140", "141", "142")
def software(call: Call) -> None:
    """116 and 140 replace the list, 141 adds to it, 142 removes by name and version."""
    items = [item._asdict() for item in call["software"] or () if item.name]
    old = call.thing.fragments.get("c8y_SoftwareList", [])
    if call.row[0] == "142":
        gone = {(item["name"], item["version"]) for item in items}
        items = [item for item in old if (item["name"], item["version"]) not in gone]
    elif call.row[0] == "141":
        items = old + items
    call.thing.fragments["c8y_SoftwareList"] = items


# -- measurements, events


def _measure(call: Call, type_: str, series: dict[tuple[str, str], tuple[float, str | None]]) -> None:
    if call.stored:
        call.thing.measurements.append(Measurement(type_, call["time"] or now(), series))


@on("200")
def create_measurement(call: Call) -> None:
    fragment = call["fragment"]
    _measure(call, fragment, {(fragment, call["series"]): (call["value"], call["unit"])})


@on("201")
def create_measurements(call: Call) -> None:
    series = {(item.fragment, item.series): (item.value, item.unit) for item in call["series_values"]}
    _measure(call, call["type"], series)


@on("210", "211", "212")
def create_known_measurement(call: Call) -> None:
    fragment, columns = {
        "210": ("c8y_SignalStrength", (("rssi", "rssi", "dBm"), ("ber", "ber", "%"))),
        "211": ("c8y_TemperatureMeasurement", (("T", "temperature", "C"),)),
        "212": ("c8y_Battery", (("level", "battery", "%"),)),
    }[call.row[0]]
    series: dict[tuple[str, str], tuple[float, str | None]] = {
        (fragment, name): (call[key], unit) for name, key, unit in columns if call[key] is not None
    }
    _measure(call, fragment, series)


def _event(call: Call, type_: str, text: str, fragments: dict[str, Any] | None = None) -> None:
    if call.stored:
        call.thing.events.append(Event(type_, text, call["time"] or now(), fragments or {}))


@on("400")
def create_event(call: Call) -> None:
    _event(call, call["type"], call["text"])


@on("401", "402")
def create_location_event(call: Call) -> None:
    position = call.given(lat="latitude", lng="longitude", alt="altitude", accuracy="accuracy")
    _event(call, "c8y_LocationUpdate", "Location updated", {"c8y_Position": position})
    if call.row[0] == "402":
        call.thing.fragments["c8y_Position"] = position


@on("407")
def clear_event_fragments(call: Call) -> None:
    for event in call.thing.events:
        if event.type == call["type"]:
            for name in call.names("fragments"):
                event.fragments.pop(name, None)


@on("408")
def create_parameter_update_event(call: Call) -> None:
    """With change detection only if a value changed; values are kept in the fragment `c8y_ParameterUpdate`."""
    new = {item.path: item.value for item in call["parameters"] or ()}
    kept = call.thing.fragments.setdefault("c8y_ParameterUpdate", {})
    changed = {path: value for path, value in new.items() if kept.get(path, ...) != value}
    kept.update(new)
    if changed or not call["change_detect"]:
        fragment = next(iter(new), "").split(".")[0]
        _event(call, "c8y_ParameterUpdate", call["text"] or f"Parameter '{fragment}' was updated", new)


# -- alarms


@on("301", "302", "303", "304")
def create_alarm(call: Call) -> None:
    if call.stored:
        raise_alarm(call, {"301": "CRITICAL", "302": "MAJOR", "303": "MINOR", "304": "WARNING"}[call.row[0]])


def raise_alarm(call: Call, severity: str) -> Alarm:
    """Create an alarm, or increment the count of an uncleared one of this type."""
    type_, time = str(call["type"]), call["time"] or now()
    alarm = call.thing.open_alarm(type_)
    if alarm is None:
        alarm = Alarm(type_, call["text"] or f"Alarm of type {type_} raised", severity, time)
        call.thing.alarms.append(alarm)
    else:
        alarm.count += 1
        alarm.time = time
    return alarm


@on("305")
def update_alarm_severity(call: Call) -> None:
    alarm = call.thing.open_alarm(call["type"])
    if alarm is not None:
        alarm.severity = str(call["severity"])


@on("306")
def clear_alarm(call: Call) -> None:
    alarm = call.thing.open_alarm(call["type"])
    if alarm is not None:
        alarm.status = "CLEARED"


@on("307")
def clear_alarm_fragments(call: Call) -> None:
    alarm = call.thing.open_alarm(call["type"])
    if alarm is not None:
        for name in call.names("fragments"):
            alarm.fragments.pop(name, None)


# -- operations


@on("500")
def get_pending_operations(call: Call) -> None:
    call.tenant.resend(call.client)


def _by_fragment(call: Call, status: str) -> Operation:
    """The oldest operation with this status and fragment, of the device addressed by the topic."""
    found = oldest(call.thing.operations, status, call["fragment"])
    if found is None:
        raise call.missing("40", f"{call.thing.external_id} has no {status} operation with fragment {call['fragment']}")
    return found


def _by_id(call: Call, *statuses: str) -> Operation:
    """The operation with the ID. A 504 may be repeated at any time, which changes nothing."""
    wanted = call["operation_id"]
    for operation in call.thing.operations:
        if operation.id == wanted:
            if operation.status not in statuses:
                refusal = call.missing("41", f"operation {wanted} is {operation.status}")
                refusal.fault = refusal.fault and call.row[0] != "504"
                raise refusal
            return operation
    raise Refusal("40", f"{call.thing.external_id} has no operation {wanted}")


def _succeed(call: Call, operation: Operation) -> None:
    results = tuple(value or "" for value in call["result_parameters"] or ())
    if operation.fragment == "c8y_RelayArray" and results:
        call.thing.fragments["c8y_RelayArray"] = list(results)
    if operation.fragment == "c8y_CommunicationMode":
        call.thing.fragments["c8y_CommunicationMode"] = {"mode": operation.row[2]}
    call.finish(operation, SUCCESSFUL, results=results)


@on("501")
def set_operation_executing(call: Call) -> None:
    _by_fragment(call, PENDING).move(EXECUTING)


@on("502")
def set_operation_failed(call: Call) -> None:
    call.finish(_by_fragment(call, EXECUTING), FAILED, reason=call["failure_reason"] or "")


@on("503")
def set_operation_successful(call: Call) -> None:
    _succeed(call, _by_fragment(call, EXECUTING))


@on("504")
def set_operation_executing_by_id(call: Call) -> None:
    _by_id(call, PENDING).move(EXECUTING)


@on("505")
def set_operation_failed_by_id(call: Call) -> None:
    call.finish(_by_id(call, PENDING, EXECUTING), FAILED, reason=call["failure_reason"] or "")


@on("506")
def set_operation_successful_by_id(call: Call) -> None:
    _succeed(call, _by_id(call, PENDING, EXECUTING))


@on("507")
def fail_executing_operations(call: Call) -> None:
    for operation in call.thing.operations:
        if operation.status == EXECUTING and call["fragment"] in (None, "", operation.fragment):
            operation.move(FAILED, reason=call["failure_reason"] or "")


def fragment_of(template_id: str) -> str | None:
    """The operation fragment of a template ID, such as `c8y_Restart` for 510."""
    template = static.by_id(template_id)
    return template.operation_fragment if template is not None else None
