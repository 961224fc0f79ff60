"""Messages: how `parse` reads rows by topic, and how a message is used."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_templates import FEW

import smartrest
from smartrest.errors import TemplateError
from smartrest.templates import Message, SeriesValue, Severity, Template, built_in, parse, static

ALL = [*static.values(), *built_in]
IDS = [f"{template.id}-{template.name}" for template in ALL]


@pytest.mark.parametrize("template", ALL, ids=IDS)
@FEW
@given(
    fields=st.lists(
        st.text(max_size=5) | st.sampled_from(["", "1", "-1.5", "true", "$FW", "$SW", "$CONF"]), max_size=12
    )
)
def test_any_row_is_a_message_or_a_template_error(template: Template, fields: list[str]) -> None:
    row = (template.id, *fields)
    faults = template.read(row)[1]
    if template.direction == "subscribe":
        faults = [fault for fault in faults if fault.reason != "too_many_fields"]  # kept as extra fields
    if faults:
        with pytest.raises(TemplateError, match=template.label) as caught:
            template.parse(row)
        assert caught.value.reason == faults[0].reason
        return
    message = template.parse(row)
    assert message.row == row
    if not any(getattr(parameter, "rest", False) for parameter in template.parameters):
        markers = {group.marker for group in template.groups}
        behind = fields[len(template.single) :]
        kept = sum(field != "" for field in fields) - sum(field in markers for field in behind)
        assert _count(message.parameters) + _count(message.extra) == kept


def _count(values: Any) -> int:
    """The number of values, to see that none of the row's was dropped."""
    if isinstance(values, dict):
        return sum(map(_count, values.values()))
    if isinstance(values, (list, tuple)):
        return sum(map(_count, values))
    return values is not None and values != ""


# By topic

BY_TOPIC = [
    ("s/us/child01", "400,t,text", "create_event"),
    ("t/us", "400,t,text", "create_event"),
    ("s/ds", "511,d,ls", "command"),
    ("s/ds", "106,a,b", "child_devices"),
    ("s/dt", "20,my.x.id,123", "template_collection_exists"),
    ("s/dt", "41,my.x.id", "template_collection_missing"),
    ("s/e", "41,100,Device already existing", "error_bad_request"),
    ("s/e", "40,999,No static template", "error_unknown_template"),
    ("s/e", "50,100,Error", "error_server"),
    ("s/dcr", "70,t1,device_x,pass", "device_credentials"),
    ("s/dat", "71,eyJ", "jwt_token"),
    ("s/ut/my.x.id", "10,999,GET,INVENTORY,,true", "request_template"),
    ("s/ut/my.x.id", "11,888,,c8y_IsDevice,type", "response_template"),
    ("s/ul", "15,myxid", "set_x_id"),
    ("s/dl/myxid", "20,12345", "template_found"),
    ("s/dl/myxid", "41,1,Bad", "template_creation_error"),
    ("s/dl/myxid", "50,1,404", "server_error"),
    ("s/dl/myxid", "87,2,myxid1", "x_id_header"),
]


@pytest.mark.parametrize(("topic", "text", "name"), BY_TOPIC)
def test_the_topic_decides_the_meaning_of_a_row(topic: str, text: str, name: str) -> None:
    message = parse(smartrest.decode_row(text), topic)
    assert message.template is not None
    assert message.template.name == name


@pytest.mark.parametrize(
    ("topic", "text"),
    [
        ("s/ds", "999,a"),
        ("s/us", "511,d,ls"),
        ("s/ds", "200,f,s,1"),
        ("s/ds", "command,a"),
        ("s/ds", "20,x,1"),
        ("s/ds", "0511,d,ls"),
        ("s/ds", "dm100,d"),
        ("s/us", '"a,b",x'),
        ("s/uc/unknown", "200,f"),
        ("s/dc/unknown", "511,d,ls"),
        ("s/ud", "200,f"),
        ("s/dd", "200,f"),
        ("s/e", "77,x"),
        ("s/dat", "70,a,b,c"),
        ("devicecontrol/notifications", "511,d,ls"),
        ("my/own/topic", "511,d,ls"),
        ("", "511,d,ls"),
        ("s/us/#", "511,d,ls"),
    ],
)
def test_an_unknown_row_is_never_refused(topic: str, text: str) -> None:
    row = smartrest.decode_row(text)
    message = parse(row, topic)
    assert (message.id, message.template, message.row) == (row[0], None, row)
    assert list(message.parameters.items()) == [(str(n), field) for n, field in enumerate(row[1:], 1)]


def test_error_rows_keep_their_commas() -> None:
    message = parse(smartrest.decode_row("41,100,Device, already, existing,"), "s/e")
    assert message.parameters == {"template_id": "100", "message": "Device, already, existing,"}
    assert parse(("41", "", "MqttAuth: no"), "s/e").parameters == {"template_id": None, "message": "MqttAuth: no"}


@pytest.mark.parametrize("row", ["511,d,ls", b"511,d,ls", bytearray(b"511"), 511, None, {"511"}, iter(["511"])])
def test_not_a_row_is_a_type_error(row: Any) -> None:
    with pytest.raises(TypeError):
        parse(row, "s/ds")
    with pytest.raises(TypeError):
        static["511"].parse(row)


def test_a_row_needs_a_template_id_of_text() -> None:
    for row in ((), [], (511, "d", "ls"), (None,)):
        with pytest.raises(TemplateError, match="template ID"):
            parse(row, "s/ds")
    with pytest.raises(TypeError):
        parse(("511", "d", "ls"), None)  # type: ignore[arg-type]  # the point of the test


def test_a_row_of_another_template_is_refused() -> None:
    with pytest.raises(TemplateError) as caught:
        static["511"].parse(("510", "d"))
    assert (caught.value.reason, caught.value.value) == ("wrong_id", "510")


def test_lazy_rows_and_lists_are_rows(engine: Any) -> None:
    lazy = engine.scan(b"511,d,ls\n510,d")
    assert parse(lazy[0], "s/ds") == parse(["511", "d", "ls"], "s/ds") == parse(("511", "d", "ls"), "s/ds")


# A message


@pytest.fixture
def message() -> Message:
    return parse(("200", "c8y_Temperature", "T", "25", "", "2026-01-02T03:04:05Z"), "s/us")


def test_a_message_has_names_and_types(message: Message) -> None:
    assert message.id == "200"
    assert message.template is static["create_measurement"]
    assert message["value"] == message.value == 25.0
    assert type(message["value"]) is float
    assert message["unit"] is None
    assert message["time"] == datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    assert message.row[3] == "25"
    assert "value" in dir(message)
    with pytest.raises(KeyError):
        message["vaule"]
    with pytest.raises(AttributeError, match="vaule"):
        _ = message.vaule
    assert repr(parse(("511", "d", "ls"), "s/ds")) == "<Message 511 command, device_id='d', command='ls'>"


def test_parameters_that_are_called_like_attributes() -> None:
    message = parse(("124", "12345"), "s/ds")
    assert (message.id, message["id"]) == ("124", "12345")
    message = parse(("532", "d", "p", "b", "true"), "s/ds")
    assert message["parameters"] == [("p", "b", "true")]
    assert message.parameters == {"device_id": "d", "parameters": [("p", "b", "true")]}


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("511,d,ls -l", ("command", "d", "ls -l")),
        ("528,d,a,1,u,install", ("software", ["install a"])),
        ("305,t,MAJOR", ("severity", "t")),
        ("510,d", ("restart", "d")),
        ("999,x", ("unknown", "999", ("999", "x"))),
    ],
)
def test_messages_match_patterns(text: str, seen: tuple[Any, ...]) -> None:
    message = parse(smartrest.decode_row(text), "s/us" if text.startswith("3") else "s/ds")
    got: tuple[Any, ...]
    match message:
        case Message(id="511", device_id=device, command=command):
            got = ("command", device, command)
        case Message("528", {"software": software}):
            got = ("software", [f"{item.action} {item.name}" for item in software])
        case Message(template=Template(name="restart"), device_id=device):
            got = ("restart", device)
        case Message("305", {"severity": Severity.MAJOR, "type": kind}):
            got = ("severity", kind)
        case Message(template=None, id=template_id, row=row):
            got = ("unknown", template_id, row)
        case _:
            got = ()
    assert got == seen


def test_messages_are_equal_by_content(message: Message) -> None:
    again = parse(("200", "c8y_Temperature", "T", "2.5e1", None, "2026-01-02T03:04:05.000+0000"), "s/us")
    assert message == again
    assert message.row != again.row
    assert message != parse(("200", "c8y_Temperature", "T", "26"), "s/us")
    assert message != "200"
    assert parse(("41", "x"), "s/dt") != parse(("41", "", "x"), "s/e")
    with pytest.raises(TypeError):
        hash(message)


def test_messages_can_be_copied_and_pickled(message: Message) -> None:
    for again in (copy.copy(message), copy.deepcopy(message), pickle.loads(pickle.dumps(message))):
        assert again == message
        assert again.row == message.row


def test_a_message_as_json() -> None:
    message = parse(("201", "t", "2026-01-02T03:04:05Z", "f", "s", "1", "", "f", "x", "2"), "s/us")
    assert message["series_values"] == [SeriesValue("f", "s", 1.0), SeriesValue("f", "x", 2.0)]
    assert json.loads(json.dumps(message.to_dict())) == {
        "id": "201",
        "name": "create_measurements",
        "parameters": {
            "type": "t",
            "time": "2026-01-02T03:04:05+00:00",
            "series_values": [
                {"fragment": "f", "series": "s", "value": 1.0, "unit": None},
                {"fragment": "f", "series": "x", "value": 2.0, "unit": None},
            ],
        },
    }
    assert (
        json.dumps(parse(("305", "t", "MINOR"), "s/us").to_dict()["parameters"]) == '{"type": "t", "severity": "MINOR"}'
    )
    assert parse(("999", "x"), "s/us").to_dict() == {"id": "999", "name": None, "parameters": {"1": "x"}}


def test_words_are_texts() -> None:
    assert Severity.MAJOR == "MAJOR"
    assert f"{Severity.MAJOR}" == str(Severity.MAJOR) == "MAJOR"
    assert smartrest.encode_row(("305", "t", Severity.MAJOR)) == b"305,t,MAJOR"


# The check by topic


@pytest.mark.parametrize(
    ("topic", "payload", "found"),
    [
        ("s/us", b"200,f,s,1\n500\n125", []),
        ("s/us", b"500\n200,f,s,abc", [("bad_value", 12, 15, 1, 3)]),
        ("s/us", b'500\r\n200,"f",s,"x\n"', [("bad_value", 15, 19, 1, 3)]),
        ("s/us", b"200,f", [("missing", 0, 5, 0, None), ("missing", 0, 5, 0, None)]),
        ("s/us", b"200,f,s,", [("missing", 8, 8, 0, 3)]),
        ("s/us", b"511,d,ls", [("wrong_direction", 0, 3, 0, 0)]),
        ("s/ds", b"511,d,ls\n200,f,s,1", [("wrong_direction", 9, 12, 1, 0)]),
        ("s/us", b"999,x", [("unknown_template", 0, 3, 0, 0)]),
        ("s/us", b"305,t,BAD", [("unknown_word", 6, 9, 0, 2)]),
        ("s/us", b"201,t,,f,s", [("bad_group", 7, 8, 0, 3)]),
        ("s/ds", b"527,d,$SW,a,1,u,i,$FW,a,1,u,f,d", [("bad_marker", 18, 21, 0, 7)]),
        ("s/ds", b"511,d,ls,x", [("too_many_fields", 9, 10, 0, 3)]),
        ("s/dat", b"70,a,b,c", [("unknown_template", 0, 2, 0, 0)]),
        ("s/uc/x", b"", []),
        ("s/uc/x", b"anything,at,all", [("unknown_collection", 0, 8, 0, 0)]),
        ("s/dc/x", b"a\nb", [("unknown_collection", 0, 1, 0, 0)]),
        ("s/ud", b"a\nb", [("unknown_collection", 0, 1, 0, 0)]),
        ("s/dd", b"a", [("unknown_collection", 0, 1, 0, 0)]),
        ("s/ul/x", b"15,x\n100,a\n15,y\n101", [("unknown_collection", 5, 8, 1, 0)]),
        ("s/ul/x", b"10,100,GET,/a/%%,,,%%,STRING,\n11,200,,,$.id", []),
        ("s/dl/x", b"20,12345\n50,1,404", []),
        ("s/ol/x", b"87,1,x\n200,1,4711", [("unknown_collection", 7, 10, 1, 0)]),
        ("s/e", b"77,what", []),
        ("my/topic", b"999,x", [("unknown_topic", None, None, None, None)]),
        ("my/topic", b"", [("unknown_topic", None, None, None, None)]),
        ("c8y/s/us", b"200,f", [("unknown_topic", None, None, None, None)]),
        ("t/ds", b"510,d", [("unknown_topic", None, None, None, None)]),
        ("event/events/create", b'{"type": "t"}', [("json_topic", None, None, None, None)]),
        ("devicecontrol/notifications", b'{"a"\xff', [("json_topic", None, None, None, None)]),
    ],
)
def test_check_finds_every_fault(engine: Any, topic: str, payload: bytes, found: list[tuple[Any, ...]]) -> None:
    findings = engine.check(payload, topic=topic)
    assert [(f.reason, f.start, f.end, f.row, f.field) for f in findings] == found
    assert all(f.text.isprintable() and f.text for f in findings)


@pytest.mark.parametrize("template", static.values(), ids=lambda template: template.id)
def test_examples_have_no_findings(template: Template) -> None:
    assert smartrest.check(template.example, topic=template.topic) == []
