"""Reads payloads from files: whole files, or one per line, plain or in JSON. Never joins or decodes payloads."""

from __future__ import annotations

import base64
import json
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any, NamedTuple

from ._report import Report, pointer

FRAMINGS = ("whole", "jsonl", "lines", "topic")
PAYLOAD_LIMIT = 64 * 1024 * 1024  # bytes of one payload, whether it is a line or a whole file
CHUNK = 1024 * 1024  # bytes of a whole file to read at a time

_BOM = "\ufeff".encode()
BAD = object()  # a line without a JSON value
# `mosquitto_sub -v` prints "topic payload", the tool of thin-edge.io "[topic] payload". A row has no blank and no `/`
# before its first comma, or it is a line of a longer payload.
_HEAD = re.compile(rb"\[([^\]]+)\](?: (.*))?|([^ ,\"]*/[^ ,\"]*|error)(?: (.*))?", re.DOTALL)
_EMPTY = b"(null)"  # how mosquitto_sub prints an empty payload


class Part(NamedTuple):
    """One payload and its origin."""

    data: bytes | str
    line: int | None = None  # the line of the file that holds the payload, from 1
    topic: str | None = None
    members: dict[str, Any] | None = None  # of the JSON line


def sources(names: Sequence[str], report: Report) -> Iterator[Source]:
    """The files of these names, opened one after the other; `-` is standard input."""
    for name in names:
        if name == "-":
            yield Source("-", sys.stdin.buffer, report)
            continue
        try:
            file = open(name, "rb")  # noqa: SIM115 - closed by the with below; only opening may fail here
        except (OSError, ValueError) as error:
            report.error(name, getattr(error, "strerror", None) or str(error), code=2)
            continue
        with file:
            yield Source(name, file, report)


class Source:
    """One input file, read from front to back."""

    def __init__(self, name: str, file: IO[bytes], report: Report) -> None:
        self.name = "standard input" if name == "-" else name
        self._file = file
        self._report = report
        self._done = 0
        size = _size(file)
        self._size = size or 0
        self.live = size is None  # a pipe or a terminal: answer each payload at once

    def where(self, part: Part) -> str:
        return self.name if part.line is None else f"{self.name}:{part.line}"

    def parts(self, framing: str | None, *, in_base64: bool = False) -> Iterator[Part]:
        """The payloads of this file; reports faults of the framing."""
        framing = framing or ("jsonl" if self.name.lower().endswith(".jsonl") else "whole")
        parts = self._captured() if framing == "topic" else self._parts(framing)
        if not in_base64:
            yield from parts
            return
        for part in parts:
            if (data := self._from_base64(part)) is not None:
                yield part._replace(data=data)

    def _from_base64(self, part: Part) -> bytes | None:
        try:
            text = part.data if isinstance(part.data, bytes) else part.data.encode()
            return base64.b64decode(b"".join(text.strip().splitlines()), validate=True)  # encoders break lines
        except ValueError as error:
            self._report.error(self.where(part), f"the payload is not base64: {error}")
            return None

    def _captured(self) -> Iterator[Part]:
        """The payloads of lines with their topics; a line without a topic goes on with the payload before it."""
        held: Part | None = None
        rest: list[bytes] = []  # its further lines
        size = 0
        for number, line in self.lines():
            found = _HEAD.fullmatch(line)
            if found is not None:
                if held is not None:
                    yield _joined(held, rest)
                held, rest, size = self._headed(found, number), [], 0
            elif held is not None and size <= PAYLOAD_LIMIT:
                rest.append(line)
                size += len(line) + 1
                if size > PAYLOAD_LIMIT:
                    self._report.error(self.where(held), f"payload longer than {PAYLOAD_LIMIT >> 20} MiB")
                    held = None
            elif held is None and line and not size:
                self._report.error(f"{self.name}:{number}", "neither `topic payload` nor `[topic] payload`")
        if held is not None:
            yield _joined(held, rest)

    def _headed(self, found: re.Match[bytes], number: int) -> Part | None:
        topic, payload = (found[1], found[2]) if found[1] is not None else (found[3], found[4])
        try:
            return Part(b"" if payload in (None, _EMPTY) else payload, number, topic.decode())
        except UnicodeDecodeError:
            self._report.error(f"{self.name}:{number}", "the topic is not valid UTF-8")
            return None

    def _parts(self, framing: str) -> Iterator[Part]:
        if framing == "whole":
            if (data := self._whole()) is not None:
                yield Part(data)
            return
        for number, line in self.lines():
            if framing == "lines":
                yield Part(line, number)
            elif (part := self._message(number, line)) is not None:
                yield part

    def _whole(self) -> bytes | None:
        """The file as one payload; `None` if it is empty, or too long, which is reported."""
        chunks = []
        room = PAYLOAD_LIMIT
        while room >= 0 and (chunk := self._read(self._file.read, min(CHUNK, room + 1))):
            chunks.append(chunk)
            room -= len(chunk)
        if room < 0:
            advice = "for a log of many payloads use --framing lines or jsonl"
            self._report.error(self.name, f"longer than {PAYLOAD_LIMIT >> 20} MiB, too long for one payload; {advice}")
            return None
        return b"".join(chunks) or None

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Each line with its number, without LF or CRLF; reports and skips lines that are too long."""
        number = 0
        while line := self._read(self._file.readline, PAYLOAD_LIMIT + 1):
            number += 1
            if len(line) > PAYLOAD_LIMIT:
                self._report.error(f"{self.name}:{number}", f"line longer than {PAYLOAD_LIMIT >> 20} MiB")
                while line and not line.endswith(b"\n"):
                    line = self._read(self._file.readline, PAYLOAD_LIMIT)
                continue
            if number == 1:
                line = line.removeprefix(_BOM)
            yield number, line[:-1].removesuffix(b"\r") if line.endswith(b"\n") else line

    def json(self, number: int, line: bytes, real: Callable[[str], Any] = float) -> Any:
        """The JSON value of a line; `BAD` after reporting an error. `real` reads numbers with a point or exponent."""
        try:
            return json.loads(line.decode(), parse_float=real)
        except UnicodeDecodeError as error:
            self._report.error(f"{self.name}:{number}", "not valid UTF-8", pointer(line, error.start, error.end))
        except json.JSONDecodeError as error:
            at = len(error.doc[: error.pos].encode())
            self._report.error(f"{self.name}:{number}", f"not valid JSON: {error.msg}", pointer(line, at, at + 1))
        except (ValueError, RecursionError) as error:
            self._report.error(f"{self.name}:{number}", f"not valid JSON: {error}")
        return BAD

    def _message(self, number: int, line: bytes) -> Part | None:
        if not line.strip() or (value := self.json(number, line)) is BAD:
            return None
        payload, topic = (value.get("payload"), value.get("topic")) if isinstance(value, dict) else (None, None)
        if not isinstance(payload, str):
            self._report.error(f"{self.name}:{number}", 'not a JSON object with a string "payload"')
        elif not isinstance(topic, str | None):
            self._report.error(f"{self.name}:{number}", '"topic" is not a string')
        else:
            return Part(payload, number, topic, value)
        return None

    def _read(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            data = read(size)
        except OSError as error:
            self._report.error(self.name, error.strerror or str(error), code=2)
            return b""
        self._done += len(data)
        self._report.progress(self.name, self._done, self._size)
        return data


def _joined(part: Part, rest: list[bytes]) -> Part:
    return part._replace(data=b"\n".join([part.data, *rest])) if rest and isinstance(part.data, bytes) else part


def _size(file: IO[bytes]) -> int | None:
    """Bytes of a regular file, `None` for a pipe, a terminal or a stream without file number."""
    try:
        status = os.fstat(file.fileno())
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
