"""Reads certificates from PEM text, and from each certificate the facts that checks and `show` need.

Safe on hostile input: unreadable parts become findings, never exceptions.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtensionOID

from ._errors import CertificateError
from ._files import READ_LIMIT, read_file
from ._findings import ChainFinding
from ._hostile import quiet, readable
from ._names import name_key, title
from ._pem import Block, find_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
HASHES = ("sha256", "sha384", "sha512")  # of signatures; anything else is weak

# Critical extensions that TLS libraries act on; any other makes them refuse the certificate.
KNOWN_CRITICAL = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.CERTIFICATE_POLICIES,
    ExtensionOID.POLICY_CONSTRAINTS,
    ExtensionOID.POLICY_MAPPINGS,
    ExtensionOID.INHIBIT_ANY_POLICY,
    ExtensionOID.CRL_DISTRIBUTION_POINTS,
    ExtensionOID.NAME_CONSTRAINTS,
}


@dataclass(eq=False)
class Facts:
    """One certificate of a chain. Parts that could not be read are `None` and named in `unreadable`."""

    certificate: x509.Certificate
    index: int  # in the order given, from 0
    start: int | None = None
    end: int | None = None
    subject: x509.Name | None = None
    issuer: x509.Name | None = None
    public_key: Any = None
    hash_name: str | None = None  # of the signature; None for kinds without a choice (Ed25519)
    constraints: x509.BasicConstraints | None = None
    constraints_critical: bool = False
    key_usage: x509.KeyUsage | None = None
    extended_usage: x509.ExtendedKeyUsage | None = None
    subject_key_id: bytes | None = None
    authority: x509.AuthorityKeyIdentifier | None = None
    unknown_critical: list[str] = field(default_factory=list)
    name_constraints: bool = False
    unreadable: list[str] = field(default_factory=list)

    @property
    def is_ca(self) -> bool:
        return self.constraints is not None and self.constraints.ca

    @property
    def path_length(self) -> int | None:
        return None if self.constraints is None else self.constraints.path_length

    @cached_property
    def subject_key(self) -> object:
        """The subject in the form used for comparison (`name_key`); `None` if unreadable."""
        return name_key(self.subject)

    @cached_property
    def issuer_key(self) -> object:
        return name_key(self.issuer)

    @property
    def self_issued(self) -> bool:
        return self.subject is not None and self.subject_key == self.issuer_key

    @property
    def weak_hash(self) -> bool:
        return self.hash_name is not None and self.hash_name not in HASHES

    @property
    def label(self) -> str:
        """`certificate 2 ('Acme CA')`: people count from 1."""
        return f"certificate {self.index + 1} ({title(self.subject)})"

    def finding(self, requirement: int | None, reason: str, text: str, *, fault: bool = True) -> ChainFinding:
        return ChainFinding(
            reason, text, self.start, self.end, requirement=requirement, certificate=self.index, fault=fault
        )


def facts_of(certificate: x509.Certificate, index: int, start: int | None = None, end: int | None = None) -> Facts:
    """The facts of one certificate; raises nothing."""
    facts = Facts(certificate, index, start, end)

    def attempt(what: str, read: Callable[[], T]) -> T | None:
        try:
            with readable(what):
                return read()
        except CertificateError:
            facts.unreadable.append(what)
            return None

    facts.subject = attempt("subject", lambda: _readable(certificate.subject))
    facts.issuer = attempt("issuer", lambda: _readable(certificate.issuer))
    facts.public_key = attempt("public key", certificate.public_key)
    facts.hash_name = attempt("signature algorithm", lambda: _hash_name(certificate.signature_hash_algorithm))
    attempt("dates", lambda: (certificate.not_valid_before_utc, certificate.not_valid_after_utc))
    extensions = attempt("extensions", lambda: list(certificate.extensions))
    for extension in extensions or ():
        _take(facts, extension)
    return facts


def _readable(name: x509.Name) -> x509.Name:
    """The name, once all that is done with it later has been seen to work."""
    for use in (title, name_key, x509.Name.public_bytes):
        use(name)
    return name


def signature_verdict(child: Facts, parent: Facts) -> Literal["good", "bad", "unknown"]:
    """Whether the key of `parent` signed `child`, whose issuer is the subject of `parent` byte by byte."""
    try:
        with readable("the signature"):
            child.certificate.verify_directly_issued_by(parent.certificate)
    except CertificateError as error:
        return "unknown" if isinstance(error.__context__, UnsupportedAlgorithm) else "bad"
    return "good"


def _hash_name(algorithm: hashes.HashAlgorithm | None) -> str | None:
    return None if algorithm is None else algorithm.name


def _take(facts: Facts, extension: x509.Extension[Any]) -> None:
    value = extension.value
    if isinstance(value, x509.BasicConstraints):
        facts.constraints, facts.constraints_critical = value, extension.critical
    elif isinstance(value, x509.KeyUsage):
        facts.key_usage = value
    elif isinstance(value, x509.ExtendedKeyUsage):
        facts.extended_usage = value
    elif isinstance(value, x509.SubjectKeyIdentifier):
        facts.subject_key_id = value.digest
    elif isinstance(value, x509.AuthorityKeyIdentifier):
        facts.authority = value
    elif isinstance(value, x509.NameConstraints):
        facts.name_constraints = True
    if extension.critical and extension.oid not in KNOWN_CRITICAL:
        facts.unknown_critical.append(extension.oid.dotted_string)


def read_chain(chain: object, findings: list[ChainFinding]) -> list[Facts]:
    """The certificates of `chain` in the order given; faults of the text go to `findings`.

    `chain`: PEM as bytes or str, a path, an object with `chain_pem`, or certificates of `cryptography`.
    `TypeError` for anything else, `OSError` if a path cannot be read.
    """
    chain = getattr(chain, "chain_pem", chain)
    if isinstance(chain, os.PathLike):
        try:
            chain = read_file(chain)
        except ValueError as error:
            findings.append(ChainFinding("too_large", str(error), requirement=11))
            return []
    if isinstance(chain, str):
        chain = chain.encode("utf-8", "replace")
    with quiet():
        if isinstance(chain, (bytes, bytearray, memoryview)):
            return _read_pem(bytes(chain), findings)
        return [facts_of(certificate, index) for index, certificate in enumerate(_certificates(chain))]


def _certificates(chain: object) -> Sequence[x509.Certificate]:
    certificates: list[x509.Certificate] = []
    for certificate in chain if isinstance(chain, (list, tuple)) else [chain]:
        if not isinstance(certificate, x509.Certificate):
            kind = type(certificate).__name__
            raise TypeError(f"a chain is PEM text, a path or a list of certificates, not {kind}")
        certificates.append(certificate)
    return certificates


def _read_pem(data: bytes, findings: list[ChainFinding]) -> list[Facts]:
    if len(data) > READ_LIMIT:
        text = "too large for a chain: more than 1 MiB; pass a file with the certificates alone"
        findings.append(ChainFinding("too_large", text, 0, len(data), requirement=11))
        return []
    blocks, strays = find_blocks(data)
    if not blocks:
        findings.append(_not_pem(data))
        return []
    if strays:
        text = "text outside the certificates, which some TLS libraries refuse: keep only the BEGIN to END blocks"
        findings.append(ChainFinding("text_between", text, *strays[0], requirement=11, fault=False))
    facts: list[Facts] = []
    for block in blocks:
        certificate = _read_block(block, findings)
        if certificate is not None:
            facts.append(facts_of(certificate, len(facts), block.start, block.end))
    return facts


def _read_block(block: Block, findings: list[ChainFinding]) -> x509.Certificate | None:
    def note(reason: str, text: str, requirement: int | None) -> None:
        findings.append(ChainFinding(reason, text, block.start, block.end, requirement=requirement))

    if "PRIVATE KEY" in block.label:
        note("private_key", "private key in the chain: keep it on the device, in a file of its own", 11)
    elif block.label not in ("CERTIFICATE", "X509 CERTIFICATE"):
        text = f"a {block.label!r} block does not belong in a chain: remove it"
        note("not_a_certificate", text, 11)
    elif not block.closed:
        note("unreadable", "a certificate without END line: the file is truncated, or lines are missing", 11)
    else:
        try:
            with readable("a damaged certificate: copy it again from its source"):
                return x509.load_pem_x509_certificate(block.text)
        except CertificateError as error:
            if isinstance(error.__context__, x509.InvalidVersion):
                note("not_version_3", "a certificate is not X.509 version 3: issue it again as version 3", 1)
            else:
                note(error.reason, str(error), 11)
    return None


def _not_pem(data: bytes) -> ChainFinding:
    hint = "not PEM text (no line '-----BEGIN CERTIFICATE-----')"
    if data[:1] == b"\x30":
        hint += "; it looks like DER: convert it with openssl x509 -inform der -in FILE -out FILE.pem"
    elif data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        hint += "; it is UTF-16: save it as plain ASCII text"
    elif len(data) < 256 and b"\n" not in data:
        hint += "; to check a file, pass pathlib.Path(name)"
    return ChainFinding("not_pem", hint, 0, len(data), requirement=11)
