"""A private certificate authority: creates itself, intermediates and the identities of devices.

It keeps no list of issued certificates: serial numbers are random, and the platform trusts the uploaded CA.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509

from ._check import aware
from ._errors import CertificateError
from ._facts import facts_of
from ._files import CA_FILE, CA_KEY_FILE, chain_pem, read_file, save_files
from ._hostile import quiet
from ._identity import Identity, load_certificates
from ._keys import RSA_DEFAULT, make_key, read_key, same_key, write_key
from ._names import NO_PARTS, common_names, demand_name, make_name, name_key, title
from ._profile import CA_DAYS, DEVICE_DAYS, INTERMEDIATE_DAYS, PATH_LENGTH, Order, sign
from ._request import find_request, read_request
from ._revocation import CRL_DAYS, make_list

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from ._keys import KeySpec, Passphrase, PrivateKey


class CA:
    """A certificate authority: its private key, and `chain`, its certificate followed by those above it.

    `key` is `None` for an intermediate that was made from a request: its key stayed with those who asked.
    `CertificateError` `not_a_ca` if the first certificate may not sign others, `key_mismatch`.
    """

    def __init__(self, chain: Sequence[x509.Certificate], key: PrivateKey | None) -> None:
        if not chain:
            raise CertificateError("a CA needs its certificate", "no_certificate")
        self.chain = tuple(chain)
        self.key = key
        with quiet():
            self._facts = facts_of(self.chain[0], 0)
        usage = self._facts.key_usage
        if not self._facts.is_ca or (usage is not None and not usage.key_cert_sign):
            text = f"{title(self._facts.subject)} is not a CA: its certificate lacks CA:TRUE or keyCertSign"
            raise CertificateError(text, "not_a_ca")
        if key is not None and not same_key(key.public_key(), self.certificate.public_key()):
            raise CertificateError("the private key does not belong to the CA certificate", "key_mismatch")

    @classmethod
    def create(
        cls,
        name: str,
        *,
        key: KeySpec = RSA_DEFAULT,
        days: int = CA_DAYS,
        path_length: int | None = PATH_LENGTH,
        subject: Mapping[str, str] = NO_PARTS,
        now: datetime | None = None,
    ) -> CA:
        """Create a self-signed CA with the common name `name` (1 to 64 characters).

        `key`: RSA bits from 2048 to 4096, `"P-256"`, or a private key of `cryptography`. `days` of validity from
        `now` (an aware `datetime`, by default the present). `path_length`: how many CAs are allowed between it and a
        device, `None` for any number. `subject`: further parts: `country`, `state`, `organization`, `unit`, `email`.
        `CertificateError` `bad_name`, `bad_key`, `bad_days`.
        """
        full_name = make_name(demand_name(name, "the name of a CA"), subject)
        private = make_key(key)
        order = Order(full_name, private.public_key(), days, now, ca=True, path_length=path_length)
        return cls([sign(order, None, private)], private)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        key: str | os.PathLike[str] | None = None,
        *,
        passphrase: Passphrase | None = None,
    ) -> CA:
        """Load a folder written by `save`, or a PEM file that begins with the CA's certificate.

        The private key comes from the file `key`, else from the folder's `ca.key.pem`, else from `path` itself.
        `OSError`; `UserWarning` and `CertificateError` as `Identity.load`, and `no_key`, `not_a_ca`.
        """
        file = Path(path)
        if file.is_dir():
            key = file / CA_KEY_FILE if key is None else key
            file = file / CA_FILE
        certificates, data = load_certificates(file)
        if key is not None:
            data, where = read_file(key), str(key)
        else:
            where = str(file)
        return cls(certificates, read_key(data, passphrase, where))

    def intermediate(
        self,
        name: str | bytes | x509.CertificateSigningRequest,
        *,
        key: KeySpec = RSA_DEFAULT,
        days: int = INTERMEDIATE_DAYS,
        path_length: int | None = None,
        subject: Mapping[str, str] = NO_PARTS,
        now: datetime | None = None,
    ) -> CA:
        """Create a CA below this one. Arguments as in `create`; `path_length` defaults to the guide's 10, or to less
        if this CA allows less.

        Instead of a name, a certificate signing request (PEM, or of `cryptography`): the key stays where it is and the
        new CA has none. `path_length` is then what the request asks for, or less if this CA allows less.

        Its devices have chains of three certificates, which not every installation accepts (requirement 8).
        `CertificateError` also `path_length` if this CA allows none below it, `expired`, `bad_request`.
        """
        allowed = self._facts.path_length
        if allowed == 0:
            raise CertificateError(f"{title(self._facts.subject)} allows no CA below it (pathlen 0)", "path_length")
        most = PATH_LENGTH if allowed is None or allowed >= PATH_LENGTH else allowed - 1
        private: PrivateKey | None = None
        request = find_request(name)
        if request is None:
            full_name = make_name(demand_name(str(name), "the name of a CA"), subject)
            private = make_key(key)
            public: CertificatePublicKeyTypes = private.public_key()
        else:
            asked = read_request(request, subject, device=False)
            full_name, public = asked.subject, asked.public_key
            most = most if asked.path_length is None else min(asked.path_length, most)
        depth = most if path_length is None else path_length
        return CA([self._sign(Order(full_name, public, days, now, ca=True, path_length=depth)), *self.chain], private)

    def issue(
        self,
        device: str | bytes | x509.CertificateSigningRequest,
        *,
        device_id: str | None = None,
        key: KeySpec = RSA_DEFAULT,
        days: int | timedelta = DEVICE_DAYS,
        subject: Mapping[str, str] = NO_PARTS,
        now: datetime | None = None,
    ) -> Identity:
        """Issue the identity of a device.

        `days` may be a `timedelta`, which begins now; that is for tests of expiry.

        `device` is the device identifier, which becomes the common name; a new key is created (`key` as in `create`).
        Or it is a certificate signing request (PEM, or of `cryptography`): the key stays where it is and the identity
        has none. Only the subject's parts named by the guide's policy are copied from the request, never extensions;
        a request that asks to be a CA is `bad_request`. `device_id` is the identifier that the request must have.
        `CertificateError` `bad_name`, `bad_key`, `bad_request`, `bad_days`, `expired`.
        """
        request = find_request(device)
        if request is None:
            if device_id is not None and device_id != device:
                raise ValueError("device_id is for signing requests")
            full_name = make_name(demand_name(str(device), "the device identifier", device=True), subject)
            private = make_key(key)
            order = Order(full_name, private.public_key(), days, now, ca=False)
            return Identity([self._sign(order), *self.chain], private)
        asked = read_request(request, subject, device=True, name=device_id)
        return Identity([self._sign(Order(asked.subject, asked.public_key, days, now, ca=False)), *self.chain])

    def revoke(
        self,
        revoked: Iterable[x509.Certificate | int],
        *,
        previous: bytes | None = None,
        reason: str | None = None,
        days: int = CRL_DAYS,
        now: datetime | None = None,
    ) -> bytes:
        """A certificate revocation list (CRL, PEM) of certificates of this CA, given as such or by serial number.

        `previous` is the last list, whose entries stay. `reason`: `keyCompromise`, `superseded`, `cessationOfOperation`
        or another word of RFC 5280. The list says that the next one comes after `days`.
        `CertificateError` `wrong_issuer`, `bad_value`, `bad_days`, `unreadable`, `no_key`, `expired`.
        """
        return make_list(self.certificate, self._need_key(now), revoked, previous, reason, days, aware(now))

    @property
    def certificate(self) -> x509.Certificate:
        """The CA's own certificate, to be uploaded to the platform."""
        return self.chain[0]

    @property
    def name(self) -> str:
        """The common name."""
        return next(iter(common_names(self.certificate.subject)), "")

    @property
    def chain_pem(self) -> bytes:
        """The CA's certificate and those above it, in PEM."""
        return chain_pem(self.chain)

    def save(
        self, folder: str | os.PathLike[str], *, passphrase: Passphrase | None = None, overwrite: bool = False
    ) -> Path:
        """Write `ca.pem` and, if there is a key, `ca.key.pem` to `folder`, atomically and with mode 0600.

        `passphrase` encrypts the key. `FileExistsError` if one of them exists and `overwrite` is false.
        Returns the folder.
        """
        files = {} if self.key is None else {CA_KEY_FILE: write_key(self.key, passphrase)}
        save_files(Path(folder), {**files, CA_FILE: self.chain_pem}, overwrite=overwrite)
        return Path(folder)

    def _need_key(self, when: datetime | None) -> PrivateKey:
        if self.key is None:
            text = f"the CA {title(self._facts.subject)} cannot sign here: its key stayed where its request was made"
            raise CertificateError(text, "no_key")
        now = aware(when)
        begin, end = self.certificate.not_valid_before_utc, self.certificate.not_valid_after_utc
        if not begin <= now < end:
            state = "has expired" if now >= end else "is not valid yet"
            raise CertificateError(f"the CA {title(self._facts.subject)} {state} and cannot sign", "expired")
        return self.key

    def _sign(self, order: Order) -> x509.Certificate:
        key = self._need_key(order.now)
        if any(name_key(order.subject) == name_key(above.subject) for above in self.chain):
            text = f"a CA above has the same subject ({title(order.subject)}): choose another name"
            raise CertificateError(text, "bad_name")
        return sign(order, self.certificate, key)

    def __repr__(self) -> str:
        until = self.certificate.not_valid_after_utc.date()
        return f"<CA {self.name!r}, chain of {len(self.chain)}, valid until {until}>"
