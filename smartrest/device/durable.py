"""An outbox backed by a file: accepted rows survive the process, however it ends.

The queue itself stays in memory, with its order, bound and policy; an SQLite file mirrors it. Rows are in the file when
`put` returns, and are deleted once acknowledged or dropped. With `synchronous=NORMAL` and a write-ahead log (WAL), a
transaction writes to the log without waiting for the disk. A killed process loses nothing, since the system has the
write; a power cut may lose the latest transactions but does not damage the file. A thread checkpoints the log into the
file, so that most waiting for the disk happens there. `write_in_thread` moves the writes there too, for a caller that
asks for the result later.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

from ..errors import SmartRestError
from .outbox import Item, Outbox

APPLICATION = 0x53_52_4F_42  # "SROB" in the file's header
FORMAT = 1  # in its user_version
PATIENCE = 5.0  # seconds that a write waits for the checkpoint thread, which blocks it only to truncate a long log
PAUSE = 0.005  # seconds in which removals gather
PAGE = 4096
LOG = 4_000_000  # approximate size of the log, in bytes, that triggers a checkpoint
LONG_LOG = 8 * LOG  # size that triggers truncation too, which blocks writers
IS_MEASUREMENT, IS_ALONE = 1, 2  # bits of `flags`
FAULTS = (sqlite3.Error, UnicodeError)  # UnicodeError: a damaged file can corrupt SQLite's texts

TABLE = "CREATE TABLE rows (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, flags INTEGER NOT NULL, data BLOB NOT NULL)"
INSERT = "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)"
DELETE = "DELETE FROM rows WHERE id BETWEEN ? AND ?"


class DurableOutbox(Outbox):
    """An `Outbox` kept in the file at `path`, which only one process at a time may use.

    `open`, and `put` after `end`, raise `SmartRestError` if the file is in use, damaged or not an outbox, and
    `PermissionError` if others may read it. After that nothing raises: while the file cannot be written (`failure` says
    why), new rows are in memory only, and `save` retries.
    """

    def __init__(self, path: str | os.PathLike[str], limit: int, budget: Callable[[str], int]) -> None:
        super().__init__(limit, budget)
        self.path = Path(path)
        self._file: _File | None = None
        self._last = 0  # number of the newest row
        self._lock = threading.Lock()  # guards the changes that follow
        self._unsaved: dict[int, Item] = {}
        self._unremoved: list[int] = []
        self._writing: dict[int, Item] = {}  # being saved
        self._file_lock = threading.Lock()  # guards the file
        self._written: Callable[[], None] | None = None  # set if a thread may write
        self._pool: ThreadPoolExecutor | None = None
        self._queued = False  # a write in the thread is due

    def write_in_thread(self, written: Callable[[], None]) -> None:
        self._written = written

    @property
    def saved(self) -> bool:
        with self._lock:
            return not (self._unsaved or self._writing)

    def open(self) -> tuple[int, list[Item]]:
        """Open the file unless it is open; returns how many rows it holds, and those that cannot be kept."""
        if self._file is not None:
            return 0, []
        file = _File(self.path)
        try:
            items = list(file.load())
        except BaseException:
            file.close()
            raise
        super().__init__(self.limit, self._budget)  # empty: rows still shown after `end` come back from the file
        self._file, self.failure = file, None
        self._last = max((item.number for item in items), default=0)
        large = [item for item in items if len(item.data) > self._budget(item.topic)]
        dropped = super().put(item for item in items if len(item.data) <= self._budget(item.topic))
        self._remove(large + dropped, wait=True)
        return len(items), large + dropped

    def put(self, items: Iterable[Item]) -> list[Item]:
        self.open()
        items = list(items)
        for item in items:
            self._last += 1
            item.number = self._last
        dropped = super().put(items)
        with self._lock:
            self._unsaved.update((item.number, item) for item in items if not item.gone)
        self._remove([item for item in dropped if item.number <= self._last - len(items)], wait=self.waits)
        return dropped

    def put_back(self, items: list[Item]) -> list[Item]:
        dropped = super().put_back(items)
        self._remove(dropped, wait=False)
        return dropped

    def done(self, items: Iterable[Item]) -> None:
        items = list(items)
        super().done(items)
        self._remove(items, wait=False)

    def end(self, in_flight: list[Item]) -> list[Item]:
        """Close the file with the rows in it; returns those it could not take. The others stay visible."""
        dropped = self.put_back(in_flight)
        if self._file is None:
            return dropped
        self._write()
        lost = list(self._unsaved.values())
        for item in lost:
            item.gone = True
            self.size -= item.size
            self._queues[item.topic].count(item, -1)
        self._queues = {topic: queue for topic, queue in self._queues.items() if queue.live}
        self._unsaved, self._unremoved = {}, []
        with self._file_lock:  # a write in the thread may have begun
            self._file.close()
            self._file, self.failure = None, None
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        return dropped + lost

    def save(self) -> None:
        """Write pending changes to the file, in the thread if there is one. Sets `failure`."""
        if self._written is None:
            self._write()
        elif not self._queued:
            self._queued = True
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, "smartrest-outbox")
            self._pool.submit(self._write_queued, self._written)

    def _write_queued(self, written: Callable[[], None]) -> None:
        """Runs in the thread. Removals are not urgent: many at once cost one write."""
        if not self._unsaved:
            time.sleep(PAUSE)
        self._queued = False  # changes from now on need another write
        failure = self.failure
        if self._write() or failure != self.failure:
            written()

    def _write(self) -> bool:
        """Returns whether rows were saved."""
        with self._file_lock:
            if self._file is None:
                return False
            with self._lock:
                removed, self._unremoved = self._unremoved, []
                added, self._unsaved = self._unsaved, {}
                self._writing = added
            try:
                if added or removed:
                    self._file.change(removed, added)
            except (*FAULTS, MemoryError) as error:
                with self._lock:
                    gone = set(self._unremoved)
                    kept = {number: item for number, item in added.items() if number not in gone}
                    self._unremoved, self._unsaved = removed + self._unremoved, kept | self._unsaved
                    self._writing, self.failure = {}, str(error)
                self._file.carry_over()  # the log itself may fill the disk
                return False
            self._writing, self.failure = {}, None
            return bool(added)

    def _remove(self, items: list[Item], *, wait: bool) -> None:
        with self._lock:
            self._unremoved += [item.number for item in items if self._unsaved.pop(item.number, None) is None]
        if self.failure is None:
            if wait:
                self._write()
            else:
                self.save()


class _File:
    """The open file: two SQLite connections. One writes; the other holds a lock in a file next to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written = 0  # approximate bytes in the log since the last checkpoint
        self._thread: threading.Thread | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f"{path.name}-lock")
        for name in (path, lock):
            _create_private(name)
        self._lock = _connect(lock, 0.0)
        self._end = weakref.finalize(self, _close, self._lock)
        try:
            self._lock.execute("PRAGMA journal_mode = OFF")  # nothing is ever written
            self._lock.execute("BEGIN EXCLUSIVE")
            self._rows = _connect(path, PATIENCE)
            self._end.detach()
            self._end = weakref.finalize(self, _close, self._rows, self._lock)
            self._prepare()
        except FAULTS as error:
            self._end()
            if error.args[0] == "database is locked":
                raise SmartRestError(f"{path} is in use by another device or process", "outbox_in_use") from None
            raise _unusable(path, f"cannot be used as an outbox: {error}") from error
        except BaseException:
            self._end()
            raise

    def _prepare(self) -> None:
        application, version, tables = (
            self._rows.execute(query).fetchone()[0]
            for query in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
        )
        if application not in (0, APPLICATION) or (application == 0 and tables):
            raise _unusable(self.path, "is the database of another program")
        if version > FORMAT:
            raise _unusable(self.path, f"was written by a newer version of smartrest (its format is {version})")
        for setting in ("journal_mode = WAL", "synchronous = NORMAL", "wal_autocheckpoint = 0"):
            self._rows.execute(f"PRAGMA {setting}")
        if application == 0:
            for statement in ("BEGIN", TABLE, f"PRAGMA application_id = {APPLICATION}",
                              f"PRAGMA user_version = {FORMAT}", "COMMIT"):  # fmt: skip
                self._rows.execute(statement)
        found = self._rows.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise _unusable(self.path, f"is damaged: {found}")

    def load(self) -> Iterable[Item]:
        try:
            for number, topic, flags, data in self._rows.execute("SELECT id, topic, flags, data FROM rows ORDER BY id"):
                if not (isinstance(topic, str) and isinstance(flags, int) and isinstance(data, bytes)):
                    raise _unusable(self.path, f"is damaged: row {number}")
                item = Item(topic, data, measurement=bool(flags & IS_MEASUREMENT), alone=bool(flags & IS_ALONE))
                item.number = number
                yield item
        except FAULTS as error:
            raise _unusable(self.path, f"is damaged: {error}") from error

    def change(self, removed: list[int], added: dict[int, Item]) -> None:
        """Apply all changes, or none and raise one of `FAULTS`."""
        spans = _spans(removed)
        rows = [
            (item.number, item.topic, IS_MEASUREMENT * item.measurement + IS_ALONE * item.alone, item.data)
            for item in added.values()
        ]
        execute = self._rows.execute
        if len(rows) + len(spans) == 1:  # a single statement is its own transaction
            execute(*(INSERT, rows[0]) if rows else (DELETE, spans[0]))
        else:
            try:
                execute("BEGIN IMMEDIATE")
                self._rows.executemany(DELETE, spans)
                self._rows.executemany(INSERT, rows)
                execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    execute("ROLLBACK")  # fails if SQLite has already rolled back
                raise
        self._written += PAGE + 2 * sum(len(row[3]) for row in rows)
        if self._written > LOG:
            self.carry_over()

    def carry_over(self) -> None:
        """Start a checkpoint in the thread, since it waits for the disk."""
        if self._thread is None or not self._thread.is_alive():
            self._written = 0
            self._thread = threading.Thread(target=_carry_over, args=(self.path,), name="smartrest-outbox", daemon=True)
            self._thread.start()

    def close(self) -> None:
        if self._thread is not None:
            self._thread.join()
        self._end()


def _spans(numbers: list[int]) -> list[tuple[int, int]]:
    """First and last of each run of consecutive numbers."""
    spans: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][1] + 1:
            spans[-1] = spans[-1][0], number
        else:
            spans.append((number, number))
    return spans


def _connect(path: Path, patience: float) -> sqlite3.Connection:
    """A connection that threads may share, one at a time."""
    try:
        return sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise _unusable(path, f"cannot be opened: {error}") from error


def _carry_over(path: Path) -> None:
    """Checkpoint the log into the file; truncate it if it grew long because rows kept coming."""
    with suppress(*FAULTS, SmartRestError), closing(_connect(path, PATIENCE)) as connection:
        _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if pages * PAGE > LONG_LOG:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _close(*connections: sqlite3.Connection) -> None:
    for connection in connections:
        with suppress(sqlite3.Error):
            connection.close()


def _create_private(path: Path) -> None:
    """Create the file, without opening an existing one: closing that would release this process's locks on it."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        raise PermissionError(f"{path} has mode {mode:04o}: others may read it; chmod 600")


def _unusable(path: Path, why: str) -> SmartRestError:
    return SmartRestError(
        f"{path} {why}. Move it away to start with an empty outbox, or give another path", "bad_outbox"
    )
