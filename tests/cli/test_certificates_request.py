"""`smartrest certificates request` and `sign`: keys stay where they are made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")

from certificates.makers import ec_key
from support_cli import SECRET, CertificateCommand

from smartrest.certificates import CA, Identity, SigningRequest, check_chain

P256 = ("--key", "P-256")
UNLOCK = ("--ca-passphrase-env", "PASS")


@pytest.fixture(autouse=True)
def _ca(folder: Path) -> None:
    CA.create("Acme CA", key=ec_key(1)).save("ca", passphrase=SECRET)


def test_a_device(run: CertificateCommand) -> None:
    made = run("request", "pump-1", *P256)
    assert "request.pem" in made.out
    assert "smartrest certificates sign pump-1/request.pem" in made.out
    assert "role: asks for a device certificate" in run("show", "pump-1/request.pem").out
    run("sign", "pump-1/request.pem", *UNLOCK)
    assert sorted(os.listdir("pump-1")) == ["chain.pem", "key.pem", "request.pem"]
    run("check", "pump-1", "--client-id", "pump-1")
    assert check_chain(Identity.load("pump-1"), "pump-1") == []


def test_an_intermediate(run: CertificateCommand) -> None:
    made = run("request", "Acme Pumps", "--intermediate", *P256, "--passphrase-env", "PASS", "--out", "pumps")
    assert "ca.key.pem" in made.out
    assert "asks to be a CA" in run("show", "pumps/request.pem").out
    signed = run("sign", "pumps/request.pem", *UNLOCK, "--out", "pumps")
    assert "intermediate CA 'Acme Pumps'" in signed.out
    run("device", "pump-1", "--ca", "pumps", *P256, *UNLOCK)
    run("check", "pump-1", "--client-id", "pump-1", "--max-length", "3")


def test_told_by_an_option(run: CertificateCommand) -> None:
    SigningRequest.create("Acme Pumps", key=ec_key(2)).save("plain")
    run("sign", "plain/request.pem", *UNLOCK, "--intermediate", "--out", "told", "--days", "50", "--path-length", "1")
    assert os.listdir("told") == ["ca.pem"]
    SigningRequest.create("Acme Pumps", ca=True, key=ec_key(2)).save("asks")
    for refusing in (["--device"], ["--device-id", "Acme Pumps"]):
        refused = run("sign", "asks/request.pem", *UNLOCK, *refusing, "--out", "never", code=1)
        assert "asks to be a CA" in refused.err
    assert not Path("never").exists()
    run("sign", "asks/request.pem", *UNLOCK, "--device", "--intermediate", code=2)


def test_nothing_is_overwritten_unasked(run: CertificateCommand) -> None:
    run("request", "pump-1", *P256)
    key = Path("pump-1/key.pem").read_bytes()
    assert "already exists; --force overwrites it" in run("request", "pump-1", *P256, code=2).err
    assert Path("pump-1/key.pem").read_bytes() == key
    assert "already exists" in run("request", "X", "--intermediate", "--out", "ca", *P256, code=2).err
    assert "no terminal" in run("request", "X", "--intermediate", *P256, code=2).err
    run("request", "pump:1", *P256, code=1)
    assert "RSA of 2048 to 4096" in run("request", "pump-2", "--key", "1024", code=1).err
    assert sorted(os.listdir()) == ["ca", "pump-1"]
