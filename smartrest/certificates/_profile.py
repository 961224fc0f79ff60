"""The two certificate profiles of the platform's guide, CA and device, and how certificates are signed.

The extensions are exactly those of the guide; docs/certificates.md ("Profiles") lists them. Serials are random.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ._check import aware
from ._errors import CertificateError

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from ._keys import PrivateKey

CA_DAYS = 7300
INTERMEDIATE_DAYS = 3650
DEVICE_DAYS = 365
PATH_LENGTH = 10
SKEW = timedelta(minutes=5)  # certificates start slightly in the past, since clocks differ


@dataclass(frozen=True)
class Order:
    """A certificate to be signed: key, name, validity and profile."""

    subject: x509.Name
    public_key: CertificatePublicKeyTypes
    days: int | timedelta
    now: datetime | None
    ca: bool
    path_length: int | None = None


def sign(order: Order, issuer: x509.Certificate | None, key: PrivateKey) -> x509.Certificate:
    """The certificate, signed with the issuer's `key`; `issuer` is `None` for a self-signed one."""
    begin, end = _span(order)
    own_id = x509.SubjectKeyIdentifier.from_public_key(order.public_key)
    return (
        x509.CertificateBuilder()
        .subject_name(order.subject)
        .issuer_name(order.subject if issuer is None else issuer.subject)
        .public_key(order.public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(own_id, critical=False)
        .add_extension(_authority(own_id, issuer), critical=False)
        .add_extension(x509.BasicConstraints(order.ca, order.path_length), critical=True)
        .add_extension(_usage(ca=order.ca), critical=False)
        .sign(key, hashes.SHA256())
    )


def _span(order: Order) -> tuple[datetime, datetime]:
    now = aware(order.now)
    if isinstance(order.days, timedelta):  # for tests: to the second
        return now, now + order.days
    if not isinstance(order.days, int) or order.days < 1:
        raise ValueError(f"days must be a whole number, 1 or more, not {order.days!r}")
    if order.path_length is not None and (not isinstance(order.path_length, int) or order.path_length < 0):
        raise ValueError(f"path_length must be a whole number, 0 or more, or None, not {order.path_length!r}")
    try:
        return now - SKEW, now + timedelta(days=order.days)
    except OverflowError:
        raise CertificateError(f"{order.days} days from now end after the year 9999", "bad_days") from None


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=not ca,  # nonRepudiation
        key_encipherment=not ca,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _authority(own_id: x509.SubjectKeyIdentifier, issuer: x509.Certificate | None) -> x509.AuthorityKeyIdentifier:
    """`keyid,issuer`: the signer's key identifier; without one, its issuer and serial number."""
    if issuer is None:
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own_id)
    try:
        found = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier(None, [x509.DirectoryName(issuer.issuer)], issuer.serial_number)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found.value)
