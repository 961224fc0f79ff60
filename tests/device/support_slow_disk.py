"""A program that fills an outbox file through `AsyncDevice` and measures how the loop stands still: `PATH wait|saved`.

Prints the longest such time in seconds, those above 50 ms, and the calls a second.
"""

from __future__ import annotations

import asyncio
import sys
import time

from smartrest.device import AsyncDevice, Limits

CALLS = 6_000  # 24 MB of log: some six syncs
ROWS = [("400", "event", "x" * 500)] * 4


async def main(path: str, way: str) -> None:
    device = AsyncDevice("127.0.0.1", "dev", port=1, tls=False, outbox=path, limits=Limits(queue=100_000_000))
    await device.start()
    pauses: list[float] = []

    async def watch() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            last, before = time.perf_counter(), last
            pauses.append(last - before)

    watching = asyncio.ensure_future(watch())
    began = time.perf_counter()
    for _ in range(CALLS):
        if way == "wait":
            device.send(*ROWS)
            await asyncio.sleep(0)
        else:
            device.send(*ROWS, wait=False)
            assert await device.saved()
    took = time.perf_counter() - began
    watching.cancel()
    long = [pause for pause in pauses if pause > 0.05]
    print(f"{max(pauses):.3f} {len(long)} {CALLS / took:.0f}")
    await device.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
