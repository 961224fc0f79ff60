"""EST (RFC 7030) as the platform's certificate authority speaks it: a signing request up, a certificate down.

`_http` speaks HTTP and `cryptography` reads PKCS#7; this module knows addresses, headers and what can go wrong.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from ._check import check_chain
from ._errors import CertificateError, quoted
from ._files import READ_LIMIT
from ._hostile import quiet, readable
from ._http import Reply, Server, post
from ._identity import Identity, read_certificates
from ._keys import same_key
from ._stores import chain_of
from ._tls import STOPPING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._request import SigningRequest

ENROLL = "/.well-known/est/simpleenroll"
REENROLL = "/.well-known/est/simplereenroll"
HEADERS = {
    "Content-Type": "application/pkcs10",
    "Content-Transfer-Encoding": "base64",
    "Accept": "application/pkcs7-mime",
}
GOOD = (200, 201)  # RFC 7030 says 200, the platform's guide 201
USED_UP = (
    "a one-time password works once: if it was used, register the device again with a new one."
    " Check the device identifier too"
)
OUTDATED = "the token has expired, or belongs to another tenant: get a new one"


def ask(server: Server, path: str, authorization: str, request: SigningRequest) -> bytes:
    """The body of the answer to a signing request.

    `CertificateError` `not_authorized`, `no_authority`, `est_refused`, `est_unavailable` (try later), and as `post`.
    """
    body = base64.encodebytes(request.request.public_bytes(Encoding.DER))
    reply = post(server, path, authorization, HEADERS, body)
    if reply.status not in GOOD:
        raise _refusal(server.host, reply, USED_UP if path == ENROLL else OUTDATED)
    return reply.body


def _refusal(host: str, reply: Reply, hint: str) -> CertificateError:
    status, said = reply.status, reply.said
    if status in (401, 403):
        return CertificateError(f"{host} does not accept this login ({status}){said}. {hint}", "not_authorized")
    if 300 <= status < 400:
        text = f"{host} answers with a redirect ({status}): use the host name of the tenant itself"
        return CertificateError(text, "no_authority")
    if status in (404, 405, 501):
        hint = "the tenant needs a certificate authority (Device Management, trusted certificates, Add CA certificate)"
        return CertificateError(f"{host} has no EST service here ({status}){said}: {hint}", "no_authority")
    if status in (202, 408, 429) or status >= 500:
        return CertificateError(f"{host} cannot answer now ({status}){said}: try later", "est_unavailable")
    return CertificateError(f"{host} refuses the request ({status}){said}", "est_refused")


def read_answer(data: bytes) -> list[x509.Certificate]:
    """The certificates of an answer: PKCS#7 in base64 or DER, or in PEM. `CertificateError` `bad_answer`."""
    if len(data) > READ_LIMIT:
        raise CertificateError("the answer is larger than 1 MiB: is this the platform?", "bad_answer")
    text = data.strip()
    if text[:1] == b"<":
        raise CertificateError("the answer is a web page: use the host name of the tenant itself", "bad_answer")
    with readable("the answer is not a certificate (PKCS#7 in base64, or PEM): is this the platform?", "bad_answer"):
        if b"-----BEGIN CERTIFICATE" in text:
            return read_certificates(text, "the answer")
        with quiet():  # the platform writes BER, which is allowed here
            if b"-----BEGIN" in text:
                return pkcs7.load_pem_pkcs7_certificates(text)
            der = text if text[:1] == b"\x30" else base64.b64decode(b"".join(text.split()), validate=True)
            return pkcs7.load_der_pkcs7_certificates(der)


def accept(
    request: SigningRequest, certificates: Sequence[x509.Certificate], known: Sequence[x509.Certificate] = ()
) -> Identity:
    """The identity that an answer makes of a request. `known`: CA certificates that may complete its chain.

    `CertificateError` `bad_answer`, `key_mismatch`, `cn_mismatch`, `broken_chain` (with `.findings`, as `expired`).
    """
    if not certificates:
        raise CertificateError("the answer holds no certificate", "bad_answer")
    public = request.key.public_key()
    leaf = next((each for each in certificates if _has_key(each, public)), None)
    if leaf is None:
        raise CertificateError("the answer is a certificate for another key than the request's", "key_mismatch")
    with quiet():
        identity = Identity(chain_of(leaf, [*certificates, *known]), request.key)
    if identity.device_id != request.name:
        text = f"the answer is for {quoted(identity.device_id)}, but the request was for {quoted(request.name)}"
        raise CertificateError(text, "cn_mismatch")
    found = check_chain(identity, request.name, max_length=10)
    faults = [finding for finding in found if finding.fault and finding.reason in STOPPING]
    if faults:
        raise CertificateError(f"the answer cannot be used: {faults[0].text}", "broken_chain", faults)
    return identity


def _has_key(certificate: x509.Certificate, public: object) -> bool:
    try:
        with readable("the key"):
            return same_key(certificate.public_key(), public)
    except CertificateError:
        return False


# --- the other side, for tests ---


def decode_request(body: bytes) -> bytes:
    """The signing request of a device, from the body of its call, in PEM. `CertificateError` `bad_request`."""
    with readable("not a signing request in base64", "bad_request"):
        der = base64.b64decode(b"".join(body.split()), validate=True)
        return x509.load_der_x509_csr(der).public_bytes(Encoding.PEM)


def encode_answer(certificates: Sequence[x509.Certificate]) -> bytes:
    """Certificates as a server answers with them: PKCS#7 in base64."""
    return base64.encodebytes(pkcs7.serialize_certificates(list(certificates), Encoding.DER))
