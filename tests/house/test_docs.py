"""Every code block in docs/ is run or checked by a test. The Python of the pages runs in tests/live/test_docs.py."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from support_docs import BLOCK, blocks

from smartrest import decode, decode_row
from smartrest.cli import main

SHELL = "tests/live/test_docs_shell.py::"
CONSOLE = "tests/cli/test_cli_docs.py::test_the_page_shows_the_output_of_commands"
DEVELOPERS = "not run: tests that the suite runs anyway; test_commands_shown_exist looks for each"
# A page and words of one of its blocks, unless it is Python: the test that runs the block, or why none does.
BLOCKS = {
    ("README.md", "pip install -e . &&"): ".ci/run",
    ("README.md", "pip install -e '.[dev]'"): ".ci/run",
    (
        "README.md",
        "smartrest decode examples/messages/operations.txt ",
    ): "tests/cli/test_cli_docs.py::test_commands_of_the_readme_run",
    ("README.md", "smartrest --version"): SHELL + "test_engines_of_the_readme",
    ("CONTRIBUTING.md", "make test"): "not run: builds all and runs the quick tests, as `.ci/run` does",
    ("CONTRIBUTING.md", ".venv/bin/python -m pytest tests/"): DEVELOPERS,
    ("CONTRIBUTING.md", '.venv/bin/python -m pytest -m "" tests/'): DEVELOPERS,
    ("benchmarks/README.md", "python -m benchmarks "): "not run: a quarter of an hour",
    ("docs/architecture.md", "payload bytes →"): "not run: a drawing",
    ("docs/certificates.md", "pip install 'smartrest[certificates]'"): "not run: installs from a package index",
    ("docs/certificates.md", "smartrest certificates ca"): SHELL + "test_certificates",
    (
        "docs/certificates.md",
        "authority() {",
    ): "tests/certificates/test_docs.py::test_the_openssl_script_makes_the_same_certificates",
    ("docs/certificates-enrolment.md", "certificates enroll"): SHELL + "test_enrolment_and_renewal",
    ("docs/certificates-enrolment.md", "certificates renew"): SHELL + "test_enrolment_and_renewal",
    ("docs/certificates-enrolment.md", "certificates upload"): SHELL + "test_upload_and_revocation",
    ("docs/certificates-enrolment.md", "curl"): SHELL + "test_upload_and_revocation",
    ("docs/certificates-enrolment.md", "certificates revoke"): SHELL + "test_upload_and_revocation",
    ("docs/command-line.md", "$ smartrest decode examples/messages/operations.txt"): CONSOLE,
    ("docs/command-line.md", "$ smartrest decode examples/messages/damaged.txt"): CONSOLE,
    ("docs/command-line.md", "$ smartrest check"): CONSOLE,
    ("docs/command-line.md", "$ smartrest doctor"): CONSOLE,
    ("docs/command-line.md", "smartrest watch"): SHELL + "test_watch",
    ("docs/format.md", "511,device-7"): "tests/house/test_docs.py::test_the_payload_of_the_format_page",
    (
        "docs/performance.md",
        "python -m benchmarks --json",
    ): "not run: a quarter of an hour; test_commands_shown_exist looks for its options",
    ("docs/reliability.md", "tools/campaign.py"): SHELL + "test_campaigns",
    ("docs/reliability.md", "kernel_test.c"): SHELL + "test_campaigns",
    ("docs/reliability.md", "tools/check_core.py"): "not run: hours, with foreign compilers and emulators",
    ("docs/session.md", "stateDiagram"): "tests/device/test_session_table.py::test_the_documentation_shows_the_table",
    ("docs/testing.md", "$ smartrest demo"): SHELL + "test_devices_and_their_platform",
}
# Pages whose Python does not run in tests/live/test_docs.py.
PYTHON = {
    "README.md": "tests/house/test_readme.py::test_python_blocks_run",
    "docs/tables.md": "tests/columns/test_page.py::test_programs_of_the_page_run",
}
PAGES = ("README.md", "CONTRIBUTING.md", "benchmarks/README.md")


def pages(repository: Path) -> list[Path]:
    return [*(repository / name for name in PAGES), *sorted((repository / "docs").glob("*.md"))]


def test_each_block_has_a_test(repository: Path) -> None:
    live = (repository / "tests" / "live" / "test_docs.py").read_text(encoding="utf-8")
    without, known = [], set()
    for page in pages(repository):
        name = page.relative_to(repository).as_posix()
        for language, _, body in BLOCK.findall(page.read_text(encoding="utf-8")):
            if language == "python":
                runs = name in PYTHON or bool(re.search(rf'page\(\s*"{page.stem}"', live))
            elif (language, name) == ("text", "docs/templates.md"):
                runs = True  # by test_examples_of_templates_are_rows_of_theirs
            else:
                found = [(where, words) for where, words in BLOCKS if where == name and words in body]
                known.update(found)
                runs = bool(found)
            if not runs:
                without.append(f"{name}: {body.splitlines()[0]}")
    assert without == []
    assert set(BLOCKS) - known == set()


def test_the_tests_of_blocks_exist(repository: Path) -> None:
    named = [(page, test) for (page, _), test in BLOCKS.items() if not test.startswith("not run: ")]
    for page, test in (*named, *PYTHON.items()):
        file, _, function = test.partition("::")
        text = (repository / file).read_text(encoding="utf-8")
        assert Path(page).name in text, f"{file} does not read {page}"
        assert not function or f"def {function}(" in text, test


def test_the_payload_of_the_format_page(repository: Path) -> None:
    (payload,) = blocks(repository / "docs" / "format.md", "text")
    assert decode(payload) == [("511", "device-7", 'reboot, then say "done"'), ("510", "device-7")]


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
    """Each `smartrest` command and script with its options, and each test that a page names."""
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
        elif words[:2] == ["-m", "benchmarks"] or words[0].startswith("tools/"):
            script = "benchmarks/__main__.py" if words[0] == "-m" else words[0]
            source = (repository / script).read_text(encoding="utf-8")
            for option in (word for word in words if word.startswith("--")):
                assert f'"{option}"' in source, f"{script} has no {option}"
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
