"""Collections from files: rows, the stored form, SmartREST 1.0, collections of public agents."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support_templates import shortest

import smartrest
from smartrest.errors import TemplateError
from smartrest.templates import Collection, parse

FILES = Path(__file__).resolve().parent.parent / "templates"


@pytest.mark.parametrize("name", ["pump.csv", "gateway.csv"])
def test_rows_of_files_come_back(name: str) -> None:
    payload = (FILES / name).read_bytes()
    c = Collection.parse(payload, "x")
    assert [shortest(row) for row in c.rows] == [shortest(row) for row in smartrest.decode(payload)]
    assert Collection.check(payload) == []
    assert Collection.parse(c.payload, "x").rows == c.rows
    stored = Collection.from_json(c.to_json())
    assert stored == c
    assert Collection.from_json(stored.to_json()).rows == stored.rows


def test_the_pump_of_the_file() -> None:
    c = Collection.parse((FILES / "pump.csv").read_bytes(), "x")
    rpm, flow = "acme_Pump.rpm.value", "acme_Pump.flow.value"
    assert c.build("pump", **{rpm: 1450, flow: 1.5}) == ("pump", None, 1450, 1.5)
    assert c.build("dry") == ("dry",)
    assert c.build("dry_over") == ("dry_over",)
    assert c.build("part", external_id="p1", name="", **{"acme_Part.year": 2026}) == ("part", "p1", "", 2026)
    with pytest.raises(TemplateError, match=r"acme_Part\.year"):
        c.build("part", external_id="p1", name="", **{"acme_Part.year": -1})
    assert c.parse(("pump_control", "dev", "9", "left")).parameters == {
        "device_id": "dev",
        "acme_PumpControl.speed": "9",
        "acme_PumpControl.direction": "left",
    }
    assert c.parse(("identity", "4711", "Pump", "c8y_Restart", "c8y_Command"))["c8y_SupportedOperations[*]"] == [
        "c8y_Restart",
        "c8y_Command",
    ]
    assert c.parse(("calibrate", "serial", "1.5", "me")).parameters == {
        "external_id": "serial",
        "acme_Calibration.factor": 1.5,
        "acme_Calibration.by": "me",
    }


def test_the_gateway_of_the_file() -> None:
    c = Collection.parse((FILES / "gateway.csv").read_bytes(), "x")
    assert smartrest.encode_row(c.build("a,b", **{"acme_Result.lines": 3})) == b'"a,b",3'
    assert c.build("201", type="t", **{"['acme sensor']['value']": 5}) == ("201", "t", None, 5)
    assert c.build("done", fragment="c8y_Restart", status="FAILED") == ("done", "c8y_Restart", "FAILED")
    assert c.build("byid", id="4711") == ("byid", "4711")
    assert c.parse(("511x", "dev", "4711", "ls")).parameters == {
        "device_id": "dev",
        "deviceId": "4711",
        "c8y_Command.text": "ls",
    }
    assert c.parse(("700", "apn", "p1", "p2")).parameters == {"wan[0].apn": "apn", "$..password": ["p1", "p2"]}
    assert c.parse(("200", "t", "x")).parameters == {"type": "t", "text": "x", "time": None}


def test_the_tracker_of_the_stored_file() -> None:
    text = (FILES / "tracker.json").read_text("utf-8")
    c = Collection.from_json(text)
    assert (c.x_id, c.name, len(c)) == ("com.acme.tracker.v2", "Tracker", 6)
    assert c.topic == "s/ut/com.acme.tracker.v2"
    assert [shortest(row) for row in c.rows] == [
        shortest(row)
        for row in smartrest.decode(
            "10,pos,POST,EVENT,,acme_Position,moved,,$.c8y_Position.lat,NUMBER,,$.c8y_Position.lng,NUMBER,,"
            "$.acme_Moving,FLAG,,$.acme_Fixed.n,INTEGER,3\n"
            "10,who,GET,INVENTORY,,false,c8y_Serial\n"
            "10,part,POST,INVENTORY,,acme_Part,$.name,STRING,\n"
            "10,done,PUT,OPERATION,,acme_Beep,$.status,OPERATIONSTATUS,SUCCESSFUL\n"
            "11,beep,,$.acme_Beep,$.acme_Beep.times,$.deviceId\n"
            "11,me,,,$.id,$.name"
        )
    ]
    assert c["pos"].name == "Position and speed"
    assert c.build("pos", **{"c8y_Position.lat": 1, "c8y_Position.lng": 2.5}) == ("pos", None, 1, 2.5)
    assert Collection.check(text) == []
    again = json.loads(c.to_json())
    assert again["__externalId"] == "com.acme.tracker.v2"
    assert again["type"] == "c8y_SmartRest2Template"
    fragment = again["com_cumulocity_model_smartrest_csv_CsvSmartRestTemplate"]
    assert [entry["msgId"] for entry in fragment["requestTemplates"]] == ["pos", "who", "part", "done"]
    assert fragment["requestTemplates"][0]["mandatoryValues"] == [
        {"path": "$.type", "type": "STRING", "value": "acme_Position"},
        {"path": "$.text", "type": "STRING", "value": "moved"},
        {"path": "$.time", "type": "DATE", "value": ""},
    ]
    assert fragment["requestTemplates"][3]["mandatoryValues"] == [
        {"path": "$.type", "type": "STRING", "value": "acme_Beep"}
    ]
    assert fragment["responseTemplates"][1]["pattern"] == ["$.id", "$.name"]
    assert Collection.from_json(fragment, "com.acme.tracker.v2") == c
    assert Collection.from_json(json.loads(text)) == c
    for marked in ("\ufeff" + text, ("\ufeff" + text).encode()):
        assert Collection.from_json(marked) == c
        assert Collection.check(marked) == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "bad_json"),
        ("[]", "bad_json"),
        ("{", "bad_json"),
        ("[" * 100_000, "bad_json"),
        (b"\xff", "bad_json"),
        ('{"requestTemplates": 5}', "bad_json"),
        ('{"requestTemplates": [5]}', "bad_json"),
        ('{"requestTemplates": [{"msgId": {}}]}', "bad_json"),
        ('{"requestTemplates": [{"msgId": "1", "method": "GET", "api": "ALARM"}]}', "bad_method"),
        ('{"requestTemplates": [{"method": "PUT", "api": "ALARM"}]}', "missing"),
        ('{"responseTemplates": [{"msgId": 1, "pattern": ["a["]}]}', "bad_path"),
        ('{"responseTemplates": [{"msgId": 1, "pattern": ["a"]}, {"msgId": "1", "pattern": ["a"]}]}', "duplicate_id"),
        ('{"responseTemplates": [], "__externalId": "a/b"}', "bad_x_id"),
        ('{"name": "x"}', "bad_json"),
    ],
)
def test_a_fault_of_the_stored_form_is_named(data: str | bytes, reason: str) -> None:
    with pytest.raises(TemplateError) as caught:
        Collection.from_json(data)
    assert caught.value.reason == reason
    if data and data[:1] in ("{", b"{"):
        assert Collection.check(data)[0].reason == reason


# SmartREST 1.0


def test_smartrest_one_is_tolerated() -> None:
    payload = (FILES / "meter_one.csv").read_bytes()
    c = Collection.parse(payload)
    assert (c.x_id, c.protocol) == ("acme_meter_v1", "1.0")
    assert c.rows == smartrest.decode(payload)[1:]
    assert c.build("100", value_1=4711, value_2=1.5) == ("100", 4711, 1.5)
    assert c.build("101", value_1="serial") == ("101", "serial")
    assert c.build("102", value_1="4711", value_2="") == ("102", "4711", "")
    assert c.build("103") == ("103",)
    assert parse(("200", "0", "4711"), "s/dl/acme_meter_v1", collections=[c]).parameters == {
        "line_number": 0,
        "managedObject.id": "4711",
    }
    assert parse(("201", "1", "5", "4711", "0.31"), "s/ol/acme_meter_v1", collections=[c])["line_number"] == 1
    assert parse(("100", "4711", "1.5"), "s/ul/acme_meter_v1", collections=[c])["value_2"] == 1.5
    assert parse(("87", "2", "acme_meter_v1"), "s/dl/acme_meter_v1", collections=[c])["row_count"] == 2
    assert Collection.check(payload) == []
    with pytest.raises(TemplateError) as caught:
        c.parse(("200", "first", "4711"))
    assert (caught.value.reason, caught.value.parameter) == ("bad_value", "line_number")
    with pytest.raises(TemplateError, match=r"SmartREST 2\.0"):
        c.to_json()
    assert Collection.parse(b"87,1,acme\n11,200,,,$.id").x_id == "acme"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"10,100,PATCH,/x", "bad_method"),
        (b"10,,GET,/x", "missing"),
        (b"10,100,GET,/x,,,%%,FLOAT", "unknown_type"),
        (b"10,100,GET,/x,,,%%,,,more", "too_many_fields"),
        (b"10,100,GET,/x\n10,100,GET,/y", "duplicate_id"),
    ],
)
def test_a_fault_of_smartrest_one_is_named(row: bytes, reason: str) -> None:
    with pytest.raises(TemplateError) as caught:
        Collection.parse(row)
    assert caught.value.reason == reason


def test_collections_of_public_agents(corpus_path: Path) -> None:
    seen = 0
    for line in corpus_path.read_text("utf-8").splitlines():
        entry = json.loads(line)
        rows = [tuple(row) for row in entry["rows"] or ()]
        if not any(row[0] in ("10", "11") for row in rows) or ("10", "temp") in [row[:2] for row in rows]:
            continue
        c = Collection.parse(entry["payload"], "x")
        assert [shortest(row) for row in c.rows] == [shortest(row) for row in rows]
        assert Collection.check(entry["payload"]) == []
        if c.protocol == "2.0":
            assert Collection.from_json(c.to_json()) == c
        seen += 1
    assert seen > 140
