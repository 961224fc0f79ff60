"""Describes certificates, requests and keys in plain words, for people new to X.509. Never shows a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ._errors import CertificateError
from ._facts import Facts, facts_of, read_chain
from ._hostile import quiet, readable
from ._keys import key_name
from ._pem import Block, find_blocks
from ._request import wishes
from ._stores import read_store

if TYPE_CHECKING:
    from ._findings import ChainFinding
    from ._keys import Passphrase

NOT_BAD = ("private_key", "not_a_certificate", "text_between")  # findings about chains only: these blocks are shown
LABELS = {
    "kind": "",
    "alias": "alias",
    "subject": "belongs to",
    "issuer": "signed by",
    "role": "role",
    "not_before": "valid from",
    "not_after": "valid until",
    "key": "key",
    "signature": "signature",
    "key_usage": "may be used for",
    "serial": "serial number",
    "sha256": "SHA-256 fingerprint",
    "sha1": "SHA-1 fingerprint",
    "encrypted": "encrypted",
    "valid_signature": "signed by its own key",
    "unreadable": "cannot be read",
}


def describe(data: bytes) -> tuple[list[dict[str, Any]], list[str]]:
    """One dictionary for each block of a PEM text, and one sentence for each unreadable part."""
    things: list[dict[str, Any]] = []
    bad: list[str] = []
    findings: list[ChainFinding] = []
    certificates = {facts.start: facts for facts in read_chain(data, findings)}
    blocks = find_blocks(data)[0] if certificates or not any(f.reason == "too_large" for f in findings) else []
    for block in blocks:
        if block.start in certificates:
            things.append(_certificate(certificates[block.start]))
        elif block.label.endswith("PRIVATE KEY"):
            things.append(
                {"kind": "private key", "encrypted": "ENCRYPTED" in block.label or b"ENCRYPTED" in block.text}
            )
        elif block.label.endswith("CERTIFICATE REQUEST"):
            request = _request(block)
            things += [request] if request else []
            bad += [] if request else ["damaged signing request: create a new one"]
    bad += [finding.text for finding in findings if finding.reason not in NOT_BAD]
    return things, bad if bad or things else ["no certificate, request or key found"]


def describe_store(data: bytes, passphrase: Passphrase | None, where: str) -> list[dict[str, Any]]:
    """One dictionary for each entry of a PKCS#12 file. `CertificateError` as `read_store`."""
    store = read_store(data, passphrase, where)
    things: list[dict[str, Any]] = (
        [] if store.key is None else [{"kind": "private key", "encrypted": passphrase is not None}]
    )
    with quiet():
        chain = [facts_of(each, place) for place, each in enumerate(store.chain)]
        others = {alias: facts_of(each, 0) for alias, each in store.others.items()}
    things += map(_certificate, chain)
    return things + [{**_certificate(facts), "alias": alias} for alias, facts in others.items()]


def sentences(thing: dict[str, Any]) -> list[str]:
    """Such a dictionary as lines of text."""
    lines = [str(thing["kind"])]
    for name, value in thing.items():
        if name != "kind" and value not in (None, [], ""):
            shown = {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
            lines.append(f"  {LABELS[name]}: {', '.join(shown) if isinstance(shown, list) else shown}")
    return lines


def _certificate(facts: Facts) -> dict[str, Any]:
    certificate = facts.certificate
    with quiet():
        role = "device (CA:FALSE)"
        if facts.is_ca:
            limit = "any number of" if facts.path_length is None else str(facts.path_length)
            role = f"CA, {limit} CAs allowed below it"
        dates = ("", "")
        if "dates" not in facts.unreadable:
            dates = (certificate.not_valid_before_utc.isoformat(), certificate.not_valid_after_utc.isoformat())
        return {
            "kind": "certificate",
            "subject": _name(facts.subject),
            "issuer": "itself" if facts.self_issued else _name(facts.issuer),
            "role": role,
            "not_before": dates[0],
            "not_after": dates[1],
            "key": key_name(facts.public_key) if facts.public_key is not None else None,
            "signature": facts.hash_name,
            "key_usage": _usages(facts.key_usage),
            "serial": f"{certificate.serial_number:x}",
            "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
            "sha1": certificate.fingerprint(hashes.SHA1()).hex(),  # noqa: S303 - as shown by the platform's pages
            "unreadable": facts.unreadable,
        }


def _request(block: Block) -> dict[str, Any] | None:
    try:
        with quiet(), readable("the request"):
            request = x509.load_pem_x509_csr(block.text)
            return {
                "kind": "signing request",
                "subject": _name(request.subject),
                "role": "asks to be a CA" if wishes(request)[0] else "asks for a device certificate",
                "key": key_name(request.public_key()),
                "valid_signature": request.is_signature_valid,
            }
    except CertificateError:
        return None


def _name(name: x509.Name | None) -> str | None:
    return None if name is None else name.rfc4514_string()


def _usages(usage: x509.KeyUsage | None) -> list[str]:
    if usage is None:
        return []
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    return [name.replace("_", " ") for name in (*names, "key_cert_sign", "crl_sign") if getattr(usage, name)]
