"""The suite itself: tests fail if a required engine is missing, and say why they cannot run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def without_core(tmp_path: Path, repository: Path) -> Path:
    """The package and some of its tests, without the compiled core."""
    ignored = shutil.ignore_patterns("*.so", "*.pyd", "core.*", "__pycache__")
    shutil.copytree(repository / "smartrest", tmp_path / "smartrest", ignore=ignored)
    for name in ("pyproject.toml", "pytest_smartrest.py"):
        shutil.copy(repository / name, tmp_path)
    tests = tmp_path / "tests"
    (tests / "codec" / "contract").mkdir(parents=True)
    for source in [repository / "tests" / "conftest.py", *(repository / "tests").glob("support*.py")]:
        shutil.copy(source, tests)
    shutil.copy(repository / "tests" / "codec" / "contract" / "test_limits.py", tests / "codec" / "contract")
    return tmp_path


def run(folder: Path, required: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SMARTREST_", "PYTEST_"))}
    environment["SMARTREST_EXT"] = required
    arguments = ["-q", "-p", "no:cacheprovider", "-k", "many_fields or engine_that"]
    program = f"import sys, pytest; sys.exit(pytest.main({arguments}))"
    return subprocess.run(
        [sys.executable, "-B", "-c", program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_missing_core_fails_where_it_is_required(without_core: Path) -> None:
    done = run(without_core, "require")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "SMARTREST_EXT=require, but smartrest.core is not built" in done.stdout
    assert "passed" in done.stdout, "the pure engine ran"
    assert "skipped" not in done.stdout


def test_a_missing_core_is_skipped_with_its_reason_else(without_core: Path) -> None:
    done = run(without_core, "auto")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "smartrest.core is not built" in done.stdout
    assert "engines that ran: pure | did not run: core:scalar" in done.stdout
