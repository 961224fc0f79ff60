"""The Python of every page in docs/ runs, block after block, against a broker and the stand-in platform.

Names that a page leaves to its reader are given here. The first block of testing.md runs in test_testing_plugin.py,
that of certificates-enrolment.md in tests/certificates/test_docs.py, shell blocks in test_docs_shell.py.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support_docs import blocks, run_block

pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")

import aiomqtt
from certificates.makers import ec_key, server_files
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from smartrest.certificates import CA, Identity
from smartrest.device import Credentials, Device, MessageReceived
from smartrest.templates import Collection
from smartrest.testing import Broker, Platform

Scope = dict[str, Any]
HOST = "127.0.0.1"


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Platform(history=1000) as running:
        yield running


@pytest.fixture
def page(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Scope]:
    """Runs blocks of a page with their hosts replaced: `page(name, scope, port, skip=…)`."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, scope: Scope, port: int = 0, skip: int = 0, also: dict[str, str] | None = None) -> Scope:
        found = blocks(repository / "docs" / f"{name}.md", "python")[skip:]
        for number, block in enumerate(found, skip):
            for old, new in (also or {}).items():
                block = block.replace(old, new)
            here = rf'Device("{HOST}", \1, port={port}, tls=False' if port else r'Device("unknown.invalid", \1'
            run_block(re.sub(r'Device\("[\w.]+example\.com", ("[\w-]+")', here, block), scope, f"{name} {number}")
        assert found, name
        return scope

    return run


def known(**more: Any) -> Scope:
    return {"credentials": Credentials("t0815", "device_pump-7", "secret"), **more}


def authority() -> CA:
    return CA.create("Acme CA", key=ec_key(1))


def test_device(page: Any, platform: Platform) -> None:
    scope = page("device", known(run=lambda *words: " ".join(words), log=logging), platform.port)
    assert ("200", "c8y_Pressure", "P", "1.2", "bar") in platform.published("s/us/valve-1")
    assert scope["device"].session.operations == []  # of the last block, which is not started


def test_session(page: Any) -> None:
    scope = page("session", known(topic="s/ds", payload=b"511,pump-7,ls", now=1.0))
    assert (scope["client_id"], scope["due"] is not None) == ("pump-7", True)


def test_mqtt(page: Any) -> None:
    page("mqtt", {"client": Client(CallbackAPIVersion.VERSION2)})


def test_templates(page: Any) -> None:
    sent: list[tuple[str, bytes]] = []
    scope = page("templates", {"publish": lambda topic, payload: sent.append((topic, payload))})
    assert (scope["text"], sent[0][0]) == ("uptime", "s/ut/com.acme.pump.v1")


def test_performance(page: Any) -> None:
    assert page("performance", {})["decode"](b"200,a\n500") == [["200", "a"], ["500"]]


def test_collections(page: Any, platform: Platform) -> None:
    started: list[Device] = []

    def start_device(host: str, port: int) -> None:
        library = Collection("com.acme.v1").operation("wifi", "acme_Wifi", name="acme_Wifi.name", ssid="acme_Wifi.ssid")
        started.append(Device(host, "dev1", port=port, tls=False, collections=[library]))
        started[0].operation("acme_Wifi")(lambda op: "joined")
        started[0].start(20)

    scope: Scope = known(
        threading=threading,
        Platform=Platform,
        join=lambda name, ssid: None,
        start_device=start_device,
        event=MessageReceived("s/dc/com.acme.v1", ("me", "Pump")),
    )
    try:
        page("collections", scope, platform.port)
        assert scope["created"].is_set()
        assert scope["device"].flush(20)
        assert ("pump", "", "1450") in platform.published("s/uc/com.acme.v1")
    finally:
        for device in (scope["device"], *started):
            device.stop()


def test_mqtt_service(page: Any, platform: Platform, tmp_path: Path) -> None:
    authority().issue("pump-7", key=ec_key(0)).save(tmp_path / "pump-7")
    host = {'Endpoint("mytenant.example.com", service=True)': f'Endpoint("{HOST}", service=True, port={platform.port})'}
    scope = page(
        "mqtt-service", {}, also=host
    )  # the broker speaks no TLS here; tests/live/test_device_service.py has one
    try:
        assert scope["service"].service
        assert scope["device"].session.pending == 1
    finally:
        scope["device"].stop(0)


def test_certificates(page: Any, tmp_path: Path) -> None:
    files = server_files(tmp_path)
    changed = {
        'CA.create("Acme CA")': 'CA.create("Acme CA", key=ec_key(1))',
        'issue("pump-1")': 'issue("pump-1", key=ec_key(0))',
        'SigningRequest.create("pump-1")': 'SigningRequest.create("pump-1", key=ec_key(2))',
        'request.save("pump-1")': 'request.save("requested")',
        'answer.save("pump-1")': 'answer.save("requested")',
    }
    with Broker(certfile=files["certfile"], keyfile=files["keyfile"]) as broker:
        changed['fetch_certificates("mqtt.example.com")'] = f'fetch_certificates("{HOST}", {broker.port})'
        names = {"client": Client(CallbackAPIVersion.VERSION2), "aiomqtt": aiomqtt, "host": HOST, "ec_key": ec_key}

        async def in_loop() -> Scope:  # aiomqtt wants one
            return dict(page("certificates", names, also=changed))

        scope = asyncio.run(in_loop())
    assert list(scope["certificates"]) == ["servercertificate", "acme"]


def test_certificates_enrolment(page: Any, tmp_path: Path) -> None:
    files = server_files(tmp_path)
    authority().issue("pump-1", key=ec_key(0)).save(tmp_path / "pump-1")
    from smartrest.certificates import enroll

    ca = authority()
    ca.save(tmp_path / "ca")
    server = {"certfile": files["certfile"], "keyfile": files["keyfile"]}
    with Broker(cafile=tmp_path / "ca" / "ca.pem", require_certificate=True, **server) as broker:
        also = {'"pump-1", otp, "pump-1", port': '"pump-1", otp, "new", key="P-256", port'}
        scope = page("certificates-enrolment", {"broker": broker, "ca": ca, "enroll": enroll}, skip=1, also=also)
    assert Identity.load(tmp_path / "new").device_id == "pump-1"
    assert scope["device"].session.token_wanted


@pytest.mark.needs("mosquitto")
def test_testing(page: Any) -> None:
    page("testing", {"pytest": pytest}, skip=1)
