"""`encode`: JSON arrays, one a line, to one payload; with `--pack` to as few as fit, one JSON object a line."""

from __future__ import annotations

import argparse
import json
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from .._constants import PAYLOAD_LIMIT, ROW_END, TEXTS
from ..errors import EncodeError, PayloadTooLargeError
from ._run import Run
from .codec import NO_LIMIT_GIVEN
from .framing import BAD


class _Rows:
    """The rows of all files, read when asked for; remembers the line of each row."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._count = 0
        self._firsts: list[int] = []  # first row of each run of rows on lines that follow each other
        self._places: list[tuple[str, int]] = []  # file and line of that row

    def __iter__(self) -> Iterator[list[Any]]:
        for source in self._run.sources():
            expected = 0
            for number, line in source.lines():
                # numbers with a point or an exponent stay as they are written, to lose nothing
                if not line.strip() or (row := source.json(number, line, str)) is BAD:
                    continue
                if not isinstance(row, list):
                    self._run.report.error(f"{source.name}:{number}", "not a JSON array")
                    continue
                if number != expected:
                    self._firsts.append(self._count)
                    self._places.append((source.name, number))
                expected = number + 1
                self._count += 1
                yield row

    def where(self, row: int) -> str:
        """File and line of a row."""
        run = bisect_right(self._firsts, row) - 1
        name, line = self._places[run]
        return f"{name}:{line + row - self._firsts[run]}"

    def error(self, error: EncodeError, row: int) -> None:
        field = "" if error.field is None else f" in field {error.field}"
        detail = str(error).partition(": ")[2]
        text = TEXTS.get(error.reason, str(error))
        if isinstance(error, PayloadTooLargeError):
            text, detail = f"{text} of {error.limit} bytes", ""
        self._run.report.error(self.where(row), f"{text} ({error.reason}){field}" + (f": {detail}" if detail else ""))


def run(args: argparse.Namespace) -> int:
    """Write the rows; report and skip those that cannot be encoded."""
    run = Run(args)
    options = {
        "dialect": args.dialect,
        "quote": args.quote,
        "final_newline": args.final_newline,
        "on_trailing_backslash": args.on_trailing_backslash,
    }
    limit = _limit(run, args)
    if args.pack:
        _pack(run, limit, options)
    else:
        _one(run, limit, options)
    return run.report.code


def _limit(run: Run, args: argparse.Namespace) -> int | None:
    if args.limit != NO_LIMIT_GIVEN:
        return args.limit  # type: ignore[no-any-return]  # the parser made it an int or None
    if args.topic is None:
        return PAYLOAD_LIMIT
    return run.budget(args.topic, args.qos)


def _one(run: Run, limit: int | None, options: dict[str, Any]) -> None:
    """Write one payload: at once if there is a limit, else as it grows."""
    final_newline = options.pop("final_newline")
    end = ROW_END.encode()
    rows, held, size, written = _Rows(run), [], 0, 0
    for number, row in enumerate(rows):
        try:
            raw = run.engine.encode_row(row, limit=None, **options)
        except EncodeError as error:
            rows.error(error, number)
            continue
        size += len(raw) + bool(written)
        if limit is not None and size + final_newline > limit:
            advice = "use --pack for several payloads, or --limit none"
            run.report.error(rows.where(number), f"{TEXTS['too_large']} of {limit} bytes from here on: {advice}")
            return
        held += [end, raw] if written else [raw]
        written += 1
        if limit is None and len(held) > 1000:
            run.write_bytes(b"".join(held))
            held.clear()
    if written:
        run.write_bytes(b"".join(held) + (end if final_newline else b""))


def _pack(run: Run, limit: int | None, options: dict[str, Any]) -> None:
    rows = _Rows(run)
    about = {} if run.args.topic is None else {"topic": run.args.topic}

    def refused(error: EncodeError) -> None:
        rows.error(error, error.row or 0)

    split = {"split_groups": True} if run.args.split_groups else {}
    for payload in run.engine.pack(rows, limit=limit, on_error=refused, **split, **options):
        run.write(json.dumps({**about, "payload": payload.decode()}, ensure_ascii=False) + "\n")
