"""For commands that run until stopped: turns signals into an exit code and reads standard input line by line."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from ..device.events import Event

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
CHUNK = 65_536  # bytes to read at a time


class Serving:
    """`with Serving() as serving:` SIGINT, SIGTERM and SIGHUP call `end`; the old handlers are restored after."""

    def __init__(self, end: Callable[[], object]) -> None:
        self._end = end
        self._before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}
        self._number = 0

    def __enter__(self) -> Serving:
        for number in SIGNALS:
            if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN:  # ignored: started by nohup
                self._before[number] = signal.signal(number, self._signalled)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def code(self, otherwise: int = 0) -> int:
        """The exit code: 128 plus the number of the signal, as in shells, or `otherwise` without one."""
        return 128 + self._number if self._number else otherwise

    def _signalled(self, number: int, _: FrameType | None) -> None:
        self._number = number
        self._end()


def read_in_thread(work: Callable[[Iterator[bytes]], None]) -> None:
    """Call `work` with the lines of standard input, in a daemon thread."""
    if sys.stdin is not None:  # None: started without standard input
        threading.Thread(target=work, args=(_lines(sys.stdin.fileno()),), daemon=True).start()


def trouble(event: Event) -> str:
    """Why a device is not online, from `Lost`, `Refused` or `GaveUp`."""
    from ..device import GaveUp, Lost, Refused

    if isinstance(event, Refused):
        return f"the platform refused the connection: {event.code.name}"
    if isinstance(event, GaveUp):
        return event.text
    return event.reason if isinstance(event, Lost) else str(event)


def _lines(number: int) -> Iterator[bytes]:
    """The lines as they arrive.

    Reads from the descriptor: a thread blocked in `sys.stdin` holds its lock, and the interpreter would crash on it at
    exit.
    """
    rest = b""
    while True:
        try:
            data = os.read(number, CHUNK)
        except OSError:  # the terminal is gone
            data = b""
        if not data:
            break
        *lines, last = data.split(b"\n")
        if lines:
            yield rest + lines[0]
            yield from lines[1:]
            rest = b""
        rest += last
    if rest:
        yield rest
