"""The C core alone: the C programs beside this file, plain and with sanitizers.

Each reports its checks and aborts at the first difference. docs/reliability.md shows how to run them longer.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple

import pytest
import support

HERE = Path(__file__).resolve().parent
WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Werror")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
FLAVOURS = {
    "plain": ("-O2",),
    "sanitized": ("-O1", "-g", *SANITIZERS),
    "c11": (
        "-O2",
        "-D_DEFAULT_SOURCE",
        "-include",
        str(HERE / "no_extensions.h"),
    ),  # the portable replacements for gcc and clang built-ins
}
# Enough work to reach every branch and every edge of a block. By default the programs do more.
WORK = {
    "kernel_test": {"plain": "0.2", "sanitized": "0.05", "c11": "0.05"},
    "reading_test": {"plain": "6", "sanitized": "5", "c11": "4"},
    "exact_test": {"plain": "0.1", "sanitized": "0.02", "c11": "0.02"},
    "writing_test": {"plain": "0.5", "sanitized": "0.2", "c11": "0.2"},
    "utf8_test": {"plain": "1", "sanitized": "1", "c11": "1"},
    "number_test": {"plain": "0.5", "sanitized": "0.2", "c11": "0.2"},
    "field_test": {"plain": "0.3", "sanitized": "0.05", "c11": "0.05"},
    "linear_test": {"plain": "", "sanitized": "", "c11": ""},
}


class Built(NamedTuple):
    flavour: str
    compiler: str
    flags: tuple[str, ...]
    objects: list[Path]
    folder: Path


def cannot(reason: str) -> None:
    if support.REQUIRED:
        pytest.fail(f"SMARTREST_EXT=require, but {reason}", pytrace=False)
    pytest.skip(reason)


def run(*command: str | Path, cwd: Path) -> str:
    environment = os.environ | {
        "ASAN_OPTIONS": "detect_leaks=1:quarantine_size_mb=16" if sys.platform == "linux" else ""
    }
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, errors="replace"
    )
    assert done.returncode == 0, (
        f"{command[0]} ended with {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
    )
    return done.stdout


def compiler() -> str:
    names = (os.environ.get("CC", "").split() or [""])[0], "cc", "gcc", "clang"
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None:
        cannot("no C compiler was found")
    assert found is not None
    return found


@pytest.fixture(scope="session", params=FLAVOURS)
def built(request: pytest.FixtureRequest, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """src_c/codec, compiled with warnings as errors."""
    folder = tmp_path_factory.mktemp(f"core-{request.param}")
    cc, flags = compiler(), (*FLAVOURS[request.param], *WARNINGS, f"-I{repository / 'src_c' / 'codec'}")
    if request.param == "sanitized":
        (folder / "probe.c").write_text("int main(void) { return 0; }\n", encoding="utf-8")
        probe = subprocess.run([cc, *SANITIZERS, "probe.c", "-o", "probe"], cwd=folder, capture_output=True)
        if probe.returncode != 0:
            cannot(f"{cc} has no sanitizers")
    sources = sorted((repository / "src_c" / "codec").rglob("*.c"))
    run(cc, *flags, "-c", *sources, cwd=folder)
    return Built(request.param, cc, flags, sorted(folder.glob("*.o")), folder)


def program(built: Built, name: str, *flags: str) -> Path:
    path = built.folder / name
    run(built.compiler, *built.flags, *flags, HERE / f"{name}.c", *built.objects, "-lm", "-o", path, cwd=built.folder)
    return path


@pytest.mark.parametrize("name", WORK)
def test_program(built: Built, name: str) -> None:
    work = WORK[name][built.flavour]
    said = run(program(built, name), *([work] if work else []), cwd=built.folder)
    assert "no difference" in said or said.startswith("linear in all shapes")
    if name == "kernel_test":
        ran = said.splitlines()[0].removeprefix("kernels: ").split()
        assert ran[-1] == "scalar"
        if built.flavour == "c11":
            assert ran == ["scalar"]
        elif support.HAS_CORE:
            assert set(ran) == {kernel for kernel, able in support.kernels_here().items() if able}


@pytest.mark.parametrize("flag", ["-DFIELDS_SSE2", "-DFIELDS_PLAIN"])
def test_short_fields_of_other_cpus(built: Built, flag: str) -> None:
    """field_test runs the widest vectors of this CPU; here are the others."""
    assert "no difference" in run(program(built, "field_test", flag), "0.05", cwd=built.folder)


def test_a_read_past_a_text_is_seen(built: Built, repository: Path) -> None:
    """The tests can fail: field_test ends at the page's end if whole vectors are read."""
    if built.flavour == "c11" or "sse2" not in support.kernels_here():
        pytest.skip("for vectors of x86-64")
    wrong = built.folder / "wrong_vectors"
    shutil.copytree(repository / "src_c" / "codec", wrong)
    vectors = wrong / "kernels" / "text_pair.h"
    text = vectors.read_text(encoding="utf-8")
    assert text.count("if (n >= 16) return") == 1
    vectors.write_text(text.replace("p + n - 16)", "p + 16)").replace("n >= 16", "n >= 8"), encoding="utf-8")
    path = built.folder / "wrong_field_test"
    flags = [flag if not flag.startswith("-I") else f"-I{wrong}" for flag in built.flags]
    run(
        built.compiler,
        *flags,
        "-DFIELDS_SSE2",
        HERE / "field_test.c",
        *built.objects,
        "-lm",
        "-o",
        path,
        cwd=built.folder,
    )
    assert subprocess.run([path, "0.05"], capture_output=True).returncode != 0


def test_the_object_layer_has_no_warnings(repository: Path) -> None:
    """src_c/codec is compiled above with warnings as errors; src_c/objects needs Python's headers."""
    cc, include = compiler(), sysconfig.get_path("include")
    if not Path(include, "Python.h").is_file():
        cannot("the headers of Python are not here")
    flags = *WARNINGS, "-O2", "-fsyntax-only", "-Isrc_c/codec", "-Isrc_c/objects", "-isystem", include
    run(cc, *flags, *sorted((repository / "src_c" / "objects").glob("*.c")), cwd=repository)


def test_every_program_is_run() -> None:
    assert {path.stem for path in HERE.glob("*_test.c")} == set(WORK)


def test_corpus_of_the_fuzzer(built: Built) -> None:
    """Replays the fuzzer's corpus, with any compiler."""
    corpus = sorted((HERE / "corpus").iterdir())
    assert len(corpus) >= 50
    said = run(program(built, "fuzz_decode", "-DREPLAY"), *corpus, cwd=built.folder)
    assert said == f"{len(corpus)} files replayed: no difference\n"


def test_a_difference_is_seen(built: Built, repository: Path) -> None:
    """The tests can fail: with one byte of the rules changed, kernel_test names an input."""
    wrong = built.folder / "wrong_rules"
    shutil.copytree(repository / "src_c" / "codec", wrong)
    scalar = wrong / "kernels" / "scan_scalar.c"
    text = scalar.read_text(encoding="utf-8")
    assert text.count("c >= 0xA0") == 1
    scalar.write_text(text.replace("c >= 0xA0", "c >= 0xA1"), encoding="utf-8")
    run(built.compiler, *built.flags, "-c", scalar, "-o", "wrong.o", cwd=built.folder)
    objects = [built.folder / "wrong.o" if path.name == "scan_scalar.o" else path for path in built.objects]
    path = built.folder / "wrong_kernel_test"
    run(built.compiler, *built.flags, HERE / "utf8_test.c", *objects, "-lm", "-o", path, cwd=built.folder)
    done = subprocess.run([path, "1"], capture_output=True, text=True, errors="replace")
    assert done.returncode != 0
    assert "kernel scalar" in done.stderr
