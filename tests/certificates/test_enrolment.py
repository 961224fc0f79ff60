"""Enrolment and renewal by EST over TLS: the good case, every bad answer, full disks and power cuts at any point."""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")

from certificates.makers import DAY, NOW, device, ec_key, openssl, pem
from certificates.support_enrolment import PASSWORD, enrolled, renewed, token
from certificates.support_servers import HOST
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from smartrest.certificates import (
    CA,
    CertificateError,
    Identity,
    check_chain,
    enroll,
    fetch_certificates,
    renew,
    renewal_due,
    try_handshake,
)
from smartrest.testing import EnrolmentServer
from smartrest.testing.platform.enrolment import ENROLL, REENROLL, Answer


def refused(reason: str, call: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(CertificateError) as caught:
        call(*arguments, **options)
    text = str(caught.value)
    assert caught.value.reason == reason, text
    assert PASSWORD not in text
    assert base64.b64encode(f"pump-1:{PASSWORD}".encode()).decode() not in text
    assert "eyJ" not in text  # how every token begins
    return text


def test_a_device_enrolls_and_renews(
    est: EnrolmentServer, files: dict[str, Path], ca: CA, tmp_path: Path, mqtt: int
) -> None:
    est.register("pump-1", PASSWORD)
    folder = tmp_path / "pump-1"
    first = enrolled(est, files, folder)
    assert first.folder == folder  # so Device(identity=…, renew=True) knows where to renew it
    assert first.chain[0].issuer == ca.certificate.subject
    assert sorted(os.listdir(folder)) == ["chain.pem", "key.pem"]
    loaded = Identity.load(folder)
    assert loaded.chain == first.chain
    assert [each.reason for each in check_chain(loaded, "pump-1")] == ["missing_ca"]  # which the platform accepts

    second = renewed(est, files, folder, mqtt)
    assert Identity.load(folder).chain == second.chain
    assert second.certificate.serial_number != first.certificate.serial_number
    assert second.certificate.public_key() != first.certificate.public_key()
    assert sorted(os.listdir(folder)) == ["chain.pem", "key.pem"]
    assert [(call.path, call.device_id, call.status) for call in est.calls] == [
        (ENROLL, "pump-1", 200),
        (REENROLL, "pump-1", 200),
    ]


def test_keys_on_disk_can_be_encrypted(est: EnrolmentServer, files: dict[str, Path], tmp_path: Path, mqtt: int) -> None:
    options: dict[str, Any] = {"port": est.port, "ca_file": files["ca"], "passphrase": "correct horse"}
    folder = tmp_path / "pump-1"
    enroll(HOST, "pump-1", est.register("pump-1"), folder, key="P-256", **options)
    assert b"ENCRYPTED" in (folder / "key.pem").read_bytes()
    renew(HOST, folder, token(est), mqtt=(HOST, mqtt), **options)
    assert b"ENCRYPTED" in (folder / "key.pem").read_bytes()
    assert Identity.load(folder, passphrase="correct horse").key is not None


def test_the_chain_of_the_old_identity_goes_on(
    est: EnrolmentServer, files: dict[str, Path], ca: CA, tmp_path: Path, mqtt: int
) -> None:
    """Where the old chain ended with the CA, the new one does too, without blaming the platform for leaving it out."""
    folder = ca.issue("pump-1", key=ec_key(0)).save(tmp_path / "pump-1")
    assert renewed(est, files, folder, mqtt).chain[1:] == (ca.certificate,)
    assert check_chain(Identity.load(folder), "pump-1") == []


def test_when_to_renew(ca: CA) -> None:
    identity = ca.issue("pump-1", key=ec_key(0), days=timedelta(seconds=60), now=NOW)
    assert renewal_due(identity) == NOW + timedelta(seconds=40)
    assert renewal_due(identity, 0.5) == NOW + timedelta(seconds=30)


# --- the forms of an answer ---


def answers(ca: CA, request: Any) -> dict[str, bytes]:
    certificate = ca.issue(request).certificate
    der = pkcs7.serialize_certificates([certificate], Encoding.DER)
    return {
        "base64": base64.encodebytes(der),
        "one line": base64.b64encode(der),
        "crlf": base64.encodebytes(der).replace(b"\n", b"\r\n"),
        "der": der,
        "pem of pkcs7": pkcs7.serialize_certificates([certificate], Encoding.PEM),
        "pem": pem(certificate),
        "with ca": base64.b64encode(pkcs7.serialize_certificates([ca.certificate, certificate], Encoding.DER)),
    }


@pytest.mark.parametrize("form", ["base64", "one line", "crlf", "der", "pem of pkcs7", "pem", "with ca"])
def test_every_form_of_an_answer(ca: CA, form: str) -> None:
    from smartrest.certificates import SigningRequest
    from smartrest.certificates._est import accept, read_answer

    request = SigningRequest.create("pump-1", key=ec_key(0))
    identity = accept(request, read_answer(answers(ca, request.request)[form]))
    assert identity.device_id == "pump-1"
    assert len(identity.chain) == (2 if form == "with ca" else 1)


def test_an_answer_in_ber(ca: CA, tmp_path: Path) -> None:
    """The platform writes PKCS#7 with indefinite lengths."""
    from smartrest.certificates._est import read_answer

    identity = ca.issue("pump-1", key=ec_key(0))
    (tmp_path / "c.pem").write_bytes(pem(identity.certificate))
    (tmp_path / "k.pem").write_bytes(identity.key_pem())
    (tmp_path / "text").write_text("x")
    made = openssl(
        *("cms", "-sign", "-stream", "-binary", "-in", str(tmp_path / "text"), "-signer", str(tmp_path / "c.pem")),
        *("-inkey", str(tmp_path / "k.pem"), "-outform", "DER", "-out", str(tmp_path / "a.ber")),
    )
    assert made.returncode == 0, made.stderr
    data = (tmp_path / "a.ber").read_bytes()
    assert data[:2] == b"\x30\x80"
    assert read_answer(base64.b64encode(data)) == [identity.certificate]


# --- bad answers: a clear error, the old identity intact, no secret ---


def bad_answers(ca: CA) -> dict[str, tuple[str, Answer]]:
    def p7(*certificates: x509.Certificate) -> bytes:
        return base64.encodebytes(pkcs7.serialize_certificates(list(certificates), Encoding.DER))

    return {
        "a web page": ("bad_answer", Answer(200, b"<!DOCTYPE html><html>Log in</html>", "text/html")),
        "nothing": ("bad_answer", Answer(200, b"")),
        "junk": ("bad_answer", Answer(200, b"\xff\x00junk")),
        "no certificate": ("bad_answer", Answer(200, base64.b64encode(b"\x30\x03\x02\x01\x03"))),
        "too large": ("bad_answer", Answer(200, b"A" * 2_000_000)),
        "cut": ("bad_answer", Answer(200, p7(device()), cut=100)),
        "another key": ("key_mismatch", Answer(200, p7(ca.issue("pump-1", key=ec_key(5)).certificate))),
        "a hostile message": ("est_refused", Answer(400, b'{"message":"\\u001b[31m\\n' + b"x" * 5000 + b'"}')),
        "odd json": ("est_refused", Answer(400, b'{"message":{"a":1}}')),
        "deep json": ("est_refused", Answer(400, b"[" * 100_000)),
        "no authority": ("no_authority", Answer(404, b'{"message":"Failed to retrieve tenant keypair"}')),
        "a redirect": ("no_authority", Answer(302, b"")),
        "forbidden": ("not_authorized", Answer(403, b"")),
        "busy": ("est_unavailable", Answer(503, b"")),
        "later": ("est_unavailable", Answer(202, b"")),
    }


@pytest.mark.parametrize("which", list(bad_answers(CA.create("x", key=ec_key(1)))))
def test_bad_answers(
    est: EnrolmentServer, files: dict[str, Path], ca: CA, tmp_path: Path, mqtt: int, which: str
) -> None:
    reason, answer = bad_answers(ca)[which]
    folder = ca.issue("pump-1", key=ec_key(0)).save(tmp_path / "old")
    before = [(each.name, each.read_bytes()) for each in folder.iterdir() if each.is_file()]
    est.instead.append(answer)
    text = refused(reason, renewed, est, files, folder, mqtt)
    assert text.isprintable()
    assert len(text) < 400
    assert before == [(each.name, each.read_bytes()) for each in folder.iterdir() if each.is_file()]
    est.instead.append(answer)
    est.register("pump-1", PASSWORD)
    refused(reason, enrolled, est, files, tmp_path / "new")
    assert not (tmp_path / "new" / "chain.pem").exists()
    if reason in ("bad_answer", "key_mismatch", "no_authority", "est_unavailable"):
        est.register("pump-1", PASSWORD)
        assert enrolled(est, files, tmp_path / "new").device_id == "pump-1"  # it goes on


def test_secrets_that_the_server_sends_back(
    est: EnrolmentServer, files: dict[str, Path], ca: CA, tmp_path: Path, mqtt: int
) -> None:
    est.register("pump-1", PASSWORD)
    login = base64.b64encode(f"pump-1:{PASSWORD}".encode()).decode()
    for said in (PASSWORD, login):
        est.instead.append(Answer(422, json.dumps({"message": f"wrong {said} {said}"}).encode()))
        assert "(secret) (secret)" in refused("est_refused", enrolled, est, files, tmp_path / "new")
    folder = ca.issue("pump-1", key=ec_key(0)).save(tmp_path / "old")
    secret = token(est)
    est.instead.append(Answer(422, json.dumps({"message": secret}).encode()))
    assert "'(secret)'" in refused("est_refused", renewed, est, files, folder, mqtt, secret)


def request_of(folder: Path) -> x509.CertificateSigningRequest:
    return x509.load_pem_x509_csr((folder / "pending" / "request.pem").read_bytes())


def test_certificates_that_do_not_fit(
    est: EnrolmentServer, files: dict[str, Path], ca: CA, tmp_path: Path, mqtt: int
) -> None:
    """Expired, or for another device, though for the right key."""
    folder = ca.issue("pump-1", key=ec_key(0)).save(tmp_path / "old")
    est.instead.append(Answer(503, b""))
    refused("est_unavailable", renewed, est, files, folder, mqtt)  # now the request of the next call is known
    request = request_of(folder)

    def answer(certificate: x509.Certificate) -> Answer:
        return Answer(200, pkcs7.serialize_certificates([certificate], Encoding.DER))

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pump-2")])
    made = x509.CertificateBuilder(ca.certificate.subject, name, request.public_key(), 5, NOW, NOW + DAY)
    from cryptography.hazmat.primitives import hashes

    est.instead.append(answer(made.sign(ec_key(1), hashes.SHA256())))
    assert "for 'pump-2'" in refused("cn_mismatch", renewed, est, files, folder, mqtt)
    old = CA.create("Acme CA", key=ec_key(1), now=NOW - 20 * DAY)
    est.instead.append(answer(old.issue(request, now=NOW - 10 * DAY, days=5).certificate))
    assert "expired" in refused("broken_chain", renewed, est, files, folder, mqtt)
    assert request_of(folder).public_key() == request.public_key()
    assert renewed(est, files, folder, mqtt).device_id == "pump-1"


def test_of_another_ca(est: EnrolmentServer, files: dict[str, Path], ca: CA, tmp_path: Path, mqtt: int) -> None:
    """The server does not take it, so the old identity stays, and the next attempt asks for another certificate."""
    folder = ca.issue("pump-1", key=ec_key(0)).save(tmp_path / "old")
    before = Identity.load(folder).chain
    est.ca = CA.create("other", key=ec_key(3))
    refused("client_unknown_ca", renewed, est, files, folder, mqtt)
    assert Identity.load(folder).chain == before
    est.ca = ca
    assert renewed(est, files, folder, mqtt).chain != before
    assert len(est.calls) == 2


def test_a_new_certificate_waits_for_the_network(
    est: EnrolmentServer, files: dict[str, Path], ca: CA, tmp_path: Path, mqtt: int
) -> None:
    folder = ca.issue("pump-1", key=ec_key(0)).save(tmp_path / "old")
    with socket.socket() as closed:
        closed.bind((HOST, 0))
        refused("refused", renewed, est, files, folder, closed.getsockname()[1])
    renewed(est, files, folder, mqtt)
    assert len(est.calls) == 1  # the certificate of the first call was kept


def test_logins(est: EnrolmentServer, files: dict[str, Path], ca: CA, tmp_path: Path, mqtt: int) -> None:
    est.register("pump-1", PASSWORD)
    text = refused("not_authorized", enrolled, est, files, tmp_path / "pump-1", "wrong")
    assert "works once" in text
    assert "No newDeviceRequest found" in text
    enrolled(est, files, tmp_path / "pump-1")
    with pytest.raises(FileExistsError):
        enrolled(est, files, tmp_path / "pump-1")
    refused("not_authorized", enrolled, est, files, tmp_path / "again")  # used up
    folder = tmp_path / "pump-1"
    assert "token has expired" in refused("not_authorized", renewed, est, files, folder, mqtt, "a.b.c")
    refused("est_refused", renewed, est, files, folder, mqtt, token(est, "pump-2"))
    refused("not_authorized", renewed, est, files, folder, mqtt, "a\r\nX: y")
    refused("bad_name", enroll, HOST, "pump:1", "x", tmp_path / "colon")


@pytest.mark.parametrize("host", ["label" * 20 + ".example.com", "", "a b", "x\0y", "a\r\nb", "..", "nowhere.invalid"])
def test_hosts_that_cannot_be(tmp_path: Path, host: str) -> None:
    for call in (
        lambda: fetch_certificates(host, 1, timeout=2),
        lambda: try_handshake(host, 1, ssl.create_default_context(), timeout=2),
        lambda: enroll(host, "pump-1", PASSWORD, tmp_path / "p", key="P-256", timeout=2),
    ):
        assert refused("unknown_host", call).isprintable()


def test_ports_that_speak_no_https(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]

        def serve() -> None:
            client, _ = listener.accept()
            client.sendall(b"HTTP/1.1 400 plain text\r\n\r\n")
            client.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        options: dict[str, Any] = {"port": port, "key": "P-256", "timeout": 5}
        assert f"port {port}" in refused("not_tls", enroll, HOST, "pump-1", PASSWORD, tmp_path / "p", **options)
        thread.join(5)
    assert f"port {port}" in refused("refused", enroll, HOST, "pump-1", PASSWORD, tmp_path / "p", **options)


def test_the_server_is_verified(est: EnrolmentServer, files: dict[str, Path], tmp_path: Path) -> None:
    est.register("pump-1", PASSWORD)
    with pytest.raises(CertificateError) as caught:
        enroll(HOST, "pump-1", PASSWORD, tmp_path / "p", port=est.port, key="P-256")
    assert caught.value.reason == "server_unknown_ca"
    assert est.calls == []
    with pytest.raises(CertificateError) as caught:
        enroll("localhost", "pump-1", PASSWORD, tmp_path / "p", port=est.port, key="P-256", ca_file=files["ca"])
    assert caught.value.reason == "server_wrong_host"
    assert est.calls == []


@contextmanager
def breaking(files: dict[str, Path], answer: bytes) -> Iterator[int]:
    """A TLS server that sends the beginning of an answer and then breaks the connection below TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files["certfile"], files["keyfile"])
    with socket.create_server((HOST, 0)) as listener:

        def serve() -> None:
            plain, _ = listener.accept()
            session = context.wrap_socket(plain, server_side=True)
            session.recv(65536)
            session.sendall(answer)
            raw = session.detach()
            os.close(raw)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nMIIB",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nMIIB",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000,
    ],
)
def test_tls_that_fails_in_mid_answer(files: dict[str, Path], ca: CA, tmp_path: Path, answer: bytes) -> None:
    folder = ca.issue("pump-1", key=ec_key(0)).save(tmp_path / "old")
    before = Identity.load(folder).chain
    with breaking(files, answer) as port, pytest.raises(CertificateError) as caught:
        renew(HOST, folder, "eyJ.x.y", port=port, ca_file=files["ca"], timeout=5)
    assert caught.value.reason in ("bad_answer", "closed")
    assert "eyJ" not in str(caught.value)
    assert Identity.load(folder).chain == before


def test_leftovers_of_another_device_are_not_used(est: EnrolmentServer, files: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "pump"
    with pytest.raises(CertificateError):
        enroll(HOST, "pump-2", "wrong", folder, port=est.port, ca_file=files["ca"], key="P-256")
    est.register("pump-1", PASSWORD)
    assert enrolled(est, files, folder).device_id == "pump-1"
