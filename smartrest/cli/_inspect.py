"""`inspect`: shows every field, the escapes used, and the size compared with the limit. For people to read."""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from .._constants import BOM, PAYLOAD_LIMIT, QUOTE
from ..errors import DecodeError
from ._report import Colours, UsageError, visible
from ._run import Run, as_bytes, hidden
from .framing import Part, Source

# An escape, its dialect, and a row that is strict in this dialect only: put before a payload, it tests the dialect.
_DIALECTS = (('\\"', "backslash", b'"a\\"b"\n'), ('""', "doubling", b'"a""b"\n'))
_NO_FAULT = {"blank_outside_quotes", "too_large"}  # findings that leave a reading strict
_BOM = BOM.encode()


def run(args: argparse.Namespace) -> int:
    """Show every payload of all files."""
    run = Run(args)
    if args.topic is not None:
        run.budget(args.topic, args.qos)
    for source in run.sources():
        for part in source.parts(args.framing, in_base64=args.base64):
            payload = _Payload(run, source, part)
            payload.show(part)
            payload.end()
    return run.report.code


class _Payload:
    """One payload being shown."""

    def __init__(self, run: Run, source: Source, part: Part) -> None:
        self._run, self._source, self._where = run, source, source.where(part)
        self._topic = run.args.topic if part.topic is None else part.topic
        self._colours = Colours(sys.stdout)
        self._bom = as_bytes(part.data).startswith(_BOM)
        self._rows = self._size = 0
        self._failed = False
        self._strict = {escape for escape, _, _ in _DIALECTS}  # escapes of the dialects that read it strictly so far
        self._escapes: Counter[str] = Counter()
        self._row_ends: Counter[str] = Counter()
        self._ended = False  # by a row end
        self._print(self._colours.bold(visible(self._where) + (f"  {visible(self._topic)}" if self._topic else "")))

    def show(self, part: Part) -> None:
        """Show the rows."""
        data = as_bytes(part.data)
        self._size = len(data)
        try:
            rows = self._run.engine.scan(part.data)
        except DecodeError as error:
            for fields in error.rows:
                self._row("", fields, "")
            self._run.decode_error(self._source, part, error)
            self._failed = True
            return
        own = data[hidden(data) :]
        self._strict = {escape for escape, _, row in _DIALECTS if escape in self._strict and self._fits(row + own)}
        for row in rows:
            after = data[row.end : row.end + 2]
            row_end = "CRLF" if after == b"\r\n" else "LF" if after.startswith(b"\n") else ""
            self._row_ends[row_end] += 1
            self._row(f", bytes {row.start} to {row.end}", row.fields, row.raw)
        self._ended = data.endswith(b"\n")

    def _fits(self, data: bytes) -> bool:
        return {finding.reason for finding in self._run.engine.check(data)} <= _NO_FAULT

    def _row(self, where: str, fields: tuple[str, ...], raw: bytes | str) -> None:
        quotes = sum(field.count(QUOTE) for field in fields)
        escape = self._escape(fields, raw) if quotes and raw else ""
        self._escapes[escape] += quotes
        met = f", {quotes} escaped as {escape}" if escape else ""
        self._print(self._colours.dim(f"row {self._rows}{where}{met}"))
        for number, field in enumerate(fields):
            self._print(f"  {number:3}  {_visible(field) or self._colours.dim('(empty)')}")
        self._rows += 1

    def _escape(self, fields: tuple[str, ...], raw: bytes | str) -> str:
        """How quotes are escaped in this row, judged by the whole payload if possible, else by the row alone."""
        if len(self._strict) == 1:
            return next(iter(self._strict))
        for escape, _, row in _DIALECTS:
            if self._fits(row + as_bytes(raw)) and self._run.engine.decode(row + as_bytes(raw))[1:] == [fields]:
                return escape
        return "mixed dialects"

    def end(self) -> None:
        """Print the summary of the payload."""
        colours = self._colours
        rows = f"{self._rows} row{'' if self._rows == 1 else 's'}"
        if self._failed:
            self._print(colours.red(f"  {rows}, then an error"))
            return
        self._print(f"  {rows}, {self._budget()}")
        names = [name for escape, name, _ in _DIALECTS if escape in self._strict]
        reading = f"strictly, {names[0]} dialect" if len(names) == 1 else "strictly in either dialect"
        escapes = ", ".join(f"{count} as {escape}" for escape, count in self._escapes.items() if count) or "none"
        reading = f"reads {reading}" if names else colours.red("reads leniently, `check` says why")
        self._print(f"  {reading}; escaped quotes: {escapes}")
        ends = ", ".join(f"{count} {name}" for name, count in self._row_ends.items() if name)
        extra = f"{', final newline' if self._ended else ''}{', byte order mark' if self._bom else ''}"
        self._print(f"  row ends: {ends or 'none'}{extra}")

    def _budget(self) -> str:
        limit, place = PAYLOAD_LIMIT, "at any QoS on any topic up to 177 bytes"
        if self._topic is not None:
            try:
                limit = self._run.budget(self._topic, self._run.args.qos)
                place = f"at QoS {self._run.args.qos} on {visible(self._topic)}"
            except UsageError as error:
                self._run.report.error(self._where, str(error))
        text = f"{self._size:,} bytes: {100 * self._size / max(limit, 1):.1f} % of the {limit:,} that fit {place}"
        return self._colours.red(text) if self._size > limit else text

    def _print(self, text: str) -> None:
        self._run.write(text + "\n")


def _visible(field: str) -> str:
    """A field on one line, with the blanks at its ends made visible."""
    inner = field.strip(" ")
    if not inner:
        return "\u2420" * len(field)
    blanks = len(field) - len(field.lstrip(" "))
    return "\u2420" * blanks + visible(inner) + "\u2420" * (len(field) - blanks - len(inner))
