"""Topics on the command line: unknown ones, and those with the prefix of a gateway's broker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support_cli import CommandLine

import smartrest

PREFIXED = rb"""{"topic": "c8y/s/us", "payload": "200,acme_T,T"}
{"topic": "s/us", "payload": "200,acme_T"}
{"topic": "home/lamp", "payload": "on"}
{"topic": "c8y/event/events/create", "payload": "{\"type\": \"t\"}"}
"""


def test_a_topic_that_is_not_known_is_a_doubt(command_line: CommandLine) -> None:
    result = command_line("check", "--framing", "jsonl", "-", stdin=PREFIXED)
    assert result.code == 1
    assert [
        line.partition(": ")[2] for line in result.out.splitlines() if "_topic)" in line or "(missing)" in line
    ] == [
        "c8y/s/us: not a topic of SmartREST, so no row was checked; is c8y a prefix of this broker? (unknown_topic)",
        "200 create_measurement: series: mandatory value missing: expected a text, got nothing (missing)",
        "200 create_measurement: value: mandatory value missing: expected a finite number, got nothing (missing)",
        "home/lamp: not a topic of SmartREST, so no row was checked (unknown_topic)",
        "c8y/event/events/create: not a topic of SmartREST, so no row was checked; is c8y a prefix of this broker? "
        "(unknown_topic)",
    ]
    found = command_line("check", "--json", "--topic", "home/lamp", "-", stdin=b"on")
    assert json.loads(found.out)["reason"] == "unknown_topic"


def test_a_topic_prefix_is_left_out_for_checking(command_line: CommandLine) -> None:
    result = command_line("check", "--json", "--framing", "jsonl", "--topic-prefix", "c8y", "-", stdin=PREFIXED)
    found = [json.loads(line) for line in result.out.splitlines()]
    assert [(f["line"], f["reason"]) for f in found] == [
        (1, "missing"),
        (2, "missing"),
        (2, "missing"),
        (3, "unknown_topic"),
        (4, "json_topic"),
    ]
    for topic in ("c8y/s/us", "s/us"):
        assert command_line("check", "--topic-prefix", "c8y", "--topic", topic, "-", stdin=b"200,f,s,1").code == 0


def test_the_prefix_counts_for_the_size(command_line: CommandLine) -> None:
    fits = smartrest.payload_budget("s/us", qos=1)
    payload = b"400,t," + b"x" * (fits - 6)
    options = ("check", "--topic-prefix", "c8y")
    assert command_line(*options, "--topic", "s/us", "-", stdin=payload).code == 0
    result = command_line(*options, "--topic", "c8y/s/us", "-", stdin=payload)
    assert f"limit of {fits - 4} bytes (too_large)" in result.out


@pytest.mark.parametrize("prefix", ["c8y/#", "c8y/", "", "+/x"])
def test_a_prefix_that_no_broker_can_have_is_wrong_usage(command_line: CommandLine, prefix: str) -> None:
    for command in (("check",), ("decode", "--named"), ("decode",)):
        result = command_line(*command, "--topic-prefix", prefix, "-", stdin=b"500")
        assert (result.code, result.out) == (2, "")
        assert "topic prefix" in result.err


def test_topics_as_long_as_mqtt_allows_or_longer(command_line: CommandLine) -> None:
    topics = ["s/us", "s/us/" + "x" * 65_530, "s/us/" + "x" * 65_531, "s/us/+", "", "s/us"]
    lines = [json.dumps({"topic": topic, "payload": f"211,{number}"}) for number, topic in enumerate(topics)]
    stdin = "\n".join(lines).encode()
    result = command_line("check", "--framing", "jsonl", "-", stdin=stdin)
    assert (result.code, result.out) == (1, "")
    whys = [
        ("2", "a packet of 16184 bytes has no room for a payload on topic", "of 65,535 bytes"),
        ("3", "cannot publish to topic", "it has 65,536 bytes, and MQTT allows 65,535"),
        ("4", "cannot publish to topic 's/us/+'", "it holds a wildcard or U+0000"),
        ("5", "cannot publish to topic ''", "it is empty"),
    ]
    assert len(result.err.splitlines()) == len(whys)
    for line, (number, text, why) in zip(result.err.splitlines(), whys, strict=True):
        assert line.startswith(f"smartrest: standard input:{number}: {text}")
        assert line.endswith(why)
        assert len(line) < 250
    named = command_line("decode", "--named", "--framing", "jsonl", "--with", "line", "-", stdin=stdin)
    assert [json.loads(line)["line"] for line in named.out.splitlines()] == [1, 2, 3, 4, 5, 6]
    captured = "".join(f"{topic or 'x/y'} 211,{number}\n" for number, topic in enumerate(topics)).encode()
    result = command_line("check", "--framing", "topic", "-", stdin=captured)
    assert [line.split(":")[2] for line in result.err.splitlines()] == ["2", "3", "4"]
    assert "standard input:5: x/y: not a topic" in result.out


COLLECTION = b"11,dm101,,acme_wifi,$.name,$.ssid,$.type\n"


def test_named_rows_with_a_prefix(command_line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "acme_wifi.csv"
    file.write_bytes(COLLECTION)
    lines = [
        {"topic": "c8y/s/dc/acme_wifi", "payload": "dm101,dev-1,Factory Wifi,onboarding,WPA3"},
        {"topic": "c8y/s/us/child", "payload": "211,20"},
        {"topic": "s/us", "payload": "211,20"},
    ]
    stdin = "\n".join(map(json.dumps, lines)).encode()
    options = ("decode", "--named", "--framing", "jsonl", "--collection", file)
    named = [
        json.loads(line)
        for line in command_line(*options, "--topic-prefix", "c8y", "-", stdin=stdin).out.split("\n")[:-1]
    ]
    assert [row["name"] for row in named] == [
        "dm101",
        "create_temperature",
        "create_temperature",
    ]
    assert named[0]["parameters"] == {
        "device_id": "dev-1",
        "name": "Factory Wifi",
        "ssid": "onboarding",
        "type": "WPA3",
    }
    named = [json.loads(line) for line in command_line(*options, "-", stdin=stdin).out.split("\n")[:-1]]
    assert [row["name"] for row in named][:2] == [None, None]
