"""Shared by the codec's commands: the engine of this run, the input files, JSON output, decode errors."""

from __future__ import annotations

import argparse
import importlib
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

from .. import _engine
from .._constants import BOM, TEXTS
from .._limits import packet_room
from ..errors import DecodeError, SmartRestError
from ._report import Report, UsageError, pointer
from .framing import Part, Source, sources

_BOM = BOM.encode()
_BIG = 4 * 1024 * 1024  # bytes; larger payloads are decoded in batches
_BATCH = 4096  # rows
# JSON leaves these as they are; a terminal obeys some, and some end a line for `str.splitlines`.
_CONTROLS = re.compile("[\x7f-\x9f\u2028\u2029]")


def open_engine(name: str | None) -> Any:
    """The engine of that name; without a name the package's own."""
    if name is None:
        return importlib.import_module("smartrest")
    try:
        return _engine.open_engine(name)
    except ImportError as error:
        raise UsageError(f"{error}; --engine pure runs everywhere") from error
    except ValueError as error:
        raise UsageError(str(error)) from error


class Run:
    """One run of a codec command."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.engine = open_engine(args.engine)
        self.report = Report()
        self._on_terminal = sys.stdout.isatty()

    def sources(self) -> Iterator[Source]:
        yield from sources(self.args.files, self.report)
        self.report.clear()

    def bare(self, topic: str) -> str:
        """The topic as the platform names it: without the prefix of --topic-prefix, if it has it."""
        prefix = getattr(self.args, "topic_prefix", None)
        if prefix is None:
            return topic
        from ..mqtt import topics

        try:
            bare = topics.without_prefix(topic, prefix)
        except SmartRestError as error:
            raise UsageError(str(error)) from error
        return topic if bare is None else bare

    def budget(self, topic: str, qos: int) -> int:
        """The size limit of a payload on `topic`; an invalid topic is wrong usage."""
        try:
            budget = packet_room(topic, qos=qos)
        except ValueError as error:
            raise UsageError(str(error)) from error
        return budget

    def write(self, text: str) -> None:
        """Text to standard output, as UTF-8 whatever the locale says."""
        if not text:
            return
        if self._on_terminal:
            self.report.clear()
        if not text.isascii() or self._on_terminal:
            text = _CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))

    def write_bytes(self, data: bytes) -> None:
        sys.stdout.buffer.write(data)

    def flush(self) -> None:
        sys.stdout.buffer.flush()

    def write_rows(self, rows: list[tuple[str, ...]]) -> None:
        """One JSON array a line."""
        if rows:
            # JSON text has no NUL, so NUL can mark the commas: those between rows are next to brackets.
            text = json.dumps(rows, ensure_ascii=False, separators=("\0", ":"))[1:-1]
            self.write(text.replace("]\0[", "]\n[").replace("\0", ", ") + "\n")

    def batches(self, part: Part, strict: bool) -> Iterator[list[tuple[str, ...]]]:
        """The rows of a payload; complete rows before an error are yielded before it is raised."""
        try:
            if len(part.data) <= _BIG:
                yield self.engine.decode(part.data, strict=strict)
                return
            lazy = self.engine.scan(part.data, strict=strict)
        except DecodeError as error:
            yield error.rows
            raise
        for first in range(0, len(lazy), _BATCH):
            yield [row.fields for row in lazy[first : first + _BATCH]]

    def decode_error(self, source: Source, part: Part, error: DecodeError) -> None:
        """Report a decode error."""
        where = f"at byte {error.position or 0}"
        if error.row is not None:
            where += f", row {error.row}"
        if error.field is not None:
            where += f", field {error.field}"
        data = as_bytes(part.data)
        shown = None if error.position is None else pointer(data, error.position, error.position + 1, hidden(data))
        self.report.error(source.where(part), f"{TEXTS.get(error.reason, error)} ({error.reason}) {where}", shown)


def as_bytes(data: bytes | str) -> bytes:
    """The bytes that positions count in."""
    return data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")


def hidden(data: bytes) -> int:
    """The bytes of a byte order mark, which is not part of the payload."""
    return len(_BOM) if data.startswith(_BOM) else 0
