"""Builds the core and runs the contract and property tests on each Python, and prints a table for docs/reliability.md.

    python tools/pythons.py [--folder FOLDER] [--python NAME=PROGRAM] [--threads 8x20] [--tests PATH …] [NAME …]

NAME: 3.10 to 3.15, 3.13t or 3.14t (free-threaded), pypy3.11; without any, all. A Python is taken from
`--python`, from PATH, from pyenv, or else from a Debian release that has it: then debootstrap, as root, makes a root of
that release in FOLDER (default: build/pythons). No Debian release has a free-threaded build, so one is compiled in
such a root from the source package, in 5 minutes on two idle cores. All this is kept for the next run.

The core is built with warnings as errors. `--threads 8x20` runs each test in eight threads at once, twenty times, with
pytest-run-parallel, which leaves tests that change the whole process to one thread.

Exits with 1 if a build or a test fails, with 2 if a Python is missing.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from sanitize import ROOT, copy_tree

ALL = ("3.10", "3.11", "3.12", "3.13", "3.14", "3.15", "3.13t", "3.14t", "pypy3.11")
# The Debian release that has each Python, as a package or as source.
RELEASES = {
    "3.11": "bookworm",
    "3.13": "trixie",
    "3.14": "forky",
    "3.15": "forky",
    "3.13t": "forky",
    "3.14t": "forky",
    "pypy3.11": "forky",
}
MIRROR = "http://deb.debian.org/debian"
BUILD_NEEDS = "make dpkg-dev xz-utils zlib1g-dev libssl-dev libffi-dev libbz2-dev liblzma-dev libsqlite3-dev"
# hypothesis: newer ones come with a compiled part, so the newest that installs without a compiler of its own.
NEEDS = ("cython>=3.2.4,<4", "setuptools>=77", "pytest>=8", "pytest-timeout>=2", "hypothesis>=6.100")
WARNINGS = "-Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-field-initializers"
TESTS = ("tests/codec/contract", "tests/codec/property", "tests/codec/test_interpreters.py")
# Measuring on a machine that does other things fails for no reason; these run by `pytest -m alone`.
MEASURE = ("tests/codec/property/test_time.py", "tests/codec/property/test_memory.py")


class Missing(Exception):
    """A Python that is not here and cannot be had."""


@dataclass
class Place:
    """Where a Python runs: on this system, or in the root of another one."""

    program: str
    root: Path | None = None

    def path(self, inside: str) -> Path:
        return Path(inside) if self.root is None else self.root / inside.lstrip("/")

    def run(
        self, *words: str, folder: str, log: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SMARTREST_", "PYTHON", "VIRTUAL_ENV"))}
        command = list(words)
        if self.root is not None:
            kept = {k: v for k, v in kept.items() if k.lower().endswith("_proxy")}
            kept |= {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}
            command = ["chroot", str(self.root), "sh", "-c", 'cd "$0" && exec "$@"', folder, *words]
        done = subprocess.run(
            command,
            cwd=folder if self.root is None else None,
            env=kept | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if log is not None:
            with log.open("a", encoding="utf-8") as file:
                file.write(f"$ {' '.join(words)}\n{done.stdout}\n")
        return done


# ---- finding and making --------------------------------------------------------------------------------------------


def version_of(program: str) -> str:
    """Such as 3.14, 3.14t or pypy3.11; empty if the program does not run."""
    code = (
        "import sys, sysconfig; name = 'pypy' if sys.implementation.name == 'pypy' else '';"
        "print(f'{name}%d.%d' % sys.version_info[:2] + 't' * (sysconfig.get_config_var('Py_GIL_DISABLED') == 1))"
    )
    try:
        done = subprocess.run([program, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def found_here(name: str) -> Place | None:
    number = name.removeprefix("pypy").rstrip("t")
    programs = [shutil.which(word) for word in (name if "pypy" in name else f"python{name}", "pypy3", "python3")]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    versions = pyenv.glob(f"pypy{number}*" if "pypy" in name else f"{number}.*")
    programs += [str(path / "bin" / "python") for path in sorted(versions)]
    for program in programs:
        if program and version_of(program) == name:
            return Place(program)
    return None


def in_release(name: str, folder: Path) -> Place:
    release = RELEASES.get(name)
    if release is None:
        raise Missing(f"no {name} here, and no Debian release has it: name one with --python {name}=PROGRAM")
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        raise Missing(f"no {name} here; debootstrap could fetch it from Debian {release}, as root")
    root = folder / release
    if not (root / "usr/bin/apt-get").exists():
        print(f"{name}: making a root of Debian {release}", flush=True)
        root.parent.mkdir(parents=True, exist_ok=True)
        include = "--include=gcc,libc6-dev,ca-certificates"
        subprocess.run(["debootstrap", "--variant=minbase", include, release, root, MIRROR], check=True, stdout=-3)
    place = Place(f"/usr/bin/{'pypy3' if 'pypy' in name else f'python{name}'}", root)
    log = folder / f"{name}.log"
    sources = f"deb {MIRROR} {release} main\ndeb-src {MIRROR} {release} main\n"
    (root / "etc/apt/sources.list").write_text(sources, encoding="ascii")
    trusted = Path("/etc/ssl/certs/ca-certificates.crt")  # with what this system's pip trusts beside Debian's list
    if trusted.exists():
        shutil.copy(trusted, root / "etc/ssl/certs")
    if not (root / "dev/null").exists():
        subprocess.run(["mount", "--bind", "/dev", root / "dev"], check=True)
    if not (root / "proc/self").exists():
        subprocess.run(["mount", "-t", "proc", "proc", root / "proc"], check=True)
    package = "pypy3" if "pypy" in name else f"python{name.rstrip('t')}"
    install = f"apt-get update -qq; apt-get install -qqy --no-install-recommends {package}-dev {package}-venv"
    if name.endswith("t"):
        place.program = f"/opt/{name}/bin/python{name}"
        install = f"""
            apt-get update -qq; apt-get install -qqy --no-install-recommends {BUILD_NEEDS}
            mkdir -p /usr/src/{name} && cd /usr/src/{name} && apt-get source -qq {package} && cd */ &&
            ./configure -q --prefix=/opt/{name} --disable-gil && make -s -j{os.cpu_count()} && make -s altinstall"""
    if not place.path(place.program).exists():
        print(f"{name}: {'compiling' if name.endswith('t') else 'installing'} it", flush=True)
        if place.run("sh", "-c", install, folder="/", log=log, DEBIAN_FRONTEND="noninteractive").returncode:
            raise Missing(f"{name} cannot be had from Debian {release}: see {log}")
    return place


# ---- building and testing ------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    python: str = ""
    compiler: str = ""
    engine: str = ""
    counts: str = ""
    seconds: float = 0.0
    fault: str = ""


def only_line(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stdout.strip().splitlines() or [""])[-1]


def outcome_of(name: str, place: Place, folder: Path, tests: list[str], threads: str) -> Outcome:
    """Builds in a copy of the tree, with an environment of its own, and runs the tests."""
    log = folder / f"{name}.log"
    inside = str(folder / name) if place.root is None else f"/var/tmp/smartrest/{name}"
    tree, env = f"{inside}/tree", f"{inside}/env"
    python = f"{env}/bin/python"
    shutil.rmtree(place.path(tree), ignore_errors=True)
    place.path(tree).mkdir(parents=True)
    copy_tree(place.path(tree))
    outcome = Outcome()
    say = "import platform as p, sys; print(p.python_implementation(), getattr(sys, 'pypy_version_info', None) and "
    say += "'%d.%d.%d' % sys.pypy_version_info[:3] + ' of Python' or '', p.python_version())"
    outcome.python = " ".join(only_line(place.run(place.program, "-c", say, folder=tree)).split())
    if name.endswith("t"):
        outcome.python += " free-threaded"
    if not place.path(python).exists() and place.run(place.program, "-m", "venv", env, folder=tree, log=log).returncode:
        outcome.fault = "no environment"
        return outcome
    wheels = ("--only-binary", "hypothesis", "-q", "--disable-pip-version-check")
    parallel = ("pytest-run-parallel>=0.10",) if threads else ()
    if place.run(python, "-m", "pip", "install", *wheels, *NEEDS, *parallel, folder=tree, log=log).returncode:
        outcome.fault = "what the tests need does not install"
        return outcome
    core = not name.startswith("pypy")
    if core:
        build = place.run(
            *(python, "setup.py", "-q", "build_ext", "--inplace"),
            folder=tree,
            log=log,
            SMARTREST_EXT="require",
            CFLAGS=WARNINGS,
        )
        outcome.compiler = only_line(place.run("sh", "-c", "cc --version | head -n 1", folder=tree))
        outcome.compiler = re.sub(r"^cc \(.*?\)", "gcc", outcome.compiler)
        if build.returncode:
            outcome.fault = "the core does not build"
            return outcome
    needed = {"SMARTREST_EXT": "require"} if core else {}
    say = "import smartrest, sys; off = not getattr(sys, '_is_gil_enabled', bool(1).__bool__)()\n"
    say += "print(smartrest.engine() + ', GIL off' * off)"
    outcome.engine = only_line(place.run(python, "-W", "error", "-c", say, folder=tree, log=log))
    started = time.monotonic()
    ignored = [f"--ignore={path}" for path in MEASURE]
    options = ("-q", "-m", "not slow or alone", "-p", "no:cacheprovider", "--timeout=1200", *ignored)
    if threads:
        options += tuple(map("--{}={}".format, ("parallel-threads", "iterations"), threads.split("x")))
    done = place.run(python, "-m", "pytest", *options, *tests, folder=tree, log=log, **needed)
    outcome.seconds = time.monotonic() - started
    outcome.counts = re.sub(r" in [0-9.]+s.*|=+ ?", "", only_line(done))
    if done.returncode:
        outcome.fault = "tests fail"
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the core and run its tests on each Python.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: {' '.join(ALL)}")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "pythons", help="where roots and logs are kept")
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PROGRAM", help="use this program")
    parser.add_argument("--threads", default="", metavar="8x20", help="so many threads at once, so many times")
    parser.add_argument("--tests", nargs="+", default=list(TESTS), metavar="PATH")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    named = dict(word.split("=", 1) for word in arguments.python)
    table, faults = [], 0
    for name in arguments.names or ALL:
        if name not in RELEASES and name not in ALL:
            parser.error(f"unknown Python {name!r}: choose from {', '.join(sorted({*ALL, *RELEASES}))}")
        (folder / f"{name}.log").unlink(missing_ok=True)
        try:
            place = Place(named[name]) if name in named else found_here(name) or in_release(name, folder)
        except Missing as missing:
            print(f"{name}: {missing}", file=sys.stderr, flush=True)
            faults |= 2
            continue
        done = outcome_of(name, place, folder, arguments.tests, arguments.threads)
        result = f"{done.fault}: {done.counts}".rstrip(": ") if done.fault else done.counts
        today = f"{datetime.date.today():%Y-%m-%d}"
        row = f"| {today} | {done.python} | {done.compiler} | {done.engine} | {result} | {done.seconds:.0f} s |"
        print(row, flush=True)
        table.append(row)
        if done.fault:
            print(f"{name}: {done.fault}; see {folder / name}.log", file=sys.stderr, flush=True)
            faults |= 1
    print("\n| date | Python | compiler | engine | contract and property tests | time |\n|---|---|---|---|---|---|")
    print("\n".join(table))
    return 1 if faults & 1 else faults


if __name__ == "__main__":
    raise SystemExit(main())
