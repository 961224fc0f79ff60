"""Counts the instructions of decode, encode, scan and dispatch under callgrind: a measure of speed without noise.

Each operation runs N and then 2N times in one process; the difference is N runs without start-up and warm-up.
`--check` compares with `instruction_counts.json`, recorded for one Python, one compiler and the AVX2 kernel (the
widest that valgrind runs); it refuses to compare under other conditions. Use `--record` after an intended change, and
after any change to the operations in `instruction_work.py`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MARK = "getppid"  # the C function that `instruction_work.py` calls to make callgrind dump
RECORD = Path(__file__).with_name("instruction_counts.json")
KERNEL = "avx2"
TOLERANCE = 0.02  # memory layout moves counts by about 0.1 %; losing a fast path costs 5 % or more


class CannotCompare(Exception):
    """This machine's figures are not comparable with the recorded ones."""


def core() -> Path:
    """Return the file of the compiled core: the one that `import smartrest` finds, else that of this checkout."""
    try:
        found = importlib.util.find_spec("smartrest.core")
    except ModuleNotFoundError:
        found = None
    path = Path(found.origin) if found and found.origin else ROOT / "smartrest" / f"core{EXTENSION_SUFFIXES[0]}"
    if not path.exists():
        raise CannotCompare("the core is not compiled: run pip install -e .")
    return path


def conditions() -> dict[str, str]:
    """Return the conditions that figures depend on: another Python or compiler produces other instructions."""
    code = core().read_bytes()
    if any(mark in code for mark in (b"__asan_init", b"__ubsan_handle", b"__gcov_", b"__sanitizer_cov")):
        raise CannotCompare("the core is built with sanitizers or coverage")
    compiler = re.search(rb"GCC: \([^)]*\) [0-9.]+|clang version [0-9.]+", code)
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "python_compiler": platform.python_compiler(),
        "core_compiler": compiler[0].decode() if compiler else "unknown",
        "libc": "-".join(platform.libc_ver()),
        "machine": platform.machine(),
        "kernel": KERNEL,
    }


def count() -> dict[str, int]:
    """Return the instructions of one run of each operation."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise CannotCompare("valgrind is not installed")
    with tempfile.TemporaryDirectory() as folder:
        command = [valgrind, "--tool=callgrind", f"--dump-before={MARK}", f"--callgrind-out-file={folder}/out"]
        # A minimal environment: the stack's contents and the hash seed change the counts.
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": "0", "SMARTREST_ENGINE": f"core:{KERNEL}"}
        environment["PYTHONPATH"] = str(core().parent.parent)
        command += [sys.executable, "-S", "-B", str(ROOT / "tools" / "instruction_work.py")]
        done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            if re.search(rf"ImportError: .*\b{KERNEL}\b", done.stderr):
                raise CannotCompare(f"this CPU does not support {KERNEL}")
            raise SystemExit(f"the measured program failed: {done.stderr.strip()[-900:]}")
        names, numbers = (line.split("|") for line in done.stdout.splitlines())
        dumps = [dumped(Path(folder) / f"out.{i}") for i in range(1, 3 * len(names) + 1)]
    # Each dump counts from the previous mark: preparation, N runs, 2N runs.
    return {
        name: round((dumps[3 * i + 2] - dumps[3 * i + 1]) / int(number))
        for i, (name, number) in enumerate(zip(names, numbers, strict=True))
    }


def dumped(path: Path) -> int:
    """Return the total instructions of one callgrind dump."""
    found = re.search(r"^(?:summary|totals): (\d+)", path.read_text(), re.MULTILINE)
    if found is None:
        raise CannotCompare(f"callgrind did not write a total to {path.name}")
    return int(found[1])


def compare(recorded: dict[str, int], counted: dict[str, int], tolerance: float = TOLERANCE) -> list[str]:
    """Return a line for each operation that costs more than before or is missing on one side."""
    faults = [f"{name}: not recorded" for name in counted if name not in recorded]
    faults += [f"{name}: no longer counted" for name in recorded if name not in counted]
    for name, was in recorded.items():
        now = counted.get(name, was)
        if now > was * (1 + tolerance):
            faults.append(f"{name}: {now:,} instructions, {now / was - 1:+.1%} over the recorded {was:,}")
    return faults


def check() -> tuple[dict[str, int], dict[str, int]]:
    """Return recorded and counted figures; raise CannotCompare if none were recorded under these conditions."""
    here = conditions()
    records = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else []
    for record in records:
        if record["conditions"] == here:
            return record["instructions"], count()
    wanted = "; ".join(", ".join(record["conditions"].values()) for record in records) or "nothing"
    raise CannotCompare(f"recorded for {wanted}; here: {', '.join(here.values())}")


def record() -> dict[str, int]:
    """Record this machine's figures, replacing older ones under the same conditions."""
    here, counted = conditions(), count()
    old = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else []
    records = [entry for entry in old if entry["conditions"] != here] + [{"conditions": here, "instructions": counted}]
    RECORD.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
    return counted


def main() -> int:
    parser = argparse.ArgumentParser(description="Count instructions of the compiled core under callgrind.")
    parser.add_argument(
        "--check", action="store_true", help="compare with the recorded figures; exit 1 if one is higher"
    )
    parser.add_argument("--record", action="store_true", help="record the figures")
    args = parser.parse_args()
    try:
        if args.check:
            recorded, counted = check()
        else:
            recorded, counted = {}, record() if args.record else count()
    except CannotCompare as exc:
        print(f"instruction counts not compared: {exc}", file=sys.stderr)
        return 3
    for name, now in counted.items():
        change = f"{now / recorded[name] - 1:+8.2%}" if name in recorded else ""
        print(f"{name:28} {now:>12,} {change}")
    faults = compare(recorded, counted) if args.check else []
    for fault in faults:
        print(fault, file=sys.stderr)
    return int(bool(faults))


if __name__ == "__main__":
    raise SystemExit(main())
