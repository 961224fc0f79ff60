"""`smartrest inspect` and `smartrest check`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import support
import support_reader
from support_cli import CommandLine

import smartrest

MANY_FAULTS = '\ufeff100,a"b\n\n400,t, "é ",x\r\n1,"a\\"b","c""d","e"f,g\rh\n'.encode()


def test_inspect_makes_fields_visible(command_line: CommandLine) -> None:
    payload = '511,"d","say \\"hi\\"\n\t ok "\r\n100,,\x00é\u2028, x\n'.encode()
    result = command_line("inspect", "-", stdin=payload)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "standard input",
        'row 0, bytes 0 to 26, 2 escaped as \\"',
        "    0  511",
        "    1  d",
        '    2  say "hi"␊␉ ok␠',
        "row 1, bytes 28 to 42",
        "    0  100",
        "    1  (empty)",
        "    2  ␀é\\u2028",
        "    3  ␠x",
        "  2 rows, 43 bytes: 0.3 % of the 16,000 that fit at any QoS on any topic up to 177 bytes",
        '  reads strictly, backslash dialect; escaped quotes: 2 as \\"',
        "  row ends: 1 CRLF, 1 LF, final newline",
    ]


@pytest.mark.parametrize(
    ("payload", "reading"),
    [
        (b"100,a", "reads strictly in either dialect; escaped quotes: none"),
        (b'100,"a, b"', "reads strictly in either dialect; escaped quotes: none"),
        (b'100, "a \\"b\\" c" ', 'reads strictly, backslash dialect; escaped quotes: 2 as \\"'),
        (b'100,"a ""b"""', 'reads strictly, doubling dialect; escaped quotes: 2 as ""'),
        (b'100,"C:\\a, b\\"', "reads strictly in either dialect; escaped quotes: none"),
        (b'1,"a\\"b"\n2,"c""d"', 'reads leniently, `check` says why; escaped quotes: 1 as \\", 1 as ""'),
        (b'1,a"b', "reads leniently, `check` says why; escaped quotes: 1 as mixed dialects"),
        (b'\xef\xbb\xbf"a\\"b"', 'reads strictly, backslash dialect; escaped quotes: 1 as \\"'),
    ],
)
def test_inspect_names_the_escape(command_line: CommandLine, payload: bytes, reading: str) -> None:
    out = command_line("inspect", "-", stdin=payload).out
    assert f"  {reading}\n" in out
    assert ("byte order mark" in out) is payload.startswith(b"\xef\xbb\xbf")


def test_inspect_sizes(command_line: CommandLine) -> None:
    stdin = b'{"topic": "s/us/child01", "payload": "1"}\n{"payload": "' + b"x" * 16_166 + b'"}'
    out = command_line("inspect", "--framing", "jsonl", "-", stdin=stdin).out
    assert "standard input:1  s/us/child01\n" in out
    assert "1 row, 1 bytes: 0.0 % of the 16,165 that fit at QoS 1 on s/us/child01\n" in out
    assert "16,166 bytes: 101.0 % of the 16,000 that fit" in out
    forced = command_line("inspect", "--framing", "jsonl", "--topic", "s/us", "--qos", "0", "-", stdin=stdin).out
    assert "0.0 % of the 16,167 that fit at QoS 0 on s/us/child01\n" in forced
    assert "16,166 bytes: 99.9 % of the 16,175 that fit at QoS 0 on s/us\n" in forced


def test_inspect_shows_the_rows_before_an_error(command_line: CommandLine) -> None:
    result = command_line("inspect", "-", stdin=b'100,a\n1,"b')
    assert (result.code, result.out.splitlines()[2:]) == (
        1,
        ["    0  100", "    1  a", "  1 row, then an error"],
    )
    assert "at byte 8, row 1, field 1" in result.err


def test_inspect_of_a_long_payload_counts_on(command_line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "long"
    payload = b'400,"a ""b"" c"\n' * 40_000
    file.write_bytes(payload)
    lines = command_line("inspect", file).out.splitlines()
    assert lines[-6] == f'row 39999, bytes {len(payload) - 16} to {len(payload) - 1}, 2 escaped as ""'
    assert lines[-3].startswith("  40000 rows, 640,000 bytes: 4000.0 % of")
    assert lines[-2] == '  reads strictly, doubling dialect; escaped quotes: 80000 as ""'
    assert lines[-1] == "  row ends: 40000 LF, final newline"


def test_check_of_a_clean_payload_is_silent(command_line: CommandLine) -> None:
    assert command_line("check", "-", stdin=b'100,"a \\"b\\""\r\n\n200,\n') == (0, "", "")


def test_check_reports_every_fault(command_line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "bad.txt"
    file.write_bytes(MANY_FAULTS)
    result = command_line("check", file)
    assert (result.code, result.err) == (1, "")
    assert result.out.splitlines() == [
        f"{file}:1:6: quote inside an unquoted field (stray_quote)",
        '  100,a"b',
        "       ^",
        f"{file}:3:7: blank outside the quotes of a quoted field (blank_outside_quotes)",
        '  400,t, "é ",x␍',
        "        ^",
        f"{file}:4:12: both ways to escape a quote in one payload (mixed_escapes)",
        '  1,"a\\"b","c""d","e"f,g␍h',
        "             ^^",
        f"{file}:4:20: text after the closing quote (text_after_quote)",
        '  1,"a\\"b","c""d","e"f,g␍h',
        "                     ^",
        f"{file}:4:23: carriage return without line feed in an unquoted field (lone_cr)",
        '  1,"a\\"b","c""d","e"f,g␍h',
        "                        ^",
    ]


def test_check_as_json(command_line: CommandLine) -> None:
    found = [json.loads(line) for line in command_line("check", "--json", "-", stdin=MANY_FAULTS).out.splitlines()]
    expected = smartrest.check(MANY_FAULTS)
    assert [(f["reason"], f["start"], f["end"], f["row"], f["field"]) for f in found] == [
        (f.reason, f.start, f.end, f.row, f.field) for f in expected
    ]
    assert [(f["line"], f["column"]) for f in found] == [(1, 6), (3, 7), (4, 12), (4, 20), (4, 23)]


@pytest.mark.parametrize("payload", [b'1,a\n2,"b', b'1,a\n2,\xff\n3,c"d\n', b"1" * 16_001])
def test_check_reports_the_errors_of_decode(command_line: CommandLine, payload: bytes) -> None:
    result = command_line("check", "--json", "-", stdin=payload)
    found = json.loads(result.out)
    expected = smartrest.check(payload)[0]
    assert (result.code, found["reason"], found["start"]) == (1, expected.reason, expected.start)


def test_check_with_a_topic(command_line: CommandLine) -> None:
    stdin = b"200,c8y_Temperature,T,warm\n400,t,x\n9999,x\n"
    assert command_line("check", "-", stdin=stdin) == (0, "", "")
    result = command_line("check", "--json", "--topic", "s/us", "-", stdin=stdin)
    found = [json.loads(line) for line in result.out.splitlines()]
    assert [(f["line"], f["column"], f["row"], f["field"]) for f in found] == [(1, 23, 0, 3), (3, 1, 2, 0)]
    assert [f["reason"] for f in found] == [f.reason for f in smartrest.check(stdin, topic="s/us")]


def test_check_takes_the_topic_of_each_message(command_line: CommandLine) -> None:
    messages = [
        {"topic": "s/us", "payload": "100,a\n200,f,s,warm"},
        {"topic": "s/+", "payload": "1"},
        {"payload": '100,a\n"b" '},
        {"topic": "s/us", "payload": "x" * 16_174},
    ]
    stdin = "\n".join(map(json.dumps, messages)).encode()
    result = command_line("check", "--framing", "jsonl", "-", stdin=stdin)
    heads = [line for line in result.out.splitlines() if line.startswith("standard input:")]
    assert heads[0].startswith("standard input:1:9: ")
    assert heads[0].endswith(", line 2 of the payload")
    assert heads[1].startswith("standard input:3:4: blank outside")
    assert heads[2].startswith("standard input:4:1: ")
    assert heads[3].startswith("standard input:4:16174: larger than the limit of 16173 bytes (too_large)")
    assert "cannot publish to topic 's/+'" in result.err
    assert result.code == 1


@pytest.mark.parametrize("topic", [None, "s/us"])
def test_check_finds_the_same_in_a_long_payload(command_line: CommandLine, tmp_path: Path, topic: str | None) -> None:
    file = tmp_path / "long"
    payload = (
        b'400,t,"a \\"b"\n' * 30_000 + b'\xef\xbb\xbf400,t, "c ""d"" e"\n400,t,x"y\n' * 3 + b'400,t,"f\\"g"\n' * 30_000
    )
    file.write_bytes(payload)
    options = [] if topic is None else ["--topic", topic]
    result = command_line("check", "--json", *options, file)
    found = [json.loads(line) for line in result.out.splitlines()]
    expected = smartrest.check(payload, topic=topic)
    assert [(f["reason"], f["start"], f["row"], f["field"]) for f in found] == [
        (f.reason, f.start, f.row, f.field) for f in expected
    ]
    for finding in found:
        before = payload[: finding["start"]]
        assert finding["line"] == before.count(b"\n") + 1
        assert finding["column"] == len(before[before.rfind(b"\n") + 1 :].decode()) + 1


def test_check_of_random_payloads_agrees_with_an_independent_reader(command_line: CommandLine) -> None:
    import random

    chance = random.Random(3)
    for _ in range(300):
        payload = b"".join(chance.choices([b",", b'"', b"\\", b"\n", b"\r", b" ", b"a", b'"a"', "é".encode()], k=12))
        result = command_line("check", "--json", "-", stdin=payload)
        found = [json.loads(line) for line in result.out.splitlines()]
        assert result.code == (1 if found else 0)
        expected = support_reader.read(payload).findings
        assert [(f["reason"], f["start"], f["end"], f["row"], f["field"]) for f in found] == expected


@pytest.mark.parametrize("engine", support.VARIANTS)
def test_engines_agree(command_line: CommandLine, engine: str) -> None:
    support.open_engine(engine)
    for command in ("inspect", "check"):
        expected = command_line(command, "-", stdin=MANY_FAULTS)
        assert command_line(command, "--engine", engine, "-", stdin=MANY_FAULTS) == expected
