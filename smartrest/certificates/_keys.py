"""Creates, reads and writes private keys (RSA or P-256, PKCS#8 on disk) and judges their strength."""

from __future__ import annotations

import os
import secrets
import stat
import warnings
from typing import TYPE_CHECKING, Literal, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from ._errors import CertificateError
from ._pem import find_blocks

if TYPE_CHECKING:
    from ._pem import Block

PrivateKey: TypeAlias = "rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey"
KeySpec: TypeAlias = "int | Literal['P-256'] | PrivateKey"
Passphrase: TypeAlias = "str | bytes"  # noqa: S105 - a type, no password

RSA_LEAST = 2048  # bits: requirement 9
RSA_MOST = 4096  # bits; larger keys only slow down every handshake
RSA_DEFAULT = 3072
CURVE = ec.SECP256R1()


def make_key(spec: KeySpec) -> PrivateKey:
    """A new key of the given size, or the given private key once checked. `CertificateError` `bad_key`."""
    if isinstance(spec, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        demand_key(spec.public_key())
        return spec
    if spec == "P-256":
        return ec.generate_private_key(CURVE)
    if isinstance(spec, int) and not isinstance(spec, bool) and RSA_LEAST <= spec <= RSA_MOST:
        return rsa.generate_private_key(65537, spec)
    raise CertificateError(f"a key is RSA of {RSA_LEAST} to {RSA_MOST} bits or 'P-256', not {spec!r}", "bad_key")


def demand_key(public: object) -> None:
    """`CertificateError` `bad_key` unless certificates are issued for this kind of key."""
    good = isinstance(public, rsa.RSAPublicKey) and RSA_LEAST <= public.key_size <= RSA_MOST
    if not good and not (isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name == CURVE.name):
        raise CertificateError(
            f"{key_name(public)} key: use RSA of {RSA_LEAST} to {RSA_MOST} bits, or the curve P-256", "bad_key"
        )


def key_name(public: object) -> str:
    """The kind of a key, as in `RSA 3072` or `EC P-256`."""
    if isinstance(public, rsa.RSAPublicKey):
        return f"RSA {public.key_size}"
    if isinstance(public, ec.EllipticCurvePublicKey):
        return "EC P-256" if public.curve.name == CURVE.name else f"EC {public.curve.name}"
    if isinstance(public, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)):
        return "Ed25519" if isinstance(public, ed25519.Ed25519PublicKey) else "Ed448"
    return type(public).__name__.lstrip("_").removesuffix("PublicKey").upper()


def same_key(one: object, other: object) -> bool:
    """Whether two public keys are the same."""
    return public_bytes(one) == public_bytes(other)


def public_bytes(public: object) -> bytes:
    data: bytes = public.public_bytes(  # type: ignore[attr-defined] # every public key of cryptography has it
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return data


def secret(passphrase: Passphrase) -> bytes:
    """A passphrase as bytes. `CertificateError` `bad_passphrase` if it is empty or not text."""
    try:
        data = passphrase.encode() if isinstance(passphrase, str) else bytes(passphrase)
    except UnicodeEncodeError:
        raise CertificateError("the passphrase is not UTF-8", "bad_passphrase") from None
    if not data:
        text = "empty passphrase: choose one that is not empty"
        raise CertificateError(text, "bad_passphrase")
    return data


def write_key(key: PrivateKey, passphrase: Passphrase | None) -> bytes:
    """The key as PKCS#8 in PEM, encrypted if a passphrase is given."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        encryption = serialization.BestAvailableEncryption(secret(passphrase))
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def write_key_for_loading(key: PrivateKey) -> tuple[bytes, bytes]:
    """The key encrypted with a one-time passphrase, and that passphrase: for APIs that read a file."""
    passphrase = secrets.token_hex(32).encode()
    return write_key(key, passphrase), passphrase


def find_key(data: bytes) -> Block | None:
    """The first private key of a PEM text."""
    return next((block for block in find_blocks(data)[0] if block.label.endswith("PRIVATE KEY")), None)


def read_key(data: bytes, passphrase: Passphrase | None, path: str) -> PrivateKey:
    """The private key of a PEM text that was read from `path`.

    `UserWarning` if the key is not encrypted and users other than its owner may read the file. Not an error, as
    with `ssh`: containers often mount secrets with a mode that the program cannot choose.

    `CertificateError`: `no_key`, `no_passphrase`, `wrong_passphrase`, `unreadable`, `bad_key` (neither RSA nor EC).
    """
    block = find_key(data)
    if block is None:
        raise CertificateError(f"{path}: no private key in PEM form", "no_key")
    encrypted = block.label.startswith("ENCRYPTED") or b"ENCRYPTED" in block.text
    if encrypted and passphrase is None:
        raise CertificateError(f"{path}: the private key is encrypted: pass its passphrase", "no_passphrase")
    password = secret(passphrase) if encrypted and passphrase is not None else None
    try:
        key = serialization.load_pem_private_key(block.text, password)
    except UnsupportedAlgorithm:
        raise CertificateError(f"{path}: unsupported kind of private key", "bad_key") from None
    except (ValueError, TypeError):  # the original message does not help, and might quote the input
        if encrypted:
            text = f"{path}: wrong passphrase for the private key, or a damaged file"
            raise CertificateError(text, "wrong_passphrase") from None
        raise CertificateError(f"{path}: the private key is damaged", "unreadable") from None
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise CertificateError(f"{path}: {key_name(key.public_key())} key: use RSA or P-256", "bad_key")
    if not encrypted:
        warn_if_shared(path)
    return key


def warn_if_shared(path: str) -> None:
    """`UserWarning` if others may read the file; its private key is not encrypted."""
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
    except OSError:  # standard input, or gone since it was read
        return
    if os.name == "posix" and mode & 0o077:
        text = f"{path} has mode {mode:04o}: others may read the private key; chmod 600"
        warnings.warn(text, UserWarning, stacklevel=4)  # at the caller of `load`
