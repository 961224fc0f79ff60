"""Certificate revocation lists (CRL). The list itself is the memory: a new one takes over the entries of the last."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from ._errors import CertificateError, quoted
from ._hostile import readable
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
SERIAL_LIMIT = 1 << 159  # RFC 5280: at most 20 bytes, the first bit of which is a sign


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
    try:
        if days < 1:
            raise OverflowError
        next_update = now + timedelta(days=days)
    except OverflowError:
        text = f"days must be 1 or more, and end before the year 10000, not {days}"
        raise CertificateError(text, "bad_days") from None
    entries: dict[int, x509.RevokedCertificate] = {}
    number = 0
    if previous is not None:
        entries, number = _read(previous, issuer, key)
    for each in revoked:
        serial = each if isinstance(each, int) else _serial(each, issuer)
        if not 0 < serial < SERIAL_LIMIT:
            raise CertificateError("a serial number is positive and has at most 159 bits", "bad_value")
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now)
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(REASONS[reason]), critical=False)
        entries.setdefault(serial, entry.build())  # the first revocation counts
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(now)
        .next_update(next_update)
        .add_extension(x509.CRLNumber(number + 1), critical=False)
        .add_extension(_authority(issuer, key), critical=False)
    )
    for known in entries.values():
        builder = builder.add_revoked_certificate(known)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _serial(certificate: x509.Certificate, issuer: x509.Certificate) -> int:
    text = f"{title(certificate.subject)} was not issued by {title(issuer.subject)}: its own CA must revoke it"
    with readable(text, "wrong_issuer"):
        certificate.verify_directly_issued_by(issuer)
        return certificate.serial_number


def _read(data: bytes, issuer: x509.Certificate, key: PrivateKey) -> tuple[dict[int, x509.RevokedCertificate], int]:
    """The entries and the number of an earlier list; 0 if it has no number."""
    with readable("the revocation list is damaged, or not in PEM form"):
        crl = x509.load_pem_x509_crl(data)
        ours = crl.issuer == issuer.subject and crl.is_signature_valid(key.public_key())
        entries = {each.serial_number: each for each in crl}
        numbers = [each.value.crl_number for each in crl.extensions if isinstance(each.value, x509.CRLNumber)]
    if not ours:
        text = f"the revocation list was not made by {title(issuer.subject)}: start a new one"
        raise CertificateError(text, "wrong_issuer")
    return entries, max(numbers, default=0)


def _authority(issuer: x509.Certificate, key: PrivateKey) -> x509.AuthorityKeyIdentifier:
    try:
        found = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found.value)
