"""Two processes that replace one identity take turns."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")
if sys.platform == "win32":
    pytest.skip("Windows has no such locks", allow_module_level=True)

from certificates.makers import ec_key, refused
from certificates.support_enrolment import token
from certificates.support_servers import HOST

from smartrest.certificates import CA, Identity, _lock
from smartrest.certificates._lock import locked
from smartrest.device import Event, IdentityRenewed, Renewal, renewal
from smartrest.mqtt import ClientId, Endpoint
from smartrest.testing import EnrolmentServer

HOLD = """
import pathlib, sys, time
from smartrest.certificates._lock import locked

folder = pathlib.Path(sys.argv[1])
with locked(folder):
    print("ready", flush=True)
    time.sleep(float(sys.argv[2]))
    (folder / "left").touch()
"""
RENEW = """
import sys
from smartrest.certificates import renew

host, folder, token, est, mqtt, ca = sys.argv[1:]
print("ready", flush=True)
found = renew(host, folder, token, port=int(est), mqtt=(host, int(mqtt)), ca_file=ca)
print(found.certificate.serial_number)
"""


def started(program: str, *arguments: object) -> subprocess.Popen[str]:
    """A process that has said that it is ready."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_processes_take_turns(tmp_path: Path) -> None:
    with started(HOLD, tmp_path, 0.5):
        with locked(tmp_path):
            assert os.path.exists(tmp_path / "left")
        assert os.listdir(tmp_path) == ["left"]


@pytest.mark.slow
def test_the_lock_of_a_process_that_died_is_free(tmp_path: Path) -> None:
    with started(HOLD, tmp_path, 60) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        assert os.listdir(tmp_path) == [".lock"]
        with locked(tmp_path):
            pass
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
def test_waiting_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lock, "PATIENCE", 0.2)
    with started(HOLD, tmp_path, 60) as process:

        def enter() -> None:
            with locked(tmp_path):
                raise AssertionError

        assert "try later" in refused("busy", enter)
        process.kill()


def test_threads_never_share_a_lock(tmp_path: Path) -> None:
    inside, most, rounds = [0], [0], 40

    def work() -> None:
        for _ in range(rounds):
            with locked(tmp_path):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.0005)
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for step in (threading.Thread.start, threading.Thread.join):
        for thread in threads:
            step(thread)
    assert (inside, most) == ([0], [1])


@pytest.mark.slow
def test_two_processes_renew_once(
    tmp_path: Path, ca: CA, files: dict[str, Path], est: EnrolmentServer, mqtt: int
) -> None:
    folder = ca.issue("pump-1", key=ec_key(0)).save(tmp_path / "pump-1")
    first = Identity.load(folder).certificate.serial_number
    with started(HOLD, folder, 60) as holder:
        both = [started(RENEW, HOST, folder, token(est), est.port, mqtt, files["ca"]) for _ in range(2)]
        time.sleep(0.5)  # until both wait
        holder.kill()
        serials = {int(process.communicate(timeout=60)[0]) for process in both}
    assert len(est.calls) == 1
    assert len(serials) == 1
    assert first not in serials
    assert Identity.load(folder).certificate.serial_number in serials
    assert sorted(os.listdir(folder)) == ["chain.pem", "key.pem"]


def test_a_device_takes_the_identity_that_another_process_got_earlier(
    tmp_path: Path, ca: CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No authority answers here, so that a second renewal would fail."""
    folder = ca.issue("pump-1", key=ec_key(0), days=timedelta(days=3)).save(tmp_path / "pump-1")
    old = Identity.load(folder)
    new = ca.issue("pump-1", key=ec_key(1), days=timedelta(days=90))
    new.save(folder, overwrite=True)
    later = datetime.now(timezone.utc) + timedelta(days=2.5)
    monkeypatch.setattr(renewal, "_now", lambda: later)
    device: Any = SimpleNamespace(
        client_id=ClientId.parse("pump-1"), endpoint=Endpoint(HOST, port=1), online=True, tls_context=None, token="t"
    )
    events: list[Event] = []
    renewer = renewal.Renewer(device, Renewal(port=1), old, None, events.extend)
    renewer._attempt("a.b.c", threading.Event())
    assert events == [IdentityRenewed(new.certificate.not_valid_after_utc)]
    assert device.tls_context is not None
    assert renewer._left(renewer._identity) > timedelta(days=50).total_seconds()
