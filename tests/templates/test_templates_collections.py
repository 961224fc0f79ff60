"""Collections: built in Python, read from rows and the stored form, checked, used in both directions."""

from __future__ import annotations

import pickle
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_templates import expected, parameters, same, shortest

import smartrest
from smartrest.errors import DecodeError, PayloadTooLargeError, SmartRestError, TemplateError
from smartrest.templates import (
    AlarmStatus,
    Collection,
    OperationStatus,
    Property,
    Severity,
    alarm_status,
    date,
    flag,
    integer,
    number,
    operation_status,
    parse,
    severity,
    static,
    string,
    unsigned,
)

FILES = Path(__file__).resolve().parent.parent / "templates"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


@pytest.fixture
def pump() -> Collection:
    c = Collection("com.acme.pump.v1")
    c.post_measurement("pump", type="acme_Pump", custom={"rpm": number("acme_Pump.rpm.value")})
    c.response("whoami", name="$.name", operations="$.c8y_SupportedOperations[*]")
    return c


def test_the_example_of_the_design(pump: Collection) -> None:
    assert pump.topic == "s/ut/com.acme.pump.v1"
    assert pump.payload == (
        b"10,pump,POST,MEASUREMENT,,acme_Pump,,acme_Pump.rpm.value,NUMBER,\n"
        b"11,whoami,,,$.name,$.c8y_SupportedOperations[*]"
    )
    assert pump.build("pump", rpm=1450) == ("pump", None, 1450)
    assert smartrest.encode_row(pump.build("pump", rpm=1450)) == b"pump,,1450"
    message = pump.parse(("whoami", "pump 1", "c8y_Restart", "c8y_Command"))
    assert message.parameters == {"name": "pump 1", "operations": ["c8y_Restart", "c8y_Command"]}
    assert Collection.parse(pump.payload, "com.acme.pump.v1") == pump
    assert Collection.from_json(pump.to_json()) == pump


def test_names_are_taken_only_where_they_are_used() -> None:
    c = Collection("x").post_event("e", type="t", text="x", custom={"id": string("acme.id"), "by_id": flag("by_id")})
    assert c.build("e", id="5") == ("e", None, "5")
    again = Collection.parse(b"10,e,POST,EVENT,,t,x,,id,,,text,,,$.time,,")
    assert [parameter.name for parameter in again["e"].parameters] == ["time", "id", "$.text", "$.time"]


def test_quoted_input_is_escaped_and_short() -> None:
    for finding in Collection.check('10,"\x1b[31m",GET,ALARM\n11,b,,,"' + "\x1b[" * 9000 + '"'):
        assert finding.text.isprintable()
        assert len(finding.text) < 500


def test_every_legal_pair_has_its_method() -> None:
    c = Collection("x")
    c.get_inventory("1", by_id=True).get_inventory("2").get_inventory(
        "3", external_id_type="c8y_Serial", response=False
    )
    c.put_inventory("4", external_id_type="c8y_Serial", custom={"v": "acme.v"})
    c.put_inventory("5", by_id=True, custom={"v": number("acme.v")}, response=True)
    c.post_inventory("6", external_id_type="c8y_Serial", custom={"is": flag("c8y_IsDevice"), "n": string("name")})
    c.post_inventory("7")
    c.post_measurement("8", custom={"v": number("a.b.value")}).post_measurement("9", type="t", time=NOW)
    c.post_event("10", type="t").post_event("11", type="t", text="te,xt", custom={"n": integer("n", 5)})
    c.post_alarm("12", status=AlarmStatus.ACTIVE, severity="MAJOR").post_alarm("13", custom={"s": severity("s")})
    c.put_alarm("14", type="t", custom={"s": alarm_status("status", AlarmStatus.CLEARED)}).put_alarm("15")
    c.put_operation("16", fragment="c8y_Restart", custom={"s": operation_status("status"), "u": unsigned("u")})
    c.put_operation("17", custom={"when": date("when"), "at": date("at", NOW)})
    assert [shortest(row) for row in c.rows] == [
        ("10", "1", "GET", "INVENTORY", "", "true"),
        ("10", "2", "GET", "INVENTORY", "", "false"),
        ("10", "3", "GET", "INVENTORY", "false", "false", "c8y_Serial"),
        ("10", "4", "PUT", "INVENTORY", "", "false", "c8y_Serial", "acme.v", "STRING"),
        ("10", "5", "PUT", "INVENTORY", "true", "true", "", "acme.v", "NUMBER"),
        ("10", "6", "POST", "INVENTORY", "", "c8y_Serial", "c8y_IsDevice", "FLAG", "", "name", "STRING"),
        ("10", "7", "POST", "INVENTORY"),
        ("10", "8", "POST", "MEASUREMENT", "", "", "", "a.b.value", "NUMBER"),
        ("10", "9", "POST", "MEASUREMENT", "", "t", "2026-01-02T03:04:05.000+00:00"),
        ("10", "10", "POST", "EVENT", "", "t"),
        ("10", "11", "POST", "EVENT", "", "t", "te,xt", "", "n", "INTEGER", "5"),
        ("10", "12", "POST", "ALARM", "", "", "", "ACTIVE", "MAJOR"),
        ("10", "13", "POST", "ALARM", "", "", "", "", "", "", "s", "SEVERITY"),
        ("10", "14", "PUT", "ALARM", "", "t", "status", "ALARMSTATUS", "CLEARED"),
        ("10", "15", "PUT", "ALARM"),
        ("10", "16", "PUT", "OPERATION", "", "c8y_Restart", "status", "OPERATIONSTATUS", "", "u", "UNSIGNED"),
        ("10", "17", "PUT", "OPERATION", "", "", "when", "DATE", "", "at", "DATE", "2026-01-02T03:04:05.000+00:00"),
    ]
    names = {key: [parameter.name for parameter in c[key].parameters] for key in c}
    assert names == {
        "1": ["id"],
        "2": ["external_id_type", "external_id"],
        "3": ["external_id"],
        "4": ["external_id", "v"],
        "5": ["id", "v"],
        "6": ["external_id", "n"],
        "7": ["external_id", "external_id_type"],
        "8": ["type", "time", "v"],
        "9": [],
        "10": ["text", "time"],
        "11": ["time"],
        "12": ["type", "text", "time"],
        "13": ["type", "text", "status", "severity", "time", "s"],
        "14": [],
        "15": ["type"],
        "16": ["s", "u"],
        "17": ["fragment", "when"],
    }
    again = Collection.parse(c.payload, "x")
    assert again == c
    assert again.rows == c.rows
    assert Collection.from_json(c.to_json()) == c
    assert pickle.loads(pickle.dumps(c)) == c


def test_rows_of_requests_have_the_order_of_the_definition() -> None:
    c = Collection("x")
    c.post_alarm("a", severity="MAJOR", custom={"n": integer("n"), "is": flag("f"), "s": severity("s")})
    row = c.build("a", type="t", text="", status=AlarmStatus.ACTIVE, n=7, s="MINOR")
    assert row == ("a", "t", "", "ACTIVE", None, 7, "MINOR")
    message = c.parse(smartrest.decode_row(smartrest.encode_row(row)))
    assert message.parameters == {
        "type": "t",
        "text": "",
        "status": AlarmStatus.ACTIVE,
        "time": None,
        "n": 7,
        "s": Severity.MINOR,
    }
    c.post_inventory("new", custom={"n": string("name")}).get_inventory("get")
    assert c.build("new", external_id="e", external_id_type="c8y_Serial", n="x") == ("new", "e", "c8y_Serial", "x")
    assert c.build("new", n="x") == ("new", None, None, "x")
    assert c.build("get", external_id="e", external_id_type="c8y_Serial") == ("get", "c8y_Serial", "e")
    c.put_operation("op", fragment="c8y_Restart", custom={"s": operation_status("status")})
    assert c.parse(("op", "FAILED"))["s"] is OperationStatus.FAILED


@pytest.mark.parametrize(
    ("message_id", "given", "reason", "parameter"),
    [
        ("pump", {}, "missing", "rpm"),
        ("pump", {"rpm": "fast"}, "bad_type", "rpm"),
        ("pump", {"rpm": 1, "time": NOW.replace(tzinfo=None)}, "bad_value", "time"),
        ("pump", {"rmp": 1}, "unknown_parameter", "rmp"),
        ("pmup", {"rpm": 1}, "unknown_template", None),
        ("whoami", {}, "unknown_template", None),
    ],
)
def test_a_fault_of_building_is_named(
    pump: Collection, message_id: str, given: dict[str, Any], reason: str, parameter: str | None
) -> None:
    with pytest.raises(TemplateError) as caught:
        pump.build(message_id, **given)
    assert (caught.value.reason, caught.value.parameter) == (reason, parameter)


@pytest.mark.parametrize(
    ("row", "reason", "parameter", "field"),
    [
        (("pump",), "missing", "rpm", 2),
        (("pump", "1450"), "bad_value", "time", 1),
        (("pump", "", "1450", "x"), "too_many_fields", None, 3),
        (("pump", "", "٣"), "bad_value", "rpm", 2),
    ],
)
def test_a_fault_of_reading_is_named(
    pump: Collection, row: tuple[str, ...], reason: str, parameter: str | None, field: int
) -> None:
    with pytest.raises(TemplateError) as caught:
        pump.parse(row)
    assert (caught.value.reason, caught.value.parameter, caught.value.field) == (reason, parameter, field)


# Responses


@pytest.mark.parametrize(
    ("row", "values"),
    [
        (("r", "a", "b"), {"one": "a", "two": "b"}),
        (("r", "a", ""), {"one": "a", "two": None}),
        (("r", "a"), {"one": "a", "two": None}),
        (("r",), {"one": None, "two": None}),
        (("r", "dev", "a", "b"), {"device_id": "dev", "one": "a", "two": "b"}),
        (("r", "dev", "", ""), {"device_id": "dev", "one": None, "two": None}),
        (("r", "007", "1e5"), {"one": "007", "two": "1e5"}),
    ],
)
def test_a_response_may_be_of_an_operation(row: tuple[str, ...], values: dict[str, Any]) -> None:
    assert Collection("x").response("r", one="$.a", two="$.b").parse(row).parameters == values


@pytest.mark.parametrize(
    ("row", "values"),
    [
        (("o", "dev", "a", "b"), {"device_id": "dev", "one": "a", "two": "b"}),
        (("o", "dev", "a"), {"device_id": "dev", "one": "a", "two": None}),
        (("o",), {"device_id": None, "one": None, "two": None}),
    ],
)
def test_an_operation_always_has_its_device(row: tuple[str, ...], values: dict[str, Any]) -> None:
    c = Collection("x").operation("o", "acme_Op", one="acme_Op.a", two="acme_Op.b")
    assert c.rows == [("11", "o", "", "acme_Op", "acme_Op.a", "acme_Op.b")]
    assert c.parse(row).parameters == values
    assert c["o"].build(device_id="dev", one="a") == ("o", "dev", "a", None)


@pytest.mark.parametrize(
    ("row", "values"),
    [
        (("l", "a", "1", "2", "z"), {"first": "a", "many": ["1", "2"], "last": "z"}),
        (("l", "a", "1", "z"), {"first": "a", "many": ["1"], "last": "z"}),
        (("l", "a", "", "z"), {"first": "a", "many": [], "last": "z"}),
        (("l", "a", "z"), {"first": "a", "many": [], "last": "z"}),
        (("l", "a"), {"first": "a", "many": [], "last": None}),
        (("l", "a", "1", "", "3", "z"), {"first": "a", "many": ["1", None, "3"], "last": "z"}),
    ],
)
def test_a_list_takes_the_remaining_fields(row: tuple[str, ...], values: dict[str, Any]) -> None:
    c = Collection("x").response("l", first="a", many="b[*]", last="c")
    assert c.parse(row).parameters == values


def test_a_list_in_an_operation_that_says_so() -> None:
    for c in (
        Collection("x").operation("l", "acme", many="acme.b[*]"),
        Collection("x").response("l", "", "acme", own="$.deviceId", many="acme.b[*]"),
    ):
        message = c.parse(("l", "dev", *(["4711"] if "own" in repr(c["l"]) else []), "1", "2"))
        assert (message["device_id"], message["many"]) == ("dev", ["1", "2"])


def test_two_lists_cannot_be_separated() -> None:
    c = Collection("x").response("l", one="a", two="b[*]", three="$..c", four="d")
    with pytest.raises(TemplateError) as caught:
        c.parse(("l", "a", "1", "2", "z"))
    assert (caught.value.reason, caught.value.field) == ("ambiguous", 2)
    assert c.parse(("l", "a")).parameters == {"one": "a", "two": [], "three": [], "four": None}


# By topic


def test_rows_are_found_by_topic(pump: Collection) -> None:
    other = Collection("other").post_event("pump", type="t", text="x", custom={"s": string("s")})
    both = [other, pump]
    assert parse(("pump", "", "1450"), "s/uc/com.acme.pump.v1", collections=both)["rpm"] == 1450.0
    assert parse(("pump", "", "1450"), "t/uc/com.acme.pump.v1/child", collections=both)["rpm"] == 1450.0
    assert parse(("pump", "", "1450"), "s/uc/other", collections=both)["s"] == "1450"
    assert parse(("whoami", "me"), "s/dc/com.acme.pump.v1", collections=both)["name"] == "me"
    assert parse(("pump", "", "1450"), "s/ud", collections=[pump])["rpm"] == 1450.0
    assert parse(("whoami", "me"), "s/dd", collections=[pump])["name"] == "me"
    for topic, known in (("s/ud", both), ("s/uc/third", both), ("s/uc/other", []), ("s/us", both)):
        message = parse(("pump", "", "1450"), topic, collections=known)
        assert message.template is None
        assert message.parameters == {"1": "", "2": "1450"}
    assert pump["pump"].topic == "s/uc/com.acme.pump.v1"
    assert pump["whoami"].topic == "s/dc/com.acme.pump.v1"


def test_check_knows_collections(pump: Collection, engine: Any) -> None:
    payload = b"pump,,1450\npump,,fast\nother,1\nwhoami,x"
    found = engine.check(payload, topic="s/uc/com.acme.pump.v1", collections=[pump])
    assert [(f.reason, f.start, f.end, f.row, f.field) for f in found] == [
        ("bad_value", 17, 21, 1, 2),
        ("unknown_template", 22, 27, 2, 0),
        ("wrong_direction", 30, 36, 3, 0),
    ]
    [doubt] = engine.check(payload, topic="s/uc/com.acme.pump.v1")
    assert doubt.text == "not checked: the collection of X-ID com.acme.pump.v1 was not given"
    assert (doubt.reason, doubt.start, doubt.row) == ("unknown_collection", 0, 0)
    [doubt] = engine.check(payload, topic="s/ud", collections=[pump, pump])
    assert doubt.text == "not checked: the collection of this row is not known"


def test_answers_of_the_platform(pump: Collection) -> None:
    assert pump.answer(("20", "com.acme.pump.v1", "12345")) == "12345"
    assert pump.answer(("41", "com.acme.pump.v1")) is None
    for row, reason in ((("20", "other", "1"), "bad_x_id"), (("40", "x"), "wrong_id"), (("20", "x"), "missing")):
        with pytest.raises(TemplateError) as caught:
            pump.answer(row)
        assert caught.value.reason == reason


# Faults of definitions


@pytest.mark.parametrize("x_id", ["", "a/b", "a+", "#", "a\0b", "\ud800", "x" * 70_000])
def test_an_x_id_that_cannot_stand_in_a_topic(x_id: str) -> None:
    with pytest.raises(TemplateError) as caught:
        Collection(x_id)
    assert caught.value.reason == "bad_x_id"


DEFINITIONS: list[tuple[Any, str]] = [
    (lambda c: c.post_measurement(""), "missing"),
    (lambda c: c.post_measurement(5, type=b"t"), "bad_type"),
    (lambda c: c.response(None, a=5), "bad_type"),
    (lambda c: c.post_measurement("pump"), "duplicate_id"),
    (lambda c: c.response("pump", a="b"), "duplicate_id"),
    (lambda c: c.post_measurement("m", type=b"t"), "bad_type"),
    (lambda c: c.post_measurement("m", time="yesterday"), "bad_value"),
    (lambda c: c.post_measurement("m", time=NOW.replace(tzinfo=None)), "bad_value"),
    (lambda c: c.post_alarm("m", status="OPEN"), "unknown_word"),
    (lambda c: c.post_alarm("m", severity="major"), "unknown_word"),
    (lambda c: c.post_event("m", custom={"v": number("a..")}), "bad_path"),
    (lambda c: c.post_event("m", custom={"v": number("")}), "bad_path"),
    (lambda c: c.post_event("m", custom={"v": number("$")}), "bad_path"),
    (lambda c: c.post_event("m", custom={"v": number("a[*]")}), "bad_path"),
    (lambda c: c.post_event("m", custom={"v": number("a b")}), "bad_path"),
    (lambda c: c.post_event("m", custom={"v": number("a", float("nan"))}), "bad_value"),
    (lambda c: c.post_event("m", custom={"v": integer("a", 1.5)}), "bad_value"),
    (lambda c: c.post_event("m", custom={"v": unsigned("a", -1)}), "bad_value"),
    (lambda c: c.post_event("m", custom={"v": Property("a", "FLOAT")}), "unknown_type"),
    (lambda c: c.post_event("m", custom={"v": Property("a", "FLAG", "x")}), "bad_value"),
    (lambda c: c.post_event("m", custom={"v": Property(5)}), "bad_type"),
    (lambda c: c.post_event("m", custom={"v": "a", "w": "$.a"}), "duplicate_path"),
    (lambda c: c.post_event("m", custom={"text": "a"}), "duplicate_name"),
    (lambda c: c.get_inventory("m", external_id_type=b"x"), "bad_type"),
    (lambda c: c.put_inventory("m", custom={"external_id": "a"}), "duplicate_name"),
    (lambda c: c.response("m"), "missing"),
    (lambda c: c.response("m", a="b["), "bad_path"),
    (lambda c: c.response("m", "b[", a="b"), "bad_path"),
    (lambda c: c.response("m", "", "b..", a="b"), "bad_path"),
    (lambda c: c.response("m", a=5), "bad_type"),
    (lambda c: c.response("m", device_id="a"), "duplicate_name"),
]


@pytest.mark.parametrize(("define", "reason"), DEFINITIONS)
def test_a_fault_of_a_definition_is_named(pump: Collection, define: Any, reason: str) -> None:
    before = pump.rows
    with pytest.raises(TemplateError) as caught:
        define(pump)
    assert caught.value.reason == reason
    assert pump.rows == before, "the collection is unchanged"


@pytest.mark.parametrize(
    ("payload", "reason", "row", "field"),
    [
        (b"12,x", "bad_row", 0, 0),
        (b"500", "bad_row", 0, 0),
        (b"11,a,,,b\n10,a,GET,INVENTORY,,true", "duplicate_id", 1, 1),
        (b"10,a,GET,ALARM", "bad_method", 0, 2),
        (b"10,a,get,INVENTORY", "bad_method", 0, 2),
        (b"10,a", "bad_method", 0, 2),
        (b"10", "missing", 0, 1),
        (b"10,a,GET,INVENTORY,yes,true", "bad_value", 0, 4),
        (b"10,a,GET,INVENTORY,,maybe", "bad_value", 0, 5),
        (b"10,a,GET,INVENTORY", "missing", 0, 5),
        (b"10,a,POST,EVENT,,t,x,soon", "bad_value", 0, 7),
        (b"10,a,POST,EVENT,,t,x,,a..,NUMBER,", "bad_path", 0, 8),
        (b"10,a,POST,EVENT,,t,x,,a,NUMBERS,", "unknown_type", 0, 9),
        (b"10,a,POST,EVENT,,t,x,,a,NUMBER,x", "bad_value", 0, 10),
        (b"10,a,POST,EVENT,,t,x,,a,FLAG,x", "bad_value", 0, 10),
        (b"10,a,POST,EVENT,,t,x,,a,,,b,,,$.a", "duplicate_path", 0, 14),
        (b"10,a,POST,EVENT,,t,x,,,NUMBER,", "bad_path", 0, 8),
        (b"11,a", "missing", 0, 4),
        (b"11,a,,,b,,c", "bad_path", 0, 5),
        (b"11,a,b[,,c", "bad_path", 0, 2),
        (b"15,one\n15,two\n11,a,,,b", "bad_x_id", 1, 1),
    ],
)
def test_a_fault_of_rows_has_its_place(payload: bytes, reason: str, row: int, field: int) -> None:
    with pytest.raises(TemplateError) as caught:
        Collection.parse(payload)
    assert (caught.value.reason, caught.value.row, caught.value.field) == (reason, row, field)
    finding = Collection.check(payload)[0]
    assert (finding.reason, finding.row) == (reason, row)
    assert finding.start is not None
    fields = smartrest.decode(payload)[row]
    if finding.field is not None:
        assert payload[finding.start : finding.end].decode() == fields[field]
    else:
        assert field >= len(fields)


def test_every_fault_is_found() -> None:
    payload = b"10,a,GET,ALARM\n11,b,,,c\n10,a,POST,EVENT,yes,t,x,,a..,NUMBERS,\n77"
    assert [(f.reason, f.row) for f in Collection.check(payload)] == [
        ("bad_method", 0),
        ("bad_value", 2),
        ("bad_path", 2),
        ("unknown_type", 2),
        ("duplicate_id", 2),
        ("bad_row", 3),
    ]
    assert Collection.check(b"11,b,,,c") == []
    assert [f.reason for f in Collection.check(b'11,b,,,"c')] == ["unterminated_quote"]
    assert [f.reason for f in Collection.check(b"11,\xff")] == ["invalid_utf8"]
    assert [f.reason for f in Collection.check(b"")] == ["missing"]
    assert [f.reason for f in Collection.check(b"{}")] == ["bad_json"]
    with pytest.raises(DecodeError):
        Collection.parse(b'11,b,,,"c')


def test_many_rows() -> None:
    rows = [("11", f"m{n}", "", f"acme_{n}", "id", f"acme_{n}.v") for n in range(10_000)]
    payload = smartrest.encode(rows, limit=None)
    start = time.perf_counter()
    c = Collection.parse(payload, "big")
    assert len(c) == 10_000
    assert c.rows == rows
    assert time.perf_counter() - start < 20, "the time grows linearly"
    with pytest.raises(PayloadTooLargeError):
        _ = c.payload
    assert [f.reason for f in Collection.check(payload)] == ["too_large"]
    with pytest.raises(TemplateError, match="m9999"):
        Collection.parse(payload + b"\n11,m9999,,,x")


def test_an_empty_collection_would_ask(pump: Collection) -> None:
    with pytest.raises(TemplateError) as caught:
        _ = Collection("x").payload
    assert caught.value.reason == "missing"
    with pytest.raises(TemplateError, match="X-ID"):
        _ = Collection.parse(pump.payload).topic


# Properties

names = st.text("abcXYZ_09:-{}", min_size=1, max_size=6).filter(lambda name: name not in ("id", "external_id"))
paths = st.lists(names, min_size=1, max_size=3).map(".".join)
types = st.sampled_from(["STRING", "DATE", "NUMBER", "INTEGER", "UNSIGNED", "FLAG", "SEVERITY"])
properties = st.builds(Property, paths, types, st.none())
cells = st.sampled_from(["10", "11", "GET", "POST", "INVENTORY", "EVENT", "true", "a[", "FLAG"]) | st.text(max_size=4)


@given(
    ids=st.lists(st.text(max_size=6), min_size=4, max_size=4, unique=True),
    custom=st.dictionaries(names, properties, max_size=5),
    patterns=st.lists(paths, min_size=1, max_size=5),
    data=st.data(),
)
def test_any_collection_comes_back(ids: list[str], custom: Any, patterns: list[str], data: st.DataObject) -> None:
    c = Collection("x")
    try:
        c.post_event(ids[0], custom=custom).put_inventory(ids[1], custom=custom)
        c.post_measurement(ids[2], type="t", custom=custom)
        c.response(ids[3], **{f"p{n}": path for n, path in enumerate(patterns)})
        payload = c.payload
    except SmartRestError as error:
        assert error.reason in ("missing", "duplicate_path", "duplicate_name", "lone_surrogate")
        return
    again = Collection.parse(payload, "x")
    assert again == c
    assert again.rows == c.rows
    assert Collection.from_json(c.to_json()) == c
    for message_id in ids[:3]:
        template = c[message_id]
        given_ = data.draw(parameters(template))
        message = c.parse(smartrest.decode_row(smartrest.encode_row(c.build(message_id, **given_))))
        assert same(message.parameters, expected(template, given_))


@given(st.lists(st.lists(cells, min_size=1, max_size=12), max_size=4))
def test_any_rows_are_a_collection_or_a_template_error(rows: list[list[str]]) -> None:
    try:
        payload = smartrest.encode([tuple(row) for row in rows])
    except SmartRestError:
        return
    if payload.removeprefix("\ufeff".encode()).lstrip().startswith(b"{"):
        return  # `check` takes it for the stored form
    findings = Collection.check(payload)
    try:
        c = Collection.parse(payload)
    except TemplateError as error:
        assert findings[0].reason == error.reason
        return
    assert [finding.reason for finding in findings] in ([], ["missing"])
    assert Collection.parse(smartrest.encode(c.rows)) == c


def test_static_ids_mean_nothing_in_a_collection(pump: Collection) -> None:
    pump.post_event("511", type="t", custom={"v": string("v")})
    assert parse(("511", "text", "", "v"), "s/uc/com.acme.pump.v1", collections=[pump])["v"] == "v"
    assert static["511"].parse(("511", "d", "ls"))["command"] == "ls"
