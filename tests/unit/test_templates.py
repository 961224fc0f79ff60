"""The static templates: the table, finding and extending it, its examples, its schema, what is printed from it."""

from __future__ import annotations

import contextlib
import json
import pickle
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import smartrest
from smartrest._values import parse_datetime, parse_float
from smartrest.errors import TemplateError
from smartrest.templates import Group, Parameter, SeriesValue, Severity, Template, built_in, static
from smartrest.templates._static import StaticTemplates, schema_types

ALL = [*static.values(), *built_in]
IDS = [f"{template.id}-{template.name}" for template in ALL]
PUBLISHED = [template for template in static.values() if template.direction == "publish"]


def test_every_template_is_there() -> None:
    assert len(static) == 78
    assert len(PUBLISHED) == 53
    assert list(static) == sorted(static)
    assert "200" in static
    assert "create_measurement" in static
    assert "999" not in static
    assert {template.id for template in built_in} >= {"10", "11", "20", "41", "40", "50", "70", "71", "15", "87"}


@pytest.mark.parametrize("template", static.values(), ids=lambda template: template.id)
def test_found_by_id_and_by_name(template: Template) -> None:
    assert static[template.id] is static[template.name] is template
    assert static.by_id(template.id) is template
    assert static.by_id(template.name) is None
    assert static.get(template.id) is template


@pytest.mark.parametrize("template", ALL, ids=IDS)
def test_the_example_reads_and_builds_back(template: Template) -> None:
    row = smartrest.decode_row(template.example)
    message = template.parse(row)
    assert message.row == row
    assert message.template is template
    assert list(message.parameters) == [parameter.name for parameter in template.parameters]
    again = smartrest.decode_row(smartrest.encode_row(template.build(**message.parameters)))
    assert template.parse(again) == message
    shortest = row if row[-1] else row[:-1]  # an empty field at the end may be left off, and is
    assert [_plain(field) for field in again] == [_plain(field) for field in shortest]


def _plain(field: str) -> Any:
    """A field as the value it stands for: `25` and `25.0`, `Z` and `+00:00` say the same."""
    for read in (parse_float, parse_datetime):
        with contextlib.suppress(ValueError):
            return read(field)
    return field


@pytest.mark.parametrize("template", PUBLISHED, ids=lambda template: template.id)
def test_a_published_template_is_an_attribute(template: Template) -> None:
    message = template.parse(smartrest.decode_row(template.example))
    assert getattr(static, template.name)(**message.parameters) == template.build(**message.parameters)
    assert template.name in dir(static)


def test_nothing_else_is_an_attribute() -> None:
    names = {template.name for template in PUBLISHED}
    for template in static.values():
        if template.name not in names:
            with pytest.raises(AttributeError, match=f"{template.id} {template.name} is sent by the platform"):
                getattr(static, template.name)


@pytest.mark.parametrize(
    ("name", "neighbour"),
    [
        ("software_list", "set_software_list"),
        ("firmware", "set_firmware"),
        ("configuration", "set_configuration"),
        ("device_profile", "set_device_profile"),
        ("create_measurment", "create_measurement"),
        ("measurement", "create_measurement"),
        ("create_alarm", "create_major_alarm|create_minor_alarm|clear_alarm"),
    ],
)
def test_a_wrong_attribute_names_its_neighbour(name: str, neighbour: str) -> None:
    with pytest.raises(AttributeError, match=neighbour):
        getattr(static, name)


def test_a_wrong_key_names_its_neighbour() -> None:
    with pytest.raises(KeyError, match="create_event"):
        static["craete_event"]
    with pytest.raises(KeyError, match="9999"):
        static["9999"]
    assert static.get("9999") is None


def own_template() -> dict[str, Any]:
    return {
        "id": "990",
        "name": "set_pump",
        "direction": "publish",
        "parameters": [
            {"name": "rpm", "type": "Number", "mandatory": True},
            {
                "name": "steps",
                "repeated": True,
                "group": [{"name": "at", "type": "Date"}, {"name": "n", "type": "Integer"}],
            },
        ],
    }


@pytest.fixture
def known() -> StaticTemplates:
    return StaticTemplates()


def test_users_add_templates(known: StaticTemplates) -> None:
    known.add(
        own_template(), Template("991", "pump_state", [Parameter("state", mandatory=True)], direction="subscribe")
    )
    moment = datetime(2026, 1, 2, tzinfo=timezone.utc)
    row = known.set_pump(rpm=5, steps=[(moment, 3)])  # type: ignore[attr-defined]  # added at run time
    assert row == ("990", 5, moment, 3)
    assert known["set_pump"].parse(("990", "5", "2026-01-02T00:00:00Z", "3"))["steps"][0].n == 3
    assert known.schema.decode_row(b"990,5,x,7") == ("990", 5.0, "x", 7)
    assert len(known) == 80
    with pytest.raises(AttributeError, match="991 pump_state is sent by the platform"):
        _ = known.pump_state  # type: ignore[attr-defined]  # added at run time
    known.remove("990", "pump_state")
    assert len(known) == 78
    assert "set_pump" not in known


@pytest.mark.parametrize("key", ["id", "name"])
def test_what_is_taken_cannot_be_added(known: StaticTemplates, key: str) -> None:
    taken = own_template() | {key: {"id": "200", "name": "create_event"}[key]}
    with pytest.raises(ValueError, match="taken"):
        known.add(own_template() | {"id": "992", "name": "fine"}, taken)
    assert len(known) == 78, "none of them was added"
    with pytest.raises(KeyError):
        known.remove("200")


def test_added_templates_are_known_to_parse_and_check() -> None:
    static.add(own_template())
    try:
        assert smartrest.templates.parse(("990", "1.5"), "s/us")["rpm"] == 1.5
        assert smartrest.check(b"990,1.5", topic="s/us") == []
        assert [finding.reason for finding in smartrest.check(b"990,x", topic="s/us")] == ["bad_value"]
    finally:
        static.remove("990")
    assert smartrest.templates.parse(("990", "1.5"), "s/us").template is None


@pytest.mark.parametrize(
    "change",
    [
        {"id": 990},
        {"id": ""},
        {"name": None},
        {"direction": "up"},
        {"parameters": [{"name": "a"}, {"name": "a"}]},
        {"parameters": [{"name": "a", "type": "Float"}]},
        {"parameters": [{"name": "g", "repeated": True, "group": [{"name": "a"}]}, {"name": "b"}]},
        {"parameters": [{"name": "g", "group": []}]},
        {"parameters": [{"name": "g", "group": [{"name": "h", "group": [{"name": "i"}]}]}]},
        {"parameters": [{"name": "a", "rest": True}, {"name": "b"}]},
        {"parameters": [{"type": "String"}]},
        {"one_of": ["nothing"]},
        {"colour": "blue"},
    ],
)
def test_what_is_no_template_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Template.from_dict(own_template() | change)


def test_facts_of_a_template() -> None:
    template = static["201"]
    assert template.parameters[0] == Parameter("type", mandatory=True)
    group = template.parameters[2]
    assert isinstance(group, Group)
    assert group.record is SeriesValue
    assert [item.name for item in group.parameters] == ["fragment", "series", "value", "unit"]
    assert template.continues_as == "201"
    assert static["140"].continues_as == "141"
    assert static["105"].reply_id == "106"
    assert static["511"].operation_fragment == "c8y_Command"
    assert static["305"].parameters[1].type == "Severity"  # type: ignore[union-attr]  # no group
    assert static["210"].one_of == ("rssi", "ber")
    assert repr(static["511"]) == "<Template 511 command(device_id, command)>"
    assert repr(static) == "<78 static templates>"


def test_templates_and_messages_can_be_pickled() -> None:
    message = static["201"].parse(("201", "t", "2026-01-02T03:04:05+0100", "f", "s", "1", "C"))
    again = pickle.loads(pickle.dumps(message))
    assert again == message
    assert again.template.parse(message.row) == message
    assert message["time"].utcoffset() == timedelta(hours=1)


# The schema


def test_schema_gives_numbers_and_flags(engine: Any) -> None:
    schema = engine.Schema(schema_types(static.values()))
    payload = (
        b"200,f,s,25,C,2026-01-02T03:04:05Z\n201,t,,f,s,1.5,C,f,s,-2e3\n101,c,,,true\n112,1,2.5,,7\n522,d,l,a,b,c,100\n"
        b"530,d,h,22,k\n408,,,false,p,t,1\n117,-5\n511,d,007\n999,1.5"
    )
    rows = schema.decode(payload)
    assert rows == [
        ("200", "f", "s", 25.0, "C", "2026-01-02T03:04:05Z"),
        ("201", "t", "", "f", "s", 1.5, "C", "f", "s", -2000.0),
        ("101", "c", "", "", True),
        ("112", 1.0, 2.5, None, 7),
        ("522", "d", "l", "a", "b", "c", 100),
        ("530", "d", "h", 22, "k"),
        ("408", "", "", False, "p", "t", "1"),
        ("117", -5),
        ("511", "d", "007"),
        ("999", "1.5"),
    ]
    assert [type(field) for field in rows[0]] == [str, str, str, float, str, str]


@pytest.mark.parametrize("template", static.values(), ids=lambda template: template.id)
def test_typed_rows_are_read_like_texts(template: Template, engine: Any) -> None:
    schema = engine.Schema(schema_types(static.values()))
    texts = smartrest.decode_row(template.example)
    typed = schema.decode_row(template.example)
    assert typed == smartrest.pure.Schema(schema_types(static.values())).decode_row(template.example)
    assert template.parse(typed) == template.parse(texts)


def test_the_ready_schema_is_of_the_engine_that_runs() -> None:
    assert isinstance(static.schema, smartrest.Schema)
    assert static.schema is static.schema
    with pytest.raises(smartrest.DecodeError) as caught:
        static.schema.decode(b"500\n200,f,s,x")
    assert (caught.value.reason, caught.value.row, caught.value.field, caught.value.position) == ("bad_value", 1, 3, 12)


# Faults, by name


def moment(**change: Any) -> datetime:
    return datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc).replace(**change)


BUILD_FAULTS = [
    ("200", {"fragment": "f", "series": "s"}, "missing", "value", "a finite number"),
    ("200", {"fragment": "", "series": "s", "value": 1}, "missing", "fragment", "not empty"),
    ("200", {"fragment": "f", "series": "s", "value": "1"}, "bad_type", "value", "a finite number"),
    ("200", {"fragment": "f", "series": "s", "value": True}, "bad_type", "value", "a finite number"),
    ("200", {"fragment": "f", "series": "s", "value": float("nan")}, "bad_value", "value", "a finite number"),
    ("200", {"fragment": "f", "series": "s", "value": float("-inf")}, "bad_value", "value", "a finite number"),
    ("200", {"fragment": b"f", "series": "s", "value": 1}, "bad_type", "fragment", "a text"),
    ("200", {"fragment": 7, "series": "s", "value": 1}, "bad_type", "fragment", "a text"),
    ("200", {"fragment": "f", "series": "s", "value": 1, "time": moment(tzinfo=None)}, "bad_value", "time", "offset"),
    ("200", {"fragment": "f", "series": "s", "value": 1, "time": "2026"}, "bad_type", "time", "offset"),
    ("305", {"type": "t", "severity": "SEVERE"}, "unknown_word", "severity", "CRITICAL, MAJOR, MINOR, WARNING"),
    ("305", {"type": "t", "severity": "major"}, "unknown_word", "severity", "CRITICAL"),
    ("305", {"type": "t", "severity": 1}, "bad_type", "severity", "CRITICAL"),
    ("305", {"type": "t"}, "missing", "severity", "CRITICAL"),
    ("117", {"required_interval": 1.5}, "bad_type", "required_interval", "an integer"),
    ("117", {"required_interval": True}, "bad_type", "required_interval", "an integer"),
    ("101", {"child_id": "c", "is_child_device": 1}, "bad_type", "is_child_device", "true or false"),
    ("210", {}, "missing", "rssi", "one of rssi, ber"),
    ("122", {"name": "n", "version": "v"}, "missing", "maintainer", "a text"),
    ("201", {"type": "t"}, "missing", "series_values", "at least 1"),
    ("201", {"type": "t", "series_values": []}, "missing", "series_values", "at least 1"),
    ("201", {"type": "t", "series_values": "abc"}, "bad_type", "series_values", "a list of groups"),
    (
        "201",
        {"type": "t", "series_values": SeriesValue("f", "s", 1.0)},
        "bad_type",
        "series_values",
        "a list of groups",
    ),
    ("201", {"type": "t", "series_values": {"f": 1}}, "bad_type", "series_values", "a list of groups"),
    ("201", {"type": "t", "series_values": 5}, "bad_type", "series_values", "a list of groups"),
    ("201", {"type": "t", "series_values": ["abcd"]}, "bad_type", "series_values[0]", "a tuple or dict"),
    ("201", {"type": "t", "series_values": [("f", "s")]}, "bad_group", "series_values[0]", "4 values"),
    ("201", {"type": "t", "series_values": [("f", "s", 1, "u", 2)]}, "bad_group", "series_values[0]", "4 values"),
    (
        "201",
        {"type": "t", "series_values": [("f", "s", 1), ("f", "", 1)]},
        "missing",
        "series_values[1].series",
        "text",
    ),
    ("201", {"type": "t", "series_values": [{"fragment": "f"}]}, "missing", "series_values[0].series", "text"),
    ("201", {"type": "t", "series_values": [{"unti": "C"}]}, "unknown_parameter", "series_values[0].unti", "unit"),
    ("107", {"fragments": ["a", None]}, "missing", "fragments[1]", "text"),
    ("114", {"operations": ["a", 1]}, "bad_type", "operations[1]", "text"),
    ("100", {"device_nmae": "x"}, "unknown_parameter", "device_nmae", "device_name"),
    ("125", {"x": "x"}, "unknown_parameter", "x", "no parameters"),
    ("527", {"device_id": "d", "software": [("$CONF", "1")]}, "bad_value", "software[0].name", "no marker"),
    ("532", {"device_id": "d", "parameters": [("p", "s", "v")] * 101}, "bad_group", "parameters", "at most 100"),
]


@pytest.mark.parametrize(("template_id", "given", "reason", "parameter", "expected"), BUILD_FAULTS)
def test_a_fault_of_building_is_named(
    template_id: str, given: dict[str, Any], reason: str, parameter: str, expected: str
) -> None:
    template = static[template_id]
    with pytest.raises(TemplateError) as caught:
        template.build(**given)
    error = caught.value
    assert (error.reason, error.parameter, error.template) == (reason, parameter, f"{template_id} {template.name}")
    assert expected in (error.expected or "")
    assert template.name in str(error)
    assert parameter in str(error)
    assert str(error).isprintable()
    if template.direction == "publish" and reason != "unknown_parameter":
        with pytest.raises(TemplateError) as again:
            getattr(static, template.name)(**given)
        assert str(again.value) == str(error)


READ_FAULTS = [
    ("200,f,s", "missing", "value", 3),
    ("200,f,s,", "missing", "value", 3),
    ("200,,s,1", "missing", "fragment", 1),
    ("200,f,s,abc", "bad_value", "value", 3),
    ("200,f,s,1_000", "bad_value", "value", 3),
    ("200,f,s,٣", "bad_value", "value", 3),
    ("200,f,s, 1", "bad_value", "value", 3),
    ("200,f,s,nan", "bad_value", "value", 3),
    ("200,f,s,1e999", "bad_value", "value", 3),
    ("200,f,s,1,C,yesterday", "bad_value", "time", 5),
    ("200,f,s,1,C,2026-01-02T03:04:05", "bad_value", "time", 5),
    ("200,f,s,1,C,2026-02-30T03:04:05Z", "bad_value", "time", 5),
    ("200,f,s,1,C,2026-01-02T03:04:05Z,more", "too_many_fields", None, 6),
    ("500,x", "too_many_fields", None, 1),
    ("511,d,echo a,b", "too_many_fields", None, 3),
    ("117,1.5", "bad_value", "required_interval", 1),
    ("117," + "9" * 4301, "bad_value", "required_interval", 1),
    ("101,c,,,yes", "bad_value", "is_child_device", 4),
    ("305,t,BAD", "unknown_word", "severity", 2),
    ("210", "missing", "rssi", 1),
    ("210,,,2026-01-02T03:04:05Z", "missing", "rssi", 1),
    ("201,t,,", "missing", "series_values", 3),
    ("201,t,,f,s", "bad_group", "series_values[0]", 3),
    ("201,t,,f,s,1,C,f", "bad_group", "series_values[1]", 7),
    ("201,t,,f,s,,C", "missing", "series_values[0].value", 5),
    ("201,t,,f,s,,", "missing", "series_values[0].value", 5),
    ("201,t,,f,s,1,C,f,s,x,C", "bad_value", "series_values[1].value", 9),
    ("142,docker", "bad_group", "software[0]", 1),
    ("140", "missing", "software", 1),
    ("532,d," + ",".join(["p,s,v"] * 101), "bad_group", "parameters", 302),
    ("527,d,$SW,a,1,u,install,$FW,a,1,u,false,d", "bad_marker", "firmware", 7),
    ("527,d,$SW,a,1,u,install,$SW,b,1,u,install", "bad_marker", "software", 7),
    ("527,d,nano,$SW,a,1,u,install", "bad_marker", "firmware", 2),
    ("527,d,nano", "bad_marker", "firmware", 2),
    ("527,d,$FW,a,1,$SW,a,1,u,install", "bad_group", "firmware", 3),
    ("527,d,$FW,a,1,u,false,d,b,1,u,false,d", "bad_group", "firmware", 8),
    ("531,d,$SW,a,1,u,install,$CONF,u,t", "bad_group", "software[0]", 3),
    ("104,", "missing", "service_status", 1),
]


@pytest.mark.parametrize(("text", "reason", "parameter", "field"), READ_FAULTS, ids=lambda value: str(value)[:40])
def test_a_fault_of_reading_is_named(text: str, reason: str, parameter: str | None, field: int) -> None:
    row = smartrest.decode_row(text)
    with pytest.raises(TemplateError) as caught:
        static[row[0]].parse(row)
    error = caught.value
    assert (error.reason, error.parameter, error.field) == (reason, parameter, field)
    assert error.template == f"{row[0]} {static[row[0]].name}"
    assert len(str(error)) < 400
    assert str(error).isprintable()
    assert pickle.loads(pickle.dumps(error)).reason == reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("100", {"device_name": None, "device_type": None}),
        ("100,,", {"device_name": None, "device_type": None}),
        ("101,007", {"child_id": "007", "device_name": None, "device_type": None, "is_child_device": None}),
        ("114,a,b,", {"operations": ["a", "b"]}),
        ("114", {"operations": []}),
        ("143,,yum", {"software_types": [None, "yum"]}),
        ("140,,,,", {"software": []}),
        ("140,nano,,apt,", {"software": [("nano", None, "apt", None)]}),
        ("116,a,1,u,b", {"software": [("a", "1", "u"), ("b", None, None)]}),
        ("106", {"children": []}),
        ("527,d", {"device_id": "d", "firmware": None, "software": [], "configuration": []}),
        ("527,d,$SW", {"device_id": "d", "firmware": None, "software": [], "configuration": []}),
        (
            "527,dev,$SW,nano,latest,test,install",
            {
                "device_id": "dev",
                "firmware": None,
                "software": [("nano", "latest", "test", "install")],
                "configuration": [],
            },
        ),
        (
            "531,d,$FW,f,1,u,false,,$SW,a,1,,u,install,$CONF,u",
            {
                "device_id": "d",
                "firmware": ("f", "1", "u", "false", None),
                "software": [("a", "1", None, "u", "install")],
                "configuration": [("u", None)],
            },
        ),
        ("212,95,", {"battery": 95.0, "time": None}),
        ("305,t,MINOR", {"type": "t", "severity": Severity.MINOR}),
    ],
)
def test_reading_is_as_tolerant_as_the_platform(text: str, expected: dict[str, Any]) -> None:
    row = smartrest.decode_row(text)
    assert static[row[0]].parse(row).parameters == expected


@pytest.mark.parametrize(
    ("text", "offset", "micros"),
    [
        ("2021-09-21T11:40:27+0200", 120, 0),
        ("2021-09-21T11:40:27+02:00", 120, 0),
        ("2021-09-21T11:40:27.5-01:30", -90, 500_000),
        ("2021-09-21T11:40:27.123456789Z", 0, 123_456),
        ("2021-09-21T11:40:27+0000", 0, 0),
    ],
)
def test_dates_are_read_with_every_offset(text: str, offset: int, micros: int) -> None:
    when = static["522"].parse(("522", "d", "log", text))["start_date"]
    assert when == datetime(2021, 9, 21, 11, 40, 27, micros, timezone(timedelta(minutes=offset)))
    assert when.utcoffset() == timedelta(minutes=offset)


def test_a_mandatory_text_that_agents_send_empty_can_be_sent_so() -> None:
    assert static.set_advanced_software_list(software=[("nano", "", "apt")]) == ("140", "nano", "", "apt")
    with pytest.raises(TemplateError, match="version"):
        static.set_advanced_software_list(software=[("nano", None, "apt")])  # it must be said


# What is printed from the table


def test_printed_files_are_up_to_date(repository: Path) -> None:
    command = [sys.executable, str(repository / "tools" / "gen_templates.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_page_lists_every_template(repository: Path) -> None:
    page = (repository / "docs" / "templates.md").read_text("utf-8")
    for template in ALL:
        assert f"### `{template.id}` {template.name}\n" in page


def test_the_table_is_json_with_one_home(repository: Path) -> None:
    table = json.loads((repository / "smartrest" / "templates" / "table.json").read_text("utf-8"))
    assert [entry["id"] for entry in table["templates"]] == list(static)
    assert all(isinstance(entry["example"], str) and entry["description"] for entry in table["templates"])


def test_importing_is_quick_and_on_demand(clean_environment: pytest.MonkeyPatch) -> None:
    code = (
        "import sys, smartrest; assert 'smartrest.templates' not in sys.modules\n"
        "import smartrest.templates; late = {'asyncio', 'dataclasses', 'inspect', 'smartrest.mqtt'}\n"
        "assert not late & set(sys.modules), late & set(sys.modules)\n"
        "smartrest.templates.static.send_heartbeat()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
