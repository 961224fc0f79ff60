"""The command line behaves as the pages show."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from support_cli import CommandLine
from support_docs import blocks

CONSOLE = re.compile(r"^```console\n\$ smartrest ([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def test_the_page_shows_the_output_of_commands(
    command_line: CommandLine, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    shown = CONSOLE.findall((repository / "docs" / "command-line.md").read_text(encoding="utf-8"))
    for command, output in shown:
        result = command_line(*shlex.split(command))
        printed = result.out + result.err
        start, more, _ = output.partition("…\n")
        assert printed.startswith(start) if more else printed == output, command
    assert len(shown) >= 3


def test_commands_of_the_readme_run(
    command_line: CommandLine, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    (block,) = (each for each in blocks(repository / "README.md", "sh") if each.startswith("smartrest decode"))
    *commands, demo = (shlex.split(line, comments=True) for line in block.splitlines())
    assert demo == ["smartrest", "demo"]  # tests/live/test_docs_shell.py runs it
    for program, *command in commands:
        assert program == "smartrest"
        result = command_line(*command)
        assert result.code == (1 if "examples/messages/damaged.txt" in command else 0), command
        assert result.out


def test_options_of_the_page_exist(command_line: CommandLine, repository: Path) -> None:
    text = CONSOLE.sub("", (repository / "docs" / "command-line.md").read_text(encoding="utf-8"))
    shown = set(re.findall(r"--[a-z][a-z-]+", text))
    known = set().union(
        *(
            re.findall(r"--[a-z][a-z-]+", command_line(c, "-h").out)
            for c in ("decode", "encode", "inspect", "check", "watch")
        )
    )
    assert known - {"--help"} == shown


def test_messages_of_the_examples_are_sound(command_line: CommandLine, repository: Path) -> None:
    folder = repository / "examples" / "messages"
    assert command_line("check", "--topic", "s/us", folder / "day.txt", folder / "gateway.jsonl") == (0, "", "")
    assert command_line("check", "--topic", "s/ds", folder / "operations.txt") == (0, "", "")
    assert command_line("check", "--topic", "s/us", folder / "damaged.txt").code == 1
