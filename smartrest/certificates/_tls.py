"""The TLS side of an identity: the client's context, and what a failed handshake means in plain words.

The context verifies the server and cannot be talked out of it; who wants that builds a context of their own.
"""

from __future__ import annotations

import errno
import socket
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ._check import check_chain
from ._errors import CertificateError
from ._keys import write_key_for_loading

if TYPE_CHECKING:
    import os

    from smartrest.mqtt import ClientId

    from ._identity import Identity
    from ._keys import PrivateKey

TOLERATED = ("missing_ca",)  # newer platforms take a lone device certificate where its issuer is uploaded


class VerifyingContext(ssl.SSLContext):
    """A client context whose check of the server stays on: switching it off is `CertificateError` `verification`."""

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
        "this context always verifies the server; for a server with a certificate of its own CA give ca_file=,"
        " for one without TLS verification build an ssl.SSLContext yourself"
    )
    return CertificateError(text, "verification")


def client_context(
    identity: Identity,
    key: PrivateKey,
    *,
    client_id: str | ClientId | None,
    ca_file: str | os.PathLike[str] | None,
    max_length: int,
) -> ssl.SSLContext:
    """As `Identity.ssl_context`."""
    found = check_chain(list(identity.chain), client_id, max_length=max_length)
    faults = [finding for finding in found if finding.fault and finding.reason not in TOLERATED]
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise CertificateError(f"no server would accept this identity: {faults[0].text}{more}", "broken_chain", faults)
    context = VerifyingContext(ssl.PROTOCOL_TLS_CLIENT)  # its defaults: CERT_REQUIRED, check_hostname
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:  # SSLError is one: a file without certificates
            why = error.strerror if not isinstance(error, ssl.SSLError) else "no certificates in PEM form"
            raise CertificateError(
                f"the server's CA file {Path(ca_file)} cannot be used: {why}", "no_ca_file"
            ) from None
    _load(context, identity, key)
    return context


def _load(context: ssl.SSLContext, identity: Identity, key: PrivateKey) -> None:
    """Chain and key, through a file as the ssl module wants it: private, encrypted with a passphrase of the moment."""
    pem, passphrase = write_key_for_loading(key)
    with tempfile.TemporaryDirectory(prefix="smartrest-") as folder:  # mode 0700
        path = Path(folder) / "identity.pem"
        path.touch(mode=0o600)
        path.write_bytes(pem + identity.chain_pem)
        try:
            context.load_cert_chain(path, password=passphrase)
        except ssl.SSLError as error:
            text = f"the TLS library refuses this identity ({error.reason}): make a new one, RSA 3072 or P-256"
            raise CertificateError(text, "broken_chain") from None


# OpenSSL's verification results (X509_V_ERR_…): what is wrong with the server's certificate.
SERVER = {
    9: ("server_not_yet_valid", "the server's certificate is not valid yet: set this machine's clock right"),
    10: ("server_expired", "the server's certificate has expired: its operator must renew it (is this clock right?)"),
    18: ("server_unknown_ca", "the server's certificate is self-signed: give it (or its CA) as ca_file"),
    19: ("server_unknown_ca", "the server's CA is not known here: give the CA's certificate as ca_file"),
    20: ("server_unknown_ca", "the server's CA is not known here: give the CA's certificate as ca_file"),
    21: ("server_unknown_ca", "the server's CA is not known here: give the CA's certificate as ca_file"),
    23: ("server_revoked", "the server's certificate has been revoked: do not connect"),
    62: ("server_wrong_host", "the server's certificate is for another host name: connect by the name that it holds"),
    64: ("server_wrong_host", "the server's certificate is not for this IP address: connect by the name that it holds"),
}
# What the server said about us (TLS alerts, as OpenSSL names them in SSLError.reason), by a part of the name.
NO_TLS = "the server does not speak TLS on this port: certificates work on port 8883"
OLD_TLS = "the server speaks neither TLS 1.2 nor TLS 1.3"
ALERTS = (
    ("CERTIFICATE_REQUIRED", "client_missing", "the server wants a client certificate and got none"),
    ("CERTIFICATE_EXPIRED", "client_expired", "the server says the device certificate has expired: issue a new one"),
    ("CERTIFICATE_REVOKED", "client_revoked", "the server says the device certificate is revoked: issue a new one"),
    ("UNSUPPORTED_CERTIFICATE", "client_refused", "the server cannot use this kind of device certificate"),
    ("UNKNOWN_CA", "client_unknown_ca", "the server does not trust the device's CA: upload that CA and enable it"),
    (
        "CERTIFICATE_UNKNOWN",
        "client_refused",
        "the server refuses the device certificate: is its CA uploaded, enabled?",
    ),
    ("BAD_CERTIFICATE", "client_refused", "the server refuses the device certificate: hold it against check_chain"),
    ("DECRYPT_ERROR", "client_refused", "the server could not verify the device's signature: do key and chain match?"),
    ("ACCESS_DENIED", "client_refused", "the server knows the device certificate and denies access"),
    ("PROTOCOL_VERSION", "tls_version", OLD_TLS),
    ("UNSUPPORTED_PROTOCOL", "tls_version", OLD_TLS),
    ("WRONG_VERSION_NUMBER", "not_tls", NO_TLS),
    ("RECORD_LAYER_FAILURE", "not_tls", NO_TLS),
    (
        "HANDSHAKE_FAILURE",
        "no_agreement",
        "client and server found no common way to encrypt, or no fitting certificate",
    ),
)
REFUSED = "nothing listens on that port: certificates work on port 8883"
RESET = "the server dropped the connection: often a device certificate that it does not accept"


def explain_handshake(error: BaseException) -> CertificateError:
    """What a failed TLS connection means, from the exception that it ended with (`ssl.SSLError`, `OSError`).

    Returns the error to raise or to show: `reason` is one of docs/certificates.md ("Handshakes"), the text says what to
    do. With TLS 1.3 the server's verdict on the device comes with the first read after the handshake.
    """
    if isinstance(error, CertificateError):
        return error
    if isinstance(error, ssl.SSLCertVerificationError):
        reason, text = SERVER.get(
            error.verify_code, ("server_refused", f"the server's certificate is not acceptable: {error.verify_message}")
        )
        return CertificateError(text, reason)
    if isinstance(error, ssl.SSLError):
        name = error.reason or str(error).upper()
        for part, reason, text in ALERTS:
            if part in name.replace(" ", "_"):
                return CertificateError(text, reason)
        if isinstance(error, ssl.SSLEOFError):
            return CertificateError(RESET, "closed")
        return CertificateError(f"TLS failed: {name}", "tls")
    if isinstance(error, socket.gaierror):
        return CertificateError(f"the host name is not known: {error.strerror}", "unknown_host")
    if isinstance(error, TimeoutError):
        return CertificateError("the server did not answer in time: check host, port and firewall", "timeout")
    if isinstance(error, OSError):
        if error.errno == errno.ECONNREFUSED:
            return CertificateError(REFUSED, "refused")
        if isinstance(error, ConnectionError) or error.errno == errno.ECONNRESET:
            return CertificateError(RESET, "closed")
        return CertificateError(f"no connection: {error.strerror or error}", "network")
    return CertificateError(f"the connection failed: {type(error).__name__}", "unknown")
