"""Load tests of the device client: rows per second, latency of operations, and the cost of a killed broker.

    python tools/load.py throughput    one AsyncDevice, mosquitto on loopback: rows per second, CPU share of the codec
    python tools/load.py operations    round trip of an operation, idle and under load: p50, p99, worst
    python tools/load.py kill          kills the broker ten times under load, with both clients; fails if a promise
                                       is broken

Prints one JSON object per measurement; `--output FILE` also appends them to a file. tests/live/test_load.py runs a
small version of each. Publish figures in docs/performance.md, together with the machine and the engine.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import logging
import pstats
import random
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a source tree without installing

import smartrest
from smartrest.device import AsyncDevice, Device, Dropped, Limits, Operation
from smartrest.mqtt import Backoff
from smartrest.testing import Broker, Platform, Wire

PROBE = "load-probe"  # the child whose operations are timed; its topic carries nothing else
ROOT = "load-1"
WAITING = 20_000  # rows that may queue: enough to fill payloads, few enough to save memory


def measurement(number: float) -> tuple[Any, ...]:
    return ("200", "c8y_Temperature", "T", number, "C", datetime.now(timezone.utc))


async def flood(device: AsyncDevice, stop: Callable[[], bool]) -> int:
    """Sends rows as fast as the device delivers them; returns how many."""
    sent = 0
    while not stop():
        device.send(*(measurement(sent + n) for n in range(500)))
        sent += 500
        while device.session.pending > WAITING:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0)
    return sent


def make_async(port: int, **options: Any) -> AsyncDevice:
    device = AsyncDevice("127.0.0.1", ROOT, port=port, tls=False, children=[PROBE], **options)

    @device.operation("c8y_Command")
    async def command(operation: Operation) -> str:
        return str(operation.row[2])

    return device


# -- throughput


async def _throughput(port: int, seconds: float, profile: cProfile.Profile | None) -> dict[str, Any]:
    device = make_async(port)
    await device.start(timeout=10)
    began, cpu = time.perf_counter(), time.process_time()
    if profile is not None:
        profile.enable()
    sent = await flood(device, lambda: time.perf_counter() - began > seconds)
    complete = await device.flush(60)
    if profile is not None:
        profile.disable()
    took, used = time.perf_counter() - began, time.process_time() - cpu
    acknowledged = device.statistics.acknowledged
    await device.stop()
    if not complete or acknowledged != sent:
        raise AssertionError(f"{sent} rows sent, {acknowledged} acknowledged")
    return {
        "rows": sent,
        "seconds": took,
        "cpu_seconds": used,
        "rows_per_second": sent / took,
        "rows_per_cpu_second": sent / used,
    }


def codec_seconds(rows: int) -> float:
    """CPU seconds to encode so many such rows alone, with one call per row as the device does."""
    sample = [measurement(n) for n in range(10_000)]
    began = time.process_time()
    for row in sample:
        smartrest.encode_row(row)
    return (time.process_time() - began) / len(sample) * rows


def throughput(seconds: float = 10.0, *, profile: bool = False) -> dict[str, Any]:
    """One AsyncDevice, measurements packed at QoS 1, a broker that only acknowledges."""
    with Broker("mosquitto") as broker:
        figures = asyncio.run(_throughput(broker.port, seconds, None))
        codec = codec_seconds(figures["rows"])
        figures.update(codec_cpu_seconds=codec, codec_share=codec / figures["cpu_seconds"])
        if profile:
            profiler = cProfile.Profile()
            asyncio.run(_throughput(broker.port, seconds, profiler))
            table = pstats.Stats(profiler)
            table.sort_stats("tottime").print_stats(25)
            calls = table.stats.items()  # type: ignore[attr-defined]  # not in the stubs
            codec = max(entry[3] for (_, _, name), entry in calls if "encode_row" in name)
            figures["codec_share_in_profile"] = codec / table.total_tt  # type: ignore[attr-defined]  # not in the stubs
    return {"what": "throughput", "engine": smartrest.engine(), **figures}


# -- round trip of operations


def operator(port: int, seconds: float) -> list[float]:
    """Sends operations one at a time and times each until its 503; runs in its own process."""
    from paho.mqtt.client import Client, MQTTMessage
    from paho.mqtt.enums import CallbackAPIVersion

    answers: dict[str, float] = {}
    arrived = threading.Condition()

    def on_message(client: Client, data: Any, message: MQTTMessage) -> None:
        now = time.perf_counter()
        with arrived:
            for row in smartrest.decode(message.payload):
                if row[0] == "503":
                    answers[row[2]] = now
            arrived.notify_all()

    def without_delay(client: Client, data: Any, connection: Any) -> None:
        import socket

        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    client = Client(CallbackAPIVersion.VERSION2, "operator")
    client.on_message = on_message
    client.on_socket_open = without_delay
    client.connect("127.0.0.1", port)
    client.subscribe(f"s/us/{PROBE}", 1)
    client.loop_start()
    times: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        name = f"n{len(times)}"
        began = time.perf_counter()
        client.publish("s/ds", smartrest.encode_row(("511", PROBE, name)), 1)
        with arrived:
            if not arrived.wait_for(lambda name=name: name in answers, 10):  # type: ignore[misc]  # binds this turn's
                raise AssertionError(f"no answer to {name} within 10 s")
        times.append(answers[name] - began)
        time.sleep(0.002)
    client.disconnect()
    client.loop_stop()
    return times


async def _operations(port: int, seconds: float, load: float | None) -> tuple[list[float], float]:
    """Times operations under `load`, in rows per second: infinity means as many as possible, `None` none."""
    device = make_async(port, linger=0.05)
    await device.start(timeout=10)
    await asyncio.sleep(device.session.limits.settle)  # until then the device may hold operations back
    command = [sys.executable, __file__, "operator", "--port", str(port), "--seconds", str(seconds)]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    output = asyncio.ensure_future(process.communicate())
    began = time.perf_counter()
    if load == float("inf"):
        await flood(device, output.done)
    elif load is not None:
        while not output.done():
            device.send(*(measurement(n) for n in range(int(load * 0.05))))
            await asyncio.sleep(0.05)
    out, _ = await output
    rate = device.statistics.acknowledged / (time.perf_counter() - began)
    await device.flush(60)
    await device.stop()
    if process.returncode:
        raise AssertionError("the operator failed")
    times: list[float] = json.loads(out)
    return times, rate


def operations(
    seconds: float = 10.0, loads: Iterable[float | None] = (None, 10_000, float("inf"))
) -> list[dict[str, Any]]:
    """Round trips through the broker: row 511 out, 501 and 503 back, with a handler that does nothing."""
    found = []
    for load in loads:
        with Broker("mosquitto") as broker:
            times, rate = asyncio.run(_operations(broker.port, seconds, load))
        cuts = statistics.quantiles(times, n=100, method="inclusive")
        found.append(
            {
                "what": "operation round trip",
                "engine": smartrest.engine(),
                "load": "none" if load is None else "all it can" if load == float("inf") else f"{load:g} rows/s",
                "rows_per_second": rate,
                "operations": len(times),
                "p50_ms": cuts[49] * 1e3,
                "p99_ms": cuts[98] * 1e3,
                "worst_ms": max(times) * 1e3,
            }
        )
    return found


# -- the broker is killed


class Campaign:
    """One run of `kill`: counts the rows sent and dropped and the operations run, and checks the promises."""

    def __init__(self, kills: int, rate: float, seed: int, queue: int) -> None:
        self.kills = kills
        self.rate = rate
        self.limits = Limits(backoff=Backoff(0.05, 0.5), queue=queue)
        self.random = random.Random(seed)
        self.ran: Counter[str] = Counter()
        self.dropped: list[str] = []
        self.sent = 0
        self.commands = 0

    def handle(self, operation: Operation) -> str:
        self.ran[operation.row[2]] += 1
        time.sleep(self.random.uniform(0, 0.02))
        return operation.row[2]

    def drop(self, event: Dropped) -> None:
        self.dropped.append(event.reason)

    def rows(self, count: int) -> list[tuple[Any, ...]]:
        self.sent += count
        return [("200", "c8y_Load", "n", number, "", None) for number in range(self.sent - count, self.sent)]

    def break_things(self, platform: Platform, wire: Wire, ended: threading.Event) -> None:
        """Kills and restarts the broker at random moments while operations keep coming.

        Every second time the connection stalls first, which loses acknowledgements that the broker has sent.
        """
        assert platform.broker is not None
        for number in range(self.kills):
            until = time.monotonic() + self.random.uniform(0.5, 1.5)
            while time.monotonic() < until:
                self.command(platform)
                time.sleep(self.random.uniform(0, 0.1))
            if number % 2:
                wire.stall(up=False)
                self.command(platform)
                time.sleep(self.random.uniform(0, 0.3))
            platform.broker.kill()
            wire.cut()
            wire.resume()
            self.command(platform)  # sent while the broker is down
            time.sleep(self.random.uniform(0, 0.5))
            platform.broker.start()
        self.command(platform)
        ended.set()

    def command(self, platform: Platform) -> None:
        """One or two operations in one payload, for the device or its child."""
        rows = [
            ("511", self.random.choice((ROOT, PROBE)), f"c{self.commands + n}")
            for n in range(self.random.choice((1, 2)))
        ]
        self.commands += len(rows)
        platform.send(*rows)

    def judge(self, platform: Platform, device: Device | AsyncDevice, client: str, seconds: float) -> dict[str, Any]:
        """Checks the promises and returns the figures; raises AssertionError if a promise is broken."""
        platform.wait_for(lambda: all(op.done for op in platform.operations), 60, "operations are open")
        counts = device.statistics
        twice = {name: times for name, times in self.ran.items() if times > 1}
        seen = Counter(int(row[3]) for row in platform.published("s/us") if row[:2] == ("200", "c8y_Load"))
        figures = {
            "what": f"broker killed {self.kills} times",
            "client": client,
            "engine": smartrest.engine(),
            "seconds": seconds,
            "connections": counts.connections,
            "rows_sent": self.sent,
            "rows_acknowledged": counts.acknowledged,
            "rows_dropped": len(self.dropped),
            "rows_seen_twice": sum(times > 1 for times in seen.values()),
            "rows_lost_in_the_broker": self.sent - len(self.dropped) - len(seen),
            "operations": self.commands,
            "operations_run": len(self.ran),
            "operations_run_twice": len(twice),
            "operations_failed": sum(op.status != "SUCCESSFUL" for op in platform.operations),
        }
        assert not twice, f"operations ran twice: {twice}"
        accounted = self.sent == counts.acknowledged + len(self.dropped)
        assert accounted, f"rows are not accounted for: {figures}"
        for op in platform.operations:
            if op.status == "SUCCESSFUL":
                assert op.result == op.row[2], f"{op} has the answer of another"
                assert self.ran[op.row[2]] == 1, f"{op} never ran"
        return figures


def kill_device(campaign: Campaign, platform: Platform, wire: Wire) -> dict[str, Any]:
    device = Device(wire.host, ROOT, port=wire.port, tls=False, children=[PROBE], limits=campaign.limits)
    device.operation("c8y_Command")(campaign.handle)
    device.listen(Dropped)(campaign.drop)
    ended = threading.Event()
    device.start(timeout=15)
    began = time.monotonic()
    breaker = threading.Thread(target=campaign.break_things, args=(platform, wire, ended))
    breaker.start()
    while not ended.is_set():
        device.send(*campaign.rows(int(campaign.rate * 0.02)))
        time.sleep(0.02)
    breaker.join()
    assert device.flush(60), "rows are still waiting after 60 s"
    try:
        return campaign.judge(platform, device, "Device", time.monotonic() - began)
    finally:
        device.stop()


async def kill_async(campaign: Campaign, platform: Platform, wire: Wire) -> dict[str, Any]:
    device = AsyncDevice(wire.host, ROOT, port=wire.port, tls=False, children=[PROBE], limits=campaign.limits)
    device.operation("c8y_Command")(campaign.handle)
    device.listen(Dropped)(campaign.drop)
    ended = threading.Event()
    await device.start(timeout=15)
    began = time.monotonic()
    breaker: Awaitable[None] = asyncio.ensure_future(asyncio.to_thread(campaign.break_things, platform, wire, ended))
    while not ended.is_set():
        device.send(*campaign.rows(int(campaign.rate * 0.02)))
        await asyncio.sleep(0.02)
    await breaker
    assert await device.flush(60), "rows are still waiting after 60 s"
    try:
        return await asyncio.to_thread(campaign.judge, platform, device, "AsyncDevice", time.monotonic() - began)
    finally:
        await device.stop()


def kill(
    times: int = 10,
    rate: float = 2000.0,
    seed: int = 1,
    clients: Iterable[str] = ("device", "async"),
    queue: int = Limits().queue,
) -> list[dict[str, Any]]:
    """Kills the broker under load: each row must be acknowledged or reported as dropped, and no operation run twice."""
    found = []
    for client in clients:
        campaign = Campaign(times, rate, seed, queue)
        with Platform("mosquitto") as platform, Wire(platform.port) as wire:
            try:
                if client == "device":
                    found.append(kill_device(campaign, platform, wire))
                else:
                    found.append(asyncio.run(kill_async(campaign, platform, wire)))
            except (AssertionError, TimeoutError):
                print(platform, file=sys.stderr)
                raise
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("throughput", "operations", "kill", "operator"))
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each measurement (default: 10)")
    parser.add_argument("--profile", action="store_true", help="throughput: profile a second run, print the table")
    parser.add_argument("--times", type=int, default=10, help="kill: number of kills")
    parser.add_argument("--rate", type=float, default=2000.0, help="kill: rows per second")
    parser.add_argument("--seed", type=int, default=1, help="kill: seed of the random moments")
    parser.add_argument("--queue", type=int, default=Limits().queue, help="kill: largest queue in bytes")
    parser.add_argument("--client", choices=("device", "async"), action="append", help="kill: only this client")
    parser.add_argument("--port", type=int, default=0, help="operator: port of the broker")
    parser.add_argument("--output", type=Path, help="append the figures to this file")
    args = parser.parse_args()
    logging.getLogger("smartrest").setLevel(logging.ERROR)  # broken connections are intended
    if args.what == "operator":
        print(json.dumps(operator(args.port, args.seconds)))
        return 0
    if args.what == "throughput":
        found = [throughput(args.seconds, profile=args.profile)]
    elif args.what == "operations":
        found = operations(args.seconds)
    else:
        found = kill(args.times, args.rate, args.seed, args.client or ("device", "async"), args.queue)
    for figures in found:
        line = json.dumps(
            {key: round(value, 4) if isinstance(value, float) else value for key, value in figures.items()}
        )
        print(line)
        if args.output is not None:
            with args.output.open("a") as file:
                file.write(line + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
