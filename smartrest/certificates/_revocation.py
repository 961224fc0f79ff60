"""Certificate revocation lists (CRL). The list itself is the memory: a new one takes over the entries of the last."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from ._errors import CertificateError, quoted
from ._names import title

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._keys import PrivateKey

CRL_DAYS = 30  # the guide's default_crl_days
REASONS = {
    reason.value: reason
    for reason in x509.ReasonFlags
    if reason not in (x509.ReasonFlags.unspecified, x509.ReasonFlags.remove_from_crl)
}
SERIAL_LIMIT = 1 << 160  # RFC 5280: 20 bytes


def make_list(
    issuer: x509.Certificate,
    key: PrivateKey,
    revoked: Iterable[x509.Certificate | int],
    previous: bytes | None,
    reason: str | None,
    days: int,
    now: datetime,
) -> bytes:
    """As `CA.revoke`."""
    if reason is not None and reason not in REASONS:
        text = f"unknown reason {quoted(reason)}: use one of {', '.join(REASONS)}"
        raise CertificateError(text, "bad_value")
    entries: dict[int, x509.RevokedCertificate] = {}
    number = 0
    if previous is not None:
        entries, number = _read(previous, issuer)
    for each in revoked:
        serial = each if isinstance(each, int) else _serial(each, issuer)
        if not 0 < serial < SERIAL_LIMIT:
            raise CertificateError("a serial number has 1 to 20 bytes", "bad_value")
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now)
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(REASONS[reason]), critical=False)
        entries.setdefault(serial, entry.build())  # the first revocation counts
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(now)
        .next_update(now + timedelta(days=days))
        .add_extension(x509.CRLNumber(number + 1), critical=False)
        .add_extension(_authority(issuer), critical=False)
    )
    for known in entries.values():
        builder = builder.add_revoked_certificate(known)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _serial(certificate: x509.Certificate, issuer: x509.Certificate) -> int:
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:  # cryptography raises many exceptions on odd certificates
        text = f"{title(certificate.subject)} was not issued by {title(issuer.subject)}: its own CA must revoke it"
        raise CertificateError(text, "wrong_issuer") from None
    return certificate.serial_number


def _read(data: bytes, issuer: x509.Certificate) -> tuple[dict[int, x509.RevokedCertificate], int]:
    """The entries and the number of an earlier list."""
    try:
        crl = x509.load_pem_x509_crl(data)
        public = issuer.public_key()
        ours = crl.issuer == issuer.subject and crl.is_signature_valid(public)  # type: ignore[arg-type] # a CA's key
        entries = {each.serial_number: each for each in crl}
        number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except Exception:  # as in _serial
        raise CertificateError("the revocation list is damaged, or not in PEM form", "unreadable") from None
    if not ours:
        text = f"the revocation list was not made by {title(issuer.subject)}: start a new one"
        raise CertificateError(text, "wrong_issuer")
    return entries, number


def _authority(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        found = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())  # type: ignore[arg-type] # a CA's
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found.value)
