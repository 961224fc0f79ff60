"""CA and Identity: their certificates, what they refuse, files on disk, secrets that stay secret."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import stat
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")

from certificates.makers import DAY, NOW, SECRET, device, ec_key, key_bytes, make, name, pem, refused, root, usage
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from smartrest.certificates import CA, CertificateError, Identity, bulk_registration, check_chain, trusted_certificate


@pytest.fixture(scope="module")
def pump(ca: CA) -> Identity:
    return ca.issue("pump-1", key=ec_key(0))


def request(
    *common_names: str, key: Any = None, more: tuple[x509.NameAttribute, ...] = ()
) -> x509.CertificateSigningRequest:
    subject = x509.Name([*name(*common_names), *more])
    wanted = x509.SubjectAlternativeName([x509.DNSName("evil.example.com")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject).add_extension(wanted, critical=True)
    return builder.sign(key or ec_key(6), None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


# --- certificates ---


def extensions(certificate: x509.Certificate) -> dict[str, tuple[bool, x509.ExtensionType]]:
    return {each.oid._name: (each.critical, each.value) for each in certificate.extensions}


def test_the_extensions_are_those_of_the_guide(ca: CA, pump: Identity) -> None:
    key_id = x509.SubjectKeyIdentifier.from_public_key(ec_key(1).public_key())
    signer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_id)
    assert extensions(ca.certificate) == {
        "subjectKeyIdentifier": (False, key_id),
        "authorityKeyIdentifier": (False, signer),
        "basicConstraints": (True, x509.BasicConstraints(ca=True, path_length=10)),
        "keyUsage": (False, usage(digital_signature=True, crl_sign=True, key_cert_sign=True)),
    }
    assert extensions(pump.certificate) == {
        "subjectKeyIdentifier": (False, x509.SubjectKeyIdentifier.from_public_key(ec_key(0).public_key())),
        "authorityKeyIdentifier": (False, signer),
        "basicConstraints": (True, x509.BasicConstraints(ca=False, path_length=None)),
        "keyUsage": (False, usage(content_commitment=True, digital_signature=True, key_encipherment=True)),
    }
    below = ca.intermediate("Middle", key=ec_key(2)).certificate
    assert set(extensions(below)) == set(extensions(ca.certificate))
    assert extensions(below)["basicConstraints"] == extensions(ca.certificate)["basicConstraints"]
    assert extensions(below)["authorityKeyIdentifier"] == (False, signer)


def test_validity_serials_and_signatures(ca: CA) -> None:
    now = datetime.now(timezone.utc)
    made = [ca.certificate, ca.intermediate("M", key=ec_key(2)).certificate, ca.issue("d", key=ec_key(3)).certificate]
    for certificate, days in zip(made, (7300, 3650, 365), strict=True):
        assert abs(certificate.not_valid_after_utc - now - days * DAY) < timedelta(minutes=2)
        assert timedelta(minutes=3) < now - certificate.not_valid_before_utc < timedelta(minutes=7)
        assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256)
        assert certificate.version is x509.Version.v3
    serials = {ca.issue("d", key=ec_key(3)).certificate.serial_number for _ in range(20)}
    assert len(serials) == 20
    assert min(serials).bit_length() > 64


def test_keys_are_rsa_3072_unless_asked() -> None:
    made = CA.create("R")
    assert isinstance(made.key, rsa.RSAPrivateKey)
    assert made.key.key_size == 3072
    identity = made.issue("d", key="P-256")
    assert isinstance(identity.key, ec.EllipticCurvePrivateKey)
    assert check_chain(identity, "d") == []
    assert CA.create("R", key=2048).certificate.public_key().key_size == 2048  # type: ignore[union-attr] # it is RSA


@pytest.mark.parametrize("key", [1024, 2047, 4097, 8192, True, "P-384", None, "3072"])
def test_other_keys_are_refused(key: Any) -> None:
    assert "P-256" in refused("bad_key", CA.create, "A", key=key)


def test_keys_of_other_kinds_are_refused(ca: CA) -> None:
    refused("bad_key", CA.create, "A", key=ec.generate_private_key(ec.SECP384R1()))
    refused("bad_key", ca.issue, request("d", key=ec.generate_private_key(ec.SECP384R1())))
    refused("bad_key", ca.issue, request("d", key=ed25519.Ed25519PrivateKey.generate()))


@pytest.mark.parametrize(
    "device_id", ["", "a:b", "d:pump", "p" * 65, "é" * 33, "a/b", "a+b", "a#b", "a\nb", "a\0b", " a", "a ", "\ud800"]
)
def test_device_identifiers_that_cannot_be(ca: CA, device_id: str) -> None:
    message = refused("bad_name", ca.issue, device_id, key=ec_key(0))
    assert message.isprintable()
    if "\ud800" not in device_id:
        refused("bad_name", ca.issue, request(device_id))


@pytest.mark.parametrize("device_id", ["p" * 64, "Pumpe Nr. 1", "ÅÄÖ", "a.b_c-d", "日本", "=,;\\\"'"])
def test_device_identifiers_that_can_be(ca: CA, device_id: str) -> None:
    identity = ca.issue(device_id, key=ec_key(0))
    assert identity.device_id == device_id
    assert check_chain(identity, f"d:{device_id}:acme") == []


def test_below_a_ca_without_key_identifier() -> None:
    """`keyid,issuer`: then the signer is named by issuer and serial number."""
    old = CA([root("Old CA", own_id=False)], ec_key(1))
    identity = old.issue("pump-1", key=ec_key(0))
    named = identity.certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert named == x509.AuthorityKeyIdentifier(
        None, [x509.DirectoryName(name("Old CA"))], old.certificate.serial_number
    )
    assert {each.reason for each in check_chain(identity, "pump-1")} == {"not_strict"}


def test_an_identity_without_one_name() -> None:
    two = Identity([make(name("a", "b"), ec_key(0), name("Test CA"), ec_key(1), ca=False)])
    refused("bad_name", lambda: two.device_id)
    assert repr(two).startswith("<Identity 'a', 'b', chain of 1")


def test_names_of_a_ca() -> None:
    assert CA.create("Acme: CA/1", key=ec_key(1)).name == "Acme: CA/1"
    for bad in ("", "x" * 65, "a\nb"):
        refused("bad_name", CA.create, bad, key=ec_key(1))
    with pytest.raises(TypeError):
        CA.create(5, key=ec_key(1))  # type: ignore[arg-type] # on purpose


def test_subjects_follow_the_policy() -> None:
    subject = {"email": "a@b.c", "country": "DE", "organization": "Acme", "unit": "Pumps", "state": "NW"}
    made = CA.create("Acme CA", key=ec_key(1), subject=subject).certificate.subject
    oids = [each.oid for each in made]
    assert oids == [
        NameOID.COUNTRY_NAME,
        NameOID.STATE_OR_PROVINCE_NAME,
        NameOID.ORGANIZATION_NAME,
        NameOID.ORGANIZATIONAL_UNIT_NAME,
        NameOID.COMMON_NAME,
        NameOID.EMAIL_ADDRESS,
    ]
    refused("bad_name", CA.create, "A", key=ec_key(1), subject={"locality": "Bonn"})
    refused("bad_name", CA.create, "A", key=ec_key(1), subject={"country": "Germany"})


def test_intermediates_and_their_path_length(ca: CA) -> None:
    below = ca.intermediate("Middle", key=ec_key(2))
    identity = below.issue("pump-1", key=ec_key(0))
    assert [each.subject for each in identity.chain] == [name("pump-1"), name("Middle"), name("Acme CA")]
    assert check_chain(identity, "pump-1", max_length=3) == []
    one = CA.create("One", key=ec_key(1), path_length=1)
    last = one.intermediate("Last", key=ec_key(2))
    assert extensions(last.certificate)["basicConstraints"][1] == x509.BasicConstraints(True, 0)
    refused("path_length", last.intermediate, "Never", key=ec_key(3))
    refused("bad_name", ca.intermediate, "Acme CA", key=ec_key(2))
    refused("bad_name", ca.issue, "Acme CA", key=ec_key(2))
    free = CA.create("Free", key=ec_key(1), path_length=None)
    assert extensions(free.certificate)["basicConstraints"][1] == x509.BasicConstraints(True, None)


def test_dates_that_cannot_be(ca: CA) -> None:
    old = CA.create("Old", key=ec_key(1), days=10, now=NOW - 20 * DAY)
    refused("expired", old.issue, "d", key=ec_key(0))
    refused("expired", old.issue, "d", key=ec_key(0), now=NOW - 30 * DAY)
    assert old.issue("d", key=ec_key(0), now=NOW - 15 * DAY).device_id == "d"
    refused("bad_days", ca.issue, "d", key=ec_key(0), days=10_000_000)
    for bad in (0, -1, 1.5):
        with pytest.raises(ValueError, match="days"):
            ca.issue("d", key=ec_key(0), days=bad)  # type: ignore[arg-type] # on purpose
    with pytest.raises(ValueError, match="path_length"):
        CA.create("A", key=ec_key(1), path_length=-1)
    with pytest.raises(ValueError, match="time zone"):
        ca.issue("d", key=ec_key(0), now=datetime(2027, 1, 1))


# --- signing requests ---


def test_a_request_is_signed_without_its_wishes(ca: CA) -> None:
    more = (x509.NameAttribute(NameOID.LOCALITY_NAME, "Bonn"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Acme"))
    asked = request("pump-9", more=more)
    for form in (asked, asked.public_bytes(Encoding.PEM), asked.public_bytes(Encoding.PEM).decode()):
        identity = ca.issue(form, device_id="pump-9")
        assert identity.key is None
        assert identity.certificate.public_key() == ec_key(6).public_key()
        assert extensions(identity.certificate)["basicConstraints"][1] == x509.BasicConstraints(False, None)
        assert [each.value for each in identity.certificate.subject] == ["Acme", "pump-9"]
        assert check_chain(identity, "pump-9") == []
    refused("no_key", identity.key_pem)
    refused("no_key", identity.ssl_context)
    refused("no_key", identity.pkcs12, SECRET)


def test_bad_requests(ca: CA) -> None:
    good = request("pump-9").public_bytes(Encoding.PEM)
    forged = request("pump-9").public_bytes(Encoding.DER).replace(b"pump-9", b"pump-8")
    refused("bad_request", ca.issue, x509.load_der_x509_csr(forged))
    refused("bad_request", ca.issue, good, device_id="pump-8")
    refused("bad_request", ca.issue, request("a", "b"))
    refused("bad_request", ca.issue, request())
    refused("bad_request", ca.issue, good[:100] + good[120:])
    refused("bad_request", ca.issue, b"")
    refused("bad_request", ca.issue, pem(device()))
    refused("too_large", ca.issue, good + b" " * 10_000_000)
    with pytest.raises(TypeError):
        ca.issue(5)  # type: ignore[arg-type] # on purpose
    with pytest.raises(ValueError, match="signing requests"):
        ca.issue("a", device_id="b", key=ec_key(0))


# --- files ---


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("passphrase", [None, SECRET, SECRET.encode()])
def test_saved_and_loaded(tmp_path: Path, ca: CA, passphrase: str | bytes | None) -> None:
    folder = ca.save(tmp_path / "deep" / "ca", passphrase=passphrase)
    again = CA.load(folder, passphrase=passphrase)
    identity = again.issue("pump-1", key=ec_key(0))
    home = identity.save(str(tmp_path / "pump"), passphrase=passphrase)
    back = Identity.load(home, passphrase=passphrase)
    assert (back.chain, back.device_id) == (identity.chain, "pump-1")
    assert back.key is not None
    assert back.key.private_numbers() == identity.key.private_numbers()  # type: ignore[union-attr] # it has one
    assert sorted(os.listdir(folder)) == ["ca.key.pem", "ca.pem"]
    assert sorted(os.listdir(home)) == ["chain.pem", "key.pem"]
    if os.name == "posix":
        assert {mode(each) for each in [*folder.iterdir(), *home.iterdir()]} == {0o600}
        assert mode(home) == 0o700
    assert (b"ENCRYPTED" in (home / "key.pem").read_bytes()) == (passphrase is not None)
    apart = Identity.load(home / "chain.pem", home / "key.pem", passphrase=passphrase)
    assert apart.key is not None
    assert Identity.load(home / "chain.pem").key is None


def test_one_file_with_key_and_chain(tmp_path: Path, ca: CA, pump: Identity) -> None:
    path = tmp_path / "all.pem"
    path.touch(mode=0o600)
    path.write_bytes(b"some words\n" + pump.key_pem() + pump.chain_pem)
    assert Identity.load(path).key is not None
    path.write_bytes(key_bytes(ec_key(1)) + ca.chain_pem)
    assert CA.load(path).name == "Acme CA"
    old_style = ec_key(1).private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"x"))
    path.write_bytes(old_style + ca.chain_pem)
    assert CA.load(path, passphrase="x").name == "Acme CA"
    refused("no_passphrase", CA.load, path)


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
@pytest.mark.parametrize("access", [0o644, 0o666, 0o640, 0o604])
def test_a_private_key_that_others_may_read_loads_with_a_warning(
    tmp_path: Path, ca: CA, pump: Identity, access: int
) -> None:
    folder, home = ca.save(tmp_path / "ca"), pump.save(tmp_path / "p")
    together = tmp_path / "all.pem"
    together.write_bytes(pump.key_pem() + pump.chain_pem)
    for path in (together, home / "key.pem", folder / "ca.key.pem"):
        path.chmod(access)
    text = rf"has mode 0{access:o}: others may read the private key; chmod 600"
    for load in (
        lambda: Identity.load(home),
        lambda: Identity.load(together),
        lambda: Identity.load(home / "chain.pem", home / "key.pem"),
        lambda: CA.load(folder),
    ):
        with pytest.warns(UserWarning, match=text):
            load()
    (home / "key.pem").write_bytes(pump.key_pem(SECRET))
    Identity.load(home, passphrase=SECRET)  # encrypted: the passphrase protects it


def test_nothing_is_overwritten_unasked(tmp_path: Path, ca: CA, pump: Identity) -> None:
    for thing, files in ((ca, ["ca.pem", "ca.key.pem"]), (pump, ["chain.pem", "key.pem"])):
        for file in files:
            folder = tmp_path / file
            folder.mkdir()
            (folder / file).write_text("precious")
            with pytest.raises(FileExistsError, match="not overwritten"):
                thing.save(folder)
            assert [(each.name, each.read_text()) for each in folder.iterdir()] == [(file, "precious")]
            thing.save(folder, overwrite=True)
            assert sorted(os.listdir(folder)) == sorted(files)
            if os.name == "posix":
                assert mode(folder / file) == 0o600


def test_a_failed_save_leaves_nothing(tmp_path: Path, pump: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = os.fsync, []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        pump.save(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_file_system_without_links(tmp_path: Path, pump: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    pump.save(tmp_path / "new")
    assert Identity.load(tmp_path / "new").chain == pump.chain
    if os.name == "posix":
        assert {mode(path) for path in (tmp_path / "new").iterdir()} == {0o600}
    with pytest.raises(FileExistsError):
        pump.save(tmp_path / "new")


def test_a_dangling_link_is_not_followed(tmp_path: Path, pump: Identity) -> None:
    (tmp_path / "key.pem").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        pump.save(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_files_that_cannot_be_loaded(tmp_path: Path, ca: CA, pump: Identity) -> None:
    folder = pump.save(tmp_path / "p", passphrase=SECRET)
    chain, key = folder / "chain.pem", folder / "key.pem"
    assert "encrypted" in refused("no_passphrase", Identity.load, folder)
    refused("wrong_passphrase", Identity.load, folder, passphrase="wrong")
    refused("bad_passphrase", Identity.load, folder, passphrase="")
    refused("bad_passphrase", pump.key_pem, "")
    refused("bad_passphrase", pump.pkcs12, b"")
    refused("bad_passphrase", pump.pkcs12, "é")
    other = tmp_path / "other.pem"
    other.touch(mode=0o600)
    other.write_bytes(key_bytes(ec_key(5)))
    refused("key_mismatch", Identity.load, chain, other)
    refused("key_mismatch", CA, ca.chain, ec_key(5))
    refused("not_a_ca", CA.load, chain, other)
    refused("not_a_ca", CA, [root(key_usage=usage(digital_signature=True))], ec_key(1))
    refused("no_certificate", CA, [], ec_key(1))
    refused("no_certificate", Identity, [])
    refused("no_certificate", Identity.load, other)
    refused("no_key", Identity.load, chain, chain)
    refused("no_key", CA.load, chain)
    other.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    refused("unreadable", Identity.load, chain, other)
    other.write_bytes(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
    refused("wrong_passphrase", Identity.load, chain, other, passphrase=SECRET)
    other.write_bytes(key_bytes(ed25519.Ed25519PrivateKey.generate()))
    refused("bad_key", Identity.load, chain, other)
    other.write_bytes(pump.chain_pem[:300])
    refused("unreadable", Identity.load, other)
    other.write_bytes(b"x" * 10_000_000)
    refused("too_large", Identity.load, other)
    refused("too_large", Identity.load, chain, other)
    with pytest.raises(FileNotFoundError):
        Identity.load(tmp_path / "nowhere")
    key.unlink()
    assert Identity.load(folder).key is None


def test_no_secret_is_shown(ca: CA, pump: Identity) -> None:
    inner = pump.key_pem().split(b"\n")[1].decode()
    number = str(pump.key.private_numbers().private_value)  # type: ignore[union-attr] # it is an EC key
    for text in (repr(pump), str(pump), repr(ca), repr(vars(pump)), f"{pump!r:s}"):
        assert inner not in text
        assert number not in text
    assert repr(pump).startswith("<Identity 'pump-1', chain of 2, valid until ")


def test_pkcs12_holds_key_and_chain(pump: Identity) -> None:
    key, certificate, others = pkcs12.load_key_and_certificates(pump.pkcs12(SECRET), SECRET.encode())
    assert key is not None
    assert key.public_key() == ec_key(0).public_key()
    assert [certificate, *others] == list(pump.chain)
    bag = pkcs12.load_pkcs12(pump.pkcs12(SECRET, name="pump"), SECRET.encode()).cert
    assert bag is not None
    assert bag.friendly_name == b"pump"
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_key_and_certificates(pump.pkcs12(SECRET), b"wrong")


def test_the_key_is_the_one_of_the_certificate(pump: Identity) -> None:
    key = load_pem_private_key(pump.key_pem(SECRET), SECRET.encode())
    spki = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert key.public_key().public_bytes(*spki) == pump.certificate.public_key().public_bytes(*spki)


# --- the platform ---


def test_only_a_ca_is_uploaded() -> None:
    ca = CA.create("Acme CA")
    with pytest.raises(CertificateError, match="is not a CA"):
        trusted_certificate(ca.issue("pump-7"))  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(TypeError, match="ca is a CA or a certificate"):
        trusted_certificate("ca.pem")  # type: ignore[arg-type]  # the point of the test


def test_the_body_that_uploads_a_ca(ca: CA, pump: Identity) -> None:
    body = trusted_certificate(ca)
    text = body.pop("certInPemFormat")
    assert body == {"status": "ENABLED", "name": "Acme CA", "autoRegistrationEnabled": "true"}
    assert "\n" not in text
    begin, inner, end = text[:27], text[27:-25], text[-25:]
    assert (begin, end) == ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----")
    assert base64.b64decode(inner, validate=True) == ca.certificate.public_bytes(Encoding.DER)
    off = trusted_certificate(ca.certificate, name="x", auto_registration=False, enabled=False)
    assert (off["status"], off["name"], off["autoRegistrationEnabled"]) == ("DISABLED", "x", "false")
    assert json.loads(json.dumps(off)) == off
    refused("not_a_ca", trusted_certificate, pump.certificate)
    refused("expired", trusted_certificate, root(end=NOW - DAY / 2))
    refused("expired", trusted_certificate, root(), now=NOW + 400 * DAY)


def test_the_csv_of_a_bulk_registration(pump: Identity) -> None:
    devices: list[Any] = [
        "pump-2",
        pump,
        {"ID": "pump-3", "NAME": 'The "big"; one', "PATH": "site/hall", "TYPE": "acme"},
    ]
    rows = list(csv.DictReader(io.StringIO(bulk_registration(devices)), delimiter=";"))
    assert [row["ID"] for row in rows] == ["pump-2", "pump-1", "pump-3"]
    assert {row["AUTH_TYPE"] for row in rows} == {"CERTIFICATES"}
    assert {row["com_cumulocity_model_Agent.active"] for row in rows} == {"true"}
    assert [row["NAME"] for row in rows] == ["pump-2", "pump-1", 'The "big"; one']
    assert [row["TYPE"] for row in rows] == ["c8y_MQTTDevice", "c8y_MQTTDevice", "acme"]
    assert [row["PATH"] for row in rows] == ["", "", "site/hall"]
    assert "CREDENTIALS" not in rows[0]
    assert bulk_registration([]) == "ID;AUTH_TYPE;TYPE;NAME;com_cumulocity_model_Agent.active\n"
    assert bulk_registration(["a"], type="t").splitlines()[1] == "a;CERTIFICATES;t;a;true"


@pytest.mark.parametrize("bad", ["a b", "a/b", "a\\b", "a$b", "a:b", "", "a\nb", "p" * 65])
def test_what_registration_refuses(bad: str) -> None:
    refused("bad_name", bulk_registration, [bad])


def test_bulk_registration_takes_no_credentials() -> None:
    refused("bad_value", bulk_registration, [{"ID": "a", "CREDENTIALS": SECRET}])
    refused("bad_value", bulk_registration, [{"ID": "a", "AUTH_TYPE": "BASIC"}])
    refused("bad_value", bulk_registration, [{"ID": "a", "NAME": "x\ny"}])
    assert "CREDENTIALS" not in bulk_registration([{"ID": "a", "CREDENTIALS": ""}])
