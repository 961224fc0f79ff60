"""Runs the tests against a core built with the address and undefined-behaviour sanitizers, in a copy of the tree.

    python tools/sanitize.py [--keep FOLDER] [pytest arguments]

Without pytest arguments it runs the contract and property tests. Needs Linux, gcc and a Python with the `dev` extra.
The first finding aborts the run with a report. docs/reliability.md has the results.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("smartrest", "src_c", "tests", "docs", "tools", "examples", "setup.py", "pyproject.toml")
COPIED_TOO = ("pytest_smartrest.py", "README.md", "LICENSE")
FLAGS = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
LINK = "-fsanitize=address,undefined"
SUITE = ("tests/codec/contract", "tests/codec/property")

# Tests that mean nothing in this build, and why.
LEFT_OUT = {
    "tests/codec/property/test_time.py": "an instrumented build has other timings",
}


def library(name: str) -> str:
    """The run-time library of gcc's sanitizer."""
    path = subprocess.run(
        ["gcc", f"-print-file-name={name}"], check=True, capture_output=True, text=True
    ).stdout.strip()
    if not Path(path).is_absolute():
        raise SystemExit(f"gcc does not find {name}: install its sanitizer libraries")
    return path


def copy_tree(folder: Path) -> None:
    left = shutil.ignore_patterns("__pycache__", "*.so", "core.c", "core.cpp", ".hypothesis")
    for name in (*COPIED, *COPIED_TOO):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=left)
        else:
            shutil.copy2(source, folder / name)


def build(folder: Path) -> None:
    environment = os.environ | {
        "SMARTREST_EXT": "require",
        "CC": "gcc",
        "CFLAGS": FLAGS,
        "LDFLAGS": LINK,
    }
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=folder, env=environment, check=True
    )


def sanitized_environment() -> dict[str, str]:
    return os.environ | {
        "LD_PRELOAD": f"{library('libasan.so')} {library('libubsan.so')}",
        # No leak check: Python itself keeps memory until it exits
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=64",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "PYTHONMALLOC": "malloc",  # with the default allocator the sanitizer sees pools, not objects
        "SMARTREST_EXT": "require",
        "SMARTREST_ENGINE": "core",
    }


def prove_instrumented(folder: Path, environment: dict[str, str]) -> str:
    """Fails unless the instrumented core is the one that runs; returns its kernels."""
    say = (
        "import smartrest.core as core, ctypes; lib = ctypes.CDLL(core.__file__); lib.__asan_init; "
        "lib.__ubsan_handle_pointer_overflow_abort; print(core.__file__, *dict(core.kernels()))"
    )
    command = [sys.executable, "-c", say]
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    path, *kernels = done.stdout.split()
    if not path.startswith(str(folder)):
        raise SystemExit(f"the tests would run another core: {path}")
    return ", ".join(kernels)


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the tests against a core with sanitizers.")
    parser.add_argument(
        "--keep", metavar="FOLDER", type=Path, help="build in FOLDER and keep it; reuses an existing build"
    )
    arguments, pytest_arguments = parser.parse_known_args()
    folder = (arguments.keep or Path(tempfile.mkdtemp(prefix="smartrest-sanitize-"))).resolve()
    try:
        started = time.monotonic()
        if not (folder / "smartrest").exists():
            folder.mkdir(parents=True, exist_ok=True)
            copy_tree(folder)
            build(folder)
        environment = sanitized_environment()
        kernels = prove_instrumented(folder, environment)
        print(f"built in {time.monotonic() - started:.0f} s with {FLAGS}; kernels: {kernels}", flush=True)
        left_out = [part for path in LEFT_OUT for part in ("--ignore", path)]
        for path, reason in LEFT_OUT.items():
            print(f"left out: {path}: {reason}", flush=True)
        # Capture only Python's output, so that sanitizer reports reach the terminal
        options = ("-q", "--capture=sys", "-p", "no:cacheprovider", "-o", "timeout=1800")
        command = [sys.executable, "-X", "faulthandler", "-m", "pytest", *options, *left_out]
        code = subprocess.run([*command, *(pytest_arguments or SUITE)], cwd=folder, env=environment).returncode
        if code:
            print(f"sanitize: the tests ended with {code}", file=sys.stderr)  # below 0: a signal; -6 is a finding
        return code != 0
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    raise SystemExit(main())
