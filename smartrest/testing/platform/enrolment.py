"""The platform's certificate authority for tests: EST over TLS, on a port of its own beside the broker.

It signs what `smartrest.certificates` lets it sign; the standard library speaks HTTP.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import ssl
import threading
from collections import deque
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

from ..broker.settings import LOOPBACK

if TYPE_CHECKING:
    import os

    from smartrest.certificates import CA

    from .platform import Platform

__all__ = ["Answer", "Call", "EnrolmentServer"]

ENROLL, REENROLL = "/.well-known/est/simpleenroll", "/.well-known/est/simplereenroll"
PKCS7 = "application/pkcs7-mime;smime-type=certs-only"
UNKNOWN = "No newDeviceRequest found for this ID. It may already be registered, check the audit logs for details."


class Call(NamedTuple):
    """One call. `device_id` is empty if the login of a device was refused."""

    path: str
    device_id: str
    status: int
    authorization: str
    body: bytes

    def __repr__(self) -> str:
        return f"Call({self.path!r}, {self.device_id!r}, {self.status})"


class Answer(NamedTuple):
    """An answer to give instead of the right one. `cut`: hang up after that many bytes of the body."""

    status: int
    body: bytes
    kind: str = PKCS7
    cut: int | None = None


class EnrolmentServer:
    """Serves `simpleenroll` and `simplereenroll` on `host` and `port`, as the platform does, signing with `ca`.

    `certfile` and `keyfile` are those of the TLS server. `lifetime`: of the certificates. With `platform`, a device
    renews with the token that the platform gave it. `register` announces a device and returns its one-time password.
    `calls` holds what came; `instead` takes answers to give instead of the right ones, in order.
    """

    def __init__(
        self,
        ca: CA,
        *,
        certfile: str | os.PathLike[str],
        keyfile: str | os.PathLike[str],
        platform: Platform | None = None,
        lifetime: timedelta = timedelta(days=365),
    ) -> None:
        self.ca = ca
        self.lifetime = lifetime
        self.platform = platform
        self.calls: list[Call] = []
        self.instead: deque[Answer] = deque()
        self._passwords: dict[str, str] = {}
        self._lock = threading.Lock()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certfile, keyfile)
        self._server = _Server(self, context)
        self.host, self.port = LOOPBACK, self._server.server_address[1]

    def register(self, device_id: str, password: str | None = None) -> str:
        """Announce a device; returns its one-time password."""
        password = password or secrets.token_urlsafe(24)  # 32 characters
        with self._lock:
            self._passwords[device_id] = password
        return password

    def start(self) -> EnrolmentServer:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="smartrest-est", daemon=True).start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> EnrolmentServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def answer(self, path: str, authorization: str, body: bytes) -> Answer:
        device_id = self._login(path, authorization)
        found = self._answer(path, device_id, body)
        with self._lock:
            found = self.instead.popleft() if self.instead else found
            self.calls.append(Call(path, device_id, found.status, authorization, body))
        return found

    def _login(self, path: str, authorization: str) -> str:
        """The device that may do this, empty if there is none."""
        kind, _, secret = authorization.partition(" ")
        if path == REENROLL and kind == "Bearer" and self.platform is not None:
            return self.platform.token_owner(secret) or ""
        if path != ENROLL or kind != "Basic":
            return ""
        try:
            device_id, _, password = base64.b64decode(secret, validate=True).decode().partition(":")
        except ValueError:
            return ""
        with self._lock:
            known = self._passwords.get(device_id)
            right = known is not None and hmac.compare_digest(known.encode(), password.encode())
        return device_id if right else ""

    def _answer(self, path: str, device_id: str, body: bytes) -> Answer:
        from smartrest.certificates import CertificateError
        from smartrest.certificates._est import decode_request, encode_answer

        if path not in (ENROLL, REENROLL):
            return _error(404, "not found")
        if not device_id:
            return _error(401, UNKNOWN)
        try:
            identity = self.ca.issue(decode_request(body), device_id=device_id, days=self.lifetime)
        except CertificateError as error:
            return _error(400, str(error))
        if path == ENROLL:
            with self._lock:
                self._passwords.pop(device_id, None)  # it works once
        return Answer(200, encode_answer(identity.chain[:1]))


def _error(status: int, message: str) -> Answer:
    body = {"error": "est/failed", "message": message}
    return Answer(status, json.dumps(body).encode(), "application/vnd.com.nsn.cumulocity.error+json")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, owner: EnrolmentServer, context: ssl.SSLContext) -> None:
        self.owner = owner
        self.context = context
        super().__init__((LOOPBACK, 0), _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(30)
        with self.context.wrap_socket(request, server_side=True) as session:  # here, in the thread of this connection
            super().finish_request(session, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that hangs up is part of many tests."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = self.server.owner.answer(self.path, self.headers.get("Authorization", ""), body)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[: answer.cut])
        self.close_connection = True

    def log_message(self, format: str, *arguments: object) -> None:
        """Be quiet."""
