"""`check_chain`: for each requirement a chain that breaks only it; then input that is not a chain."""

from __future__ import annotations

import base64
import pickle
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")

from certificates.makers import (
    DATA,
    DAY,
    NOW,
    below_middle,
    device,
    ec_key,
    key_bytes,
    make,
    middle,
    name,
    pem,
    root,
    rsa_key,
    usage,
)
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from smartrest import Finding
from smartrest.certificates import CA, REQUIREMENTS, CertificateError, ChainFinding, Identity, check_chain
from smartrest.mqtt import ClientId


def found(chain: object, client_id: str | None = "pump-1", **options: Any) -> list[tuple[int | None, str]]:
    return [(each.requirement, each.reason) for each in check_chain(chain, client_id, **options)]


def data(file: str) -> bytes:
    return (DATA / f"{file}.pem").read_bytes()


# --- valid chains ---


@pytest.mark.parametrize("client_id", ["pump-1", "d:pump-1", "d:pump-1:acme.v1", ClientId("pump-1"), None])
def test_a_good_chain_has_no_finding(client_id: Any) -> None:
    assert check_chain([device(), root()], client_id) == []


def test_a_chain_comes_in_many_forms(tmp_path: Path) -> None:
    chain = [device(), root()]
    path = tmp_path / "chain.pem"
    path.write_bytes(pem(*chain))
    identity = CA.create("A", key=ec_key(1)).issue("pump-1", key=ec_key(0))
    for form in (chain, tuple(chain), pem(*chain), pem(*chain).decode(), memoryview(pem(*chain)), path, identity):
        assert check_chain(form, "pump-1") == []


def test_windows_line_ends_are_fine() -> None:
    assert found(pem(device(), root()).replace(b"\n", b"\r\n")) == []


def test_a_chain_over_an_intermediate_is_fine_where_three_are_accepted() -> None:
    chain = [below_middle(), middle(), root()]
    assert found(chain, max_length=3) == []
    assert found(chain[:2]) == []  # the intermediate is the uploaded one


# --- at least one test for each requirement ---

CRL = b"-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n"
BROKEN: list[tuple[int, str, Any, dict[str, Any]]] = [
    (1, "not_version_3", lambda: data("version1"), {}),
    (2, "uploaded_not_ca", lambda: [device(), root(ca=False)], {}),
    (2, "uploaded_not_ca", lambda: [device(), root(ca=None, key_usage=None)], {}),
    (3, "device_is_ca", lambda: [device(ca=True), root()], {}),
    (3, "not_ca", lambda: [below_middle(), middle(ca=False), root()], {"max_length": 3}),
    (3, "no_cert_sign", lambda: [device(), root(key_usage=usage(digital_signature=True))], {}),
    (3, "self_signed", lambda: [device(signer="pump-1", signer_key=0)], {}),
    (3, "self_signed", lambda: [device(signer="pump-1", signer_key=0), root()], {}),
    (4, "cn_mismatch", lambda: [device("pump-2"), root()], {}),
    (4, "cn_colon", lambda: [device("d:pump-1"), root()], {"client_id": "d:pump-1"}),
    (4, "cn_too_long", lambda: [device("p" * 65), root()], {"client_id": "p" * 65}),
    (4, "cn_illegal", lambda: [device("a/b"), root()], {"client_id": None}),
    (4, "cn_illegal", lambda: [device("pump\x07"), root()], {"client_id": None}),
    (4, "cn_illegal", lambda: [device(" pump-1"), root()], {"client_id": " pump-1"}),
    (4, "cn_missing", lambda: [make(name(), ec_key(0), name("Test CA"), ec_key(1), ca=False), root()], {}),
    (4, "cn_several", lambda: [make(name("pump-1", "b"), ec_key(0), name("Test CA"), ec_key(1), ca=False), root()], {}),
    (4, "bad_client_id", lambda: [device(), root()], {"client_id": "x:pump-1"}),
    (5, "wrong_order", lambda: [root(), device()], {}),
    (5, "wrong_order", lambda: [below_middle(), root(), middle()], {"max_length": 3}),
    (5, "missing_ca", lambda: [device()], {}),
    (5, "repeated", lambda: [*([device()] * 2), root()], {}),
    (5, "not_needed", lambda: [device(), root(), root("Other CA", 3)], {"max_length": 3}),
    (6, "wrong_issuer", lambda: [device(), root("Other CA")], {}),
    (6, "bad_signature", lambda: [device(), root(key=3)], {}),
    (6, "bad_signature", lambda: [device(), make(name("Test CA"), ec_key(1), name("Test CA"), ec_key(5), ca=True)], {}),
    (6, "key_id_mismatch", lambda: [device(authority=x509.AuthorityKeyIdentifier(b"other", None, None)), root()], {}),
    (6, "key_id_mismatch", lambda: [device(authority=_by_serial(name("Test CA"), 5)), root()], {}),
    (6, "name_spelling", lambda: [device(signer="TEST  CA"), root()], {}),
    (6, "name_spelling", lambda: [device(), make(name("Test CA"), ec_key(1), name("test CA"), ec_key(1), ca=True)], {}),
    (6, "duplicate_subject", lambda: [device("Test CA"), root()], {"client_id": None}),
    (7, "pathlen", lambda: [below_middle(), middle(), root(path_length=0)], {"max_length": 3}),
    (8, "long_chain", lambda: [below_middle(), middle(), root()], {}),
    (8, "too_long", lambda: [below_middle(), middle(), root()], {"max_length": 2}),
    (8, "too_long", lambda: [device(), root()], {"max_length": 1}),
    (9, "weak_key", lambda: data("rsa1024"), {}),
    (9, "weak_key", lambda: data("rsa512"), {}),
    (9, "weak_key", lambda: data("p192"), {}),
    (9, "weak_key", lambda: data("dsa"), {}),
    (9, "weak_signature", lambda: data("sha1"), {}),
    (9, "weak_signature", lambda: data("md5"), {}),
    (10, "expired", lambda: [device(end=NOW - timedelta(hours=1)), root()], {}),
    (10, "expired", lambda: [device(), root(end=NOW - timedelta(hours=1))], {}),
    (10, "not_yet_valid", lambda: [device(begin=NOW + timedelta(hours=1)), root()], {}),
    (10, "expires_soon", lambda: [device(end=NOW + 29 * DAY), root()], {}),
    (11, "private_key", lambda: key_bytes(ec_key(0)) + pem(device(), root()), {}),
    (11, "not_a_certificate", lambda: pem(device(), root()) + CRL, {}),
    (11, "text_between", lambda: pem(device()) + b"subject=CN = pump-1\n" + pem(root()), {}),
    (11, "unreadable", lambda: pem(device(), root()) + pem(root("Cut"))[:200], {}),
    (11, "not_pem", lambda: device().public_bytes(Encoding.DER), {}),
    (11, "not_pem", lambda: b"", {}),
    (11, "not_pem", lambda: pem(device(), root()).decode().encode("utf-16"), {}),
    (11, "not_pem", lambda: "chain.pem", {}),
    (11, "no_certificate", list, {}),
    (11, "too_large", lambda: pem(device(), root()) + b" " * 10_000_000, {}),
]  # fmt: skip


def _by_serial(issuer: x509.Name, serial: int) -> x509.AuthorityKeyIdentifier:
    key_id = x509.SubjectKeyIdentifier.from_public_key(ec_key(1).public_key()).digest
    return x509.AuthorityKeyIdentifier(key_id, [x509.DirectoryName(issuer)], serial)


@pytest.mark.parametrize(
    ("requirement", "reason", "make_chain", "options"), BROKEN, ids=[f"{b[0]}-{b[1]}" for b in BROKEN]
)
def test_each_requirement_alone(requirement: int, reason: str, make_chain: Any, options: dict[str, Any]) -> None:
    options = {"client_id": "pump-1", **options}
    findings = check_chain(make_chain(), **options)
    assert [(each.requirement, each.reason) for each in findings] == [(requirement, reason)]
    doubts = ("long_chain", "expires_soon", "text_between", "device_is_ca", "missing_ca", "cn_colon")
    assert findings[0].fault == (reason not in doubts)
    assert findings[0].grade == ("doubt" if reason in doubts else "fault")
    assert len(findings[0].text) > 30
    assert findings[0].text.isprintable()


def test_every_requirement_is_broken_by_a_test() -> None:
    assert {requirement for requirement, *_ in BROKEN} == set(REQUIREMENTS)


def test_what_tls_libraries_refuse_beyond_the_requirements() -> None:
    server_only = [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)]
    unknown = [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)]
    assert found([device(more=server_only), root()]) == [(None, "wrong_usage")]
    assert found([device(key_usage=usage(key_encipherment=True)), root()]) == [(None, "wrong_usage")]
    assert found([device(more=unknown), root()]) == [(None, "critical_extension")]


def test_a_self_signed_identity_is_a_doubt() -> None:
    """The default of some agents: one certificate for the device that is also the trust anchor to upload."""
    [finding] = check_chain([make(name("pump-1"), ec_key(0), name("pump-1"), ec_key(0), ca=True)], "pump-1")
    assert (finding.reason, finding.grade, finding.fault) == ("device_is_ca", "doubt", False)
    assert "upload this very certificate" in finding.text
    ours = Identity.self_signed("pump-1", key=ec_key(0))
    assert [each.reason for each in check_chain(ours, "pump-1")] == ["device_is_ca"]
    with pytest.raises(CertificateError, match="colon"):
        Identity.self_signed("d:pump-1")


def test_a_common_name_with_the_prefix_of_a_client_id_is_a_doubt() -> None:
    for client_id in ("pump-1", "d:pump-1"):
        [finding] = check_chain([device("d:pump-1"), root()], client_id)
        assert (finding.reason, finding.grade) == ("cn_colon", "doubt")
    assert [each.grade for each in check_chain([device("a:pump-1"), root()], None)] == ["fault"]
    assert {each.grade for each in check_chain([device("d:pump-1"), root()], "pump-2")} == {"doubt", "fault"}


def test_doubts_are_not_faults() -> None:
    odd = ec.generate_private_key(ec.SECP384R1())
    edwards = ed25519.Ed25519PrivateKey.generate()
    names = [(x509.NameConstraints([x509.DNSName("x")], None), False)]
    for key in (odd, edwards):
        chain = [make(name("pump-1"), key, name("Test CA"), ec_key(1), ca=False), root()]
        assert found(chain) == [(9, "unusual_key")]
        assert not check_chain(chain, "pump-1")[0].fault
    assert found([device(), root(more=names)]) == [(None, "name_constraints")]


def test_version_2_is_refused_before_it_can_be_read() -> None:
    der = device().public_bytes(Encoding.DER).replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x01", 1)
    text = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"
    assert found(text + pem(root()), None)[0] == (1, "not_version_3")


def test_rsa_chains_are_as_good() -> None:
    key = rsa_key(2048)
    ca = make(name("R"), key, name("R"), key, ca=True)
    assert found([make(name("pump-1"), ec_key(0), name("R"), key, ca=False), ca]) == []


def test_everything_wrong_is_found_in_one_go() -> None:
    chain = [device("pump-2", ca=True, end=NOW - timedelta(hours=1)), root(end=NOW - timedelta(hours=1), ca=False)]
    reasons = {reason for _, reason in found(chain, max_length=1)}
    assert reasons == {"device_is_ca", "uploaded_not_ca", "expired", "cn_mismatch", "too_long"}


def test_dates_are_held_against_now() -> None:
    chain = [device(), root()]
    end = chain[0].not_valid_after_utc
    assert found(chain, now=end - timedelta(seconds=1)) == [(10, "expires_soon")] * 2
    assert found(chain, now=end) == [(10, "expired")] * 2
    assert found(chain, now=chain[0].not_valid_before_utc) == []
    assert (10, "not_yet_valid") in found(chain, now=chain[0].not_valid_before_utc - timedelta(seconds=1))


def test_findings_say_which_certificate_and_where() -> None:
    text = b"\n\n" + pem(device(), root(end=NOW - DAY / 2))
    finding = check_chain(text, "pump-1")[0]
    assert isinstance(finding, Finding)
    assert (finding.certificate, finding.requirement, finding.fault) == (1, 10, True)
    assert text[finding.start : finding.end].startswith(b"-----BEGIN CERTIFICATE-----")
    assert finding.end == len(text) - 1  # a line end follows the block
    assert "certificate 2 ('Test CA')" in finding.text
    reason, message, *_ = finding
    assert (reason, message) == ("expired", finding.text)
    again = pickle.loads(pickle.dumps(finding))
    assert again == finding
    assert (again.certificate, again.requirement, type(again)) == (1, 10, ChainFinding)
    assert "requirement=10" in repr(finding)


def test_hostile_names_are_shown_harmlessly() -> None:
    hostile = "pump\x1b[31m\n\u202e" + "x" * 200
    for finding in check_chain([device(hostile), root("\x1b]0;title\x07")], "other\n"):
        assert finding.text.isprintable()
        assert len(finding.text) < 600


def test_wrong_arguments_are_the_callers_fault() -> None:
    chain = [device(), root()]
    with pytest.raises(TypeError, match="client_id"):
        check_chain(chain, 5)  # type: ignore[arg-type] # on purpose
    with pytest.raises(TypeError, match="PEM text"):
        check_chain(5, "pump-1")
    with pytest.raises(TypeError, match="PEM text"):
        check_chain([b"x"], "pump-1")
    with pytest.raises(ValueError, match="time zone"):
        check_chain(chain, "pump-1", now=datetime(2027, 1, 1))
    with pytest.raises(ValueError, match="at least 1"):
        check_chain(chain, "pump-1", max_length=0)
    with pytest.raises(FileNotFoundError):
        check_chain(Path("/nonexistent.pem"), "pump-1")


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.pem"
    path.write_bytes(pem(device(), root()) + b" " * 10_000_000)
    assert found(path) == [(11, "too_large")]


def test_clientids_beyond_text() -> None:
    for client_id in ("", "\ud800", "\0", "x" * 70_000, "d:", ":", "d::x"):
        assert (4, "bad_client_id") in found([device(), root()], client_id)


def test_many_certificates_cost_linear_time() -> None:
    text = pem(root()) * 1500
    assert found(text, None)[:2] == [(5, "repeated")] * 2
    begins = b"-----BEGIN CERTIFICATE-----\n" * 30_000
    assert {reason for _, reason in found(begins)} == {"unreadable"}
