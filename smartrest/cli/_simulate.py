"""`smartrest device simulate`: many devices in one event loop, each sending measurements at a steady rate.

A progress line on a terminal, one JSON object of figures at the end. A row counts when it is acknowledged.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import random
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from ._report import UsageError, visible
from ._serving import Serving, trouble

if TYPE_CHECKING:
    import argparse

    from ..device import AsyncDevice, Operation
    from ..device.events import Event

INTERVAL = 0.2  # seconds between two batches of a device at high rates
STARTS = 50  # devices that connect at the same time


def run(args: argparse.Namespace) -> int:
    """0 if every device came online and every row was acknowledged."""
    from .. import SmartRestError
    from ..testing import Broker, BrokerError

    try:
        with contextlib.ExitStack() as stack:
            host, port, tls = args.host, args.port, not args.no_tls
            if host is None:
                broker = stack.enter_context(Broker(args.broker))
                host, port, tls = broker.host, broker.port, False
            return asyncio.run(_Fleet(args, host, port, tls).run())
    except (BrokerError, SmartRestError) as error:
        raise UsageError(str(error)) from error


class _Fleet:
    def __init__(self, args: argparse.Namespace, host: str, port: int | None, tls: bool) -> None:
        from ..device import AsyncDevice, Credentials, GaveUp, Lost, Refused

        self.args = args
        self.ended = asyncio.Event()
        self.troubles: dict[str, str] = {}  # by ClientId: why the last attempt to connect failed
        self.where = f"{host}:{port}" if port else host
        credentials = None
        if args.username:
            tenant, _, user = args.username.partition("/")
            if "SMARTREST_PASSWORD" not in os.environ:
                raise UsageError("--username needs a password: set SMARTREST_PASSWORD")
            credentials = Credentials(tenant, user, os.environ["SMARTREST_PASSWORD"])
        self.devices = [
            AsyncDevice(host, f"{args.prefix}{number}", port=port, tls=tls, credentials=credentials)
            for number in range(args.devices)
        ]
        for device in self.devices:
            device.operation("c8y_Restart", "c8y_Command")(_answer)
            device.listen(Lost, Refused, GaveUp)(functools.partial(self._trouble, str(device.client_id)))

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        with Serving(lambda: loop.call_soon_threadsafe(self.ended.set)) as serving:
            seconds = await self._run()
        return serving.code(self._report(seconds))

    async def _run(self) -> float:
        """Run the devices; return the elapsed seconds."""
        began = time.monotonic()
        gate = asyncio.Semaphore(STARTS)
        works = [asyncio.ensure_future(self._live(device, gate)) for device in self.devices]
        progress = asyncio.ensure_future(self._progress())
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.ended.wait(), self.args.seconds)
        self.ended.set()
        await asyncio.gather(*works)
        progress.cancel()
        await asyncio.gather(progress, return_exceptions=True)
        return time.monotonic() - began

    async def _live(self, device: AsyncDevice, gate: asyncio.Semaphore) -> None:
        async with gate:
            await device.start()
            waits = [asyncio.ensure_future(device.wait_online(30)), asyncio.ensure_future(self.ended.wait())]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        interval = max(INTERVAL, 1 / self.args.rate)
        await self._pause(random.uniform(0, interval))  # spread the load
        owed, last = 0.0, time.monotonic()
        while not self.ended.is_set():
            now = time.monotonic()
            owed, last = owed + (now - last) * self.args.rate, now
            count, owed = int(owed), owed % 1
            device.send(*(("200", "c8y_Simulated", "s", round(random.gauss(20, 5), 3), "C") for _ in range(count)))
            await self._pause(interval)
        await device.stop()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.ended.wait(), seconds)

    def _trouble(self, client_id: str, event: Event) -> None:
        self.troubles[client_id] = trouble(event)

    def _sum(self, name: str) -> int:
        return sum(getattr(device.statistics, name) for device in self.devices)

    async def _progress(self) -> None:
        if not sys.stderr.isatty():
            return
        before = self._sum("acknowledged")
        try:
            while True:
                await asyncio.sleep(0.5)
                now = self._sum("acknowledged")
                online = sum(device.online for device in self.devices)
                text = (
                    f"{online} of {len(self.devices)} online at {visible(self.where)}, {2 * (now - before):,} rows/s, "
                    f"{now:,} acknowledged, {self._sum('dropped'):,} dropped, {self._sum('operations'):,} operations"
                )
                print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
                before = now
        finally:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _report(self, seconds: float) -> int:
        sent, acknowledged = self._sum("sent"), self._sum("acknowledged")
        reached = sum(device.statistics.connections > 0 for device in self.devices)
        figures: dict[str, Any] = {
            "devices": len(self.devices),
            "online": reached,
            "seconds": round(seconds, 2),
            "sent": sent,
            "acknowledged": acknowledged,
            "dropped": self._sum("dropped"),
            "operations": self._sum("operations"),
            "rows_per_second": round(acknowledged / seconds, 1),
        }
        print(json.dumps(figures))
        if reached < len(self.devices):
            print(f"smartrest: {len(self.devices) - reached} devices never came online", file=sys.stderr)
            missing = [device for device in self.devices if not device.statistics.connections]
            reasons = Counter(self.troubles.get(str(one.client_id), "not enough time to connect") for one in missing)
            for reason, count in reasons.most_common(5):
                print(f"smartrest: {count} of them: {visible(reason)}", file=sys.stderr)
        elif acknowledged < sent:
            print(f"smartrest: {sent - acknowledged} rows were not acknowledged", file=sys.stderr)
        return 0 if reached == len(self.devices) and acknowledged == sent else 1


def _answer(operation: Operation) -> str | None:
    return "simulated" if operation.fragment == "c8y_Command" else None
