"""Inputs from the field that once failed, each with what is right. The cases of their kinds are in the other tests."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support_cli import CommandLine

import smartrest
from smartrest.errors import SmartRestError
from smartrest.mqtt import ClientId
from smartrest.templates import Collection, parse

Entry = dict[str, Any]


def certificate(given: Entry, run: CommandLine, folder: Path) -> None:
    certificates = pytest.importorskip("smartrest.certificates")
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    files = {name: str(folder / name) for name in ("te.key", "te.pem")}
    command = ["openssl", *shlex.split(given["openssl"]), "-keyout", files["te.key"], "-out", files["te.pem"]]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    result = run("certificates", "check", files["te.pem"], "--client-id", "alpha")
    assert (result.code, result.out.partition(":")[0]) == (0, "doubt")
    assert certificates.Identity.load(files["te.pem"], files["te.key"]).ssl_context(client_id="alpha")


def topic_of_creation(given: Entry, run: CommandLine, folder: Path) -> None:
    assert Collection.parse(given["rows"], given["x_id"]).topic == "s/ul/acme_3"


def dialect_of_creation(given: Entry, run: CommandLine, folder: Path) -> None:
    assert Collection.parse(given["rows"], "acme_3").payload == given["rows"].encode()


def size_of_a_file(given: Entry, run: CommandLine, folder: Path) -> None:
    rows = "\n".join(f"10,{n},GET,/inventory/managedObjects/%%,,application/json,%%,UNSIGNED," for n in range(300))
    file = folder / "acme.txt"
    file.write_text(rows)
    assert run("templates", "check", file).code == 0
    c = Collection.parse(rows, "acme")
    assert (len(c.rows), c.encode(limit=None)) == (300, rows.encode())


def vendor_file(given: Entry, run: CommandLine, folder: Path) -> None:
    file = folder / "vendor.txt"
    file.write_text(given["file"])
    assert run("templates", "check", file).code == 0
    c = Collection.parse(given["file"])
    assert (c.x_id, len(c)) == ("acme_3", 2)
    line = json.dumps({"topic": "s/ul/acme_3", "payload": "100,serial"}).encode()
    result = run("decode", "--named", "--framing", "jsonl", "--collection", file, "-", stdin=line)
    assert json.loads(result.out)["name"] == "100"


def prefix_check(given: Entry, run: CommandLine, folder: Path) -> None:
    line = json.dumps(given["jsonl"]).encode()
    result = run("check", "--framing", "jsonl", "-", stdin=line)
    assert (result.code, "unknown_topic" in result.out) == (1, True)
    result = run("check", "--framing", "jsonl", "--topic-prefix", "c8y", "-", stdin=line)
    assert (result.code, "(missing)" in result.out) == (1, True)


def prefix_names(given: Entry, run: CommandLine, folder: Path) -> None:
    stored = {"name": "set_wifi", **given["collection"]}
    x_id = stored.pop("__externalId")
    file = folder / "acme.json"
    file.write_text(json.dumps({"requestTemplates": [], "responseTemplates": [stored], "__externalId": x_id}))
    options = ("decode", "--named", "--framing", "jsonl", "--topic-prefix", "c8y", "--collection", file)
    named = json.loads(run(*options, "-", stdin=json.dumps(given["jsonl"]).encode()).out)
    assert named["name"] == "set_wifi"
    assert list(named["parameters"]) == ["device_id", "name", "ssid", "type"]


def capture(given: Entry, run: CommandLine, folder: Path) -> None:
    options = ("decode", "--named", "--framing", "topic", "--topic-prefix", "c8y")
    result = run(*options, "-", stdin="\n".join(given["lines"]).encode())
    assert result.code == 0
    assert [json.loads(line)["name"] for line in result.out.splitlines()] == ["create_temperature"] * 2


def error_row_50(given: Entry, run: CommandLine, folder: Path) -> None:
    message = parse(given["row"], given["topic"])
    assert message.parameters == {"line_number": 1, "http_status": 401, "message": "Unauthorized"}


def error_row_40(given: Entry, run: CommandLine, folder: Path) -> None:
    assert parse(given["row"], given["topic"])["message"] == "/meta/connect,402::Unknown client"


def row_15(given: Entry, run: CommandLine, folder: Path) -> None:
    x_id, _, rows = given["collection"].partition(": ")
    file = folder / f"{x_id}.txt"
    file.write_text(rows)
    line = json.dumps({"topic": given["topic"], "payload": given["payload"]}).encode()
    result = run("decode", "--named", "--framing", "jsonl", "--collection", file, "-", stdin=line)
    assert [json.loads(line)["name"] for line in result.out.splitlines()] == ["set_x_id", "100"]


def blanks(given: Entry, run: CommandLine, folder: Path) -> None:
    [finding] = smartrest.check(given["payload"], topic=given["topic"])
    assert finding.reason == "blank_at_edge"
    assert parse(smartrest.decode_row(given["payload"]), given["topic"])["failure_reason"] == " not implemented"


def too_many_values(given: Entry, run: CommandLine, folder: Path) -> None:
    c = Collection.parse(given["collection"], "x")
    payload = smartrest.encode_row(given["row"])
    [finding] = smartrest.check(payload, topic="s/dc/x", collections=[c])
    assert "at most 3 values (the device ID and 2), got '3'" in finding.text


def mac_address(given: Entry, run: CommandLine, folder: Path) -> None:
    with pytest.raises(SmartRestError, match="colon separates"):
        ClientId.parse(given["client_id"])
    with pytest.raises(SmartRestError, match="d:1234:tmpl"):
        ClientId.parse("1234:tmpl")


RIGHT: dict[str, Callable[[Entry, CommandLine, Path], None]] = {
    "certificate: self-signed device certificate refused": certificate,
    "SmartREST 1.0 collection: topic of creation": topic_of_creation,
    "SmartREST 1.0 collection: dialect of creation": dialect_of_creation,
    "SmartREST 1.0 collection: size of a file": size_of_a_file,
    "collection file with X-ID line and # comments": vendor_file,
    "thin-edge topic prefix: check is silent": prefix_check,
    "thin-edge topic prefix: names and collections": prefix_names,
    "capture as mosquitto_sub -v / tedge mqtt sub print it": capture,
    "SmartREST 1.0 error row 50 with text": error_row_50,
    "SmartREST 1.0 error row 40 of the long poll": error_row_40,
    "SmartREST 1.0 row 15 names the X-ID of the rows behind it": row_15,
    "blanks around unquoted values: no doubt": blanks,
    "custom response, too many values: wrong count and value in the text": too_many_values,
    "ClientId that is a MAC address: reason not said": mac_address,
}


@pytest.fixture(scope="module")
def entries(field_path: Path) -> dict[str, Entry]:
    lines = field_path.read_text(encoding="utf-8").split("\n")
    return {entry["kind"]: entry for entry in map(json.loads, filter(None, lines))}


@pytest.mark.parametrize("kind", RIGHT)
def test_what_is_right(kind: str, entries: dict[str, Entry], command_line: CommandLine, tmp_path: Path) -> None:
    RIGHT[kind](entries[kind]["input"], command_line, tmp_path)


def test_every_kind_is_known(entries: dict[str, Entry]) -> None:
    assert set(entries) == set(RIGHT)
