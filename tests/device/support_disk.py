"""A program that works with an outbox file on a recorded disk (support_disk.c), and what a power cut leaves of it.

`PATH MARKS SEED COUNT [SYNCHRONOUS]`: writes to MARKS `R` once the file is open, `S n` when the rows up to `n` are
accepted, and `D n` before row `n` is removed.
"""

from __future__ import annotations

import os
import random
import struct
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from smartrest.device import durable
from smartrest.device.durable import DurableOutbox
from smartrest.device.outbox import Item

HEAD = struct.Struct("<c3xIIIQ")
SECTOR = 512


def row(number: int) -> bytes:
    return b"400,event,%d,%s" % (number, b"x" * (number * 7919 % 700))


def budget(topic: str) -> int:
    return 2_000


def work(path: str, marks: str, seed: str, count: str, synchronous: str = "") -> None:
    durable.LOG, durable.LONG_LOG = 60_000, 240_000  # many checkpoints
    dice, mark = random.Random(seed), os.open(marks, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    outbox = DurableOutbox(path, 10**9, budget)
    outbox.open()
    if synchronous:
        assert outbox._file is not None
        outbox._file._rows.execute(f"PRAGMA synchronous = {synchronous}")
    os.write(mark, b"R\n")
    last, flying = 0, deque[Item]()
    for _ in range(int(count)):
        first, last = last + 1, last + dice.randint(1, 5)
        outbox.put([Item("s/us", row(number)) for number in range(first, last + 1)])
        os.write(mark, b"S %d\n" % last)
        if dice.random() < 0.5 and (taken := outbox.take(full_only=False)) is not None:
            flying += taken[2]
        while len(flying) > 200:
            gone = [flying.popleft() for _ in range(dice.randint(1, 5))]
            for item in gone:
                os.write(mark, b"D %d\n" % item.number)
            outbox.done(gone)
        if dice.random() < 0.02:
            time.sleep(0.005)  # for the thread that checkpoints


class Record(NamedTuple):
    letter: str
    path: str
    offset: int
    data: bytes


def records(log: Path) -> Iterator[Record]:
    content = log.read_bytes()
    at = 0
    while at < len(content):
        letter, path, size, _, offset = HEAD.unpack_from(content, at)
        at += HEAD.size
        name = content[at : at + path].decode()
        yield Record(letter.decode(), name, offset, content[at + path : at + path + size])
        at += path + size


class File:
    """`stable`: what is on the disk for certain. `pending`: writes and truncations since, any of which may be there."""

    def __init__(self) -> None:
        self.stable = bytearray()
        self.pending: list[tuple[int, Record]] = []
        self.begun: list[int] = []  # numbers of records at which syncs began

    def note(self, number: int, record: Record) -> None:
        if record.letter in "WT":
            self.pending.append((number, record))
        elif record.letter == "B":
            self.begun.append(number)
        else:  # of two syncs at once the later one may have ended: it covers no more than the earlier for certain
            covered = self.begun.pop(0)
            while self.pending and self.pending[0][0] < covered:
                _apply(self.stable, self.pending.pop(0)[1])

    def after_a_cut(self, dice: random.Random, share: float) -> bytes:
        image = bytearray(self.stable)
        for _, record in self.pending:
            if dice.random() >= share:
                continue
            if record.letter == "W" and dice.random() < 0.3:  # torn
                for at in range(0, len(record.data), SECTOR):
                    if dice.random() < 0.5:
                        _apply(image, record._replace(offset=record.offset + at, data=record.data[at : at + SECTOR]))
            else:
                _apply(image, record)
        return bytes(image)


def _apply(image: bytearray, record: Record) -> None:
    if record.letter == "T":
        del image[record.offset :]
        return
    if len(image) < record.offset:
        image.extend(bytes(record.offset - len(image)))
    image[record.offset : record.offset + len(record.data)] = record.data


class Disk:
    """A disk to which the records of a program happen one after the other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: dict[str, File] = {}
        self.ready = False
        self.accepted = 0  # rows up to this number
        self.synced = 0  # of them, those that a sync of the log began after
        self.removed: set[int] = set()
        self._marked: dict[int, int] = {}  # record at which a sync of the log began -> accepted then

    def note(self, number: int, record: Record) -> None:
        if record.path.endswith("marks"):
            letter, _, value = record.data.decode().strip().partition(" ")
            self.ready = True
            self.accepted = int(value) if letter == "S" else self.accepted
            self.removed |= {int(value)} if letter == "D" else set()
            return
        if record.letter == "U":  # " (deleted)" follows the path
            self.files.pop(record.path.removesuffix(" (deleted)"), None)
            return
        file = self.files.setdefault(record.path, File())
        if record.path.endswith("-wal") and record.letter == "B":
            self._marked[number] = self.accepted
        if record.path.endswith("-wal") and record.letter == "E":
            self.synced = max(self.synced, self._marked.pop(file.begun[0]))
        file.note(number, record)

    def cut(self, dice: random.Random, folder: Path) -> tuple[int, int]:
        """Cut the power, open the outbox. Returns how many rows must be there, and how many accepted ones are missing.

        Raises if the file is unusable, if a row is wrong or out of order, or if one is missing that was synced.
        """
        path, share = folder / self.path.name, dice.choice((0.0, 0.2, 0.5, 0.8, 1.0))
        for name, file in self.files.items():
            target = folder / Path(name).name
            if not name.endswith(("-shm", "-lock")):
                target.write_bytes(file.after_a_cut(dice, share))
                target.chmod(0o600)
        for other in folder.glob("*-shm"):
            other.unlink()
        outbox = DurableOutbox(path, 10**9, budget)
        outbox.open()
        found = []
        while (taken := outbox.take(full_only=False)) is not None:
            found += taken[2]
        outbox.end(found)
        numbers = [item.number for item in found]
        assert numbers == sorted(set(numbers))
        assert all(item.data == row(item.number) for item in found)
        must = set(range(1, self.synced + 1)) - self.removed
        assert must <= set(numbers), (
            f"{len(must - set(numbers))} synced rows are lost: {sorted(must - set(numbers))[:5]}"
        )
        return len(must), len(set(range(1, self.accepted + 1)) - self.removed - set(numbers))


if __name__ == "__main__":
    work(*sys.argv[1:])
