"""Static templates in both directions: values they refuse, with the fault's name, and values they tolerate."""

from __future__ import annotations

import pickle
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

import smartrest
from smartrest.errors import TemplateError
from smartrest.templates import SeriesValue, Severity, static


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
    ("527", {"device_id": "d", "software": [("$CONF", "1")]}, "bad_value", "software[0].name", "marker"),
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


def test_an_empty_mandatory_text_differs_from_none() -> None:
    for given, expected in (("", "expected a text that is not empty, got ''"), (None, "expected a text, got nothing")):
        with pytest.raises(TemplateError) as caught:
            static["400"].build(type=given, text="x")
        assert str(caught.value).endswith(expected)
    for row, expected in (
        (("400", "", "x"), "expected a text that is not empty, got ''"),
        (("400",), "expected a text, got nothing"),
        (("200", "f", "s", "", "C"), "expected a finite number, got ''"),
    ):
        with pytest.raises(TemplateError) as caught:
            static[row[0]].parse(row)
        assert str(caught.value).endswith(expected)
    with pytest.raises(TemplateError, match="expected a text, '' for an empty one, got nothing"):
        static.set_advanced_software_list(software=[("nano", None, "apt")])


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
    ("501,c8y_Restart,b", "too_many_fields", None, 2),
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
    ("141", "missing", "software", 1),
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
        ("140,nano,,apt,", {"software": [("nano", "", "apt", None)]}),
        ("116,a,1,u,b", {"software": [("a", "1", "u"), ("b", None, None)]}),
        ("106", {"children": []}),
        ("140", {"software": []}),
        ("140,", {"software": []}),
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


def test_quoted_input_is_escaped_and_short() -> None:
    for name in ("\x1b[31m", "n" * 10_000, "a\nb"):
        with pytest.raises(TemplateError) as caught:
            static["100"].build(**{name: "x"})
        assert caught.value.parameter == name
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 400
    with pytest.raises(TemplateError) as caught:
        static["200"].build(fragment="f", series="s", value="\x1b" * 10_000)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_a_mandatory_text_that_agents_send_empty_can_be_sent_so() -> None:
    assert static.set_advanced_software_list(software=[("nano", "", "apt")]) == ("140", "nano", "", "apt")
    with pytest.raises(TemplateError, match="version"):
        static.set_advanced_software_list(software=[("nano", None, "apt")])  # it must be said
