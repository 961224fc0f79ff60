"""Builds the data that register certificates with the platform, and uploads a CA.

Requirements 13 and 14 of docs/certificates.md name the addresses and roles.
"""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from smartrest.mqtt import ClientId

from ._authority import CA
from ._check import aware
from ._errors import CertificateError, quoted
from ._facts import facts_of
from ._hostile import quiet
from ._http import HTTPS, Server, basic, bearer, post
from ._identity import Identity
from ._names import common_names, demand_name, title
from ._tls import server_context

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from datetime import datetime

UPLOAD_HINTS = {
    401: "check the user name and password, or the token",
    403: "the user needs the role ROLE_TENANT_ADMIN or ROLE_TENANT_MANAGEMENT_ADMIN",
    404: "check the host name and the tenant ID",
    409: "it is there already; a certificate may be uploaded once in the whole installation",
}
SEPARATOR = ";"
AGENT = "com_cumulocity_model_Agent.active"
OTP = "ENROLLMENT_OTP"
OTP_LIMIT = 32  # characters
FIRST = ("ID", "AUTH_TYPE", "TYPE", "NAME")


def trusted_certificate(
    ca: CA | x509.Certificate,
    *,
    name: str | None = None,
    auto_registration: bool = True,
    enabled: bool = True,
    now: datetime | None = None,
) -> dict[str, str]:
    """The JSON body that uploads a CA as trusted certificate (requirement 13), for `json.dumps`.

    `name` is a description, by default the common name. With `auto_registration` the platform registers a device of
    this CA when it first connects. `CertificateError` `not_a_ca` or `expired` if the platform would refuse it.
    """
    certificate = getattr(ca, "certificate", ca)  # of a CA, or of an identity, which is not one
    if not isinstance(certificate, x509.Certificate):
        raise TypeError(f"ca is a CA or a certificate of cryptography, not {type(ca).__name__}")
    with quiet():
        facts = facts_of(certificate, 0)
    if not facts.is_ca:
        text = f"{title(facts.subject)} is not a CA: upload the CA that signs the devices, not a device"
        raise CertificateError(text, "not_a_ca")
    if not certificate.not_valid_before_utc <= aware(now) < certificate.not_valid_after_utc:
        raise CertificateError(f"{title(facts.subject)} is not valid now: the platform would refuse it", "expired")
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    return {
        "status": "ENABLED" if enabled else "DISABLED",
        "name": name if name is not None else next(iter(common_names(certificate.subject)), "CA"),
        "autoRegistrationEnabled": "true" if auto_registration else "false",
        "certInPemFormat": pem.replace("\n", ""),
    }


def upload(
    host: str,
    tenant: str,
    ca: CA | x509.Certificate,
    *,
    user: str | None = None,
    password: str | None = None,
    token: str | None = None,
    name: str | None = None,
    auto_registration: bool = True,
    enabled: bool = True,
    port: int = HTTPS,
    ca_file: str | os.PathLike[str] | None = None,
    timeout: float = 30.0,
) -> dict[str, Any]:
    """Upload a CA as trusted certificate (requirement 13), as a user with its password or a token; returns the answer.

    `host` and `tenant` are the tenant's host name and ID; the rest as in `trusted_certificate`, `ca_file` as in
    `Identity.ssl_context`. `CertificateError` `not_authorized`, `upload_refused`, `bad_answer`, `bad_value`, and the
    reasons of `trusted_certificate` and `explain_handshake`.
    """
    if (token is None) == (user is None or password is None):
        raise ValueError("pass either user and password, or token")
    if not re.fullmatch(r"[\w.-]+", tenant, re.ASCII) or tenant in (".", ".."):
        raise CertificateError(f"{quoted(tenant)} is not a tenant ID, such as t0815", "bad_value")
    body = trusted_certificate(ca, name=name, auto_registration=auto_registration, enabled=enabled)
    login = bearer(token) if token is not None else basic(user or "", password or "")
    server = Server(host, port, server_context(ca_file), timeout)
    path = f"/tenant/tenants/{tenant}/trusted-certificates"
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    reply = post(server, path, login, headers, json.dumps(body).encode())
    if reply.status in (200, 201):
        try:
            made = json.loads(reply.body)
        except (ValueError, RecursionError):
            made = None
        if not isinstance(made, dict):
            raise CertificateError(f"{host} answers something else than JSON: is this the platform?", "bad_answer")
        return made
    hint = UPLOAD_HINTS.get(reply.status, "it refuses the certificate" if reply.status < 500 else "try later")
    reason = "not_authorized" if reply.status in (401, 403) else "upload_refused"
    raise CertificateError(f"{host} did not take the CA ({reply.status}){reply.said}: {hint}", reason)


def bulk_registration(
    devices: Iterable[str | Identity | Mapping[str, str]],
    *,
    type: str = "c8y_MQTTDevice",
) -> str:
    """The CSV text that registers certificate devices in bulk (requirement 14), separated by `;`.

    Each device is an identifier, an `Identity`, or a mapping of columns to values with at least `ID`: `NAME`, `TYPE`,
    `IDTYPE`, `ICCID`, `PATH`, `SHELL`, `TENANT`, `ENROLLMENT_OTP` (the one-time password that `enroll` needs),
    `external-…`, or the name of a property. `NAME` is by default the ID, `TYPE` is `type`; `AUTH_TYPE` is
    `CERTIFICATES`, and `CREDENTIALS` are not allowed.
    `CertificateError` `bad_name` for an identifier that registration refuses, `bad_value` for other values.
    """
    rows = [_row(device, type) for device in devices]
    passwords = [row[OTP] for row in rows if OTP in row]
    if len(set(passwords)) < len(passwords):
        raise CertificateError(f"two devices have the same {OTP}: each device needs its own", "bad_value")
    columns = list(dict.fromkeys([*FIRST, *(column for row in rows for column in row if column != AGENT), AGENT]))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=SEPARATOR, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row.get(column, "") for column in columns] for row in rows)
    return text.getvalue()


def _check_otp(identifier: str, otp: str) -> None:
    where = f"the {OTP} of {quoted(identifier)}"
    if not otp or len(otp) > OTP_LIMIT or not (otp.isascii() and otp.isprintable()):
        text = f"{where}: 1 to {OTP_LIMIT} printable ASCII characters are needed, such as secrets.token_urlsafe(24)"
        raise CertificateError(text, "bad_value")
    if identifier in otp:
        raise CertificateError(f"{where} holds the identifier, so it can be guessed: make a random one", "bad_value")


def _row(device: str | Identity | Mapping[str, str], kind: str) -> dict[str, str]:
    if isinstance(device, Identity):
        device = device.device_id
    given = {"ID": device} if isinstance(device, str) else dict(device)
    identifier = given.get("ID", "")
    demand_name(identifier, "the device identifier", device=True)
    for doubt in ClientId(identifier).check():
        raise CertificateError(f"the identifier {quoted(identifier)}: {doubt.text}", "bad_name")
    if given.get("CREDENTIALS"):
        raise CertificateError("CREDENTIALS given for a device with a certificate: leave them out", "bad_value")
    if given.get("AUTH_TYPE", "CERTIFICATES") != "CERTIFICATES":
        raise CertificateError("AUTH_TYPE of a device with a certificate must be CERTIFICATES", "bad_value")
    if (otp := given.get(OTP)) is not None:
        _check_otp(identifier, otp)
    row = {"ID": identifier, "AUTH_TYPE": "CERTIFICATES", "TYPE": kind, "NAME": identifier, **given, AGENT: "true"}
    row.pop("CREDENTIALS", None)
    for column, value in row.items():
        if any(ord(c) < 32 for c in column + value):
            raise CertificateError(f"control character in the column {quoted(column)}", "bad_value")
    return row
