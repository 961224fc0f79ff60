"""Shared by the four `mqtt_….py` examples: the rows of a small device, independent of the MQTT client.

    python examples/mqtt_commands.py            shows the rows
    python examples/mqtt_paho.py                runs them on paho, against a stand-in for the platform started here
    python examples/mqtt_paho.py HOST PORT DEVICE       on a broker without TLS; stop with Ctrl+C

`smartrest.device` does all this and much more; these examples show how little your own client needs.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from smartrest import decode, encode
from smartrest.mqtt import topics

UP, DOWN = topics.us(), topics.ds()
PENDING = encode([("500",)])


def hello(device: str) -> bytes:
    """The first payload of a device."""
    return encode([("100", device, "c8y_MQTTDevice"), ("114", "c8y_Command")])


def answers(device: str, payload: bytes | bytearray) -> Iterator[tuple[str, bytes]]:
    """Run the commands of one payload (there may be many) in order; yields the topics and payloads of the answers."""
    for row in decode(payload):
        match row:
            case ("511", target, text, *_):
                topic = topics.us(None if target == device else target)
                yield topic, encode([("501", "c8y_Command"), ("503", "c8y_Command", text.upper())])


def main(client: Callable[[str, int, str], Any]) -> None:
    """Run an example on the given broker, or demonstrate it."""
    if sys.argv[1:]:
        host, port, device = sys.argv[1:]
        run(client, host, int(port), device)
        return
    from smartrest.testing import BrokerError

    try:
        demonstrate(client)
    except (BrokerError, ModuleNotFoundError) as error:
        sys.exit(str(error))


def demonstrate(client: Callable[[str, int, str], Any]) -> None:
    """Run two operations from a stand-in for the platform."""
    from smartrest.testing import Platform

    with Platform() as platform:
        threading.Thread(target=run, args=(client, platform.host, platform.port, "pump-7"), daemon=True).start()
        platform.wait_for(lambda: ("500",) in platform.published(UP), what="the device asked for no operations")
        for operation in platform.send(("511", "pump-7", 'echo "a,b"'), ("511", "pump-7", "two\nlines")):
            print(operation.wait(), operation.result)
        print(platform)
        logging.disable()  # the clients are not stopped first, and would complain
        threading.excepthook = lambda _: None


def run(client: Callable[[str, int, str], Any], host: str, port: int, device: str) -> None:
    if inspect.iscoroutinefunction(client):
        asyncio.run(client(host, port, device))
    else:
        client(host, port, device)


if __name__ == "__main__":
    print(hello("pump-7"))
    for message in answers("pump-7", b'511,pump-7,"echo ""a,b"""\n511,valve-1,ls'):
        print(message)
