"""CONNACK 1, which paho keeps to itself: it answers by another version of MQTT, or as a protocol error like any other.

Leans on names that paho does not promise; where they are missing, the refusal is a lost connection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..mqtt import ConnackCode


def watch_version(client: Any, refused: Callable[[], None]) -> None:
    """Call `refused` when the server refuses the version of the protocol, before paho ends the connection."""
    handle = getattr(client, "_handle_connack", None)
    if handle is None:
        return

    def handle_connack() -> Any:
        packet = getattr(client, "_in_packet", {}).get("packet", b"")
        if len(packet) == 2 and packet[1] == ConnackCode.BAD_PROTOCOL:
            refused()
        return handle()

    client._handle_connack = handle_connack
