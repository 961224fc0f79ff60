"""The stand-in for the platform: a broker, a tenant, and the interface for tests.

The link calls from the broker's thread, a test from its own; one lock protects everything. The link settles before a
test reads: messages that the broker has acknowledged may still be on their way here.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Literal

from smartrest import PACKET_LIMIT, encode
from smartrest._limits import packet_room
from smartrest._visible import visible
from smartrest.mqtt import BOOTSTRAP_USERNAME, topics
from smartrest.templates.operation_json import operation_row

from ..broker import Broker, BrokerError, packet_size
from ..broker.embedded import Embedded
from .clients import Client, Credentials, Options, Traffic
from .effects import fragment_of
from .json_operations import json_payloads
from .links import ClientLink, EmbeddedLink, Link
from .operations import Operation
from .tenant import Tenant, not_for_subscribing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smartrest.templates import Collection

    from .inventory import Inventory, ManagedObject

    Row = tuple[str, ...]

__all__ = ["Platform"]

log = logging.getLogger("smartrest.testing")


class Platform:
    """A local stand-in for the platform's MQTT side.

    `broker`: a `Broker` (started if necessary) or its kind; by default mosquitto if installed, else amqtt. Or `host`
    and `port` of a running broker, with `device_id` as the sender of all messages. With mosquitto it serves one
    device and its children, with amqtt many.

    `registration`: `"accept"` answers every device that polls for credentials, `"ask"` waits for `accept`. `tokens`:
    which devices get one, `"certificate"` (those with a certificate, as on the platform), `"all"` or `"none"`, for
    `token_life` seconds. `login="issued"` accepts only credentials issued here, and the bootstrap user with
    `bootstrap_password`. `refuse_subscriptions`: refuse those of a device that does not exist yet, as the platform does
    (amqtt only). `traffic_limit`: how many entries of `traffic()` are kept, the newest; by default all. `history`: how
    many `errors`, finished `operations`, measurements, events and cleared alarms are kept, the newest, and of each
    object in `inventory`; by default all. `prefix`: the broker is that of a gateway and puts this before every topic of
    the platform (`c8y` for `c8y/s/us`); everything here is without it, and other topics are not the platform's.

    Everything that the broker has acknowledged is visible to a test: a row sent at QoS 1 counts once the device has its
    PUBACK. Use `wait_for` for things that the device has yet to do.

    Use as a context manager. `errors` holds every row sent to `s/e` for a fault of the device, and faults that the
    platform does not report (with both other fields empty).
    """

    def __init__(
        self,
        broker: Broker | str | None = None,
        *,
        host: str | None = None,
        port: int | None = None,
        device_id: str | None = None,
        tenant: str = "t0815",
        registration: Literal["accept", "ask"] = "accept",
        tokens: Literal["certificate", "all", "none"] = "certificate",
        token_life: float = 3600.0,
        login: Literal["any", "issued"] = "any",
        bootstrap_password: str = "bootstrap",  # noqa: S107 - of a broker on this machine
        version: str = "2025.0.0",
        refuse_subscriptions: bool = True,
        traffic_limit: int | None = None,
        history: int | None = None,
        prefix: str | None = None,
    ) -> None:
        if port is not None and broker is not None:
            raise ValueError("give either broker, or host and port of a running one")
        for name, value, words in (
            ("registration", registration, ("accept", "ask")),
            ("tokens", tokens, ("certificate", "all", "none")),
            ("login", login, ("any", "issued")),
        ):
            if value not in words:
                raise ValueError(f"{name} must be one of {', '.join(words)}, not {value!r}")
        self._users: dict[str, str] | None = {BOOTSTRAP_USERNAME: bootstrap_password} if login == "issued" else None
        self.broker: Broker | None = None
        self._owned = not isinstance(broker, Broker)
        if port is not None:
            self._address = (host or Broker.host, port)
        else:
            self.broker = broker if isinstance(broker, Broker) else Broker(broker or "auto", users=self._users)
        self._device_id = device_id
        self._changed = threading.Condition(threading.RLock())
        self._asking: int | None = None  # the thread that holds the lock and asks a condition
        self._failure: Exception | None = None
        self._link: Link | None = None
        if history is not None and history < 1:
            raise ValueError(f"history must be at least 1, or None to keep all, not {history!r}")
        self._prefix = None if prefix is None else topics.check_prefix(prefix)
        options = Options(
            tenant, registration, tokens, token_life, version, refuse_subscriptions, traffic_limit, history
        )
        self._tenant = Tenant(options, self)

    # -- life

    def start(self) -> Platform:
        try:
            if self.broker is None:
                self._link = ClientLink(*self._address, device_id=self._device_id, prefix=self._prefix)
            else:
                self._link = self._own_link(self.broker.start())
            self._link.open(self)
        except BrokerError:
            self.stop()
            raise
        if self.broker is not None:
            self.broker.save()
        return self

    def stop(self) -> None:
        if self._link is not None:
            self._settle()
            self._link.close()
            self._link = None
        if self.broker is not None and self._owned:
            self.broker.close()

    def __enter__(self) -> Platform:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _own_link(self, broker: Broker) -> Link:
        if isinstance(broker.server, Embedded):
            return EmbeddedLink(broker.server, self._prefix)
        certified = broker.require_certificate
        return ClientLink(
            broker.host,
            broker.inner_port,
            device_id=self._device_id,
            log=True,
            certified=certified,
            password=broker.inner_password,
            prefix=self._prefix,
        )

    # -- for tests: reading

    @property
    def host(self) -> str:
        return Broker.host if self.broker is not None else self._address[0]

    @property
    def port(self) -> int:
        """The port for devices."""
        return self.broker.port if self.broker is not None else self._address[1]

    @property
    def _limit(self) -> int | None:
        return self.broker.packet_limit if self.broker is not None else PACKET_LIMIT

    @property
    def inventory(self) -> Inventory:
        self._settle()
        return self._tenant.inventory

    @property
    def operations(self) -> list[Operation]:
        """Every operation, oldest first."""
        self._settle()
        return self._tenant.operations

    @property
    def errors(self) -> list[Row]:
        """Rows (code, template ID, text), as on `s/e`."""
        self._settle()
        return self._tenant.errors

    @property
    def collections(self) -> dict[str, Collection]:
        """The template collections that devices created, by X-ID."""
        self._settle()
        return self._tenant.collections

    @property
    def clients(self) -> list[Client]:
        """The connected clients."""
        self._settle()
        with self._changed:
            return self._clients()

    @property
    def waiting(self) -> list[str]:
        """IDs of devices that poll for credentials and are not accepted yet."""
        self._settle()
        with self._changed:
            return sorted(self._tenant.waiting)

    def traffic(self) -> list[Traffic]:
        """All events on the wire so far: payloads in both directions, connections and subscriptions."""
        self._settle()
        with self._changed:
            return list(self._tenant.traffic)

    def published(self, topic: str) -> list[Row]:
        """The rows that devices published on a topic, in order."""
        return [row for item in self.traffic() if item.direction == "up" and item.topic == topic for row in item.rows]

    def payloads(self, topic: str) -> list[bytes]:
        """The payloads that devices published on a topic, in order."""
        return [item.payload for item in self.traffic() if item.direction == "up" and item.topic == topic]

    def watch(self, watcher: Callable[[Traffic], None]) -> None:
        """Call `watcher` for every event on the wire from now on, in the broker's thread."""
        with self._changed:
            self._tenant.watchers.append(watcher)

    def wait_for_device(self, external_id: str, timeout: float = 10.0) -> ManagedObject:
        """Wait until a device, child or service exists; `TimeoutError` after `timeout` seconds."""
        inventory = self._tenant.inventory
        self.wait_for(lambda: external_id in inventory, timeout, f"{external_id} does not exist")
        return inventory[external_id]

    def wait_for(self, condition: Callable[[], object], timeout: float = 10.0, what: str = "not so") -> None:
        """Wait until `condition()` is true; it is called after every event."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self._asked(condition):
                left = deadline - time.monotonic()
                if self._failure is not None:
                    raise RuntimeError("the stand-in platform failed") from self._failure
                if left <= 0 or not self._changed.wait(left):
                    if self._asked(condition):
                        return
                    raise TimeoutError(f"{what} after {timeout:g} s\n{self._picture()}")

    # -- for tests: acting

    def send(
        self, *rows: Sequence[str], topic: str | None = None, fragment: str | None = None, to: str | None = None
    ) -> list[Operation]:
        """Create one operation per row, and send all rows in one payload to their device.

        A row is (template ID, external ID of the device or child, parameters…). Rows of custom templates need `topic`
        (`s/dc/<X-ID>`; in SmartREST 1.0 `s/ol/<X-ID>`, with `to`) and `fragment`. A device that is not connected, or
        has not subscribed, gets the rows when it sends 500. `to` names the connected device if the row names an unknown
        one. `ValueError` for rows of several devices, `PayloadTooLargeError` if they do not fit in one payload.
        """
        topic = topic or topics.ds()
        self._settle()
        with self._changed:
            operations = [self._operation(tuple(row), topic, fragment, to) for row in rows]
            roots = {self._root_of(operation.device, to) for operation in operations}
            if len(roots) > 1:
                raise ValueError(
                    f"all rows of one call must be for one device and its children, not for {', '.join(sorted(roots))}"
                )
            encode((op.row for op in operations), limit=packet_room(topic, qos=1))  # raises if they do not fit
            operations = _one_profile(operations)
            self._tenant.operate(self._client_of(roots), list(dict.fromkeys(operations)))
        return operations

    def send_json(self, device_id: str, *contents: dict[str, Any]) -> list[Operation]:
        """Create one operation per object of fragments, such as `{"c8y_Restart": {}}`, for a device, child or service.

        A client of `devicecontrol/notifications` gets them as JSON, one of `s/ds` those with a static template as rows.
        `PayloadTooLargeError` if one does not fit into a packet as JSON; then none is created.
        """
        self._settle()
        with self._changed:
            root = self._root_of(device_id, None)
            operations = []
            for content in contents:
                fragment, row = operation_row(content, device_id)
                if not fragment:
                    raise ValueError(f"an operation needs a fragment: {content!r}")
                made = self._tenant.operation(row, topics.ds(), fragment, self._changed, content=content)
                operations.append(made)
            list(json_payloads(operations, self._tenant.inventory))  # raises if one does not fit
            self._tenant.operate(self._client_of({root}), operations)
        return operations

    def accept(self, device_id: str, username: str | None = None, password: str | None = None) -> Credentials:
        """Accept a device in registration: its next poll is answered with credentials."""
        with self._changed:
            return self._tenant.accept(device_id, username, password)

    def token_owner(self, token: str) -> str | None:
        """The device that got this token from here; `None` if it has expired or is not from here."""
        with self._changed:
            return self._tenant.token_owner(token)

    def refuse(self, device_id: str) -> None:
        """Remove a device from registration: its polls are not answered."""
        with self._changed:
            self._tenant.refuse(device_id)

    def reply(self, topic: str, *rows: Sequence[str], to: str | None = None) -> None:
        """Send any rows in one payload to a connected device: an error on `s/e`, a late 70, garbage."""
        self._settle()
        with self._changed:
            client = self._client_of({to} if to is not None else {c.device_id for c in self._clients()})
            if client is None:
                raise ValueError("no such device is connected")
            self._tenant.reply(client, topic, [tuple(row) for row in rows])

    def disconnect(self, device_id: str) -> None:
        """End the connection of a device from the platform's side. With mosquitto its last will is not sent."""
        with self._changed:
            client = self._client_of({device_id})
        if client is not None and self._link is not None:
            self._link.drop(client)

    def __str__(self) -> str:
        self._settle()
        return self._picture()

    def _picture(self) -> str:
        with self._changed:
            kind = self.broker.kind if self.broker is not None else "broker"
            lines = [f"Platform at {self.host}:{self.port} ({kind})"]
            for root in self._tenant.inventory.roots:
                lines += root.lines("  ")
            lines += [visible(f"  error {','.join(row)}") for row in self._tenant.errors]
            return "\n".join(lines)

    def _operation(self, row: Row, topic: str, fragment: str | None, to: str | None) -> Operation:
        if topics.parse(topic).kind == "ol":  # SmartREST 1.0 has the line number in place of the device
            if to is None or fragment is None:
                raise ValueError(f"an operation on {topic} needs to= and fragment=")
            return self._tenant.operation((row[0], to), topic, fragment, self._changed, sent=row)
        if len(row) < 2:
            raise ValueError(f"no device ID in the second field of an operation: {row!r}")
        fragment = fragment or fragment_of(row[0])
        if fragment is None:
            raise ValueError(f"not a static operation template: {row[0]!r}; pass fragment=")
        return self._tenant.operation(row, topic, fragment, self._changed)

    def _root_of(self, external_id: str, to: str | None) -> str:
        """The device ID of the connection for an operation."""
        if to is not None:
            return to
        if external_id in self._tenant.inventory:
            return self._tenant.inventory[external_id].root.external_id
        raise ValueError(f"unknown device {external_id!r}: use wait_for_device, or name the connected device with to=")

    def _client_of(self, device_ids: set[str]) -> Client | None:
        return next((client for client in reversed(self._clients()) if client.device_id in device_ids), None)

    def _clients(self) -> list[Client]:
        return list(self._link.clients.values()) if self._link is not None else []

    def _asked(self, condition: Callable[[], object]) -> object:
        """Evaluate a condition of `wait_for` while holding the lock."""
        before, self._asking = self._asking, threading.get_ident()  # a condition may itself wait for another
        try:
            return condition()
        finally:
            self._asking = before

    def _settle(self) -> None:
        """Wait for all past events of the broker. Not in a condition: it holds the lock that the events need."""
        link = self._link
        if link is not None and self._asking != threading.get_ident():
            link.settle()

    # -- called by the tenant

    def deliver(self, client: Client, topic: str, payload: bytes) -> None:
        if self._link is not None:
            self._link.deliver(client, topic, payload)

    def issued(self, credentials: Credentials) -> None:
        if self._users is not None and self.broker is not None:
            self._users[f"{credentials.tenant}/{credentials.username}"] = credentials.password
            self.broker.set_users(self._users)

    # -- called by the link

    def connected(self, client: Client) -> None:
        with self._changed:
            if client.fault:
                self._tenant.errors.append(("", "", client.fault))
            others = {other.device_id for other in self._clients()} - {client.device_id}
            if others and isinstance(self._link, ClientLink) and self._device_id is None:
                both = f"{client.device_id} and {', '.join(sorted(others))}"
                text = f"{both} are connected, but with this broker devices cannot be told apart: use Platform('amqtt')"
                self._tenant.errors.append(("", "", text))
            self._note(Traffic("connect", client.client_id))
            older = [other for other in self._clients() if other.device_id == client.device_id and other is not client]
        for other in older:  # under another form of the ClientId; under the same one the broker ends it
            if self._link is not None:
                self._link.drop(other)

    def left(self, client: Client) -> None:
        self._note(Traffic("disconnect", client.client_id))

    def subscribed(self, client: Client, topic: str) -> None:
        if self._prefix is None and not_for_subscribing(topic):  # only mosquitto grants it
            text = f"{client.device_id} subscribed to {topic}, which the platform refuses and this broker cannot"
            with self._changed:
                self._tenant.errors.append(("", "", text))
        self._note(Traffic("subscribe", client.client_id, topic))

    def may_subscribe(self, client: Client, topic: str) -> bool:
        with self._changed:
            return self._tenant.may_subscribe(client, topic)

    def too_large(self, client: Client, topic: str, size: int) -> None:
        """A packet that the broker refused, or should have: mosquitto accepts larger ones over WebSocket."""
        with self._changed:
            self._tenant.too_large(client, topic, size, self._limit or PACKET_LIMIT)
            self._changed.notify_all()

    def received(self, client: Client, topic: str, payload: bytes, qos: int) -> None:
        size = packet_size(2 + len(topic.encode()) + 2 * (qos > 0) + len(payload))
        if self._limit is not None and size > self._limit:
            self.too_large(client, topic, size)
            if self._link is not None:
                self._link.drop(client)
            return
        self._guard(lambda: self._tenant.received(client, topic, payload))

    def _note(self, event: Traffic) -> None:
        self._guard(lambda: self._tenant.record(event))

    def _guard(self, action: Callable[[], None]) -> None:
        with self._changed:
            try:
                action()
            except Exception as error:
                # A bug here or in a watcher must not end the broker's thread, nor stay hidden.
                log.exception("the stand-in platform failed")
                self._failure = error
            self._changed.notify_all()


def _one_profile(operations: list[Operation]) -> list[Operation]:
    """Merge a row 531 with the 527 of the same operation: both rows belong to one operation."""
    merged: list[Operation] = []
    for operation in operations:
        id_ = operation.row[0]
        twin = [
            other
            for other in merged
            if {other.row[0], id_} == {"527", "531"} and other.device == operation.device and len(other.rows) == 1
        ]
        if twin:
            twin[0].rows.append(operation.row)
            if id_ == "531":
                twin[0].content = operation.content  # it tells the software types too
        merged.append(twin[0] if twin else operation)
    return merged
