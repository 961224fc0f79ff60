"""Captures of traffic: lines with topics, JSON lines, base64, and where each row came from."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from support_cli import CommandLine


def objects(out: str) -> list[Any]:
    return [json.loads(line) for line in out.split("\n")[:-1]]


def test_lines_with_topics(command_line: CommandLine) -> None:
    stdin = b"s/us 211,20\n[c8y/s/us] 211,21\r\nc8y/s/uat (null)\n[c8y/s/us]\ns/us/my-child 211,22\n"
    result = command_line("decode", "--named", "--framing", "topic", "--topic-prefix", "c8y", "-", stdin=stdin)
    assert (result.code, result.err) == (0, "")
    assert [(row["id"], row["name"], row["parameters"]["temperature"]) for row in objects(result.out)] == [
        ("211", "create_temperature", 20.0),
        ("211", "create_temperature", 21.0),
        ("211", "create_temperature", 22.0),
    ]


def test_a_payload_of_several_lines(command_line: CommandLine) -> None:
    stdin = b's/ds 511,d,"echo a\n\n echo /b"\n510,d\ns/e 41,100,see /var/log now\n'
    result = command_line("decode", "--with", "topic,line", "--framing", "topic", "-", stdin=stdin)
    assert objects(result.out) == [
        {"topic": "s/ds", "line": 1, "row": ["511", "d", "echo a\n\n echo /b"]},
        {"topic": "s/ds", "line": 1, "row": ["510", "d"]},
        {"topic": "s/e", "line": 5, "row": ["41", "100", "see /var/log now"]},
    ]


def test_lines_without_a_topic_and_binary_ones(command_line: CommandLine) -> None:
    stdin = b"Connected.\ns/us 500\n\xff\xfe/\xff x\ns/us \xff\xfe\ns/us 501,f\n"
    result = command_line("decode", "--framing", "topic", "-", stdin=stdin)
    assert (result.code, objects(result.out)) == (1, [["500"], ["501", "f"]])
    errors = [line.split(": ", 2)[1:] for line in result.err.splitlines() if line.startswith("smartrest")]
    assert [error[0].rpartition(":")[2] for error in errors] == ["1", "3", "4"]
    assert errors[0][1] == "neither `topic payload` nor `[topic] payload`"
    assert errors[1][1] == "the topic is not valid UTF-8"


MOSQUITTO = (
    b'{"tst":"2026-01-02T03:04:05.000000Z+0000","topic":"s/us/a","qos":1,"retain":0,"payloadlen":6,"payload":"211,20"}\n'
    b'{"tst":"2026-01-02T03:04:06.000000Z+0000","topic":"s/us/b","qos":0,"retain":0,"payloadlen":6,"payload":"211,21"}\n'
)


def test_json_lines_of_mosquitto_keep_what_is_asked(command_line: CommandLine) -> None:
    options = ("decode", "--framing", "jsonl", "--with")
    result = command_line(*options, "topic,line,time,qos,nothing", "--named", "-", stdin=MOSQUITTO)
    assert objects(result.out)[1] == {
        "topic": "s/us/b",
        "line": 2,
        "time": "2026-01-02T03:04:06.000000Z+0000",
        "qos": 0,
        "nothing": None,
        "id": "211",
        "name": "create_temperature",
        "parameters": {"temperature": 21.0, "time": None},
    }
    result = command_line(*options, "all", "-", stdin=MOSQUITTO)
    assert objects(result.out)[0] == {
        "line": 1,
        "members": {
            "tst": "2026-01-02T03:04:05.000000Z+0000",
            "topic": "s/us/a",
            "qos": 1,
            "retain": 0,
            "payloadlen": 6,
        },
        "row": ["211", "20"],
    }
    for word in ("row", "id", "topic,parameters"):
        assert command_line(*options, word, "-", stdin=MOSQUITTO).code == 2


def test_the_file_is_kept_too(command_line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"500")
    assert objects(command_line("decode", "--with", "file,line", file).out) == [
        {"file": str(file), "line": None, "row": ["500"]}
    ]


@pytest.mark.parametrize("framing", ["jsonl", "lines", "topic", "whole"])
def test_payloads_in_base64(command_line: CommandLine, framing: str) -> None:
    text = base64.b64encode(b'511,d,"a\n\xc3\xa9"').decode()
    bad = "not base64"
    stdin = {
        "jsonl": f'{{"topic": "s/ds", "payload": "{text}"}}\n{{"payload": "{bad}"}}\n',
        "lines": f"{text}\n{bad}\n",
        "topic": f"s/ds {text}\ns/ds {bad}\n",
        "whole": f"{text}\n",
    }[framing]
    result = command_line("decode", "--base64", "--framing", framing, "-", stdin=stdin.encode())
    assert objects(result.out) == [["511", "d", "a\né"]]
    assert result.code == (0 if framing == "whole" else 1)
    assert ("not base64" in result.err) is (framing != "whole")
    assert command_line("check", "--base64", "--framing", framing, "-", stdin=stdin.encode()).code == result.code


@pytest.mark.parametrize(("framing", "before"), [("whole", b""), ("topic", b"s/us ")])
def test_base64_in_lines_of_76_characters(command_line: CommandLine, framing: str, before: bytes) -> None:
    payload = b"511,d," + b"a" * 100
    stdin = before + base64.encodebytes(payload)
    assert stdin.count(b"\n") == 2
    result = command_line("decode", "--base64", "--framing", framing, "-", stdin=stdin)
    assert objects(result.out) == [["511", "d", "a" * 100]]


def test_numbers_of_json_lines_stay_numbers(command_line: CommandLine) -> None:
    stdin = b'{"payload":"500","time":1767323045.25}\n{"payload":1.5}\n{"payload":"500","topic":1.5}\n'
    result = command_line("decode", "--framing", "jsonl", "--with", "time", "-", stdin=stdin)
    assert objects(result.out) == [{"time": 1767323045.25, "row": ["500"]}]
    assert result.err.count("string") == 2


def test_with_needs_a_word(command_line: CommandLine) -> None:
    for options in ((), ("--named",)):
        result = command_line("decode", "--with", ",", *options, "-", stdin=b"511,d,a")
        assert (result.code, result.out) == (2, "")
        assert "--with ','" in result.err


def test_json_via_mqtt_is_shown_as_it_is(command_line: CommandLine) -> None:
    stdin = b'devicecontrol/notifications {"id": "1", "c8y_Restart": {}}\nevent/events/create {"a"\ns/us 500\n'
    result = command_line("decode", "--named", "--framing", "topic", "-", stdin=stdin)
    assert [row.get("json") or row["name"] for row in objects(result.out)] == [
        {"id": "1", "c8y_Restart": {}},
        "get_pending_operations",
    ]
    assert (result.code, result.err.count("not valid JSON")) == (1, 1)


def test_smartrest_one_and_its_rows_15(command_line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "acme.txt"
    file.write_bytes(
        b"acme_3\n# devices\n10,100,GET,/identity/externalIds/c8y_Serial/%%,,application/json,%%,STRING,\n"
    )
    stdin = json.dumps({"topic": "s/ul", "payload": "15,acme_3\n100,serial-1"}).encode()
    result = command_line("decode", "--named", "--framing", "jsonl", "--collection", file, "-", stdin=stdin)
    assert [row["name"] for row in objects(result.out)] == ["set_x_id", "100"]
    assert objects(result.out)[1]["parameters"] == {"value_1": "serial-1"}


def test_errors_and_rows_keep_their_order(command_line: CommandLine) -> None:
    stdin = b"s/us 211,1\n211,warm\n211,2\ns/us 200,x\ns/us 211,3\n"
    result = command_line("decode", "--named", "--framing", "topic", "-", stdin=stdin)
    assert [row["parameters"]["temperature"] for row in objects(result.out)] == [1.0, 2.0, 3.0]
    assert [line.split(": ")[1:3] for line in result.err.splitlines()] == [
        ["standard input:1", "row 1"],
        ["standard input:4", "row 0"],
    ]


@pytest.mark.slow
def test_hostile_captures_end_in_errors_with_lines_and_lose_nothing(command_line: CommandLine, tmp_path: Path) -> None:
    long = b"x" * 65_530
    file = tmp_path / "capture.txt"
    with file.open("wb") as out:
        out.write(b"s/us 500\n")
        out.write(b"s/us/" + long + b" 500\n")
        out.write(b"s/us/" + long + b"yyyy 501,f\n")
        for number in range(1_000):
            out.write(b"s/uc/x%d/y 1,a\n\x00\xff\xfe\x80\n" % number)
        out.write(b"s/us 503,f\n")
    for options in ((), ("--named",), ("--named", "--with", "topic,line")):
        tracemalloc.start()
        result = command_line("decode", "--framing", "topic", *options, file)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        rows = objects(result.out)
        assert result.code == 1
        assert result.err.count("invalid_utf8") == 1_000
        assert len(rows) == 4 + 1_000  # the row before the binary line of each payload is kept
        assert json.dumps(rows[-1]).count("503") == 1
        assert peak < 60_000_000
    result = command_line("check", "--framing", "topic", file)
    assert f"{file}:3: " in result.err  # longer than a topic can be


@pytest.mark.slow
@pytest.mark.parametrize("framing", ["jsonl", "topic", "lines"])
def test_a_long_capture_loses_nothing_and_needs_little_memory(framing: str, repository: Path) -> None:
    """tools/capture.py in small: each payload arrives, each damaged line is reported with its number."""
    program = [sys.executable, "tools/capture.py", "--framing", framing, "--size", "3000000", "--long", "0"]
    done = subprocess.run(program, cwd=repository, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert result["payloads"] > 8_000
    assert result["damaged lines"] > 0
    assert result["peak MB"] < 100


@pytest.mark.slow
def test_a_collection_of_ten_thousand_rows(command_line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "acme.csv"
    lines = ["acme", *(f"# {n}\n11,r{n},,acme_{n},a,b[*],$.id" for n in range(10_000)), "# end", "10,bad"]
    file.write_text("\n".join(lines[:-1]))
    stdin = json.dumps({"topic": "s/dc/acme", "payload": "\n".join(f"r{n},d,1,2,3" for n in range(1000))}).encode()
    result = command_line("decode", "--named", "--framing", "jsonl", "--collection", file, "-", stdin=stdin)
    assert (result.code, len(objects(result.out))) == (0, 1000)
    file.write_text("\n".join(lines))
    result = command_line("templates", "check", "--json", file)
    assert [(found["reason"], found["line"]) for found in objects(result.out)] == [("bad_method", 20_003)]
