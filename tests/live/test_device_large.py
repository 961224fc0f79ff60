"""Payloads that are too large: they are not read, since memory may not suffice for them."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support_mqtt import BROKERS

from smartrest.testing import Broker, Platform, Wire

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
LARGE = 50_000_000
SPARE = 8_192  # KiB that may come and go for other reasons


def publish(topic: str, size: int) -> bytes:
    """A PUBLISH of QoS 0."""
    left, length = 2 + len(topic) + size, bytearray()
    while True:
        left, digit = divmod(left, 128)
        length.append(digit | 128 * bool(left))
        if not left:
            break
    return b"\x30" + length + len(topic).to_bytes(2, "big") + topic.encode() + bytes(size)


@pytest.fixture(params=BROKERS)
def wire(request: pytest.FixtureRequest) -> Iterator[Wire]:
    with Broker(request.param) as broker, Platform(broker), Wire(broker.port) as wire:
        yield wire


class Program:
    """support_large.py, running."""

    def __init__(self, *arguments: object) -> None:
        command = [sys.executable, str(HERE / "support_large.py"), *map(str, arguments)]
        path = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=path
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.strip())

    def told(self) -> tuple[int, str]:
        """The most memory it has had, and its next event."""
        memory, _, what = self._lines.get(timeout=20).partition(" ")
        return int(memory), what

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def start(kind: str) -> Iterator[Callable[..., Program]]:
    started: list[Program] = []

    def start(*arguments: object) -> Program:
        started.append(Program(kind, *arguments))
        return started[-1]

    yield start
    for program in started:
        program.end()


def test_a_large_payload_is_not_read(wire: Wire, start: Callable[..., Program]) -> None:
    device = start(wire.port)
    before, what = device.told()
    assert what == "online"
    wire.inject(publish("s/ds", LARGE))
    what = device.told()[1]
    assert "50,000,006 bytes" in what
    assert "limits.receive" in what
    after, what = device.told()
    assert what == "online"
    assert after - before < SPARE


def test_the_frame_of_a_large_payload_is_not_read(start: Callable[..., Program]) -> None:
    """The same over WebSocket."""
    with Broker(websocket=True) as broker, Platform(broker), Wire(broker.websocket_port) as wire:
        device = start(wire.port, "websocket")
        before = device.told()[0]
        packet = publish("s/ds", LARGE)
        wire.inject(b"\x82\x7f" + len(packet).to_bytes(8, "big") + packet)
        assert "50,000,006 bytes" in device.told()[1]
        assert device.told()[0] - before < SPARE


def test_what_is_just_too_large_is_refused(wire: Wire, start: Callable[..., Program]) -> None:
    """The connection stays: room is left for a long topic."""
    device = start(wire.port)
    assert device.told()[1] == "online"
    wire.inject(publish("s/ds", 1_050_000))
    wire.inject(publish("s/ds", 1_100_000))
    assert "1,100,006 bytes" in device.told()[1]
