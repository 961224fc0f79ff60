"""The command `smartrest` as a process: version, pipes, terminals, wrong usage."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import support
from support_cli import CommandLine

import smartrest
from smartrest import cli
from smartrest.cli._report import Report


def start(*argv: object, **options: object) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(Path(smartrest.__file__).parent.parent), "TERM": "xterm"}
    environment.update(options.pop("env", {}))  # type: ignore[call-overload]  # always a dict of str
    command = [sys.executable, "-m", "smartrest", *map(str, argv)]
    return subprocess.Popen(command, env=environment, **options)  # type: ignore[call-overload,no-any-return]  # as Popen


@pytest.mark.parametrize("engine", ["pure", smartrest.engine()])
def test_version_names_the_engine(engine: str, clean_environment: pytest.MonkeyPatch) -> None:
    process = start("--version", stdout=subprocess.PIPE, env={"SMARTREST_ENGINE": engine})
    out = process.communicate(timeout=60)[0].decode()
    assert out == f"smartrest {smartrest.__version__}, engine {engine}\n"
    assert process.returncode == 0


@pytest.mark.parametrize(
    "argv", [[], ["fly"], ["decode"], ["decode", "--framing", "x", "-"], ["encode", "--qos", "3", "-"]]
)
def test_wrong_usage(command_line: CommandLine, argv: list[str]) -> None:
    result = command_line(*argv)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("usage: smartrest")


@pytest.mark.parametrize(
    "argv",
    [
        ["device", "run", "no\x1b[31m.toml"],
        ["decode", "no\x1b[31m.txt"],
        ["decode", "--no\x1b[31m", "-"],
        ["encode", "--topic", "s/us\x1b[31m", "no\x1b[31m.txt"],
        ["certificates", "show", "no\x1b[31m.pem"],
        ["certificates", "check", "no\x1b[31m.pem", "--client-id", "a"],
        ["certificates", "ca", "x", "--passphrase-file", "no\x1b[31m"],
    ],
)
def test_nothing_of_the_command_line_reaches_the_terminal_raw(command_line: CommandLine, argv: list[str]) -> None:
    for library in {"device": ("paho.mqtt", "aiomqtt"), "certificates": ("cryptography",)}.get(argv[0], ()):
        pytest.importorskip(library, reason=f"{argv[0]} needs it")
    result = command_line(*argv)
    assert (result.code, result.out) == (2, "")
    assert "\x1b" not in result.err
    assert "31m" in result.err


@pytest.mark.parametrize(
    "argv", [["--help"], ["decode", "--help"], ["encode", "-h"], ["inspect", "-h"], ["check", "-h"]]
)
def test_help(command_line: CommandLine, argv: list[str]) -> None:
    result = command_line(*argv)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("usage: smartrest")


def test_every_family_is_there(command_line: CommandLine) -> None:
    out = command_line("--help").out
    for command in (
        "decode",
        "encode",
        "inspect",
        "check",
        "templates",
        "device",
        "platform",
        "demo",
        "certificates",
        "bench",
        "doctor",
    ):
        assert f"\n    {command} " in out or f"\n    {command}\n" in out
    assert len(cli.FAMILIES) == 6


def test_a_reader_that_goes_away_is_not_an_error(tmp_path: Path) -> None:
    file = tmp_path / "long"
    file.write_bytes(b"200,c8y_Temperature,T,25.3\n" * 200_000)
    process = start("decode", file, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b'["200", "c8y_Temperature", "T", "25.3"]\n'
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_named() -> None:
    with Path("/dev/full").open("wb") as full:
        process = start("decode", "-", stdin=subprocess.PIPE, stdout=full, stderr=subprocess.PIPE)
        err = process.communicate(b"1,a\n", timeout=60)[1]
    assert (process.returncode, err) == (2, b"smartrest: No space left on device\n")


def test_each_line_of_a_pipe_is_answered_at_once() -> None:
    process = start("decode", "--framing", "lines", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    for number in range(3):
        process.stdin.write(b"1,%d\n" % number)
        process.stdin.flush()
        assert process.stdout.readline() == b'["1", "%d"]\n' % number
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_output_is_utf8_whatever_the_locale_says() -> None:
    process = start(
        *("decode", "-"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1", "PYTHONCOERCECLOCALE": "0"},
    )
    assert process.communicate("温度,é".encode(), timeout=60)[0].decode() == '["温度", "é"]\n'


def on_terminal(*argv: object, **env: str) -> str:
    """The output of the command on a terminal."""
    primary, secondary = support.terminal()
    process = start(*argv, stdin=subprocess.DEVNULL, stdout=secondary, stderr=secondary, env=env)
    os.close(secondary)
    shown = b""
    while True:
        try:
            data = os.read(primary, 65_536)
        except OSError:  # the other side is closed
            break
        if not data:
            break
        shown += data
    os.close(primary)
    process.wait(timeout=60)
    return shown.decode()


@pytest.mark.parametrize("command", ["check", "decode"])
def test_colours_only_on_a_terminal_that_wants_them(command: str, tmp_path: Path) -> None:
    file = tmp_path / "bad"
    file.write_bytes(b'1,"a')
    assert "\x1b[31m" in on_terminal(command, file, NO_COLOR="")
    assert "\x1b" not in on_terminal(command, file, NO_COLOR="1")
    assert "\x1b" not in on_terminal(command, file, TERM="dumb")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal_when_the_work_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.9, 1.1, 1.2, 9.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(sys, "stderr", Terminal())
    report = Report()
    for done in (1, 20, 21, 30):
        report.progress("day\x1b.txt", done * 1_000_000, 40_000_000 if done < 30 else 0)
    report.error("day.txt", "bad")
    shown = sys.stderr.getvalue().split("\r\x1b[K")  # type: ignore[attr-defined]  # it is a Terminal
    assert shown[1:3] == ["day␛.txt: 20 of 40 MB (50 %)", "day␛.txt: 30 MB"]
    assert shown[3].startswith("smartrest: ")


@pytest.mark.parametrize("data", [b"1,a\n" * 100, b""])
def test_no_progress_for_short_work(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "short"
    file.write_bytes(data)
    assert "MB" not in on_terminal("decode", file)
