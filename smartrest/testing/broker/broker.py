"""A real MQTT broker on this machine, for tests and demonstrations: `mosquitto` as a process, or `amqtt` in a thread.

It listens on a free loopback port when `start` returns, can be killed and started again on the same port, and keeps its
log. It knows nothing about SmartREST; `platform.py` plays the platform.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from smartrest import _install
from smartrest._constants import PACKET_LIMIT

from .settings import LOOPBACK, BrokerError, Settings, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .settings import Server

__all__ = ["Broker", "find_mosquitto"]

# Debian and Homebrew install it in folders that are often not in the PATH of ordinary users.
MORE_PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/sbin", "/opt/homebrew/bin")


class Broker:
    """A real broker on a loopback port.

    `kind`: `"mosquitto"`, `"amqtt"`, or `"auto"`: mosquitto if it is installed, else amqtt. With `certfile` and
    `keyfile` (PEM) the port speaks TLS; `cafile` holds the CAs for client certificates,
    `require_certificate` refuses clients without one, `use_identity_as_username` uses the certificate's common name
    as user name. `websocket=True` opens a second port for MQTT over WebSocket. `users` maps user names to
    passwords; without it anyone may connect. `packet_limit` is the largest packet in bytes; a client that sends
    more loses its connection (mosquitto enforces this over TCP only). `options` are further lines of `mosquitto.conf`.

    Use as a context manager, or call `start` and `stop`. `BrokerError` if the broker is missing or does not start.
    """

    host = LOOPBACK

    def __init__(
        self,
        kind: str = "auto",
        *,
        port: int = 0,
        websocket: bool = False,
        certfile: str | Path | None = None,
        keyfile: str | Path | None = None,
        cafile: str | Path | None = None,
        require_certificate: bool = False,
        use_identity_as_username: bool = False,
        users: Mapping[str, str] | None = None,
        packet_limit: int | None = PACKET_LIMIT,
        options: tuple[str, ...] | list[str] = (),
    ) -> None:
        if kind not in ("auto", "mosquitto", "amqtt"):
            raise ValueError(f"kind must be 'auto', 'mosquitto' or 'amqtt', not {kind!r}")
        if (certfile is None) != (keyfile is None):
            raise ValueError("certfile and keyfile must be given together")
        if (require_certificate or use_identity_as_username) and (cafile is None or certfile is None):
            raise ValueError("client certificates need certfile, keyfile and cafile")
        if kind == "auto":
            kind = "mosquitto" if find_mosquitto() else "amqtt"
        self.kind = kind
        self._folder = Path(tempfile.mkdtemp(prefix="smartrest-broker-"))
        self._settings = Settings(
            port=port,
            websocket_port=0 if websocket else None,
            certfile=_path(certfile),
            keyfile=_path(keyfile),
            cafile=_path(cafile),
            require_certificate=require_certificate or use_identity_as_username,
            use_identity_as_username=use_identity_as_username,
            users=dict(users) if users is not None else None,
            packet_limit=packet_limit,
            folder=self._folder,
            options=list(options),
        )
        self._server: Server | None = None  # once started

    @property
    def port(self) -> int:
        """The port for devices; 0 before the first start."""
        return self._settings.port

    @property
    def websocket_port(self) -> int:
        """The port for MQTT over WebSocket, path `/mqtt`. `BrokerError` without `websocket=True`."""
        if self._settings.websocket_port is None:
            raise BrokerError("this broker has no WebSocket port: use Broker(websocket=True)")
        return self._settings.websocket_port

    @property
    def inner_port(self) -> int:
        """A second port of mosquitto, without TLS, for the stand-in platform."""
        return self._settings.inner_port

    @property
    def inner_password(self) -> str:
        return self._settings.inner_password

    @property
    def tls(self) -> bool:
        return self._settings.certfile is not None

    @property
    def require_certificate(self) -> bool:
        return self._settings.require_certificate

    @property
    def packet_limit(self) -> int | None:
        return self._settings.packet_limit

    @property
    def running(self) -> bool:
        return self._server is not None and self._server.running()

    @property
    def log_path(self) -> Path:
        return self._folder / "broker.log"

    @property
    def log(self) -> str:
        """The broker's log since its first start."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def set_users(self, users: Mapping[str, str]) -> None:
        """Replace the accepted user names and passwords, even while running. Needs `users` from the beginning."""
        if self._settings.users is None:
            raise BrokerError("this broker accepts any user: create it with Broker(users={...})")
        self._settings.users.clear()
        self._settings.users.update(users)
        if self._server is not None:
            self._server.users_changed()

    def start(self, timeout: float = 10.0) -> Broker:
        """Start, and return when the port accepts connections; later starts use the same ports."""
        if self.running:
            return self
        self._folder.mkdir(parents=True, exist_ok=True)
        atexit.register(self.close)  # nothing outlives this process
        fixed = [p for p in (self._settings.port, self._settings.websocket_port) if p]
        for attempt in range(5):
            first = self._server is None
            if first and not fixed:
                self._choose_ports()
            server = self._server or self._make()
            try:
                server.start(timeout)
            except BrokerError:
                # Another process may take a free port first: try another, unless clients already know the port.
                if not first or fixed or attempt == 4:
                    raise
            else:
                self._server = server
                break
        return self

    def stop(self) -> None:
        """Shut the broker down. `log` stays readable until `close`."""
        if self._server is not None:
            self._server.stop()

    def kill(self) -> None:
        """Kill the broker, as a crash would: no DISCONNECT, nothing saved."""
        if self._server is not None:
            self._server.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def server(self) -> object:
        """The `Mosquitto` or `Embedded` underneath; `None` before the first start."""
        return self._server

    def save(self) -> None:
        """Make mosquitto write its sessions to disk, so that persistent ones survive `kill`."""
        if self._server is not None:
            self._server.save()

    def close(self) -> None:
        """Stop the broker and remove its folder with the log."""
        self.stop()
        atexit.unregister(self.close)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Broker:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "running" if self.running else "stopped"
        return f"<Broker {self.kind} {self.host}:{self.port}{' TLS' if self.tls else ''}, {state}>"

    def _choose_ports(self) -> None:
        self._settings.port = free_port()
        if self._settings.websocket_port is not None:
            self._settings.websocket_port = free_port()

    def _make(self) -> Server:
        if self.kind == "mosquitto":
            from .mosquitto import Mosquitto

            program = find_mosquitto()
            if program is None:
                raise BrokerError("mosquitto is not installed (Debian: apt-get install mosquitto); or use kind='amqtt'")
            return Mosquitto(program, self._settings)
        if find_spec("amqtt") is None:
            text = _install.missing("the broker of smartrest.testing", "amqtt, or mosquitto,", "testing")
            raise BrokerError(text)
        from .embedded import Embedded

        return Embedded(self._settings)


def find_mosquitto() -> str | None:
    """Path of the `mosquitto` program, even outside PATH; `None` if not installed."""
    return shutil.which("mosquitto") or next(
        (found for place in MORE_PLACES if (found := shutil.which("mosquitto", path=place))), None
    )


def _path(value: str | Path | None) -> Path | None:
    return None if value is None else Path(value).resolve()
