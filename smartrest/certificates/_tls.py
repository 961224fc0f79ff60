"""The TLS context of an identity. It always verifies the server.

For a context that does not verify, build your own.
"""

from __future__ import annotations

import logging
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import Encoding

from smartrest.mqtt.tls import WAITING, ClosingSocket

from ._check import check_chain
from ._errors import CertificateError
from ._files import chain_pem
from ._handshake import explain_handshake
from ._keys import write_key_for_loading

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from cryptography import x509

    from smartrest.mqtt import ClientId

    from ._keys import PrivateKey

log = logging.getLogger("smartrest.certificates")

# Faults that any TLS library refuses. The others are the platform's rules, and another broker may not have them.
STOPPING = (
    "bad_signature", "critical_extension", "expired", "key_id_mismatch", "no_cert_sign", "no_certificate", "not_ca",
    "not_pem", "not_yet_valid", "pathlen", "unreadable", "uploaded_not_ca", "weak_key", "weak_signature",
    "wrong_issuer", "wrong_usage",
)  # fmt: skip


class TellingSocket(ClosingSocket):
    """Records in its context why TLS failed, for clients that report only a lost connection.

    With TLS 1.3 the verdict arrives only after the client has sent its first data, and is lost if the server has hung
    up by then. So a connection that ends before the server sent anything counts as refused too.
    """

    heard = False

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except WAITING:
            raise
        except OSError as error:
            self._tell(error)
            raise

    def read(self, len: int = 1024, buffer: Any = None) -> Any:
        try:
            data = super().read(len, buffer)
        except (*WAITING, TimeoutError):
            raise
        except OSError as error:
            self._tell(error)
            raise
        if not data and not self.heard:
            self._tell(ConnectionResetError())
        self.heard = True
        return data

    def send(self, data: Any, flags: int = 0) -> int:
        try:
            return super().send(data, flags)
        except (*WAITING, TimeoutError):
            raise
        except OSError as error:
            self._tell(error)
            raise

    def _tell(self, error: OSError) -> None:
        late = self.heard and not isinstance(error, ssl.SSLError)
        if not late and isinstance(self.context, VerifyingContext) and self.context.failure is None:
            self.context.failure = explain_handshake(error)


class VerifyingContext(ssl.SSLContext):
    """A client context that always checks the server: turning that off is `CertificateError` `verification`.

    `failure` says why TLS failed on the last connection; `None` if it did not.
    """

    sslsocket_class = TellingSocket
    failure: CertificateError | None = None

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        self.failure = None
        return super().wrap_socket(*arguments, **options)

    @property
    def check_hostname(self) -> bool:
        return super().check_hostname

    @check_hostname.setter
    def check_hostname(self, value: bool) -> None:
        if not value:
            raise _stays_on()

    @property  # type: ignore[override] # typeshed differs between its two classes
    def verify_mode(self) -> ssl.VerifyMode:
        return super().verify_mode

    @verify_mode.setter
    def verify_mode(self, value: ssl.VerifyMode) -> None:
        if value != ssl.CERT_REQUIRED:
            raise _stays_on()


def _stays_on() -> CertificateError:
    text = (
        "this context always verifies the server; pass ca_file= for a server with a private CA,"
        " or build your own ssl.SSLContext to connect without verification"
    )
    return CertificateError(text, "verification")


def client_context(
    chain: Sequence[x509.Certificate],
    key: PrivateKey,
    *,
    trusted: Sequence[x509.Certificate],
    client_id: str | ClientId | None,
    ca_file: str | os.PathLike[str] | None,
    max_length: int,
) -> ssl.SSLContext:
    """As `Identity.ssl_context`."""
    found = check_chain(list(chain), client_id, max_length=max_length)
    faults = [finding for finding in found if finding.fault and finding.reason in STOPPING]
    for finding in found:
        if finding.fault and finding not in faults:
            log.warning("the platform refuses this identity: %s (%s)", finding.text, finding.reason)
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise CertificateError(f"no server would accept this identity: {faults[0].text}{more}", "broken_chain", faults)
    context = server_context(ca_file, trusted)
    _load(context, chain_pem(chain), key)
    return context


def server_context(
    ca_file: str | os.PathLike[str] | None, trusted: Sequence[x509.Certificate] = ()
) -> VerifyingContext:
    """A context that verifies the server, for a client without certificate. `CertificateError` `no_ca_file`."""
    context = VerifyingContext(ssl.PROTOCOL_TLS_CLIENT)  # its defaults: CERT_REQUIRED, check_hostname
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:  # SSLError is one: a file without certificates
            why = error.strerror if not isinstance(error, ssl.SSLError) else "no certificates in PEM form"
            raise CertificateError(f"cannot use the server's CA file {Path(ca_file)}: {why}", "no_ca_file") from None
    if trusted:
        context.load_verify_locations(cadata=b"".join(each.public_bytes(Encoding.DER) for each in trusted))
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # what is named here is trusted, a CA or not
    return context


def _load(context: ssl.SSLContext, chain_pem: bytes, key: PrivateKey) -> None:
    """Load chain and key through a file, as ssl requires: private, and encrypted with a one-time passphrase."""
    pem, passphrase = write_key_for_loading(key)
    with tempfile.TemporaryDirectory(prefix="smartrest-") as folder:  # mode 0700
        path = Path(folder) / "identity.pem"
        path.touch(mode=0o600)
        path.write_bytes(pem + chain_pem)
        try:
            context.load_cert_chain(path, password=passphrase)
        except ssl.SSLError as error:
            text = f"the TLS library refuses this identity ({error.reason}): create a new one, RSA 3072 or P-256"
            raise CertificateError(text, "broken_chain") from None
