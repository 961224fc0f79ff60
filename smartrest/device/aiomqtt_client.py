"""aiomqtt's client with what a device needs beside: it notices that a connection ends before its CONNACK, it can be
dropped in any state, and it tells which payloads are marked as duplicates.

The only file that leans on names which aiomqtt does not promise. The rest is aiomqtt's.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from typing import Any

import aiomqtt


class Client(aiomqtt.Client):
    """For one connection. `duplicates`: MQTT's DUP flag of each message that was not taken yet. `refusal`: the code of
    a CONNACK that came on the standing connection."""

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
        """Close the connection without goodbye: now, or as soon as it stands."""
        self._dropped = True
        self._opened.set()
        if not self._disconnected.done():
            self._disconnected.set_result(None)  # so that leaving the context sends nothing
        if not self._connecting:
            self._client._sock_close()

    def _watched_connect(self, *arguments: Any, **options: Any) -> Any:
        """In a thread of the loop's pool, for which the loop waits when it ends: who is dropped leaves it at once."""
        self._connecting = True
        threading.Thread(target=self._open, args=arguments, kwargs=options, daemon=True).start()
        self._opened.wait()
        if self._failure is not None:
            raise self._failure

    def _open(self, *arguments: Any, **options: Any) -> None:
        """In a thread of its own, which nobody can stop."""
        try:
            self._connect(*arguments, **options)
        except Exception as error:  # raised where it is waited for
            self._failure = error
        self._connecting = False
        self._opened.set()
        if self._dropped:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and what it watched with it
                self._loop.call_soon_threadsafe(self.drop)

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason_code: Any, *more: Any) -> None:
        """aiomqtt does not look at a CONNACK that comes later, by which the platform says why it ends a connection."""
        if self._connected.done() and reason_code.is_failure:
            self.refusal = reason_code.value
        super()._on_connect(client, userdata, flags, reason_code, *more)

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason_code: Any, *more: Any) -> None:
        """aiomqtt says nothing to who waits for the CONNACK. May be called in the thread that connects."""
        self._loop.call_soon_threadsafe(self._end_waiting, self._connected, reason_code)
        super()._on_disconnect(client, userdata, flags, reason_code, *more)

    def _end_waiting(self, connected: asyncio.Future[None], reason_code: Any) -> None:
        if not connected.done() and not self._dropped:
            connected.set_exception(aiomqtt.MqttError(f"closed before the CONNACK: {reason_code}"))

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        self.duplicates.append(message.dup)
        super()._on_message(client, userdata, message)
