"""A device as a program that tells of its connections and its memory: `paho|aiomqtt PORT [websocket]`.

Each line of its output is an event: `online`, or `lost REASON`, and then the most memory it has had, in KiB.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from typing import Any

from smartrest.device import AsyncDevice, Device, Limits, Lost, Online
from smartrest.mqtt import Backoff


def main(kind: str, port: str, *more: str) -> None:
    device: Any = (Device if kind == "paho" else AsyncDevice)(
        "127.0.0.1",
        "dev",
        port=int(port),
        tls=False,
        websocket="websocket" in more,
        limits=Limits(backoff=Backoff(0.05, 0.2)),
    )

    @device.listen(Online, Lost)
    def tell(event: Online | Lost) -> None:
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        what = f"lost {event.reason}" if isinstance(event, Lost) else "online"
        os.write(1, f"{memory} {what}\n".encode())

    if kind == "paho":
        device.run()
    else:
        asyncio.run(device.run())


if __name__ == "__main__":
    main(*sys.argv[1:])
