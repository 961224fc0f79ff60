"""A device that renews its certificate by itself: over mutual TLS on mosquitto, with both clients."""

from __future__ import annotations

import logging
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")
pytest.importorskip("paho.mqtt", reason="the extra smartrest[device] is not installed")

from certificates.makers import ec_key, pem
from support_device import QUICK, LoopDevice

from smartrest.certificates import CA, CertificateError, Identity, enroll, renew, try_handshake
from smartrest.device import Device, IdentityRenewed, Lost, Renewal, RenewalFailed, TokenReceived
from smartrest.testing import Broker, EnrolmentServer, Platform
from smartrest.testing.broker import find_mosquitto
from smartrest.testing.platform.enrolment import Answer

pytestmark = pytest.mark.skipif(not find_mosquitto(), reason="mosquitto is not installed")
LIFETIME = int(os.environ.get("SMARTREST_TEST_LIFETIME", "30"))  # seconds, of a certificate
BOTH = pytest.mark.parametrize("make", [Device, LoopDevice], ids=["paho", "aiomqtt"])


@pytest.fixture
def platform(files: dict[str, Path], ca: CA, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Platform]:
    """The stand-in on mosquitto, which wants certificates; an indirect parameter is the lifetime of tokens."""
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(pem(ca.certificate))
    tls = {"certfile": files["certfile"], "keyfile": files["keyfile"], "cafile": trusted}
    with (
        Broker("mosquitto", **tls, require_certificate=True) as broker,
        Platform(broker, token_life=getattr(request, "param", 3600.0)) as running,
    ):
        yield running


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def authority(platform: Platform, files: dict[str, Path], ca: CA, seconds: float) -> EnrolmentServer:
    lifetime = timedelta(seconds=seconds)
    return EnrolmentServer(
        ca, certfile=files["certfile"], keyfile=files["keyfile"], platform=platform, lifetime=lifetime
    )


def enrolled(est: EnrolmentServer, files: dict[str, Path], folder: Path) -> Identity:
    return enroll(est.host, "pump-1", est.register("pump-1"), folder, port=est.port, ca_file=files["ca"], key="P-256")


def renewing(
    make: Callable[..., Any],
    platform: Platform,
    est: EnrolmentServer,
    files: dict[str, Path],
    folder: Path,
    at: float = 2 / 3,
) -> tuple[Any, list[Any]]:
    device = make(
        platform.host,
        "pump-1",
        identity=Identity.load(folder),
        renew=Renewal(port=est.port, at=at),
        ca_file=files["ca"],
        port=platform.port,
        limits=QUICK,
    )
    events: list[Any] = []
    device.listen(IdentityRenewed, RenewalFailed, Lost)(events.append)
    return device, events


def life(
    make: Callable[..., Any], platform: Platform, files: dict[str, Path], ca: CA, home: Path, seconds: int
) -> None:
    folder = home / "pump-1"
    with authority(platform, files, ca, seconds) as est:
        first = enrolled(est, files, folder).certificate
        device, events = renewing(make, platform, est, files, folder)
        device.start(20)
        try:
            wait_for(lambda: any(isinstance(each, IdentityRenewed) for each in events), seconds + 20)
            now = time.time()
            share = (now - first.not_valid_before_utc.timestamp()) / seconds
            assert 0.6 < share < 1, events
            second = Identity.load(folder).certificate
            assert second.serial_number != first.serial_number
            assert second.not_valid_after_utc > first.not_valid_after_utc
            (renewed,) = [each for each in events if isinstance(each, IdentityRenewed)]
            assert renewed.valid_until == second.not_valid_after_utc
            # the next connection logs in with the new one, the old one having expired
            time.sleep(max(0.0, first.not_valid_after_utc.timestamp() - time.time() + 1))
            assert platform.broker is not None
            platform.broker.restart()
            device.wait_online(30)
            device.send(("200", "c8y_T", "T", "1"))
            assert device.flush(20)
        finally:
            device.stop()
    if isinstance(device, LoopDevice):
        device.close()


@BOTH
def test_a_device_renews_its_certificate(
    platform: Platform, files: dict[str, Path], ca: CA, tmp_path: Path, make: Callable[..., Any]
) -> None:
    folder = ca.issue("pump-1", key=ec_key(0)).save(tmp_path / "pump-1")
    first = Identity.load(folder)
    with authority(platform, files, ca, 3600) as est:
        device, events = renewing(make, platform, est, files, folder, at=0.0)
        context = device.tls_context
        device.start(20)
        wait_for(lambda: any(isinstance(each, IdentityRenewed) for each in events), 40)
        assert device.tls_context is not context
        device.stop()
    assert Identity.load(folder).chain[0] != first.chain[0]
    if isinstance(device, LoopDevice):
        device.close()


@pytest.mark.slow
@BOTH
def test_at_two_thirds_of_a_lifetime(
    platform: Platform, files: dict[str, Path], ca: CA, tmp_path: Path, make: Callable[..., Any]
) -> None:
    life(make, platform, files, ca, tmp_path, LIFETIME)


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("platform", [4.0], indirect=True)
def test_the_life_of_a_token(
    platform: Platform, files: dict[str, Path], ca: CA, tmp_path: Path, make: Callable[..., Any]
) -> None:
    """Renewed at half its life, also over a lost connection; it opens the authority until it expires."""
    folder = tmp_path / "pump-1"
    with authority(platform, files, ca, 3600) as est:
        where = {"port": platform.port, "ca_file": files["ca"], "limits": QUICK}
        device = make(platform.host, "pump-1", identity=enrolled(est, files, folder), token=True, **where)
        came: list[tuple[float, str]] = []
        device.listen(TokenReceived)(lambda event: came.append((time.monotonic(), event.token)))
        device.start(20)
        try:
            wait_for(lambda: len(came) >= 3, 20)
            gaps = [after - before for (before, _), (after, _) in pairwise(came[:3])]
            assert all(1.5 < gap < 4 for gap in gaps), gaps
            assert len({token for _, token in came}) == len(came)
            assert platform.broker is not None
            platform.broker.restart()
            device.wait_online(30)
            known = len(came)
            wait_for(lambda: len(came) > known, 20)
            options = {"port": est.port, "mqtt": (platform.host, platform.port), "ca_file": files["ca"]}
            with pytest.raises(CertificateError) as caught:
                renew(est.host, folder, came[0][1], **options)
            assert caught.value.reason == "not_authorized"
            assert device.token == came[-1][1]
            renew(est.host, folder, device.token, **options)
        finally:
            device.stop()
        assert [call.status for call in est.calls] == [200, 401, 200]
    if isinstance(device, LoopDevice):
        device.close()


def test_a_failed_renewal_is_told_and_tried_again(
    platform: Platform, files: dict[str, Path], ca: CA, tmp_path: Path
) -> None:
    folder = ca.issue("pump-1", key=ec_key(0), days=timedelta(seconds=40)).save(tmp_path / "pump-1")
    with authority(platform, files, ca, 3600) as est:
        est.instead.append(Answer(200, b"<html>", "text/html"))
        device, events = renewing(Device, platform, est, files, folder, at=0.0)
        with device:
            wait_for(lambda: any(isinstance(each, IdentityRenewed) for each in events), 40)
        failed, renewed = [each for each in events if not isinstance(each, Lost)][:2]
        assert isinstance(failed, RenewalFailed)
        assert "web page" in failed.reason
        assert failed.retry_in <= 5
        assert isinstance(renewed, IdentityRenewed)
    assert len(est.calls) >= 2


RENEWING = """
import asyncio, sys
from smartrest.certificates import Identity
from smartrest.device import AsyncDevice, Device, Renewal
folder, client, host, port, est, ca_file = sys.argv[1:]
options = dict(identity=Identity.load(folder), port=int(port), ca_file=ca_file)
options["renew"] = Renewal(port=int(est), at=0.0)  # always due: one renewal after the other
async def run():
    device = AsyncDevice(host, "pump-1", **options)
    await device.start(30)
    print("online", flush=True)
    await asyncio.sleep(60)
if client == "paho":
    device = Device(host, "pump-1", **options)
    device.start(30)
    print("online", flush=True)
    device.wait_online(60)
    import time; time.sleep(60)
else:
    asyncio.run(run())
"""


@pytest.mark.slow
@pytest.mark.parametrize("client", ["paho", "aiomqtt"])
def test_ten_power_cuts_while_a_device_renews(
    platform: Platform, files: dict[str, Path], ca: CA, tmp_path: Path, client: str
) -> None:
    folder = ca.issue("pump-1", key=ec_key(0)).save(tmp_path / "pump-1")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    chance = random.Random(client)
    seen = set()
    with authority(platform, files, ca, 3600) as est:
        place = (str(folder), client, platform.host, str(platform.port), str(est.port), str(files["ca"]))
        for _ in range(10):
            command = [sys.executable, "-c", RENEWING, *place]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
                assert process.stdout is not None
                assert process.stdout.readline() == "online\n"
                time.sleep(chance.uniform(0.5, 7.0))
                process.kill()
            identity = Identity.load(folder)
            assert try_handshake(platform.host, platform.port, identity.ssl_context(ca_file=files["ca"]))
            seen.add(identity.certificate.serial_number)
    assert len(seen) > 2
    assert {call.status for call in est.calls} == {200}


def test_options_that_do_not_go_together(ca: CA, tmp_path: Path) -> None:
    identity = ca.issue("pump-1", key=ec_key(0))
    with pytest.raises(ValueError, match="renew needs an identity"):
        Device("mqtt.example.com", "pump-1", renew=True)
    with pytest.raises(ValueError, match="folder"):
        Device("mqtt.example.com", "pump-1", identity=identity, renew=True)
    loaded = Identity.load(identity.save(tmp_path / "pump-1"))
    device = Device("mqtt.example.com", "pump-1", identity=loaded, renew=True)
    assert device.session.token_wanted
    assert "secret" not in repr(Renewal(passphrase="secret"))
    for at in (-0.1, 1.0, float("nan")):
        with pytest.raises(ValueError, match="fraction of the lifetime"):
            Renewal(at=at)


def test_what_is_told_when_a_device_is_made(ca: CA, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "smartrest.device"):
        Device("mqtt.example.com", "pump-1", token=True)
        assert "certificate" in caplog.text
        caplog.clear()
        identity = ca.issue("pump-1", key=ec_key(0))
        Device("mqtt.example.com", "pump-1", identity=identity, bootstrap="secret")
        assert "both a certificate and a password" in caplog.text
        assert "secret" not in caplog.text
        caplog.clear()
        Device("mqtt.example.com", "pump-1", identity=identity, token=True)
        assert caplog.text == ""
        Device("mqtt.example.com", "pump-1", websocket=True, tls=False)
        assert "port 80 is off" in caplog.text
