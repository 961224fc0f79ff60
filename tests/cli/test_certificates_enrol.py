"""`smartrest certificates enroll`, `renew`, `upload` and `revoke`: with an authority over TLS, no secret shown."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")
pytest.importorskip("paho.mqtt", reason="the extra smartrest[device] is not installed")

from certificates.makers import ec_key, pem, server_files
from certificates.support_servers import HOST, serving
from cryptography import x509
from support_cli import SECRET, CertificateCommand

from smartrest.certificates import CA, Identity
from smartrest.testing import Broker, EnrolmentServer, Platform
from smartrest.testing.broker import find_mosquitto
from smartrest.testing.platform.enrolment import Answer

pytestmark = pytest.mark.usefixtures("folder")

P256 = ("--key", "P-256")


@pytest.fixture(scope="module")
def ca() -> CA:
    return CA.create("t0815", key=ec_key(1))


@pytest.fixture
def est(ca: CA, tmp_path: Path) -> Iterator[EnrolmentServer]:
    files = server_files(tmp_path)
    platform = Platform(port=1)
    with EnrolmentServer(ca, certfile=files["certfile"], keyfile=files["keyfile"], platform=platform) as running:
        yield running


def where(est: EnrolmentServer) -> tuple[str, ...]:
    return (f"{HOST}:{est.port}", "--ca-file", "server-ca.pem")


def test_enroll_and_renew(run: CertificateCommand, est: EnrolmentServer, ca: CA) -> None:
    est.register("pump-1", SECRET)
    wrong = run("enroll", "pump-1", *where(est), "--password-env", "WRONG", *P256, code=1)
    assert "works once" in wrong.err
    assert "valid until" in run("enroll", "pump-1", *where(est), "--password-env", "PASS", *P256).out
    assert sorted(os.listdir("pump-1")) == ["chain.pem", "key.pem"]
    exists = run("enroll", "pump-1", *where(est), "--password-env", "PASS", code=2).err
    assert "renew it, or choose another folder" in exists
    assert "--force" not in exists  # which this action does not have
    assert "no terminal" in run("enroll", "pump-2", *where(est), code=2).err
    run("enroll", "a:b", *where(est), "--password-env", "PASS", "--out", "x", code=1)

    first = Identity.load("pump-1")
    assert est.platform is not None
    Path("token").write_text(est.platform._tenant.token("pump-1") + "\n")
    Path("clients.pem").write_bytes(pem(ca.certificate))
    with serving({"certfile": Path("server.pem"), "keyfile": Path("server.key")}, Path("clients.pem")) as port:
        mqtt = ("--mqtt", f"{HOST}:{port}")
        assert "token has expired" in run("renew", "pump-1", *where(est), *mqtt, "--token-env", "WRONG", code=1).err
        run("renew", "pump-1", *where(est), *mqtt, "--token-file", "token")
    assert Identity.load("pump-1").chain != first.chain


def test_check_in_the_middle_of_a_renewal(run: CertificateCommand, ca: CA) -> None:
    """As a power cut leaves it between the two files: `accepted` has both, and the chain beside it is the old one."""
    new = ca.issue("pump-1", key=ec_key(2))
    ca.issue("pump-1", key=ec_key(0)).save("pump-1")
    new.save("pump-1/accepted")
    Path("pump-1/key.pem").write_bytes(new.key_pem())
    assert Identity.load("pump-1").chain == new.chain
    run("check", "pump-1", "--client-id", "pump-1")


@pytest.mark.skipif(not find_mosquitto(), reason="mosquitto is not installed")
def test_renew_with_a_token_from_mqtt(run: CertificateCommand, ca: CA, tmp_path: Path) -> None:
    files = server_files(tmp_path)
    Path("clients.pem").write_bytes(pem(ca.certificate))
    folder = ca.issue("pump-1", key=ec_key(0)).save("pump-1")
    tls = {"certfile": files["certfile"], "keyfile": files["keyfile"]}
    with (
        Broker("mosquitto", **tls, cafile=Path("clients.pem").absolute(), require_certificate=True) as broker,
        Platform(broker) as platform,
        EnrolmentServer(ca, **tls, platform=platform) as est,
    ):
        run("renew", "pump-1", *where(est), "--mqtt", f"{HOST}:{broker.port}")
    assert Identity.load(folder).certificate.public_key() != ec_key(0).public_key()


def test_upload(run: CertificateCommand, est: EnrolmentServer, ca: CA) -> None:
    ca.save("ca", passphrase="x")
    made = json.dumps({"fingerprint": "ab12", "status": "ENABLED"}).encode()
    est.instead.append(Answer(201, made, "application/json"))
    login = ("--user", "admin", "--password-env", "PASS")
    assert "fingerprint ab12" in run("upload", "ca", *where(est), "--tenant", "t0815", *login).out
    assert json.loads(est.calls[0].body)["autoRegistrationEnabled"] == "true"
    est.instead.append(Answer(201, made, "application/json"))
    token = ("--token-env", "WRONG", "--no-auto-registration")
    run("upload", "ca/ca.pem", *where(est), "--tenant", "t0815", *token)
    assert json.loads(est.calls[1].body)["autoRegistrationEnabled"] == "false"
    est.instead.append(Answer(409, b"{}", "application/json"))
    assert "already" in run("upload", "ca", *where(est), "--tenant", "t0815", *login, code=1).err
    assert "pass either" in run("upload", "ca", *where(est), "--tenant", "t0815", code=2).err
    assert "no terminal" in run("upload", "ca", *where(est), "--tenant", "t0815", "--user", "admin", code=2).err


def test_revoke(run: CertificateCommand, ca: CA) -> None:
    ca.save("ca", passphrase=SECRET)
    unlock = ("--ca-passphrase-env", "PASS")
    identity = ca.issue("pump-1", key=ec_key(0))
    identity.save("pump-1")
    told = run("revoke", "pump-1/chain.pem", *unlock, "--reason", "keyCompromise").out
    assert f"{identity.certificate.serial_number:x}" in told
    run("revoke", "0x1f", *unlock)
    crl = x509.load_pem_x509_crl(Path("ca/crl.pem").read_bytes())
    assert {each.serial_number for each in crl} == {identity.certificate.serial_number, 31}
    assert "not a serial number" in run("revoke", "0xyz", *unlock, code=2).err
    Path("ca/crl.pem").write_bytes(b"a long list\n" * 100_000 + Path("ca/crl.pem").read_bytes())
    run("revoke", "0x20", *unlock)
    assert len(list(x509.load_pem_x509_crl(Path("ca/crl.pem").read_bytes()))) == 3
    run("revoke", "0x21", *unlock, "--days", "99999999", code=1)
    Path("ca/crl.pem").write_text("junk")
    assert "damaged" in run("revoke", "0x1f", *unlock, code=1).err


def test_no_option_takes_a_secret_itself(run: CertificateCommand) -> None:
    for name in ("enroll", "renew", "upload", "revoke", "truststore", "request"):
        text = run(name, "--help").out
        for word in ("--password ", "--token ", "--passphrase "):
            assert word not in text
