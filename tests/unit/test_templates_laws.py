"""Laws of templates: what is built parses to what it was built of, and the pieces of a row mean the row."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import smartrest
from smartrest import TemplateError
from smartrest.templates import Collection, Group, Parameter, Template, built_in, parse, split_groups, static

TEMPLATES = [*static.values(), *built_in]
IDS = [f"{template.id}-{template.name}" for template in TEMPLATES]
TEXT = st.text('a$ FW,"é\n', min_size=1, max_size=5)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "String": TEXT,
    "Number": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53),
    "Integer": st.integers(-(10**20), 10**20),
    "Unsigned": st.integers(0, 10**20),
    "Boolean": st.booleans(),
    "Date": st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=ZONES),
    "Severity": st.sampled_from(["CRITICAL", "MAJOR", "MINOR", "WARNING"]),
    "AlarmStatus": st.sampled_from(["ACTIVE", "ACKNOWLEDGED", "CLEARED"]),
    "OperationStatus": st.sampled_from(["PENDING", "SUCCESSFUL", "FAILED", "EXECUTING"]),
}


def one(parameter: Parameter) -> st.SearchStrategy[Any]:
    value = VALUES[parameter.type]
    if parameter.rest:
        value = st.text("ab ,", min_size=1, max_size=5)
    empty = ([] if parameter.mandatory else [st.none()]) + [st.just("")] * parameter.may_be_empty
    return st.one_of(value, *empty)


def several(group: Group) -> st.SearchStrategy[Any]:
    items = st.tuples(*map(one, group.parameters))
    if len(group.parameters) == 1:
        items = items.map(lambda item: item[0])
    if not group.repeated:
        return st.none() | items
    return st.lists(items, min_size=0 if group.empty_item else group.min_repeats, max_size=4)


def parameters(template: Template) -> st.SearchStrategy[dict[str, Any]]:
    given = {p.name: several(p) if isinstance(p, Group) else one(p) for p in template.parameters}
    return st.fixed_dictionaries(given)


def plain(value: Any) -> Any:
    """Without what a row cannot say: items of nothing at the end of a list, and words as their texts."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        items = [plain(item) for item in value]
        while (items and items[-1] in (None, "")) or (items and isinstance(items[-1], tuple) and not any(items[-1])):
            items.pop()
        return items
    if isinstance(value, tuple):
        items = tuple(plain(item) for item in value)
        return items if any(item is not None and item != "" for item in items) else None
    return value


@pytest.mark.parametrize("template", TEMPLATES, ids=IDS)
@given(data=st.data())
def test_what_is_built_parses_to_what_it_was_built_of(template: Template, data: st.DataObject) -> None:
    wanted = data.draw(parameters(template))
    try:
        row = template.build(**wanted)
    except TemplateError as error:
        assert error.reason in ("missing", "bad_value")  # items of nothing, a text that is a marker
        return
    message = template.parse(row)
    assert plain(message.parameters) == plain(wanted)
    assert template.parse(template.build(**message.parameters)).parameters == message.parameters
    wire = smartrest.decode_row(smartrest.encode_row(row, limit=None))
    if not any(isinstance(value, datetime) for value in row):  # milliseconds are what the wire keeps
        assert template.parse(wire).parameters == message.parameters


@pytest.mark.parametrize("template", TEMPLATES, ids=IDS)
@given(
    fields=st.lists(st.sampled_from(["", "", "a", "1", "-1.5", "true", "$FW", "$SW", "$CONF", "MAJOR"]), max_size=14)
)
def test_what_parses_can_be_built(template: Template, fields: list[str]) -> None:
    try:
        found = template.parse((template.id, *fields)).parameters
    except TemplateError:
        return
    assert template.parse(template.build(**found)).parameters == found


DIVIDED = [template for template in static.values() if template.continues_as is not None and template.groups]


@pytest.mark.parametrize("template", DIVIDED, ids=lambda template: template.id)
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


def test_items_of_nothing() -> None:
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
def test_what_a_response_parses_can_be_built(operation: bool, paths: list[str], fields: list[str]) -> None:
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
