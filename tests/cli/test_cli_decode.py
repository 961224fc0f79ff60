"""`smartrest decode`: rows as JSON, framings, errors with their positions."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
import support
from support_cli import CommandLine

import smartrest
from smartrest.cli import _run

QUOTED = b'511,pump-7,"say \\"hi\\", then\ngo"\n400,t,"a ""b"""\n'


def rows(out: str) -> list[list[str]]:
    return [json.loads(line) for line in out.splitlines()]


def test_one_json_array_per_row(command_line: CommandLine) -> None:
    result = command_line("decode", "-", stdin='100,"pump, 7",acme\r\n\n200,é,"]\0["\n'.encode())
    assert result == (0, '["100", "pump, 7", "acme"]\n["200", "é", "]\\u0000["]\n', "")


@pytest.mark.parametrize(
    "value",
    ["], [", '"], ["', "]\0[", "\0", ",", '", "', "[]", "]", "\\u0000", "\n", "\x7f\x9b", "\u2028", "👍", "\ufeff"],
)
def test_any_text_comes_back_out_of_the_json(command_line: CommandLine, value: str) -> None:
    expected = [["1", value, value], [value], ["", value]]
    result = command_line("decode", "-", stdin=smartrest.encode(expected))
    assert rows(result.out) == expected
    assert result.out.count("\n") == 3


def test_several_files_and_standard_input(command_line: CommandLine, tmp_path: Path) -> None:
    first, last = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_bytes(b"1,a")
    last.write_bytes(b"3,c\n4,d")
    result = command_line("decode", first, "-", last, stdin=b"2,b\n")
    assert rows(result.out) == [["1", "a"], ["2", "b"], ["3", "c"], ["4", "d"]]
    assert result.code == 0


@pytest.mark.parametrize("payload", [b"", b"\n\n", b"\xef\xbb\xbf", b"\r\n"])
def test_no_rows(command_line: CommandLine, payload: bytes) -> None:
    assert command_line("decode", "-", stdin=payload) == (0, "", "")


def test_an_error_names_file_row_and_byte_and_points_at_it(command_line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    file.write_bytes('100,a\n\n200,é,x\n511,d,é "x",\t"never\nclosed'.encode())
    result = command_line("decode", file)
    assert result.code == 1
    assert rows(result.out) == [["100", "a"], ["200", "é", "x"]]
    assert result.err.splitlines() == [
        f"smartrest: {file}: quoted field is never closed (unterminated_quote) at byte 30, row 2, field 3",
        '  511,d,é "x",␉"never',
        "               ^",
    ]


def test_strict(command_line: CommandLine) -> None:
    assert rows(command_line("decode", "-", stdin=b'1,a\n2, "b"\n3,c').out) == [["1", "a"], ["2", "b"], ["3", "c"]]
    result = command_line("decode", "--strict", "-", stdin=b'1,a\n2, "b"\n3,c')
    assert (result.code, rows(result.out)) == (1, [["1", "a"]])
    assert '(blank_outside_quotes) at byte 6, row 1, field 1\n  2, "b"\n    ^\n' in result.err


def test_bad_utf8(command_line: CommandLine) -> None:
    result = command_line("decode", "-", stdin=b"1,a\n2,\xe9\xff,c\n")
    assert (result.code, rows(result.out)) == (1, [["1", "a"]])
    assert result.err.splitlines() == [
        "smartrest: standard input: not valid UTF-8 (invalid_utf8) at byte 6, row 1, field 1",
        "  2,\\xe9\\xff,c",
        "    ^^^^",
    ]


def test_carets_stand_under_wide_and_combining_characters(command_line: CommandLine) -> None:
    result = command_line("decode", "--strict", "-", stdin='温度e\u0301,a"b'.encode())
    assert result.err.splitlines()[1:] == ['  温度e\u0301,a"b', "  " + " " * 7 + "^"]


def test_a_long_line_is_shown_around_the_place(command_line: CommandLine) -> None:
    result = command_line("decode", "--strict", "-", stdin=b"1," + b"x" * 5000 + b'a"b' + b"y" * 5000)
    line, caret = result.err.splitlines()[1:]
    assert len(line) < 120
    assert line[caret.index("^")] == '"'
    assert "…" in line


def test_no_control_characters_are_shown(command_line: CommandLine) -> None:
    result = command_line("decode", "--strict", "-", stdin='1,\x1b[2J\x9b2J\u202e\x07"x'.encode())
    assert not any(char in result.err for char in "\x1b\x9b\u202e\x07")
    assert "␛[2J\\x9b2J\\u202e␇" in result.err


def test_jsonl(command_line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "day.JSONL"
    messages = [
        {"topic": "s/ds", "payload": '511,d,"two\nlines"\n510,d'},
        {"payload": ""},
        {"payload": "1,é", "qos": 1},
    ]
    file.write_text("\n\n".join(map(json.dumps, messages)))
    result = command_line("decode", file)
    assert result == (0, '["511", "d", "two\\nlines"]\n["510", "d"]\n["1", "é"]\n', "")
    assert (
        command_line("decode", "--framing", "jsonl", "-", stdin=b"\xef\xbb\xbf" + file.read_bytes()).out == result.out
    )


def test_jsonl_faults_are_named_and_the_rest_is_read(command_line: CommandLine) -> None:
    lines = [
        b'{"payload": "1,a"}',
        b'{"payload": 3}',
        b"[1]",
        b'{"payload": "2,b", "topic": 5}',
        b'{"payload": "\xff"}',
        b'  {"a" 1}',
        b'{"payload": "3,\\"c"}',
        b'{"payload": "4,\\ud800"}',
        b"[" * 100_000,
        b"1" * 5000,
        b'{"payload": "5,e"}',
    ]
    result = command_line("decode", "--framing", "jsonl", "-", stdin=b"\n".join(lines))
    assert (result.code, rows(result.out)) == (1, [["1", "a"], ["5", "e"]])
    errors = [line for line in result.err.splitlines() if line.startswith("smartrest: ")]
    assert [int(error.split(":")[2]) for error in errors] == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert '\n    {"a" 1}\n         ^\n' in result.err
    assert "(unterminated_quote) at byte 2, row 0, field 1" in errors[5]
    assert "(invalid_utf8) at byte 2, row 0, field 1" in errors[6]


def test_lines(command_line: CommandLine) -> None:
    stdin = b'1,a\r\n\n2,"b\n3,\xef\xbb\xbfc\n\xef\xbb\xbf4,d\ne\r'
    result = command_line("decode", "--framing", "lines", "-", stdin=stdin)
    assert (result.code, rows(result.out)) == (1, [["1", "a"], ["3", "\ufeffc"], ["4", "d"], ["e\r"]])
    assert result.err.startswith("smartrest: standard input:3: quoted field is never closed")


def test_payloads_are_never_joined(command_line: CommandLine) -> None:
    """Each line is strict in a different dialect; joined, they would be read leniently and fail."""
    lines = [b'1,"a\\"b"', b'2,"c""d\\"']
    assert command_line("decode", "-", stdin=b"\n".join(lines)).code == 1
    result = command_line("decode", "--framing", "lines", "-", stdin=b"\n".join(lines))
    assert (result.code, rows(result.out)) == (0, [["1", 'a"b'], ["2", 'c"d\\']])


def test_named(command_line: CommandLine) -> None:
    stdin = b"200,c8y_Temperature,T,25.3,C,2026-03-01T08:00:00Z\n999,x\n200,c8y_Temperature,T,warm\n400,t,text\n"
    result = command_line("decode", "--named", "-", stdin=stdin)
    assert result.code == 1
    assert [json.loads(line) for line in result.out.splitlines()] == [
        {
            "id": "200",
            "name": "create_measurement",
            "parameters": {
                "fragment": "c8y_Temperature",
                "series": "T",
                "value": 25.3,
                "unit": "C",
                "time": "2026-03-01T08:00:00+00:00",
            },
        },
        {"id": "999", "name": None, "parameters": {"1": "x"}},
        {"id": "400", "name": "create_event", "parameters": {"type": "t", "text": "text", "time": None}},
    ]
    assert result.err.startswith("smartrest: standard input: row 2: ")


def test_named_by_topic_and_collection(command_line: CommandLine, tmp_path: Path) -> None:
    definition = b"10,acme,POST,MEASUREMENT,,acme_Pump,,acme_Pump.rpm.value,NUMBER,\n"
    (tmp_path / "com.acme.v1.txt").write_bytes(definition)
    (tmp_path / "rows").write_bytes(definition)
    message = json.dumps({"topic": "s/uc/com.acme.v1", "payload": "acme,,1450"}).encode()
    for collection in (tmp_path / "com.acme.v1.txt", f"com.acme.v1={tmp_path / 'rows'}"):
        result = command_line("decode", "--named", "--collection", collection, "--framing", "jsonl", "-", stdin=message)
        assert json.loads(result.out)["parameters"]["acme_Pump.rpm.value"] == 1450.0
    unknown = command_line("decode", "--named", "--framing", "jsonl", "-", stdin=message)
    assert json.loads(unknown.out)["name"] is None
    broken = command_line("decode", "--named", "--collection", tmp_path / "none", "-")
    assert (broken.code, "No such file" in broken.err) == (2, True)


@pytest.mark.parametrize("variant", support.VARIANTS)
def test_engine(command_line: CommandLine, variant: str) -> None:
    support.open_engine(variant)
    assert command_line("decode", "--engine", variant, "-", stdin=QUOTED).code == 0
    assert _run.open_engine(variant).engine() == variant


@pytest.mark.parametrize("name", ["turbo", "pure:", "pure:avx2", "core:", "core:mmx", "", ":"])
def test_unknown_engine(command_line: CommandLine, name: str) -> None:
    result = command_line("decode", "--engine", name, "-", stdin=b"1")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("smartrest: ")


@pytest.mark.parametrize("framing", ["whole", "jsonl", "lines"])
def test_unreadable_files_are_wrong_usage_and_the_rest_is_read(
    command_line: CommandLine, tmp_path: Path, framing: str
) -> None:
    good = tmp_path / "good"
    good.write_bytes(b'{"payload": "1,a"}' if framing == "jsonl" else b"1,a")
    result = command_line("decode", "--framing", framing, tmp_path / "none", tmp_path, "\0", good)
    assert (result.code, rows(result.out)) == (2, [["1", "a"]])
    assert len(result.err.splitlines()) == 3


def test_a_long_payload_is_read_as_decode_reads_it(command_line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "long.txt"
    file.write_bytes(b"\xef\xbb\xbf" + QUOTED * 40_000 + b'1,"open')
    payload = file.read_bytes()
    with pytest.raises(smartrest.DecodeError) as caught:
        smartrest.decode(payload)
    result = command_line("decode", file)
    assert [tuple(row) for row in rows(result.out)] == caught.value.rows
    place = f"at byte {caught.value.position}, row {caught.value.row}, field {caught.value.field}"
    assert place in result.err


def test_a_long_payload_in_doubt_is_read_as_a_whole(command_line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "doubt.txt"
    expected = [("502", "c", "C:\\dir, x\\"), *[("400", "t", str(n)) for n in range(400_000)]]
    file.write_bytes(smartrest.encode(expected, limit=None))
    result = command_line("decode", file)
    assert result.code == 0
    assert result.out.splitlines()[::100_000] == [json.dumps(row) for row in expected[::100_000]]


def test_a_file_too_long_for_one_payload_is_an_error_that_names_the_framings(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smartrest.cli.framing.PAYLOAD_LIMIT", 4000)
    payload = b"3,d\n" * 1000
    assert len(rows(command_line("decode", "-", stdin=payload).out)) == 1000
    result = command_line("decode", "-", stdin=payload + b"\n")
    assert (result.code, result.out) == (1, "")
    assert "--framing lines or jsonl" in result.err
    result = command_line("decode", "--framing", "lines", "-", stdin=payload + b"\n")
    assert (result.code, len(rows(result.out))) == (0, 1000)


def test_memory_of_a_large_file_does_not_grow(command_line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "large.txt"
    row = b"200,c8y_Temperature,T,25.3,C,2026-03-01T08:00:00.000Z\n"
    file.write_bytes(row * (8 * 1024 * 1024 // len(row)))
    tracemalloc.start()
    try:
        code = command_line("check", "--framing", "lines", file).code
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert code == 0
    assert peak < 2 * 1024 * 1024
