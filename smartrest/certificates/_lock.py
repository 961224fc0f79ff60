"""One process at a time replaces the identity of a folder."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ._errors import CertificateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_FILE = ".lock"
PATIENCE = 120.0  # seconds: longer than a renewal with its two connections
STEP = 0.05


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Wait until no other process or thread is in a block for this folder, which must exist.

    The system releases the lock of a process that dies; its file is left and does no harm. `CertificateError` `busy`
    after `PATIENCE`. Windows has no such locks: there it does nothing.
    """
    if sys.platform == "win32":
        yield
        return
    path = folder / LOCK_FILE
    handle = _taken(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is held: a process that waits for it notices
        os.close(handle)


def _taken(path: Path) -> int:
    import fcntl

    deadline = time.monotonic() + PATIENCE
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                return handle
        except (BlockingIOError, FileNotFoundError):  # held, or removed by the one that held it
            pass
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
        if time.monotonic() > deadline:
            raise CertificateError(f"{path.parent}: another process renews this identity: try later", "busy")
        time.sleep(STEP)
