"""Neither device continues half dead: an internal error ends it with a report, other errors leave it working."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from support_device import QUICK, Make

from smartrest import SmartRestError
from smartrest.device import (
    Connected,
    Credentials,
    CredentialsNotStored,
    CredentialsStored,
    CredentialStore,
    DeviceError,
    Dropped,
    Online,
    OperationAnswered,
    Refused,
)
from smartrest.mqtt import Backoff, Will
from smartrest.testing import Platform, Wire

ROW = ("200", "c8y_T", "T", 1)


@dataclass(frozen=True)
class Broken(Backoff):
    """A faulty object of the user, which type checkers accept."""

    def delay(self, attempt: int, jitter: float) -> float:
        raise RuntimeError("broken back-off")


@pytest.fixture
def wire(smartrest_platform: Platform) -> Iterator[Wire]:
    with Wire(smartrest_platform.port) as relay:
        yield relay


def in_thread(work: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, raised


def test_an_internal_error_ends_the_device_aloud(wire: Wire, make: Make) -> None:
    device = make(wire, limits=replace(QUICK, backoff=Broken()))
    running, raised = in_thread(device.run)
    device.wait_event(Online)
    wire.stall()
    device.send(ROW)
    wire.cut()
    running.join(5)
    assert not running.is_alive()
    assert isinstance(raised[0], DeviceError)
    assert "broken back-off" in str(raised[0])
    assert isinstance(raised[0].__cause__, RuntimeError)
    assert not device.online
    assert [event.reason for event in device.events if isinstance(event, Dropped)] == ["internal_error"]
    for call in (
        device.start,
        device.flush,
        lambda: device.send(ROW),
        lambda: device.publish("s/us", b"x"),
        lambda: device.add_child("c"),
    ):
        with pytest.raises(DeviceError):
            call()
    device.stop(5)


def test_a_new_device_takes_the_outbox_file_of_a_broken_one(
    smartrest_platform: Platform, wire: Wire, make: Make, tmp_path: Path
) -> None:
    file = tmp_path / "outbox.db"
    broken = make(wire, limits=replace(QUICK, backoff=Broken()), outbox=file)
    running, _ = in_thread(broken.run)
    broken.wait_event(Online)
    wire.stall()
    broken.send(ROW)
    wire.cut()
    running.join(5)
    assert not any(isinstance(event, Dropped) for event in broken.events)
    device = make(smartrest_platform, outbox=file)
    device.start(10)
    assert device.flush(5)
    smartrest_platform.wait_for(lambda: ("200", "c8y_T", "T", "1") in smartrest_platform.published("s/us"))


def test_waiting_for_a_device_that_breaks(wire: Wire, make: Make) -> None:
    wire.refuse(3)
    device = make(wire, limits=replace(QUICK, backoff=Broken()))
    with pytest.raises(DeviceError, match="internal error"):
        device.start(10)


def test_an_option_that_the_client_does_not_take(smartrest_platform: Platform, make: Make) -> None:
    device = make(smartrest_platform, last_will=Will("s/us", b"x", qos=7))
    with pytest.raises(DeviceError, match="internal error"):
        device.start(10)
    assert not device.online
    with pytest.raises(SmartRestError):
        make(smartrest_platform, last_will=Will("s/us/#", b"x"))


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, RuntimeError])
def test_a_listener_that_raises_anything(smartrest_platform: Platform, make: Make, error: type[BaseException]) -> None:
    device = make(smartrest_platform)

    def raises(event: object) -> None:
        raise error("listener")

    device.listen()(raises)
    seen: list[object] = []
    device.listen(Online)(seen.append)
    device.start(10)
    device.send(ROW)
    assert device.flush(5)
    assert device.online
    assert len(seen) == 1


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("coroutine", [False, True])
def test_a_handler_that_raises_anything(
    smartrest_platform: Platform, make: Make, kind: str, error: type[BaseException], coroutine: bool
) -> None:
    if coroutine and kind == "paho":
        pytest.skip("Device has no coroutine handlers")
    device = make(smartrest_platform)

    def plain(operation: Any) -> None:
        raise error("handler")

    async def awaited(operation: Any) -> None:
        raise error("handler")

    device.operation("c8y_Command")(awaited if coroutine else plain)
    device.start(10)
    for count in (1, 2):
        smartrest_platform.send(("511", "dev", f"x{count}"))
        assert device.wait_event(OperationAnswered, count).status == "failed"  # type: ignore[attr-defined]  # its kind
    device.send(ROW)
    assert device.flush(5)
    assert device.online


@pytest.mark.smartrest_platform(login="issued", bootstrap_password="b00t", registration="ask")
def test_credentials_are_kept_until_the_store_can_be_written(
    smartrest_platform: Platform, make: Make, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    device = make(smartrest_platform, bootstrap="b00t", store=folder / "credentials.json")
    folder.write_text("a file where the store wants a folder")
    device.start()
    smartrest_platform.wait_for(lambda: smartrest_platform.waiting)
    smartrest_platform.accept("dev")
    device.wait_online(10)
    device.wait_event(CredentialsNotStored, 2)
    assert not any(isinstance(event, CredentialsStored) for event in device.events)
    folder.unlink()
    device.wait_event(CredentialsStored)
    assert CredentialStore(folder / "credentials.json").load() == device.session.credentials


@pytest.mark.smartrest_platform(login="issued", bootstrap_password="b00t", registration="ask")
@pytest.mark.parametrize("wanted", [True, False])
def test_revoked_credentials(smartrest_platform: Platform, make: Make, tmp_path: Path, wanted: bool) -> None:
    store = CredentialStore(tmp_path / "credentials.json")
    store.save(Credentials("t1", "device_dev", "revoked"))
    device = make(smartrest_platform, bootstrap="b00t", store=store, rebootstrap=wanted)
    if not wanted:
        with pytest.raises(DeviceError):
            device.start(10)
        return
    device.start()
    smartrest_platform.wait_for(lambda: smartrest_platform.waiting)
    smartrest_platform.accept("dev")
    device.wait_online(10)
    assert isinstance(device.wait_event(Refused), Refused)
    assert device.wait_event(Connected).bootstrap  # type: ignore[attr-defined]  # its kind
    assert store.load() == device.session.credentials


FORK = """
import asyncio, os, sys, time
from smartrest.device import AsyncDevice, Device, DeviceError

def child(device):
    pid = os.fork()
    if pid == 0:
        try:
            device.send(("200", "c8y_T", "T", 1))
        except DeviceError as error:
            os._exit(7 if "fork" in str(error) else 1)
        os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

async def main(port):
    async with AsyncDevice("127.0.0.1", "one", port=port, tls=False) as device:
        await device.wait_online(10)
        assert child(device) == 7
    with Device("127.0.0.1", "two", port=port, tls=False) as device:
        assert child(device) == 7

asyncio.run(main(int(sys.argv[1])))
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="no fork here")
def test_sending_in_a_forked_child_is_an_error(smartrest_platform: Platform) -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORK, str(smartrest_platform.port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_ctrl_c_goes_on_to_whoever_runs_the_loop(smartrest_platform: Platform) -> None:
    """On the main thread it may be a real Ctrl+C during a listener."""
    import asyncio

    from smartrest.device import AsyncDevice

    device = AsyncDevice(smartrest_platform.host, "dev", port=smartrest_platform.port, tls=False, limits=QUICK)

    @device.listen(Online)
    def interrupt(event: Online) -> None:
        raise KeyboardInterrupt

    loop = asyncio.new_event_loop()
    loop.run_until_complete(device.start())
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(asyncio.sleep(10))
    device.send(ROW)
    assert loop.run_until_complete(device.flush(5))
    loop.run_until_complete(device.stop(5))
    loop.close()
