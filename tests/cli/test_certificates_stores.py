"""`smartrest certificates` on stores and servers: check and show a keystore, write a truststore, fetch a chain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")

from certificates.makers import device, ec_key, pem, root, server_files
from certificates.support_servers import HOST, serving
from cryptography.hazmat.primitives import hashes
from support_cli import SECRET, CertificateCommand

from smartrest.certificates import CA, Identity, load_truststore, truststore
from smartrest.cli._certificate_actions import host_and_port

pytestmark = pytest.mark.usefixtures("folder")

UNLOCK = ("--passphrase-env", "PASS")


@pytest.fixture
def pump() -> Identity:
    return CA.create("Acme CA", key=ec_key(1)).issue("pump-1", key=ec_key(0))


def save(name: str, data: bytes) -> str:
    Path(name).touch(mode=0o600)
    Path(name).write_bytes(data)
    return name


def test_check_a_keystore(run: CertificateCommand, pump: Identity) -> None:
    store = save("deviceKeystore.pkcs12", pump.pkcs12(SECRET))
    run("check", store, "--client-id", "pump-1", *UNLOCK)
    other = run("check", store, "--client-id", "pump-2", *UNLOCK, code=1)
    assert "names the device 'pump-2'" in other.out
    assert "wrong passphrase" in run("check", store, "--client-id", "pump-1", "--passphrase-env", "WRONG", code=1).err
    assert "no terminal" in run("check", store, "--client-id", "pump-1", code=2).err
    trust = save("t.p12", truststore({"acme": root()}, SECRET))
    assert "a truststore, not a keystore" in run("check", trust, "--client-id", "pump-1", *UNLOCK, code=1).err
    files = server_files(Path())
    with serving(files, None) as port:
        address = ("--connect", f"{HOST}:{port}", "--ca-file", "server-ca.pem")
        assert "accepts it" in run("check", store, "--client-id", "pump-1", *UNLOCK, *address).out


def test_show_a_store(run: CertificateCommand, pump: Identity) -> None:
    shown = run("show", save("k.p12", pump.pkcs12(SECRET)), *UNLOCK).out
    assert shown.startswith("private key\n  encrypted: yes")
    assert "belongs to: CN=pump-1" in shown
    assert "belongs to: CN=Acme CA" in shown
    trust = save("t.p12", truststore({"servercertificate": device("server"), "acme": root()}, SECRET))
    data = [json.loads(line) for line in run("show", trust, "--json", *UNLOCK).out.splitlines()]
    assert [(each["kind"], each["alias"]) for each in data] == [
        ("certificate", "servercertificate"),
        ("certificate", "acme"),
    ]
    assert "wrong passphrase" in run("show", trust, "--passphrase-env", "WRONG", code=1).err
    assert "JKS" in run("show", save("x.jks", bytes.fromhex("feedfeed00000002")), *UNLOCK, code=1).err


def test_write_a_truststore(run: CertificateCommand) -> None:
    save("server.pem", pem(device("server"), root()))
    save("acme.pem", pem(root("Acme")))
    made = run("truststore", "servercertificate=server.pem", "acme.pem", "--out", "t.p12", *UNLOCK)
    assert "3 certificates" in made.out
    names = {
        alias: each.subject.rfc4514_string()
        for alias, each in load_truststore(Path("t.p12").read_bytes(), SECRET).items()
    }
    assert names == {"servercertificate": "CN=server", "servercertificate-2": "CN=Test CA", "acme": "CN=Acme"}
    assert "--force overwrites it" in run("truststore", "acme.pem", "--out", "t.p12", *UNLOCK, code=2).err
    run("truststore", "acme.pem", "--out", "t.p12", *UNLOCK, "--force")
    assert len(load_truststore(Path("t.p12").read_bytes(), SECRET)) == 1
    assert "no certificate" in run("truststore", save("no.pem", b"x"), "--out", "n.p12", *UNLOCK, code=1).err
    assert "no terminal" in run("truststore", "acme.pem", "--out", "n.p12", code=2).err
    assert not Path("n.p12").exists()


def test_fetch(run: CertificateCommand) -> None:
    files = server_files(Path())
    with serving(files, None) as port:
        got = run("fetch", f"{HOST}:{port}", "--out", "fetched.pem")
        assert "--force overwrites it" in run("fetch", f"{HOST}:{port}", "--out", "fetched.pem", code=2).err
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(Path("fetched.pem").read_bytes())
    assert certificate.fingerprint(hashes.SHA256()).hex() in got.out
    assert "not trusted" in got.out
    assert "nothing listens" in run("fetch", f"{HOST}:{port}", code=1).err
    assert "HOST:PORT" in run("fetch", "a:b", code=2).err


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("host", ("host", 443)),
        ("host:8883", ("host", 8883)),
        ("10.0.0.1:1", ("10.0.0.1", 1)),
        ("::1", ("::1", 443)),
        ("[::1]", ("::1", 443)),
        ("[::1]:8883", ("::1", 8883)),
        ("[fe80::1%eth0]:8883", ("fe80::1%eth0", 8883)),
    ],
)
def test_hosts_with_and_without_port(text: str, found: tuple[str, int]) -> None:
    assert host_and_port(text, "--connect", 443) == found


@pytest.mark.parametrize(
    "text",
    [
        *("", ":1", "host:0", "host:65536", "host:x", "host:-1", "host/path", "u@host", "h?x", "h#x"),
        *("[::1", "[]:1", "::1]", "[::1]8883", "x[::1]"),
    ],
)
def test_hosts_that_are_wrong_usage(run: CertificateCommand, text: str) -> None:
    assert "expected a server as HOST" in run("fetch", text, code=2).err


def test_an_ipv6_address_is_connected_to(run: CertificateCommand) -> None:
    run("fetch", "[::1]:1", code=1)  # nothing listens there
