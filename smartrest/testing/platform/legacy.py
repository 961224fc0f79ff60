"""SmartREST 1.0 on `s/ul`: collections are created and asked for, requests for the inventory are answered on `s/dl`.

Requests of other APIs are accepted and have no effect. Source: SmartREST 1.0 reference, "Template requests",
"Built-in messages".
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Protocol

from smartrest import SmartRestError, encode
from smartrest.mqtt import topics
from smartrest.templates import Collection
from smartrest.templates.collection.messages import LegacyRequest

from .answers import answer_rows, object_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .clients import Client
    from .inventory import Inventory, ManagedObject

__all__ = ["receive"]

Row = tuple[str, ...]
_OBJECT = re.compile(r"/inventory/managedObjects(?:/([^/?]+))?(?:\?.*)?")
_EXTERNAL = re.compile(r"/identity/externalIds/([^/]+)/([^/?]+)")


class Tenant(Protocol):
    """The part of `tenant.Tenant` that is used here."""

    inventory: Inventory
    collections: dict[str, Collection]
    errors: list[Row]

    def create(self, client: Client, name: object = None, type_: object = None) -> ManagedObject: ...
    def reply(self, client: Client, topic: str, rows: Sequence[Row]) -> None: ...
    def report(self, client: Client | None, code: str, template: str, text: str, *, fault: bool = True) -> None: ...


class _Failed(Exception):
    """An error row: its ID, and the rest."""


def receive(tenant: Tenant, client: Client, x_id: str | None, rows: Sequence[Row]) -> None:
    """Process one payload on `s/ul` or `s/ul/<X-ID>`. Answers go to `s/dl/<X-ID>`, errors to `errors` too."""
    if not rows or any(row[0] in ("10", "11") for row in rows):
        _create(tenant, client, x_id, rows)
        return
    answers: dict[str, list[Row]] = {}
    for line, row in enumerate(rows, 1):
        if row[0] == "15" and len(row) > 1:
            x_id = row[1]
            continue
        if x_id is None:
            tenant.report(client, "40", row[0], "No X-ID: publish on s/ul/<X-ID>, or begin with a row 15")
            continue
        try:
            found = _request(tenant, client, x_id, line, row)
        except _Failed as failed:
            found = [tuple(map(str, failed.args))]
            tenant.errors.append((str(failed.args[0]), row[0], ",".join(map(str, failed.args[1:]))))
        answers.setdefault(x_id, []).extend(found)
    for name, found in answers.items():
        if found:
            _reply(tenant, client, name, found)


def _reply(tenant: Tenant, client: Client, x_id: str, rows: Sequence[Row]) -> None:
    try:
        tenant.reply(client, topics.dl(x_id), rows)
    except ValueError as error:  # not an X-ID, or rows that do not fit beside it
        tenant.report(client, "50", "", f"No answer: {error}")


def _create(tenant: Tenant, client: Client, x_id: str | None, rows: Sequence[Row]) -> None:
    try:
        if rows:
            collection = Collection.parse(encode(rows, limit=None), x_id, protocol="1.0")
            x_id = collection.x_id
            if x_id is not None and x_id not in tenant.collections:
                tenant.collections[x_id] = collection
    except SmartRestError as error:
        tenant.report(client, "41", "", f"Bad request template definition: {error}")
        if x_id is not None:
            _reply(tenant, client, x_id, [("41", str((error.row or 0) + 1), "Bad request template definition")])
        return
    if x_id is None:
        tenant.report(client, "40", "", "No X-ID: publish on s/ul/<X-ID>, or begin with a row 15")
    elif x_id in tenant.collections:
        number = 9001 + list(tenant.collections).index(x_id)
        _reply(tenant, client, x_id, [("20", str(number))])
    else:
        _reply(tenant, client, x_id, [("40", "No template for this X-ID.")])


def _request(tenant: Tenant, client: Client, x_id: str, line: int, row: Row) -> list[Row]:
    collection = tenant.collections.get(x_id)
    template = None if collection is None else collection.get(row[0])
    if collection is None or not isinstance(template, LegacyRequest):
        raise _Failed("43", line, "Invalid message identifier")
    try:
        template.parse(row)
    except SmartRestError as error:
        raise _Failed("45", line, str(error)) from None
    method, uri, body = _filled(template, row[1:])
    try:
        content = json.loads(body) if body else {}
    except ValueError:
        raise _Failed("42", line, "Malformed Request") from None
    return answer_rows(collection, _answer(tenant, client, line, method, uri, content), line)


def _filled(template: LegacyRequest, values: Sequence[str]) -> tuple[str, str, str]:
    """Method, URI and body with the values in place of the placeholders."""
    cells = [*template.fields[1:], *[""] * (9 - len(template.fields))]
    _, method, uri, _, _, placeholder, types, body = cells[:8]
    given = iter(values)
    words = iter(types.split())

    def value(_: re.Match[str]) -> str:
        return "2026-01-01T00:00:00.000Z" if next(words, "") == "NOW" else next(given, "")

    mark = re.escape(placeholder) if placeholder else r"(?!)"
    return method, re.sub(mark, value, uri), re.sub(mark, value, body)


def _answer(tenant: Tenant, client: Client, line: int, method: str, uri: str, content: Any) -> dict[str, Any]:
    inventory = tenant.inventory
    if external := _EXTERNAL.fullmatch(uri):
        thing = inventory.get(external[2])
        if thing is None:
            raise _Failed("50", line, 404)
        return {"externalId": external[2], "type": external[1], "managedObject": object_json(thing)}
    found = _OBJECT.fullmatch(uri)
    if found is None or not isinstance(content, dict):
        return {}
    if found[1] is not None:
        thing = next((each for each in inventory.values() if each.id == found[1]), None)
        if thing is None:
            raise _Failed("50", line, 404)
    elif method == "POST":
        thing = inventory.get(client.device_id) or tenant.create(client, content.get("name"), content.get("type"))
    else:
        return {"managedObjects": [object_json(each) for each in inventory.values()]}
    if method in ("POST", "PUT"):
        _change(thing, content)
    return object_json(thing)


def _change(thing: ManagedObject, content: dict[str, Any]) -> None:
    thing.name, thing.type = str(content.pop("name", thing.name)), str(content.pop("type", thing.type))
    thing.fragments.update(content)
