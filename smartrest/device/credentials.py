"""Credentials, in memory and on disk: one file, readable only by its owner, replaced as a whole.

The password is never logged and never part of an error.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import SmartRestError
from ..mqtt import check_password, username


@dataclass(frozen=True)
class Credentials:
    """Tenant ID, user name and password of a device. `username` is the MQTT user name, `<tenant>/<user>`.

    Raises `SmartRestError` (`bad_identifier`) for values that MQTT cannot carry.
    """

    tenant: str
    user: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        username(self.tenant, self.user)
        check_password(self.password)

    @property
    def username(self) -> str:
        return username(self.tenant, self.user)


class CredentialStore:
    """A file with the credentials of one device. `load` returns `None` if it does not exist.

    Raises `PermissionError` for a file that others may read, `SmartRestError` for one with other content.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"CredentialStore({str(self.path)!r})"

    def load(self) -> Credentials | None:
        try:
            with self.path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                if os.name == "posix" and mode & 0o077:
                    raise PermissionError(f"{self.path} has mode {mode:04o}: others may read it; chmod 600")
                content = file.read()
        except FileNotFoundError:
            return None
        try:
            found = json.loads(content)
            values = [found[name] for name in ("tenant", "user", "password")]
        except (ValueError, KeyError, TypeError, RecursionError):
            values = []
        if not values or not all(isinstance(value, str) for value in values):
            raise SmartRestError(f"{self.path} does not hold credentials", "bad_credentials")
        try:
            return Credentials(*values)
        except SmartRestError as error:
            raise SmartRestError(f"{self.path} holds unusable credentials: {error}", "bad_credentials") from None

    def save(self, credentials: Credentials) -> None:
        """Write a new file of mode 0600 next to the old one, then replace it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")  # mkstemp: 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(vars(credentials), file)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def clear(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)
