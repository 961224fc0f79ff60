"""`smartrest encode`: JSON lines to one payload, or packed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import support
from support_cli import CommandLine

import smartrest


def lines(*rows: object) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def errors(err: str) -> list[str]:
    return [line.removeprefix("smartrest: ") for line in err.splitlines() if line.startswith("smartrest: ")]


def test_rows_to_one_payload(command_line: CommandLine) -> None:
    rows = [["200", "c8y_T", "T", "25.3"], ["400", "t", 'say "hi", C:\\'], ["é", "", "two\nlines"]]
    result = command_line("encode", "-", stdin=lines(*rows))
    assert result == (0, smartrest.encode(rows).decode(), "")


def test_json_values_are_field_values(command_line: CommandLine) -> None:
    stdin = b'[200, true, false, null, "", -0, 12345678901234567890, 25.30, 1e3, -1E-7, 0.10000000000000000001]\n[""]'
    expected = '200,true,false,,,0,12345678901234567890,25.30,1e3,-1E-7,0.10000000000000000001\n""'
    assert command_line("encode", "-", stdin=stdin) == (0, expected, "")


@pytest.mark.parametrize("dialect", support.DIALECTS)
@pytest.mark.parametrize("quote", support.QUOTES)
def test_options(command_line: CommandLine, dialect: str, quote: str) -> None:
    rows = [["400", "", 'a "b", c\\']]
    options = ["--dialect", dialect, "--quote", quote, "--final-newline"]
    expected = smartrest.encode(rows, dialect=dialect, quote=quote, final_newline=True).decode()
    assert command_line("encode", *options, "-", stdin=lines(*rows)) == (0, expected, "")
    result = command_line("encode", *options, "--on-trailing-backslash", "error", "-", stdin=lines(*rows, ["1"]))
    assert errors(result.err) == [
        "standard input:1: quoted field ends with a backslash (trailing_backslash) in field 2: 'a \"b\", c\\\\'"
    ]
    assert (result.code, result.out.strip('"\n')) == (1, "1")


def test_bad_lines_are_named_and_the_others_written(command_line: CommandLine) -> None:
    stdin = b'["1","a"]\n\n["2",\n{"a": 1}\nnull\n[]\n["3",["x"]]\n["4",NaN]\n["5","\\ud800"]\n\xff\n["6","b"]\n'
    result = command_line("encode", "-", stdin=stdin)
    assert (result.code, result.out) == (1, "1,a\n6,b")
    assert errors(result.err) == [
        "standard input:3: not valid JSON: Expecting value",
        "standard input:4: not a JSON array",
        "standard input:5: not a JSON array",
        "standard input:6: a row needs at least one field (empty_row)",
        "standard input:7: cannot be sent as a field (bad_type) in field 1: list",
        "standard input:8: value does not fit its type (bad_value) in field 1: nan",
        "standard input:9: text holds a lone surrogate (lone_surrogate) in field 1: '\\ud800'",
        "standard input:10: not valid UTF-8",
    ]
    packed = command_line("encode", "--pack", "-", stdin=stdin)
    assert json.loads(packed.out) == {"payload": "1,a\n6,b"}
    assert sorted(errors(packed.err)) == sorted(errors(result.err))


def test_errors_of_packing_name_the_right_file_and_line(command_line: CommandLine, tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b'\n["1"]\n["2"]\n\n\n[["x"]]\n["3"]\n')
    second.write_bytes(b'["4"]\n{}\n["5"]\n[["y"]]\n')
    result = command_line("encode", "--pack", first, second)
    assert json.loads(result.out) == {"payload": "1\n2\n3\n4\n5"}
    assert [error.split(": ")[0] for error in errors(result.err)] == [f"{first}:6", f"{second}:2", f"{second}:4"]


@pytest.mark.parametrize("more", [0, 1])
def test_limit(command_line: CommandLine, more: int) -> None:
    rows = [["1", "x" * 100], ["2", "y" * (47 + more)]]
    for options in ([], ["--final-newline"]):
        limit = len(smartrest.encode(rows, final_newline=bool(options))) - more
        result = command_line("encode", *options, "--limit", limit, "-", stdin=lines(*rows))
        assert (result.code, bool(result.out)) == (more, not more)
        assert len(errors(result.err)) == more
        if more:
            assert errors(result.err)[0].startswith(f"standard input:2: larger than the limit of {limit} bytes")


def test_the_limit_is_that_of_a_payload_or_of_the_topic(command_line: CommandLine) -> None:
    def size_allowed(*options: str) -> int:
        low, high = 0, 20_000
        while low < high:
            middle = (low + high + 1) // 2
            code = command_line("encode", *options, "-", stdin=lines(["x" * middle])).code
            low, high = (middle, high) if code == 0 else (low, middle - 1)
        return low

    assert size_allowed() == 16_000
    assert size_allowed("--topic", "s/us") == 16_173
    assert size_allowed("--topic", "s/us", "--qos", "0") == 16_175
    assert size_allowed("--topic", "s/us", "--limit", "77") == 77
    assert command_line("encode", "--limit", "none", "-", stdin=lines(["x" * 50_000])).code == 0


@pytest.mark.parametrize("qos", [0, 1])
def test_pack(command_line: CommandLine, qos: int) -> None:
    rows = [["200", "c8y_Temperature", "T", f"{n}.5", 'C, "é"'] for n in range(2000)]
    result = command_line("encode", "--pack", "--topic", "s/us", "--qos", qos, "-", stdin=lines(*rows))
    messages = [json.loads(line) for line in result.out.splitlines()]
    limit = smartrest.payload_budget("s/us", qos=qos)
    assert [message["payload"].encode() for message in messages] == list(smartrest.pack(rows, limit=limit))
    assert {message["topic"] for message in messages} == {"s/us"}
    assert command_line("decode", "--framing", "jsonl", "-", stdin=result.out.encode()).out == "".join(
        json.dumps(row, ensure_ascii=False) + "\n" for row in rows
    )


def test_pack_leaves_out_a_row_that_never_fits(command_line: CommandLine) -> None:
    result = command_line(
        "encode", "--pack", "--limit", "10", "-", stdin=lines(["1", "a"], ["2", "b" * 20], ["3", "c"])
    )
    assert [json.loads(line) for line in result.out.splitlines()] == [{"payload": "1,a\n3,c"}]
    assert (result.code, errors(result.err)) == (
        1,
        ["standard input:2: larger than the limit of 10 bytes (too_large)"],
    )


def test_pack_with_split_groups(command_line: CommandLine) -> None:
    stdin = lines(["118", *(f"log{n}" for n in range(9))], ["140", *["a", "1", "t", "u"] * 9])
    result = command_line("encode", "--pack", "--split-groups", "--limit", "60", "-", stdin=stdin)
    assert [
        row.split(",")[0] for line in result.out.splitlines() for row in json.loads(line)["payload"].split("\n")
    ] == [
        *["118"] * result.out.count("118,"),
        "140",
        *["141"] * result.out.count("141,"),
    ]


@pytest.mark.parametrize("topic", ["s/+", "", "a" * 70_000])
def test_a_topic_that_cannot_be_published_to_is_wrong_usage(command_line: CommandLine, topic: str) -> None:
    for command in ("encode", "inspect", "check"):
        result = command_line(command, "--topic", topic, "-", stdin=b"")
        assert (result.code, result.out) == (2, "")
        assert len(errors(result.err)) == 1


@pytest.mark.parametrize("limit", ["-1", "x", "1.5", "²"])
def test_a_bad_limit_is_wrong_usage(command_line: CommandLine, limit: str) -> None:
    assert command_line("encode", f"--limit={limit}", "-").code == 2


def test_no_rows(command_line: CommandLine) -> None:
    assert command_line("encode", "--final-newline", "-", stdin=b"\n \n") == (0, "", "")
    assert command_line("encode", "--pack", "-", stdin=b"") == (0, "", "")


def test_many_rows_without_a_limit(command_line: CommandLine) -> None:
    rows = [["200", str(n)] for n in range(5000)]
    result = command_line("encode", "--limit", "none", "--final-newline", "-", stdin=lines(*rows))
    assert result.out.encode() == smartrest.encode(rows, limit=None, final_newline=True)


@pytest.mark.parametrize("engine", support.VARIANTS)
def test_engines_agree(command_line: CommandLine, engine: str) -> None:
    support.open_engine(engine)
    stdin = lines(["1", 'a "b"', 2.5, None, True], [["x"]], ["2", "c" * 30])
    expected = command_line("encode", "--pack", "--limit", "20", "-", stdin=stdin)
    assert command_line("encode", "--engine", engine, "--pack", "--limit", "20", "-", stdin=stdin) == expected
