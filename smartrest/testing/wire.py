"""A TCP relay in front of a broker that breaks connections as networks do: cuts, stalls or refuses them.

It relays bytes; the only MQTT it knows is the CONNACK that `refuse` writes.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

from .broker import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Wire"]

CHUNK = 65_536


class Wire:
    """A relay from `port` (free, chosen at start) to the broker at `target` on this machine.

    Use as a context manager; devices connect to `host`, `port`. Any thread may call the methods; they take effect
    before they return. `accepted` counts the connections so far.
    """

    host = LOOPBACK

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.accepted = 0
        self._refusals: list[int] = []
        self._clients: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Wire:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self) -> None:
        """Reset every open connection, like a router that restarts."""
        self._now(self._abort)

    def stall(self, *, up: bool = True, down: bool = True) -> None:
        """Stop relaying bytes but keep the connections open: half-open.

        With `up=False` only the broker's bytes are stopped: it hears the device, but its acknowledgements stay here.
        """
        if up:
            self._now(self._up.clear)
        if down:
            self._now(self._down.clear)

    def resume(self) -> None:
        """Relay bytes again, the held-back ones first."""
        self._now(self._up.set)
        self._now(self._down.set)

    def refuse(self, code: int, times: int = 1) -> None:
        """Answer the next `times` connections with this CONNACK return code (0 to 255) and close them."""
        self._now(lambda: self._refusals.extend([code] * times))

    def inject(self, packet: bytes) -> None:
        """Send bytes to every connected client as if they came from the broker."""

        def write() -> None:
            for writer in self._clients:
                writer.write(packet)

        self._now(write)

    def _now(self, action: Callable[[], object]) -> None:
        async def run() -> None:
            action()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def _abort(self) -> None:
        for writer in self._clients:
            writer.transport.abort()

    async def _listen(self) -> None:
        self._up, self._down = asyncio.Event(), asyncio.Event()
        self._up.set()
        self._down.set()
        self._server = await asyncio.start_server(self._client, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        await self._settle()  # starts the task of a connection just accepted, which closes it
        while self._tasks:
            self._abort()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._settle()

    async def _settle(self) -> None:
        """Give the loop time to start tasks and close transports."""
        for _ in range(3):
            await asyncio.sleep(0)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._clients.add(writer)
        self.accepted += 1
        try:
            if self._refusals:
                code = self._refusals.pop(0)
                await reader.read(CHUNK)  # the CONNECT
                writer.write(bytes((0x20, 2, 0, code)))
                await writer.drain()
            else:
                await self._relay(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # this relay is meant to break connections
        finally:
            self._clients.discard(writer)
            self._tasks.discard(task)
            writer.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(LOOPBACK, self.target)
        ways = [
            asyncio.ensure_future(self._pass_on(reader, inner_writer, self._up)),
            asyncio.ensure_future(self._pass_on(inner_reader, writer, self._down)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            inner_writer.close()  # first: waiting for the two ways may be cancelled
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flow: asyncio.Event) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK):
                await flow.wait()
                writer.write(chunk)
                await writer.drain()
