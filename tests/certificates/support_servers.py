"""TLS servers of the `ssl` module for tests."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

HOST = "127.0.0.1"


@contextlib.contextmanager
def serving(
    files: dict[str, Path], clients: Path | None, version: ssl.TLSVersion | None = None, *, silent: bool = False
) -> Iterator[int]:
    """A TLS server that accepts exactly `version` and, where `clients` is given, wants a certificate of that CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    context.load_cert_chain(files["certfile"], files["keyfile"])
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    with socket.create_server((HOST, 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    plain, _ = listener.accept()
                except OSError:  # closed: the test is over
                    return
                plain.settimeout(10)
                with plain, contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as session:
                    if not silent:
                        session.sendall(b"!")  # so that no client waits for a verdict
                        session.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)
