"""Builds the data that register certificates with the platform. Sends nothing: there is no HTTP client here.

Requirements 13 and 14 of docs/certificates.md name the addresses and roles.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from smartrest.mqtt import ClientId

from ._authority import CA
from ._check import aware
from ._errors import CertificateError, quoted
from ._facts import facts_of, quiet
from ._identity import Identity
from ._names import common_names, demand_name, title

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

SEPARATOR = ";"
AGENT = "com_cumulocity_model_Agent.active"
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


def bulk_registration(
    devices: Iterable[str | Identity | Mapping[str, str]],
    *,
    type: str = "c8y_MQTTDevice",
) -> str:
    """The CSV text that registers certificate devices in bulk (requirement 14), separated by `;`.

    Each device is an identifier, an `Identity`, or a mapping of columns to values with at least `ID`: `NAME`, `TYPE`,
    `IDTYPE`, `ICCID`, `PATH`, `SHELL`, `TENANT`, `external-…`, or the name of a property. `NAME` is by default the ID,
    `TYPE` is `type`; `AUTH_TYPE` is `CERTIFICATES`, and `CREDENTIALS` are not allowed.
    `CertificateError` `bad_name` for an identifier that registration refuses, `bad_value` for other values.
    """
    rows = [_row(device, type) for device in devices]
    columns = list(dict.fromkeys([*FIRST, *(column for row in rows for column in row if column != AGENT), AGENT]))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=SEPARATOR, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row.get(column, "") for column in columns] for row in rows)
    return text.getvalue()


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
    row = {"ID": identifier, "AUTH_TYPE": "CERTIFICATES", "TYPE": kind, "NAME": identifier, **given, AGENT: "true"}
    row.pop("CREDENTIALS", None)
    for column, value in row.items():
        if any(ord(c) < 32 for c in column + value):
            raise CertificateError(f"control character in the column {quoted(column)}", "bad_value")
    return row
