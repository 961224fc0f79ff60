"""`smartrest demo`: broker, stand-in platform and device together; prints a device's whole life, then ends.

It runs twice: with `Device` on paho-mqtt and with `AsyncDevice` on aiomqtt. It is a test too: the exit code is 1 if
the result is not as expected.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._report import visible
from ._show import Show

if TYPE_CHECKING:
    import argparse

    from ..device import AsyncDevice, Device, Operation
    from ..testing import Platform, Traffic

COMMAND = 'echo "hello, world"\nand a second line'
PASSWORD = "bootstrap"  # noqa: S105 - of the broker that the demo starts for itself

PHASES = (
    ("Step 0, credentials: the device polls until it is accepted", ("s/ucr", "s/dcr"), ()),
    ("Steps 1 and 2, the device and its children: created if they are new", (), ("100", "101")),
    ("Step 3, subscriptions, and operations that waited", ("s/ds", "s/dat", "s/e"), ("500",)),
    ("A token for HTTP", ("s/uat",), ("71",)),
    ("Cycle A, measurements, events, alarms", (), ("200", "201", "211", "301", "400")),
    ("Cycle B, operations", (), ("501", "502", "503", "510", "511")),
)


class Story(Show):
    """Adds a heading when a new part of the life cycle begins."""

    def __init__(self) -> None:
        super().__init__()
        self.part = -1

    def __call__(self, traffic: Traffic) -> None:
        ids = {row[0] for row in traffic.rows}
        for number, (title, topics, templates) in enumerate(PHASES):
            subscribes = traffic.direction == "subscribe" or not templates or number == 0
            if ids & set(templates) or (traffic.topic in topics and (subscribes or not traffic.rows)):
                if number != self.part:
                    self.part = number
                    self.line()
                    self.line(self.colours.bold(title))
                break
        super().__call__(traffic)


def run(args: argparse.Namespace) -> int:
    """Run both clients one after the other; 0 if all went well."""
    from ..testing import BrokerError, Platform

    logging.getLogger("smartrest").addHandler(logging.NullHandler())
    problems: list[str] = []
    began = time.monotonic()
    try:
        with Platform(args.broker, tokens="all", login="issued", bootstrap_password=PASSWORD) as platform:
            story = Story()
            platform.watch(story)
            assert platform.broker is not None
            story.line(f"{platform.broker.kind} at {platform.host}:{platform.port}, with a stand-in for the platform.")
            story.line("As the device sees it: connect, subscribe, publish, receive.")
            for client in ("device", "async") if args.client == "both" else (args.client,):
                story.part = -1
                title = "Device, on paho-mqtt" if client == "device" else "AsyncDevice, on aiomqtt"
                story.line(f"\n{'=' * 8} {title} {'=' * 8}")
                with tempfile.TemporaryDirectory(prefix="smartrest-demo-") as folder:
                    here = Path(folder)
                    life = _live(platform, here) if client == "device" else asyncio.run(_live_async(platform, here))
                problems += life
                platform.wait_for(lambda: not platform.clients)
            problems += [f"error row {','.join(row)}" for row in platform.errors]
            story.line("\nThe platform now knows:\n")
            story.line(str(platform))
    except (BrokerError, TimeoutError, ModuleNotFoundError) as error:
        problems.append(str(error))
    for problem in problems:
        print(f"smartrest: demo: {visible(problem)}", file=sys.stderr)
    if not problems:
        print(f"\nAll done in {time.monotonic() - began:.1f} s.")
    return 1 if problems else 0


def _options(name: str, platform: Platform, folder: Path) -> dict[str, Any]:
    from ..device import Child, Limits

    return {
        "port": platform.port,
        "tls": False,
        "name": f"Demo device {name}",
        "children": [Child(f"pump-{name}", "Demo child")],
        "bootstrap": PASSWORD,
        "store": folder / f"{name}.json",
        "token": True,
        "debug": True,
        "linger": 0.05,
        "limits": Limits(poll=0.5, grace=0.2),
    }


def _handle(device: Device | AsyncDevice) -> None:
    """The two operations of the demo. A real agent would do something here."""

    @device.operation("c8y_Command")
    def command(operation: Operation) -> str:
        return f"I was told: {operation.parameters['command']}"

    @device.operation("c8y_Restart")
    def restart(operation: Operation) -> None:
        time.sleep(0.05)


def _measure(device: Device | AsyncDevice, child: str) -> None:
    now = datetime.now(timezone.utc)
    device.send(("114", *device.fragments))
    device.send(
        ("200", "c8y_Temperature", "T", 21.5, "C", now),
        ("200", "c8y_Humidity", "h", 48, "%", now),
        ("400", "c8y_DoorEvent", 'The door said "open, please"'),
    )
    device.send(("211", -4.25, now), ("114", "c8y_Restart"), child=child)


def _live(platform: Platform, folder: Path) -> list[str]:
    from ..device import Device

    device = Device(platform.host, "demo-paho", **_options("paho", platform, folder))
    _handle(device)
    device.start(timeout=15)
    try:
        _measure(device, "pump-paho")
        device.flush(5)
        return _operate(platform, "demo-paho", "pump-paho") + _check(device, platform, "demo-paho")
    finally:
        device.stop()


async def _live_async(platform: Platform, folder: Path) -> list[str]:
    from ..device import AsyncDevice

    device = AsyncDevice(platform.host, "demo-aio", **_options("aio", platform, folder))
    _handle(device)
    await device.start(timeout=15)
    try:
        _measure(device, "pump-aio")
        await device.flush(5)
        problems = await asyncio.to_thread(_operate, platform, "demo-aio", "pump-aio")
        return problems + _check(device, platform, "demo-aio")
    finally:
        await device.stop()


def _operate(platform: Platform, root: str, child: str) -> list[str]:
    """Send two operations in one payload, for the device and its child; return the unexpected results."""
    command, restart = platform.send(("511", root, COMMAND), ("510", child))
    wanted = f"I was told: {COMMAND}"
    problems = [str(op) for op in (command.wait(), restart.wait()) if op.status != "SUCCESSFUL"]
    return problems if command.result == wanted else [*problems, f"result {command.result!r} is not {wanted!r}"]


def _check(device: Device | AsyncDevice, platform: Platform, root: str) -> list[str]:
    problems = []
    if not device.token:
        problems.append(f"{root} got no token")
    found = platform.inventory[root]
    if (len(found.measurements), len(found.events), len(found.devices[0].measurements)) != (2, 1, 1):
        problems.append(f"measurements or events of {root} are missing")
    return problems
