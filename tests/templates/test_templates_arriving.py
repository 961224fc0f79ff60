"""Incoming rows are never refused for fields that the platform adds; error rows can always be read."""

import pickle
from typing import Any

import pytest

import smartrest
from smartrest import TemplateError
from smartrest.device import Operation
from smartrest.templates import Collection, built_in, parse, static

EXTRA = [
    ("s/ds", "511,d,ls,newfield", {"device_id": "d", "command": "ls"}, ("newfield",)),
    ("s/ds", "510,d,now,,x,,", {"device_id": "d"}, ("now", "", "x")),
    ("s/ds", "524,d,http://x/cfg,acme.cfg,text", None, ("text",)),
    ("s/dt", "41,my.x.id,more", {"x_id": "my.x.id"}, ("more",)),
    ("s/dat", "71,eyJ,3600", {"token": "eyJ"}, ("3600",)),
    ("s/dcr", "70,t,u,p,x", {"tenant_id": "t", "username": "u", "password": "p"}, ("x",)),
    ("s/dl/acme", "20,12345,x", {"template_object_id": "12345"}, ("x",)),
]


@pytest.mark.parametrize(("topic", "text", "parameters", "extra"), EXTRA)
def test_extra_fields_of_a_row_that_arrives_are_kept(
    topic: str, text: str, parameters: dict[str, Any] | None, extra: tuple[str, ...]
) -> None:
    message = parse(smartrest.decode_row(text), topic)
    assert message.template is not None
    assert message.extra == extra
    assert parameters is None or message.parameters == parameters
    assert message.to_dict()["extra"] == list(extra)
    assert pickle.loads(pickle.dumps(message)).extra == extra


@pytest.mark.parametrize(
    ("text", "firmware", "extra"),
    [
        ("527,d,$FW,a,1,u,false,dep,new,$SW,s,1,u,install", ("a", "1", "u", "false", "dep"), ("new",)),
        ("527,d,$FW,a,1,u,false,dep,new", ("a", "1", "u", "false", "dep"), ("new",)),
        ("527,d,$FW,a,1,u,false,dep,,,", ("a", "1", "u", "false", "dep"), ()),
    ],
)
def test_a_section_that_does_not_repeat_keeps_extra_fields(
    text: str, firmware: tuple[str, ...], extra: tuple[str, ...]
) -> None:
    message = parse(smartrest.decode_row(text), "s/ds")
    assert (message["firmware"], message.extra) == (firmware, extra)


SECTIONS = [
    # a field after the items of a section, a section that the table does not know: between others, first, last, twice
    ("$SW,a,1,t,u,install,new,$CONF,u,c", ["software", "configuration"], ("new",)),
    ("$SW,a,1,t,u,install,$NEW,x,y,$CONF,u,c", ["software", "configuration"], ("$NEW", "x", "y")),
    ("$NEW,x,$SW,a,1,t,u,install", ["software"], ("$NEW", "x")),
    ("$CONF,u,c,$NEW,x,y", ["configuration"], ("$NEW", "x", "y")),
    ("$CONF,u,c,$NEW", ["configuration"], ("$NEW",)),
    ("$A,1,$CONF,u,c,$B_2,x,$NEW,,", ["configuration"], ("$A", "1", "$B_2", "x", "$NEW")),
    ("$NEW,x", [], ("$NEW", "x")),
    ("$FW,f,1,u,false,,$NEW,x,$SW,a,1,t,u,install", ["firmware", "software"], ("$NEW", "x")),
    ("$CONF,u,$NEW", ["configuration"], ()),  # a value, since an item is not at its end
    ("$CONF,$new,c,$5,c", ["configuration"], ()),
]


@pytest.mark.parametrize(("text", "sections", "extra"), SECTIONS)
def test_sections_keep_extra_fields_and_unknown_sections(
    text: str, sections: list[str], extra: tuple[str, ...]
) -> None:
    row = smartrest.decode_row(f"531,d,{text}")
    message = parse(row, "s/ds")
    assert [name for name in ("firmware", "software", "configuration") if message[name]] == sections
    assert all(len(message[name]) == 1 for name in sections if name == "software")
    assert message.extra == extra
    reasons = [finding.reason for finding in smartrest.check(smartrest.encode_row(row), topic="s/ds")]
    assert set(reasons) == ({"too_many_fields"} if extra else set())


@pytest.mark.parametrize("text", ["$SW,a,1,$CONF,u,c", "$CONF,u,c,$SW,a,1,t,u,install", "x,$NEW"])
def test_sections_that_cannot_be_read_stay_errors(text: str) -> None:
    with pytest.raises(TemplateError):
        parse(smartrest.decode_row(f"531,d,{text}"), "s/ds")


def test_a_value_that_would_be_read_as_a_section_is_not_built() -> None:
    template = static["527"]
    assert template.build(device_id="d", configuration=[("u", "$NEW")]) == ("527", "d", "$CONF", "u", "$NEW")
    with pytest.raises(TemplateError, match="other than a marker"):
        template.build(device_id="d", configuration=[("u", "c"), ("$NEW", "c")])


def test_a_row_without_extra_fields_does_not_mention_them() -> None:
    message = parse(("511", "d", "ls"), "s/ds")
    assert message.extra == ()
    assert "extra" not in message.to_dict()
    assert parse(("999", "a", "b"), "s/ds").extra == ()


@pytest.mark.parametrize("text", ["200,f,s,1,C,2026-01-02T03:04:05Z,more", "500,x", "401,x,y"])
def test_extra_fields_of_a_row_that_a_device_builds_stay_an_error(text: str) -> None:
    row = smartrest.decode_row(text)
    with pytest.raises(TemplateError):
        parse(row, "s/us")


def test_extra_fields_are_a_doubt_of_check() -> None:
    found = smartrest.check(b"511,d,ls,x", topic="s/ds")
    assert [(finding.reason, finding.field) for finding in found] == [("too_many_fields", 3)]


def test_a_field_that_the_platform_adds_does_not_fail_an_operation() -> None:
    row = ("511", "device", "ls", "newfield")
    operation = Operation("device", None, "c8y_Command", row, "s/ds")
    assert operation.parameters == {"command": "ls"}
    for template in static.values():
        if template.operation_fragment is None or template.groups:
            continue
        example = smartrest.decode_row(template.example)
        full = (*example, *("1" for _ in range(len(template.single) + 1 - len(example))), "new")
        assert template.parse(full).extra == ("new",)


def test_a_custom_response_keeps_extra_fields() -> None:
    c = Collection("acme").response("10", "", "acme_Op", a="a", b="b")
    message = c.parse(("10", "d", "1", "2", "3"))
    assert message.parameters == {"device_id": "d", "a": "1", "b": "2"}
    assert message.extra == ("3",)
    [finding] = smartrest.check(b"10,d,1,2,3", topic="s/dc/acme", collections=[c])
    assert "at most 3 values (the device ID and 2), got '3'" in finding.text
    assert (finding.reason, finding.field) == ("too_many_fields", 4)


@pytest.mark.parametrize(
    ("topic", "text", "values"),
    [
        ("s/dl/acme", "50,1,401,Unauthorized", {"line_number": 1, "http_status": 401, "message": "Unauthorized"}),
        ("s/dl/acme", "50,1,404", {"line_number": 1, "http_status": 404, "message": None}),
        ("s/dl/acme", "40,/meta/connect,402::Unknown client", {"message": "/meta/connect,402::Unknown client"}),
        ("s/dl/acme", "41,1,Bad, really, bad,", {"line_number": 1, "message": "Bad, really, bad,"}),
        ("s/dl/acme", "42,1,Malformed, so", {"line_number": 1, "message": "Malformed, so"}),
        ("s/dl/acme", "43,1,Invalid, so", {"line_number": 1, "message": "Invalid, so"}),
        ("s/dl/acme", "45,1,Wrong, so", {"line_number": 1, "message": "Wrong, so"}),
    ],
)
def test_the_text_of_an_error_row_runs_to_the_end(topic: str, text: str, values: dict[str, Any]) -> None:
    assert parse(smartrest.decode_row(text), topic).parameters == values


def _errors() -> list[tuple[str, str]]:
    kinds = {"s/e": "s/e", "HTTP or s/dl": "s/dl/acme"}
    return [(kinds[known.topic], known.id) for known in built_in if known.category == "error"]


@pytest.mark.parametrize(("topic", "template_id"), _errors())
@pytest.mark.parametrize("rest", ["", ",", ",x", ",x,y", ",1", ",1,", ",,", ",,text", ",1,a,b,c", ",1.5,x,,"])
def test_an_error_row_is_never_refused(topic: str, template_id: str, rest: str) -> None:
    row = smartrest.decode_row(template_id + rest)
    message = parse(row, topic)
    assert message.row == row
    assert message.id == template_id


def test_every_error_row_is_marked() -> None:
    assert {template_id for _, template_id in _errors()} == {"40", "41", "42", "43", "45", "50"}
    assert all(known.category == "error" for known in built_in if any(p.name == "message" for p in known.parameters))
