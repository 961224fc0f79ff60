"""The builds of setup.py: with and without a compiler, their content and their record.

A build of the core takes half a minute, so those tests need SMARTREST_TEST_INSTALL=1. None uses the network.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

pytest.importorskip("Cython", reason="the extra smartrest[dev] is not installed")
pytest.importorskip("setuptools", minversion="77", reason="the extra smartrest[dev] is not installed")

builds = pytest.mark.skipif(
    os.environ.get("SMARTREST_TEST_INSTALL") != "1", reason="only with SMARTREST_TEST_INSTALL=1: builds the core"
)
posix = pytest.mark.skipif(os.name != "posix", reason="sets CC, which MSVC does not read")


class Built(NamedTuple):
    """An unpacked wheel."""

    name: str
    folder: Path
    files: set[str]
    record: dict[str, str]


@pytest.fixture
def clone(repository: Path, tmp_path: Path) -> Path:
    """The files of the repository, in a folder with blanks and non-ASCII letters in its name."""
    folder = tmp_path / "a clone é"
    ignored = shutil.ignore_patterns("*.so", "*.pyd", "_build.json", "__pycache__", "*.egg-info", "core.c")
    for name in ("smartrest", "src_c"):
        shutil.copytree(repository / name, folder / name, ignore=ignored)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "pytest_smartrest.py"):
        shutil.copy(repository / name, folder)
    return folder


def setup(clone: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    dropped = ("SMARTREST_", "CC", "CFLAGS", "PYTHON")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    environment |= {"LC_ALL": "C.UTF-8", **settings}
    command = [sys.executable, "setup.py", "-q", *words]
    return subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)


def wheel(clone: Path, **settings: str) -> Built:
    out = clone.parent / "out"
    shutil.rmtree(out, ignore_errors=True)
    done = setup(clone, "bdist_wheel", "-d", str(out), **settings)
    assert done.returncode == 0, done.stderr[-3000:]
    (packed,) = out.iterdir()
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(out / "unpacked")
        files = set(archive.namelist())
    record = json.loads((out / "unpacked" / "smartrest" / "_build.json").read_text(encoding="utf-8"))
    return Built(packed.name, out / "unpacked", files, record)


def engine(built: Built, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *options, "-c", "import smartrest; print(smartrest.engine())"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SMARTREST_", "PYTHON"))}
    return subprocess.run(command, cwd=built.folder, env=environment, capture_output=True, text=True, check=False)


def test_left_out(clone: Path) -> None:
    """SMARTREST_EXT=off: a wheel for every platform, and no warning."""
    built = wheel(clone, SMARTREST_EXT="off")
    assert built.name.endswith("-py3-none-any.whl")
    assert (built.record["choice"], built.record["reason"]) == ("off", "SMARTREST_EXT=off left it out")
    done = engine(built, "-W", "error")
    assert (done.stdout, done.stderr) == ("pure\n", "")
    kinds = {Path(name).suffix for name in built.files if name.startswith("smartrest/")}
    assert kinds == {".py", ".pyi", ".json", ".typed"}, "no C, no Cython"


def test_files_of_an_earlier_build_are_not_packed(clone: Path) -> None:
    wheel(clone, SMARTREST_EXT="off")
    (clone / "smartrest" / "_limits.py").rename(clone / "smartrest" / "_bounds.py")
    built = wheel(clone, SMARTREST_EXT="off")
    assert "smartrest/_bounds.py" in built.files
    assert "smartrest/_limits.py" not in built.files


def test_an_unknown_choice_is_refused(clone: Path) -> None:
    done = setup(clone, "--version", SMARTREST_EXT="on")
    assert done.returncode != 0
    assert "SMARTREST_EXT='on' is invalid: use auto, require or off" in done.stderr


@builds
@posix
def test_without_a_compiler(clone: Path) -> None:
    """The wheel says so in its tag, the package at import."""
    built = wheel(clone, CC="no-such-compiler")
    assert built.name.endswith("-py3-none-any.whl")
    assert built.record["reason"] == "there is no C compiler (no-such-compiler was not found)"
    assert not [name for name in built.files if name.endswith((".so", ".pyd"))]
    done = engine(built)
    assert done.stdout == "pure\n"
    assert done.stderr.count("EngineWarning") == 1
    assert "there is no C compiler (no-such-compiler was not found)" in done.stderr


@builds
@posix
def test_a_compiler_that_fails(clone: Path) -> None:
    assert wheel(clone, CC="false").record["reason"] == "it could not be compiled (false ended with exit status 1)"
    done = setup(clone, "bdist_wheel", CC="false", SMARTREST_EXT="require")
    assert done.returncode != 0
    reason = "it could not be compiled (false ended with exit status 1)"
    assert done.stderr.endswith(f"SMARTREST_EXT=require asks for the compiled core: {reason}\n")


@posix
def test_required_without_a_compiler(clone: Path) -> None:
    """One sentence names the missing parts and how to get them."""
    done = setup(clone, "build_ext", "--inplace", CC="no-such-compiler", SMARTREST_EXT="require")
    assert done.returncode != 0
    last = done.stderr.splitlines()[-1]
    start = "SMARTREST_EXT=require asks for the compiled core: there is no C compiler (no-such-compiler was not found)"
    assert last.startswith(start)
    assert "apt install gcc libc6-dev" in last


@builds
@posix
def test_in_place(clone: Path) -> None:
    """As in an editable install: a failed build removes the core of an earlier one."""
    compiler, calls = clone.parent / "cc", clone.parent / "calls"
    compiler.write_text(f'#!/bin/sh\necho "$*" >>{calls}\nexec cc "$@"\n')
    compiler.chmod(0o755)
    chosen = {"CC": str(compiler), "CFLAGS": "-O0"}  # quick to compile
    assert setup(clone, "build_ext", "--inplace", **chosen).returncode == 0
    assert "-O0" in calls.read_text()
    assert "-O3" not in calls.read_text()  # it would win over -O0
    package = clone / "smartrest"
    assert list(package.glob("core.*.so"))
    assert not list(package.glob("core.c"))
    (package / "core.pyx").touch()
    assert setup(clone, "build_ext", "--inplace", CC="false").returncode == 0
    assert not list(package.glob("core.*.so"))
    assert json.loads((package / "_build.json").read_text(encoding="utf-8"))["reason"]


@builds
@pytest.mark.skipif(sys.platform != "linux", reason="debug information lies in the library on Linux alone")
def test_the_core_holds_no_debug_information(clone: Path) -> None:
    built = wheel(clone, CFLAGS="-O1")  # quicker to compile than -O3
    assert not built.name.endswith("-any.whl")
    assert built.record["cython"]
    assert engine(built, "-W", "error", "-O").stdout.startswith("core:")
    (core,) = (built.folder / "smartrest").glob("core.*.so")
    assert core.stat().st_size < 800_000
    assert b".debug_info" not in core.read_bytes()  # Debian's Python compiles with -g


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_clone_that_cannot_be_written_to(clone: Path) -> None:
    clone.chmod(0o555)
    try:
        assert wheel(clone, SMARTREST_EXT="off").record["reason"]
        done = setup(clone, "build_ext", "--inplace")
    finally:
        clone.chmod(0o755)
    assert done.returncode != 0
    assert "install without -e" in done.stderr


def test_the_source_distribution_holds_every_file(repository: Path, tmp_path: Path) -> None:
    """All that a clone has, apart from files that start with a dot and are for a clone alone."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=repository, capture_output=True, text=True, check=False)
    names = {name for name in listed.stdout.split("\0") if name and not name.startswith(".")}
    if not names:
        pytest.skip("this is not a clone")
    for name in names:
        (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(repository / name, tmp_path / "copy" / name)
    assert setup(tmp_path / "copy", "sdist", "-d", str(tmp_path / "out")).returncode == 0
    (packed,) = (tmp_path / "out").iterdir()
    with tarfile.open(packed) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert not names - held
