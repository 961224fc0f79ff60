"""The effect of request templates of custom collections on the inventory of the stand-in platform.

Requests that create or change are carried out. Those that ask for a response (GET does) are answered by the response
templates of the collection, applied to the object in the platform's JSON. Source: SmartREST 2.0 reference, "Request
templates".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .answers import answer_rows, object_json
from .calls import Call, Refusal
from .effects import raise_alarm
from .inventory import Event, ManagedObject, Measurement, now
from .operations import EXECUTING, FAILED, PENDING, SUCCESSFUL, oldest

if TYPE_CHECKING:
    from collections.abc import Callable

    from smartrest.templates import Collection

__all__ = ["apply"]


def apply(call: Call, collection: Collection) -> list[tuple[str, ...]]:
    """Carry out one row; returns the rows of its response. Raises `Refusal`, and `TemplateError` for invalid values."""
    template = collection.get(call.row[0])
    if template is None or not hasattr(template, "definition") or template.direction != "publish":
        raise Refusal("43", f"no request template {call.row[0]} in collection {collection.x_id}")
    definition: Any = template.definition
    call.values = dict(template.parse(call.row).parameters)
    for name, text in definition.values.items():
        if text:
            call.values[name] = text
    properties: dict[str, Any] = {}
    for name, known in definition.custom.items():
        value = {} if known.type == "FLAG" else known.value or call.values.get(name)
        if known.type == "DATE" and value is None:
            value = now()
        properties[known.path.removeprefix("$.")] = value
    action = ACTIONS.get((definition.method, definition.api))
    found: Any = None
    if definition.method == "GET":
        found = _object(call)
        if found is None:
            raise Refusal("40", f"no object {call['external_id'] or call['id']}")
    elif action is not None and call.stored:
        found = action(call, dict(properties))
    if definition.response != "true" and (definition.response or definition.method != "GET"):
        return []
    facts = {name: call[name] for name in definition.columns if call[name] is not None}
    answer = {**facts, **_nested(properties), "source": {"id": call.thing.id}} if found is None else object_json(found)
    return answer_rows(collection, answer)


def _measurement(call: Call, properties: dict[str, Any]) -> None:
    series: dict[tuple[str, str], tuple[float, str | None]] = {}
    for path, value in properties.items():
        fragment, _, rest = path.partition(".")
        name, _, last = rest.rpartition(".")
        if last == "value" and name:
            unit = properties.get(f"{fragment}.{name}.unit")
            series[fragment, name] = (float(value), str(unit) if unit is not None else None)
    call.thing.measurements.append(Measurement(str(call["type"]), call["time"] or now(), series))


def _event(call: Call, properties: dict[str, Any]) -> None:
    call.thing.events.append(Event(str(call["type"]), call["text"] or "", call["time"] or now(), _nested(properties)))


def _create_alarm(call: Call, properties: dict[str, Any]) -> None:
    alarm = raise_alarm(call, str(call["severity"]))
    alarm.fragments.update(_nested(properties))
    if call["status"]:
        alarm.status = str(call["status"])


def _change_alarm(call: Call, properties: dict[str, Any]) -> None:
    alarm = call.thing.open_alarm(str(call["type"]))
    if alarm is None:
        raise Refusal("40", f"{call.thing.external_id} has no open alarm of type {call['type']}")
    alarm.status = str(properties.pop("status", alarm.status))
    alarm.severity = str(properties.pop("severity", alarm.severity))
    alarm.text = str(properties.pop("text", alarm.text))
    alarm.fragments.update(_nested(properties))


def _change_operation(call: Call, properties: dict[str, Any]) -> None:
    """Change the EXECUTING, else the PENDING operation with the fragment; the other values are its results."""
    fragment, known = str(call["fragment"]), call.thing.operations
    operation = oldest(known, EXECUTING, fragment) or oldest(known, PENDING, fragment)
    if operation is None:
        raise call.missing("40", f"{call.thing.external_id} has no operation with fragment {fragment}")
    status = str(properties.pop("status", operation.status))
    if status == operation.status:
        return
    if status not in (EXECUTING, SUCCESSFUL, FAILED):
        raise Refusal("45", f"a device cannot set the status {status}")
    reason = properties.pop("failureReason", None)
    results = tuple(str(value) for value in properties.values())
    if status == EXECUTING:
        operation.move(status, results=results, reason=reason)
    else:
        call.finish(operation, status, results=results, reason=reason)


def _object(call: Call) -> ManagedObject | None:
    """The object that a request names by external or internal ID."""
    inventory = call.tenant.inventory
    if call["external_id"] is None:
        return next((thing for thing in inventory.values() if thing.id == call["id"]), None)
    return inventory.get(call["external_id"])


def _change_object(call: Call, properties: dict[str, Any]) -> ManagedObject:
    """PUT by external or internal ID; POST creates a child if none has this external ID."""
    inventory = call.tenant.inventory
    wanted = call["external_id"]
    found = _object(call)
    if found is None and call["id"] is None and wanted and call["by_id"] is None:
        found = inventory.create(wanted, f"MQTT Device {wanted}", "c8y_MQTTChildDevice", call.thing)
    if found is None:
        raise Refusal("40", f"no object {wanted or call['id']}")
    found.name = str(properties.pop("name", found.name))
    found.type = str(properties.pop("type", found.type))
    found.fragments.update(_nested(properties))
    return found


ACTIONS: dict[tuple[str, str], Callable[[Call, dict[str, Any]], ManagedObject | None]] = {
    ("POST", "MEASUREMENT"): _measurement,
    ("POST", "EVENT"): _event,
    ("POST", "ALARM"): _create_alarm,
    ("PUT", "ALARM"): _change_alarm,
    ("PUT", "OPERATION"): _change_operation,
    ("POST", "INVENTORY"): _change_object,
    ("PUT", "INVENTORY"): _change_object,
}


def _nested(properties: dict[str, Any]) -> dict[str, Any]:
    """Paths as a nested object: `{"a.b": 1}` is `{"a": {"b": 1}}`."""
    result: dict[str, Any] = {}
    for path, value in properties.items():
        *parents, last = path.split(".")
        place = result
        for name in parents:
            place = place.setdefault(name, {})
        place[last] = value
    return result
