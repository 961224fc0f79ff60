"""`decode`: payloads to JSON lines, one array per row, or one object with `--named` or `--with`."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ..errors import DecodeError
from ._collections import load
from ._report import UsageError
from ._run import Run
from .framing import Part, Source

_OWN = ("id", "name", "parameters", "extra", "row", "json")  # members of the output
_TIMES = ("time", "tst", "timestamp", "ts")  # names of the time in captures; mosquitto_sub calls it tst
_QUICK = 16 * 1024 * 1024  # bytes; larger payloads are read in batches
_HELD = 512  # lines written at a time


def run(args: argparse.Namespace) -> int:
    """Print the rows of all files; good rows before an error too."""
    run = Run(args)
    run.bare("")  # refuses a bad prefix before any file is read
    where = None if args.keep is None else _Where(args.keep)
    writer = _Named(run, where) if args.named else _Rows(run, where)
    for source in run.sources():
        for part in source.parts(args.framing, in_base64=args.base64):
            try:
                writer.write(source, part)
            except DecodeError as error:
                writer.flush()
                run.decode_error(source, part, error)
            if source.live:
                writer.flush()
                run.flush()
    writer.flush()
    return run.report.code


class _Where:
    """Where a row came from, as `--with` asks."""

    def __init__(self, words: str) -> None:
        self._words = re.findall(r"[^,\s]+", words)
        if not self._words:
            raise UsageError(f"--with {words!r} names nothing: give topic, line, file, time or all")
        for word in self._words:
            if word in _OWN:
                raise UsageError(f"--with {word}: the output has a member of this name; use --with all")

    def of(self, source: Source, part: Part) -> dict[str, Any]:
        members = part.members or {}
        found: dict[str, Any] = {}
        for word in self._words:
            if word == "topic":
                found[word] = part.topic
            elif word in ("line", "file"):
                found[word] = part.line if word == "line" else source.name
            elif word == "time":
                found[word] = next((members[name] for name in _TIMES if name in members), None)
            elif word == "all":
                found["line"] = part.line
                found["members"] = {name: value for name, value in members.items() if name != "payload"}
            else:
                found[word] = members.get(word)
        return found


class _Rows:
    """Writes rows as arrays, or as objects with `row` and where it came from."""

    def __init__(self, run: Run, where: _Where | None) -> None:
        self._run, self._where = run, where
        self._strict = run.args.strict

    def write(self, source: Source, part: Part) -> None:
        for rows in self._run.batches(part, self._strict):
            if self._where is None:
                self._run.write_rows(rows)
            else:
                origin = self._where.of(source, part)
                self._run.write("".join(_line({**origin, "row": row}) for row in rows))

    def flush(self) -> None:
        pass


class _Named:
    """Writes one object per row: template ID, name and named parameters; a row that does not fit is an error."""

    def __init__(self, run: Run, where: _Where | None) -> None:
        from ..templates import Reader
        from ..templates._plain import PlainReader

        self._run, self._where = run, where
        self._held: list[str] = []
        collections = load(run.args.collection)
        known: dict[tuple[Any, ...], Any] = {}  # not by child or unknown X-ID: there may be any number of these

        def reader(topic: str) -> Any:
            made = Reader(run.bare(topic), collections=collections)
            place = (made.place.kind, made.place.x_id)
            if made.place.kind not in ("us", "ds") and made.collection is None:
                return PlainReader(made, run.engine)
            if place not in known:
                known[place] = PlainReader(made, run.engine)
            return known[place]

        self._reader = lru_cache(256)(reader)  # topics may be long

    def write(self, source: Source, part: Part) -> None:
        reader = self._reader(self._run.args.topic if part.topic is None else part.topic)
        if reader.reader.place.is_json:
            self._json(source, part)
            return
        origin = "{" if self._where is None else _line(self._where.of(source, part))[:-2] + ", "
        number = 0
        for texts in self._texts(reader, part):
            errors = [error for error in texts if type(error) is not str]
            if not errors:
                self._held += texts if origin == "{" else [origin + text[1:] for text in texts]
            else:
                self._mixed(source, part, texts, number, origin)
            number += len(texts)
            if len(self._held) >= _HELD:
                self.flush()

    def _mixed(self, source: Source, part: Part, texts: list[Any], before: int, origin: str) -> None:
        """Texts and errors, in their order."""
        for number, found in enumerate(texts, before):
            if isinstance(found, str):
                self._held.append(origin + found[1:])
            else:
                self.flush()
                self._run.report.error(source.where(part), f"row {number}: {found}")

    def _texts(self, reader: Any, part: Part) -> Iterator[Any]:
        if len(part.data) <= _QUICK:
            quick: Iterator[Any] | None = reader.texts(part.data, self._run.args.strict)
            if quick is not None:
                return quick
        batches = self._run.batches(part, self._run.args.strict)
        return ([found] for found in reader.rows(row for batch in batches for row in batch))

    def _json(self, source: Source, part: Part) -> None:
        """JSON via MQTT: its values as they are, one or more lines."""
        origin = {} if self._where is None else self._where.of(source, part)
        text = part.data if isinstance(part.data, str) else part.data.decode("utf-8", "replace")
        for line in text.split("\n"):
            if line.strip():
                try:
                    self._held.append(_line({**origin, "json": json.loads(line)})[:-1])
                except (ValueError, RecursionError) as error:
                    self.flush()
                    self._run.report.error(source.where(part), f"JSON via MQTT, but not valid JSON: {error}")
        self.flush()

    def flush(self) -> None:
        """Write what is held."""
        held, self._held = self._held, []
        if held:
            self._run.write("\n".join(held) + "\n")


def _line(found: Any) -> str:
    return json.dumps(found, ensure_ascii=False) + "\n"
