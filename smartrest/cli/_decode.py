"""`decode`: payloads to JSON lines, one array per row, or one object with `--named`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from ..errors import DecodeError, TemplateError
from ._collections import load
from ._run import Run
from .framing import Part, Source


def run(args: argparse.Namespace) -> int:
    """Print the rows of all files; good rows before an error too."""
    run = Run(args)
    name_row = _namer(args) if args.named else None
    for source in run.sources():
        for part in source.parts(args.framing):
            rows = 0
            try:
                for batch in run.batches(part, args.strict):
                    if name_row is None:
                        run.write_rows(batch)
                    else:
                        _write_named(run, source, part, rows, batch, name_row)
                    rows += len(batch)
            except DecodeError as error:
                run.decode_error(source, part, error)
            if source.live:
                run.flush()
    return run.report.code


def _namer(args: argparse.Namespace) -> Callable[[tuple[str, ...], str], Any]:
    from .. import templates

    collections = load(args.collection)
    return lambda row, topic: templates.parse(row, topic, collections=collections)


def _write_named(run: Run, source: Source, part: Part, before: int, rows: list[tuple[str, ...]], parse: Any) -> None:
    """One JSON object per row: template ID, name and named parameters; a row that does not fit is an error."""
    for number, row in enumerate(rows, before):
        try:
            message = parse(row, run.args.topic if part.topic is None else part.topic)
        except TemplateError as error:
            run.report.error(source.where(part), f"row {number}: {error}")
            continue
        run.write(json.dumps(message.to_dict(), ensure_ascii=False) + "\n")
