"""Who may import whom: data flows one way, and optional libraries are imported only where they are needed.

The table is the architecture: change its lines together with the docs. Python files are read by syntax tree, Cython
files by import lines. Imports only for type checkers do not count.
"""

from __future__ import annotations

import ast
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
import support

# Imports allowed to a module (a file or folder of smartrest/) when it is loaded. "smartrest" is the public face.
CODEC = {"_constants", "errors", "_limits", "_values", "_findings", "_door", "dispatch"}
MAY_IMPORT = {
    "_constants": set(),
    "errors": {"_constants"},
    "_limits": {"_constants"},
    "_values": {"_constants", "errors"},
    "_door": set(),
    "_findings": {"_constants", "_door", "_limits"},
    "_columns": {"errors"},
    "dispatch": {"errors"},
    "pure": CODEC | {"_columns"},  # and never core
    "core": CODEC,  # and never pure
    "columns": {"_columns", "_constants", "_limits", "errors"},  # and never core
    "shell": CODEC | {"_columns"},  # the parts of both
    "_install": set(),
    "_visible": set(),
    "_engine": {"_install", "core", "pure"},
    "__init__": {"_constants", "_engine", "_findings", "errors"},  # the engines through _engine alone
    "mqtt": {"_constants", "_findings", "_limits", "errors", "smartrest"},
    "templates": {"_constants", "_engine", "_findings", "_limits", "_values", "errors"},
    "certificates": {"_constants", "_findings", "_install", "errors", "mqtt"},
    "device": {"_constants", "_limits", "errors", "mqtt", "templates", "smartrest"},
    "testing": {"_limits", "_install", "_visible", "_constants", "errors", "mqtt", "templates", "smartrest"},
    "arrow": {"_columns", "_constants", "_limits", "_values", "errors", "mqtt", "templates", "smartrest"},
    "cli": {"_limits", "_constants", "_engine", "_findings", "_install", "_visible", "errors", "smartrest"},
    "__main__": {"cli"},
}
# Imports allowed later, inside a function, so loaded only when needed.
LATER = {
    "__init__": {"pure"},
    "mqtt": {"smartrest"},
    "templates": {"mqtt", "smartrest"},
    "arrow": {"columns", "pure"},
    "certificates": {"smartrest"},
    "_install": {"errors"},
    "device": {"_install", "certificates"},
    "testing": {"certificates", "device"},
    "cli": {"certificates", "core", "device", "mqtt", "pure", "templates", "testing"},
}
# The one way up: `check` and `pack` of the codec ask the templates, which use the codec.
DOOR = ("_door", "templates")
# Optional libraries, and the only folders that may name them.
OPTIONAL = {
    "aiomqtt": {"device"},
    "amqtt": {"testing"},
    "cryptography": {"certificates"},
    "numpy": {"arrow"},
    "paho": {"cli", "device", "testing"},
    "pyarrow": {"arrow"},
    "pytest": set(),
    "tomli": {"cli"},
    "typing_extensions": set(),
}
NOT_LOADED = {f"smartrest.{name}" for name in ("arrow", "columns", "device", "mqtt", "pure.columns", "templates")}
# Modules of the standard library that the codec may load: cheap ones, mostly loaded by Python itself.
CHEAP = {"__future__", "_thread", "collections", "operator", "os", "sys"}


def top(name: str) -> str:
    """The file or folder of smartrest/ that a dotted name leads to; for other packages the package."""
    first, _, rest = name.partition(".")
    return rest.partition(".")[0] if first == "smartrest" else f"*{first}"


def modules(root: Path) -> set[str]:
    return {path.stem for path in (root / "smartrest").glob("*.py*")} | {
        path.name for path in (root / "smartrest").iterdir() if (path / "__init__.py").is_file()
    }


def imported(path: Path, root: Path) -> Iterator[tuple[str, bool]]:
    """The full names that a file imports, and whether later (inside a function)."""
    package = path.relative_to(root).parts[:-1]

    def walk(node: ast.AST, late: bool) -> Iterator[tuple[str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from ((alias.name, late) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = list(package[: len(package) - child.level + 1]) if child.level else []
                name = ".".join([*base, *([child.module] if child.module else [])])
                yield from ((f"{name}.{alias.name}", late) for alias in child.names)
            elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                yield from walk(ast.Module(child.orelse, []), late)
            else:
                yield from walk(child, late or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)))

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), False)


def cython_imports(path: Path) -> Iterator[tuple[str, bool]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        match = re.match(r"(\s*)(?:from\s+([\w.]+)\s+import\s+\(?(.*)|import\s+([\w.]+))", line)
        if match:
            late = bool(match[1])
            if match[4]:
                yield match[4], late
            else:
                names = [part.split(" as ")[0].strip(" ()") for part in match[3].split(",")]
                yield from ((f"{match[2]}.{name}".rstrip("."), late) for name in names)


def all_imports(root: Path) -> Iterator[tuple[Path, str, str, bool]]:
    """File, own module, imported module, whether later."""
    known = modules(root)
    for path in sorted((root / "smartrest").rglob("*.p[yx]*")):
        if path.suffix not in (".py", ".pyx", ".pxi"):
            continue
        own = path.relative_to(root / "smartrest").parts[0].partition(".")[0]
        for name, late in imported(path, root) if path.suffix == ".py" else cython_imports(path):
            there = top(name)
            if not there.startswith("*") and there not in known:
                there = "smartrest"  # a public name
            if there != own:
                yield path.relative_to(root), own, there, late


def test_the_table_is_kept(repository: Path) -> None:
    wrong = []
    for path, own, there, late in all_imports(repository):
        if there.startswith("*") or (own, there) == DOOR:
            continue
        allowed = MAY_IMPORT.get(own, set()) | (LATER.get(own, set()) if late else set())
        if there not in allowed:
            wrong.append(f"{path}: {own} may not import {there}{' even later' if late else ''}")
    assert wrong == []


def test_the_tables_name_every_module_and_no_other(repository: Path) -> None:
    there = modules(repository) - {"py"} | {"shell"}  # py.typed; a folder without __init__.py
    assert set(MAY_IMPORT) == there
    assert set(LATER) <= there
    named = set().union(*MAY_IMPORT.values(), *LATER.values(), *OPTIONAL.values())
    assert named <= there | {"smartrest"}


def face(name: str) -> str:
    return "__init__" if name == "smartrest" else name


def test_the_table_is_a_tree() -> None:
    """No room imports, even later, one that imports it."""
    table = {own: {face(there) for there in MAY_IMPORT[own] | LATER.get(own, set())} for own in MAY_IMPORT}
    TopologicalSorter(table).prepare()  # raises CycleError
    with pytest.raises(CycleError):
        TopologicalSorter({**table, DOOR[0]: {DOOR[1]}}).prepare()


def files(root: Path) -> dict[str, Path]:
    """The files of the package by module name."""
    found = [path for path in (root / "smartrest").rglob("*.py*") if path.suffix in (".py", ".pyx")]
    return {".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path for path in found}


def graph(root: Path) -> dict[str, set[str]]:
    """The files that each file imports, at once or later, except through the door."""
    known = files(root)
    edges: dict[str, set[str]] = {}
    for own, path in known.items():
        edges[own] = set()
        for name, _ in imported(path, root) if path.suffix == ".py" else cython_imports(path):
            while name and name not in known:
                name = name.rpartition(".")[0]
            if name and name != own and (own, name) != tuple(f"smartrest.{end}" for end in DOOR):
                edges[own].add(name)
    return edges


def test_no_two_files_import_each_other(repository: Path) -> None:
    edges = graph(repository)
    assert "smartrest._values" in edges["smartrest.core"] & edges["smartrest.pure.writing"]
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def parts_of(root: Path, extension: str) -> list[tuple[str, str]]:
    """The parts with their text, in the order in which the extension's `.pyx` includes them."""
    text = (root / "smartrest" / extension).read_text("utf-8")
    names = re.findall(r'^include "(shell/\w+\.pxi)"', text, re.MULTILINE)
    return [(name, (root / "smartrest" / name).read_text("utf-8")) for name in names]


def used_too_early(parts: list[tuple[str, str]]) -> list[str]:
    """Names that a part uses and a later one defines."""
    defined = r"^(?:cdef class|cdef(?: [\w*]+)*|def) \*?(\w+)(?=[(:\s])"
    wrong = []
    for i, (name, text) in enumerate(parts):
        code = re.sub(r'"""(?:.|\n)*?"""|"[^"\n]*"|#[^\n]*', "", text)
        for later, its_text in parts[i + 1 :]:
            names = set(re.findall(defined, its_text, re.MULTILINE)) - set(re.findall(defined, text, re.MULTILINE))
            wrong += [f"{name} uses {n} of {later}" for n in sorted(names) if re.search(rf"(?<![.\w]){n}\b", code)]
    return wrong


def test_the_parts_of_an_extension_form_no_circle(repository: Path) -> None:
    core, columns = parts_of(repository, "core.pyx"), parts_of(repository, "columns.pyx")
    files = sorted(f"shell/{path.name}" for path in (repository / "smartrest" / "shell").iterdir())
    assert sorted(name for name, _ in core + columns) == files
    assert used_too_early(core) == []
    assert used_too_early(columns) == []


def test_a_part_that_uses_a_later_one_is_seen() -> None:
    assert used_too_early(
        [("a", "cdef f():\n    return g() + h.x\n"), ("b", "cdef int g():\n"), ("c", "cdef class h:\n")]
    ) == [
        "a uses g of b",
        "a uses h of c",
    ]
    assert used_too_early([("a", "cdef f():\n"), ("b", "cdef g():\n    return f()  # and h\n")]) == []


def test_optional_libraries_are_imported_where_needed(repository: Path) -> None:
    wrong = []
    for path, own, there, _ in all_imports(repository):
        library = there.removeprefix("*")
        if there.startswith("*") and library in OPTIONAL and own not in OPTIONAL[library]:
            wrong.append(f"{path}: {library}")
        known = library in OPTIONAL or library in sys.stdlib_module_names or library == "tomllib"  # 3.11 brought it
        if there.startswith("*") and not known and path.suffix == ".py":  # Cython also names cpython and libc
            wrong.append(f"{path}: {library} is neither of the standard library nor known here")
    assert wrong == []


def test_the_codec_loads_cheap_modules_alone(repository: Path) -> None:
    wrong = []
    for path, own, there, late in all_imports(repository):
        codec = own in CODEC | {"pure", "_engine", "__init__"} and path.name != "types.py"
        codec = codec and path.parent.name != "columns"  # smartrest.arrow loads pure/columns, the codec does not
        if codec and there.startswith("*") and not late and there[1:] not in CHEAP:
            wrong.append(f"{path}: {there[1:]}")
    assert wrong == []


def test_the_reader_of_imports_sees_them(tmp_path: Path) -> None:
    """Otherwise the tests above could pass without seeing any import."""
    package = tmp_path / "smartrest" / "pure"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (tmp_path / "smartrest" / "errors.py").write_text("")
    file = package / "x.py"
    file.write_text(
        "import json, os.path\nfrom ..errors import A\nfrom .. import decode\nfrom . import y\n"
        "if TYPE_CHECKING:\n    import typing\nelse:\n    import re\ndef f():\n    from ..templates import static\n"
    )
    seen = {(there, late) for _, _, there, late in all_imports(tmp_path)}
    assert seen == {
        ("*json", False), ("*os", False), ("errors", False), ("smartrest", False), ("*re", False), ("smartrest", True),
    }  # fmt: skip
    (package / "y.py").write_text("def f():\n    from .x import f\n")
    with pytest.raises(CycleError):
        TopologicalSorter(graph(tmp_path)).prepare()
    core = tmp_path / "smartrest" / "core.pyx"
    core.write_text("from smartrest import _values, pure as p\nfrom smartrest.errors import (\n    import datetime\n")
    (tmp_path / "smartrest" / "_values.py").write_text("")
    seen = {(there, late) for path, _, there, late in all_imports(tmp_path) if path.suffix == ".pyx"}
    assert seen == {("_values", False), ("pure", False), ("errors", False), ("*datetime", True)}


def test_import_loads_nothing_optional(repository: Path) -> None:
    code = "import sys; before = set(sys.modules); import smartrest; print(*sorted(set(sys.modules) - before))"
    for engine in ("auto", "pure") if support.HAS_CORE else ("pure",):
        done = subprocess.run(
            [sys.executable, "-S", "-c", code],
            cwd=repository,
            env={"SMARTREST_ENGINE": engine, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        loaded = set(done.stdout.split())
        expensive = {"typing", "dataclasses", "inspect", "re", "enum", "json", "asyncio", "decimal", "logging", "ast"}
        assert loaded & (expensive | set(OPTIONAL) | NOT_LOADED) == set()
        assert "smartrest._engine" in loaded


def seconds(code: str, repository: Path) -> float:
    """Processor time of a Python that runs the code; elapsed time where the system does not report it."""
    command = [sys.executable, "-S", "-c", code]
    if sys.platform == "win32":
        start = time.perf_counter()
        subprocess.run(command, cwd=repository, check=True)
        return time.perf_counter() - start
    process = subprocess.Popen(command, cwd=repository)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_utime + usage.ru_stime


def test_import_is_quick(repository: Path) -> None:
    """Less than 15 ms more than a bare Python; a busy machine gets several attempts."""
    seconds("import smartrest", repository)  # compiles the byte code
    for _ in range(5):
        pairs = [(seconds("import smartrest", repository), seconds("pass", repository)) for _ in range(9)]
        taken = statistics.median(with_it for with_it, _ in pairs) - statistics.median(bare for _, bare in pairs)
        least = min(with_it for with_it, _ in pairs) - min(bare for _, bare in pairs)
        if min(taken, least) < 0.015:
            return
    pytest.fail(f"import smartrest takes {min(taken, least) * 1000:.1f} ms")
