"""PKCS#12: keystores read, Java's truststores written and read. `cryptography` encodes and decodes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from ._errors import CertificateError, quoted
from ._files import READ_LIMIT
from ._hostile import quiet, readable
from ._keys import key_name, secret, warn_if_shared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ._keys import Passphrase, PrivateKey

VERSION_3 = b"\x02\x01\x03"  # how the content of every PKCS#12 file begins; a certificate begins otherwise
JKS = b"\xfe\xed\xfe\xed"
# The types of the entries that hold private keys. The entries are not encrypted, their content is, so the types can be
# counted: the library hands out the first key and does not say that there are more.
KEY_ENTRIES = (bytes.fromhex("060b2a864886f70d010c0a0101"), bytes.fromhex("060b2a864886f70d010c0a0102"))


@dataclass
class Store:
    """The content of a PKCS#12 file. `others`: the certificates outside the chain, by alias if they have one."""

    key: PrivateKey | None
    chain: list[x509.Certificate]
    others: dict[str, x509.Certificate]


def is_store(data: bytes) -> bool:
    """Whether this looks like a keystore or truststore; JKS too, which is then refused by name."""
    return data[:4] == JKS or (data[:1] == b"\x30" and VERSION_3 in data[1:9])


def read_store(data: bytes, passphrase: Passphrase | None, where: str) -> Store:
    """The key, its chain in order, and the other certificates.

    `CertificateError` `no_passphrase`, `wrong_passphrase`, `unreadable` (JKS), `bad_store` (two keys), `bad_key`.
    """
    if data[:4] == JKS:
        text = f"{where}: a JKS keystore: convert it with keytool -importkeystore -deststoretype PKCS12"
        raise CertificateError(text, "unreadable")
    loaded = _load(data, passphrase, where)
    keys = sum(map(data.count, KEY_ENTRIES))
    if keys > 1:
        text = f"{where}: {keys} private keys, and one is expected: remove the others with keytool -delete -alias NAME"
        raise CertificateError(text, "bad_store")
    key = loaded.key
    if key is not None and not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise CertificateError(f"{where}: {key_name(key.public_key())} key: use RSA or P-256", "bad_key")
    given = [each.certificate for each in loaded.additional_certs]
    chain = [] if loaded.cert is None else chain_of(loaded.cert.certificate, given)
    others: dict[str, x509.Certificate] = {}
    for each in loaded.additional_certs:
        if each.certificate not in chain:
            alias = (each.friendly_name or b"").decode("utf-8", "replace") or "certificate"
            while alias in others:
                alias += "-2"
            others[alias] = each.certificate
    return Store(key, chain, others)


def _load(data: bytes, passphrase: Passphrase | None, where: str) -> Any:
    password = None if passphrase is None else secret(passphrase)
    text, reason = f"{where}: the keystore is encrypted: pass its passphrase", "no_passphrase"
    if password is not None:  # no exception tells these two apart
        text, reason = f"{where}: wrong passphrase for the keystore, or a damaged file", "wrong_passphrase"
    with quiet(), readable(text, reason):
        loaded = pkcs12.load_pkcs12(data, password)
    if passphrase is None and loaded.key is not None:
        warn_if_shared(where)
    return loaded


def chain_of(leaf: x509.Certificate, others: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The certificate, followed by its signers as far as they are among `others`, which have no order."""
    chain = [leaf]
    while signer := next((each for each in others if _signed(chain[-1], each)), None):
        if signer in chain:
            break
        chain.append(signer)
    return chain


def _signed(child: x509.Certificate, parent: x509.Certificate) -> bool:
    try:
        with readable("another issuer, or a bad signature"):
            child.verify_directly_issued_by(parent)
    except CertificateError:
        return False
    return True


def truststore(certificates: Mapping[str, Any], passphrase: Passphrase) -> bytes:
    """A PKCS#12 truststore for Java: aliases mapped to the certificates to trust, or to a `CA`.

    `CertificateError` `no_certificate`, `bad_passphrase` if the passphrase is not ASCII, `bad_store` for an alias that
    is empty or equals another: Java ignores case.
    """
    if not certificates:
        raise CertificateError("a truststore needs at least one certificate", "no_certificate")
    entries = []
    for alias, each in certificates.items():
        certificate = getattr(each, "certificate", each)
        if not isinstance(certificate, x509.Certificate):
            raise TypeError(f"{alias!r} is a CA or a certificate of cryptography, not {type(each).__name__}")
        if not alias or sum(alias.lower() == other.lower() for other in certificates) > 1:
            text = f"the alias {quoted(alias)} is empty, or another differs in case alone: choose another one"
            raise CertificateError(text, "bad_store")
        entries.append(pkcs12.PKCS12Certificate(certificate, alias.encode()))
    return pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(java_secret(passphrase)))


def load_truststore(data: bytes, passphrase: Passphrase | None) -> dict[str, x509.Certificate]:
    """The certificates of a PKCS#12 truststore (its bytes), by alias.

    `CertificateError` `no_passphrase`, `wrong_passphrase`, `unreadable`, `no_certificate`, `too_large`.
    """
    if len(data) > READ_LIMIT:
        raise CertificateError("too large for a truststore: more than 1 MiB", "too_large")
    others = read_store(data, passphrase, "the truststore").others
    if not others:
        raise CertificateError("the truststore holds no certificate to trust", "no_certificate")
    return others


def java_secret(passphrase: Passphrase) -> bytes:
    """A passphrase that Java can use, as bytes."""
    data = secret(passphrase)
    if not data.isascii():
        raise CertificateError("Java opens a keystore with an ASCII passphrase only", "bad_passphrase")
    return data
