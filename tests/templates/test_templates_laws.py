"""Laws of templates: parsing inverts building, and the pieces of a row together mean the row."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support_templates import FEW, expected, parameters, same

import smartrest
from smartrest import TemplateError
from smartrest.templates import Collection, Template, built_in, parse, split_groups, static

TEMPLATES = [*static.values(), *built_in]
IDS = [f"{template.id}-{template.name}" for template in TEMPLATES]


@pytest.mark.parametrize("template", TEMPLATES, ids=IDS)
@FEW
@given(data=st.data())
def test_parameters_survive_the_way_through_bytes(template: Template, data: st.DataObject) -> None:
    wanted = data.draw(parameters(template))
    row = template.build(**wanted)
    wire = smartrest.decode_row(smartrest.encode_row(row, limit=None))
    message = template.parse(wire)
    assert message.row == wire
    assert same(message.parameters, expected(template, wanted))
    assert template.parse(row) == message, "the typed row reads like its bytes"
    again = template.build(**message.parameters)
    assert template.parse(smartrest.decode_row(smartrest.encode_row(again, limit=None))) == message
    for group in template.groups:
        if group.marker is None and not group.needed and wanted.get(group.name):
            empty = None if len(group.parameters) == 1 else (None,) * len(group.parameters)
            more = {**wanted, group.name: [*wanted[group.name], empty]}
            assert template.build(**more) == row, "an empty item at the end is trimmed"


@pytest.mark.parametrize("template", TEMPLATES, ids=IDS)
@FEW
@given(
    fields=st.lists(st.sampled_from(["", "", "a", "1", "-1.5", "true", "$FW", "$SW", "$CONF", "MAJOR"]), max_size=14)
)
def test_parsed_messages_can_be_built(template: Template, fields: list[str]) -> None:
    try:
        found = template.parse((template.id, *fields)).parameters
    except TemplateError:
        return
    assert template.parse(template.build(**found)).parameters == found


DIVIDED = [template for template in static.values() if template.continues_as is not None and template.groups]


@pytest.mark.parametrize("template", DIVIDED, ids=lambda template: template.id)
@FEW
@given(data=st.data(), limit=st.integers(20, 120))
def test_the_pieces_of_a_row_mean_the_row(template: Template, data: st.DataObject, limit: int) -> None:
    (group,) = template.groups
    values = data.draw(parameters(template))
    values[group.name] = values[group.name] * 5
    try:
        row = template.build(**values)
        pieces = split_groups(row, limit=limit)
    except TemplateError:
        return
    assert all(len(smartrest.encode_row(piece)) <= limit for piece in pieces)
    messages = [parse(piece, "s/us") for piece in pieces]
    whole = template.parse(row).parameters
    assert [item for message in messages for item in message[group.name]] == whole[group.name]
    for message in messages:
        assert {name: message[name] for name in whole if name != group.name} == {
            name: value for name, value in whole.items() if name != group.name
        }


def test_numbers_that_would_read_as_infinite_are_refused() -> None:
    for value in (10**400, -(10**400)):
        with pytest.raises(TemplateError) as caught:
            static.create_measurement(fragment="f", series="s", value=value)
        assert caught.value.reason == "bad_value"
    assert parse(static.create_measurement(fragment="f", series="s", value=10**308), "s/us")["value"] == 1e308


def test_empty_items() -> None:
    assert static["519"].build(device_id="d", relay_states=["", "OPEN"]) == ("519", "d", "", "OPEN")
    for template_id, values in (("519", {"relay_states": [""]}), ("528", {"software": [(None, "", None, None)]})):
        with pytest.raises(TemplateError) as caught:
            static[template_id].build(device_id="d", **values)
        assert caught.value.reason == "missing"
    for template_id in ("527", "531"):
        assert static[template_id].build(device_id="d", configuration=[("", None)]) == (template_id, "d")


WORDS = (
    ",,10,11,1,m,GET,PUT,POST,DELETE,INVENTORY,MEASUREMENT,ALARM,EVENT,OPERATION,true,false,a.b,$.c,$.d[*],NUMBER,STRING,"
    "FLAG,DATE,5,x,MAJOR,/inventory/managedObjects,application/json,%%,UNSIGNED,ACTIVE"
)
CELLS = st.sampled_from(WORDS.split(","))
PREFIXES = st.sampled_from(
    [(), ("10", "1", "GET", "INVENTORY"), ("10", "2", "POST", "ALARM"), ("11", "3"), ("15", "x")]
)
ROWS = st.lists(st.tuples(PREFIXES, st.lists(CELLS, max_size=9)).map(lambda cells: (*cells[0], *cells[1])), max_size=3)


@settings(max_examples=500)
@given(rows=ROWS.filter(all))
def test_a_collection_reads_back_from_its_payload(rows: list[tuple[str, ...]]) -> None:
    payload = smartrest.encode(rows)
    found = Collection.check(payload)
    try:
        c = Collection.parse(payload)
    except TemplateError as error:
        assert error.reason in {finding.reason for finding in found}
        return
    assert found == []
    assert Collection.parse(c.payload, c.x_id, protocol=c.protocol) == c
    if c.protocol == "2.0":
        assert Collection.from_json(c.to_json()) == c


PATHS = st.lists(st.sampled_from(["$.a", "$.b", "$.c[*]", "$.deviceId"]), min_size=1, max_size=3)


@pytest.mark.parametrize("operation", [False, True])
@given(paths=PATHS, fields=st.lists(st.sampled_from(["", "a", "1"]), max_size=5))
def test_parsed_responses_can_be_built(operation: bool, paths: list[str], fields: list[str]) -> None:
    patterns = {f"p{number}": path for number, path in enumerate(paths)}
    c = Collection("x")
    response = (c.operation("1", "a", **patterns) if operation else c.response("1", **patterns))["1"]
    try:
        found = response.parse(("1", *fields)).parameters
    except TemplateError:
        return
    assert response.parse(response.build(**found)).parameters == found


def test_a_response_with_two_lists_is_not_built() -> None:
    response = Collection("x").response("1", a="$.a[*]", b="$.b[*]", c="$.c")["1"]
    assert response.parse(response.build(a=[], b=[])).parameters == {"a": [], "b": [], "c": None}
    with pytest.raises(TemplateError) as caught:
        response.build(a=["1"], b=["2"], c="3")
    assert caught.value.reason == "ambiguous"


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (b"", "missing"),
        (b"15,x", "missing"),
        (b"10,1,GET,INVENTORY,,false,,a.b,NUMBER,5", "bad_row"),
        (b"10,x,DELETE,major,false,s,", "bad_method"),
    ],
)
def test_collections_that_are_refused_are_found(rows: bytes, reason: str) -> None:
    assert [finding.reason for finding in Collection.check(rows)] == [reason]
    with pytest.raises(TemplateError) as caught:
        Collection.parse(rows, "x")
    assert caught.value.reason == reason


def test_names_of_custom_properties_are_texts() -> None:
    with pytest.raises(TemplateError) as caught:
        Collection("x").post_event("1", custom={1: 5})  # type: ignore[dict-item]  # the point of the test
    assert caught.value.reason == "bad_type"
    with pytest.raises(TemplateError, match="JSON path"):
        Collection("x").post_event("1", custom={"a": 5})  # type: ignore[dict-item]  # the point of the test


def test_a_row_of_the_other_side_is_unknown() -> None:
    for row, topic in ((("511", "d", "ls"), "s/us"), (("200", "f", "s", "1"), "s/ds")):
        message = parse(row, topic)
        assert message.template is None
        assert message.parameters == {str(place): field for place, field in enumerate(row[1:], 1)}
    assert parse(("511", "d", "ls"), "s/ds")["command"] == "ls"
