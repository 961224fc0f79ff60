"""The choice of an engine: `SMARTREST_ENGINE`, an absent or broken core. A fallback is never silent."""

from __future__ import annotations

import importlib.machinery
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import support

import smartrest

SHOW = "import smartrest; print(smartrest.engine(), smartrest.decode('1,2'), smartrest.encode([('1', 'a,b')]))"
RESULT = "[('1', '2')] b'1,\"a,b\"'"


def run(folder: Path, wanted: str | None, code: str = SHOW) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SMARTREST_", "PYTHON"))}
    if wanted is not None:
        environment["SMARTREST_ENGINE"] = wanted
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,  # imports the package in that folder
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def without_core(tmp_path: Path, repository: Path) -> Path:
    """A copy of the package without a compiled module."""
    ignored = shutil.ignore_patterns("*.so", "*.pyd", "core.*", "_build.json", "__pycache__")
    shutil.copytree(repository / "smartrest", tmp_path / "smartrest", ignore=ignored)
    return tmp_path


def test_the_running_engine_has_its_name() -> None:
    best = [name for name, able in support.kernels_here().items() if able]
    asked = os.environ.get("SMARTREST_ENGINE")
    if asked and ":" in asked:
        assert smartrest.engine() == asked
    elif asked == "pure" or not best:
        assert smartrest.engine() == "pure"
    else:
        assert smartrest.engine() == f"core:{best[0]}", "kernels() lists the best one first"


def test_the_core_is_built_where_it_is_required() -> None:
    if support.REQUIRED:
        assert support.HAS_CORE
        assert any(support.kernels_here().values())


@pytest.mark.parametrize("variant", support.VARIANTS)
def test_forced(variant: str, repository: Path) -> None:
    support.open_engine(variant)  # skips those that cannot run here
    done = run(repository, variant)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{variant} {RESULT}\n"


@pytest.mark.parametrize("wanted", [None, "", "auto"])
@pytest.mark.skipif(not support.HAS_CORE, reason="smartrest.core is not built")
def test_not_forced(wanted: str | None, repository: Path) -> None:
    done = run(repository, wanted)
    assert done.returncode == 0, done.stderr
    best = [name for name, able in support.kernels_here().items() if able]
    assert done.stdout == f"core:{best[0]} {RESULT}\n"


@pytest.mark.skipif(not support.HAS_CORE, reason="smartrest.core is not built")
def test_the_core_with_its_best_kernel(repository: Path) -> None:
    done = run(repository, "core")
    assert done.stdout.startswith("core:"), done.stderr


@pytest.mark.parametrize(
    "wanted",
    ["Pure", "c", "pure:avx2", "core:", "core:mmx", "core:AVX2", "core:scalar:x", "auto:avx2", " pure", "pure "],
)
def test_unknown_names(wanted: str, repository: Path) -> None:
    done = run(repository, wanted)
    assert done.returncode != 0
    assert "ImportError" in done.stderr
    named = wanted.strip() in done.stderr or wanted.partition(":")[2] in done.stderr
    assert named or (not support.HAS_CORE and "not installed" in done.stderr)


@pytest.mark.skipif(not support.HAS_CORE, reason="smartrest.core is not built")
def test_a_kernel_of_another_machine(repository: Path) -> None:
    absent = "neon" if "neon" not in support.KERNELS else "avx2"
    done = run(repository, f"core:{absent}")
    assert done.returncode != 0
    assert "ImportError" in done.stderr
    assert absent in done.stderr


def user(folder: Path, wanted: str | None = None, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a program that imports that folder's package on its second line."""
    program = folder / "program.py"
    program.write_text(f"import sys\n{SHOW}\n", encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SMARTREST_", "PYTHON"))}
    if wanted is not None:
        environment["SMARTREST_ENGINE"] = wanted
    command = [sys.executable, *options, str(program)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def says(done: subprocess.CompletedProcess[str], reason: str) -> None:
    """Check that the pure engine ran, after one warning with the user's line, the cause and the fix."""
    assert done.stdout == f"pure {RESULT}\n", done.stderr
    assert done.stderr.count("EngineWarning") == 1
    place, _, text = done.stderr.partition(": EngineWarning: ")
    assert place.endswith("program.py:2")
    assert reason in text
    assert re.search(r"pip install --no-cache-dir --force-reinstall --no-deps", text)
    assert "SMARTREST_ENGINE=pure" in text


@pytest.mark.parametrize(
    "line", ["importlib.import_module('smartrest.templates')", "from smartrest.mqtt import topics"]
)
def test_the_warning_points_at_the_user(line: str, without_core: Path) -> None:
    program = without_core / "program.py"
    program.write_text(f"import importlib\n\n{line}\n", encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SMARTREST_", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, str(program)], cwd=without_core, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr.startswith(f"{program}:3: EngineWarning: ")


def note(folder: Path, **facts: str) -> None:
    """The record that setup.py writes."""
    facts.setdefault("python", sysconfig.get_config_var("SOABI"))
    (folder / "smartrest" / "_build.json").write_text(json.dumps(facts), encoding="utf-8")


def test_without_a_core(without_core: Path) -> None:
    for wanted in (None, "", "auto"):
        says(user(without_core, wanted), "this installation came without it")
    done = user(without_core, "pure", "-W", "error")
    assert (done.stdout, done.stderr) == (f"pure {RESULT}\n", "")
    for wanted in ("core", "core:scalar"):
        done = user(without_core, wanted)
        assert done.returncode != 0
        assert f"ImportError: SMARTREST_ENGINE={wanted} asks for the compiled core: " in done.stderr
        assert "pip install" in done.stderr.splitlines()[-1]


def test_the_build_says_why_there_is_no_core(without_core: Path) -> None:
    note(without_core, reason="there is no C compiler", fix="install one", choice="auto")
    says(user(without_core), "the compiled core: there is no C compiler. To get it: install one, then ")
    assert "there is no C compiler" in user(without_core, "core").stderr
    done = user(without_core, None, "-O")
    says(done, "there is no C compiler")


def test_a_clone_serves_several_pythons(without_core: Path) -> None:
    """The record is of the last build; that of a wheel without the core is valid for every Python."""
    note(without_core, reason="there is no C compiler", python="cpython-399-x")
    says(user(without_core), "there is no C compiler")
    (without_core / "src_c").mkdir()
    (without_core / "setup.py").touch()
    says(user(without_core), "it was never built in the source tree")
    (without_core / "smartrest" / "core.cpython-399-x.so").write_bytes(b"")
    says(user(without_core), "it was built for another Python (core.cpython-399-x.so)")


def test_a_core_left_out_on_purpose_is_not_missed(without_core: Path) -> None:
    note(without_core, reason="SMARTREST_EXT=off left it out", choice="off")
    done = user(without_core, None, "-W", "error")
    assert (done.stdout, done.stderr) == (f"pure {RESULT}\n", "")
    assert "SMARTREST_EXT=off left it out" in user(without_core, "core").stderr


def test_a_source_tree_without_a_core(without_core: Path) -> None:
    (without_core / "src_c").mkdir()
    (without_core / "setup.py").touch()
    done = user(without_core)
    assert f"it was never built in the source tree ({without_core})" in done.stderr
    assert "--force-reinstall --no-deps -e ." in done.stderr


def test_a_damaged_note_of_the_build(without_core: Path) -> None:
    for text in ("", "[1]", "\0"):
        (without_core / "smartrest" / "_build.json").write_text(text, encoding="utf-8")
        says(user(without_core), "this installation came without it")


BROKEN = {
    "no machine code": (None, "it does not run here (ImportError: "),
    "another Cython": ("raise SystemError('another Cython')", "(SystemError: another Cython)"),
    "another layout": ("raise ValueError('size changed')", "(ValueError: size changed)"),
    "a missing module": ("import a_module_that_is_not_there", "a_module_that_is_not_there"),
    "an older core": (
        "def use(kernel): ...",
        "module 'smartrest.core' has no attribute 'Dispatcher'",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_core_is_not_an_absent_core(kind: str, without_core: Path) -> None:
    code, reason = BROKEN[kind]
    if code is None:
        (without_core / "smartrest" / f"core{importlib.machinery.EXTENSION_SUFFIXES[0]}").write_bytes(
            b"no machine code"
        )
    else:
        (without_core / "smartrest" / "core.py").write_text(code, encoding="utf-8")
    says(user(without_core), reason)
    for wanted in ("core", "core:scalar"):
        done = user(without_core, wanted)
        assert done.returncode != 0, wanted
        assert done.stderr.splitlines()[-1].startswith("ImportError: SMARTREST_ENGINE=core")
        assert reason in done.stderr
    assert user(without_core, "pure", "-W", "error").returncode == 0


def test_a_core_that_lacks_one_public_name_is_an_older_core(without_core: Path) -> None:
    """Whichever name is missing: the package uses all of a core, or none of it."""
    source = (without_core / "smartrest" / "_engine.py").read_text(encoding="utf-8")
    names = re.findall(r"^\w+ = chosen\.(\w+)$", source, re.MULTILINE)
    assert {"Packer", "decode"} <= set(names)
    for number, name in enumerate(names):
        code = (
            "def use(kernel): ...\n"
            "def __getattr__(name):\n"
            f"    if name != {name!r}: return print\n"
            "    raise AttributeError(f\"module 'smartrest.core' has no attribute {name!r}\")\n"
        )
        code = code.ljust(500 + number, "#")  # another size, since the cached core.pyc may have the same time stamp
        (without_core / "smartrest" / "core.py").write_text(code, encoding="utf-8")
        says(user(without_core), f"module 'smartrest.core' has no attribute '{name}'")


def test_both_engines_can_be_named(repository: Path) -> None:
    code = "import smartrest.pure, smartrest.core; print(smartrest.pure.decode('1'), smartrest.core.decode('1'))"
    if not support.HAS_CORE:
        pytest.skip("smartrest.core is not built")
    done = run(repository, None, code)
    assert done.stdout == "[('1',)] [('1',)]\n", done.stderr


class TestEngineClass:
    """`smartrest.core.Engine(kernel)`."""

    @pytest.fixture(autouse=True)
    def _built(self) -> None:
        if not support.HAS_CORE:
            pytest.skip("smartrest.core is not built")

    def test_kernels(self) -> None:
        kernels = support.core.kernels()
        assert type(kernels) is tuple
        assert all(type(name) is str and type(able) is bool for name, able in kernels)
        assert {name for name, _ in kernels} == set(support.KERNELS)
        assert dict(kernels)["scalar"] is True, "scalar runs everywhere"

    def test_names(self) -> None:
        for name, able in support.core.kernels():
            if able:
                assert support.core.Engine(name).engine() == f"core:{name}"
            else:
                with pytest.raises(ValueError, match=name):
                    support.core.Engine(name)

    @pytest.mark.parametrize("name", ["", "mmx", "AVX2", "core:avx2", "pure", "avx2\0", "é", "\ud800"])
    def test_unknown(self, name: str) -> None:
        with pytest.raises(ValueError):  # noqa: PT011 - the text lists the kernels
            support.core.Engine(name)

    @pytest.mark.parametrize("name", [None, 5, b"avx2"])
    def test_wrong_types(self, name: Any) -> None:
        with pytest.raises((TypeError, ValueError)):
            support.core.Engine(name)

    def test_quick_functions_look_like_the_methods(self) -> None:
        """The module's `decode`, `decode_row`, `encode_row` and `scan` are short entries to the methods."""
        engine = support.core.Engine("scalar")
        functions = support.core.quick(engine)
        assert [function.__name__ for function in functions] == ["decode", "decode_row", "encode_row", "scan"]
        for function in functions:
            method = getattr(engine, function.__name__)
            for name in ("__doc__", "__text_signature__", "__qualname__", "__module__", "__self__"):
                assert getattr(function, name) == getattr(method, name), name
            assert inspect.signature(function) == inspect.signature(method)
            assert type(function) is type(method)
            assert function != method, "the short way is there"
        with pytest.raises(TypeError):
            support.core.quick(None)

    @pytest.mark.parametrize("name", ["decode", "decode_row", "encode_row", "scan"])
    def test_quick_functions_answer_like_the_methods(self, name: str) -> None:
        """Whatever the arguments: by position, by name, too many, too few."""
        engine = support.core.Engine("scalar")
        quick = next(function for function in support.core.quick(engine) if function.__name__ == name)
        method = getattr(engine, name)

        def answer(function: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> str:
            try:
                return repr(function(*arguments, **named))
            except (TypeError, ValueError) as error:
                return repr((type(error), str(error)))

        row = ("211", None, 2.5)
        everything = {"dialect": "double", "quote": "all", "final_newline": True, "on_trailing_backslash": "error"}
        calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
            *[((value,), {}) for value in (b"1,2", "1,2", bytearray(b"1,2"), b"", b"1\n2", b"\xff", row, [], 3, None)],
            *[(tuple(range(n)), {}) for n in (0, 2, 7, 8, 9, 40)],
            *[((b"1", *["x"] * n), {"strict": True, "limit": 5}) for n in range(9)],
            *[((value,), {"strict": True}) for value in (b"1,2", '1,"2', row)],
            *[((), {named: value}) for named in ("payload", "row", "rows", "") for value in (b"1,2", row)],
            ((b"1",), {"payload": b"1"}),
            ((b"1,2",), {"limit": 1}),
            ((row,), everything),
            ((row,), {**everything, "limit": 3}),
            ((row,), {**everything, "limit": 300, "row": row}),
            ((), {**everything, "limit": 300, "row": row}),
            ((row,), {str(i): i for i in range(40)}),
        ]
        for arguments, named in calls:
            assert answer(quick, arguments, named) == answer(method, arguments, named), (arguments, named)

    def test_kernels_do_not_disturb_each_other(self) -> None:
        engines = [support.core.Engine(name) for name, able in support.core.kernels() if able]
        payload = b'511,dev,"a, b"\n' * 30
        expected = engines[0].decode(payload)
        for _ in range(3):
            assert all(engine.decode(payload) == expected for engine in engines)
        assert smartrest.decode(payload) == expected
