"""Reads small files, and writes private ones atomically with mode 0600; overwrites only on request."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding

from ._errors import CertificateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cryptography import x509

ACCEPTED, DISCARDED, PENDING = "accepted", ".discarded", "pending"  # folders of a renewal that is under way
CA_FILE = "ca.pem"
CA_KEY_FILE = "ca.key.pem"
CHAIN_FILE = "chain.pem"
KEY_FILE = "key.pem"
REQUEST_FILE = "request.pem"
READ_LIMIT = 1 << 20  # bytes; ten certificates with a printed form before each are under 100 kB


def read_file(path: str | os.PathLike[str]) -> bytes:
    """The content of a file. `OSError` as raised by `open`; `CertificateError` `too_large` above 1 MiB."""
    with Path(path).open("rb") as stream:
        data = stream.read(READ_LIMIT + 1)
    if len(data) > READ_LIMIT:
        raise CertificateError(f"{path}: too large for a certificate or key file: more than 1 MiB", "too_large")
    return data


def whole_folder(folder: Path) -> Path:
    """Where in a device's folder the chain and key are that belong together, also after an interrupted renewal."""
    accepted = folder / ACCEPTED
    return accepted if accepted.is_dir() else folder


def save_files(folder: Path, files: Mapping[str, bytes], *, overwrite: bool) -> None:
    """Write `files` (name to content) to `folder`, which is created if missing (mode 0700).

    `FileExistsError`, before anything is written, if one of them exists and `overwrite` is false.
    """
    if not overwrite:
        for name in files:
            if os.path.lexists(folder / name):
                raise _exists(folder / name)
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True)
    written: list[Path] = []
    try:
        for name, data in files.items():
            save_file(folder / name, data, overwrite=overwrite)
            written.append(folder / name)
    except OSError:
        if not overwrite:  # these files are ours: half an identity is useless
            for path in written:
                path.unlink(missing_ok=True)
        raise


def save_file(path: Path, data: bytes, *, overwrite: bool) -> None:
    """Write one file with mode 0600; readers see the old content or all of the new. `FileExistsError` as above."""
    handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)  # mkstemp: mode 0600
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if overwrite:
            temporary.replace(path)
        else:
            try:
                os.link(temporary, path)  # fails if the name is taken, unlike rename
            except FileExistsError:
                raise _exists(path) from None
            except OSError:  # a file system without links (FAT): claim the name, then fill it
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make what was created or renamed in a folder survive a power cut, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _exists(path: Path) -> FileExistsError:
    return FileExistsError(17, "already exists; not overwritten", str(path))


def chain_pem(chain: Iterable[x509.Certificate]) -> bytes:
    """The certificates in PEM, one after the other."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain)
