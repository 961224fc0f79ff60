"""Every code block in docs/ is run or checked by a test. The Python of the pages runs in tests/live/test_docs.py."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from support_docs import BLOCK, blocks

from smartrest import decode_row
from smartrest.cli import main

# Language, or the page and the language, of blocks with a test of their own.
TESTED_ELSEWHERE = {
    "mermaid": "tests/device/test_session_table.py",
    "docs/command-line.md console": "tests/cli/test_cli_docs.py",
    "docs/certificates.md sh openssl": "tests/certificates/test_docs.py",
    "docs/architecture.md text": "a drawing",
    "docs/performance.md diff": "tests/house/test_benchmark_page.py",
    "docs/format.md text": "a grammar; tests/codec/cases has its examples",
    "docs/tables.md python": "tests/columns/test_page.py",
}
PAGES = ("README.md", "CONTRIBUTING.md", "benchmarks/README.md")


def pages(repository: Path) -> list[Path]:
    return [*(repository / name for name in PAGES), *sorted((repository / "docs").glob("*.md"))]


def test_each_kind_of_block_has_a_test(repository: Path) -> None:
    live = (repository / "tests" / "live" / "test_docs.py").read_text(encoding="utf-8")
    without = []
    for page in pages(repository):
        name = page.relative_to(repository).as_posix()
        for language, options, _ in BLOCK.findall(page.read_text(encoding="utf-8")):
            kind = language + options
            known = kind in TESTED_ELSEWHERE or f"{name} {kind}" in TESTED_ELSEWHERE or kind in ("sh", "console", "")
            run = language == "python" and (name == "README.md" or re.search(rf'page\(\s*"{page.stem}"', live))
            examples = kind == "text" and name == "docs/templates.md"
            if not (known or run or examples):
                without.append(f"{name}: {kind}")
    assert without == []


def commands(repository: Path) -> list[list[str]]:
    """The words of each command line shown, without what a shell does with its output."""
    found = []
    for page in pages(repository):
        for block in blocks(page, "sh", "console", ""):
            for line in block.replace("\\\n", " ").splitlines():
                line = re.sub(r"\s#.*", "", line.removeprefix("$ ").strip())
                for part in line.split(" && "):
                    if re.match(r"(\S+/)?(smartrest|python3?) ", part):
                        found.append(shlex.split(part.split(" > ")[0]))
    return found


def test_commands_shown_exist(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each `smartrest` command with its options, and each script and test that a page names."""
    found = commands(repository)
    assert len(found) > 40
    for program, *words in found:
        if program.endswith("smartrest"):
            actions = [word for word in words[:2] if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")]
            depth = 2 if actions[:1] in (["certificates"], ["device"]) else 1
            assert main([*actions[:depth], "--help"]) == 0
            told = capsys.readouterr().out
            for option in (word for word in words if word.startswith("--") and word != "--version"):
                assert option.partition("=")[0] in told, f"smartrest {' '.join(words)}"
        for word in words:
            path = word.partition("::")[0]
            if path.startswith(("tools/", "tests/", "benchmarks/", "examples/")) and "NAME" not in path:
                assert [*repository.glob(path)], f"{word} does not exist"


def test_examples_of_templates_are_rows_of_theirs(repository: Path) -> None:
    page = (repository / "docs" / "templates.md").read_text(encoding="utf-8")
    sections = re.findall(r"^### `(\w+)` \w+\n(.*?)(?=^##)", page, re.DOTALL | re.MULTILINE)
    examples = [(key, body) for key, text in sections for _, _, body in BLOCK.findall(text)]
    assert len(examples) > 100
    for key, body in examples:
        assert decode_row(body)[0] == key


def test_the_table_of_the_guide_names_tests_that_exist(repository: Path) -> None:
    page = (repository / "docs" / "guide.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 40
    for row in rows:
        proof = row[-1].removesuffix(" |")
        if proof.startswith("not covered: "):
            continue
        file, _, name = proof.strip("`").partition("::")
        text = (repository / "tests" / file).read_text(encoding="utf-8")
        assert not name or f"def {name}(" in text, f"{row[0]}: {proof}"
        assert row[2].startswith("["), row[0]


def test_links_to_headings_lead_somewhere(repository: Path) -> None:
    wrong = []
    for page in pages(repository):
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)", page.read_text(encoding="utf-8")):
            text = (page.parent / target if target else page).read_text(encoding="utf-8")
            headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
            known = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            if anchor not in known:
                wrong.append(f"{page.name}: {target}#{anchor}")
    assert wrong == []
