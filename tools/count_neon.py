"""Counts the instructions of the NEON and the SSE2 kernel for the same work, in an emulated Python of the same release.

    python tools/count_neon.py [--folder FOLDER] [--test [pytest arguments]]

No ARM machine is needed: qemu-user runs Python 3.11 of Debian 12 for arm64 and for amd64, and its plugin counts. The
core is built for both by the same gcc with the same options. Everything in `instruction_work.py` is counted, and `scan`
of each kind of payload, which is little more than the reading kernel. Exits with 1 if NEON takes over 1.3 times as many
instructions as SSE2.

With `--test` it runs tests on the emulated ARM instead; all other arguments go to pytest.

Needs Debian 12 and `apt-get install debootstrap qemu-user gcc-aarch64-linux-gnu python3.11-dev`. debootstrap, as root,
fetches the arm64 packages into FOLDER (default: build/neon); they are kept for the next run.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

from sanitize import ROOT, copy_tree

MIRROR = "http://deb.debian.org/debian"
GATE = 1.3
FLAGS = ("-std=c11", "-DNDEBUG", "-fwrapv", "-O3", "-fno-builtin-memset", "-fvisibility=hidden", "-fPIC", "-shared")
PLUGIN = "getppid_counter.so"
WORK = """
import instruction_work as work, smartrest
of = {"events": work.of_events, "operations": work.of_operations}
work.JOBS += tuple((f"scan {name}", 50, lambda data=data: smartrest.scan(data)) for name, data in of.items())
work.main()
"""


class Machine:
    def __init__(self, name: str, compiler: str, kernel: str, getppid: int, system: Path, folder: Path) -> None:
        self.name, self.compiler, self.kernel, self.system = name, compiler, kernel, system
        self.getppid = getppid  # the number of the system call
        self.tree = folder / name

    def build(self, plain_c: Path) -> None:
        if self.tree.exists():
            shutil.rmtree(self.tree)
        self.tree.mkdir()
        copy_tree(self.tree)
        ours = ROOT / "src_c/codec", ROOT / "src_c/objects"
        sources = [source for folder in ours for source in sorted(folder.rglob("*.c"))]
        include = self.system / "usr/include"
        where = [f"-I{folder}" for folder in (*ours, include, include / "python3.11") if folder != Path("/usr/include")]
        core = self.tree / f"smartrest/core.cpython-311-{self.name}-linux-gnu.so"
        subprocess.run([self.compiler, *FLAGS, *where, plain_c, *sources, "-lm", "-o", core], check=True)
        (self.tree / "smartrest/_build.json").write_text("{}", encoding="ascii")

    def run(self, *words: str, plugin: Path | None = None, path: str = "", engine: str = "") -> str:
        """What the emulated Python prints."""
        emulator = [f"qemu-{self.name}", "-L", str(self.system)]
        if plugin:
            emulator += ["-plugin", f"{plugin},getppid={self.getppid}"]
        environment = {"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "PYTHONPATH": path}
        environment |= {"SMARTREST_ENGINE": engine} if engine else {}
        done = subprocess.run(
            [*emulator, str(self.system / "usr/bin/python3.11"), "-B", *words],
            cwd=self.tree,
            env=environment,
            stdout=None if plugin is None else subprocess.PIPE,
            stderr=None if plugin is None else subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            print((done.stderr or "")[-3000:], file=sys.stderr)
            raise SystemExit(f"count_neon: Python on {self.name} ended with {done.returncode}")
        return f"{done.stdout}{done.stderr}"

    def counts(self, plugin: Path) -> dict[str, float]:
        said = self.run(
            "-S", "-c", WORK, plugin=plugin, path=f"{self.tree}:{self.tree}/tools", engine=f"core:{self.kernel}"
        )
        names, numbers, *_ = (line.split("|") for line in said.splitlines())
        marks = [int(number) for number in re.findall(r"^run (\d+)$", said, re.MULTILINE)]
        # Each job: preparation, N runs, 2N runs.
        return {
            name: (marks[3 * i + 2] - marks[3 * i + 1]) / int(number)
            for i, (name, number) in enumerate(zip(names, numbers, strict=True))
        }


def arm_system(folder: Path) -> Path:
    """Python of arm64, unpacked only: nothing of it is installed."""
    system, packages = folder / "arm64", folder / "packages"
    if not (system / "usr/bin/python3.11").exists():
        include = "--include=python3.11,libpython3.11-dev"
        command = (
            "debootstrap",
            "--foreign",
            "--arch=arm64",
            "--variant=minbase",
            include,
            "bookworm",
            packages,
            MIRROR,
        )
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        for package in sorted((packages / "var/cache/apt/archives").glob("*.deb")):
            subprocess.run(["dpkg", "-x", package, system], check=True)
    return system


def main() -> int:
    parser = argparse.ArgumentParser(description="Count the instructions of NEON and SSE2 in emulated Pythons.")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "neon")
    parser.add_argument("--test", action="store_true", help="run tests on the emulated ARM")
    arguments, pytest_arguments = parser.parse_known_args()
    if pytest_arguments and not arguments.test:
        parser.error(f"unknown arguments: {' '.join(pytest_arguments)}")
    folder: Path = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    system = arm_system(folder)
    plain_c = folder / "core.c"
    command = [sys.executable, "-m", "cython", "-3", ROOT / "smartrest/core.pyx", "-o", plain_c]
    subprocess.run(command, check=True, cwd=ROOT)
    arm = Machine("aarch64", "aarch64-linux-gnu-gcc", "neon", 173, system, folder)
    intel = Machine("x86_64", "gcc", "sse2", 110, Path("/"), folder)
    arm.build(plain_c)
    if arguments.test:
        needs = folder / "needs"
        if not needs.exists():  # those in Python alone, which run everywhere
            pure = ("--implementation", "py", "--abi", "none", "--platform", "any", "--only-binary", ":all:")
            install = [
                sys.executable,
                "-m",
                "pip",
                "install",
                "-q",
                "--target",
                needs,
                *pure,
                "--python-version",
                "3.11",
            ]
            subprocess.run([*install, "pytest>=8", "pytest-timeout>=2", "hypothesis>=6.100"], check=True)
        arm.run("-m", "pytest", "-p", "no:cacheprovider", "--timeout=3000", *pytest_arguments, path=str(needs))
        return 0
    intel.build(plain_c)
    plugin = folder / PLUGIN
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", ROOT / "tools/qemu_count.c", "-o", plugin], check=True)
    sse2, neon = intel.counts(plugin), arm.counts(plugin)
    print("| work | SSE2 | NEON | ratio |\n|---|---:|---:|---:|")
    for name, was in sse2.items():
        print(f"| {name} | {was:,.0f} | {neon[name]:,.0f} | {neon[name] / was:.2f} |")
    return int(any(neon[name] > GATE * was for name, was in sse2.items()))


if __name__ == "__main__":
    raise SystemExit(main())
