"""Names in certificates: valid device names, and how subjects are built and compared.

The rules of X.509 are here; those of a ClientId are in `smartrest.mqtt`.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import NameOID

from smartrest.errors import SmartRestError
from smartrest.mqtt import ClientId

from ._errors import CertificateError, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_PARTS: Mapping[str, str] = {}  # of a subject, besides the name
CN_LIMIT = 64  # characters of a common name, X.520

# The fields of the guide's signing policy, in its order. Anything else is left out of signed certificates.
POLICY = {
    "country": NameOID.COUNTRY_NAME,
    "state": NameOID.STATE_OR_PROVINCE_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "unit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "name": NameOID.COMMON_NAME,
    "email": NameOID.EMAIL_ADDRESS,
}


def name_problem(text: str) -> tuple[str, str] | None:
    """Why this is not a valid common name, as reason and text; `None` if it is."""
    if not text:
        return "cn_missing", "is empty"
    if len(text) > CN_LIMIT:
        return "cn_too_long", f"has {len(text)} characters, and a common name holds {CN_LIMIT} at most"
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in text):
        return "cn_illegal", "holds a control character or half a surrogate pair"
    if text != text.strip():
        return "cn_illegal", "begins or ends with white space"
    return None


def device_problem(text: str) -> tuple[str, str] | None:
    """As `name_problem`, for the identifier of a device."""
    if ":" in text:
        return "cn_colon", "holds a colon, which separates the parts of a ClientId"
    if problem := name_problem(text):
        return problem
    try:
        ClientId(text)
    except SmartRestError as error:
        return "cn_illegal", f"cannot name a device: {error}"
    return None


def make_name(common_name: str, subject: Mapping[str, str]) -> x509.Name:
    """A subject in the order of the guide's policy. `CertificateError` `bad_name`."""
    if unknown := sorted(set(subject) - (set(POLICY) - {"name"})):
        raise CertificateError(f"unknown part of a subject: {quoted(unknown[0])}", "bad_name")
    parts = {**subject, "name": common_name}
    try:
        return x509.Name([x509.NameAttribute(oid, parts[part]) for part, oid in POLICY.items() if parts.get(part)])
    except ValueError as error:
        raise CertificateError(f"invalid subject: {error}", "bad_name") from None


def demand_name(text: str, what: str, *, device: bool = False) -> str:
    """The text, if it is a valid common name (of a device). `CertificateError` `bad_name`, `TypeError`."""
    if not isinstance(text, str):
        raise TypeError(f"{what} is str, not {type(text).__name__}")
    if problem := device_problem(text) if device else name_problem(text):
        raise CertificateError(f"{what} {quoted(text)} {problem[1]}", "bad_name")
    if (size := len(text.encode())) > CN_LIMIT:  # X.520 counts characters, cryptography bytes
        raise CertificateError(f"{what} {quoted(text)} is {size} bytes long in UTF-8: {CN_LIMIT} at most", "bad_name")
    return text


def common_names(name: x509.Name) -> list[str]:
    """All common names in a subject; there should be one."""
    values = (attribute.value for attribute in name.get_attributes_for_oid(NameOID.COMMON_NAME))
    return [value if isinstance(value, str) else value.decode("latin-1") for value in values]


def name_key(name: x509.Name | None) -> object:
    """A key that is equal for names that TLS libraries take for equal, whatever their case and blanks."""
    if name is None:
        return None
    return tuple(frozenset((each.oid, _folded(each.value)) for each in part) for part in name.rdns)


def _folded(value: str | bytes) -> str | bytes:
    if isinstance(value, bytes):
        return value
    return re.sub("[A-Z]+", lambda match: match[0].lower(), re.sub("[ \t\n\v\f\r]+", " ", value).strip(" "))


def title(name: x509.Name | None) -> str:
    """A short form of a subject for messages: its first common name, else all of it."""
    if name is None:
        return "unreadable name"
    names = common_names(name)
    return quoted(names[0] if names else name.rfc4514_string())
