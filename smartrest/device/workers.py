"""Worker threads for blocking handlers: daemons, started on demand, bounded in number. A hung one is replaced."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable


class Workers:
    """Runs jobs in order on up to `most` threads. `abandon` gives up the thread of a hung job."""

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
