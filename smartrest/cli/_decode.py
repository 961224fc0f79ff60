"""`decode`: payloads to JSON lines, one array per row, or one object with `--named`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..errors import DecodeError, TemplateError
from ._collections import load
from ._run import Run
from .framing import Part, Source

if TYPE_CHECKING:
    from ..templates import Reader


def run(args: argparse.Namespace) -> int:
    """Print the rows of all files; good rows before an error too."""
    run = Run(args)
    reader = _readers(run) if args.named else None
    for source in run.sources():
        for part in source.parts(args.framing):
            rows = 0
            try:
                for batch in run.batches(part, args.strict):
                    if reader is None:
                        run.write_rows(batch)
                    else:
                        _write_named(run, source, part, rows, batch, reader)
                    rows += len(batch)
            except DecodeError as error:
                run.decode_error(source, part, error)
            if source.live:
                run.flush()
    return run.report.code


def _readers(run: Run) -> Callable[[str], Reader]:
    """The reader of a topic, made once."""
    from ..templates import Reader

    collections = load(run.args.collection)
    run.bare("")  # refuses a bad prefix before any file is read
    return lru_cache(1024)(lambda topic: Reader(run.bare(topic), collections=collections))


def _write_named(run: Run, source: Source, part: Part, before: int, rows: list[tuple[str, ...]], reader: Any) -> None:
    """One JSON object per row: template ID, name and named parameters; a row that does not fit is an error."""
    found = reader(run.args.topic if part.topic is None else part.topic).messages(rows)
    for number, message in enumerate(found, before):
        if isinstance(message, TemplateError):
            run.report.error(source.where(part), f"row {number}: {message}")
            continue
        run.write(json.dumps(message.to_dict(), ensure_ascii=False) + "\n")
