"""Runs `mosquitto` as a child process: writes its configuration, starts, stops and kills it. Used only by `Broker`.

The log also goes to `$SYS/broker/log/#`, where the stand-in platform sees connections and subscriptions.
"""

from __future__ import annotations

import base64
import getpass
import hashlib
import os
import secrets
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from smartrest._limits import VARINT_STEPS

from .settings import BrokerError, free_port

if TYPE_CHECKING:
    from .settings import Settings

__all__ = ["Mosquitto"]

INNER_USER = "smartrest-platform"  # the stand-in platform may always log in
RUNNING = b" running\n"
# Waits for the end of a pipe whose other end only this process holds, then kills the broker.
WATCH = 'read -r _; kill -KILL "$0" 2>/dev/null'
ITERATIONS = 101  # of PBKDF2 in mosquitto's own password files


class Mosquitto:
    def __init__(self, program: str, settings: Settings) -> None:
        self.program = program
        self.settings = settings
        self.process: subprocess.Popen[bytes] | None = None
        self.watch: subprocess.Popen[bytes] | None = None

    def start(self, timeout: float) -> None:
        self._unwatch()  # the watch of a broker that has already ended
        if not self.settings.inner_port:
            self.settings.inner_port = free_port()
        config = self.settings.folder / "mosquitto.conf"
        self._write_passwords()
        config.write_text("\n".join(self._lines()) + "\n")
        path = self.settings.folder / "broker.log"
        before = path.stat().st_size if path.exists() else 0
        with path.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - the program found by find_mosquitto, no user input
                [self.program, "-c", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl+C in the terminal must not reach the broker
            )
        self._watch(self.process.pid)
        deadline = time.monotonic() + timeout
        while RUNNING not in (text := path.read_bytes()[before:]):  # logged once every port is open
            if not self.running() or time.monotonic() > deadline:
                self.kill()
                seen = text.decode(errors="replace")
                raise BrokerError(f"mosquitto did not start on port {self.settings.port}; its log:\n{seen}")
            time.sleep(0.01)

    def _watch(self, pid: int) -> None:
        """Make sure that the broker ends with this process, even after SIGKILL."""
        if os.name == "posix":
            self.watch = subprocess.Popen(  # noqa: S603 - a fixed text and a number
                ["/bin/sh", "-c", WATCH, str(pid)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def _unwatch(self) -> None:
        """Stop the watch before another process can get the broker's process ID."""
        if self.watch is not None and self.watch.stdin is not None:
            self.watch.kill()
            self.watch.wait()
            self.watch.stdin.close()
            self.watch = None

    def stop(self) -> None:
        self._unwatch()
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        self._unwatch()
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def users_changed(self) -> None:
        self._write_passwords()
        if self.process is not None and self.running():
            self.process.send_signal(signal.SIGHUP)

    def save(self) -> None:
        if self.process is None or not self.running():
            return
        database = self.settings.folder / "mosquitto.db"
        before = database.stat().st_mtime_ns if database.exists() else 0
        self.process.send_signal(signal.SIGUSR1)
        for _ in range(200):
            if database.exists() and database.stat().st_mtime_ns != before:
                return
            time.sleep(0.01)

    def _lines(self) -> list[str]:
        """The lines of `mosquitto.conf`. Queues are unbounded: tests that count messages must not lose any."""
        s = self.settings
        lines = [
            "persistence true",  # for the platform's session; written only by `save` and on stop
            f"persistence_location {s.folder}/",
            "autosave_interval 0",
            "queue_qos0_messages true",
            "log_dest stderr",
            "log_dest topic",
            "log_type error",
            "log_type warning",
            "log_type notice",
            "log_type information",
            "log_type subscribe",
            "connection_messages true",
            "set_tcp_nodelay true",
            "max_queued_messages 0",
            "max_inflight_messages 0",
        ]
        if s.packet_limit is not None:
            lines.append(f"max_packet_size {_without_length(s.packet_limit)}")
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            lines.append(f"user {getpass.getuser()}")  # else it drops root and cannot read keys in private folders
        lines += s.options
        if s.users is None:
            lines.append("allow_anonymous true")
        else:
            lines += ["allow_anonymous false", f"password_file {s.folder / 'passwords'}"]
        lines.append(f"listener {s.inner_port} 127.0.0.1")
        lines += [f"listener {s.port} 127.0.0.1", *self._listener()]
        if s.websocket_port is not None:
            lines += [f"listener {s.websocket_port} 127.0.0.1", "protocol websockets", *self._listener()]
        return lines

    def _listener(self) -> list[str]:
        s = self.settings
        lines = []
        if s.certfile is not None:
            lines += [f"certfile {s.certfile}", f"keyfile {s.keyfile}", "tls_version tlsv1.2"]
        if s.cafile is not None:
            lines += [f"cafile {s.cafile}", f"require_certificate {str(s.require_certificate).lower()}"]
        if s.use_identity_as_username:
            lines.append("use_identity_as_username true")
        return lines

    def _write_passwords(self) -> None:
        if self.settings.users is None:
            return
        users = {**self.settings.users, INNER_USER: self.settings.inner_password}
        for name in users:
            if ":" in name or "\n" in name:
                raise ValueError(f"invalid user name for mosquitto, no ':' or line break allowed: {name!r}")
        path = self.settings.folder / "passwords"
        path.write_text("".join(f"{name}:{_hashed(password)}\n" for name, password in users.items()))
        path.chmod(0o600)


def _without_length(limit: int) -> int:
    """The largest packet within `limit` as mosquitto 2.0 counts it: without the bytes of its length field."""
    return 1 + max(min(limit - 1 - width, below - 1) for below, width in VARINT_STEPS)


def _hashed(password: str) -> str:
    """One entry of mosquitto's password file: PBKDF2 with SHA-512."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return f"$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
