"""Mutual TLS against mosquitto: a device of this package whose certificate is its only login."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")
pytest.importorskip("paho.mqtt", reason="the extra smartrest[device] is not installed")

from certificates.makers import DAY, NOW, device, ec_key, pem, plain_context, root
from support_device import LoopDevice

from smartrest.certificates import CA, CertificateError, Identity, try_handshake
from smartrest.device import Device, Lost, Operation
from smartrest.testing import Broker, Platform
from smartrest.testing.broker import find_mosquitto

pytestmark = pytest.mark.skipif(not find_mosquitto(), reason="mosquitto is not installed")


@pytest.fixture(scope="module")
def platform(files: dict[str, Path], ca: CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    trusted = tmp_path_factory.mktemp("trusted") / "ca.pem"
    trusted.write_bytes(pem(ca.certificate))
    with (
        Broker(
            "mosquitto",
            certfile=files["certfile"],
            keyfile=files["keyfile"],
            cafile=trusted,
            require_certificate=True,
            use_identity_as_username=True,
        ) as broker,
        Platform(broker) as running,
    ):
        yield running


def log_of(platform: Platform) -> str:
    assert platform.broker is not None
    return platform.broker.log


@pytest.mark.parametrize("client_id", ["pump-1", "d:pump-1:com.acme.v1"])
def test_the_life_of_a_device(platform: Platform, files: dict[str, Path], ca: CA, client_id: str) -> None:
    identity = ca.issue("pump-1", key=ec_key(0))
    pump = Device(platform.host, client_id, identity=identity, ca_file=files["ca"], port=platform.port, token=True)

    @pump.operation("c8y_Command")
    def command(operation: Operation) -> str:
        return f"did {operation.parameters['command']}"

    with pump:
        pump.wait_online(20)
        pump.send(("200", "c8y_Temperature", "T", "25.3", "C"))
        assert pump.flush(20)
        platform.wait_for_device("pump-1")
        (sent,) = platform.send(("511", "pump-1", 'say "hi"'))
        sent.wait(20)
        assert (sent.status, sent.result) == ("SUCCESSFUL", 'did say "hi"')
        platform.wait_for(lambda: pump.token, 20, "no token")
    assert ("200", "c8y_Temperature", "T", "25.3", "C") in platform.published("s/us")
    assert platform.errors == []
    assert f"as {client_id} " in log_of(platform)
    assert "u'pump-1'" in log_of(platform)  # the broker takes the common name as user name


def test_the_async_device(platform: Platform, files: dict[str, Path], ca: CA) -> None:
    pytest.importorskip("aiomqtt", reason="the extra smartrest[device] is not installed")
    from smartrest.device import AsyncDevice

    identity = ca.issue("pump-2", key=ec_key(0))

    async def life() -> None:
        where = {"port": platform.port, "ca_file": files["ca"]}
        async with AsyncDevice(platform.host, "pump-2", identity=identity, **where) as pump:
            await pump.wait_online(20)

    asyncio.run(life())
    assert "u'pump-2'" in log_of(platform)


def test_another_clientid_than_the_common_name_is_told(
    platform: Platform, files: dict[str, Path], ca: CA, caplog: pytest.LogCaptureFixture
) -> None:
    """The platform refuses it. TLS does not, so another broker may decide."""
    identity = ca.issue("pump-1", key=ec_key(0))
    with Device(platform.host, "pump-9", identity=identity, ca_file=files["ca"], port=platform.port) as device:
        device.wait_online(10)
    assert "is for 'pump-1', but the ClientId names the device 'pump-9'" in caplog.text
    assert "(cn_mismatch)" in caplog.text


def test_what_mosquitto_refuses(platform: Platform, files: dict[str, Path], ca: CA, tmp_path: Path) -> None:
    good = ca.issue("pump-3", key=ec_key(0))
    assert try_handshake(platform.host, platform.port, good.ssl_context(ca_file=files["ca"])).startswith("TLS")
    stranger = CA.create("Other CA", key=ec_key(3)).issue("pump-3", key=ec_key(0))
    old = pem(device("pump-3", signer="Acme CA", end=NOW - DAY / 2), ca.certificate)
    forged = pem(device("pump-3", signer="Acme CA", signer_key=4), root("Acme CA", 4))
    cases = {
        "client_unknown_ca": stranger.ssl_context(ca_file=files["ca"]),
        "client_expired": plain_context(old, ec_key(0), files["ca"], tmp_path),
        "client_missing": plain_context(b"", None, files["ca"], tmp_path),
        "server_unknown_ca": good.ssl_context(),
    }
    for reason, context in cases.items():
        with pytest.raises(CertificateError) as caught:
            try_handshake(platform.host, platform.port, context)
        assert caught.value.reason == reason
    with pytest.raises(CertificateError):  # a CA with the same name and another key; the alert differs between versions
        try_handshake(platform.host, platform.port, plain_context(forged, ec_key(0), files["ca"], tmp_path))
    with pytest.raises(CertificateError, match=r"another host name|not for this IP"):
        try_handshake("localhost", platform.port, good.ssl_context(ca_file=files["ca"]))


@pytest.mark.parametrize("kind", [Device, LoopDevice])
@pytest.mark.parametrize(
    ("signer", "trusting", "text"),
    [
        ("Other CA", True, "the server does not trust the device's CA: upload that CA and enable it"),
        ("Acme CA", False, "the server's CA is not known here: give the CA's certificate as ca_file"),
    ],
)
def test_a_device_says_why_it_cannot_connect(
    platform: Platform, files: dict[str, Path], kind: Any, signer: str, trusting: bool, text: str
) -> None:
    """When a TLS 1.3 server refuses the device, paho itself only says "Unspecified error"."""
    identity = CA.create(signer, key=ec_key(3)).issue("pump-4", key=ec_key(0))
    where = {"port": platform.port, "ca_file": files["ca"] if trusting else None}
    pump = kind(platform.host, "pump-4", identity=identity, **where)
    reasons: list[str] = []
    heard = threading.Event()

    @pump.listen(Lost)
    def lost(event: Lost) -> None:
        reasons.append(event.reason)
        heard.set()

    pump.start()
    assert heard.wait(5)
    pump.stop(5)
    if kind is LoopDevice:
        pump.close()
    dropped = "the server dropped the connection: often it does not accept the device certificate"
    texts = (text, dropped) if trusting else (text,)  # the server may hang up before its verdict is read
    assert reasons[0].startswith(tuple(f"mqtts://{platform.host}:{platform.port}: {each}" for each in texts))


def test_a_port_without_tls(ca: CA) -> None:
    with Broker("mosquitto") as broker, pytest.raises(CertificateError) as caught:
        try_handshake(broker.host, broker.port, ca.issue("pump-1", key=ec_key(0)).ssl_context())
    assert caught.value.reason in ("closed", "not_tls")


def test_from_the_command_line_to_the_broker(repository: Path, files: dict[str, Path], tmp_path: Path) -> None:
    """ca, device and check, each in its own process; their files are all that the device needs."""

    def certificates(*arguments: str, code: int = 0) -> str:
        command = [sys.executable, "-m", "smartrest", "certificates", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(repository)}
        ran = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert ran.returncode == code, ran.stderr
        assert (ran.stderr != "") == (code != 0)
        return ran.stderr or ran.stdout

    certificates("ca", "Acme CA", "--no-passphrase")
    certificates("device", "pump-7")
    assert certificates("check", "pump-7", "--client-id", "pump-7").startswith("ok")
    broker = Broker(
        "mosquitto",
        certfile=files["certfile"],
        keyfile=files["keyfile"],
        cafile=tmp_path / "ca" / "ca.pem",
        require_certificate=True,
        use_identity_as_username=True,
    )
    identity = Identity.load(tmp_path / "pump-7")
    with broker, Platform(broker) as platform:
        server = ["--connect", f"{platform.host}:{platform.port}"]
        met = certificates("check", "pump-7", "--client-id", "pump-7", *server, "--ca-file", str(files["ca"]))
        assert "ok: 127.0.0.1 accepts it, over TLSv1." in met
        refused = certificates("check", "pump-7", "--client-id", "pump-7", *server, code=1)
        assert refused == "smartrest: the server's CA is not known here: give the CA's certificate as ca_file\n"
        where = {"port": platform.port, "ca_file": files["ca"]}
        with Device(platform.host, identity.device_id, identity=identity, **where) as pump:
            pump.wait_online(20)
            platform.wait_for_device("pump-7")
        assert "u'pump-7'" in log_of(platform)


def test_a_self_signed_identity_is_its_own_trust_anchor(files: dict[str, Path], tmp_path: Path) -> None:
    identity = Identity.self_signed("pump-1", key=ec_key(0))
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(identity.chain_pem)
    options = {"cafile": trusted, "require_certificate": True, "use_identity_as_username": True}
    with (
        Broker("mosquitto", certfile=files["certfile"], keyfile=files["keyfile"], **options) as broker,
        Platform(broker) as platform,
        Device(platform.host, "pump-1", identity=identity, ca_file=files["ca"], port=platform.port) as pump,
    ):
        pump.wait_online(20)
        platform.wait_for_device("pump-1")
