"""Certificate signing requests: made where the key is and stays, read where they are signed.

Two kinds of data are taken from a request besides the key: the parts of the subject that the guide's policy names,
and whether it asks to be a CA.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from ._errors import CertificateError, quoted
from ._files import CA_KEY_FILE, KEY_FILE, READ_LIMIT, REQUEST_FILE, save_files
from ._hostile import quiet, readable
from ._identity import Identity, read_certificates
from ._keys import RSA_DEFAULT, demand_key, make_key, write_key
from ._names import NO_PARTS, POLICY, common_names, demand_name, make_name

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from ._keys import KeySpec, Passphrase, PrivateKey


class SigningRequest:
    """A request for a certificate, and the private key that stays here. `create` makes both.

    Send `pem` to the CA: `CA.issue` signs the request of a device, `CA.intermediate` that of a CA. `identity` takes the
    answer for a device; an intermediate's answer is saved as `ca.pem` beside its key and read by `CA.load`.
    """

    def __init__(self, request: x509.CertificateSigningRequest, key: PrivateKey) -> None:
        self.request = request
        self.key = key

    @classmethod
    def create(
        cls,
        name: str,
        *,
        ca: bool = False,
        path_length: int | None = None,
        key: KeySpec = RSA_DEFAULT,
        subject: Mapping[str, str] = NO_PARTS,
    ) -> SigningRequest:
        """Create a key and a request with the common name `name`: a device identifier, or with `ca` the name of a CA.

        `key` and `subject` as in `CA.create`. With `ca` the request asks to be an intermediate, `path_length` CAs deep
        (`None`: as deep as the CA above allows). `CertificateError` `bad_name`, `bad_key`.
        """
        if path_length is not None and not ca:
            raise ValueError("path_length is for the request of a CA: pass ca=True")
        what = "the name of a CA" if ca else "the device identifier"
        full_name = make_name(demand_name(name, what, device=not ca), subject)
        private = make_key(key)
        builder = x509.CertificateSigningRequestBuilder().subject_name(full_name)
        if ca:
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        return cls(builder.sign(private, hashes.SHA256()), private)

    @property
    def name(self) -> str:
        """The common name."""
        return common_names(self.request.subject)[0]

    @property
    def asks_ca(self) -> bool:
        """Whether it asks for the certificate of a CA."""
        return wishes(self.request)[0]

    @property
    def path_length(self) -> int | None:
        """How many CAs it asks to have below it; `None` if it does not say."""
        return wishes(self.request)[1]

    @property
    def pem(self) -> bytes:
        """The request in PEM, without the key."""
        return self.request.public_bytes(serialization.Encoding.PEM)

    def save(
        self, folder: str | os.PathLike[str], *, passphrase: Passphrase | None = None, overwrite: bool = False
    ) -> Path:
        """Write `request.pem` and the key to `folder`, atomically and with mode 0600; `passphrase` encrypts the key.

        The key is `key.pem` for a device and `ca.key.pem` for a CA, where `Identity.load` and `CA.load` look for it.
        `FileExistsError` if one of them exists and `overwrite` is false. Returns the folder.
        """
        key_file = CA_KEY_FILE if self.asks_ca else KEY_FILE
        files = {key_file: write_key(self.key, passphrase), REQUEST_FILE: self.pem}
        save_files(Path(folder), files, overwrite=overwrite)
        return Path(folder)

    def identity(self, answer: bytes) -> Identity:
        """The identity that the CA's answer makes of this request; `answer` is the chain in PEM, device first.

        `CertificateError` `no_certificate`, `unreadable`, `key_mismatch`, `cn_mismatch` for another device.
        """
        identity = Identity(read_certificates(answer, "the answer"), self.key)
        if identity.device_id != self.name:
            text = f"the certificate is for {quoted(identity.device_id)}, but the request was for {quoted(self.name)}"
            raise CertificateError(text, "cn_mismatch")
        return identity

    def __repr__(self) -> str:
        return f"<SigningRequest {self.name!r}, for {'an intermediate' if self.asks_ca else 'a device'}>"


@dataclass(frozen=True)
class Asked:
    """A request that was read and may be signed."""

    subject: x509.Name
    public_key: CertificatePublicKeyTypes
    ca: bool
    path_length: int | None


def find_request(asker: object) -> x509.CertificateSigningRequest | None:
    """The signing request in `asker`, `None` if that is a name."""
    if isinstance(asker, x509.CertificateSigningRequest):
        return asker
    data = asker.encode("utf-8", "replace") if isinstance(asker, str) else asker
    if isinstance(data, bytes) and len(data) > READ_LIMIT:
        raise CertificateError("too large for a signing request: more than 1 MiB", "too_large")
    if not isinstance(data, bytes):
        raise TypeError(f"expected a name or a signing request, not {type(asker).__name__}")
    if isinstance(asker, str) and "-----BEGIN" not in asker:
        return None
    text = "not a certificate signing request in PEM form (-----BEGIN CERTIFICATE REQUEST-----), or a damaged one"
    with readable(text, "bad_request"):
        return x509.load_pem_x509_csr(data)


def read_request(
    request: x509.CertificateSigningRequest, subject: Mapping[str, str], *, device: bool, name: str | None = None
) -> Asked:
    """What a request asks for. `device`: its common name must be a device identifier, `name` if that is given."""
    with quiet(), readable("the signing request cannot be read: make a new one", "bad_request"):
        valid, public, asked = request.is_signature_valid, request.public_key(), request.subject
        names = common_names(asked)
        parts = {part: asked.get_attributes_for_oid(oid) for part, oid in POLICY.items()}
        ca, path_length = wishes(request)
    if not valid:
        text = "the signing request is not signed by its own key: it was changed, or made wrongly"
        raise CertificateError(text, "bad_request")
    if len(names) != 1:
        raise CertificateError(f"the signing request has {len(names)} common names: one is needed", "bad_request")
    if device and ca:
        text = f"the signing request {quoted(names[0])} asks to be a CA: sign it as an intermediate, or refuse it"
        raise CertificateError(text, "bad_request")
    demand_name(names[0], f"the {'device identifier' if device else 'name'} in the request", device=device)
    if name is not None and names[0] != name:
        raise CertificateError(f"the signing request is for {quoted(names[0])}, not for {quoted(name)}", "bad_request")
    demand_key(public)
    kept = {part: str(found[0].value) for part, found in parts.items() if found and part != "name"}
    return Asked(make_name(names[0], {**kept, **subject}), public, ca, path_length)


def wishes(request: x509.CertificateSigningRequest) -> tuple[bool, int | None]:
    """Whether a request asks to be a CA, and how many CAs deep."""
    try:
        found = request.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return False, None
    return found.ca, found.path_length
