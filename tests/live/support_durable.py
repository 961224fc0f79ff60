"""Sends numbered rows from a device with an outbox file until it is killed: `paho|aiomqtt PORT PATH FIRST`.

Prints, unbuffered, the rows that `send` accepted (`S number`) and those dropped (`D number`). When its input closes, it
flushes, prints `F` and ends.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from smartrest import decode
from smartrest.device import AsyncDevice, Device, Dropped, Limits
from smartrest.mqtt import Backoff

BATCH = 5  # rows in a call of `send`, at most
TOPICS = {"s/us": None, "s/us/c1": "c1"}


def say(letter: str, number: int) -> None:
    os.write(1, f"{letter} {number}\n".encode())


def make(kind: str, port: str, path: str) -> Any:
    device = (Device if kind == "paho" else AsyncDevice)(
        "127.0.0.1",
        "dev",
        port=int(port),
        tls=False,
        children=["c1"],
        outbox=path,
        linger=0.01,
        limits=Limits(backoff=Backoff(0.05, 0.2), queue=200_000),
    )

    @device.listen(Dropped)
    def dropped(event: Dropped) -> None:
        say("D", int(decode(event.payload)[0][2]))

    return device


def batches(first: int) -> Iterator[tuple[str | None, list[tuple[str, str, int]]]]:
    while True:
        child = random.choice(list(TOPICS.values()))
        count = random.randint(1, BATCH)
        yield child, [("400", "event", number) for number in range(first, first + count)]
        first += count


def run(device: Any, first: int, ending: threading.Event) -> None:
    with device:
        for child, rows in batches(first):
            device.send(*rows, child=child)
            say("S", rows[-1][2])
            time.sleep(random.random() / 500)
            if ending.is_set():
                break
        print("F" if device.flush(30) else "not flushed", flush=True)


async def run_async(device: Any, first: int, ending: threading.Event) -> None:
    async with device:
        for child, rows in batches(first):
            wait = random.random() < 0.5
            device.send(*rows, child=child, wait=wait)
            if not wait:
                assert await device.saved()
            say("S", rows[-1][2])
            await asyncio.sleep(random.random() / 500)
            if ending.is_set():
                break
        print("F" if await device.flush(30) else "not flushed", flush=True)


def main() -> None:
    kind, port, path, first = sys.argv[1:]
    ending = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ending.set()), daemon=True).start()
    device = make(kind, port, path)
    if kind == "paho":
        run(device, int(first), ending)
    else:
        asyncio.run(run_async(device, int(first), ending))


if __name__ == "__main__":
    main()
