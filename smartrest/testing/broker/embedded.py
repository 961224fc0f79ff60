"""Runs an `amqtt` broker in a thread of this process. Used by `Broker`, and by the platform through its hooks.

Unlike mosquitto it reports the publisher of each message and can send to a single client. Hooks are called in the
broker's thread, in the order in which packets arrived from each client.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import threading
from typing import TYPE_CHECKING, Any, Protocol

from .settings import BrokerError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from .settings import Settings

__all__ = ["Embedded", "Hooks"]

PLUGIN = "smartrest.testing.broker.amqtt_plugin.Bridge"
RUNNING: dict[str, Embedded] = {}  # lets the plugin, which amqtt creates from its configuration, find its broker
_numbers = itertools.count(1)


class Hooks(Protocol):
    """Events of the broker for the platform, and one decision: `may_subscribe`."""

    def connected(self, client_id: str, username: str | None, certified: bool) -> None: ...
    def disconnected(self, client_id: str) -> None: ...
    def may_subscribe(self, client_id: str, topic: str) -> bool: ...
    def unsubscribed(self, client_id: str, topic: str) -> None: ...
    def received(self, client_id: str, topic: str, payload: bytes, qos: int) -> None: ...
    def too_large(self, client_id: str, topic: str, size: int) -> None: ...
    def lost(self) -> None: ...


class Embedded:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.name = f"broker-{next(_numbers)}"
        self.hooks: Hooks | None = None
        self.broker: Any = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.thread: threading.Thread | None = None
        self.failure: BaseException | None = None
        self._crash = False

    def start(self, timeout: float) -> None:
        RUNNING[self.name] = self
        self.log = logging.FileHandler(self.settings.folder / "broker.log", delay=True)
        self.log.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        logging.getLogger("amqtt").addHandler(self.log)
        self.failure = None
        ready = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(ready,), name=self.name, daemon=True)
        self.thread.start()
        if not ready.wait(timeout) or self.failure is not None:
            self.stop()
            raise BrokerError(f"amqtt did not start on port {self.settings.port}: {self.failure!r}")

    def stop(self) -> None:
        """Close every connection, then the ports."""
        self._end(crash=False)

    def kill(self) -> None:
        """Close ports and connections at once: amqtt's own shutdown waits for clients that keep sending."""
        self._end(crash=True)

    def _end(self, *, crash: bool) -> None:
        self._crash = crash
        loop, thread = self.loop, self.thread
        if loop is None or thread is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop has already ended: the broker did not start
            loop.call_soon_threadsafe(self._done.set)
        thread.join(10)
        self.loop = self.thread = None
        if self.hooks is not None:
            self.hooks.lost()
        logging.getLogger("amqtt").removeHandler(self.log)
        self.log.close()
        RUNNING.pop(self.name, None)

    def running(self) -> bool:
        return self.thread is not None and self.thread.is_alive() and self.failure is None

    def users_changed(self) -> None:
        """Nothing to do: the plugin asks `settings.users` at each login."""

    def save(self) -> None:
        """Nothing to do: `hooks` stay attached over a restart."""

    def call(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine in the broker's thread without waiting for it. Thread-safe."""
        if self.loop is None:
            coroutine.close()
        else:
            asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def send(self, client_id: str, topic: str, payload: bytes, qos: int = 1) -> None:
        """Publish to one client, if it is connected and has subscribed to exactly this topic."""
        self.call(self._send(client_id, topic, payload, qos))

    def drop(self, client_id: str) -> None:
        """Close the connection of one client at once."""
        self.call(self._drop(client_id))

    async def _send(self, client_id: str, topic: str, payload: bytes, qos: int) -> None:
        from amqtt.errors import AMQTTError, MQTTError, ProtocolHandlerError

        _, handler = self.broker.sessions.get(client_id, (None, None))
        for session, granted in self.broker.subscriptions.get(topic, ()):
            if session.client_id == client_id and handler is not None and handler.session is not None:
                try:
                    await handler.mqtt_publish(topic, payload, min(qos, granted), retain=False)
                except (AMQTTError, MQTTError, ProtocolHandlerError, OSError) as error:  # the client left
                    logging.getLogger("amqtt").info("not delivered to %s: %r", client_id, error)

    async def _drop(self, client_id: str) -> None:
        _, handler = self.broker.sessions.get(client_id, (None, None))
        if handler is not None:
            await handler.handle_connection_closed()
            await handler.stop()

    def _run(self, ready: threading.Event) -> None:
        try:
            asyncio.run(self._serve(ready))
        except Exception as error:  # `start` reports whatever ended the broker
            self.failure = error
        finally:
            ready.set()

    async def _serve(self, ready: threading.Event) -> None:
        self.loop = asyncio.get_running_loop()
        self._done = asyncio.Event()
        self.broker = _closing_broker(self._config())
        await self.broker.start()
        ready.set()
        await self._done.wait()
        if self._crash:
            for server in self.broker._servers.values():
                server.instance.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            if others:
                await asyncio.wait(others, timeout=1)  # time to close their connections
        else:
            await self.broker.shutdown()
        for transport in list(getattr(self.loop, "_transports", {}).values()):
            transport.abort()  # connections that the broker has forgotten, or not known yet
        await asyncio.sleep(0.05)  # transports close only in the next turns of the loop

    def _config(self) -> dict[str, Any]:
        s = self.settings
        tls: dict[str, Any] = {}
        if s.certfile is not None:
            tls = {"ssl": True, "certfile": str(s.certfile), "keyfile": str(s.keyfile)}
            if s.cafile is not None:
                tls["cafile"] = str(s.cafile)
        listeners: dict[str, Any] = {"default": {"type": "tcp", "bind": f"127.0.0.1:{s.port}", **tls}}
        if s.websocket_port is not None:
            listeners["websocket"] = {"type": "ws", "bind": f"127.0.0.1:{s.websocket_port}", **tls}
        return {"listeners": listeners, "plugins": {PLUGIN: {"broker": self.name}}}


def _closing_broker(config: dict[str, Any]) -> Any:
    """An amqtt broker that closes each connection when its handler ends.

    amqtt itself leaves a connection open whose first packet is not a CONNECT, or on which a TLS peer closed first.
    """
    from amqtt.broker import Broker

    class Closing(Broker):
        async def stream_connected(
            self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
        ) -> None:
            try:
                await super().stream_connected(reader, writer, listener_name)
            finally:
                writer.transport.abort()

    return Closing(config)
