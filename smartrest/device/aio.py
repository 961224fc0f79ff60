"""`AsyncDevice`: a session on aiomqtt, in the event loop that starts it. The asyncio counterpart of `Device`.

Each connection gets a new aiomqtt client and its own task, so that aiomqtt never resends anything of an old connection
on its own. Blocking handlers run in daemon threads. Only `send`, `publish`, `add_child`, `subscribe` and `health` are
thread-safe.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import math
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import aiomqtt
from aiomqtt.exceptions import MqttConnectError

from .. import SmartRestError
from .aiomqtt_client import Client
from .base import UNLIMITED, DeviceBase, Health, PayloadHandler, log
from .connack import watch_version
from .events import Connect, Disconnect, Event, OperationTimedOut, Publish, Subscribe
from .handlers import Handler
from .lifecycle import ENDED
from .operations import Operation, failure_text, result_fields
from .packets import limit_packets
from .settings import Child

if TYPE_CHECKING:
    from .. import RowLike

D = TypeVar("D", bound="AsyncDevice")
CALLS = 65_535  # pending calls before aiomqtt logs a warning
NODELAY = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)


class AsyncDevice(DeviceBase):
    """A device with its children, connected and kept connected. Takes the options of `Device`.

    A handler may be a coroutine function, which runs in the loop, or a plain function, which runs in a worker thread.
    One that takes longer than `limits.operation` is cancelled and answered 502; until it ends, further operations of
    that device and fragment are answered 502 at once.
    """

    def _prepare(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._connection: _Connection | None = None
        self._tasks: set[asyncio.Task[None]] = set()  # references that keep running tasks alive
        self._ended: asyncio.Event | None = None
        self._busy: dict[tuple[str, str], tuple[Operation, asyncio.Task[None]]] = {}  # lane -> running operation
        self._stuck: dict[tuple[str, str], Operation] = {}  # lane -> operation whose abandoned thread still runs
        self.session._flow.outbox.write_in_thread(self._on_written)

    # For users

    async def start(self, timeout: float | None = None) -> None:
        """Connect in the background. With `timeout`, wait until online; see `wait_online`."""
        self._check_usable()
        if self._ended is not None and not self._ended.is_set():
            raise RuntimeError("the device is already started")
        events = self.session.start(monotonic()) if self.session.state in ENDED else []
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._gave_up = None
        self._open_workers()
        self._do(events)
        if timeout is not None:
            await self.wait_online(timeout)

    async def wait_online(self, timeout: float | None = None) -> None:
        """Wait until online. Raises `TimeoutError`, or `DeviceError` if the platform refuses for good."""
        if not await self._wait(lambda: self.online or self._is_ended, timeout):
            raise TimeoutError(f"not online after {timeout} seconds: {self!r}")
        if not self.online:
            raise self._error() or RuntimeError("the device was stopped")

    async def stop(self, timeout: float | None = None) -> None:
        """Send the remaining rows, disconnect and end. Waits at most `timeout` seconds (`None`: until done)."""
        self._do(self.session.stop(monotonic()))
        if self._ended is not None:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ended.wait(), timeout)

    async def run(self) -> None:
        """Connect and work until stopped or cancelled. Raises `DeviceError` if refused for good."""
        await self.start()
        assert self._ended is not None
        try:
            await self._ended.wait()
        except asyncio.CancelledError:
            await self.stop()
            raise
        error = self._error()
        if error is not None:
            raise error

    def send(
        self, *rows: RowLike, child: str | None = None, x_id: str | None = None, mode: str = "s", wait: bool = True
    ) -> None:
        """Publish rows; see `Session.send`. Never waits for room, see `room`. Offline they wait, up to `limits.queue`.

        With an outbox file it returns when the rows are in the file, and a slow disk blocks the loop. With `wait=False`
        a thread writes them: await `saved`.
        """

        def send() -> None:
            with self._writing(wait):
                events = self.session.send(*rows, child=child, x_id=x_id, mode=mode, now=monotonic())
            self._do(events)

        self._in_loop(send)

    def publish(self, topic: str, payload: bytes, *, wait: bool = True) -> None:
        """Publish a payload unchanged; see `Session.publish`. `wait`: as for `send`."""

        def publish() -> None:
            with self._writing(wait):
                events = self.session.publish(topic, payload, now=monotonic())
            self._do(events)

        self._in_loop(publish)

    async def saved(self, timeout: float | None = None) -> bool:
        """Wait until all rows sent so far are in the outbox file, or delivered.

        `False` if that took longer than `timeout` seconds, as on a full disk, or the device ended first.
        """
        outbox = self.session._flow.outbox
        await self._wait(lambda: outbox.saved or self._failure is not None, timeout)
        return outbox.saved

    def add_child(self, child: Child | str) -> None:
        """Create a child device, now and on every later connection."""
        self._in_loop(lambda: self._do(self.session.add_child(child, now=monotonic())))

    def subscribe(self, topic: str, handler: PayloadHandler) -> None:
        """Call `handler(topic, payload)`, a plain function, for each payload of a topic; see `Device.subscribe`."""

        def subscribe() -> None:
            self._do(self.session.subscribe(topic, now=monotonic()))
            self._read_with(topic, handler)

        self._in_loop(subscribe)

    async def flush(self, timeout: float | None = None) -> bool:
        """Send rows that wait for `linger`, then wait until all are acknowledged.

        `False` if that took longer than `timeout` seconds or the device ended first.
        """
        self._check_usable()
        self._do(self.session.flush(monotonic()))
        await self._wait(lambda: self._is_flushed or (self._ended is not None and self._ended.is_set()), timeout)
        return self._is_flushed

    async def room(self, timeout: float | None = None) -> bool:
        """Wait until less than half of `limits.queue` is in use, to slow a producer down before rows are dropped.

        `False` if that took longer than `timeout` seconds or the device ended first.
        """

        def has_room() -> bool:
            return 2 * self.session._flow.outbox.size < self.session.limits.queue

        await self._wait(lambda: has_room() or self._is_ended, timeout)
        return has_room()

    def health(self) -> Health:
        """A snapshot of the device's health, for a watchdog. From another thread it waits for the loop."""
        found: list[Health] = []
        self._in_loop(lambda: found.append(self._health(len(self._busy), 0.0)))
        return found[0]

    async def __aenter__(self: D) -> D:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # Inside

    @property
    def _is_ended(self) -> bool:
        return self._ended is None or self._ended.is_set()

    @contextlib.contextmanager
    def _writing(self, wait: bool) -> Iterator[None]:
        outbox = self.session._flow.outbox
        outbox.waits = wait or self._loop is None  # before the start nothing could tell `saved`
        try:
            yield
        finally:
            outbox.waits = True

    def _on_written(self) -> None:
        """The outbox has written its file in a thread, or failed to."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._drive, self.session.tick)

    def _report(self, operation: Operation, text: str) -> None:
        self._in_loop(lambda: self._do(self.session.progress(operation, text, now=monotonic())))

    def _announce(self, events: list[Event]) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and the device with it
                self._loop.call_soon_threadsafe(self._do, events)

    def _in_loop(self, call: Callable[[], None]) -> None:
        """Run `call` in the loop; from another thread, wait for it and raise its errors here."""
        self._check_usable()
        loop = self._loop
        if loop is None or not loop.is_running() or loop is _running_loop():
            call()
            return

        async def in_loop() -> None:
            call()

        asyncio.run_coroutine_threadsafe(in_loop(), loop).result()

    async def _wait(self, condition: Callable[[], bool], timeout: float | None) -> bool:
        deadline = math.inf if timeout is None else monotonic() + timeout
        while not condition():
            left = deadline - monotonic()
            if left <= 0:
                return False
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await asyncio.wait((future,), timeout=None if left == math.inf else left)
        return True

    def _do(self, events: list[Event]) -> None:
        """Report events, run operations, carry out actions, schedule the next tick. An error here ends the device."""
        if self._failure is not None:
            return
        try:
            self._carry_out(events)
        except BaseException as error:
            self._break(error)
            if not isinstance(error, Exception):
                raise
        self._wake_waiting()

    def _drive(self, call: Callable[..., list[Event]], *arguments: Any, **options: Any) -> None:
        """Pass an input to the session on behalf of the device itself: an error has no caller and ends the device."""
        try:
            events = call(*arguments, monotonic(), **options)
        except Exception as error:
            self._break(error)
        else:
            self._do(events)

    def _break(self, error: BaseException) -> None:
        """End the device after an internal error: report it, release all waiting callers, stop everything."""
        self._fail_for_good(error)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
        if self._timer is not None:
            self._timer.cancel()
        for _, task in self._busy.values():
            task.cancel()
        self._close_workers()
        if self._ended is not None:
            self._ended.set()
        self._wake_waiting()

    def _interrupted(self, error: BaseException) -> None:
        """Pass Ctrl+C, which reaches only the main thread, on to the caller that runs the loop."""
        if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
            if self._loop is None or not self._loop.is_running():
                raise error
            self._loop.call_soon(_raise, error)

    def _carry_out(self, events: list[Event]) -> None:
        self.statistics.sent = self.session.taken
        for operation in self._note(events):
            self._dispatch(operation)
        for event in events:
            if isinstance(event, OperationTimedOut):
                self._abandon(event.operation)
        if self._ended is not None and self._loop is not None and not self._loop.is_closed():
            self._act()

    def _wake_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _act(self) -> None:
        for action in self.session.outgoing():
            if isinstance(action, Connect):
                if self._connection is not None:
                    self._connection.abort()
                self._connection = _Connection(self, action)
            elif self._connection is not None:
                if isinstance(action, Disconnect):
                    self._connection.close(action)
                else:
                    self._connection.put(action)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.session.due()
        due = self._save_at if due is None else min(due, self._save_at)
        if due != math.inf and self._loop is not None:
            self._timer = self._loop.call_later(max(0.0, due - monotonic()), self._tick)
        if self.session.state in ENDED:
            self._end()

    def _tick(self) -> None:
        self._timer = None
        if monotonic() >= self._save_at:
            self._save()
        self._drive(self.session.tick)

    def _end(self) -> None:
        self._save()
        self._close_workers()
        if self._connection is None and self._ended is not None:
            self._ended.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        assert self._loop is not None
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _closed(self, connection: _Connection, reason: str | None) -> None:
        """A connection has ended; `reason` is `None` if the session ended it."""
        if connection is not self._connection:
            return
        self._connection = None
        self._drive(lambda now: self.session.disconnected(now, reason or "disconnected"))

    # Operations

    def _dispatch(self, operation: Operation) -> None:
        handler = self._handlers.find(operation)
        if handler is None:
            self._in_loop_later(lambda: self._fail(operation, self._no_handler(operation)))
        elif operation.lane in self._busy or operation.lane in self._stuck:
            text = "the handler of an earlier operation has not returned"
            self._in_loop_later(lambda: self._fail(operation, text))
        else:
            self._busy[operation.lane] = operation, self._spawn(self._handle(handler, operation))

    def _in_loop_later(self, call: Callable[[], None]) -> None:
        assert self._loop is not None
        self._loop.call_soon(call)

    async def _handle(self, handler: Handler, operation: Operation) -> None:
        """Frees the lane before sending the answer, which triggers the next operation."""
        try:
            await asyncio.sleep(0)  # eager tasks would otherwise finish before `_busy` knows them
            if inspect.iscoroutinefunction(handler):
                self._begin(operation)
                result = await handler(operation)
            else:
                result = await self._in_thread(handler, operation)
                if inspect.isawaitable(result):
                    result = await result
            fields = result_fields(result)
            self._free(operation)
            self._do(self.session.succeed(operation, *fields, now=monotonic()))
        except BaseException as error:  # anything a handler raises, even cancellation, fails only this operation
            told = isinstance(error, (SmartRestError, asyncio.CancelledError))
            log.error("%s: %r failed: %r", self.client_id, operation, failure_text(error), exc_info=not told)
            self._free(operation)
            self._fail(operation, failure_text(error))
            self._interrupted(error)
            if isinstance(error, asyncio.CancelledError):
                raise

    def _begin(self, operation: Operation) -> None:
        """Its time counts from now."""
        self._drive(lambda now: self.session.extend(operation, self.session.limits.operation, now=now))

    async def _in_thread(self, handler: Handler, operation: Operation) -> Any:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def finish(result: Any, error: BaseException | None) -> None:
            if self._stuck.get(operation.lane) is operation:
                del self._stuck[operation.lane]
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        def job() -> None:
            if future.cancelled():
                return
            result, failure = None, None
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._begin, operation)
            try:
                result = handler(operation)
            except StopIteration as error:  # a future cannot hold it
                failure = RuntimeError(failure_text(error))
            except BaseException as error:  # as in the loop
                failure = error  # type: ignore[assignment]  # mypy infers RuntimeError from the branch above
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(finish, result, failure)

        if self._workers is None:
            raise RuntimeError("the device is not started")
        self._workers.submit(operation, job)
        return await future

    def _abandon(self, operation: Operation) -> None:
        running = self._busy.get(operation.lane)
        if running is not None and running[0] is operation:
            running[1].cancel()
        if self._workers is not None and self._workers.abandon(operation):
            self._stuck[operation.lane] = operation

    def _free(self, operation: Operation) -> None:
        running = self._busy.get(operation.lane)
        if running is not None and running[0] is operation:
            del self._busy[operation.lane]

    def _fail(self, operation: Operation, text: str) -> None:
        self._drive(lambda now: self.session.fail(operation, text, now=now))


class _Connection:
    """One connection: a client, and the tasks that serve it."""

    def __init__(self, device: AsyncDevice, action: Connect) -> None:
        self._device = device
        self._made: Client | None = None
        self._client: Client | None = None  # while it is connected
        self._closing = False
        self._refusal = ""  # why this device ends the connection
        self._closed = asyncio.Event()
        self._tasks: set[asyncio.Future[Any]] = set()
        self._task: asyncio.Task[None] | None = None
        self._task = device._spawn(self._serve(action))

    def _make(self, action: Connect) -> Client:
        device, endpoint, will = self._device, self._device.endpoint, self._device.last_will
        return Client(
            endpoint.host,
            endpoint.port,
            identifier=action.client_id,
            username=action.username,
            password=action.password,
            clean_session=action.clean_session,
            will=aiomqtt.Will(*will) if will is not None else None,
            keepalive=device.keepalive,
            transport="websockets" if endpoint.websocket else "tcp",
            websocket_path=endpoint.path,
            tls_context=device.tls_context,
            timeout=device.session.limits.connect,
            max_inflight_messages=UNLIMITED,
            socket_options=NODELAY,
        )

    async def _serve(self, action: Connect) -> None:
        reason: str | None = None
        try:
            client = self._made = self._make(action)
        except Exception as error:  # before any network I/O: the client rejects an option
            self._device._break(error)
            return
        try:
            watch_version(client._client, lambda: self._tell(self._device.session.connected, 1))
            limit_packets(client._client, self._device.session.limits.receive, self._refuse)
            client.pending_calls_threshold = CALLS
            async with client:
                self._client = client
                self._tell(self._device.session.connected, 0)
                stopping = asyncio.ensure_future(self._closed.wait())
                reading = asyncio.ensure_future(self._read(client))
                self._tasks |= {stopping, reading}
                await asyncio.wait((stopping, reading), return_when=asyncio.FIRST_COMPLETED)
                self._client = None
                if reading.done():
                    reading.result()
        except MqttConnectError as error:
            code = error.rc
            self._tell(self._device.session.connected, code if isinstance(code, int) else getattr(code, "value", 3))
            reason = str(error)
        except (aiomqtt.MqttError, OSError, ValueError) as error:
            if self._made is not None and self._made.refusal is not None:
                self._tell(self._device.session.connected, self._made.refusal)
            reason = f"{self._device.endpoint.url}: {self._refusal or error}"
        except Exception as error:  # the client fails on input that is not MQTT: give up the connection
            log.warning("%s: the MQTT client failed", self._device.client_id, exc_info=True)
            reason = f"the MQTT client failed: {error!r}"
        finally:
            self._client = None
            for task in self._tasks:
                task.cancel()
            if self._made is not None:
                self._made.drop()
            self._device._closed(self, reason and self._device._why(reason))

    async def _read(self, client: Client) -> None:
        async for message in client.messages:
            payload, duplicate = message.payload, client.duplicates.popleft()
            if isinstance(payload, (bytes, bytearray)):
                self._tell(self._device.session.received, str(message.topic), bytes(payload), duplicate=duplicate)

    def _tell(self, call: Callable[..., list[Event]], *arguments: Any, **options: Any) -> None:
        if self._device._connection is self:
            self._device._drive(call, *arguments, **options)

    def put(self, action: Publish | Subscribe) -> None:
        """Keeps order: tasks begin in creation order, and aiomqtt hands its packet over before it first waits."""
        if self._client is not None and not self._closing:
            client = self._client
            work = self._publish(client, action) if isinstance(action, Publish) else self._subscribe(client, action)
            task = self._device._spawn(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _publish(self, client: Client, action: Publish) -> None:
        with contextlib.suppress(aiomqtt.MqttError):  # the connection broke: the reading task reports it
            await client.publish(action.topic, action.payload, action.qos, timeout=math.inf)
            if action.qos:
                self._tell(self._device.session.acknowledged, action.id)

    async def _subscribe(self, client: Client, action: Subscribe) -> None:
        with contextlib.suppress(aiomqtt.MqttError):  # as above
            codes = await client.subscribe(action.topic, action.qos, timeout=math.inf)
            code = codes[0]
            self._tell(self._device.session.subscribed, action.topic, code if isinstance(code, int) else code.value)

    def _refuse(self, reason: str) -> None:
        self._refusal = reason

    def close(self, action: Disconnect) -> None:
        """End once earlier actions have been sent."""
        self._closing = True
        if action.abort:
            self.abort()
        else:
            asyncio.get_running_loop().call_soon(self._closed.set)

    def abort(self) -> None:
        """End at once; the session already knows."""
        if self._device._connection is self:
            self._device._connection = None
        if self._made is not None:
            self._made.drop()
        current = asyncio.current_task() if _running_loop() is not None else None
        if self._task is not None and self._task is not current:
            self._task.cancel()


def _raise(error: BaseException) -> None:
    raise error


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
