"""Certificate signing requests, made where the key stays and signed by us and by openssl."""

from __future__ import annotations

import base64
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")

from certificates.makers import SECRET, ec_key, name, openssl, openssl_verdict, refused, rsa_key
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from smartrest.certificates import CA, CertificateError, Identity, SigningRequest, check_chain


def asking(title: str, key: Any, constraints: x509.BasicConstraints | None = None) -> x509.CertificateSigningRequest:
    builder = x509.CertificateSigningRequestBuilder().subject_name(name(title))
    if constraints is not None:
        builder = builder.add_extension(constraints, critical=True)
    return builder.sign(key, hashes.SHA256())


CA_TRUE = x509.BasicConstraints(ca=True, path_length=None)


def test_the_key_of_a_device_never_leaves_it(ca: CA, tmp_path: Path) -> None:
    request = SigningRequest.create("pump-1", key=ec_key(0), subject={"organization": "Acme"})
    assert (request.name, request.asks_ca) == ("pump-1", False)
    folder = request.save(tmp_path / "pump-1", passphrase=SECRET)
    assert sorted(os.listdir(folder)) == ["key.pem", "request.pem"]
    sent = (folder / "request.pem").read_bytes()
    assert sent == request.pem
    assert b"PRIVATE" not in sent
    if os.name == "posix":
        assert {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()} == {0o600}

    answer = ca.issue(sent, device_id="pump-1")  # elsewhere
    assert answer.key is None
    answer.save(folder)
    identity = Identity.load(folder, passphrase=SECRET)
    assert check_chain(identity, "pump-1") == []
    assert [each.value for each in identity.certificate.subject] == ["Acme", "pump-1"]
    assert request.identity(answer.chain_pem).device_id == "pump-1"
    assert SECRET not in repr(request)


def test_the_key_of_an_intermediate_stays_where_it_is_made(ca: CA, tmp_path: Path) -> None:
    request = SigningRequest.create("Acme Pumps", ca=True, key=ec_key(2))
    assert request.asks_ca
    folder = request.save(tmp_path / "pumps", passphrase=SECRET)
    assert sorted(os.listdir(folder)) == ["ca.key.pem", "request.pem"]
    below = ca.intermediate((folder / "request.pem").read_bytes())
    assert below.key is None
    assert "key stayed" in refused("no_key", below.issue, "pump-1", key=ec_key(0))
    below.save(folder)
    assert sorted(os.listdir(folder)) == ["ca.key.pem", "ca.pem", "request.pem"]
    pumps = CA.load(folder, passphrase=SECRET)
    assert check_chain(pumps.issue("pump-1", key=ec_key(0)), "pump-1", max_length=3) == []


def test_a_request_becomes_what_it_is_for(ca: CA) -> None:
    asked = asking("Acme Pumps", ec_key(2), CA_TRUE)
    assert "intermediate" in refused("bad_request", ca.issue, asked)
    constraints = ca.intermediate(asked).certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (True, True, 10)
    plain = asking("Acme Pumps", ec_key(2))  # chosen by the call
    assert ca.intermediate(plain.public_bytes(Encoding.PEM)).name == "Acme Pumps"
    assert ca.issue(plain).device_id == "Acme Pumps"


def test_the_depth_that_a_request_asks_for(ca: CA) -> None:
    def depth(asked: int | None, **options: Any) -> int | None:
        request = asking("Acme Pumps", ec_key(2), x509.BasicConstraints(True, asked))
        made = ca.intermediate(request, **options).certificate
        return made.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length

    assert depth(0) == 0
    assert depth(3) == 3
    assert depth(500) == 10  # the guide's
    assert depth(3, path_length=1) == 1
    assert SigningRequest.create("Acme Pumps", ca=True, path_length=2, key=ec_key(2)).path_length == 2
    with pytest.raises(ValueError, match="path_length"):
        SigningRequest.create("pump-1", path_length=2, key=ec_key(0))


@pytest.mark.parametrize("sign", ["issue", "intermediate"])
def test_bad_requests(ca: CA, sign: str) -> None:
    call = getattr(ca, sign)
    constraints = CA_TRUE if sign == "intermediate" else None
    good = asking("pump-9", ec_key(6), constraints)
    forged = x509.load_der_x509_csr(good.public_bytes(Encoding.DER).replace(b"pump-9", b"pump-8"))
    assert "not signed by its own key" in refused("bad_request", call, forged)
    two = x509.CertificateSigningRequestBuilder().subject_name(name("a", "b")).sign(ec_key(6), hashes.SHA256())
    assert "2 common names" in refused("bad_request", call, two)
    assert "damaged" in refused("bad_request", call, good.public_bytes(Encoding.PEM)[:100])
    weak = asking("pump-9", rsa_key(1024), constraints)
    assert "RSA 1024" in refused("bad_key", call, weak)
    if sign == "issue":
        assert "colon" in refused("bad_name", call, asking("pump:9", ec_key(6)))
        refused("bad_request", call, good, device_id="pump-8")
    refused("bad_name", call, asking("Acme CA", ec_key(6), constraints))
    refused("bad_name", call, asking(" x", ec_key(6), constraints))


def test_damaged_requests_change_nothing_that_is_signed(ca: CA) -> None:
    good = asking("pump-9", ec_key(6), CA_TRUE).public_bytes(Encoding.DER)
    for place in range(len(good)):
        for bit in (1, 0x80):
            bad = bytearray(good)
            bad[place] ^= bit
            text = base64.encodebytes(bad)
            damaged = b"-----BEGIN CERTIFICATE REQUEST-----\n" + text + b"-----END CERTIFICATE REQUEST-----\n"
            for sign in (ca.issue, ca.intermediate):
                try:
                    made = sign(damaged).certificate  # type: ignore[operator] # both take a request
                except CertificateError:
                    continue
                assert made.subject == name("pump-9")  # a bit that the signature does not cover
                assert made.public_key() == ec_key(6).public_key()


def test_requests_that_are_not_made() -> None:
    refused("bad_name", SigningRequest.create, "pump:1", key=ec_key(0))
    assert SigningRequest.create("Acme: Pumps", ca=True, key=ec_key(0)).name == "Acme: Pumps"
    refused("bad_name", SigningRequest.create, "x" * 65, ca=True, key=ec_key(0))
    refused("bad_key", SigningRequest.create, "pump-1", key=1024)
    refused("bad_name", SigningRequest.create, "pump-1", key=ec_key(0), subject={"planet": "Mars"})


def test_answers_to_a_request(ca: CA) -> None:
    request = SigningRequest.create("pump-1", key=ec_key(0))
    refused("key_mismatch", request.identity, ca.issue("pump-1", key=ec_key(5)).chain_pem)
    refused("no_certificate", request.identity, b"<html>")
    other = ca.issue(asking("pump-2", ec_key(0)))
    assert "for 'pump-2'" in refused("cn_mismatch", request.identity, other.chain_pem)


# --- openssl on the other side ---

CONFIG = """
[ca]
default_ca = authority
[authority]
dir = .
new_certs_dir = .
database = database.txt
serial = serial
private_key = key.pem
certificate = cert.pem
default_md = sha256
policy = names
[names]
organizationName = optional
commonName = supplied
[v3_ca]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always,issuer
basicConstraints = critical, CA:true, pathlen:10
keyUsage = digitalSignature, cRLSign, keyCertSign
[v3_signed]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid,issuer
basicConstraints = critical, CA:false
keyUsage = nonRepudiation, digitalSignature, keyEncipherment
"""


@pytest.mark.parametrize(("profile", "intermediate"), [("v3_signed", False), ("v3_ca", True)])
def test_openssl_signs_our_requests(ca: CA, tmp_path: Path, profile: str, intermediate: bool) -> None:
    openssl("version")
    files = {"config.cnf": CONFIG, "database.txt": "", "serial": "1000\n"}
    for file, text in files.items():
        (tmp_path / file).write_text(text)
    saved = ca.save(tmp_path / "ca")
    shutil.copy(saved / "ca.pem", tmp_path / "cert.pem")
    shutil.copy(saved / "ca.key.pem", tmp_path / "key.pem")
    request = SigningRequest.create("thing", ca=intermediate, key=ec_key(4))
    folder = request.save(tmp_path / "thing")
    verified = openssl("req", "-in", str(folder / "request.pem"), "-noout", "-verify", "-text")
    assert verified.returncode == 0, verified.stderr
    assert ("CA:TRUE" in verified.stdout) == intermediate
    made = openssl(
        *("ca", "-batch", "-config", "config.cnf", "-extensions", profile, "-days", "90", "-notext"),
        *("-in", str(folder / "request.pem"), "-out", "made.pem"),
        cwd=tmp_path,
    )
    assert made.returncode == 0, made.stderr
    chain = (tmp_path / "made.pem").read_bytes() + (tmp_path / "cert.pem").read_bytes()
    if intermediate:
        (folder / "ca.pem").write_bytes(chain)
        signed = CA.load(folder).issue("pump-1", key=ec_key(0))
        assert openssl_verdict(signed.chain, "-x509_strict") == ""
    else:
        assert check_chain(request.identity(chain), "thing") == []


def test_we_sign_requests_of_openssl(ca: CA, tmp_path: Path) -> None:
    """An intermediate's request, made as the guide does and with `-addext`."""
    for number, more in enumerate([[], ["-addext", "basicConstraints=critical,CA:TRUE,pathlen:0"]]):
        key = str(tmp_path / f"{number}.key")
        made = openssl(
            *("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-subj", f"/CN=Pumps {number}"), *more
        )
        assert made.returncode == 0, made.stderr
        below = ca.intermediate(made.stdout)
        (tmp_path / f"{number}.pem").write_bytes(below.chain_pem)
        identity = CA.load(tmp_path / f"{number}.pem", key).issue("pump-1", key=ec_key(0))
        assert openssl_verdict(identity.chain, "-x509_strict") == ""
