"""What the codes of CONNACK mean to a device, and how to hear of code 1, which paho keeps to itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..mqtt import ConnackCode

REVOKED = (ConnackCode.BAD_CREDENTIALS, ConnackCode.NOT_AUTHORIZED)


def nearest(code: int) -> ConnackCode:
    """The code, or the nearest: what is not in the table is refused for now."""
    try:
        return ConnackCode(code)
    except ValueError:
        return ConnackCode.UNAVAILABLE


def watch_version(client: Any, refused: Callable[[], None]) -> None:
    """Call `refused` when the server refuses the version of the protocol, before paho ends the connection.

    Leans on names that paho does not promise; where they are missing, the refusal is a lost connection.
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
