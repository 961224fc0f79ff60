"""Devices with an outbox file and a real broker, killed at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest
import support_durable
from support_device import Make

from smartrest import SmartRestError
from smartrest.device import Dropped
from smartrest.testing import Broker, Platform, Wire

PROGRAM = Path(support_durable.__file__)
KILLS = int(os.environ.get("SMARTREST_TEST_KILLS", "5"))  # of a campaign


class Run:
    """One run of the program. `accepted`: the numbers for which `send` returned; `dropped`: those reported."""

    def __init__(self, kind: str, port: int, path: Path, first: int) -> None:
        command = [sys.executable, str(PROGRAM), kind, str(port), str(path), str(first)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.first, self.last = first, first - 1
        self.dropped: set[int] = set()
        self.flushed = False
        self._reader = Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            letter, _, number = line.strip().partition(" ")
            if letter == "S":
                self.last = int(number)
            elif letter == "D":
                self.dropped.add(int(number))
            elif letter == "F":
                self.flushed = True

    def wait_sending(self) -> None:
        deadline = time.monotonic() + 30
        while self.last < self.first:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self._end()

    def finish(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self._end()
        assert self.flushed
        assert self.process.returncode == 0

    def _end(self) -> None:
        self.process.wait(60)
        self._reader.join()
        assert self.process.stderr is not None
        assert "Traceback" not in self.process.stderr.read()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


def numbers(platform: Platform, topic: str) -> list[int]:
    return [int(row[2]) for row in platform.published(topic) if row[0] == "400"]


def judge(platform: Platform, accepted: set[int], dropped: set[int]) -> int:
    """Check that every accepted row arrived, per topic in order, or was reported. Returns the number of repeats."""
    arrived: set[int] = set()
    repeats = 0
    for topic in support_durable.TOPICS:
        found = numbers(platform, topic)
        firsts = list(dict.fromkeys(found))
        assert firsts == sorted(firsts)
        repeats += len(found) - len(firsts)
        arrived |= set(found)
    lost = accepted - arrived - dropped
    assert not lost, f"{len(lost)} of {len(accepted)} rows: {sorted(lost)[:10]} …"
    return repeats


def campaign(kind: str, platform: Platform, path: Path, kills: int, seed: int) -> tuple[int, int]:
    dice = random.Random(seed)
    accepted: set[int] = set()
    dropped: set[int] = set()
    first = 1
    with Wire(platform.port) as wire:
        for kill in range(kills + 1):
            wire.resume()
            run = Run(kind, wire.port, path, first)
            if kill < kills:
                if dice.random() < 0.7:
                    run.wait_sending()
                time.sleep(dice.uniform(0.0, 1.0))
                if dice.random() < 0.4:
                    wire.stall()  # more is in flight or waits
                    time.sleep(dice.uniform(0.0, 0.5))
                elif dice.random() < 0.3:
                    wire.cut()
                    time.sleep(dice.uniform(0.0, 0.1))
                run.kill()
            else:
                run.wait_sending()
                run.finish()
            accepted |= set(range(run.first, run.last + 1))
            dropped |= run.dropped
            first = run.last + support_durable.BATCH + 1  # rows accepted but not printed keep their numbers
    platform.wait_for(lambda: max(numbers(platform, "s/us") + numbers(platform, "s/us/c1")) >= run.last)
    assert len(accepted) > 20 * kills
    return len(accepted), judge(platform, accepted, dropped)


def test_a_killed_device_loses_no_row(smartrest_platform: Platform, kind: str, tmp_path: Path) -> None:
    campaign(kind, smartrest_platform, tmp_path / "outbox.db", 3, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("broker", ["mosquitto", "amqtt"])
def test_kills_lose_no_row(kind: str, broker: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Twenty in all: five for each client and broker."""
    with Platform(Broker(broker)) as platform:  # type: ignore[arg-type]  # one of the two
        rows, repeats = campaign(kind, platform, tmp_path / "outbox.db", KILLS, seed=20)
    with capsys.disabled():
        print(f"\n{kind}, {broker}: {KILLS} kills, {rows} rows accepted, 0 lost, {repeats} sent twice")


def test_the_judge_finds_rows_lost_or_out_of_order() -> None:
    class Fake:
        def __init__(self, *found: int) -> None:
            self.found = found

        def published(self, topic: str) -> list[tuple[str, ...]]:
            return [("400", "event", str(number)) for number in self.found if topic == "s/us"]

    assert judge(Fake(1, 2, 3, 2, 3, 4), {1, 2, 3, 4, 5}, {5}) == 2  # type: ignore[arg-type]  # as much of a platform as needed
    with pytest.raises(AssertionError, match=r"1 of 3 rows: \[2\]"):
        judge(Fake(1, 3), {1, 2, 3}, set())  # type: ignore[arg-type]  # as above
    with pytest.raises(AssertionError):
        judge(Fake(2, 1), {1, 2}, set())  # type: ignore[arg-type]  # as above


def test_rows_wait_in_the_file_while_the_device_is_stopped(
    smartrest_platform: Platform, make: Make, tmp_path: Path
) -> None:
    path = tmp_path / "outbox.db"
    device = make(smartrest_platform, outbox=path)
    device.send(*[("400", "event", number) for number in range(100)])
    device.stop()
    assert not any(isinstance(event, Dropped) for event in device.events)
    assert not device.flush(0.1)
    again = make(smartrest_platform, outbox=path)
    with pytest.raises(SmartRestError, match="in use by another device or process"):
        device.start()
    again.start(10)
    assert again.flush(10)
    again.stop()
    device.start(10)
    device.send(("400", "event", 100))
    assert device.flush(10)
    assert numbers(smartrest_platform, "s/us") == list(range(101))
