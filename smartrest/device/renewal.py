"""Renews the certificate of a device in time, in a thread of its own, since that blocks.

`smartrest.certificates.renew` does the work and leaves a whole identity on disk at any moment. The connection goes on;
the next one uses the new certificate.
"""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from .events import Event, IdentityRenewed, RenewalFailed

if TYPE_CHECKING:
    from ..certificates import Identity
    from ..mqtt import ClientId, Endpoint

LOOK = 60.0  # seconds at most between two looks at the clock, which may have been set
PATIENCE = 3600.0  # seconds at most between two attempts
SOONEST = 1.0


@dataclass(frozen=True)
class Renewal:
    """How a device renews its certificate.

    `folder`: where its identity is kept, by default where it was loaded from. `host` and `port`: of the platform's
    certificate authority, by default the device's host and 443. `at`: after which fraction of its lifetime.
    `passphrase`: of the key on disk.
    """

    folder: str | os.PathLike[str] | None = None
    host: str | None = None
    port: int = 443
    at: float = 2 / 3
    passphrase: str | bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.at < 1:
            raise ValueError(f"at is a fraction of the lifetime, from 0 to less than 1, not {self.at!r}")


class Renewed(Protocol):
    """The part of a device that is used here."""

    endpoint: Endpoint
    tls_context: ssl.SSLContext | None

    @property
    def client_id(self) -> ClientId: ...
    @property
    def online(self) -> bool: ...
    @property
    def token(self) -> str | None: ...


class Renewer:
    """The thread that renews the identity of one device, from `start` to `stop`."""

    def __init__(
        self,
        device: Renewed,
        renewal: Renewal,
        identity: Identity,
        ca_file: str | os.PathLike[str] | None,
        announce: Callable[[list[Event]], None],
    ) -> None:
        folder = renewal.folder if renewal.folder is not None else identity.folder
        if folder is None:
            raise ValueError("renew needs the folder of the identity: Identity.load(folder), or Renewal(folder)")
        self._device = device
        self._renewal = renewal
        self._identity = identity
        self._folder = Path(folder)
        self._ca_file = ca_file
        self._announce = announce
        self._stopped = threading.Event()

    def start(self) -> None:
        self._stopped = stopped = threading.Event()
        name = f"smartrest-{self._device.client_id.device_id}-renew"
        threading.Thread(target=self._run, args=(stopped,), name=name, daemon=True).start()

    def stop(self) -> None:
        """Do not begin another attempt. One that is under way ends by itself; it does no harm."""
        self._stopped.set()

    def _run(self, stopped: threading.Event) -> None:
        delay = 0.0
        while not stopped.wait(delay):
            left = self._left(self._identity)
            if left > 0:
                delay = min(left, LOOK)
            elif not self._device.online or self._device.token is None:
                delay = SOONEST
            else:
                delay = self._attempt(self._device.token, stopped)

    def _left(self, identity: Identity) -> float:
        """Seconds until the renewal is due."""
        from ..certificates import renewal_due

        return (renewal_due(identity, self._renewal.at) - _now()).total_seconds()

    def _attempt(self, token: str, stopped: threading.Event) -> float:
        """Renew once; returns the seconds until the next look."""
        from ..certificates import Identity, renew

        device, endpoint = self._device, self._device.endpoint
        try:
            found = Identity.load(self._folder, passphrase=self._renewal.passphrase)
            if self._left(found) <= 0:  # else another process has renewed it
                found = renew(
                    self._renewal.host or endpoint.host,
                    self._folder,
                    token,
                    port=self._renewal.port,
                    mqtt=(endpoint.host, endpoint.port),
                    passphrase=self._renewal.passphrase,
                    ca_file=self._ca_file,
                )
            found.trusted = self._identity.trusted
            context = found.ssl_context(client_id=device.client_id, ca_file=self._ca_file)
        except Exception as error:  # from the network, the disk or the platform: told, and tried again
            left = (self._identity.certificate.not_valid_after_utc - _now()).total_seconds()
            delay = min(max(left / 10, SOONEST) if left > 0 else LOOK, PATIENCE)
            self._tell(RenewalFailed(str(error), delay), stopped)
            return delay
        self._identity = found
        device.tls_context = context
        self._tell(IdentityRenewed(found.certificate.not_valid_after_utc), stopped)
        return SOONEST

    def _tell(self, event: Event, stopped: threading.Event) -> None:
        if not stopped.is_set():
            self._announce([event])


def _now() -> datetime:
    return datetime.now(timezone.utc)
