"""Searches the histories that a `Session` and the platform's operations can have for violations of its promises.

`exhaust SECONDS`: searches each budget of faults breadth first, to its end or for SECONDS. `walk SECONDS`: random
histories with all faults, from a seed. The first violation ends the run and prints its history. Copy results worth
keeping to docs/reliability.md. The model is tests/device/support_operations.py.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "device")]

from support_operations import Budget, Violation, explore, walk  # noqa: E402 - found through the path set above

BUDGETS = (
    Budget(creates=2, cuts=1, losses=1, duplicates=1),
    Budget(creates=2, cuts=2, split=True),
    Budget(creates=3, cuts=1, split=True),
    Budget(creates=3, cuts=1, duplicates=1),
    Budget(creates=3, cuts=1, losses=1),
    Budget(creates=2, cuts=1, payloads="abr"),
    Budget(creates=4, split=True),
    Budget(creates=1, cuts=6),  # enough to give rows up
    Budget(creates=2, cuts=3, losses=1, payloads="a"),  # also the 507 of an earlier run
)


def exhaust(seconds: float) -> None:
    for budget in BUDGETS:
        report = explore(budget, seconds=seconds)
        print(budget, report, flush=True)


def walks(seconds: float, seed: int) -> None:
    end, number, steps = time.monotonic() + seconds, 0, 0
    told: Counter[str] = Counter()
    while time.monotonic() < end:
        length, found = walk(seed + number)
        number, steps = number + 1, steps + length
        told += found
    print(f"{number} histories from seed {seed}, {steps} steps: 0 violations; {dict(sorted(told.items()))}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("exhaust", "walk"))
    parser.add_argument("seconds", type=float)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    try:
        if args.what == "exhaust":
            exhaust(args.seconds)
        else:
            walks(args.seconds, args.seed)
    except Violation as violation:
        print(violation)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
