"""Explains failed TLS handshakes in plain words, and tries one to see whether it works.

The alerts and verification results are OpenSSL's, under the names that the ssl module gives them.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
from typing import Any

from cryptography import x509

from ._errors import CertificateError

VERDICT_WAIT = 2.0  # seconds: a TLS 1.3 server refuses the client's certificate only after the handshake

# OpenSSL's verification results (X509_V_ERR_…) for the server's certificate.
SERVER = {
    9: ("server_not_yet_valid", "the server's certificate is not valid yet: set this machine's clock right"),
    10: ("server_expired", "the server's certificate has expired: its operator must renew it (is this clock right?)"),
    18: ("server_unknown_ca", "the server's certificate is self-signed: give it (or its CA) as ca_file"),
    19: ("server_unknown_ca", "the server's CA is not known here: give the CA's certificate as ca_file"),
    20: ("server_unknown_ca", "the server's CA is not known here: give the CA's certificate as ca_file"),
    21: ("server_unknown_ca", "the server's CA is not known here: give the CA's certificate as ca_file"),
    23: ("server_revoked", "the server's certificate has been revoked: do not connect"),
    62: ("server_wrong_host", "the server's certificate is for another host name: connect by the name in it"),
    64: ("server_wrong_host", "the server's certificate is not for this IP address: connect by the name in it"),
}
# TLS alerts from the server about the device, by a part of OpenSSL's name in SSLError.reason.
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
        "the server refuses the device certificate: is its CA uploaded and enabled?",
    ),
    ("BAD_CERTIFICATE", "client_refused", "the server refuses the device certificate: run check_chain on it"),
    ("DECRYPT_ERROR", "client_refused", "the server could not verify the device's signature: do key and chain match?"),
    ("ACCESS_DENIED", "client_refused", "the server knows the device certificate and denies access"),
    ("PROTOCOL_VERSION", "tls_version", OLD_TLS),
    ("UNSUPPORTED_PROTOCOL", "tls_version", OLD_TLS),
    ("WRONG_VERSION_NUMBER", "not_tls", NO_TLS),
    ("RECORD_LAYER_FAILURE", "not_tls", NO_TLS),
    ("HANDSHAKE_FAILURE", "no_agreement", "client and server share no cipher, or the server wants another certificate"),
)
REFUSED = "nothing listens on that port: certificates work on port 8883"
RESET = "the server dropped the connection: often it does not accept the device certificate, or does not speak TLS"


def explain_handshake(error: BaseException) -> CertificateError:
    """Explain a failed TLS connection, given the exception that ended it (`ssl.SSLError`, `OSError`).

    Returns the error to raise or to show: `reason` is one of docs/certificates.md ("Handshakes"), the text gives the
    next step. With TLS 1.3 the server's verdict on the device comes with the first read after the handshake.
    """
    if isinstance(error, CertificateError):
        return error
    if isinstance(error, ssl.SSLCertVerificationError):
        reason, text = SERVER.get(
            error.verify_code, ("server_refused", f"the server's certificate is not acceptable: {error.verify_message}")
        )
        return CertificateError(text, reason)
    if isinstance(error, ssl.SSLError):
        name = getattr(error, "reason", None) or str(error)  # only errors from OpenSSL itself have a reason
        for part, reason, text in ALERTS:
            if part in name:
                return CertificateError(text, reason)
        if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
            return CertificateError(RESET, "closed")
        return CertificateError(f"TLS failed: {name}", "tls")
    if isinstance(error, UnicodeError):  # from the encoding of names for DNS
        return CertificateError("this cannot be a host name: a part of it is empty or too long", "unknown_host")
    if isinstance(error, socket.gaierror):
        return CertificateError(f"unknown host name: {error.strerror}", "unknown_host")
    if isinstance(error, TimeoutError):
        return CertificateError("the server did not answer in time: check host, port and firewall", "timeout")
    if isinstance(error, OSError):
        if error.errno == errno.ECONNREFUSED:
            return CertificateError(REFUSED, "refused")
        if isinstance(error, ConnectionError) or error.errno == errno.ECONNRESET:
            return CertificateError(RESET, "closed")
        return CertificateError(f"no connection: {error.strerror or error}", "network")
    return CertificateError(f"the connection failed: {type(error).__name__}", "unknown")


def try_handshake(host: str, port: int, context: ssl.SSLContext, *, timeout: float = 10.0) -> str:
    """Connect, shake hands, wait briefly for the server's verdict and hang up; return the TLS version.

    Raises the error of `explain_handshake`. Speaks no MQTT: the platform refuses a ClientId that does not match the
    certificate later, with CONNACK 5; `check_chain` finds that beforehand.
    """
    try:
        with (
            socket.create_connection((host, port), timeout) as plain,
            context.wrap_socket(plain, server_hostname=host) as s,
        ):
            version = s.version()
            s.settimeout(VERDICT_WAIT)
            with contextlib.suppress(TimeoutError):  # the server waits for our first packet: accepted
                if version == "TLSv1.3" and not s.recv(1):
                    raise ConnectionResetError
            return version or "TLS"
    except (OSError, UnicodeError) as error:
        raise explain_handshake(error) from error


def fetch_certificates(host: str, port: int = 8883, *, timeout: float = 10.0) -> list[x509.Certificate]:
    """The certificates that a server shows, its own first. Trusts none of them and sends nothing.

    Compare the fingerprint of one of them with the operator before you trust it. The whole chain needs CPython;
    elsewhere it is the server's own certificate alone. Raises the error of `explain_handshake`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # to look, not to talk
    try:
        with (
            socket.create_connection((host, port), timeout) as plain,
            context.wrap_socket(plain, server_hostname=host) as session,
        ):
            shown = _shown(session)
    except (OSError, UnicodeError) as error:
        raise explain_handshake(error) from error
    try:
        return [x509.load_der_x509_certificate(each) for each in shown]
    except ValueError:
        raise CertificateError("the server's certificate cannot be read", "server_refused") from None


def _shown(session: ssl.SSLSocket) -> list[bytes]:
    """The chain in DER; public since Python 3.13, inside the socket before."""
    inner: Any = session if hasattr(session, "get_unverified_chain") else getattr(session, "_sslobj", None)
    chain: list[Any] = getattr(inner, "get_unverified_chain", list)() or [session.getpeercert(binary_form=True)]
    return [each if isinstance(each, bytes) else ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in chain]
