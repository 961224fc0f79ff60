"""Makes certificates, valid and broken, and asks openssl about them. Keys are made once a run."""

from __future__ import annotations

import functools
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import warnings
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from smartrest.certificates import CertificateError

SECRET = "correct horse"  # the passphrase of these tests, which no error may quote
DATA = Path(__file__).parent / "data"
NOW = datetime.now(timezone.utc).replace(microsecond=0)
DAY = timedelta(days=1)


@functools.cache
def ec_key(number: int = 0) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@functools.cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def name(*common_names: str) -> x509.Name:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cryptography warns of names that are too long, on purpose here
        pieces = [x509.NameAttribute(NameOID.COMMON_NAME, text, _validate=False) for text in common_names]
    return x509.Name(pieces or [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "unknown")])


def usage(**flags: bool) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    names += ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{each: flags.get(each, False) for each in names})


CA_USAGE = usage(digital_signature=True, crl_sign=True, key_cert_sign=True)
DEVICE_USAGE = usage(digital_signature=True, content_commitment=True, key_encipherment=True)


def make(
    subject: x509.Name,
    key: Any,
    issuer: x509.Name,
    issuer_key: Any,
    *,
    ca: bool | None,
    path_length: int | None = None,
    begin: datetime = NOW - DAY,
    end: datetime = NOW + 300 * DAY,
    key_usage: x509.KeyUsage | None = None,
    authority: x509.AuthorityKeyIdentifier | None = None,
    own_id: bool = True,
    signer_id: bool = True,
    constraints_critical: bool = True,
    more: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> x509.Certificate:
    """One certificate; `ca=None` leaves BasicConstraints out. `signer_id` names the signer's key."""
    if authority is None and signer_id and subject != issuer:
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    builder = (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    extensions: list[tuple[x509.ExtensionType, bool]] = list(more)
    if ca is not None:
        extensions.append((x509.BasicConstraints(ca, path_length if ca else None), constraints_critical))
    if key_usage is not None:
        extensions.append((key_usage, False))
    if authority is not None:
        extensions.append((authority, False))
    if own_id:
        extensions.append((x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256())


def root(title: str = "Test CA", key: int = 1, **options: Any) -> x509.Certificate:
    options = {"ca": True, "key_usage": CA_USAGE, **options}
    return make(name(title), ec_key(key), name(title), ec_key(key), **options)


def device(
    title: str = "pump-1", key: int = 0, signer: str = "Test CA", signer_key: int = 1, **options: Any
) -> x509.Certificate:
    options = {"ca": False, "key_usage": DEVICE_USAGE, **options}
    return make(name(title), ec_key(key), name(signer), ec_key(signer_key), **options)


def middle(
    title: str = "Middle CA", key: int = 2, signer: str = "Test CA", signer_key: int = 1, **options: Any
) -> x509.Certificate:
    options = {"ca": True, "key_usage": CA_USAGE, **options}
    return make(name(title), ec_key(key), name(signer), ec_key(signer_key), **options)


def below_middle(title: str = "pump-1", **options: Any) -> x509.Certificate:
    return device(title, signer="Middle CA", signer_key=2, **options)


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def key_bytes(key: Any) -> bytes:
    data: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return data


def server_files(folder: Path, *, host: str = "127.0.0.1", trusted: bool = True, **options: Any) -> dict[str, Path]:
    """Certificate, key and CA of a TLS server, as files; options as `make`."""
    signer = root("Server CA", 8)
    options = {"ca": False, "key_usage": DEVICE_USAGE, **options}
    alternative = x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
    more = [
        (x509.SubjectAlternativeName([alternative]), False),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
    ]
    leaf = make(name("server"), ec_key(9), name("Server CA"), ec_key(8), more=more, **options)
    files = {"certfile": folder / "server.pem", "keyfile": folder / "server.key", "ca": folder / "server-ca.pem"}
    files["certfile"].write_bytes(pem(leaf))
    files["keyfile"].write_bytes(key_bytes(ec_key(9)))
    files["ca"].write_bytes(pem(signer if trusted else root("Other CA", 7)))
    return files


def openssl(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs openssl. Without it tests are skipped, which CI does not allow."""
    program = shutil.which("openssl")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("openssl is not installed", pytrace=False)
        pytest.skip("openssl is not installed")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False, **options)


def openssl_verdict(chain: Sequence[x509.Certificate], *options: str) -> str:
    """The errors of `openssl verify` for a chain whose last certificate is trusted; `""` for OK."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {part: Path(folder, part) for part in ("leaf", "between", "trusted")}
        paths["leaf"].write_bytes(pem(chain[0]))
        paths["between"].write_bytes(pem(*chain[1:-1]))
        paths["trusted"].write_bytes(pem(chain[-1]))
        arguments = ["-trusted", str(paths["trusted"])]
        if chain[1:-1]:
            arguments += ["-untrusted", str(paths["between"])]
        ran = openssl(
            "verify",
            "-partial_chain",
            "-check_ss_sig",
            "-purpose",
            "sslclient",
            *options,
            *arguments,
            str(paths["leaf"]),
        )
    if ran.returncode == 0:
        return ""
    return " | ".join(re.findall(r"error .*", ran.stderr)) or ran.stderr or "refused"


def plain_context(chain: bytes, key: Any, ca: Path | None, folder: Path) -> ssl.SSLContext:
    """A client context without our checks, to see how servers answer bad identities."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca is not None:
        context.load_verify_locations(ca)
    if chain:
        path = folder / "plain.pem"
        path.write_bytes(key_bytes(key) + chain)
        context.load_cert_chain(path)
    return context


def refused(reason: str, call: Any, *arguments: Any, **options: Any) -> str:
    """The text of the error that the call raises for this reason."""
    with pytest.raises(CertificateError) as caught:
        call(*arguments, **options)
    assert caught.value.reason == reason
    assert SECRET not in str(caught.value)
    return str(caught.value)
