"""Gives both devices the same blocking methods for tests: the asyncio one runs in the loop of a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from smartrest.device import AsyncDevice, Device, Event, Limits
from smartrest.mqtt import Backoff

QUICK = Limits(backoff=Backoff(0.05, 0.4), subscribe_backoff=Backoff(0.05, 0.2), poll=0.1, grace=0.05, settle=0.5)


class LoopDevice:
    """An `AsyncDevice` with the blocking methods of `Device`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.device = AsyncDevice(*arguments, **options)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="loop", daemon=True)
        self._thread.start()

    def _do(self, work: Coroutine[Any, Any, Any], timeout: float = 60.0) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    def start(self, timeout: float | None = None) -> None:
        self._do(self.device.start(timeout))

    def wait_online(self, timeout: float | None = None) -> None:
        self._do(self.device.wait_online(timeout))

    def stop(self, timeout: float | None = None) -> None:
        self._do(self.device.stop(timeout))

    def run(self) -> None:
        self._do(self.device.run())

    def flush(self, timeout: float | None = None) -> bool:
        return bool(self._do(self.device.flush(timeout)))

    def close(self) -> None:
        """Check that no task, transport or thread is left."""

        async def end() -> None:
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self._do(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.device, name)


class Watched:
    """A device that keeps its events, made by the fixture `make_device`."""

    def __init__(self, kind: str, *arguments: Any, **options: Any) -> None:
        options = {"tls": False, "limits": QUICK, "linger": 0.02, **options}
        self.device: Any = (Device if kind == "paho" else LoopDevice)(*arguments, **options)
        self.events: list[Event] = []
        self._changed = threading.Condition()
        self.device.listen()(self._note)

    def _note(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[list[Event]], object], timeout: float = 10.0) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self.events), timeout), self.events

    def wait_event(self, kind: type[Event], count: int = 1, timeout: float = 10.0) -> Event:
        self.wait_for(lambda events: sum(isinstance(event, kind) for event in events) >= count, timeout)
        return [event for event in self.events if isinstance(event, kind)][count - 1]

    def end(self) -> None:
        if self.device.session.state.value not in ("closed", "failed"):
            self.device.stop(5)
        if isinstance(self.device, LoopDevice):
            self.device.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.device, name)


Make = Callable[..., Watched]  # the fixture `make`
