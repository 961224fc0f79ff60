"""Checks a certificate chain against the numbered requirements of docs/certificates.md ("Requirements").

Reports everything at once and never raises on a bad chain. `cryptography` verifies the signatures; this module says
which certificate must meet which requirement. Requirements, reasons and docs/certificates.md change together.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509 import DirectoryName, Version
from cryptography.x509.oid import ExtendedKeyUsageOID

from smartrest.errors import SmartRestError
from smartrest.mqtt import ClientId

from ._errors import quoted
from ._facts import read_chain, signature_verdict
from ._findings import ChainFinding
from ._hostile import quiet
from ._keys import CURVE, RSA_LEAST, key_name
from ._names import common_names, device_problem, title
from ._order import put_in_order

if TYPE_CHECKING:
    from ._facts import Facts

CHAIN_LIMIT = 10  # certificates, device and CA included, in the cloud
CHAIN_SURE = 2  # every installation accepts so many
SOON = timedelta(days=30)


def check_chain(
    chain: object, client_id: str | ClientId | None, *, max_length: int | None = None, now: datetime | None = None
) -> list[ChainFinding]:
    """Return every fault and doubt about a device's certificate chain; an empty list if there are none.

    `chain` is PEM text (`bytes` or `str`), a path (`os.PathLike`), an `Identity`, or a list of certificates of
    `cryptography`, device first. `client_id` is the MQTT ClientId that the device will use, or `None` to skip the
    comparison with the common name. `max_length` counts certificates, device and CA included; without it more than 10
    are a fault and more than 2 a doubt. `now` is an aware `datetime`, by default the present.

    Never raises on a bad chain; `TypeError` and `ValueError` for wrong arguments, `OSError` for an unreadable path.
    """
    moment = aware(now)
    if client_id is not None and not isinstance(client_id, (str, ClientId)):
        raise TypeError(f"client_id is str, ClientId or None, not {type(client_id).__name__}")
    if max_length is not None and max_length < 1:
        raise ValueError(f"max_length is at least 1, not {max_length}")
    findings: list[ChainFinding] = []
    given = read_chain(chain, findings)
    if not given:
        text = "the chain is empty: put the device certificate first"
        return findings or [ChainFinding("no_certificate", text, requirement=11)]
    with quiet():
        path = put_in_order(given, findings)
        for place, facts in enumerate(path):
            _check_one(facts, moment, findings)
            _check_role(facts, place, len(path), findings)
            _check_strict(facts, place == len(path) - 1, findings)
        for child, parent in pairwise(path):
            _check_link(child, parent, findings)
        _check_last(path[-1], findings)
        _check_name(path[0], client_id, findings)
    most = CHAIN_LIMIT if max_length is None else max_length
    if len(path) > most:
        text = (
            f"the chain has {len(path)} certificates and at most {most} are accepted: upload the CA that signs"
            " the device and end the chain with it, or raise max_length if your installation takes longer chains"
        )
        findings.append(ChainFinding("too_long", text, requirement=8))
    elif max_length is None and len(path) > CHAIN_SURE:
        text = (
            f"the chain has {len(path)} certificates, and older installations accept {CHAIN_SURE}: give max_length if"
            " you know that yours takes them, or upload the CA that signs the device and end the chain with it"
        )
        findings.append(ChainFinding("long_chain", text, requirement=8, fault=False))
    return findings


def aware(now: datetime | None) -> datetime:
    """`now`, by default the present. `ValueError` for a datetime without time zone."""
    if now is None:
        return datetime.now(timezone.utc)
    if now.tzinfo is None or now.utcoffset() is None:
        raise ValueError("now needs a time zone: datetime.now(timezone.utc)")
    return now


def _check_one(facts: Facts, now: datetime, findings: list[ChainFinding]) -> None:
    """Checks of every certificate: readable, version, key, kind of signature, dates."""
    if facts.unreadable:
        parts = ", ".join(facts.unreadable)
        findings.append(facts.finding(None, "unreadable", f"{facts.label}: cannot be read ({parts}): issue it again"))
    if facts.certificate.version is not Version.v3:
        text = f"{facts.label} is X.509 version 1: issue it again with extensions, which makes it version 3"
        findings.append(facts.finding(1, "not_version_3", text))
    if facts.unknown_critical:
        text = f"{facts.label} has a critical extension that TLS libraries refuse ({facts.unknown_critical[0]})"
        findings.append(facts.finding(None, "critical_extension", text))
    if facts.name_constraints:
        text = f"{facts.label} has name constraints, which are not checked here"
        findings.append(facts.finding(None, "name_constraints", text, fault=False))
    usage = facts.extended_usage
    if usage is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in usage:
        text = f"{facts.label} has an extended key usage without clientAuth: issue it without extended key usage"
        findings.append(facts.finding(None, "wrong_usage", text))
    _check_strength(facts, findings)
    if "dates" not in facts.unreadable:
        _check_dates(facts, now, findings)


def _check_strength(facts: Facts, findings: list[ChainFinding]) -> None:
    key, name = facts.public_key, key_name(facts.public_key)
    if isinstance(key, rsa.RSAPublicKey):
        weak, common = key.key_size < RSA_LEAST, True
    elif isinstance(key, ec.EllipticCurvePublicKey):
        weak, common = key.curve.key_size < CURVE.key_size, key.curve.name == CURVE.name
    else:
        weak, common = isinstance(key, dsa.DSAPublicKey), key is None
    if weak:
        text = f"{facts.label} has a weak key ({name}): make a new one, RSA of at least {RSA_LEAST} bits or P-256"
        findings.append(facts.finding(9, "weak_key", text))
    elif not common:
        text = f"{facts.label} has an {name} key, which may not work with the platform: use RSA or P-256"
        findings.append(facts.finding(9, "unusual_key", text, fault=False))
    if facts.weak_hash:
        text = f"{facts.label} is signed with {str(facts.hash_name).upper()}: have it signed again with SHA-256"
        findings.append(facts.finding(9, "weak_signature", text))


def _check_dates(facts: Facts, now: datetime, findings: list[ChainFinding]) -> None:
    begin, end = facts.certificate.not_valid_before_utc, facts.certificate.not_valid_after_utc
    if now < begin:
        text = f"{facts.label} is not valid before {_day(begin)}: wait, or set the clocks right"
        findings.append(facts.finding(10, "not_yet_valid", text))
    elif now >= end:
        findings.append(facts.finding(10, "expired", f"{facts.label} expired on {_day(end)}: issue a new one"))
    elif end - now < SOON:
        text = f"{facts.label} expires on {_day(end)}: issue a new one in time"
        findings.append(facts.finding(10, "expires_soon", text, fault=False))


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _check_role(facts: Facts, place: int, count: int, findings: list[ChainFinding]) -> None:
    """Checks that depend on the place in the chain: CA flag, usages, path length."""
    if facts.certificate.version is not Version.v3 or "extensions" in facts.unreadable:
        return  # no CA flag to check
    usage = facts.key_usage
    if place == 0:
        if facts.is_ca:
            text = f"{facts.label} comes first but is a CA: begin the chain with a device certificate (CA:FALSE)"
            if count == 1 and facts.self_issued:
                text = f"{facts.label} signs itself and is a CA: upload this very certificate as trusted, then it works"
            findings.append(facts.finding(3, "device_is_ca", text, fault=False))
        elif usage is not None and not (usage.digital_signature or usage.key_agreement):
            text = f"{facts.label} has a key usage without digitalSignature, so it cannot log in: issue it again"
            findings.append(facts.finding(None, "wrong_usage", text))
        return
    if not facts.is_ca:
        number, reason = (2, "uploaded_not_ca") if place == count - 1 else (3, "not_ca")
        role = "is the one to upload" if number == 2 else "signs another"
        text = f"{facts.label} {role} but is not a CA (BasicConstraints CA:TRUE is missing): issue it again as a CA"
        findings.append(facts.finding(number, reason, text))
    elif usage is not None and not usage.key_cert_sign:
        text = f"{facts.label} signs another but its key usage lacks keyCertSign: issue it again as a CA"
        findings.append(facts.finding(3, "no_cert_sign", text))
    if facts.path_length is not None and facts.path_length < place - 1:
        text = (
            f"{facts.label} allows {facts.path_length} CA certificates below it (pathlen) and has {place - 1}:"
            f" issue it again with pathlen {place - 1} or more, or leave an intermediate out"
        )
        findings.append(facts.finding(7, "pathlen", text))


def _check_strict(facts: Facts, last: bool, findings: list[ChainFinding]) -> None:
    """RFC 5280 rules that TLS libraries enforce only in strict mode (OpenSSL: `-x509_strict`)."""
    if facts.certificate.version is not Version.v3 or "extensions" in facts.unreadable:
        return
    missing = []
    if facts.is_ca and facts.subject_key_id is None:
        missing.append("a subject key identifier")
    if (facts.authority is None or facts.authority.key_identifier is None) and not (last or facts.self_issued):
        missing.append("an authority key identifier")
    if facts.is_ca and not facts.constraints_critical:
        missing.append("BasicConstraints that are critical")
    if facts.is_ca and facts.path_length is not None and facts.key_usage is None:
        missing.append("the key usage that pathlen needs")
    if missing:
        text = f"{facts.label} lacks {' and '.join(missing)}, so strict TLS libraries refuse it: issue it again"
        findings.append(facts.finding(None, "not_strict", text, fault=False))


def _check_link(child: Facts, parent: Facts, findings: list[ChainFinding]) -> None:
    """Whether `parent` signed `child`; `put_in_order` reports names that do not match."""
    if child.issuer is None or parent.subject is None or child.issuer_key != parent.subject_key:
        return
    if child.issuer.public_bytes() != parent.subject.public_bytes():
        text = f"{child.label} names its signer in another spelling than {parent.label} names itself: issue it again"
        findings.append(child.finding(6, "name_spelling", text))
        return
    if child.weak_hash or not _verify(child, parent, findings):
        return  # a weak signature is reported as such; cryptography would not verify it
    named = child.authority
    if named is None:
        return
    serial = named.authority_cert_serial_number
    names = [name.value for name in named.authority_cert_issuer or () if isinstance(name, DirectoryName)]
    other_key = named.key_identifier is not None and parent.subject_key_id not in (None, named.key_identifier)
    other_serial = serial is not None and serial != parent.certificate.serial_number
    if other_key or other_serial or (names and parent.issuer not in names):
        text = (
            f"{child.label} names another certificate of its signer than {parent.label} (authority key identifier):"
            " put the one that it was signed with into the chain"
        )
        findings.append(child.finding(6, "key_id_mismatch", text))


def _verify(child: Facts, parent: Facts, findings: list[ChainFinding]) -> bool:
    verdict = signature_verdict(child, parent)
    if verdict == "good":
        return True
    if verdict == "unknown":
        text = f"{child.label}: this kind of signature cannot be verified here"
    elif child is parent:
        text = f"{child.label} claims to sign itself but its signature is wrong: it was changed or damaged"
    else:
        text = (
            f"{child.label} was not signed by the key of {parent.label}, though the names match:"
            " another CA of that name signed it, or it was changed; issue it again"
        )
    findings.append(child.finding(6, "bad_signature", text))
    return False


def _check_last(last: Facts, findings: list[ChainFinding]) -> None:
    if last.self_issued and not any(f.reason == "self_signed" for f in findings):
        _check_link(last, last, findings)


def _check_name(device: Facts, client_id: str | ClientId | None, findings: list[ChainFinding]) -> None:
    """Requirement 4: the common name and the ClientId."""
    expected = None
    try:
        expected = None if client_id is None else ClientId.parse(str(client_id)).device_id
    except SmartRestError as error:
        text = f"the ClientId {quoted(str(client_id))} is not ID, d:ID or d:ID:template: {error}"
        findings.append(ChainFinding("bad_client_id", text, requirement=4))
    if device.subject is None:
        return
    names = common_names(device.subject)
    if len(names) != 1 or not names[0]:
        reason, count = ("cn_several", "several common names") if len(names) > 1 else ("cn_missing", "no common name")
        text = f"{device.label} has {count}: issue it with the device identifier as its one common name"
        findings.append(device.finding(4, reason, text))
        return
    name = names[0]
    problem = device_problem(name)
    if problem:
        # Some servers take d:<device ID> for the ID.
        bare = name.removeprefix("d:")
        doubt = problem[0] == "cn_colon" and bare != name and device_problem(bare) is None
        text = f"the common name {title(device.subject)} {problem[1]}: issue a certificate for another identifier"
        findings.append(device.finding(4, problem[0], text, fault=not doubt))
        if doubt:
            name, problem = bare, None
    if expected is not None and expected != name and (problem is None or problem[0] != "cn_colon"):
        text = (
            f"the device certificate is for {quoted(name)}, but the ClientId names the device {quoted(expected)}:"
            " connect with that ClientId, or issue a certificate for this one"
        )
        findings.append(device.finding(4, "cn_mismatch", text))
