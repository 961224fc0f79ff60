"""One HTTPS call to the platform. `http.client` speaks HTTP; no message holds a password or a token, not even one that
the server sent back.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._errors import CertificateError, quoted
from ._files import READ_LIMIT
from ._handshake import explain_handshake

if TYPE_CHECKING:
    from collections.abc import Mapping

HTTPS = 443


@dataclass(frozen=True)
class Server:
    """Where the platform's HTTP interface is, and how to reach it."""

    host: str
    port: int
    context: ssl.SSLContext
    timeout: float


@dataclass(frozen=True)
class Reply:
    """The status and body of an answer, and what the platform says in it, ready to end a sentence."""

    status: int
    body: bytes
    said: str


def basic(user: str, password: str) -> str:
    """The `Authorization` of a user, or of a device with a one-time password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def bearer(token: str) -> str:
    """The `Authorization` of a token. `CertificateError` `not_authorized` if it cannot be one."""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise CertificateError("this is not a token: get one with Device(…, token=True)", "not_authorized")
    return f"Bearer {token}"


def post(server: Server, path: str, authorization: str, headers: Mapping[str, str], body: bytes) -> Reply:
    """Send `body` and return the answer. `CertificateError` `bad_answer`, or the error of `explain_handshake`."""
    try:
        connection = http.client.HTTPSConnection(
            server.host, server.port, timeout=server.timeout, context=server.context
        )
    except http.client.InvalidURL:
        raise CertificateError(
            "this cannot be a host name: it holds a blank or control character", "unknown_host"
        ) from None
    try:
        connection.request("POST", path, body, {"Authorization": authorization, **headers})
        with connection.getresponse() as response:
            data = response.read(READ_LIMIT + 1)
            if response.length and len(data) <= READ_LIMIT:  # `read` with a limit does not tell of a broken connection
                raise http.client.IncompleteRead(data, response.length)
    except http.client.HTTPException as error:
        text = f"the answer of {server.host} breaks off or is not HTTP ({type(error).__name__}): try again"
        raise CertificateError(text, "bad_answer") from None
    except (OSError, UnicodeError) as error:
        problem = explain_handshake(error)
        if problem.reason in ("refused", "not_tls"):  # the usual explanation is about MQTT
            text = f"no HTTPS on port {server.port} of {server.host}: check host and port"
            problem = CertificateError(text, problem.reason)
        raise problem from None
    finally:
        connection.close()
    return Reply(response.status, data, _message(data, authorization.partition(" ")[2]))


def _message(data: bytes, secret: str) -> str:
    """The platform's own words from the JSON of an error, without the secret."""
    try:
        found = json.loads(data)
        text = found["message"] if isinstance(found, dict) else None
    except (ValueError, KeyError, RecursionError):
        return ""
    if not isinstance(text, str) or not text:
        return ""
    secrets = [secret]
    with contextlib.suppress(ValueError):  # a token
        secrets.append(base64.b64decode(secret, validate=True).decode().partition(":")[2])
    for each in filter(None, secrets):
        text = text.replace(each, "(secret)")
    return f": {quoted(text)}"
