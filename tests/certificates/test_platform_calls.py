"""What the platform is told: a CA by upload, one-time passwords by CSV, revoked certificates by a list."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")

from certificates.makers import NOW, SECRET, ec_key, openssl, pem, refused, server_files
from certificates.support_servers import HOST
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from smartrest.certificates import CA, bulk_registration, trusted_certificate, upload
from smartrest.testing import EnrolmentServer
from smartrest.testing.platform.enrolment import Answer

PATH = "/tenant/tenants/t0815/trusted-certificates"


# --- one-time passwords ---


def test_one_time_passwords_in_the_csv() -> None:
    otp = 'a;b"c' + "x" * 27
    text = bulk_registration([{"ID": "pump-1", "ENROLLMENT_OTP": otp}, {"ID": "pump-2", "ENROLLMENT_OTP": "y" * 32}])
    rows = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    assert [row["ENROLLMENT_OTP"] for row in rows] == [otp, "y" * 32]
    assert {row["AUTH_TYPE"] for row in rows} == {"CERTIFICATES"}
    for bad in ("", "x" * 33, "geheim\n", "schlüssel"):
        text = refused("bad_value", bulk_registration, [{"ID": "pump-1", "ENROLLMENT_OTP": bad}])
        assert not bad or bad not in text
    same = [{"ID": "pump-1", "ENROLLMENT_OTP": SECRET}, {"ID": "pump-2", "ENROLLMENT_OTP": SECRET}]
    assert "each device" in refused("bad_value", bulk_registration, same)
    derived = {"ID": "pump-1", "ENROLLMENT_OTP": "xpump-1x"}
    assert "identifier" in refused("bad_value", bulk_registration, [derived])


# --- upload ---


@pytest.fixture
def server(ca: CA, tmp_path: Path) -> Iterator[tuple[EnrolmentServer, Path]]:
    files = server_files(tmp_path)
    with EnrolmentServer(ca, certfile=files["certfile"], keyfile=files["keyfile"]) as running:
        yield running, files["ca"]


def test_a_ca_is_uploaded(ca: CA, server: tuple[EnrolmentServer, Path]) -> None:
    platform, ca_file = server
    options: dict[str, Any] = {"port": platform.port, "ca_file": ca_file}
    platform.instead.append(Answer(201, b'{"fingerprint":"ab12","status":"ENABLED"}', "application/json"))
    made = upload(HOST, "t0815", ca, user="admin", password=SECRET, name="Ours", **options)
    assert made["fingerprint"] == "ab12"
    (call,) = platform.calls
    assert call.path == PATH
    assert json.loads(call.body) == trusted_certificate(ca, name="Ours")
    assert base64.b64decode(call.authorization.split()[1]).decode() == f"admin:{SECRET}"
    platform.instead.append(Answer(201, b"{}", "application/json"))
    upload(HOST, "t0815", ca.certificate, token="a.b.c", auto_registration=False, **options)
    assert platform.calls[1].authorization == "Bearer a.b.c"
    assert json.loads(platform.calls[1].body)["autoRegistrationEnabled"] == "false"


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (401, "not_authorized", "user name and password"),
        (403, "not_authorized", "ROLE_TENANT_ADMIN"),
        (404, "upload_refused", "tenant"),
        (409, "upload_refused", "already"),
        (422, "upload_refused", "refuses"),
        (500, "upload_refused", "later"),
    ],
)
def test_an_upload_is_refused(
    ca: CA, server: tuple[EnrolmentServer, Path], status: int, reason: str, words: str
) -> None:
    platform, ca_file = server
    platform.instead.append(Answer(status, json.dumps({"message": f"no {SECRET}"}).encode(), "application/json"))
    options: dict[str, Any] = {"port": platform.port, "ca_file": ca_file}
    assert words in refused(reason, upload, HOST, "t0815", ca, user="admin", password=SECRET, **options)


def test_uploads_that_make_no_sense(ca: CA) -> None:
    with pytest.raises(ValueError, match="either"):
        upload(HOST, "t0815", ca)
    with pytest.raises(ValueError, match="either"):
        upload(HOST, "t0815", ca, user="a", password="b", token="c")
    refused("bad_value", upload, HOST, "t/../x", ca, token="c")
    refused("not_a_ca", upload, HOST, "t0815", ca.issue("pump-1", key=ec_key(0)).certificate, token="c")


# --- revocation ---


def test_revoked_certificates_are_in_the_list(ca: CA, tmp_path: Path) -> None:
    good, bad, later = (ca.issue(f"pump-{n}", key=ec_key(0)) for n in range(3))
    first = ca.revoke([bad.certificate], reason="keyCompromise", now=NOW)
    second = ca.revoke([later.certificate.serial_number], previous=first, now=NOW + timedelta(seconds=5))
    crl = x509.load_pem_x509_crl(second)
    assert crl.is_signature_valid(ec_key(1).public_key())
    assert {each.serial_number for each in crl} == {
        bad.certificate.serial_number,
        later.certificate.serial_number,
    }
    entry = crl.get_revoked_certificate_by_serial_number(bad.certificate.serial_number)
    assert entry is not None
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.key_compromise
    numbers = [
        x509.load_pem_x509_crl(each).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        for each in (first, second)
    ]
    assert numbers == [1, 2]
    (tmp_path / "crl.pem").write_bytes(second)
    (tmp_path / "ca.pem").write_bytes(pem(ca.certificate))
    for identity, word in ((good, "OK"), (bad, "revoked"), (later, "revoked")):
        (tmp_path / "device.pem").write_bytes(pem(identity.certificate))
        ran = openssl(
            *("verify", "-crl_check", "-x509_strict", "-CAfile", str(tmp_path / "ca.pem")),
            *("-CRLfile", str(tmp_path / "crl.pem"), str(tmp_path / "device.pem")),
        )
        assert word in ran.stdout + ran.stderr
    again = ca.revoke([bad.certificate], previous=second)
    assert len(list(x509.load_pem_x509_crl(again))) == 2


def test_what_cannot_be_revoked(ca: CA) -> None:
    other = CA.create("Other", key=ec_key(3))
    stranger = other.issue("pump-1", key=ec_key(0)).certificate
    assert "not issued by" in refused("wrong_issuer", ca.revoke, [stranger])
    refused("wrong_issuer", ca.revoke, [1], previous=other.revoke([stranger]))
    refused("unreadable", ca.revoke, [1], previous=b"junk")
    refused("bad_value", lambda: ca.revoke([1], reason="boredom"))
    for serial in (0, -1, 1 << 159, 1 << 160):
        refused("bad_value", ca.revoke, [serial])
    for days in (0, -1, 99_999_999, 10**12):
        refused("bad_days", ca.revoke, [1], days=days)
    below = ca.intermediate("Pumps", key=ec_key(2))
    x509.load_pem_x509_crl(ca.revoke([below.certificate]))


def test_a_list_without_number_goes_on(ca: CA) -> None:
    """OpenSSL writes one if its configuration has no `crlnumber`."""
    entry = x509.RevokedCertificateBuilder().serial_number(5).revocation_date(NOW).build()
    builder = x509.CertificateRevocationListBuilder(ca.certificate.subject, NOW, NOW + timedelta(days=1), [], [entry])
    previous = builder.sign(ec_key(1), hashes.SHA256()).public_bytes(Encoding.PEM)
    crl = x509.load_pem_x509_crl(ca.revoke([6], previous=previous))
    assert {each.serial_number for each in crl} == {5, 6}
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 1
