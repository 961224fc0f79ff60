"""The platform's side of SmartREST without a network: payloads of clients in, changes and replies out.

`links.py` handles the transport, `effects.py` the effects of static templates.
Source: MQTT integration guide, sections "SmartREST payload" and "Device authentication".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import secrets
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from smartrest import (
    DecodeError,
    PayloadTooLargeError,
    TemplateError,
    decode,
    encode,
    pack,
)
from smartrest._limits import packet_room
from smartrest.mqtt import topics
from smartrest.templates import static
from smartrest.templates.operation_json import operation_content, operation_row

from . import legacy, requests
from .calls import Call, Refusal
from .clients import Client, Credentials, Options, Outside, Traffic
from .effects import EFFECTS
from .history import History
from .inventory import Inventory, ManagedObject, now
from .json_operations import json_payloads
from .operations import PENDING, Operation

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from smartrest.templates import Collection

    Row = tuple[str, ...]

__all__ = ["Tenant"]


def not_for_subscribing(topic: str) -> bool:
    """Whether the platform refuses a subscription to this topic from any device."""
    return "+" in topic or "#" in topic or topics.parse(topic).direction == "up"


REFUSED_BEFORE_CREATION = (topics.ds(), topics.dat(), topics.json_operations())  # seen in the field as SUBACK 0x80


class Tenant:
    """The state of one tenant. Not thread-safe: `Platform` calls it under its lock."""

    def __init__(self, options: Options, outside: Outside) -> None:
        self.options = options
        self.inventory = Inventory(options.history)
        self.operations: list[Operation] = History(options.history, lambda operation: operation.done)
        self.collections: dict[str, Collection] = {}
        self.errors: list[Row] = History(options.history)
        self.traffic: deque[Traffic] = deque(maxlen=options.traffic_limit)
        self.watchers: list[Callable[[Traffic], None]] = []
        self.waiting: set[str] = set()  # IDs of devices that poll for credentials and are not accepted yet
        self.accepted: dict[str, Credentials] = {}
        self.refused: set[str] = set()
        self._outside = outside
        self._operation_ids = itertools.count(5001)
        self._token_key = secrets.token_bytes(32)

    # -- up

    def received(self, client: Client, topic: str, payload: bytes) -> None:
        """Process one payload of a client. Never raises for bad payloads: faults go to `errors`."""
        where = topics.parse(topic)
        rows: list[Row] = []
        error: DecodeError | None = None
        if where.is_smartrest:
            try:
                rows = decode(payload)
            except DecodeError as failure:
                error, rows = failure, failure.rows
        self.record(Traffic("up", client.client_id, topic, payload, rows))
        if where.kind == "us":
            for row in rows:
                self._static(client, row, where.child, where.mode or "s")
        elif where.kind in ("uc", "ud"):
            for row in rows:
                x_id = where.x_id or client.x_id
                self._custom(client, row, x_id, where.child, where.mode or "s", default=where.kind == "ud")
        elif where.kind == "ul" and error is None:
            legacy.receive(self, client, where.x_id, rows)
        elif where.kind == "ut":
            self._collection(client, where.x_id or "", payload)
        elif where.kind == "ucr":
            self._credentials(client)
        elif where.kind == "uat":
            self._token(client)
        if error is not None:
            self.report(client, "42", "", f"Malformed payload on {topic}: {error}")

    def may_subscribe(self, client: Client, topic: str) -> bool:
        """Whether the platform accepts a subscription: exact topics only, and only from devices that exist."""
        if not_for_subscribing(topic):
            return False
        known = client.device_id in self.inventory
        return known or not self.options.refuse_subscriptions or topic not in REFUSED_BEFORE_CREATION

    def too_large(self, client: Client, topic: str, size: int, limit: int) -> None:
        """The platform does not report a packet that is too large, so this only goes to `errors`."""
        self.errors.append(
            ("", "", f"Packet of {size} bytes on {topic} is over the limit of {limit}: connection closed")
        )

    def report(self, client: Client | None, code: str, template: str, text: str, *, fault: bool = True) -> None:
        """Send an error row to `s/e`; with `fault` also add it to `errors`."""
        row = (code, template, text)
        if fault:
            self.errors.append(row)
        if client is None:
            return
        try:
            self.reply(client, topics.e(), [row])
        except PayloadTooLargeError:  # the text quotes something as large as a packet
            self.reply(client, topics.e(), [(code, "", text[:1000])])

    # -- down

    def reply(self, client: Client, topic: str, rows: Sequence[Row]) -> None:
        """Send rows in one payload."""
        self._send(client, topic, encode(rows, **_format(topic)))

    def operate(self, client: Client | None, operations: Sequence[Operation]) -> None:
        """Add operations, and send them in one payload per topic if a client listens."""
        for operation in operations:
            self.operations.append(operation)
            if operation.device in self.inventory:
                self.inventory[operation.device].operations.append(operation)
        if client is not None:
            self._push(client, operations)

    def operation(
        self,
        row: Row,
        topic: str,
        fragment: str,
        changed: threading.Condition,
        *,
        sent: Row | None = None,
        content: dict[str, Any] | None = None,
    ) -> Operation:
        """A new operation. `sent`: its row, if that does not name the device; `content`: its JSON, if not the row's."""
        also: list[Row] = []
        if content is None:
            content = (operation_content(row) if topic == topics.ds() else None) or {fragment: {}}
        elif row[0] == "531":  # comes along with 527
            also = [operation_row(content, row[1], ignored=(row[0],))[1]]
        rows = [*also, sent or row] if row[0] else []
        return Operation(str(next(self._operation_ids)), row[1], fragment, rows, topic, content, changed)

    def resend(self, client: Client) -> None:
        """Answer 500: send every PENDING operation of the device and its descendants, oldest first."""
        device = self.inventory[client.device_id]
        family = {thing.external_id for thing in device.family()}
        self._push(client, [op for op in self.operations if op.status == PENDING and op.device in family])

    def _push(self, client: Client, operations: Sequence[Operation]) -> None:
        if client.listens(topics.json_operations()):
            for payload in json_payloads(operations, self.inventory):
                self._send(client, topics.json_operations(), payload)
            for operation in operations:
                operation.sent += 1
        for topic in dict.fromkeys(op.topic for op in operations):
            if not client.listens(topic):
                continue
            mine = [op for op in operations if op.topic == topic and op.rows]
            for payload in pack((row for op in mine for row in op.rows), **_format(topic)):
                self._send(client, topic, payload)
            for operation in mine:
                operation.sent += 1

    def _send(self, client: Client, topic: str, payload: bytes) -> None:
        rows = decode(payload) if topics.parse(topic).is_smartrest else []
        self.record(Traffic("down", client.client_id, topic, payload, rows))
        self._outside.deliver(client, topic, payload)

    def record(self, traffic: Traffic) -> None:
        self.traffic.append(traffic)
        for watcher in self.watchers:
            watcher(traffic)

    # -- static templates

    def _static(self, client: Client, row: Row, child: str | None, mode: str) -> None:
        effect = EFFECTS.get(row[0])
        if effect is None:
            self.report(client, "40", row[0], "No static template for this message id")
            return
        try:
            values = static[row[0]].parse(_marked(row)).parameters
            if row[0] == "100" and child is None and client.device_id not in self.inventory:
                self.create(client, values.get("device_name"), values.get("device_type"))
                return
            thing = self._target(client, child, row, values)
            thing.last_message = now()
            effect(Call(self, client, thing, row, values, stored=mode in ("s", "q")))
        except TemplateError as error:
            self.report(client, "45", row[0], str(error))
        except Refusal as refusal:
            self.report(client, refusal.code, row[0], str(refusal), fault=refusal.fault)
        except PayloadTooLargeError as error:
            self.report(client, "50", row[0], f"the answer: {error}")

    def create(self, client: Client, name: object = None, type_: object = None) -> ManagedObject:
        name = name or f"MQTT Device {client.device_id}"
        root = self.inventory.create(client.device_id, str(name), str(type_ or "c8y_MQTTDevice"))
        root.fragments["c8y_IsDevice"] = {}
        root.last_message = now()
        return root

    def _target(self, client: Client, child: str | None, row: Row, values: dict[str, Any]) -> ManagedObject:
        """The object addressed by the topic; devices and first-level children are created automatically."""
        root = self.inventory.get(client.device_id) or self.create(client)
        if child is None:
            return root
        thing = self.inventory.get(child)
        if thing is None and row[0] == "102" and values.get("service_id") == child:
            return root
        if thing is None:
            thing = self.inventory.create(child, f"MQTT Device {child}", "c8y_MQTTChildDevice", root)
        if thing.root is not root:
            raise Refusal("41", f"{child} is not a child of {client.device_id}")
        return thing

    # -- custom collections

    def _collection(self, client: Client, x_id: str, payload: bytes) -> None:
        if not payload:
            found = x_id in self.collections
            row = ("20", x_id, str(9001 + list(self.collections).index(x_id))) if found else ("41", x_id)
            self.reply(client, topics.dt(), [row])
        elif x_id in self.collections:
            self.report(client, "41", "", f"Template collection {x_id} already exists and cannot be changed")
        else:
            from smartrest.templates import Collection

            try:
                self.collections[x_id] = Collection.parse(payload, x_id)
            except (TemplateError, DecodeError) as error:
                self.report(client, "42", "", f"Template collection {x_id}: {error}")

    def _custom(
        self, client: Client, row: Row, x_id: str | None, child: str | None, mode: str, *, default: bool
    ) -> None:
        collection = self.collections.get(x_id or "")
        if collection is None:
            self.report(client, "40", row[0], f"No template collection {x_id}")
            return
        try:
            thing = self._target(client, child, row, {})
            thing.last_message = now()
            answers = requests.apply(Call(self, client, thing, row, {}, stored=mode in ("s", "q")), collection)
            topic = topics.dd() if default else topics.dc(x_id or "")
            if answers and client.listens(topic):
                self.reply(client, topic, answers)
        except TemplateError as error:
            self.report(client, "45", row[0], str(error))
        except Refusal as refusal:
            self.report(client, refusal.code, row[0], str(refusal), fault=refusal.fault)
        except PayloadTooLargeError as error:
            self.report(client, "50", row[0], f"the answer: {error}")

    # -- credentials and tokens

    def accept(self, device_id: str, username: str | None = None, password: str | None = None) -> Credentials:
        """Accept a device, as a user does in device registration; its next poll is answered."""
        credentials = Credentials(
            self.options.tenant, username or f"device_{device_id}", password or secrets.token_urlsafe(18)
        )
        self.refused.discard(device_id)
        self.waiting.discard(device_id)
        self.accepted[device_id] = credentials
        self._outside.issued(credentials)
        return credentials

    def refuse(self, device_id: str) -> None:
        self.accepted.pop(device_id, None)
        self.waiting.discard(device_id)
        self.refused.add(device_id)

    def _credentials(self, client: Client) -> None:
        device_id = client.device_id
        if device_id in self.refused:
            return
        if self.options.registration == "accept" and device_id not in self.accepted:
            self.accept(device_id)
        credentials = self.accepted.get(device_id)
        if credentials is None:
            self.waiting.add(device_id)
        else:
            self.reply(client, topics.dcr(), [("70", *credentials)])

    def _token(self, client: Client) -> None:
        if self.options.tokens == "all" or (self.options.tokens == "certificate" and client.certified):
            self.reply(client, topics.dat(), [("71", self.token(client.device_id))])
        else:
            text = "MqttAuth: Cannot publish token for device that do not use certificate authentication"
            self.report(client, "41", "", text)

    def token(self, device_id: str) -> str:
        """A signed JSON Web Token (HS256, a key of this tenant) that expires after `token_life` seconds."""
        issued = time.time()
        claims = {
            "iss": self.options.tenant,
            "sub": device_id,
            "iat": int(issued),
            "exp": int(issued + self.options.token_life),
            "jti": secrets.token_hex(16),
        }
        parts = [_base64(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
        text = ".".join(parts)
        return f"{text}.{_base64(hmac.new(self._token_key, text.encode(), hashlib.sha256).digest())}"

    def token_owner(self, token: str) -> str | None:
        """The device that got this token, unless it has expired or was changed."""
        text, _, signature = token.rpartition(".")
        right = _base64(hmac.new(self._token_key, text.encode(), hashlib.sha256).digest())
        if not hmac.compare_digest(right.encode(), signature.encode()):
            return None
        body = text.partition(".")[2]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return claims["sub"] if claims["exp"] > time.time() else None


def _format(topic: str) -> dict[str, Any]:
    """The options for encoding what is sent on `topic`."""
    legacy = topics.parse(topic).is_legacy
    return {"limit": packet_room(topic, qos=1), "dialect": "double" if legacy else "backslash"}


def _marked(row: Row) -> Row:
    """The row, with a marker of 101 that is not a Boolean as the platform takes it: any text but `false` is true."""
    if row[0] == "101" and len(row) > 4 and row[4] not in ("", "true", "false"):
        return (*row[:4], "true", *row[5:])
    return row


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
