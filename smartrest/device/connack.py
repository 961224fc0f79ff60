"""CONNACK codes as a device sees them, including code 1, which paho handles without a callback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..mqtt import ConnackCode

REVOKED = (ConnackCode.BAD_CREDENTIALS, ConnackCode.NOT_AUTHORIZED)


def nearest(code: int) -> ConnackCode:
    """The code; an unknown one counts as UNAVAILABLE, which is retried."""
    try:
        return ConnackCode(code)
    except ValueError:
        return ConnackCode.UNAVAILABLE


def watch_version(client: Any, refused: Callable[[], None]) -> None:
    """Call `refused` when the server refuses the protocol version, before paho ends the connection.

    Uses private names of paho; without them the refusal looks like a lost connection.
    """
    handle = getattr(client, "_handle_connack", None)
    if handle is None:
        return

    def handle_connack() -> Any:
        packet = getattr(client, "_in_packet", {}).get("packet", b"")
        if len(packet) == 2 and packet[1] == ConnackCode.BAD_PROTOCOL:
            refused()
        return handle()

    client._handle_connack = handle_connack
