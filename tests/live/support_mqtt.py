"""A plain MQTT client for tests: paho, with a list of received messages to wait for."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from paho.mqtt.client import Client as Paho
from paho.mqtt.enums import CallbackAPIVersion

import smartrest
from smartrest.testing.broker import find_mosquitto

BROKERS = ["amqtt", pytest.param("mosquitto", marks=pytest.mark.skipif(not find_mosquitto(), reason="not installed"))]
T = TypeVar("T")


class MqttClient:
    """Connects when entered; `received` holds (topic, payload). Reason codes are those of MQTT 3.1.1."""

    def __init__(
        self,
        client_id: str,
        port: int,
        *,
        username: str | None = None,
        password: str | None = None,
        websocket: bool = False,
        context: ssl.SSLContext | None = None,
        will: tuple[str, str] | None = None,
    ) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.connack: Any = None
        self.losses: list[Any] = []
        self._acks: set[int] = set()
        self._grants: dict[int, list[Any]] = {}
        self._changed = threading.Condition()
        self.paho = Paho(CallbackAPIVersion.VERSION2, client_id, transport="websockets" if websocket else "tcp")
        if not websocket:
            self.paho.on_socket_open = _without_delay
        if username is not None:
            self.paho.username_pw_set(username, password)
        if context is not None:
            self.paho.tls_set_context(context)
        if will is not None:
            self.paho.will_set(*will, qos=1)
        self.paho.on_connect = lambda _c, _u, _f, reason, _p: self._note(lambda: setattr(self, "connack", reason))
        self.paho.on_disconnect = lambda _c, _u, _f, reason, _p: self._note(lambda: self.losses.append(reason))
        self.paho.on_message = lambda _c, _u, m: self._note(lambda: self.received.append((m.topic, m.payload)))
        self.paho.on_publish = lambda _c, _u, mid, _r, _p: self._note(lambda: self._acks.add(mid))
        self.paho.on_subscribe = lambda _c, _u, mid, codes, _p: self._note(lambda: self._grants.update({mid: codes}))
        self.paho.reconnect_delay_set(0.1, 0.5)  # type: ignore[arg-type]  # it also takes fractions
        self._port = port

    def __enter__(self) -> MqttClient:
        self.paho.connect("127.0.0.1", self._port)
        self.paho.loop_start()
        self.wait(lambda: self.connack is not None)
        return self

    def __exit__(self, *_: object) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()

    def publish(self, topic: str, payload: str | bytes = b"", qos: int = 1, *, retain: bool = False) -> None:
        """Publish and wait for the acknowledgement (QoS 1 and 2)."""
        mid = self.paho.publish(topic, payload, qos, retain).mid
        self.wait(lambda: mid in self._acks)

    def subscribe(self, *topics: str) -> list[bool]:
        """Subscribe to each topic; returns which were granted."""
        granted = []
        for topic in topics:
            mid = self.paho.subscribe(topic, 1)[1]
            assert mid is not None
            self.wait(lambda mid=mid: mid in self._grants)  # type: ignore[misc]  # binds the number of this turn
            granted.append(not self._grants[mid][0].is_failure)
        return granted

    def payloads(self, topic: str) -> list[bytes]:
        return [payload for name, payload in self.received if name == topic]

    def rows(self, topic: str) -> list[tuple[str, ...]]:
        return [row for payload in self.payloads(topic) for row in smartrest.decode(payload)]

    def wait(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        with self._changed:
            while not condition():
                assert self._changed.wait(max(0.0, deadline - time.monotonic())), f"received only {self.received}"

    def wait_rows(self, topic: str, count: int = 1, seconds: float = 10.0) -> list[tuple[str, ...]]:
        self.wait(lambda: len(self.rows(topic)) >= count, seconds)
        return self.rows(topic)

    def _note(self, action: Callable[[], object]) -> None:
        with self._changed:
            action()
            self._changed.notify_all()


def _without_delay(_client: Any, _data: Any, connection: Any) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
