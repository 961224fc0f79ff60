"""The command: measures the chosen rows of the table and prints it. Exit code 1 where a gate is missed."""

from __future__ import annotations

import argparse
import fnmatch
import sys
from collections.abc import Sequence
from pathlib import Path

import smartrest

from . import compare, guests, page, report
from .harness import CLOCKS, WrongResult
from .processes import merged, sweeps
from .table import TRIAL, Run
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
    try:
        if args.compare:
            print(compare.compared(*args.compare))
            return 0
        if args.page:
            page.write(args.page)
            return 0
        ids = chosen(args.rows)
        if args.processes < 1:
            raise ValueError("--processes is less than one")
        guests.check(args.contender)
    except (ValueError, compare.UnusableRun, guests.UnusableFile) as exc:
        print(f"smartrest: {exc}", file=sys.stderr)
        return 2
    if args.workloads:
        print(report.workloads(args.seed))
        return 0
    if smartrest.engine() == "pure":
        print("smartrest: the pure engine runs here: no compiled core was found or asked for", file=sys.stderr)
    processes = 1 if args.quick else args.processes
    how = Run(
        seed=args.seed,
        quick=args.quick,
        rounds=args.rounds,
        processes=processes,
        clock=args.clock,
        guests=args.contender,
        trial=args.trial,
    )
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
    if args.markdown:
        Path(args.markdown).write_text(report.as_markdown(measured), encoding="utf-8")
    return int(any(outcome.verdict == "MISSED" for outcome in measured.outcomes))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure smartrest against its peers.")
    add = parser.add_argument
    add("--rows", default="*", metavar="IDS", help="rows to measure: D1,D2,E* (default: all)")
    add("--contender", action="append", default=[], metavar="FILE.py", help="race your own code, too; may be repeated")
    add("--seed", type=int, default=1, help="another seed is other data (default: 1)")
    add("--processes", type=int, default=3, metavar="N", help="fresh processes for each row, the middle one counts (3)")
    add("--rounds", type=int, metavar="N", help="rounds of every race, and no fewer of the long ones")
    add("--clock", choices=tuple(CLOCKS), default="wall", help="cpu: on a busy machine (default: wall)")
    add("--trial", type=float, default=TRIAL, metavar="SECONDS", help=f"for checking each contender ({TRIAL:g})")
    add("--quick", action="store_true", help="two rounds of everything in one process a row: a trial, no figures")
    add("--json", metavar="FILE", help="write the table and every contender's time")
    add("--markdown", metavar="FILE", help="write the same as tables")
    add("--workloads", action="store_true", help="measure nothing, show what the workloads hold")
    add("--compare", nargs=2, metavar=("A.json", "B.json"), help="measure nothing, show how B differs from A")
    add("--page", metavar="FILE.md", help="measure nothing, write benchmarks/results/ into the page's sections")
    return run(parser.parse_args(arguments))


if __name__ == "__main__":
    raise SystemExit(main())
