"""Enrolment and renewal: a device gets its certificate from the platform's own authority, and later the next one.

What is under way is in two folders beside the identity. `pending/` holds the new key and its request from before they
are sent, and the certificate once it has come. It is renamed to `accepted/` when the certificate is good, and its files
are moved into place from there. So whenever the power fails, the identity in the folder is the old one or the new one,
and the next call goes on where this one ended.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from . import _est
from ._errors import CertificateError
from ._files import ACCEPTED, CHAIN_FILE, DISCARDED, KEY_FILE, PENDING, REQUEST_FILE, read_file, save_file, sync_folder
from ._handshake import try_handshake
from ._http import HTTPS, Server, basic, bearer
from ._identity import Identity, read_certificates
from ._keys import RSA_DEFAULT, read_key
from ._lock import locked
from ._names import NO_PARTS
from ._request import SigningRequest
from ._tls import server_context

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ._keys import KeySpec, Passphrase

RENEW_AT = 2 / 3  # of the lifetime


def enroll(
    host: str,
    device_id: str,
    password: str,
    folder: str | os.PathLike[str],
    *,
    port: int = HTTPS,
    key: KeySpec = RSA_DEFAULT,
    subject: Mapping[str, str] = NO_PARTS,
    passphrase: Passphrase | None = None,
    ca_file: str | os.PathLike[str] | None = None,
    timeout: float = 30.0,
) -> Identity:
    """Get the first certificate of a device from the platform's authority, and save it in `folder`.

    `host` is the tenant's, `password` the one-time password that the device was registered with. `key` and `subject` as
    in `SigningRequest.create`; `passphrase` encrypts the key on disk; `ca_file` as in `Identity.ssl_context`. Call it
    again after a failure or a power cut: it goes on with the same key.

    `FileExistsError` if the folder has an identity. `CertificateError` `not_authorized` (a wrong or used password),
    `no_authority`, `est_refused`, `est_unavailable`, `bad_answer`, `key_mismatch`, `cn_mismatch`, `broken_chain`,
    `busy` (another process is at it), and the reasons of `explain_handshake`. `OSError` from the disk.
    """
    folder = Path(folder)
    server = Server(host, port, server_context(ca_file), timeout)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(folder):
        if settle(folder):
            return Identity.load(folder, passphrase=passphrase)
        for name in (CHAIN_FILE, KEY_FILE):
            if os.path.lexists(folder / name):
                raise FileExistsError(17, "already exists; renew it, or choose another folder", str(folder / name))
        request = _prepare(folder, device_id, key, subject, passphrase)
        found = _kept(folder, request)
        if found is None:
            answer = _est.ask(server, _est.ENROLL, basic(device_id, password), request)
            found = _est.accept(request, _est.read_answer(answer))
            _keep(folder, found)
        _commit(folder)
    found.folder = folder
    return found


def renew(
    host: str,
    folder: str | os.PathLike[str],
    token: str,
    *,
    port: int = HTTPS,
    mqtt: tuple[str, int] | None = None,
    key: KeySpec | None = None,
    passphrase: Passphrase | None = None,
    ca_file: str | os.PathLike[str] | None = None,
    timeout: float = 30.0,
) -> Identity:
    """Get the next certificate of the identity in `folder`, with a new key, and replace it.

    `token` is the device's (`Device(…, token=True).token`). The new certificate is first tried at `mqtt`, by default
    port 8883 of `host`; until a server has taken it, the old identity stays. `key` is by default of the old key's kind.
    Call it again after a failure or a power cut. Of several processes one renews, and the others get its identity.

    Raises as `enroll`, and the reasons `client_…` and `closed` if the server refuses the new certificate.
    """
    folder = Path(folder)
    before = _state(folder)
    with locked(folder):
        if settle(folder) or _state(folder) != before:  # another process has just renewed it
            return Identity.load(folder, passphrase=passphrase)
        return _renewed(host, folder, token, port, mqtt or (host, 8883), key, passphrase, ca_file, timeout)


def _renewed(
    host: str,
    folder: Path,
    token: str,
    port: int,
    mqtt: tuple[str, int],
    key: KeySpec | None,
    passphrase: Passphrase | None,
    ca_file: str | os.PathLike[str] | None,
    timeout: float,
) -> Identity:
    old = Identity.load(folder, passphrase=passphrase)
    server = Server(host, port, server_context(ca_file, old.trusted), timeout)
    request = _prepare(folder, old.device_id, key or _same_kind(old), NO_PARTS, passphrase)
    found = _kept(folder, request)
    if found is None:
        answer = _est.ask(server, _est.REENROLL, bearer(token), request)
        found = _est.accept(request, _est.read_answer(answer), old.chain[1:])
        _keep(folder, found)
    try:
        context = found.ssl_context(client_id=old.device_id, ca_file=ca_file)
        try_handshake(*mqtt, context, timeout=timeout)
    except CertificateError as error:
        if error.reason.startswith("client_") or error.reason == "closed":
            (folder / PENDING / CHAIN_FILE).unlink(missing_ok=True)  # refused: ask for another one next time
        raise
    _commit(folder)
    found.folder = folder
    return found


def renewal_due(identity: Identity, at: float = RENEW_AT) -> datetime:
    """When an identity should be renewed: after the fraction `at` of its certificate's lifetime."""
    begin, end = identity.certificate.not_valid_before_utc, identity.certificate.not_valid_after_utc
    return begin + (end - begin) * at


def _state(folder: Path) -> tuple[int, int] | None:
    """What changes when the certificate is replaced."""
    try:
        found = os.stat(folder / CHAIN_FILE)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def settle(folder: Path) -> bool:
    """Finish a replacement that was interrupted; whether there was one."""
    accepted = folder / ACCEPTED
    if not accepted.is_dir():
        return False
    for name in (KEY_FILE, CHAIN_FILE):
        save_file(folder / name, read_file(accepted / name), overwrite=True)
    sync_folder(folder)
    for left in folder.glob(".*.tmp"):  # half-written before a power cut
        left.unlink(missing_ok=True)
    shutil.rmtree(_renamed(accepted, folder / DISCARDED))  # half a folder must not be taken for a new identity
    return True


def _same_kind(old: Identity) -> KeySpec:
    public = old.certificate.public_key()
    return max(public.key_size, 2048) if isinstance(public, rsa.RSAPublicKey) else "P-256"


def _prepare(
    folder: Path, device_id: str, key: KeySpec, subject: Mapping[str, str], passphrase: Passphrase | None
) -> SigningRequest:
    """The request that an interrupted call left, or a new one; on disk before anything is sent."""
    pending = folder / PENDING
    try:
        request = x509.load_pem_x509_csr(read_file(pending / REQUEST_FILE))
        left = SigningRequest(request, read_key(read_file(pending / KEY_FILE), passphrase, str(pending / KEY_FILE)))
        if left.name == device_id and request.public_key() == left.key.public_key():
            return left
    except (OSError, ValueError, CertificateError):  # none, half of one, or another passphrase
        pass
    made = SigningRequest.create(device_id, key=key, subject=subject)
    if pending.exists():
        shutil.rmtree(pending)
    made.save(pending, passphrase=passphrase)
    sync_folder(pending)
    sync_folder(folder)
    return made


def _kept(folder: Path, request: SigningRequest) -> Identity | None:
    """The identity whose certificate an interrupted call has already got, if it can still be used."""
    path = folder / PENDING / CHAIN_FILE
    try:
        return _est.accept(request, read_certificates(read_file(path), str(path)))
    except FileNotFoundError:
        return None
    except (CertificateError, ValueError):  # for another key, or expired meanwhile
        path.unlink(missing_ok=True)
        return None


def _keep(folder: Path, identity: Identity) -> None:
    save_file(folder / PENDING / CHAIN_FILE, identity.chain_pem, overwrite=True)
    sync_folder(folder / PENDING)


def _commit(folder: Path) -> None:
    _renamed(folder / PENDING, folder / ACCEPTED)
    settle(folder)


def _renamed(old: Path, new: Path) -> Path:
    if new.exists():
        shutil.rmtree(new)
    old.rename(new)
    sync_folder(new.parent)
    return new
