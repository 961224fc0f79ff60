"""How serving commands end: by signals, on terminals and pipes, without a broker left running."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support import terminal

from smartrest.testing import Platform
from smartrest.testing.broker import find_mosquitto, free_port

if sys.platform == "win32":
    pytest.skip("signals and terminals of POSIX", allow_module_level=True)

import termios

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
AGENT = """
[connection]
port = {port}
tls = false
[device]
client_id = "agent-1"
[measurements]
source = "stdin"
"""
CTRL_C = b"\x03"
WAYS = ["terminal-key", "terminal-SIGINT", "terminal-SIGTERM", "pipe-SIGINT", "pipe-SIGTERM"]
needs_mosquitto = pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed")


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], bool], timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "condition not met in time"
        time.sleep(0.05)


def ended(way: str, arguments: list[str], ready: Callable[[], bool]) -> tuple[int, str]:
    """Run a command with `way` as its standard input and its end; returns exit code and stderr."""
    place, _, what = way.partition("-")
    if place == "terminal":
        ours, theirs = terminal()
        before = termios.tcgetattr(theirs)
    else:
        theirs, ours = os.pipe()

    def own_terminal() -> None:
        """Make it the terminal of the new session, so that its Ctrl+C is a signal."""
        import fcntl

        if place == "terminal":
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        [sys.executable, "-m", "smartrest", *arguments],
        stdin=theirs,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        start_new_session=True,
        preexec_fn=own_terminal,
    )
    try:
        wait_until(ready)
        if what == "key":
            os.write(ours, CTRL_C)
        else:
            process.send_signal(getattr(signal, what))
        _, err = process.communicate(timeout=20)
        if place == "terminal":
            assert termios.tcgetattr(theirs) == before
    finally:
        process.kill()
        os.close(ours)
        os.close(theirs)
    return process.returncode, err


@pytest.mark.parametrize("way", WAYS)
def test_the_platform_ends_by_a_signal(way: str) -> None:
    port = free_port()
    code, err = ended(way, ["platform", "--port", str(port)], lambda: listening(port))
    assert "Fatal Python error" not in err
    assert code == (143 if way.endswith("SIGTERM") else 130), err
    wait_until(lambda: not listening(port))


@pytest.mark.parametrize("way", WAYS[:1] + WAYS[2:])
def test_the_agent_ends_by_a_signal_while_it_reads(way: str, tmp_path: Path) -> None:
    with Platform() as platform:
        path = tmp_path / "agent.toml"
        path.write_text(AGENT.format(port=platform.port))
        code, err = ended(way, ["device", "run", str(path)], lambda: "agent-1" in platform.inventory)
    assert "Fatal Python error" not in err
    assert code == (143 if way.endswith("SIGTERM") else 130), err


@needs_mosquitto
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
@pytest.mark.parametrize("program", ["test", "command"])
def test_no_broker_outlives_a_killed_program(number: signal.Signals, program: str) -> None:
    port = free_port()
    code = (
        "import time\nfrom smartrest.testing import Broker, Platform\n"
        f"with Broker('mosquitto', port={port}) as broker, Platform(broker):\n    time.sleep(60)"
    )
    command = ["-c", code] if program == "test" else ["-m", "smartrest", "platform", "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=ENVIRONMENT
    )
    try:
        wait_until(lambda: listening(port))
        time.sleep(0.3)
    finally:
        process.send_signal(number)
        process.communicate(timeout=20)
    wait_until(lambda: not listening(port), 5)
