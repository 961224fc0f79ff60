"""The command: measures the chosen rows of the table and prints it. Exit code 1 where a gate is missed."""

from __future__ import annotations

import argparse
import fnmatch
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import smartrest

from . import report
from .harness import BUDGET, WrongResult
from .processes import merged, sweeps
from .table import Run
from .targets import IDS


def chosen(patterns: str) -> list[str]:
    """Return the IDs that the comma-separated patterns name."""
    wanted = [pattern.strip().upper() for pattern in patterns.split(",") if pattern.strip()]
    unknown = [pattern for pattern in wanted if not fnmatch.filter(IDS, pattern)]
    if unknown or not wanted:
        raise ValueError(
            f"no row of the table is called {', '.join(unknown) or '(nothing)'}: there are {', '.join(IDS)}"
        )
    return [id for id in IDS if any(fnmatch.fnmatch(id, pattern) for pattern in wanted)]


def run(args: argparse.Namespace) -> int:
    """Do what the options say."""
    if args.compare:
        return output(report.compared(args.compare), args)
    try:
        ids = chosen(args.rows)
        if args.processes < 1:
            raise ValueError("--processes is less than one")
    except ValueError as exc:
        print(f"smartrest: {exc}", file=sys.stderr)
        return 2
    if args.plot and find_spec("matplotlib") is None:
        print("smartrest: --plot needs matplotlib: pip install -e '.[bench]'", file=sys.stderr)
        return 2
    if smartrest.engine() == "pure":
        print("smartrest: the pure engine runs here: no compiled core was found or asked for", file=sys.stderr)
    processes = 1 if args.quick else args.processes
    how = Run(seed=args.seed, quick=args.quick, rounds=args.rounds, budget=BUDGET / processes, clock=args.clock)
    found: list[Run] = []
    try:
        found.extend(sweeps(ids, how, processes))
    except WrongResult as exc:
        print(f"smartrest: nothing is timed, a result is wrong: {exc}", file=sys.stderr)
        return 1
    except BaseException:
        print(report.as_text(merged(how, found)))  # a long run broken off is not lost
        raise
    measured = merged(how, found)
    print(report.as_text(measured))
    if args.json:
        Path(args.json).write_text(report.as_json(measured), encoding="utf-8")
    if args.plot:
        report.chart(measured, args.plot)
    if args.markdown:
        name = args.section or "main"
        tables = {name: report.as_markdown(measured), f"{name}-times": report.nanoseconds(measured.timings)}
        tables[f"{name}-ahead"] = report.ahead(measured.timings)
        report.write_sections(args.markdown, tables)
    return int(any(outcome.verdict == "MISSED" for outcome in measured.outcomes))


def output(content: str, args: argparse.Namespace) -> int:
    if args.markdown:
        report.write_sections(args.markdown, {args.section or "runs": content})
    else:
        print(content)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure smartrest against its peers.")
    parser.add_argument("--rows", default="*", metavar="IDS", help="rows to measure: D1,D2,E* (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="another seed is other data (default: 1)")
    parser.add_argument(
        "--processes", type=int, default=3, metavar="N", help="fresh processes for each row, the middle one counts (3)"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of every race, and no fewer of the long ones")
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="cpu: on a busy machine (default: wall)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="two rounds of everything in one process a row: a trial, no figures"
    )
    parser.add_argument("--json", metavar="FILE", help="write the table and every contender's time")
    parser.add_argument("--markdown", metavar="FILE", help="write the table, between the file's markers if it has them")
    parser.add_argument("--section", metavar="NAME", help="whose markers: main, or runs with --compare (the defaults)")
    parser.add_argument("--plot", metavar="FILE.svg", help="draw the ratios (needs matplotlib)")
    parser.add_argument(
        "--compare", nargs="+", metavar="FILE.json", help="measure nothing, set finished runs side by side"
    )
    return run(parser.parse_args(arguments))


if __name__ == "__main__":
    raise SystemExit(main())
