"""`smartrest templates`: list, show, search, check; `--named` and `--topic` of the commands of the codec."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support_cli import CommandLine

from smartrest.templates import Collection, built_in, static

FILES = Path(__file__).resolve().parent.parent / "templates"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> CommandLine:
    return CommandLine(monkeypatch, capfdbinary)


def test_list(run: CommandLine) -> None:
    done = run("templates", "list")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert len(lines) == len(static) + len(built_in)
    assert lines[0].split()[:3] == ["100", "device", "→"]
    assert len(run("templates", "list", "--direction", "publish").out.splitlines()) < len(lines)
    records = [json.loads(line) for line in run("templates", "list", "--json").out.splitlines()]
    assert [record["id"] for record in records[: len(static)]] == list(static)
    assert records[0]["parameters"][0] == {
        "name": "device_name",
        "type": "String",
        "default": "MQTT Device <serialNumber>",
    }


def test_show(run: CommandLine) -> None:
    done = run("templates", "show", "201", "create_event")
    assert (done.code, done.err) == (0, "")
    assert "201 create_measurements" in done.out
    assert "400 create_event" in done.out
    assert "· unit" in done.out
    assert static["400"].example in done.out
    assert "\x1b" not in done.out, "no colours without a terminal"
    assert run("templates", "show", "113").out.count("␊") == 1, "a line feed is shown, not printed"
    (record,) = map(json.loads, run("templates", "show", "--json", "527").out.splitlines())
    assert record["parameters"][1]["marker"] == "$FW"
    assert record["parameters"][1]["record"] == "ProfileFirmware"
    assert len(run("templates", "show", "41", "--json").out.splitlines()) == 3


def test_show_an_unknown_template(run: CommandLine) -> None:
    done = run("templates", "show", "creat_event", "510")
    assert done.code == 1
    assert "did you mean create_event?" in done.err
    assert "510 restart" in done.out


def test_search(run: CommandLine) -> None:
    done = run("templates", "search", "software", "ACTION")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()] == ["527", "528", "529", "531"]
    assert run("templates", "search", "nosuchthing") == (1, "", "")
    assert run("templates", "search", "c8y_Command").out.split()[0] == "511"


@pytest.mark.parametrize("name", ["pump.csv", "gateway.csv", "meter_one.csv", "tracker.json"])
def test_check_a_good_collection(run: CommandLine, name: str) -> None:
    assert run("templates", "check", FILES / name) == (0, "", "")


def test_check_a_bad_collection(run: CommandLine) -> None:
    payload = b"10,a,POST,EVENT,,t,x,,a..,NUMBER,\n11,b,,,c\n10,a,GET,ALARM"
    done = run("templates", "check", "-", stdin=payload)
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[0].startswith("standard input:1:23: ")
    assert lines[0].endswith("(bad_path)")
    assert lines[1:3] == ["  10,a,POST,EVENT,,t,x,,a..,NUMBER,", " " * 24 + "^^^"]
    assert [line.rpartition("(")[2] for line in lines[::3]] == ["bad_path)", "bad_method)", "duplicate_id)"]
    found = [json.loads(line) for line in run("templates", "check", "--json", "-", stdin=payload).out.splitlines()]
    assert [(f["line"], f["column"], f["reason"], f["row"]) for f in found] == [
        (1, 23, "bad_path", 0),
        (3, 6, "bad_method", 2),
        (3, 4, "duplicate_id", 2),
    ]


ROWS = [f"11,r{number},,$.f{number},$.f{number}.a" for number in range(10_000)]


def test_a_collection_of_10_000_rows(run: CommandLine, tmp_path: Path) -> None:
    large, bad = tmp_path / "large.txt", tmp_path / "bad.txt"
    large.write_text("\n".join(ROWS))
    bad.write_text("\n".join(["# comment", *ROWS[:7_000], "11,r1,,$.f,$.a", *ROWS[7_000:], '11,q,,"x']))
    [line] = run("templates", "check", large).out.splitlines()
    assert line.endswith("divide it into collections with X-IDs of their own (too_large)")
    options = ("decode", "--named", "--topic", "s/dc/large", "--collection")
    assert json.loads(run(*options, large, "-", stdin=b"r9999,x").out)["parameters"] == {"f9999.a": "x"}
    done = run(*options, bad, "-", stdin=b"r1,x")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"smartrest: {bad}:10003:7: quoted field is never closed")
    assert f"smartrest templates check {bad}" in done.err
    bad.write_text("\n".join(["# comment", *ROWS[:7_000], "11,r1,,$.f,$.a", *ROWS[7_000:], "12,x"]))
    assert f"{bad}:7002:4: r1: message_id" in run(*options, bad, "-", stdin=b"r1,x").err
    found = run("templates", "check", bad).out.splitlines()
    assert [line.split(":")[1] for line in found[::3]] == ["7002", "10003"]


def test_check_not_a_collection(run: CommandLine, tmp_path: Path) -> None:
    assert run("templates", "check", "-", stdin=b"{").code == 1
    assert run("templates", "check", "-", stdin=b"\xff").code == 1
    done = run("templates", "check", tmp_path / "absent.csv")
    assert done.code == 2
    assert "absent.csv" in done.err


def test_wrong_usage(run: CommandLine) -> None:
    for words in (("templates",), ("templates", "show"), ("templates", "list", "--direction", "up")):
        assert run(*words).code == 2


def test_rows_are_named(run: CommandLine, tmp_path: Path) -> None:
    done = run("decode", "--named", "-", stdin=b"201,t,,f,s,1.5,C,f,s2,2\n500\n999,x")
    assert done.code == 0
    assert [json.loads(line) for line in done.out.splitlines()] == [
        {
            "id": "201",
            "name": "create_measurements",
            "parameters": {
                "type": "t",
                "time": None,
                "series_values": [
                    {"fragment": "f", "series": "s", "value": 1.5, "unit": "C"},
                    {"fragment": "f", "series": "s2", "value": 2.0, "unit": None},
                ],
            },
        },
        {"id": "500", "name": "get_pending_operations", "parameters": {}},
        {"id": "999", "name": None, "parameters": {"1": "x"}},
    ]
    done = run("decode", "--named", "-", stdin=b"200,f,s,x\n500")
    assert done.code == 1
    assert "value" in done.err
    assert json.loads(done.out)["id"] == "500", "one bad row does not lose the others"
    collection = tmp_path / "com.acme.csv"
    collection.write_bytes(Collection("x").post_event("e", type="t", text="x").payload)
    named = run("decode", "--named", "--topic", "s/uc/com.acme", "--collection", collection, "-", stdin=b"e")
    assert json.loads(named.out) == {"id": "e", "name": "e", "parameters": {"time": None}}


def test_rows_are_checked(run: CommandLine, tmp_path: Path) -> None:
    done = run("check", "--topic", "s/us", "-", stdin=b"500\n200,f,s,abc\n511,d,ls")
    assert done.code == 1
    assert "standard input:2:9: " in done.out
    assert "(bad_value)" in done.out
    assert "(wrong_direction)" in done.out
    assert "          ^^^" in done.out
    assert run("check", "--topic", "s/us", "-", stdin=b"500\n200,f,s,1") == (0, "", "")
    (tmp_path / "pump.csv").write_bytes((FILES / "pump.csv").read_bytes())
    words = ("check", "--topic", "s/uc/acme.v1", "--collection", f"acme.v1={tmp_path / 'pump.csv'}", "-")
    assert run(*words, stdin=b"dry_over\nwhoami,serial").code == 0
    done = run(*words, stdin=b"dry_over\nnothing,serial")
    assert "(unknown_template)" in done.out
    assert done.code == 1
