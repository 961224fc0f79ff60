"""The README is true: its Python blocks run, its commands exist, its links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")


@pytest.fixture(scope="module")
def readme(repository: Path) -> str:
    return (repository / "README.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return [body for name, _, body in BLOCK.findall(text) if name == language]


def pages(repository: Path) -> list[Path]:
    found = [repository / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING")]
    found += sorted((repository / "docs").rglob("*.md"))
    cases = sorted((repository / "tests" / "codec" / "cases").glob("*.md"))
    assert cases, "no pages of cases found"
    return [*found, *cases, repository / "benchmarks" / "README.md"]


def test_there_is_an_example(readme: str) -> None:
    assert blocks(readme, "python")


def test_python_blocks_run(readme: str, repository: Path, tmp_path: Path) -> None:
    """Each block runs alone in its own folder. `>>>` blocks are doctests."""
    for number, block in enumerate(blocks(readme, "python")):
        file = tmp_path / f"block{number}.py"
        if block.lstrip().startswith(">>>"):
            file.with_suffix(".txt").write_text(block, encoding="utf-8")
            command = [sys.executable, "-W", "error", "-m", "doctest", str(file.with_suffix(".txt"))]
        else:
            compile(block, f"README.md block {number}", "exec")
            if re.search(r"\.run\(\)|loop_forever|asyncio\.run|host=|Device\(", block):
                continue  # needs a broker: compiled here, run as files of examples/
            file.write_text(block, encoding="utf-8")
            command = [sys.executable, "-W", "error", str(file)]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={"PYTHONPATH": str(repository), "PATH": "", "SMARTREST_ENGINE": os.environ.get("SMARTREST_ENGINE", "")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"README.md block {number}:\n{block}\n{done.stdout}{done.stderr}"


def test_commands_exist(readme: str, repository: Path) -> None:
    """Every `smartrest <command>` in the README exists."""
    shown = set()
    for block in blocks(readme, "sh") + blocks(readme, "console") + blocks(readme, "bash") + blocks(readme, "shell"):
        shown |= set(re.findall(r"(?:^|\| *|\$ +)(?:python -m )?smartrest ([a-z]+)", block, re.MULTILINE))
    for command in sorted(shown):
        done = subprocess.run(
            [sys.executable, "-m", "smartrest", command, "--help"],
            cwd=repository,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"smartrest {command}: {done.stderr}"


def test_links_lead_somewhere(repository: Path) -> None:
    wrong = []
    for page in pages(repository):
        if not page.is_file():
            continue
        for target in LINK.findall(re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)):
            if not (page.parent / target).exists():
                wrong.append(f"{page.relative_to(repository)}: {target}")
    assert wrong == []


def test_files_that_contributors_are_sent_to_exist(repository: Path) -> None:
    wrong = []
    for page in (repository / "CONTRIBUTING.md", repository / "docs" / "architecture.md"):
        text = page.read_text(encoding="utf-8")
        named = re.findall(r"(?<![\w/.-])(?:smartrest|src_c|tests|tools|benchmarks|docs)/[\w./*-]*", text)
        wrong += [f"{page.name}: {name}" for name in named if "NAME" not in name and not [*repository.glob(name)]]
        assert len(named) > 20
    assert wrong == []


def test_examples_in_docs_compile(repository: Path) -> None:
    for page in pages(repository):
        if page.is_file():
            for block in blocks(page.read_text(encoding="utf-8"), "python"):
                if not block.lstrip().startswith(">>>"):
                    compile(block, str(page), "exec", flags=0x2000)  # top-level await is allowed in a page
