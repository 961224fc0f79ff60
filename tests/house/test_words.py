"""Habits that a machine can check: things that code must not contain, files that must not refer outside the project."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ENGINES = ("pure",)  # the only place that may split rows at commas


def python_files(repository: Path, *folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in sorted((repository / folder).rglob("*.py")) if "__pycache__" not in path.parts)


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def test_a_failed_import_is_never_swallowed(repository: Path) -> None:
    wrong = []
    for path in python_files(repository, "smartrest", "tools", "examples"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler) and isinstance(node.body[0], ast.Pass) and node.type is not None:
                caught = ast.unparse(node.type)
                if "ImportError" in caught or "ModuleNotFoundError" in caught:
                    wrong.append(f"{path.relative_to(repository)}:{node.lineno}")
    assert wrong == []


def test_lines_of_payloads_are_never_split_by_python(repository: Path) -> None:
    """`str.splitlines` splits at characters that are data; `split(",")` ignores quotes."""
    wrong = []
    for path in python_files(repository, "smartrest"):
        relative = path.relative_to(repository / "smartrest")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for call in calls(tree):
            if not isinstance(call.func, ast.Attribute):
                continue
            if call.func.attr in ("split", "rsplit", "partition") and call.args and relative.parts[0] not in ENGINES:
                first = call.args[0]
                if isinstance(first, ast.Constant) and first.value in (",", b","):
                    wrong.append(f"{relative}:{call.lineno} splits at commas")
            if call.func.attr == "splitlines" and relative.parts[0] in ("pure", "dispatch.py", "templates", "device"):
                wrong.append(f"{relative}:{call.lineno} uses splitlines")
    assert wrong == []


def test_suppressions_have_a_reason(repository: Path) -> None:
    """`noqa`, `type: ignore` and `pragma: no cover` need a comment."""
    bare = re.compile(r"#\s*(?:noqa(?::\s*[A-Z0-9, ]+)?|type:\s*ignore(?:\[[\w, -]+\])?|pragma: no cover)\s*$")
    wrong = [
        f"{path.relative_to(repository)}:{number}"
        for path in python_files(repository, "smartrest", "tests", "tools", "examples", "benchmarks")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if bare.search(line)
    ]
    assert wrong == []


def tracked(repository: Path) -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=repository, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git work tree")
    return [repository / name for name in done.stdout.decode("utf-8").split("\0") if name]


def test_no_path_of_anybodys_machine(repository: Path) -> None:
    """The repository refers to no developer's path and no neighbouring folder."""
    personal = re.compile(r"(?<![\w.:/])/(?:home|root|Users|work)/[\w.-]+/?[\w.-]*|\.\./shared")
    wrong = []
    for path in tracked(repository):
        if (
            not path.is_file()
            or path.suffix in (".png", ".svg", ".so", ".p12", ".jks")
            or path.name == Path(__file__).name
        ):
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        for match in personal.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            wrong.append(f"{path.relative_to(repository)}:{line}: {match[0]}")
    assert wrong == []


def test_no_conflict_is_left(repository: Path) -> None:
    marker = re.compile(rb"^(<{7}|>{7}) ", re.MULTILINE)
    wrong = [path.name for path in tracked(repository) if path.is_file() and marker.search(path.read_bytes())]
    assert wrong == []


def test_files_open_with_their_purpose(repository: Path) -> None:
    wrong = [
        str(path.relative_to(repository))
        for path in python_files(repository, "smartrest", "tests", "tools", "examples", "benchmarks")
        if path.read_text(encoding="utf-8").strip()
        and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert wrong == []


@pytest.mark.parametrize("folder", ["smartrest", "src_c", "tests", "tools", "examples", "benchmarks"])
def test_files_stay_small(repository: Path, folder: str) -> None:
    """A file is one concept, of at most 600 lines. Generated files do not count."""
    most = 600
    long = {
        str(path.relative_to(repository)): lines
        for path in sorted((repository / folder).rglob("*"))
        if path.suffix in (".py", ".pyx", ".pxi", ".pxd", ".c", ".h", ".inc") and path.name != "core.c"
        if (lines := (text := path.read_text(encoding="utf-8")).count("\n")) > most and "do not edit" not in text[:400]
    }
    assert long == {}
