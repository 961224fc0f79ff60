"""Creates, checks, saves and uses X.509 identities of devices. Needs `smartrest[certificates]`.

A `CA` issues an `Identity`, also for a `SigningRequest` whose key stays elsewhere. `check_chain` checks a chain against
the platform's requirements (docs/certificates.md).
"""

from __future__ import annotations

try:
    import cryptography as _cryptography  # noqa: F401 - only to name the missing library
except ModuleNotFoundError as error:
    from .. import _install

    raise _install.hint(error, "smartrest.certificates", "certificates") from None

from ._authority import CA
from ._check import CHAIN_LIMIT, check_chain
from ._enrolment import enroll, renew, renewal_due
from ._errors import CertificateError
from ._findings import REQUIREMENTS, ChainFinding
from ._handshake import explain_handshake, fetch_certificates, try_handshake
from ._identity import Identity
from ._platform import bulk_registration, trusted_certificate, upload
from ._request import SigningRequest
from ._stores import load_truststore, truststore

__all__ = [
    "CA",
    "CHAIN_LIMIT",
    "REQUIREMENTS",
    "CertificateError",
    "ChainFinding",
    "Identity",
    "SigningRequest",
    "bulk_registration",
    "check_chain",
    "enroll",
    "explain_handshake",
    "fetch_certificates",
    "load_truststore",
    "renew",
    "renewal_due",
    "trusted_certificate",
    "truststore",
    "try_handshake",
    "upload",
]
