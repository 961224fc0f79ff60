"""Random valid parameters for any template, and the message expected from reading them back."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from smartrest.templates import AlarmStatus, Group, OperationStatus, Parameter, Severity, Template

EXAMPLES = int(os.environ.get("SMARTREST_TEST_EXAMPLES", "20"))
FEW = settings(max_examples=max(EXAMPLES // 4, 1))  # for each of many templates

WORDS = {"Severity": Severity, "AlarmStatus": AlarmStatus, "OperationStatus": OperationStatus}

texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
    st.text(',"\\\n\r\t $SWé', min_size=1, max_size=6),
    st.sampled_from(["007", "1e5", "true", "null", " lead", "trail ", "a,b", "\ufeffx", "none"]),
)
zones = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))) | st.just(timezone.utc)
dates = st.builds(
    lambda moment, zone: moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=zone),
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
    zones,
)
numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**60), 2**60),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "String": texts,
    "Number": numbers,
    "Integer": st.integers(-(10**20), 10**20),
    "Unsigned": st.integers(0, 10**20),
    "Boolean": st.booleans(),
    "Date": dates,
    **{name: st.sampled_from(words) for name, words in WORDS.items()},
}


@st.composite
def one_value(draw: st.DrawFn, parameter: Parameter, markers: tuple[str, ...] = ()) -> Any:
    empty: list[Any] = [] if parameter.mandatory else [None]
    if parameter.type == "String" and (parameter.may_be_empty or not parameter.mandatory):
        empty.append("")
    if empty and draw(st.integers(0, 2)) == 0:
        return draw(st.sampled_from(empty))
    return draw(VALUES[parameter.type].filter(lambda value: value not in markers))


@st.composite
def items(draw: st.DrawFn, group: Group, markers: tuple[str, ...]) -> list[Any]:
    """Items, the last not empty, since a row does not keep empty fields at its end."""
    one = st.tuples(*(one_value(parameter, markers) for parameter in group.parameters))
    most = min(group.max_repeats or 4, 4)
    least = 0 if group.empty_item else group.min_repeats
    found = draw(st.lists(one, min_size=least, max_size=most))
    while found and all(value is None or value == "" for value in found[-1]):
        last = tuple(draw(VALUES[item.type].filter(lambda v: v not in markers)) for item in group.parameters)
        found[-1] = last
    return [item[0] for item in found] if len(group.parameters) == 1 else found


@st.composite
def parameters(draw: st.DrawFn, template: Template) -> dict[str, Any]:
    """Valid parameters of a template, without some of the optional ones."""
    markers = tuple(group.marker for group in template.groups if group.marker)
    values: dict[str, Any] = {}
    for parameter in template.parameters:
        if isinstance(parameter, Parameter):
            value = draw(one_value(parameter))
            if value is not None or draw(st.booleans()):
                values[parameter.name] = value
        elif parameter.repeated:
            values[parameter.name] = draw(items(parameter, markers))
        else:
            found = draw(items(parameter._replace(max_repeats=1), markers))
            values[parameter.name] = found[0] if found else None
    if template.one_of and all(values.get(name) is None for name in template.one_of):
        values[template.one_of[0]] = draw(numbers)
    return values


def expected(template: Template, given: dict[str, Any]) -> dict[str, Any]:
    """The parameters of the message read from the row of `given`."""
    values: dict[str, Any] = {}
    for parameter in template.parameters:
        value = given.get(parameter.name)
        if isinstance(parameter, Parameter):
            values[parameter.name] = converted(parameter, value)
            continue
        found = ([] if value is None else [value]) if not parameter.repeated else value or []
        if len(parameter.parameters) == 1:
            found = [converted(parameter.parameters[0], item) for item in found]
        else:
            pairs = [zip(parameter.parameters, item, strict=True) for item in found]
            found = [parameter.record(*(converted(inner, field) for inner, field in pair)) for pair in pairs]
        values[parameter.name] = found if parameter.repeated else found[0] if found else None
    return values


def converted(parameter: Parameter, value: Any) -> Any:
    if value == "" and not parameter.mandatory:
        return None
    return float(value) if parameter.type == "Number" and value is not None else value


def same(left: Any, right: Any) -> bool:
    """Equal in value and type, dates also in offset."""
    if isinstance(left, datetime):
        return isinstance(right, datetime) and left == right and left.utcoffset() == right.utcoffset()
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return type(left) is type(right) and len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


def shortest(row: Any) -> tuple[str, ...]:
    """A row without the empty fields at its end, which mean nothing."""
    fields = list(row)
    while fields and fields[-1] == "":
        fields.pop()
    return tuple(fields)
