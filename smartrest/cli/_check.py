"""`check`: prints every fault and doubt as `file:line:column: text (reason)`, with a caret under the place."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from .._constants import PAYLOAD_LIMIT, TEXTS
from .._findings import Finding
from ._collections import load
from ._report import Colours, UsageError, pointer, visible
from ._run import Run, as_bytes, hidden
from .framing import Part, Source


def run(args: argparse.Namespace) -> int:
    """Print all findings of all files; exit code 1 if there are any."""
    run = Run(args)
    collections = load(args.collection)
    if args.topic is not None:
        run.budget(args.topic, qos=1)
    run.bare("")  # refuses a bad prefix before any file is read
    for source in run.sources():
        for part in source.parts(args.framing, in_base64=args.base64):
            _Payload(run, source, part, collections).check(part)
    return run.report.code


class _Payload:
    """One payload being checked."""

    def __init__(self, run: Run, source: Source, part: Part, collections: list[Any]) -> None:
        self._run, self._source, self._line = run, source, part.line
        self._collections = collections
        self._colours = Colours(sys.stdout)
        self._topic = run.args.topic if part.topic is None else part.topic
        self._lines = 0
        try:
            self._limit = PAYLOAD_LIMIT if self._topic is None else run.budget(self._topic, qos=1)
        except UsageError as error:
            run.report.error(source.where(part), str(error))
            self._topic, self._limit = None, PAYLOAD_LIMIT

    def check(self, part: Part) -> None:
        """Print the findings."""
        data = as_bytes(part.data)
        bare = self._topic and self._run.bare(self._topic)
        options = {} if bare is None else {"topic": bare, "collections": self._collections}
        found = [finding for finding in self._run.engine.check(part.data, **options) if finding.reason != "too_large"]
        if self._limit < len(data):
            found.append(Finding("too_large", TEXTS["too_large"], self._limit, len(data)))
            found.sort(key=lambda finding: finding.start or 0)
        counted = 0
        for finding in found:
            start = finding.start or 0
            self._lines += data.count(b"\n", counted, start)
            counted = max(counted, start)
            self._print(finding, data)
        if found:
            self._run.report.code = max(self._run.report.code, 1)

    def _print(self, finding: Any, data: bytes) -> None:
        start = finding.start or 0
        end = start + 1 if finding.reason == "too_large" or finding.end is None else finding.end
        shown, carets, column = pointer(data, start, end, hidden(data))
        line = self._lines + 1 if self._line is None else self._line
        if self._run.args.json:
            record = {
                "file": self._source.name,
                "line": line,
                "column": column,
                "reason": finding.reason,
                "text": finding.text,
                "start": finding.start,
                "end": finding.end,
                "row": finding.row,
                "field": finding.field,
            }
            self._run.write(json.dumps(record, ensure_ascii=False) + "\n")
            return
        whole = finding.start is None  # the topic is in doubt, not a place in the payload
        where = self._colours.bold(f"{visible(self._source.name)}:{line}:{'' if whole else f'{column}:'}")
        inner = f", line {self._lines + 1} of the payload" if self._line is not None and self._lines else ""
        text = f"{finding.text} of {self._limit} bytes" if finding.reason == "too_large" else finding.text
        self._run.write(f"{where} {self._colours.red(visible(text))} ({finding.reason}){inner}\n")
        if not whole:
            self._run.write(f"  {shown}\n  {self._colours.red(carets)}\n")
