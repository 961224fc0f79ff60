"""Connects the stand-in platform to devices: as a client of any broker, or from inside amqtt.

`ClientLink` cannot see the publisher of a message, so it serves one device with its children per broker; mosquitto's
log topics report connections and subscriptions. `EmbeddedLink` knows the ClientId in both directions: many devices.
"""

from __future__ import annotations

import re
import secrets
import socket
import threading
from typing import TYPE_CHECKING, Any, Protocol

from smartrest import _install
from smartrest.mqtt import topics

from ..broker import BrokerError
from .clients import Client

if TYPE_CHECKING:
    from ..broker.embedded import Embedded

__all__ = ["ClientLink", "EmbeddedLink", "Link", "Listener"]

OWN_ID = "smartrest-platform"
MARK = OWN_ID + "/mark"
LOG = "$SYS/broker/log/"
CONNECTED = re.compile(r"New client connected from \S+ as (?P<id>.*) \(p\d, c\d, k\d+(?:, u'(?P<user>.*)')?\)\.$", re.S)
LEFT = re.compile(
    r"(?:Socket error on client|Client) (?P<id>.*?)"
    r"(?: already connected,| disconnected| closed its connection| has exceeded timeout|, disconnecting)",
    re.S,
)


class Listener(Protocol):
    """Events from a link to the platform, from one thread and in wire order."""

    def connected(self, client: Client) -> None: ...
    def left(self, client: Client) -> None: ...
    def subscribed(self, client: Client, topic: str) -> None: ...
    def received(self, client: Client, topic: str, payload: bytes, qos: int) -> None: ...
    def may_subscribe(self, client: Client, topic: str) -> bool: ...
    def too_large(self, client: Client, topic: str, size: int) -> None: ...


class Link(Protocol):
    clients: dict[str, Client]  # connected clients by ClientId

    def open(self, listener: Listener) -> None: ...
    def close(self) -> None: ...
    def settle(self) -> None: ...  # returns once all past events of the broker have been reported
    def deliver(self, client: Client, topic: str, payload: bytes) -> None: ...
    def drop(self, client: Client) -> None: ...


class ClientLink:
    """The platform as a client of a broker at `host`, `port`. `device_id`: the sender of all messages, if known.

    `log`: the broker writes its log to `$SYS/broker/log/#`, as `Broker("mosquitto")` does. Without it every device
    counts as connected and subscribed to everything. `password`: of `OWN_ID`. `certified`: the broker accepts only
    clients with certificates. `prefix`: the broker is a gateway's; only topics with it are the platform's.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        device_id: str | None = None,
        log: bool = False,
        certified: bool = False,
        password: str | None = None,
        prefix: str | None = None,
    ) -> None:
        try:
            from paho.mqtt.client import Client as Paho
            from paho.mqtt.enums import CallbackAPIVersion
        except ModuleNotFoundError as error:
            raise _install.hint(error, "smartrest.testing", "testing") from None

        self.clients: dict[str, Client] = {}
        self.host, self.port, self.device_id, self.log, self.certified = host, port, device_id, log, certified
        self.prefix = prefix
        self._last: Client | None = None
        self._password = password
        self._ready = threading.Event()
        self._marks = threading.Condition()
        self._awaited: set[bytes] = set()  # marks on their way
        self._network: int | None = None
        self._problem = ""
        self._mine = Paho(CallbackAPIVersion.VERSION2, OWN_ID, clean_session=not log)
        if password is not None:
            self._mine.username_pw_set(OWN_ID, password)
        self._mine.on_connect = self._on_connect
        self._mine.on_disconnect = self._on_disconnect
        self._mine.on_subscribe = self._mine.on_unsubscribe = lambda *_: self._ready.set()
        self._mine.on_message = self._on_message
        self._mine.on_socket_open = _without_delay
        self._mine.max_inflight_messages_set(0)
        self._mine.reconnect_delay_set(0.05, 0.05)  # type: ignore[arg-type]  # it takes fractions too

    def open(self, listener: Listener) -> None:
        self.listener = listener
        if self.device_id is not None and not self.log:
            self._client(self.device_id)
        try:
            self._mine.connect(self.host, self.port)
        except OSError as error:
            raise BrokerError(f"no broker at {self.host}:{self.port}: {error}") from error
        self._mine.loop_start()
        if not self._ready.wait(10):
            self.close()
            raise BrokerError(f"the broker at {self.host}:{self.port} refuses the subscription{self._problem}")

    def close(self) -> None:
        if self.log and self._ready.is_set():  # else the broker keeps queueing messages for this session
            self._ready.clear()
            self._mine.unsubscribe(["#", LOG + "#"])
            self._ready.wait(1)
        self._mine.disconnect()
        self._mine.loop_stop()

    def settle(self) -> None:
        """Send a message to itself and wait up to 5 s for it: all earlier events arrive before it."""
        if (
            threading.get_ident() == self._network or not self._mine.is_connected()
        ):  # the network thread cannot wait for itself
            return
        mark = secrets.token_bytes(8)
        with self._marks:
            self._awaited.add(mark)
            self._mine.publish(MARK, mark, qos=1)
            self._marks.wait_for(lambda: mark not in self._awaited or not self._mine.is_connected(), 5)
            self._awaited.discard(mark)

    def deliver(self, client: Client, topic: str, payload: bytes) -> None:
        self._mine.publish(topics.with_prefix(topic, self.prefix), payload, qos=1)

    def drop(self, client: Client) -> None:
        """Briefly connect with the same ClientId, which ends the other connection without its last will."""
        threading.Thread(target=self._take_over, args=(client,), daemon=True).start()

    def _take_over(self, client: Client) -> None:
        from paho.mqtt.client import Client as Paho
        from paho.mqtt.enums import CallbackAPIVersion

        other = Paho(CallbackAPIVersion.VERSION2, client.client_id)
        other.username_pw_set(OWN_ID, self._password)
        other.connect(self.host, self.port)
        other.loop(1)
        other.disconnect()
        other.loop(1)

    def _client(self, client_id: str, username: str | None = None) -> Client:
        client = Client(client_id, username, self.certified, everything=not self.log)
        self.clients[client_id] = self._last = client
        return client

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._problem = f": {reason}"
        else:
            self._network = threading.get_ident()
            self._mine.subscribe([("#", 1), (LOG + "#", 1)])

    def _on_disconnect(self, *_: Any) -> None:
        with self._marks:
            self._marks.notify_all()
        for client in list(self.clients.values()) if self.log else ():
            self._left(client.client_id)

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        topic: str = message.topic
        if topic.startswith(LOG):
            self._on_log(topic[len(LOG) :], message.payload.decode(errors="replace").partition(": ")[2])
        elif topic == MARK:
            with self._marks:
                self._awaited.discard(message.payload)
                self._marks.notify_all()
        elif not topic.startswith("$"):
            bare = topics.without_prefix(topic, self.prefix)
            client = None if bare is None or _for_devices(bare) else self._publisher()  # our own replies come back
            if bare is not None and client is not None:
                self.listener.received(client, bare, message.payload, message.qos)

    def _publisher(self) -> Client | None:
        """The device: the one named, else the last that connected, even if gone (its last will comes later)."""
        if self.device_id is not None:
            mine = [client for client in self.clients.values() if client.device_id == self.device_id]
            return mine[-1] if mine else self._client(self.device_id)
        return next(reversed(self.clients.values()), self._last)

    def _on_log(self, kind: str, text: str) -> None:
        if kind in ("M/subscribe", "M/unsubscribe"):
            client_id, *rest = text.rsplit(" ", 2 if kind == "M/subscribe" else 1)
            if client_id in self.clients:
                client = self.clients[client_id]
                topic = topics.without_prefix(rest[-1], self.prefix) or rest[-1]
                if kind == "M/subscribe":
                    client.subscriptions.add(topic)
                    self.listener.subscribed(client, topic)
                else:
                    client.subscriptions.discard(topic)
        elif found := CONNECTED.match(text):
            if found["id"] != OWN_ID:
                self._left(found["id"])
            if OWN_ID not in (found["id"], found["user"]):  # as user: only to end the connection of a client
                self.listener.connected(self._client(found["id"], found["user"]))
        elif found := LEFT.match(text):
            self._left(found["id"])

    def _left(self, client_id: str) -> None:
        client = self.clients.pop(client_id, None)
        if client is not None:
            self.listener.left(client)


class EmbeddedLink:
    """Inside an amqtt broker of this process. `prefix`: as of `ClientLink`."""

    def __init__(self, broker: Embedded, prefix: str | None = None) -> None:
        self.clients: dict[str, Client] = {}
        self.prefix = prefix
        self._broker = broker

    def open(self, listener: Listener) -> None:
        self.listener = listener
        self._broker.hooks = self

    def close(self) -> None:
        self._broker.hooks = None

    def settle(self) -> None:
        """Nothing to wait for: the broker calls the hooks before it answers a client."""

    def deliver(self, client: Client, topic: str, payload: bytes) -> None:
        self._broker.send(client.client_id, topics.with_prefix(topic, self.prefix), payload)

    def drop(self, client: Client) -> None:
        self._broker.drop(client.client_id)

    # The hooks, called in the broker's thread.

    def connected(self, client_id: str, username: str | None, certified: bool) -> None:
        self.disconnected(client_id)
        self.clients[client_id] = Client(client_id, username, certified)
        self.listener.connected(self.clients[client_id])

    def disconnected(self, client_id: str) -> None:
        client = self.clients.pop(client_id, None)
        if client is not None:
            self.listener.left(client)

    def lost(self) -> None:
        for client_id in list(self.clients):
            self.disconnected(client_id)

    def may_subscribe(self, client_id: str, topic: str) -> bool:
        client = self._known(client_id)
        bare = topics.without_prefix(topic, self.prefix)
        granted = bare is None or self.listener.may_subscribe(client, bare)  # else one of the gateway's own topics
        topic = bare or topic
        if granted:
            client.subscriptions.add(topic)
            self.listener.subscribed(client, topic)
        return granted

    def unsubscribed(self, client_id: str, topic: str) -> None:
        self._known(client_id).subscriptions.discard(topics.without_prefix(topic, self.prefix) or topic)

    def received(self, client_id: str, topic: str, payload: bytes, qos: int) -> None:
        bare = topics.without_prefix(topic, self.prefix)
        if bare is not None:
            self.listener.received(self._known(client_id), bare, payload, qos)

    def too_large(self, client_id: str, topic: str, size: int) -> None:
        self.listener.too_large(self._known(client_id), topic, size)

    def _known(self, client_id: str) -> Client:
        return self.clients.get(client_id) or Client(client_id)


def _for_devices(topic: str) -> bool:
    return topics.parse(topic).direction == "down" or topic in (topics.json_errors(), topics.json_operations())


def _without_delay(_client: Any, _data: Any, connection: Any) -> None:
    """Send small packets at once; otherwise they wait up to 40 ms for the acknowledgement of the previous one."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
