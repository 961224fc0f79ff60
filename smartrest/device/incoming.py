"""Turns an incoming topic and payload into events and operations. Keeps no state and sends no answers.

A malformed payload yields the whole rows before the fault and a `PayloadRefused`. Nothing here raises for network
input, and no text of a payload that carries secrets is quoted.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Container, Mapping

from .. import DecodeError, SmartRestError, decode
from ..mqtt import Topic, topics
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
from .operations import Operation, OperationTemplate

TOKEN_LIFE = 3600.0  # seconds; the platform's default, for tokens without a readable expiry
SOONEST = 1.0  # seconds before renewing a token, at least
UNKNOWN_CHILD = "unknown child device"


class Incoming:
    """The events of one payload, and its operations, each with the reason it is refused or `None`."""

    __slots__ = ("events", "operations")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.operations: list[tuple[Operation, str | None]] = []


def read(
    topic: str,
    payload: bytes,
    *,
    inside: str | None,
    limit: int,
    device: str,
    children: Container[str],
    templates: Mapping[str, OperationTemplate],
) -> Incoming:
    """Read one payload of at most `limit` bytes.

    `inside`: the platform's name of the topic, if it has one. `templates`: how to read operation rows, by template ID.
    """
    found = Incoming()
    parsed = topics.parse(inside or "")
    if inside is None or not parsed.is_smartrest:
        found.events.append(PayloadReceived(inside or topic, bytes(payload)))
        return found
    topic = inside
    try:
        rows = decode(payload, limit=limit)
        error = None
    except DecodeError as caught:
        rows, error = caught.rows, caught
    for row in rows:
        _read_row(found, topic, parsed, row, device, children, templates)
    if error is not None:
        text = "the payload cannot be read" if parsed.holds_secret else str(error)
        found.events.append(PayloadRefused(topic, error.reason, error.position, text))
    return found


def _read_row(
    found: Incoming,
    topic: str,
    parsed: Topic,
    row: tuple[str, ...],
    device: str,
    children: Container[str],
    templates: Mapping[str, OperationTemplate],
) -> None:
    if parsed.holds_secret:
        found.events.append(_secret(topic, row))
    elif parsed.is_error:
        code, template_id, *text = (*row, "", "")
        found.events.append(ErrorReceived(code, template_id, ",".join(text[:-2] if len(row) > 2 else ())))
    elif (template := _template(parsed, row[0], templates)) is not None:
        _read_operation(found, topic, row, device, children, template)
    else:
        found.events.append(MessageReceived(topic, row))


def _template(parsed: Topic, template_id: str, templates: Mapping[str, OperationTemplate]) -> OperationTemplate | None:
    """How to read a row as an operation; `None` if it is another kind of row."""
    if parsed.kind not in ("ds", "dc", "dd"):
        return None
    own = None if parsed.kind == "ds" else templates.get(operation_key(parsed.x_id, template_id))
    return own or templates.get(template_id)


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


def _read_operation(
    found: Incoming,
    topic: str,
    row: tuple[str, ...],
    device: str,
    children: Container[str],
    template: OperationTemplate,
) -> None:
    operation_id = None
    if template.id_field is not None and len(row) > template.id_field:
        operation_id = row[template.id_field] or None
    if len(row) < 2 or not row[1] or (operation_id is None and template.fragment is None):
        text = f"operation {row[0]!r} without a device ID, or without a fragment or ID to answer by"
        found.events.append(PayloadRefused(topic, "bad_operation", None, text))
        return
    target = row[1]
    child = None if target == device else target
    refusal = f"{UNKNOWN_CHILD} {target}" if child is not None and child not in children else None
    operation = Operation(target, child, template.fragment or "", row, topic, operation_id, template.template)
    found.operations.append((operation, refusal))


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
