"""A client's side of the stand-in platform: its connection and credentials, and the record of its traffic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from smartrest import SmartRestError
from smartrest.mqtt import ClientId

if TYPE_CHECKING:
    from collections.abc import Sequence

    Row = tuple[str, ...]

__all__ = ["Client", "Credentials", "Options", "Outside", "Traffic"]


class Credentials(NamedTuple):
    """The fields of a row 70."""

    tenant: str
    username: str
    password: str


class Traffic(NamedTuple):
    """One event on the wire. `direction` is "up" (a device published), "down", "connect", "subscribe" or "disconnect".

    `rows` is empty if a payload is not SmartREST.
    """

    direction: str
    client_id: str
    topic: str = ""
    payload: bytes = b""
    rows: Sequence[Row] = ()


@dataclass
class Client:
    """One MQTT connection of a device.

    `certified`: it sent a client certificate. `everything`: its subscriptions are unknown, so it counts as subscribed
    to all topics.
    """

    client_id: str
    username: str | None = None
    certified: bool = False
    subscriptions: set[str] = field(default_factory=set)
    everything: bool = False
    device_id: str = field(init=False)
    x_id: str | None = field(init=False)
    fault: str = field(init=False, default="")

    def listens(self, topic: str) -> bool:
        return self.everything or topic in self.subscriptions

    def __post_init__(self) -> None:
        self.device_id, self.x_id, self.fault = self.client_id, None, ""
        try:
            parsed = ClientId.parse(self.client_id)
            self.device_id, self.x_id = parsed.device_id, parsed.x_id
        except SmartRestError as error:  # a broker accepts it; the platform would not
            self.fault = str(error)


@dataclass
class Options:
    """Configurable behaviour of the platform; the names are the arguments of `Platform`."""

    tenant: str = "t0815"
    registration: str = "accept"
    tokens: str = "certificate"
    token_life: float = 3600.0
    version: str = "2025.0.0"
    refuse_subscriptions: bool = True
    traffic_limit: int | None = None
    history: int | None = None


class Outside(Protocol):
    """Receives a tenant's replies and new credentials."""

    def deliver(self, client: Client, topic: str, payload: bytes) -> None: ...
    def issued(self, credentials: Credentials) -> None: ...
