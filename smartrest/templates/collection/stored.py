"""The JSON in which the platform stores a collection and its UI imports and exports it: to and from definitions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..._constants import BOM
from ...errors import TemplateError
from .._faults import Fault
from .definitions import PAIRS, RESERVED, Property, RequestDefinition, ResponseDefinition, named, taken

if TYPE_CHECKING:
    from .collection import Collection

__all__ = ["read_stored", "to_stored"]

StoredFault = tuple[int | None, str, Fault]

FRAGMENT = "com_cumulocity_model_smartrest_csv_CsvSmartRestTemplate"
MANAGED_OBJECT_TYPE = "c8y_SmartRest2Template"
EXTERNAL_ID = "__externalId"
_STORED = {"fragment": "type", "external_id_type": "type"}  # names of these columns in the stored form


class NotStoredFormError(Exception):
    """The JSON does not store a collection; holds the fault."""

    def __init__(self, value: Any, expected: str, parameter: str | None = None) -> None:
        super().__init__(expected)
        self.fault = Fault("bad_json", parameter, value, expected)


def read_stored(
    cls: type[Collection], data: str | bytes | Mapping[str, Any], x_id: str | None = None
) -> tuple[Collection, list[StoredFault]]:
    """The collection of the valid templates, and every fault with its template's number and ID."""
    found: list[StoredFault] = []
    collection = cls(x_id)
    try:
        stored, fragment = load(data)
        if x_id is None and isinstance(stored.get(EXTERNAL_ID), str):
            collection = cls(stored[EXTERNAL_ID])
        if isinstance(stored.get("name"), str):
            collection.name = stored["name"]
        for number, definition in enumerate(from_stored(fragment)):
            faults = collection.faults(definition)
            found += [(number, definition.message_id, fault._replace(field=None)) for fault in faults]
            if not faults:
                collection.define(definition)
    except NotStoredFormError as error:
        found.append((None, "", error.fault))
    except TemplateError as error:
        found.append((None, "", Fault(error.reason, error.parameter, error.value, error.expected or "")))
    return collection, found


def load(data: str | bytes | Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The managed object and its fragment with the templates; `data` may be the fragment alone."""
    if not isinstance(data, Mapping):
        try:
            data = json.loads(data.removeprefix(BOM) if isinstance(data, str) else data)
        except (ValueError, RecursionError) as error:
            raise NotStoredFormError(None, f"JSON ({error})") from None
    if not isinstance(data, Mapping):
        raise NotStoredFormError(None, "a JSON object")
    fragment = data if "requestTemplates" in data or "responseTemplates" in data else data.get(FRAGMENT)
    if not isinstance(fragment, Mapping):
        raise NotStoredFormError(None, f"an object with the fragment {FRAGMENT}")
    return data, fragment


def from_stored(fragment: Mapping[str, Any]) -> Iterable[RequestDefinition | ResponseDefinition]:
    """The definitions of the fragment, not yet checked."""
    for key, read in (("requestTemplates", _request), ("responseTemplates", _response)):
        for number, entry in enumerate(_list(fragment, key)):
            if not isinstance(entry, Mapping):
                raise NotStoredFormError(entry, "an object", f"{key}[{number}]")
            yield read(entry)


def _request(entry: Mapping[str, Any]) -> RequestDefinition:
    method, api = _text(entry.get("method")), _text(entry.get("api"))
    columns = PAIRS.get((method, api), {})
    stored = [_property(value) for value in _list(entry, "mandatoryValues")]
    values: dict[str, str] = {}
    if api == "INVENTORY":
        type_name = _text(entry.get("externalIdType")) or (stored[0].text if stored and method == "POST" else "")
        values = {"by_id": _text(entry.get("byId")), "external_id_type": type_name}
        values = {name: value for name, value in values.items() if name in columns}
    else:
        for place, name in enumerate(columns):
            values[name] = stored[place].text if place < len(stored) else ""
    response = _text(entry.get("response"))
    if response == ("true" if method == "GET" else "false"):
        response = ""
    custom = named([_property(value) for value in _list(entry, "customValues")], taken(columns))
    message_id = _text(entry.get("msgId"))
    return RequestDefinition(message_id, method, api, response, values, custom, _text(entry.get("name")) or None)


def _response(entry: Mapping[str, Any]) -> ResponseDefinition:
    found = _list(entry, "pattern") or _list(entry, "patterns")
    paths = [item.get("path") if isinstance(item, Mapping) else item for item in found]
    patterns = named([Property(_text(path)) for path in paths], RESERVED)
    return ResponseDefinition(
        _text(entry.get("msgId")),
        _text(entry.get("base")),
        _text(entry.get("condition")),
        {name: known.path for name, known in patterns.items()},
        _text(entry.get("name")) or None,
    )


def _property(entry: Any) -> Property:
    if not isinstance(entry, Mapping):
        raise NotStoredFormError(entry, "an object with path, type and value")
    return Property(_text(entry.get("path")), _text(entry.get("type")), _text(entry.get("value")))


def _list(entry: Mapping[str, Any], key: str) -> list[Any]:
    value = entry.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise NotStoredFormError(value, "a list", key)
    return value


def _text(value: Any) -> str:
    """A scalar of the stored form as the text of a row."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return value if isinstance(value, str) else repr(value)
    raise NotStoredFormError(value, "a text")


def to_stored(
    x_id: str | None, name: str | None, definitions: Iterable[RequestDefinition | ResponseDefinition]
) -> dict[str, Any]:
    """The managed object, as the UI exports it."""
    requests, responses = [], []
    for definition in definitions:
        if isinstance(definition, RequestDefinition):
            requests.append(_stored_request(definition))
        else:
            responses.append(
                {
                    "name": definition.title or definition.message_id,
                    "msgId": definition.message_id,
                    "base": definition.base,
                    "condition": definition.condition,
                    "pattern": list(definition.patterns.values()),
                }
            )
    templates = {"requestTemplates": requests, "responseTemplates": responses}
    stored = {"name": name or x_id or "", "type": MANAGED_OBJECT_TYPE, FRAGMENT: templates}
    return stored | ({EXTERNAL_ID: x_id} if x_id is not None else {})


def _stored_request(definition: RequestDefinition) -> dict[str, Any]:
    values = definition.values
    mandatory = [
        {"path": f"$.{_STORED.get(name, name)}", "type": type_name, "value": values[name]}
        for name, type_name in definition.columns.items()
        if name != "by_id" and not (name == "external_id_type" and definition.method != "POST")
    ]
    custom = [
        {"path": known.path, "type": known.type or "STRING", "value": known.text}
        for known in definition.custom.values()
    ]
    return {
        "name": definition.title or definition.message_id,
        "msgId": definition.message_id,
        "method": definition.method,
        "api": definition.api,
        "byId": values.get("by_id", "false") == "true",
        "externalIdType": values.get("external_id_type", ""),
        "response": definition.response == "true" or (not definition.response and definition.method == "GET"),
        "mandatoryValues": mandatory,
        "customValues": custom,
    }
