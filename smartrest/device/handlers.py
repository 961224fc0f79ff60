"""The registry of operation handlers, and the threads for handlers that block."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from .operations import Operation, OperationTemplate

Handler = Callable[[Operation], Any]
H = TypeVar("H", bound=Handler)
PROFILES = ("527", "531")  # the platform sends both rows for one operation


class Handlers:
    """Handlers by template ID and by fragment; the template ID takes precedence."""

    def __init__(self, changed: Callable[[str, OperationTemplate | None], None], static: Sequence[str]) -> None:
        self._changed = changed  # called with a template ID and how to read its rows (`None`: not operations)
        self._static = frozenset(static)
        self._by_id: dict[str, Handler] = {}
        self._by_fragment: dict[str, Handler] = {}

    def operation(self, *fragments: str) -> Callable[[H], H]:
        _check_names(fragments, self._by_fragment, "fragment")

        def register(handler: H) -> H:
            self._by_fragment.update(dict.fromkeys(fragments, handler))
            return handler

        return register

    def on(self, *template_ids: str, fragment: str | None, id_field: int | None) -> Callable[[H], H]:
        _check_names(template_ids, self._by_id, "template ID")
        described = fragment is not None or id_field is not None
        if id_field is not None and id_field < 2:
            raise ValueError("id_field must be at least 2: field 0 is the template ID, field 1 the device ID")
        unknown = [name for name in template_ids if name not in self._static]
        if unknown and not described:
            raise ValueError(f"not a static template: {unknown[0]!r}. Give the fragment or id_field to answer by")

        def register(handler: H) -> H:
            for name in template_ids:
                self._by_id[name] = handler
                if described:
                    self._changed(name, OperationTemplate(fragment, id_field))
                elif name in PROFILES:
                    other = PROFILES[1 - PROFILES.index(name)]
                    self._changed(name, OperationTemplate("c8y_DeviceProfile"))
                    if other not in self._by_id:
                        self._changed(other, None)
            return handler

        return register

    def find(self, operation: Operation) -> Handler | None:
        return self._by_id.get(operation.template_id) or self._by_fragment.get(operation.fragment)

    @property
    def fragments(self) -> list[str]:
        return list(self._by_fragment)


def _check_names(names: Sequence[str], taken: dict[str, Handler], what: str) -> None:
    if not names:
        raise TypeError(f"give at least one {what}")
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{what} must be str, not {type(name).__name__}")
        if name in taken:
            raise ValueError(f"{what} {name!r} already has a handler")


class Workers:
    """Runs jobs in order on up to `most` daemon threads, started as needed. `abandon` gives up a hung job."""

    def __init__(self, most: int, name: str) -> None:
        if most < 1:
            raise ValueError(f"workers must be at least 1, not {most}")
        self._most = most
        self._name = name
        self._jobs: deque[tuple[object, Callable[[], None]]] = deque()
        self._changed = threading.Condition()
        self._idle = 0
        self._threads = 0
        self._running: dict[object, threading.Thread] = {}
        self._abandoned: set[threading.Thread] = set()

    def submit(self, key: object, job: Callable[[], None]) -> None:
        """Run `job`, which must not raise; `key` identifies it to `abandon`."""
        with self._changed:
            self._jobs.append((key, job))
            self._supply()

    def abandon(self, key: object) -> bool:
        """Give up a hung job and let another thread take over. `False` if it had not begun; it never will."""
        with self._changed:
            thread = self._running.pop(key, None)
            if thread is not None:
                self._abandoned.add(thread)
                self._threads -= 1
                self._supply()
                return True
            self._jobs = deque(pair for pair in self._jobs if pair[0] is not key)
            return False

    def _supply(self) -> None:
        if self._idle >= len(self._jobs):
            self._changed.notify()
        elif self._threads < self._most:
            self._threads += 1
            threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def close(self) -> list[tuple[object, Callable[[], None]]]:
        """End idle threads and leave running jobs alone. Returns the jobs that have not begun, with their keys."""
        with self._changed:
            self._most = 0
            left, self._jobs = list(self._jobs), deque()
            self._changed.notify_all()
            return left

    def _work(self) -> None:
        me = threading.current_thread()
        while True:
            with self._changed:
                while not self._jobs and self._most:
                    self._idle += 1
                    self._changed.wait()
                    self._idle -= 1
                if not self._jobs:
                    self._threads -= 1
                    return
                key, job = self._jobs.popleft()
                self._running[key] = me
            job()
            with self._changed:
                self._running.pop(key, None)
                if me in self._abandoned:
                    self._abandoned.discard(me)
                    return
