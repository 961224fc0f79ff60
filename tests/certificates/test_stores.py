"""PKCS#12 in and out: keystores, truststores and both in one file, made by us, by keytool and by openssl."""

from __future__ import annotations

import base64
import os
import random
import shutil
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")

from certificates.makers import DATA, SECRET, device, ec_key, openssl, pem, refused, root, rsa_key, server_files
from certificates.support_servers import HOST, serving
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, pkcs12

from smartrest.certificates import (
    CA,
    CertificateError,
    Identity,
    SigningRequest,
    check_chain,
    fetch_certificates,
    load_truststore,
    truststore,
    try_handshake,
)
from smartrest.certificates._est import accept, encode_answer, read_answer

KEYTOOL, JAVA = shutil.which("keytool"), shutil.which("java")
needs_keytool = pytest.mark.skipif(KEYTOOL is None, reason="keytool (a Java runtime) is not installed")


@pytest.fixture(scope="module")
def pump(ca: CA) -> Identity:
    return ca.intermediate("Pumps", key=ec_key(2)).issue("pump-1", key=ec_key(0))


def keytool(*arguments: str) -> str:
    assert KEYTOOL is not None
    environment = {**os.environ, "STOREPASS": SECRET, "LC_ALL": "C.UTF-8"}
    command = [KEYTOOL, "-J-Duser.language=en", *arguments, "-storepass:env", "STOREPASS"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def save(path: Path, data: bytes) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(data)
    return path


# --- keystores ---


@pytest.mark.parametrize("secret", [SECRET, SECRET.encode()])
def test_our_keystore_comes_back(tmp_path: Path, pump: Identity, secret: str | bytes) -> None:
    path = save(tmp_path / "deviceKeystore.pkcs12", pump.pkcs12(SECRET))
    back = Identity.load(path, passphrase=secret)
    assert back.chain == pump.chain
    assert back.key is not None
    assert back.trusted == ()
    assert check_chain(back, "pump-1", max_length=3) == []
    assert SECRET not in repr(back)


def test_a_keystore_of_openssl(tmp_path: Path, pump: Identity) -> None:
    """The guide's command; the certificates of the chain may come in any order."""
    for order in (pump.chain, (pump.chain[0], pump.chain[2], pump.chain[1]), pump.chain[:1]):
        chain, key = save(tmp_path / "chain.pem", pem(*order)), save(tmp_path / "key.pem", pump.key_pem(SECRET))
        made = openssl(
            *("pkcs12", "-export", "-name", "devicekeyentry", "-inkey", str(key), "-passin", "env:PASS"),
            *("-in", str(chain), "-passout", "env:PASS", "-out", str(tmp_path / "store.p12")),
            env={**os.environ, "PASS": SECRET},
        )
        assert made.returncode == 0, made.stderr
        assert Identity.load(tmp_path / "store.p12", passphrase=SECRET).chain == pump.chain[: len(order)]


@pytest.mark.slow
@needs_keytool
@pytest.mark.parametrize("kind", [["-keyalg", "EC", "-groupname", "secp256r1"], ["-keyalg", "RSA", "-keysize", "2048"]])
def test_a_keystore_of_keytool(tmp_path: Path, ca: CA, kind: list[str]) -> None:
    """Made, requested, signed by us, and the answer put in by keytool."""
    store = ["-keystore", str(tmp_path / "store.p12"), "-storetype", "PKCS12", "-alias", "devicekeyentry"]
    keytool("-genkeypair", *store, *kind, "-dname", "CN=pump-7")
    identity = ca.issue(keytool("-certreq", *store), device_id="pump-7")
    root_file, answer = save(tmp_path / "ca.pem", ca.chain_pem), save(tmp_path / "answer.pem", identity.chain_pem)
    keytool(
        "-importcert", "-noprompt", "-keystore", str(tmp_path / "store.p12"), "-alias", "ca", "-file", str(root_file)
    )
    keytool("-importcert", *store, "-file", str(answer))
    back = Identity.load(tmp_path / "store.p12", passphrase=SECRET)
    assert back.chain == identity.chain
    assert back.device_id == "pump-7"


def test_bad_keystores(tmp_path: Path, ca: CA, pump: Identity) -> None:
    path = save(tmp_path / "store.p12", pump.pkcs12(SECRET))
    refused("wrong_passphrase", Identity.load, path, passphrase="wrong")
    refused("no_passphrase", Identity.load, path)
    refused("wrong_passphrase", Identity.load, save(tmp_path / "cut.p12", path.read_bytes()[:-50]), passphrase=SECRET)
    no_key = truststore({"ca": ca}, SECRET)
    assert "truststore" in refused("no_key", Identity.load, save(tmp_path / "t.p12", no_key), passphrase=SECRET)
    encryption = BestAvailableEncryption(SECRET.encode())
    bare = pkcs12.serialize_key_and_certificates(b"k", ec_key(0), None, None, encryption)
    refused("no_certificate", Identity.load, save(tmp_path / "bare.p12", bare), passphrase=SECRET)
    weak = pkcs12.serialize_key_and_certificates(None, ec_key(0), device(), [root()], NoEncryption())
    assert Identity.load(save(tmp_path / "open.p12", weak)).chain[0].subject == device().subject
    refused("unreadable", Identity.load, save(tmp_path / "x.jks", bytes.fromhex("feedfeed00000002") + b"x" * 99))
    der = save(tmp_path / "c.der", device().public_bytes(Encoding.DER))
    assert "PEM" in refused("no_certificate", Identity.load, der)


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_an_open_keystore_that_others_may_read(tmp_path: Path, pump: Identity) -> None:
    data = pkcs12.serialize_key_and_certificates(None, pump.key, pump.chain[0], pump.chain[1:], NoEncryption())
    path = save(tmp_path / "store.p12", data)
    assert Identity.load(path).chain == pump.chain
    path.chmod(0o644)
    with pytest.warns(UserWarning, match="others may read the private key"):
        Identity.load(path)


@pytest.mark.slow
@needs_keytool
def test_a_keystore_with_two_keys(tmp_path: Path) -> None:
    path = tmp_path / "two.p12"
    for alias in ("one", "two"):
        keytool(
            *("-genkeypair", "-keystore", str(path), "-storetype", "PKCS12", "-alias", alias),
            *("-keyalg", "EC", "-groupname", "secp256r1", "-dname", f"CN={alias}"),
        )
    text = refused("bad_store", Identity.load, path, passphrase=SECRET)
    assert "2 private keys" in text
    assert "keytool -delete" in text


def test_damage_is_told_and_nothing_else(ca: CA, pump: Identity) -> None:
    """Random damage to a keystore, to the answer of an authority and to a revocation list."""
    request = SigningRequest.create("pump-1", key=ec_key(4))
    answer = base64.b64decode(encode_answer(ca.issue(request.request).chain))
    readers: list[tuple[bytes, Callable[[bytes], object]]] = [
        (pump.pkcs12(SECRET), lambda data: Identity.from_store(data, SECRET)),
        (answer, lambda data: accept(request, read_answer(base64.b64encode(data)))),
        (ca.revoke([5]), lambda data: ca.revoke([6], previous=data)),
    ]
    chance = random.Random(17)
    told = 0
    for data, read in readers:
        for _ in range(150):
            damaged = bytearray(data)
            place = chance.randrange(len(damaged))
            damaged[place : place + chance.choice((0, 1, 1, 9))] = chance.randbytes(chance.choice((0, 1, 1, 9)))
            try:
                read(bytes(damaged))
            except CertificateError:
                told += 1
    assert told > 300


# --- truststores ---


def test_a_truststore_comes_back() -> None:
    certificates = {"servercertificate": device("server"), "acme": root("Acme"), "other": root("Other", 4)}
    data = truststore(certificates, SECRET)
    assert load_truststore(data, SECRET) == certificates
    refused("wrong_passphrase", load_truststore, data, "wrong")
    refused("no_certificate", truststore, {}, SECRET)
    refused("bad_passphrase", truststore, certificates, "gänsefüßchen")
    refused("bad_store", truststore, {"Acme": root("Acme"), "acme": root("Other", 4)}, SECRET)
    refused("bad_store", truststore, {"": root("Acme")}, SECRET)


@needs_keytool
def test_java_reads_our_truststore_and_we_that_of_java(tmp_path: Path, ca: CA) -> None:
    path = save(tmp_path / "trust.p12", truststore({"servercertificate": device("server"), "acme": ca}, SECRET))
    listed = keytool("-list", "-keystore", str(path))
    assert "Your keystore contains 2 entries" in listed
    assert "servercertificate, " in listed
    assert "acme, " in listed
    assert listed.count("trustedCertEntry") == 2
    more = save(tmp_path / "more.pem", pem(root("Other", 4)))
    keytool("-importcert", "-noprompt", "-keystore", str(path), "-alias", "other", "-file", str(more))
    assert set(load_truststore(path.read_bytes(), SECRET)) == {"servercertificate", "acme", "other"}


# --- with a Java client, over TLS ---


def java_client(port: int, keystore: Path, trusted: Path) -> str:
    assert JAVA is not None
    command = [JAVA, str(DATA / "TlsClient.java"), HOST, str(port), str(keystore), str(trusted)]
    environment = {**os.environ, "STOREPASS": SECRET}
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    return ran.stdout + ran.stderr


@pytest.mark.slow
@pytest.mark.skipif(JAVA is None or shutil.which("javac") is None, reason="a JDK is not installed")
@pytest.mark.parametrize("key", [rsa_key, ec_key], ids=["rsa", "ec"])
def test_a_java_client_logs_in(tmp_path: Path, ca: CA, key: Any) -> None:
    files = server_files(tmp_path)
    identity = ca.issue("pump-1", key=key())
    keystore = save(tmp_path / "keystore.p12", identity.pkcs12(SECRET))
    server_ca = root("Server CA", 8)
    trusted = save(tmp_path / "truststore.p12", truststore({"servercertificate": server_ca}, SECRET))
    wrong = save(tmp_path / "wrong.p12", truststore({"servercertificate": root("Other", 4)}, SECRET))
    clients = save(tmp_path / "clients.pem", pem(ca.certificate))
    with serving(files, clients) as port:
        assert "heard !" in java_client(port, keystore, trusted)
        assert "PKIX path" in java_client(port, keystore, wrong)
        keytool(  # step 5 of the guide: both in one file
            *("-importcert", "-noprompt", "-keystore", str(keystore)),
            *("-alias", "servercertificate", "-file", str(save(tmp_path / "server-ca.crt", pem(server_ca)))),
        )
        assert "heard !" in java_client(port, keystore, keystore)
        both = Identity.load(keystore, passphrase=SECRET)
        assert (both.chain, both.trusted) == (identity.chain, (server_ca,))
        assert try_handshake(HOST, port, both.ssl_context(client_id="pump-1"))


# --- a server's certificates ---


def test_a_server_is_trusted_by_what_is_beside_the_key(tmp_path: Path, pump: Identity) -> None:
    files = server_files(tmp_path)
    leaf = device("server", ca=False)
    with serving(files, None) as port:
        chain = fetch_certificates(HOST, port)
        assert chain[0].subject.rfc4514_string() == "CN=server"
        refused("server_unknown_ca", try_handshake, HOST, port, Identity(pump.chain, pump.key).ssl_context())
        # the guide's truststore holds the server's own certificate
        assert try_handshake(HOST, port, Identity(pump.chain, pump.key, trusted=chain).ssl_context())
        other = Identity(pump.chain, pump.key, trusted=[leaf])
        refused("server_unknown_ca", try_handshake, HOST, port, other.ssl_context())
        saved = save(tmp_path / "server-fetched.pem", pem(*chain))
        assert try_handshake(HOST, port, pump.ssl_context(ca_file=saved))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_a_chain_is_fetched(tmp_path: Path, version: ssl.TLSVersion) -> None:
    files = server_files(tmp_path)
    signer = root("Server CA", 8)
    with files["certfile"].open("ab") as stream:
        stream.write(pem(signer))
    with serving(files, None, version) as port:
        names = [each.subject.rfc4514_string() for each in fetch_certificates(HOST, port)]
    assert names == ["CN=server", "CN=Server CA"]
    refused("refused", fetch_certificates, HOST, port)
    refused("unknown_host", fetch_certificates, "nowhere.invalid")
