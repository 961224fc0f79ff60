"""`Device`: a session on paho-mqtt 2, with one thread of its own and handlers on worker threads.

The device's thread does all I/O and calls all listeners, but another thread opens connections, since that blocks. Other
threads use the session under one lock and wake the device's thread. Each connection gets a new paho client, so that
paho never resends anything of an old connection on its own.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import weakref
from collections.abc import Callable, Iterable
from selectors import EVENT_READ, EVENT_WRITE
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from .. import SmartRestError
from ..mqtt import ConnackCode
from .base import UNLIMITED, DeviceBase, Health, PayloadHandler, log
from .connack import watch_version
from .events import Action, Connect, Disconnect, Event, OperationTimedOut, Publish, Subscribe
from .handlers import Handler
from .lifecycle import ENDED
from .operations import Operation, failure_text, result_fields
from .packets import limit_packets
from .settings import Child

if TYPE_CHECKING:
    from .. import RowLike

D = TypeVar("D", bound="Device")
PULSE = 1.0  # seconds between calls to paho's keep-alive
SELECTOR: type[selectors.BaseSelector] = getattr(selectors, "PollSelector", selectors.SelectSelector)


class Device(DeviceBase):
    """A device with its children, connected and kept connected.

    Log in with `credentials`; or with `bootstrap` (the bootstrap password or full credentials), which fetches them, and
    `store` (a path), which keeps them; or with `identity`, a certificate, which `renew` (`True` or a `Renewal`)
    replaces in time. `tenant`: the user name beside a certificate, on the MQTT Service (`Endpoint(…, service=True)`).
    `tls`: `False`, `True` or a context; `ca_file`: the CA of a private server. `port` and `websocket` select the
    endpoint, `workers` the number of concurrent handlers. `operations="json"`: take them as JSON with their ID. For the
    other options see `Session`.

    Operations run in worker threads, one at a time per device and fragment. One that takes longer than
    `limits.operation` is answered 502; until its handler returns, further operations of that device and fragment are
    answered 502 at once. All methods are thread-safe.
    """

    def _prepare(self) -> None:
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._events: list[Event] = []
        self._telling = False  # the device's thread is calling listeners
        self._thread: threading.Thread | None = None
        self._client: mqtt.Client | None = None
        self._connecting: mqtt.Client | None = None  # in a thread of its own
        self._connected: str | None = None  # `_connecting` is done: "", or why it failed
        self._refusal = ""  # why this device ends the connection
        self._acknowledged: dict[int, int] = {}  # paho's message ID -> the session's
        self._subscribed: dict[int, str] = {}
        self._busy: dict[tuple[str, str], Operation] = {}  # lane -> the operation being handled
        self._wake_in, self._wake_out = socket.socketpair()
        weakref.finalize(self, _close_both, self._wake_in, self._wake_out)
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._handling = _Handling()
        self._awake = False
        self._pulse_at = 0.0
        self._round_at = 0.0

    # For users

    def start(self, timeout: float | None = None) -> None:
        """Connect in the background. With `timeout`, wait until online; see `wait_online`."""
        self._check_usable()
        with self._lock:
            if self._thread is not None:
                raise RuntimeError("the device is already started")
            self._gave_up = None
            if self.session.state in ENDED:
                self._events += self.session.start(monotonic())
            self._open_workers()
            self._round_at = monotonic()
            thread = threading.Thread(target=self._run, name=f"smartrest-{self.client_id.device_id}-mqtt", daemon=True)
            thread.start()
            self._thread = thread  # it waits for the lock
        if timeout is not None:
            self.wait_online(timeout)

    def wait_online(self, timeout: float | None = None) -> None:
        """Wait until online. Raises `TimeoutError`, or `DeviceError` if the platform refuses for good."""
        self._wait(lambda: self.online or self._thread is None, timeout)
        if not self.online:
            raise self._error() or RuntimeError("the device was stopped")

    def stop(self, timeout: float | None = None) -> None:
        """Send the remaining rows, disconnect and end.

        Waits at most `timeout` seconds (`None`: `limits.drain` + `limits.connect`). In a handler or
        listener it does not wait, because the handler's own answer still has to be sent.
        """
        with self._lock:
            thread = self._thread
            self._tell(self.session.stop(monotonic()))
        if thread is None:
            self._note(self._take_events())
        elif thread is not threading.current_thread() and not self._handling.now:
            thread.join(self.session.limits.drain + self.session.limits.connect if timeout is None else timeout)

    def run(self) -> None:
        """Connect and work until `stop` or Ctrl+C. Raises `DeviceError` if refused for good."""
        self.start()
        try:
            while not self._wait_once(lambda: self._thread is None, 3600.0):
                pass
        except KeyboardInterrupt:
            self.stop()
            raise
        error = self._error()
        if error is not None:
            raise error

    def send(
        self,
        *rows: RowLike,
        child: str | None = None,
        x_id: str | None = None,
        mode: str = "s",
        block: bool | float = False,
    ) -> None:
        """Publish rows; see `Session.send`. Offline they wait, up to `limits.queue`.

        If the queue is full, older rows are dropped. With `block`, wait for room instead: `True` without limit, or at
        most that many seconds, then `TimeoutError`, and none of the rows is taken. Listeners cannot wait.
        """
        self._check_usable()
        with self._lock:
            room = self._room(block)
            self._tell(self.session.send(*rows, child=child, x_id=x_id, mode=mode, now=monotonic(), room=room))

    def publish(self, topic: str, payload: bytes, *, block: bool | float = False) -> None:
        """Publish a payload unchanged; see `Session.publish`. `block`: as for `send`."""
        self._check_usable()
        with self._lock:
            self._tell(self.session.publish(topic, payload, now=monotonic(), room=self._room(block)))

    def add_child(self, child: Child | str) -> None:
        """Create a child device, now and on every later connection."""
        self._check_usable()
        with self._lock:
            self._tell(self.session.add_child(child, now=monotonic()))

    def subscribe(self, topic: str, handler: PayloadHandler) -> None:
        """Call `handler(topic, payload)` for each payload of a topic, from now on. Like a listener it must be quick.

        Any exact topic that the platform lets a device read. If it refuses: `SubscriptionRefused`. Raises
        `SmartRestError` for a topic that cannot be subscribed to.
        """
        self._check_usable()
        with self._lock:
            self._tell(self.session.subscribe(topic, now=monotonic()))
            self._read_with(topic, handler)

    def flush(self, timeout: float | None = None) -> bool:
        """Send rows that wait for `linger`, then wait until all are acknowledged.

        `False` if that took longer than `timeout` seconds or the device ended first.
        """
        self._check_usable()
        with self._lock:
            self._tell(self.session.flush(monotonic()))
        self._wait_once(lambda: (self._is_flushed and self._has_told) or self._has_ended, timeout)
        return self._is_flushed

    def health(self) -> Health:
        """A snapshot of the device's health, for a watchdog. Thread-safe."""
        with self._lock:
            idle_for = monotonic() - self._round_at if self._thread is not None else None
            return self._health(len(self._busy), idle_for)

    def __enter__(self: D) -> D:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # Between threads

    def _tell(self, events: Iterable[Event]) -> None:
        """Queue events for the device's thread. Call it under the lock."""
        self.statistics.sent = self.session.taken
        self._events += events
        self._wake()

    def _announce(self, events: list[Event]) -> None:
        with self._lock:
            self._tell(events)

    def _interrupted(self, error: BaseException) -> None:
        """Ctrl+C reaches only the main thread, which calls neither listeners nor handlers."""

    def _wake(self) -> None:
        if not self._awake:
            self._awake = True
            with contextlib.suppress(BlockingIOError, OSError):
                self._wake_in.send(b"\0")

    def _take_events(self) -> list[Event]:
        with self._lock:
            events, self._events = self._events, []
            return events

    def _wait_once(self, condition: Callable[[], bool], timeout: float | None) -> bool:
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    def _wait(self, condition: Callable[[], bool], timeout: float | None) -> None:
        if not self._wait_once(condition, timeout):
            raise TimeoutError(f"not online after {timeout} seconds: {self!r}")

    def _room(self, block: bool | float) -> Callable[[int], None] | None:
        return None if block is False else lambda size: self._await_room(size, None if block is True else block)

    def _await_room(self, size: int, timeout: float | None) -> None:
        """Call it under the lock, which it releases while waiting."""
        outbox, limit = self.session._flow.outbox, self.session.limits.queue
        if size > limit:
            raise ValueError(f"this needs {size} bytes, but limits.queue is {limit}: send fewer at once")
        if outbox.size + size <= limit:
            return
        if threading.current_thread() is self._thread:
            raise RuntimeError("the queue is full, and a listener cannot wait for room: send without block")
        if not self._wait_once(lambda: outbox.size + size <= limit or self._thread is None, timeout):
            raise TimeoutError(f"no room in the queue within {timeout} seconds: {self!r}")
        if outbox.size + size > limit:
            raise RuntimeError(f"the queue is full, and no rows leave it: {self!r}. Start the device")

    def _report(self, operation: Operation, text: str) -> None:
        with self._lock:
            self._tell(self.session.progress(operation, text, now=monotonic()))

    @property
    def _has_told(self) -> bool:
        """Whether listeners and statistics have seen all events. The device's own thread cannot wait for that."""
        return not (self._events or self._telling) or self._thread in (None, threading.current_thread())

    @property
    def _has_ended(self) -> bool:
        return self._thread is None and self._workers is not None

    # The device's thread

    def _run(self) -> None:
        try:
            while self._step():
                self._poll()
        except BaseException as error:  # an internal error: report it, and release all waiting callers
            with self._lock:
                self._fail_for_good(error)
        finally:
            self._save()
            with self._changed:
                self._close_client()
                self._close_workers()
                self._thread = None
                self._changed.notify_all()

    def _step(self) -> bool:
        """Carry out actions and report events until none are left; `False` once the session has ended."""
        while True:
            if monotonic() >= self._save_at:
                self._save()
            with self._changed:
                due = self.session.due()
                if due is not None and due <= monotonic():
                    self._events += self.session.tick(monotonic())
                events = self._take_events()
                self._telling = bool(events)
                actions = self.session.outgoing()
                ended = self.session.state in ENDED
                self._changed.notify_all()
            for operation in self._note(events):
                self._dispatch(operation)
            for event in events:
                if isinstance(event, OperationTimedOut):
                    self._abandon(event.operation)
            for action in actions:
                self._perform(action)
            if not events and not actions:
                return not ended

    def _input(self, call: Callable[..., list[Event]], *arguments: Any, **options: Any) -> None:
        with self._lock:
            try:
                self._events += call(*arguments, monotonic(), **options)
            except Exception as error:  # passes through paho, but is an internal error of this package
                self._failure = error
                raise

    def _poll(self) -> None:
        """Wait for the network, another thread or the next deadline."""
        with self._lock:
            due = self.session.due()
        self._round_at = now = monotonic()
        timeout = PULSE if due is None else max(0.0, min(due - now, PULSE))
        client = self._client
        sock = client.socket() if client is not None else None
        pending = (
            sock is not None and hasattr(sock, "pending") and sock.pending() > 0
        )  # TLS or WebSocket has buffered input
        reading = [self._wake_out] if sock is None else [self._wake_out, sock]
        writing = [sock] if client is not None and sock is not None and client.want_write() else []
        readable, writable = _select(reading, writing, 0.0 if pending else timeout)
        if self._wake_out in readable:
            with self._lock:
                self._awake = False
                with contextlib.suppress(BlockingIOError):
                    self._wake_out.recv(64)
        self._adopt()
        if client is None or sock is None:
            return
        try:
            self._serve(client, sock, pending or sock in readable, sock in writable)
        except Exception as error:  # paho fails on input that is not MQTT: give up the connection
            if self._failure is not None:
                raise
            log.warning("%s: the MQTT client failed", self.client_id, exc_info=True)
            self._lost(f"the MQTT client failed: {error!r}")

    def _serve(self, client: mqtt.Client, sock: Any, readable: bool, writable: bool) -> None:
        if readable:
            client.loop_read()
        if writable and client.socket() is sock:
            client.loop_write()
        now = monotonic()
        if now >= self._pulse_at:
            self._pulse_at = now + PULSE
            client.loop_misc()

    # Actions

    def _perform(self, action: Action) -> None:
        client = self._client
        if isinstance(action, Connect):
            self._connect(action)
        elif isinstance(action, Disconnect):
            self._disconnect(action)
        elif client is None:
            return  # the connection has broken, and the session knows
        elif isinstance(action, Publish):
            info = client.publish(action.topic, action.payload, action.qos)
            if action.qos:
                self._acknowledged[info.mid] = action.id
        elif isinstance(action, Subscribe):
            _, mid = client.subscribe(action.topic, action.qos)
            if mid is not None:
                self._subscribed[mid] = action.topic

    def _connect(self, action: Connect) -> None:
        self._close_client()
        endpoint = self.endpoint
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            action.client_id,
            clean_session=action.clean_session,
            transport="websockets" if endpoint.websocket else "tcp",
            reconnect_on_failure=False,
        )
        if endpoint.path is not None:
            client.ws_set_options(path=endpoint.path)
        if self.tls_context is not None:
            client.tls_set_context(self.tls_context)
        if action.username is not None:
            client.username_pw_set(action.username, action.password)
        if self.last_will is not None:
            client.will_set(*self.last_will)
        client.max_inflight_messages_set(UNLIMITED)
        client.connect_timeout = self.session.limits.connect
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        watch_version(client, lambda: self._on_version_refused(client))
        self._refusal = ""
        limit_packets(client, self.session.limits.receive, self._on_packet_refused)
        with self._lock:
            self._connecting = client
        name = f"smartrest-{self.client_id.device_id}-connect"
        try:
            threading.Thread(target=self._open, args=(client,), name=name, daemon=True).start()
        except RuntimeError as error:  # the system cannot start another thread now
            self._connected = f"cannot connect to {self.endpoint.url}: {error}"

    def _open(self, client: mqtt.Client) -> None:
        """Runs in its own thread, since connecting blocks. If superseded, closes the connection it opened."""
        failure = ""
        try:
            client.connect(self.endpoint.host, self.endpoint.port, self.keepalive)
            sock = client.socket()
            if isinstance(sock, socket.socket):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except Exception as error:  # from the network, TLS or name resolution: reported as `Lost`
            failure = f"cannot connect to {self.endpoint.url}: {error}"
        with self._lock:
            if self._connecting is client:
                self._connected = failure
                self._wake()
                return
        _close(client)

    def _adopt(self) -> None:
        """Take over the connected client, on the device's thread."""
        with self._lock:
            if self._connected is None:
                return
            client, failure = self._connecting, self._connected
            self._connecting = self._connected = None
        self._client = client
        if client is None or client.socket() is None:
            self._lost(failure or f"{self.endpoint.url}: the connection broke at once")
        else:
            client.on_disconnect = self._on_disconnect

    def _disconnect(self, action: Disconnect) -> None:
        if action.abort:
            self._close_client()
        elif self._client is not None:
            self._client.disconnect()  # paho closes the socket after the packet and calls on_disconnect

    def _close_client(self) -> None:
        with self._lock:
            client, self._client = self._client or (self._connecting if self._connected is not None else None), None
            self._connecting = self._connected = None
        self._acknowledged.clear()
        self._subscribed.clear()
        if client is not None:
            _close(client)

    def _lost(self, reason: str) -> None:
        self._close_client()
        why = self._why(reason)
        self._input(lambda now: self.session.disconnected(now, why))

    # Callbacks of paho, on the device's thread

    def _on_connect(self, client: mqtt.Client, userdata: Any, flags: Any, code: Any, properties: Any) -> None:
        if client is self._client:
            self._input(self.session.connected, code.value)

    def _on_version_refused(self, client: mqtt.Client) -> None:
        if client is self._client:
            self._input(self.session.connected, ConnackCode.BAD_PROTOCOL)

    def _on_packet_refused(self, reason: str) -> None:
        self._refusal = reason

    def _on_disconnect(self, client: mqtt.Client, userdata: Any, flags: Any, code: Any, properties: Any) -> None:
        if client is self._client:
            self._lost(self._refusal or str(code))

    def _on_subscribe(self, client: mqtt.Client, userdata: Any, mid: int, codes: Any, properties: Any) -> None:
        topic = self._subscribed.pop(mid, None)
        if client is self._client and topic is not None:
            self._input(self.session.subscribed, topic, codes[0].value)

    def _on_publish(self, client: mqtt.Client, userdata: Any, mid: int, code: Any, properties: Any) -> None:
        id = self._acknowledged.pop(mid, None)
        if client is self._client and id is not None:
            self._input(self.session.acknowledged, id)

    def _on_message(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        if client is self._client:
            self._input(self.session.received, message.topic, message.payload, duplicate=message.dup)

    # Operations

    def _dispatch(self, operation: Operation) -> None:
        handler = self._handlers.find(operation)
        if handler is None:
            self._fail(operation, self._no_handler(operation))
        elif operation.lane in self._busy:
            self._fail(operation, "the handler of an earlier operation has not returned")
        elif self._workers is not None:
            self._busy[operation.lane] = operation
            self._workers.submit(operation, lambda: self._handle(handler, operation))

    def _abandon(self, operation: Operation) -> None:
        if self._workers is not None and not self._workers.abandon(operation):
            self._free(operation)  # it had not begun

    def _handle(self, handler: Handler, operation: Operation) -> None:
        """Runs in a worker thread. Frees the lane before sending the answer, which triggers the next operation."""
        with self._lock:
            self._tell(self.session.extend(operation, self.session.limits.operation, now=monotonic()))
        self._handling.now = True
        try:
            fields = result_fields(handler(operation))
            self._free(operation)
            with self._lock:
                self._tell(self.session.succeed(operation, *fields, now=monotonic()))
        except BaseException as error:  # anything a handler raises, even SystemExit, fails only this operation
            told = isinstance(error, SmartRestError)
            log.error("%s: %r failed: %r", self.client_id, operation, failure_text(error), exc_info=not told)
            self._free(operation)
            self._fail(operation, failure_text(error))
        finally:
            self._handling.now = False

    def _free(self, operation: Operation) -> None:
        with self._lock:
            if self._busy.get(operation.lane) is operation:
                del self._busy[operation.lane]

    def _fail(self, operation: Operation, text: str) -> None:
        with self._lock:
            self._tell(self.session.fail(operation, text, now=monotonic()))


class _Handling(threading.local):
    """Whether the current thread is running a handler."""

    now = False


def _close(client: mqtt.Client) -> None:
    client.on_disconnect = None
    sock = client.socket()
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.close()


def _select(reading: list[Any], writing: list[Any], timeout: float) -> tuple[list[Any], list[Any]]:
    """`select.select` without its limit on the number of open files."""
    try:
        with SELECTOR() as selector:
            for sock in reading:
                selector.register(sock, EVENT_READ | (EVENT_WRITE if sock in writing else 0))
            ready = selector.select(timeout)
    except (OSError, ValueError):  # another thread closed a socket: paho will report it
        return reading, []
    return (
        [key.fileobj for key, events in ready if events & EVENT_READ],
        [key.fileobj for key, events in ready if events & EVENT_WRITE],
    )


def _close_both(one: socket.socket, other: socket.socket) -> None:
    one.close()
    other.close()
