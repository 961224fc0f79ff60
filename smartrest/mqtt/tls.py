"""A TLS socket for MQTT clients. Not imported with the package: `ssl` is larger than all the rest of it."""

from __future__ import annotations

import ssl

__all__ = ["WAITING", "ClosingSocket"]

WAITING = (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError, InterruptedError)  # errors that mean "later"


class ClosingSocket(ssl.SSLSocket):
    """Closes itself if its handshake fails; paho leaves it open."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except WAITING:
            raise
        except OSError:
            self.close()
            raise
