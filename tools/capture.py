"""Decodes a long capture with damaged lines on the command line: nothing may be lost, and memory must not grow.

    python tools/capture.py                      1 GB of JSON lines, as `mosquitto_sub -F %j` prints them
    python tools/capture.py --framing topic      as `mosquitto_sub -v` prints them
    python tools/capture.py --framing lines      payloads alone
    python tools/capture.py --ratio              time of `decode --named` over that of plain `decode`, in turns

Each payload carries its number, so that a lost, repeated or reordered row is noticed, and each damaged line must be
reported with its number. Prints one JSON object, with the times and the largest resident memory; exit code 1 if a
promise is broken. tests/cli/test_cli_captures.py runs a small version. Publish figures in docs/reliability.md.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import IO, Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
LONG = 100 * 1024 * 1024  # bytes of one line, more than a payload may have
EVERY = 5_000  # lines from one damaged line to the next, on average
NOTE = 'valve "north", open'

_NUMBER = re.compile(rb'"value": (\d+)\.0,')


def good_line(framing: str, number: int) -> bytes:
    row = f"200,c8y_Temperature,T,{number},C"
    if framing == "lines":
        return row.encode()
    if framing == "topic":
        return f"s/us/pump-{number % 500} {row}".encode()
    note = NOTE.replace('"', '\\"')
    record = {"tst": "2026-11-28T08:00:00Z", "topic": "s/us", "qos": 1, "payload": f'{row}\n400,acme_Note,"{note}"'}
    return json.dumps(record).encode()


def damaged_line(framing: str, source: random.Random) -> bytes:
    """Binary, or JSON that is cut off."""
    if framing == "jsonl" and source.random() < 0.3:
        return good_line(framing, 0)[: source.randrange(1, 60)]
    binary = b"\xff" + source.randbytes(source.randrange(400)).replace(b"\n", b"\0")
    return b"s/us " + binary if framing == "topic" else binary


class Written(NamedTuple):
    payloads: int
    damaged: list[int]  # numbers of lines


def write(file: Path, framing: str, size: int, seed: int = 1, long: int = 0) -> Written:
    """A capture of `size` bytes, with a line of `long` bytes in its middle."""
    source = random.Random(seed)
    damaged: list[int] = []
    good = written = 0
    with open(file, "wb") as out:
        for number in count(1):
            if written >= size:
                break
            if long and written > size // 2:
                line, long = b"x" * long, 0
                damaged.append(number)
            elif source.randrange(EVERY) == 0:
                line = damaged_line(framing, source)
                damaged.append(number)
            else:
                line, good = good_line(framing, good), good + 1
            written += out.write(line + b"\n")
    return Written(good, damaged)


def decode(file: Path, framing: str, *options: str, out: Any, errors: Any = None) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-m", "smartrest", "decode", "--framing", framing, *options, str(file)]
    return subprocess.Popen(program, cwd=ROOT, stdout=out, stderr=errors)


def read(out: IO[bytes], framing: str) -> int:
    """The number of payloads, if each came whole and in order; exits with 1 otherwise."""
    number = 0
    for line in out:
        found = _NUMBER.search(line)
        if found is None or int(found[1]) != number:
            sys.exit(f"expected payload {number}, got {line[:200]!r}")
        if framing == "jsonl" and json.loads(next(out))["parameters"]["text"] != NOTE:
            sys.exit(f"payload {number} has another second row")
        number += 1
    return number


def capture(framing: str, size: int, long: int) -> dict[str, Any]:
    """Decode one capture and check the results."""
    with tempfile.TemporaryDirectory() as folder:
        file, errors = Path(folder) / "capture", Path(folder) / "errors"
        written = write(file, framing, size, long=long)
        began = time.perf_counter()
        with open(errors, "wb") as stderr, decode(file, framing, "--named", out=subprocess.PIPE, errors=stderr) as run:
            assert run.stdout is not None
            found = read(run.stdout, framing)
            _, status, usage = os.wait4(run.pid, 0)
            run.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        reported = re.findall(rf"^smartrest: {re.escape(str(file))}:(\d+): ", errors.read_text(errors="replace"), re.M)
        lost = written.payloads - found
        return {
            "framing": framing,
            "bytes": file.stat().st_size,
            "payloads": found,
            "lost": lost,
            "damaged lines": len(written.damaged),
            "seconds": round(seconds, 1),
            "CPU seconds": round(usage.ru_utime + usage.ru_stime, 1),
            "peak MB": round(usage.ru_maxrss / 1024),
            "ok": lost == 0 and [*map(int, reported)] == written.damaged and run.returncode == bool(written.damaged),
        }


def ratio(framing: str, size: int, turns: int) -> dict[str, Any]:
    """Times of plain and named decoding, in turns, whose output is dropped."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "capture"
        file.write_bytes(b"".join(good_line(framing, number) + b"\n" for number in range(size // 100)))
        times: dict[str, list[float]] = {"plain": [], "named": []}
        for _ in range(turns):
            for name, options in (("plain", ()), ("named", ("--named",))):
                began = os.times()
                decode(file, framing, *options, out=subprocess.DEVNULL).wait()
                ended = os.times()
                times[name].append(ended.children_user - began.children_user)
        pairs = [named / plain for plain, named in zip(times["plain"], times["named"], strict=True)]
        least = {name: round(min(found), 2) for name, found in times.items()}
        return {"framing": framing, "bytes": file.stat().st_size, **least, "ratio": round(statistics.median(pairs), 2)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--framing", choices=("jsonl", "topic", "lines"), default="jsonl")
    parser.add_argument("--size", type=int, default=1_000_000_000, metavar="BYTES")
    parser.add_argument("--long", type=int, default=LONG, metavar="BYTES", help="of the longest line; 0: none")
    parser.add_argument("--ratio", type=int, nargs="?", const=5, metavar="TURNS")
    args = parser.parse_args()
    result = (
        capture(args.framing, args.size, args.long)
        if args.ratio is None
        else ratio(args.framing, args.size, args.ratio)
    )
    print(json.dumps(result), flush=True)
    return 0 if result.get("ok", True) else 1


if __name__ == "__main__":
    sys.exit(main())
