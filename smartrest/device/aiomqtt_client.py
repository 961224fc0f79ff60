"""aiomqtt's client with additions for a device: it notices a connection that ends before its CONNACK, can be dropped in
any state, and exposes MQTT's DUP flag.

The only file that uses private names of aiomqtt.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from typing import Any

import aiomqtt


class Client(aiomqtt.Client):
    """Serves one connection. `duplicates`: the DUP flag of each message not read yet. `refusal`: the code of a CONNACK
    that arrived on the established connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.duplicates: deque[bool] = deque()
        self._dropped = self._connecting = False
        self._opened = threading.Event()
        self._failure: Exception | None = None
        self.refusal: int | None = None
        super().__init__(*arguments, **options)
        self._client.connect_timeout = self.timeout
        self._connect = self._client.connect
        self._client.connect = self._watched_connect  # type: ignore[method-assign]  # aiomqtt has no hook there

    def drop(self) -> None:
        """Close the connection without DISCONNECT: now, or as soon as it is open."""
        self._dropped = True
        self._opened.set()
        if not self._disconnected.done():
            self._disconnected.set_result(None)  # leaving the context then sends nothing
        if not self._connecting:
            self._client._sock_close()

    def _watched_connect(self, *arguments: Any, **options: Any) -> Any:
        """Runs in the loop's thread pool. The loop waits for that pool when it ends, so return at once if dropped."""
        self._connecting = True
        threading.Thread(target=self._open, args=arguments, kwargs=options, daemon=True).start()
        self._opened.wait()
        if self._failure is not None:
            raise self._failure

    def _open(self, *arguments: Any, **options: Any) -> None:
        """Runs in its own thread, which cannot be stopped."""
        try:
            self._connect(*arguments, **options)
        except Exception as error:  # re-raised in `_watched_connect`
            self._failure = error
        self._connecting = False
        self._opened.set()
        if self._dropped:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and its sockets with it
                self._loop.call_soon_threadsafe(self.drop)

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason_code: Any, *more: Any) -> None:
        """Catch a later CONNACK, with which the platform says why it ends a connection; aiomqtt ignores it."""
        if self._connected.done() and reason_code.is_failure:
            self.refusal = reason_code.value
        super()._on_connect(client, userdata, flags, reason_code, *more)

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason_code: Any, *more: Any) -> None:
        """Wake the task waiting for the CONNACK, which aiomqtt does not. May be called in the connecting thread."""
        self._loop.call_soon_threadsafe(self._end_waiting, self._connected, reason_code)
        super()._on_disconnect(client, userdata, flags, reason_code, *more)

    def _end_waiting(self, connected: asyncio.Future[None], reason_code: Any) -> None:
        if not connected.done() and not self._dropped:
            connected.set_exception(aiomqtt.MqttError(f"closed before the CONNACK: {reason_code}"))

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        self.duplicates.append(message.dup)
        super()._on_message(client, userdata, message)
