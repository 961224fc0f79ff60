"""A bound on what paho reads, under aiomqtt too: MQTT 3.1.1 has none, and paho reads each packet whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TOPIC = 65_539  # bytes of a PUBLISH besides its payload, at most


def limit_packets(client: Any, payload: int, refuse: Callable[[str], None]) -> None:
    """End the connection before reading a packet that cannot hold a payload of at most `payload` bytes.

    `refuse` is called with the reason first. Uses a private name of paho, which asks it for all the rest of a packet at
    once; without that name packets of any size are read.
    """
    receive = getattr(client, "_sock_recv", None)
    if receive is None:
        return

    def receive_some(size: int) -> Any:
        if size > payload + TOPIC:
            refuse(f"the server sent a packet of {size:,} bytes, but limits.receive is {payload:,}")
            raise ConnectionError("packet too large")
        return receive(size)

    client._sock_recv = receive_some
