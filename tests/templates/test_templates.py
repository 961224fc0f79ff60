"""The static templates: the table, its use and extension, its examples and schema, the files printed from it."""

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
from smartrest.templates import Group, Parameter, SeriesValue, Template, built_in, static
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
    shortest = row if row[-1] else row[:-1]  # empty fields at the end are left off
    assert [_plain(field) for field in again] == [_plain(field) for field in shortest]


def _plain(field: str) -> Any:
    """The value of a field: `25` and `25.0`, or `Z` and `+00:00`, mean the same."""
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
    assert known.schema.decode_row(b"990,5,x,7") == ("990", "5", "x", "7")
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
def test_taken_names_cannot_be_added(known: StaticTemplates, key: str) -> None:
    taken = own_template() | {key: {"id": "200", "name": "create_event"}[key]}
    with pytest.raises(ValueError, match="taken"):
        known.add(own_template() | {"id": "992", "name": "fine"}, taken)
    assert len(known) == 78, "none was added"
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
def test_not_a_template_is_refused(change: dict[str, Any]) -> None:
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


def test_a_template_made_in_python_has_records() -> None:
    group = Group("pump_steps", (Parameter("at", "Date"), Parameter("n", "Integer", mandatory=True)))
    template = Template("992", "steps", [group])
    assert repr(template.parse(("992", "", "5"))) == "<Message 992 steps, pump_steps=[PumpSteps(at=None, n=5)]>"
    assert template.build(pump_steps=[{"n": 5}]) == ("992", None, 5)


def test_templates_and_messages_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(static)) is static
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


# Files printed from the table


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
