"""Turns an incoming topic and payload into events and operations. Sends no answers.

A malformed payload yields the whole rows before the fault and a `PayloadRefused`. Nothing here raises for network
input, and no text of a payload that carries secrets is quoted.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Container, Iterable, Mapping
from typing import Literal

from .. import DecodeError, SmartRestError, decode
from ..mqtt import Topic, topics
from . import json_operations
from .credentials import Credentials
from .custom import operation_key
from .events import (
    CredentialsReceived,
    ErrorReceived,
    Event,
    MessageReceived,
    PayloadReceived,
    PayloadRefused,
    TokenReceived,
)
from .operations import Operation, OperationTemplate, static_operations
from .settings import Limits

TOKEN_LIFE = 3600.0  # seconds; the platform's default, for tokens without a readable expiry
SOONEST = 1.0  # seconds before renewing a token, at least
UNKNOWN_CHILD = "unknown child device"


class Incoming:
    """The events of one payload, and its operations, each with the reason it is refused or `None`."""

    __slots__ = ("events", "operations")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.operations: list[tuple[Operation, str | None]] = []


class Reader:
    """Reads payloads for `device` and its `children`.

    `watched`: topics whose payloads are reported as they are, too. `templates`: how to read operation rows, by template
    ID, or "json": operations come as JSON, and no row is one.
    """

    def __init__(
        self,
        device: str,
        children: Container[str],
        watched: Container[str],
        templates: Mapping[str, OperationTemplate] | Literal["json"] | None,
        ignored: Iterable[str],
        limits: Limits,
    ) -> None:
        self.json = templates == "json"
        self._device = device
        self._children = children
        self._watched = watched
        self._limit = limits.receive
        self._handled: set[str] = set()  # fragments with a handler, for operations as JSON
        self._templates: dict[str, OperationTemplate] = {}
        if templates != "json":
            self._templates = {**static_operations(), **(templates or {})}
        self._ignored = set(ignored)
        for template_id in self._ignored:
            self._templates.pop(template_id, None)

    def set_operation(self, template_id: str, template: OperationTemplate | None) -> None:
        if template is None:
            self._ignored.add(template_id)
            self._templates.pop(template_id, None)
        else:
            self._ignored.discard(template_id)
            if not self.json:
                self._templates[template_id] = template

    def handle(self, fragments: Iterable[str]) -> None:
        self._handled.update(fragments)

    def read(self, topic: str, payload: bytes, inside: str | None) -> Incoming:
        """Read one payload. `inside`: the platform's name of the topic, if it has one."""
        found = Incoming()
        parsed = topics.parse(inside or "")
        name = inside or topic
        if name in self._watched or not (parsed.is_smartrest or self._brings_operations(inside)):
            found.events.append(PayloadReceived(name, bytes(payload)))
        if self._brings_operations(inside):
            operations, events = json_operations.read(payload, self._device, self._handled, self._ignored, self._limit)
            found.events += events
            for operation, refusal in operations:
                found.operations.append((operation, refusal or self._unknown(operation.child)))
        elif inside is not None and parsed.is_smartrest:
            self._read_rows(found, inside, parsed, payload)
        return found

    def _brings_operations(self, topic: str | None) -> bool:
        return self.json and topic == topics.json_operations()

    def _read_rows(self, found: Incoming, topic: str, parsed: Topic, payload: bytes) -> None:
        try:
            rows = decode(payload, limit=self._limit)
            error = None
        except DecodeError as caught:
            rows, error = caught.rows, caught
        for row in rows:
            self._read_row(found, topic, parsed, row)
        if error is not None:
            text = "the payload cannot be read" if parsed.holds_secret else str(error)
            found.events.append(PayloadRefused(topic, error.reason, error.position, text))

    def _read_row(self, found: Incoming, topic: str, parsed: Topic, row: tuple[str, ...]) -> None:
        if parsed.holds_secret:
            found.events.append(_secret(topic, row))
        elif parsed.is_error:
            code, template_id, *text = (*row, "", "")
            found.events.append(ErrorReceived(code, template_id, ",".join(text[:-2] if len(row) > 2 else ())))
        elif (template := self._template(topic, parsed, row[0])) is not None:
            # SmartREST 1.0 names no device: its rows have a line number there.
            target = self._device if parsed.kind == "ol" else row[1] if len(row) > 1 else ""
            self._read_operation(found, topic, row, target, template)
        else:
            found.events.append(MessageReceived(topic, row))

    def _template(self, topic: str, parsed: Topic, template_id: str) -> OperationTemplate | None:
        """How to read a row as an operation; `None` if it is another kind of row."""
        if parsed.kind not in ("ds", "dc", "dd", "ol"):
            return None
        own = None if parsed.kind == "ds" else self._templates.get(operation_key(topic, template_id))
        return self._templates.get(template_id) if own is None and parsed.kind != "ol" else own

    def _read_operation(
        self, found: Incoming, topic: str, row: tuple[str, ...], target: str, template: OperationTemplate
    ) -> None:
        operation_id = None
        if template.id_field is not None and len(row) > template.id_field:
            operation_id = row[template.id_field] or None
        if not target or (operation_id is None and template.fragment is None):
            text = f"operation {row[0]!r} without a device ID, or without a fragment or ID to answer by"
            found.events.append(PayloadRefused(topic, "bad_operation", None, text))
            return
        child = None if target == self._device else target
        operation = Operation(target, child, template.fragment or "", row, topic, operation_id, template.template)
        found.operations.append((operation, self._unknown(child)))

    def _unknown(self, child: str | None) -> str | None:
        """Why an operation of this child is refused, or `None`."""
        return f"{UNKNOWN_CHILD} {child}" if child is not None and child not in self._children else None


def _secret(topic: str, row: tuple[str, ...]) -> Event:
    match row:
        case ("70", tenant, user, password, *_) if topic == topics.dcr():
            try:
                return CredentialsReceived(Credentials(tenant, user, password))
            except SmartRestError:
                return PayloadRefused(topic, "unexpected_row", None, "credentials that MQTT cannot carry")
        case ("71", token, *_) if topic == topics.dat() and token:
            token = _plain_token(token)
            return TokenReceived(token, max(token_life(token) / 2, SOONEST))
        case _:
            text = f"a row of {len(row)} fields that is neither credentials nor a token"
            return PayloadRefused(topic, "unexpected_row", None, text)


def _plain_token(token: str) -> str:
    """The token, which some documents show as base64 of the whole: a token itself has two dots."""
    if "." in token:
        return token
    try:
        plain = base64.b64decode(token + "=" * (-len(token) % 4), validate=True).decode("ascii")
    except ValueError:
        return token
    return plain if plain.count(".") == 2 and plain.isprintable() else token


def token_life(token: str) -> float:
    """Seconds from issue to expiry according to the token (a JWT), whose signature is not verified."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        life = float(claims["exp"]) - float(claims["iat"])
    except (IndexError, KeyError, TypeError, ValueError, RecursionError, OverflowError, binascii.Error):
        return TOKEN_LIFE
    return life if 0 < life < 10**9 else TOKEN_LIFE
