"""Shared by both servers: settings, interface and errors."""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from smartrest._limits import VARINT_STEPS

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LOOPBACK", "BrokerError", "Server", "Settings", "free_port", "packet_size"]

LOOPBACK = "127.0.0.1"


class BrokerError(RuntimeError):
    """The broker did not start, or cannot do this; the text of a failed start ends with its log."""


@dataclass
class Settings:
    """Settings of a server. Ports of 0 are chosen at the first start and kept."""

    port: int
    websocket_port: int | None
    certfile: Path | None
    keyfile: Path | None
    cafile: Path | None
    require_certificate: bool
    use_identity_as_username: bool
    users: dict[str, str] | None
    packet_limit: int | None
    folder: Path  # holds broker.log and the server's own files
    inner_port: int = 0
    inner_password: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    options: list[str] = field(default_factory=list)


class Server(Protocol):
    """One way to run a broker."""

    def start(self, timeout: float) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def running(self) -> bool: ...
    def users_changed(self) -> None: ...
    def save(self) -> None: ...


def free_port() -> int:
    """A TCP port of the loopback interface that is free right now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def packet_size(rest: int) -> int:
    """The size of an MQTT packet whose remaining length is `rest`."""
    return 1 + next(width for below, width in VARINT_STEPS if rest < below) + rest
