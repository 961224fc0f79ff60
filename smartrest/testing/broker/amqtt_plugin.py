"""The plugin that `amqtt` loads for `Embedded`: it turns amqtt's events into calls of the platform's hooks.

The only file that knows amqtt's plugin interface. It makes no decisions except on logins, by `Settings`.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any

from amqtt.broker import BrokerContext
from amqtt.contexts import Action
from amqtt.mqtt.disconnect import DisconnectPacket
from amqtt.mqtt.publish import PublishPacket
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from .embedded import RUNNING, Hooks
from .settings import packet_size

__all__ = ["Bridge"]


class Bridge(BaseAuthPlugin, BaseTopicPlugin):
    @dataclass
    class Config:
        broker: str = ""

    def __init__(self, context: BrokerContext) -> None:
        super().__init__(context)
        self.embedded = RUNNING[self.config.broker]
        # Of a client that reconnects at once, amqtt may report the new connection before the end of the old one.
        self.current: dict[str, Session] = {}
        self.polite: set[int] = set()  # ids of sessions that said DISCONNECT, so that no last will is due
        self.cut: set[str] = set()  # ClientIds whose connection is being closed: their messages are void

    @property
    def hooks(self) -> Hooks | None:
        return self.embedded.hooks

    async def authenticate(self, *, session: Session) -> bool:
        settings = self.embedded.settings
        name = _common_name(session)
        if settings.require_certificate and name is None:
            return False
        if settings.use_identity_as_username:
            session.username = name
        elif settings.users is not None:
            password = settings.users.get(session.username or "")
            if password is None or not hmac.compare_digest(password.encode(), (session.password or "").encode()):
                return False
        return True

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool:
        if session is not None and action is Action.PUBLISH:
            return session.client_id not in self.cut
        if self.hooks is None or session is None or action is not Action.SUBSCRIBE:
            return True
        return self.hooks.may_subscribe(session.client_id or "", topic or "")

    async def on_broker_client_connected(self, *, client_id: str, client_session: Session) -> None:
        self.current[client_id] = client_session
        self.polite.discard(id(client_session))
        self.cut.discard(client_id)
        if self.hooks is not None:
            self.hooks.connected(client_id, client_session.username, _common_name(client_session) is not None)

    async def on_broker_client_disconnected(self, *, client_id: str, client_session: Session) -> None:
        polite = id(client_session) in self.polite
        self.polite.discard(id(client_session))
        current = self.current.get(client_id) is client_session
        if current:
            del self.current[client_id]
        if self.hooks is None:
            return
        # amqtt delivers a last will only to its subscribers, so report it here.
        if client_session.will_flag and not polite:
            will = bytes(client_session.will_message or b"")
            self.hooks.received(client_id, client_session.will_topic or "", will, client_session.will_qos or 0)
        if current:
            self.hooks.disconnected(client_id)

    async def on_broker_client_unsubscribed(self, *, client_id: str, topic: str) -> None:
        if self.hooks is not None:
            self.hooks.unsubscribed(client_id, topic)

    async def on_broker_message_received(self, *, client_id: str, message: Any) -> None:
        # At QoS 2 the PUBLISH is not yet a message; the others were reported in wire order, see below.
        if message is None or message.qos != 2 or self._too_large(message.publish_packet):
            return
        if self.hooks is not None:
            self.hooks.received(client_id, message.topic, bytes(message.data), 2)

    async def on_mqtt_packet_received(self, *, packet: Any, session: Session | None = None) -> None:
        if session is None:
            return
        if isinstance(packet, DisconnectPacket):
            self.polite.add(id(session))
        if not isinstance(packet, PublishPacket):
            return
        client_id, topic = session.client_id or "", packet.topic_name or ""
        if self._too_large(packet):
            self.cut.add(client_id)
            if self.hooks is not None:
                self.hooks.too_large(client_id, topic, _size(packet))
            self.embedded.drop(client_id)
        elif self.hooks is not None and packet.qos != 2:
            self.hooks.received(client_id, topic, bytes(packet.data or b""), packet.qos or 0)

    def _too_large(self, packet: PublishPacket) -> bool:
        limit = self.embedded.settings.packet_limit
        return limit is not None and _size(packet) > limit


def _size(packet: PublishPacket) -> int:
    """The size of the whole packet on the wire."""
    if packet.fixed_header is None:
        return 0
    return packet_size(packet.fixed_header.remaining_length)


def _common_name(session: Session) -> str | None:
    """The common name of the client's certificate, `None` without one."""
    peer: Any = session.ssl_object.getpeercert() if session.ssl_object is not None else None
    names = [value for pairs in (peer or {}).get("subject", ()) for key, value in pairs if key == "commonName"]
    return str(names[0]) if names else None
