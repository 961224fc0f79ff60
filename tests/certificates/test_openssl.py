"""The verdict of openssl: on all that is made here, and on chains that hypothesis changes."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")

from certificates.makers import (
    CA_USAGE,
    DATA,
    DAY,
    DEVICE_USAGE,
    NOW,
    below_middle,
    device,
    ec_key,
    make,
    middle,
    name,
    openssl,
    openssl_verdict,
    pem,
    root,
    rsa_key,
    usage,
)
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smartrest.certificates import CA, ChainFinding, check_chain

# openssl also refuses these, whatever else is in the chain.
SHARED = {"expired", "not_yet_valid", "not_ca", "uploaded_not_ca", "no_cert_sign", "pathlen", "bad_signature"}
SHARED |= {"wrong_usage", "critical_extension", "key_id_mismatch"}
# With these, openssl may find another path that avoids the faulty certificate.
ANOTHER_PATH = {"wrong_issuer", "not_needed", "repeated", "duplicate_subject", "self_signed", "wrong_order"}


@pytest.mark.parametrize("ca_key", [rsa_key, ec_key], ids=["rsa", "ec"])
@pytest.mark.parametrize("device_key", [rsa_key, ec_key], ids=["rsa", "ec"])
def test_strict_openssl_accepts_what_is_made(tmp_path: Path, ca_key: Any, device_key: Any) -> None:
    ca = CA.create("Acme CA", key=ca_key(), subject={"country": "DE", "organization": "Acme"})
    below = ca.intermediate("Acme Pumps", key=ec_key(2))
    asked = tmp_path / "request.pem"
    key = tmp_path / "request.key"
    made = openssl(
        "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-subj", "/CN=csr-1", "-out", str(asked)
    )
    assert made.returncode == 0, made.stderr
    identities = [
        ca.issue("pump-1", key=device_key()),
        below.issue("pump-2", key=device_key()),
        ca.issue(asked.read_bytes()),
    ]
    (tmp_path / "ca.pem").write_bytes(pem(ca.certificate))
    (tmp_path / "below.pem").write_bytes(pem(below.certificate))
    for identity in identities:
        path = tmp_path / "chain.pem"
        path.write_bytes(identity.chain_pem)
        for more in (["-x509_strict"], ["-x509_strict", "-purpose", "sslclient", "-check_ss_sig"]):
            ran = openssl(
                "verify",
                *more,
                "-CAfile",
                str(tmp_path / "ca.pem"),
                "-untrusted",
                str(tmp_path / "below.pem"),
                str(path),
            )
            assert ran.returncode == 0, ran.stderr
        assert openssl_verdict(identity.chain, "-x509_strict") == ""
    strict = ["verify", "-x509_strict", "-check_ss_sig", "-CAfile", str(tmp_path / "ca.pem")]
    assert openssl(*strict, str(tmp_path / "ca.pem")).returncode == 0
    assert openssl(*strict, str(tmp_path / "below.pem")).returncode == 0


def test_openssl_reads_what_is_saved(tmp_path: Path) -> None:
    identity = CA.create("Acme CA", key=ec_key(1)).issue("pump-1", key=rsa_key())
    folder = identity.save(tmp_path, passphrase="open sesame")
    ran = openssl(
        "pkey", "-in", str(folder / "key.pem"), "-passin", "env:PASS", "-noout", "-check", env={"PASS": "open sesame"}
    )
    assert ran.returncode == 0, ran.stderr
    assert "valid" in ran.stdout
    assert openssl("pkey", "-in", str(folder / "key.pem"), "-passin", "pass:no", "-noout").returncode != 0
    keystore = tmp_path / "keystore.p12"
    keystore.write_bytes(identity.pkcs12("open sesame"))
    listed = openssl("pkcs12", "-in", str(keystore), "-passin", "pass:open sesame", "-nokeys")
    assert listed.stdout.count("BEGIN CERTIFICATE") == 2
    assert "friendlyName: devicekeyentry" in listed.stdout


# --- agreement ---


def agree(chain: list[x509.Certificate]) -> None:
    findings = check_chain(chain, None, max_length=10)
    faults = {finding.reason for finding in findings if finding.fault}
    verdict = openssl_verdict(chain)
    if verdict:
        assert findings, verdict
    if not faults:
        assert verdict == "" or "name_constraints" in {finding.reason for finding in findings}, verdict
    if not faults & ANOTHER_PATH and any(
        finding.reason in SHARED and is_shared(finding, chain) for finding in findings
    ):
        assert verdict != "", faults


def is_shared(finding: ChainFinding, chain: list[x509.Certificate]) -> bool:
    """openssl accepts a trusted CA that names another signer, and keyCertSign without BasicConstraints as a CA."""
    if finding.reason in ("key_id_mismatch", "bad_signature") and finding.certificate == len(chain) - 1:
        return not any(isinstance(each.value, x509.AuthorityKeyIdentifier) for each in chain[-1].extensions)
    if finding.reason in ("not_ca", "uploaded_not_ca"):
        own = chain[finding.certificate or 0].extensions
        return any(isinstance(each.value, x509.BasicConstraints) for each in own)
    return True


@pytest.mark.parametrize("file", sorted(DATA.glob("*.pem")), ids=lambda path: path.stem)
def test_openssl_has_no_fault_to_add(file: Path) -> None:
    """It accepts weak keys and old versions, which we refuse, and confirms the rest of these chains."""
    chain = x509.load_pem_x509_certificates(file.read_bytes())
    assert check_chain(chain, "pump-1")
    assert openssl_verdict(chain) == ""


@st.composite
def chains(draw: st.DrawFn) -> list[x509.Certificate]:
    """A valid chain of two to four certificates with up to three changes anywhere."""
    length = draw(st.integers(2, 4))
    titles = ["pump-1", "A", "B", "C"][:length]
    parts: list[dict[str, Any]] = []
    for place in range(length):
        above = min(place + 1, length - 1)
        parts.append(
            {"subject": place, "key": place, "issuer": above, "issuer_key": above, "ca": place > 0}
            | {"key_usage": CA_USAGE if place else DEVICE_USAGE}
        )
    for change in draw(st.lists(CHANGES, max_size=3)):
        parts[draw(st.integers(0, length - 1))].update(change)
    made = []
    for part in parts:
        subject, issuer, key, issuer_key = (part.pop(each) for each in ("subject", "issuer", "key", "issuer_key"))
        if (named := part.pop("names", None)) is not None:
            part["authority"] = NAMED[named](ec_key(issuer_key))
        title, above_title = name((titles + titles)[subject]), name((titles + titles)[issuer])
        made.append(make(title, ec_key(key), above_title, ec_key(issuer_key), **part))
    order = draw(st.one_of(st.just(list(range(length))), st.permutations(range(length))))
    return [made[place] for place in order][: draw(st.sampled_from([4, 4, 4, 2]))]


NAMED = {
    "right": lambda key: x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()),
    "other": lambda key: x509.AuthorityKeyIdentifier(b"\1" * 20, None, None),
    "serial": lambda key: x509.AuthorityKeyIdentifier(None, [x509.DirectoryName(name("A"))], 77),
}
CHANGES = st.sampled_from(
    [
        {"ca": False},
        {"ca": True},
        {"ca": None},
        {"ca": True, "path_length": 0},
        {"ca": True, "path_length": 1},
        {"begin": NOW - DAY, "end": NOW - DAY / 2},
        {"begin": NOW - DAY, "end": NOW + 3 * DAY},
        {"begin": NOW + DAY, "end": NOW + 300 * DAY},
        {"key_usage": None},
        {"key_usage": usage(digital_signature=True)},
        {"key_usage": usage(key_cert_sign=True)},
        {"key_usage": usage(key_encipherment=True)},
        {"names": "right"},
        {"names": "other"},
        {"names": "serial"},
        {"own_id": False},
        {"issuer": 0},
        {"issuer": 2},
        {"issuer_key": 0},
        {"issuer_key": 5},
        {"key": 6},
        {"subject": 1},
        {"more": [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)]},
        {"more": [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), True)]},
        {"more": [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)]},
        {"more": [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), False)]},
        {"more": [(x509.NameConstraints([x509.DirectoryName(name("other"))], None), True)]},
        {"more": [(x509.SubjectAlternativeName([x509.DNSName("x")]), True)]},
        {"more": [(x509.InhibitAnyPolicy(1), True)]},
    ]
)


@given(chains())
def test_agrees_on_chains_that_were_changed(chain: list[x509.Certificate]) -> None:
    agree(chain)


GOOD = [device(authority=NAMED["right"](ec_key(1))), root()]
LONG = [below_middle(), middle(path_length=0), root(path_length=1)]


@given(chain=st.sampled_from([GOOD, LONG]), place=st.integers(0, 2), data=st.data())
def test_agrees_on_certificates_with_spoiled_bytes(
    chain: list[x509.Certificate], place: int, data: st.DataObject
) -> None:
    place = min(place, len(chain) - 1)
    der = bytearray(chain[place].public_bytes(Encoding.DER))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(der) - 1))
        change = data.draw(st.sampled_from(["set", "flip", "cut", "add"]))
        if change == "set":
            der[at] = data.draw(st.integers(0, 255))
        elif change == "flip":
            der[at] ^= 1 << data.draw(st.integers(0, 7))
        elif change == "cut":
            del der[at]
        else:
            der.insert(at, data.draw(st.integers(0, 255)))
    block = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(bytes(der)) + b"-----END CERTIFICATE-----\n"
    text = pem(*chain[:place]) + block + pem(*chain[place + 1 :])
    findings = check_chain(text, "pump-1", max_length=3)
    if not findings:
        assert openssl_verdict(x509.load_pem_x509_certificates(text)) == ""


@given(st.binary(max_size=400), st.integers(0, 3), st.integers(0, 2000), st.integers(0, 40))
@settings(max_examples=300)
@example(b"-----BEGIN ", 3, 0, 0)
@example(b"-----BEGIN CERTIFICATE-----", 3, 500, 0)
def test_any_text_gives_findings_and_no_exception(junk: bytes, mode: int, at: int, cut: int) -> None:
    text = pem(*GOOD)
    spoiled = {0: junk, 1: text[:at] + junk + text[at:], 2: text[:at] + text[at + cut :]}.get(mode, junk + text)
    for form in (spoiled, spoiled.decode("latin-1")):
        findings = check_chain(form, "pump-1")
        assert all(finding.text.isprintable() and len(finding.text) < 700 for finding in findings)
        assert mode != 0 or findings


@given(st.text(max_size=80))
def test_any_text_as_client_id(client_id: str) -> None:
    findings = check_chain(GOOD, client_id)
    assert (not findings) == (
        client_id.removeprefix("d:").split(":")[0] == "pump-1" and client_id.split(":")[0] in ("d", "pump-1")
    )


@pytest.mark.parametrize(
    ("chain", "text"),
    [
        (lambda: [device(), root(own_id=False)], "a subject key identifier"),
        (lambda: [device(signer_id=False), root()], "an authority key identifier"),
        (lambda: [device(), root(constraints_critical=False)], "BasicConstraints that are critical"),
        (lambda: [device(), root(key_usage=None, path_length=1)], "the key usage that pathlen needs"),
        (lambda: [device(), root()], ""),
    ],
    ids=["ski", "aki", "critical", "pathlen", "good"],
)
def test_refusals_of_strict_openssl_are_doubts(chain: Any, text: str) -> None:
    findings = check_chain(chain(), "pump-1")
    assert openssl_verdict(chain()) == ""
    assert bool(openssl_verdict(chain(), "-x509_strict")) == bool(text)
    assert [(each.reason, each.fault) for each in findings] == ([("not_strict", False)] if text else [])
    assert all(text in each.text for each in findings)
