"""Checks of the C core that take long or need other tools; the short ones are in tests/codec/core.

    python tools/check_core.py fuzz [--runs N] [--merge]   libFuzzer with the address and undefined-behaviour sanitizers
    python tools/check_core.py cross                       the C tests on emulated aarch64 (NEON), s390x (big-endian)
    python tools/check_core.py portable                    32-bit x86 and ARM, musl, clang; strict C11, without SIMD too
    python tools/check_core.py coverage                    branches of src_c/codec that the C tests reach
    python tools/check_core.py analyze                     cppcheck, gcc -fanalyzer, clang --analyze
    python tools/check_core.py valgrind                    the C tests under memcheck: leaks, undefined reads

Each exits with 1 at the first finding and with 2 if a tool is missing, so nothing is skipped silently.
docs/reliability.md has the packages and the results.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests" / "codec" / "core"
CORPUS = TESTS / "corpus"
CODEC = ROOT / "src_c" / "codec"
SOURCES = sorted(CODEC.rglob("*.c"))
C11 = ("-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{CODEC}")
# About a tenth of each test program's default work, since these tools slow it down.
SHORT = {
    "kernel": "0.05", "reading": "5", "exact": "0.02", "writing": "0.2", "utf8": "1", "number": "0.2", "field": "0.1",
}  # fmt: skip
DICTIONARY = r"""
"\\\""
"\"\""
"\",\""
"\x0a"
"\x0d\x0a"
"\" ,"
"\\\","
"\xef\xbb\xbf"
"\xe2\x80\xa8"
"\xc2\x85"
"\xf0\x9f\x98\x80"
"""


def run(*command: str | Path, cwd: Path | None = None, environment: dict[str, str] | None = None) -> str:
    """The output of the command; exits if the command fails."""
    words = [str(word) for word in command]
    if shutil.which(words[0]) is None:
        print(f"check_core: {words[0]} is not installed", file=sys.stderr)
        raise SystemExit(2)
    done = subprocess.run(
        words,
        cwd=cwd,
        env=os.environ | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        errors="replace",
    )
    if done.returncode != 0:
        print(f"{done.stdout[-6000:]}\ncheck_core: {words[0]} ended with {done.returncode}", file=sys.stderr)
        raise SystemExit(1)
    return done.stdout


def build_tests(folder: Path, compiler: str, *flags: str) -> dict[str, Path]:
    """The programs of tests/codec/core by name."""
    run(compiler, *C11, *flags, "-c", *SOURCES, cwd=folder)
    programs = {}
    for name in SHORT:
        programs[name] = folder / f"{name}_test"
        source = TESTS / f"{name}_test.c"
        run(compiler, *C11, *flags, source, *sorted(folder.glob("*.o")), "-lm", "-o", programs[name], cwd=folder)
    return programs


# ---- fuzzing -------------------------------------------------------------------------------------------------------


def build_fuzzer(folder: Path, clang: str) -> Path:
    """Only the codec is built with branch counters, so that the models in the test do not guide the fuzzer."""
    flags = (*C11, "-O2", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    run(clang, *flags, "-fsanitize-coverage=inline-8bit-counters,pc-table", "-c", *SOURCES, cwd=folder)
    run(clang, *flags, "-DARENA", "-c", TESTS / "fuzz_decode.c", cwd=folder)
    program = folder / "fuzz_decode"
    link = "-fsanitize=fuzzer,address,undefined"
    run(clang, link, *sorted(folder.glob("*.o")), "-lm", "-o", program, cwd=folder)
    return program


def fuzz(arguments: argparse.Namespace, folder: Path) -> None:
    """run libFuzzer with the address and undefined-behaviour sanitizers"""
    program = build_fuzzer(folder, arguments.clang)
    options = {"ASAN_OPTIONS": "quarantine_size_mb=16:malloc_context_size=0"}
    (folder / "dictionary").write_text(DICTIONARY, encoding="ascii")
    common = (f"-dict={folder / 'dictionary'}", "-max_len=200", f"-artifact_prefix={ROOT}/", "-print_final_stats=1")

    def stage(title: str, runs: int, grown: Path) -> tuple[int, int]:
        started = time.monotonic()
        said = run(program, *common, f"-runs={runs}", grown, environment=options)
        seen = [(int(cov), int(corp)) for cov, corp in re.findall(r"cov: (\d+) .*?corp: (\d+)/", said)]
        (cov, corp), (last_cov, last_corp) = seen[0], seen[-1]
        took = time.monotonic() - started
        print(
            f"{title}: {runs} runs in {took:.0f} s, cov {cov} to {last_cov}, corpus {corp} to {last_corp}", flush=True
        )
        return last_cov - cov, last_corp

    empty = folder / "empty"
    empty.mkdir()
    gained, inputs = stage("from nothing", 30_000, empty)
    if gained < 100 or inputs < 50:
        raise SystemExit("check_core: the fuzzer makes no progress: its build gives no coverage feedback")
    grown = folder / "grown"
    shutil.copytree(CORPUS, grown)
    stage("from the corpus", arguments.runs, grown)
    if arguments.merge:
        merged = folder / "merged"
        merged.mkdir()
        run(program, "-set_cover_merge=1", merged, grown, CORPUS, environment=options)
        shutil.rmtree(CORPUS)
        shutil.copytree(merged, CORPUS)
        print(f"tests/codec/core/corpus: {len(list(CORPUS.iterdir()))} files")


# ---- other CPUs, coverage, analysers, leaks ------------------------------------------------------------------------


def cross(arguments: argparse.Namespace, folder: Path) -> None:
    """run the C tests on emulated aarch64 (NEON) and s390x (big-endian)"""
    for machine, kernel in (("aarch64", "neon"), ("s390x", "scalar")):
        place = folder / machine
        place.mkdir()
        programs = build_tests(place, f"{machine}-linux-gnu-gcc", "-O2", "-static")
        for name, program in programs.items():
            said = run(f"qemu-{machine}", program, SHORT[name])
            print(f"{machine}: {said.strip()}".replace("\n", f"\n{machine}: "), flush=True)
            if name == "kernel" and f" {kernel}" not in said.splitlines()[0]:
                raise SystemExit(f"check_core: the kernel {kernel} did not run")


def portable(arguments: argparse.Namespace, folder: Path) -> None:
    """build as strict C11 and run the C tests: 32-bit x86 and ARM, musl, clang, without SIMD"""
    sse = ("-msse2", "-mfpmath=sse")  # without them, floats are wider than double
    builds: dict[str, tuple[str, ...]] = {
        "gcc, 32 bits": ("gcc", "-m32", *sse),
        "clang": (arguments.clang,),
        "clang, 32 bits": (arguments.clang, "-m32", *sse),
        "musl": ("musl-gcc", "-static"),
        "gcc, no SIMD": ("gcc", "-DSR_NO_SIMD", "-m32", *sse),
        "gcc, 32-bit ARM": ("arm-linux-gnueabihf-gcc", "-static"),
    }
    for number, (title, (compiler, *flags)) in enumerate(builds.items()):
        place = folder / f"portable{number}"
        place.mkdir()
        programs = build_tests(place, compiler, "-O2", "-pedantic", *flags)
        emulator = ("qemu-arm",) if compiler.startswith("arm") else ()
        for name, program in programs.items():
            said = run(*emulator, program, SHORT[name])
            print(f"{title}: {said.strip()}".replace("\n", f"\n{title}: "), flush=True)


def coverage(arguments: argparse.Namespace, folder: Path) -> None:
    """measure the branches of src_c/codec that the C tests reach"""
    # Each kernel has its own copy of the shared loops, and each copy counts.
    programs = build_tests(folder, "gcc", "-O0", "-g", "--coverage")
    for name, program in programs.items():
        run(program, SHORT[name], cwd=folder)
    said = run("gcov", "-b", "--json-format", "--stdout", *sorted(folder.glob("s[rc]*.gcda")), cwd=folder)
    counts: dict[str, list[int]] = {}
    for report in said.splitlines():
        unit = json.loads(report)
        for file in unit["files"]:
            name = file["file"].removeprefix(f"{ROOT}/")
            if not name.startswith("src_c/codec/"):
                continue
            count = counts.setdefault(name, [0, 0, 0, 0])  # lines run, lines, branches taken, branches
            for line in file["lines"]:
                taken = [branch["count"] > 0 for branch in line["branches"] if not branch["throw"]]
                count[:] = map(sum, zip(count, (line["count"] > 0, 1, sum(taken), len(taken)), strict=True))
                if not all(taken) or line["count"] == 0:
                    print(f"{name}:{line['line_number']}: {len(taken) - sum(taken)} of {len(taken)} branches not taken")
    counts["src_c/codec"] = [sum(column) for column in zip(*counts.values(), strict=True)]
    for name, (run_lines, lines, taken_branches, branches) in counts.items():
        print(f"{name}: {run_lines} of {lines} lines, {taken_branches} of {branches} branches")
    run_lines, lines, taken_branches, branches = counts["src_c/codec"]
    print(f"src_c/codec: {run_lines / lines:.2%} of the lines, {taken_branches / branches:.2%} of the branches")


def analyze(arguments: argparse.Namespace, folder: Path) -> None:
    """run cppcheck, gcc -fanalyzer and clang --analyze"""
    include = f"-I{CODEC}"
    kinds = "--enable=warning,performance,portability"
    shift = "--suppress=shiftTooManyBitsSigned"  # of a negative number: all supported compilers keep the sign
    here = ("-D__GNUC__", "-D__x86_64__")
    run("cppcheck", "-q", "--std=c11", kinds, "--error-exitcode=1", shift, *here, include, *SOURCES)
    print("cppcheck: nothing found")
    run("gcc", *C11, "-O2", "-fanalyzer", "-c", *SOURCES, cwd=folder)
    print("gcc -fanalyzer: nothing found")
    for source in SOURCES:
        said = run(arguments.clang, "--analyze", "-Xclang", "-analyzer-werror", *C11, source, cwd=folder)
        if said.strip():
            raise SystemExit(said)
    print(f"{arguments.clang} --analyze: nothing found")


def valgrind(arguments: argparse.Namespace, folder: Path) -> None:
    """run the C tests under memcheck"""
    # Valgrind cannot emulate AVX-512 and hides it, so only the narrower kernels run.
    programs = build_tests(folder, "gcc", "-O1", "-g")
    work = SHORT | {"kernel": "0.005", "reading": "3", "exact": "0.002", "writing": "0.02", "number": "0.02"}
    for name, program in programs.items():
        if name == "utf8":
            continue  # millions of calls to code that kernel_test runs too
        said = run("valgrind", "-q", "--error-exitcode=9", "--leak-check=full", program, work[name])
        print(f"valgrind: {said.strip()}", flush=True)


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Run long checks of the C core, and those that need other tools.")
    parser.add_argument("--clang", default="clang-19", help="a clang with libFuzzer (default: clang-19)")
    commands = parser.add_subparsers(required=True)
    for command in (fuzz, cross, portable, coverage, analyze, valgrind):
        commands.add_parser(command.__name__, help=command.__doc__).set_defaults(run=command)
    fuzzing = commands.choices["fuzz"]
    fuzzing.add_argument("--runs", type=int, default=10_000_000, help="inputs to try (default: 10,000,000)")
    fuzzing.add_argument(
        "--merge", action="store_true", help="replace tests/codec/core/corpus by a small set with the same coverage"
    )
    arguments = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="smartrest-core-") as folder:
        arguments.run(arguments, Path(folder))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
