"""Every example runs without a network, or exits with the reason why it cannot."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def needs_libraries(path: Path) -> set[str]:
    """The libraries that an example imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names - {"smartrest", *sys.stdlib_module_names, *(neighbour.stem for neighbour in EXAMPLES)}


def start(example: Path, folder: Path, *options: str, path: str = "") -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SMARTREST_") or k == "SMARTREST_ENGINE"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), *([path] if path else [])])
    return subprocess.run(
        [sys.executable, "-W", "error", *options, str(example)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_it_runs(example: Path, tmp_path: Path) -> None:
    missing = sorted(name for name in needs_libraries(example) if importlib.util.find_spec(name) is None)
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    done = start(example, tmp_path)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-3000:]}"


def test_there_are_examples() -> None:
    assert EXAMPLES


@pytest.mark.parametrize("example", [path for path in EXAMPLES if needs_libraries(path)], ids=lambda path: path.name)
def test_it_names_the_missing_library(example: Path, tmp_path: Path) -> None:
    """Without installed packages (-S): one sentence with the command, no traceback."""
    done = start(example, tmp_path, "-S")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert re.search(rf"^No module named .*: {re.escape(sys.executable)} -m pip install -e '\.\[\w", done.stderr)


def test_it_says_that_a_broker_is_needed(tmp_path: Path) -> None:
    """With its client but without a broker."""
    pytest.importorskip("paho.mqtt", reason="the extra smartrest[device] is not installed")
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text("import sys\nsys.modules['amqtt'] = None\n", encoding="utf-8")
    done = start(ROOT / "examples" / "worker.py", tmp_path, path=str(hidden))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "needs amqtt" in done.stderr
    assert "pip install -e" in done.stderr
