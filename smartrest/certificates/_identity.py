"""A device's identity: its certificate with the chain up to the uploaded CA, and its private key.

The key leaves this object only through `save`, `key_pem` and `pkcs12`; no `repr` or message shows it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from ._errors import CertificateError
from ._facts import read_chain
from ._files import CHAIN_FILE, KEY_FILE, chain_pem, read_file, save_files, whole_folder
from ._hostile import quiet
from ._keys import RSA_DEFAULT, find_key, make_key, read_key, same_key, write_key
from ._names import NO_PARTS, common_names, demand_name, make_name
from ._profile import DEVICE_DAYS, Order, sign
from ._stores import is_store, java_secret, read_store
from ._tls import client_context

if TYPE_CHECKING:
    import os
    import ssl
    from collections.abc import Iterable, Mapping, Sequence

    from smartrest.mqtt import ClientId

    from ._findings import ChainFinding
    from ._keys import KeySpec, Passphrase, PrivateKey

KEYSTORE_NAME = "devicekeyentry"  # the entry's name in the guide's keystore


class Identity:
    """The certificate chain and key that a device logs in with. `CA.issue` creates one, `load` reads one.

    `chain` is a tuple of certificates of `cryptography`, device first, each followed by its signer; `key` is the
    private key, `None` if the device keeps it (a signed request). `trusted`: certificates to know the server by,
    besides the system's CAs. `folder`: where it was loaded from, or `None`. `CertificateError` `key_mismatch` if the
    key does not belong to the device certificate.
    """

    def __init__(
        self,
        chain: Sequence[x509.Certificate],
        key: PrivateKey | None = None,
        *,
        trusted: Iterable[x509.Certificate] = (),
    ) -> None:
        if not chain:
            raise CertificateError("an identity needs at least the device certificate", "no_certificate")
        self.chain = tuple(chain)
        self.key = key
        self.trusted = tuple(trusted)
        self.folder: Path | None = None
        if key is not None and not same_key(key.public_key(), self.certificate.public_key()):
            raise CertificateError("the private key does not belong to the device certificate", "key_mismatch")

    @classmethod
    def self_signed(
        cls,
        device_id: str,
        *,
        key: KeySpec = RSA_DEFAULT,
        days: int = DEVICE_DAYS,
        subject: Mapping[str, str] = NO_PARTS,
    ) -> Identity:
        """An identity of one certificate that signs itself, as many agents make it; to be uploaded as trusted itself.

        It is a CA (pathlen 0), since the platform refuses the upload otherwise. Arguments and errors as of `CA.issue`.
        """
        name = make_name(demand_name(device_id, "the identifier of a device", device=True), subject)
        private = make_key(key)
        order = Order(name, private.public_key(), days, None, ca=True, path_length=0)
        return cls([sign(order, None, private)], private)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        key: str | os.PathLike[str] | None = None,
        *,
        passphrase: Passphrase | None = None,
    ) -> Identity:
        """Load a folder written by `save`, a file with the chain in PEM, or a PKCS#12 keystore.

        The private key comes from the file `key`, else from the folder's `key.pem`, else from the chain's own file;
        without any of them the identity has no key. A keystore has one key and its chain; its further certificates, as
        in a keystore and truststore in one file, become `trusted`.

        `OSError`; `CertificateError` `no_certificate`, `unreadable`, `no_passphrase`, `wrong_passphrase`,
        `key_mismatch`; of a keystore also `no_key`, `bad_store`. `UserWarning` for an unencrypted key in a file that
        others may read. Use `check_chain` to check the requirements.
        """
        chain_path = Path(path)
        folder = chain_path if chain_path.is_dir() else None
        if folder is not None:
            beside = whole_folder(folder) / KEY_FILE
            chain_path = whole_folder(folder) / CHAIN_FILE
            if key is None and beside.exists():
                key = beside
        data = read_file(chain_path)
        if key is None and is_store(data):
            return cls.from_store(data, passphrase, str(chain_path))
        certificates = read_certificates(data, str(chain_path))
        private = None
        if key is not None:
            private = read_key(read_file(key), passphrase, str(key))
        elif find_key(data) is not None:
            private = read_key(data, passphrase, str(chain_path))
        identity = cls(certificates, private)
        identity.folder = folder
        return identity

    @classmethod
    def from_store(cls, data: bytes, passphrase: Passphrase | None, where: str = "the keystore") -> Identity:
        """The identity in the bytes of a PKCS#12 keystore, as `load`; `where` names it in errors."""
        store = read_store(data, passphrase, where)
        if store.key is None:
            raise CertificateError(f"{where}: no private key: this is a truststore, not a keystore", "no_key")
        if not store.chain:
            raise CertificateError(f"{where}: no certificate that belongs to the private key", "no_certificate")
        return cls(store.chain, store.key, trusted=store.others.values())

    @property
    def certificate(self) -> x509.Certificate:
        """The device certificate."""
        return self.chain[0]

    @property
    def device_id(self) -> str:
        """The device identifier: the common name of the device certificate."""
        with quiet():
            names = common_names(self.certificate.subject)
        if len(names) != 1:
            raise CertificateError("the device certificate does not have exactly one common name", "bad_name")
        return names[0]

    @property
    def chain_pem(self) -> bytes:
        """The whole chain in PEM: device, intermediates, CA."""
        return chain_pem(self.chain)

    def key_pem(self, passphrase: Passphrase | None = None) -> bytes:
        """The private key as PKCS#8 in PEM, encrypted if a passphrase is given."""
        return write_key(self._need_key(), passphrase)

    def pkcs12(self, passphrase: Passphrase, *, name: str = KEYSTORE_NAME) -> bytes:
        """A PKCS#12 keystore with key and chain for Java clients; `name` is the alias of its only entry.

        `CertificateError` `bad_passphrase` if the passphrase is not ASCII: Java cannot open such a keystore.
        """
        encryption = serialization.BestAvailableEncryption(java_secret(passphrase))
        return pkcs12.serialize_key_and_certificates(
            name.encode(), self._need_key(), self.certificate, list(self.chain[1:]), encryption
        )

    def save(
        self, folder: str | os.PathLike[str], *, passphrase: Passphrase | None = None, overwrite: bool = False
    ) -> Path:
        """Write `chain.pem` and, if there is a key, `key.pem` to `folder`, atomically and with mode 0600.

        `passphrase` encrypts the key. `FileExistsError` if one of them exists and `overwrite` is false.
        Returns the folder.
        """
        files = {} if self.key is None else {KEY_FILE: self.key_pem(passphrase)}
        save_files(Path(folder), {**files, CHAIN_FILE: self.chain_pem}, overwrite=overwrite)
        return Path(folder)

    def ssl_context(
        self,
        *,
        client_id: str | ClientId | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        max_length: int = 10,
    ) -> ssl.SSLContext:
        """A TLS context for a client that logs in as this device: TLS 1.2 and 1.3, the server's certificate verified.

        The context checks the server's chain and host name against the system's CAs, `trusted`, and the certificates of
        `ca_file` (PEM), which may be CAs or the server's own; this cannot be turned off. `client_id` is compared with
        the common name.

        `CertificateError` `broken_chain` (with `.findings`) if TLS cannot work with the chain; other faults that
        `check_chain` finds are logged (logger `smartrest.certificates`). `no_key`; `no_ca_file`.
        """
        return client_context(
            self.chain,
            self._need_key(),
            trusted=self.trusted,
            client_id=client_id,
            ca_file=ca_file,
            max_length=max_length,
        )

    def _need_key(self) -> PrivateKey:
        if self.key is None:
            text = "this identity has no private key, it stayed where the request was made: Identity.load(chain, key=…)"
            raise CertificateError(text, "no_key")
        return self.key

    def __repr__(self) -> str:
        with quiet():
            names = common_names(self.certificate.subject)
        until = self.certificate.not_valid_after_utc.date()
        return f"<Identity {', '.join(map(repr, names))}, chain of {len(self.chain)}, valid until {until}>"


def load_certificates(path: Path) -> tuple[list[x509.Certificate], bytes]:
    """The certificates of a PEM file in its order, and the file's bytes. `CertificateError` if one is damaged."""
    data = read_file(path)
    return read_certificates(data, str(path)), data


def read_certificates(data: bytes, where: str) -> list[x509.Certificate]:
    """The certificates of a PEM text from `where`. `CertificateError` `unreadable`, `no_certificate`."""
    findings: list[ChainFinding] = []
    facts = read_chain(data, findings)
    for finding in findings:
        if finding.reason in ("unreadable", "not_version_3"):
            raise CertificateError(f"{where}: {finding.text}", "unreadable")
    if not facts:
        raise CertificateError(f"{where}: no certificate in PEM form", "no_certificate")
    return [each.certificate for each in facts]
