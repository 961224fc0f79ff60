"""The static operation templates as the platform writes them in JSON, in both directions.

`operation_row` gives the row that `s/ds` would carry for an operation received as JSON, `operation_content` the JSON of
a row. Source: fragment library; MQTT static templates, section "Operation templates (5xx)".
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping
from math import inf
from typing import Any

from ._static import static

__all__ = ["FRAGMENTS", "UPDATE", "operation_content", "operation_row"]

Row = tuple[str, ...]

# Facts about the operation itself. Every other property may be its fragment.
_ENVELOPE = {
    *("id", "self", "status", "failureReason", "creationTime", "delivery", "description", "bulkOperationId"),
    *("agentId", "deviceId", "deviceName", "deviceExternalIDs", "externalSource", "profileId", "profileName"),
}
# Properties of the fragment in the order of the row's fields, by template ID. A list holds one object for each group.
_OBJECTS: dict[str, tuple[str, ...]] = {
    "510": (),
    "511": ("text",),
    "513": ("config",),
    "515": ("name", "version", "url"),
    "517": ("requestName",),
    "518": ("relayState",),
    "520": (),
    "521": ("url",),
    "522": ("logFile", "dateFrom", "dateTo", "searchText", "maximumLines"),
    "523": ("mode",),
    "524": ("url", "type"),
    "525": ("name", "version", "url", "dependency"),
    "526": ("type",),
    "530": ("hostname", "port", "connectionKey"),
}
_LISTS: dict[str, tuple[str, ...]] = {
    "516": ("name", "version", "url"),
    "528": ("name", "version", "url", "action"),
    "529": ("name", "version", "softwareType", "url", "action"),
}
_SOFTWARE = {"527": _LISTS["528"], "531": _LISTS["529"]}  # of a device profile
_FIRMWARE = ("name", "version", "url", "isPatch", "dependency")
_CONFIGURATION = ("url", "type")
_RELAYS, _PARAMETERS = "519", "532"
# The template that takes the place of another if this property is there.
_INSTEAD = {
    "515": ("525", "dependency"),
    "520": ("526", "type"),
    "521": ("524", "type"),
    "528": ("529", "softwareType"),
    "527": ("531", "softwareType"),
}
_NUMBERS = ("maximumLines", "port")
UPDATE = "c8y_ParameterUpdate"
_TYPES = {bool: "b", int: "n", float: "n", str: "s", type(None): ""}

_REPLACING = {template_id for template_id, _ in _INSTEAD.values()}
FRAGMENTS: dict[str, str] = {  # fragment -> template ID
    template.operation_fragment: key
    for key, template in static.items()
    if template.operation_fragment is not None and key not in _REPLACING
}


def operation_row(
    content: Mapping[str, Any],
    device: str,
    handled: Container[str] = (),
    ignored: Container[str] = (),
    limit: float = inf,
) -> tuple[str, Row]:
    """The fragment of an operation ("" if it has none) and its row; without a static template `("", device)`.

    Of several fragments one in `handled` counts, else one with a static template, else the first object or list.
    A template in `ignored` leaves its place to the other one of the fragment, as 531 to 527.
    `OverflowError` if the paths of its parameters have more than `limit` characters in all (`UPDATE` only).
    """
    names = [name for name in content if name not in _ENVELOPE]
    fragment = next((name for name in names if name in handled), None)
    if fragment is None:
        fragment = next((name for name in names if name in FRAGMENTS), None)
    if fragment is None:
        fragment = next((name for name in names if isinstance(content[name], (dict, list))), "")
    template_id = FRAGMENTS.get(fragment)
    if template_id is None:
        return fragment, ("", device)
    value = content[fragment]
    instead, sign = _INSTEAD.get(template_id, (template_id, ""))
    signed = sign and any(sign in item for item in _items(value, "software") or _items(value))
    if template_id in ignored or (signed and instead not in ignored):
        template_id = instead
    fields = _parameters(content, limit) if template_id == _PARAMETERS else _fields(template_id, value)
    return fragment, (template_id, device, *fields)


def _fields(template_id: str, value: Any) -> Iterator[str]:
    if template_id == _RELAYS:
        yield from map(_text, value if isinstance(value, list) else ())
    elif template_id in _LISTS:
        for item in _items(value):
            yield from (_text(item.get(key)) for key in _LISTS[template_id])
    elif template_id in _SOFTWARE:
        for marker, name, keys in _sections(template_id):
            items = _items(value, name)
            if items:
                yield marker
            for item in items:
                yield from (_text(item.get(key)) for key in keys)
    else:
        found = value if isinstance(value, dict) else {}
        yield from (_text(found.get(key)) for key in _OBJECTS[template_id])


def _sections(template_id: str) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Marker, property and fields of each part of a device profile."""
    software = _SOFTWARE[template_id]
    return ("$FW", "firmware", _FIRMWARE), ("$SW", "software", software), ("$CONF", "configuration", _CONFIGURATION)


def _items(value: Any, name: str | None = None) -> list[dict[str, Any]]:
    """The objects that a value (or its property `name`) is or holds."""
    if name is not None:
        value = value.get(name) if isinstance(value, dict) else None
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]


def _parameters(content: Mapping[str, Any], limit: float) -> Iterator[str]:
    """Path, type and value of each parameter of the fragments that a `c8y_ParameterUpdate_<fragment>` marks.

    A path repeats all names above it, so that short JSON can have paths of any length.
    """
    left = limit
    for name, value in content.items():
        if f"{UPDATE}_{name}" in content:
            stack = [("", name, value)]
            while stack:
                above, last, found = stack.pop()
                left -= len(above) + len(last)
                if left < 0:
                    raise OverflowError(f"the paths of its parameters have more than {limit:,} characters")
                path = above + last
                if isinstance(found, dict):
                    inside = f"{path}."  # one text for all names in it
                    stack += [(inside, key, inner) for key, inner in reversed(found.items())]
                else:
                    yield from (path, _TYPES.get(type(found), "s"), _text(found))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def operation_content(row: Row) -> dict[str, Any] | None:
    """The fragments of the operation that a static row describes; `None` for other rows."""
    template = static.by_id(row[0])
    if template is None or template.operation_fragment is None:
        return None
    fields = list(row[2:])
    if row[0] == _PARAMETERS:
        return _updated(fields)
    value: Any
    if row[0] == _RELAYS:
        value = fields
    elif row[0] in _LISTS:
        value = _objects(fields, _LISTS[row[0]])
    elif row[0] in _SOFTWARE:
        value = {}
        ends = [fields.index(marker) if marker in fields else None for marker, _, _ in _sections(row[0])]
        for start, (_, name, keys) in zip(ends, _sections(row[0]), strict=True):
            if start is not None:
                end = min((other for other in ends if other is not None and other > start), default=len(fields))
                found = _objects(fields[start + 1 : end], keys)
                value[name] = found[0] if name == "firmware" and found else found
    else:
        value = _object(fields, _OBJECTS[row[0]])
    return {template.operation_fragment: value}


def _objects(fields: list[str], keys: tuple[str, ...]) -> list[dict[str, Any]]:
    return [_object(fields[at : at + len(keys)], keys) for at in range(0, len(fields), len(keys))]


def _object(fields: list[str], keys: tuple[str, ...]) -> dict[str, Any]:
    pairs = zip(keys, fields, strict=False)
    return {key: _value(text) if key in _NUMBERS and text.isdecimal() else text for key, text in pairs if text}


def _value(text: str) -> Any:
    """The JSON value of a text, or the text: a test may send its device any row."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _updated(fields: list[str]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for path, kind, text in zip(fields[::3], fields[1::3], fields[2::3], strict=False):
        name, *parents = path.split(".")
        place, last = content, name
        for key in parents:
            if not isinstance(place.get(last), dict):
                place[last] = {}
            place, last = place[last], key
        place[last] = _value(text) if kind in ("b", "n") else text if kind else None
    return {**content, UPDATE: {}, **{f"{UPDATE}_{name}": {} for name in content}}
