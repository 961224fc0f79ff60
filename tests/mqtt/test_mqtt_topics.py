"""Topics: built, parsed, classified; `parse` never fails and inverts the builders exactly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartrest import SmartRestError
from smartrest.mqtt import Topic, check_publish, check_subscribe, topics

BUILT = [
    (topics.us(), "s/us", Topic("s", "us")),
    (topics.us("child01"), "s/us/child01", Topic("s", "us", None, "child01")),
    (topics.us("dev:device:child01"), "s/us/dev:device:child01", Topic("s", "us", None, "dev:device:child01")),
    (topics.us(mode="t"), "t/us", Topic("t", "us")),
    (topics.us("c", mode="q"), "q/us/c", Topic("q", "us", None, "c")),
    (topics.ds(), "s/ds", Topic("s", "ds")),
    (topics.uc("com.acme.v1"), "s/uc/com.acme.v1", Topic("s", "uc", "com.acme.v1")),
    (topics.uc("x", "c", mode="c"), "c/uc/x/c", Topic("c", "uc", "x", "c")),
    (topics.dc("x"), "s/dc/x", Topic("s", "dc", "x")),
    (topics.ud(), "s/ud", Topic("s", "ud")),
    (topics.ud("c", mode="t"), "t/ud/c", Topic("t", "ud", None, "c")),
    (topics.dd(), "s/dd", Topic("s", "dd")),
    (topics.ut("x"), "s/ut/x", Topic("s", "ut", "x")),
    (topics.dt(), "s/dt", Topic("s", "dt")),
    (topics.ul(), "s/ul", Topic("s", "ul")),
    (topics.ul("x", mode="t"), "t/ul/x", Topic("t", "ul", "x")),
    (topics.dl("x"), "s/dl/x", Topic("s", "dl", "x")),
    (topics.ol("x"), "s/ol/x", Topic("s", "ol", "x")),
    (topics.ucr(), "s/ucr", Topic("s", "ucr")),
    (topics.dcr(), "s/dcr", Topic("s", "dcr")),
    (topics.uat(), "s/uat", Topic("s", "uat")),
    (topics.dat(), "s/dat", Topic("s", "dat")),
    (topics.e(), "s/e", Topic("s", "e")),
    (topics.json_errors(), "error", Topic("s", "json")),
    (topics.json_operations(), "devicecontrol/notifications", Topic("s", "json")),
    (topics.json("event/events", "create"), "event/events/create", Topic("s", "json")),
    (topics.json("event/events", "update", "17", mode="t"), "t/event/events/update/17", Topic("t", "json")),
    (
        topics.json_child_device("17", mode="q"),
        "q/inventory/managedObjects/17/childDevices/create",
        Topic("q", "json"),
    ),
]


@pytest.mark.parametrize(("built", "text", "parts"), BUILT, ids=[text for _, text, _ in BUILT])
def test_built_topics_parse_back(built: str, text: str, parts: Topic) -> None:
    assert built == text
    assert topics.parse(text) == parts
    assert parts.is_smartrest == (parts.kind != "json")


def test_every_kind_is_built_here() -> None:
    assert {parts.kind for _, _, parts in BUILT} == {*topics.KINDS, "json"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "s",
        "s/",
        "s/us/",
        "s/us/a/b",
        "/s/us",
        "s/uc",
        "s/uc/x/c/d",
        "s/dc",
        "s/dc/x/c",
        "t/ds",
        "t/ut/x",
        "x/us",
        "s/xy",
        "S/us",
        "s/us/+",
        "s/dc/#",
        "s/us/a\0b",
        "s/event/events/create",
        "event/events/make",
        "measurement/measurements/update",
        "event/events/create/17",
        "inventory/managedObjects/17/childDevices",
        "inventory/managedObjects/17/childDevices/update",
        "alarm/alarms",
        "home/lamp",
        "\ud800",
    ],
)
def test_other_topics_are_not_errors(text: str) -> None:
    assert topics.parse(text) == Topic(None, None, None, None)


def test_classes() -> None:
    assert topics.parse("s/e").is_error
    assert not topics.parse("error").is_error
    assert topics.parse("error").is_json
    assert topics.parse("s/ds").direction == "down"
    assert topics.parse("s/us/x").direction == "up"
    assert topics.parse("event/events/create").direction is None
    assert [kind for kind in topics.KINDS if Topic("s", kind).holds_secret] == ["dcr", "dat"]


HANGS_UP = [
    "\x01",
    "\n",
    "\x1b",
    "\x7f",
    "\x85",
    "\x9f",
    "\ufdd0",
    "\uffff",
    "\U0010fffe",
]  # mosquitto closes the connection


@pytest.mark.parametrize("identifier", ["", "a/b", "a+b", "#", "a\0", "\ud800", "x" * 65_536, *HANGS_UP])
def test_identifiers_refused(identifier: str) -> None:
    for build in (topics.us, topics.uc, topics.dc, topics.ut, topics.dl, topics.json_child_device):
        with pytest.raises(SmartRestError) as caught:
            build(identifier)
        assert caught.value.reason == "bad_identifier"


def test_not_part_of_any_topic() -> None:
    for arguments, options in (
        (("zz",), {}),
        (("ds", None, "child"), {}),
        (("us", "x"), {}),
        (("uc",), {}),
        (("ds",), {"mode": "t"}),
        (("us",), {"mode": "x"}),
    ):
        with pytest.raises(SmartRestError) as caught:
            topics.build(*arguments, **options)  # type: ignore[arg-type]  # a table of wrong calls
        assert caught.value.reason == "bad_topic"
    for resource, action, object_id in (("event/events", "fix", None), ("x", "create", None)):
        with pytest.raises(SmartRestError):
            topics.json(resource, action, object_id)
    with pytest.raises(SmartRestError, match="takes no ID"):
        topics.json("event/events", "createBulk", "1")


@given(st.text())
def test_parse_is_total(text: str) -> None:
    parts = topics.parse(text)
    if parts.is_smartrest:
        assert topics.build(parts.kind or "", parts.x_id, parts.child, mode=parts.mode or "") == text


@given(st.sampled_from(sorted(topics.KINDS)), st.text(), st.text(), st.sampled_from("stqcx"))
def test_an_identifier_never_adds_a_level(kind: str, x_id: str, child: str, mode: str) -> None:
    for names in ((None, None), (x_id, None), (None, child), (x_id, child)):
        try:
            text = topics.build(kind, *names, mode=mode)
        except SmartRestError:
            continue
        assert topics.parse(text) == Topic(mode, kind, *names)
        assert text.count("/") == 1 + sum(name is not None for name in names)


def test_subscription_filters() -> None:
    for text in ("s/ds", "s/dc/x", "s/e", "error", "own/topic"):
        assert topics.check_filter(text) == text
    for text in ("s/us", "s/uc/x", "s/dc/+", "#", ""):
        with pytest.raises(SmartRestError):
            topics.check_filter(text)


# A prefix


@pytest.mark.parametrize("prefix", ["c8y", "c8y-mqtt", "site/c8y", "ü"])
def test_a_prefix_comes_before_every_topic(prefix: str) -> None:
    for _, text, parts in BUILT:
        full = topics.with_prefix(text, prefix)
        assert full == f"{prefix}/{text}"
        assert topics.parse(full, prefix=prefix) == parts
        assert topics.without_prefix(full, prefix) == text
        assert topics.parse(full).kind is None
        assert topics.parse(text, prefix=prefix).kind is None  # not this broker's name for it
        assert topics.without_prefix(text, prefix) is None
    assert topics.parse(f"{prefix}s/us", prefix=prefix) == topics.parse(prefix, prefix=prefix) == Topic()
    assert topics.with_prefix("s/us", None) == topics.without_prefix("s/us", None) == "s/us"


@pytest.mark.parametrize(
    ("prefix", "why"),
    [
        ("c8y/#", "wildcard"),
        ("+", "wildcard"),
        ("c8y/", "empty level"),
        ("/c8y", "empty level"),
        ("a//b", "empty level"),
        ("", "empty"),
        ("a\0", "U\\+0000"),
        ("x" * 65_536, "65535"),
    ],
)
def test_a_prefix_that_no_broker_can_have(prefix: str, why: str) -> None:
    for call in (
        lambda: topics.parse("s/us", prefix=prefix),
        lambda: topics.with_prefix("s/us", prefix),
        lambda: topics.without_prefix("s/us", prefix),
    ):
        with pytest.raises(SmartRestError, match=why) as caught:
            call()
        assert caught.value.reason == "bad_identifier"
        assert len(str(caught.value)) < 300


def test_a_topic_that_the_prefix_makes_too_long() -> None:
    assert topics.with_prefix("x" * 65_530, "c8y")
    with pytest.raises(SmartRestError, match="65535"):
        topics.with_prefix("x" * 65_532, "c8y")


def test_doubts_about_topics_with_a_prefix() -> None:
    assert [f.reason for f in check_publish("c8y/s/us")] == ["unknown_topic"]
    assert check_publish("c8y/s/us", prefix="c8y") == check_subscribe("c8y/s/ds", prefix="c8y") == []
    assert [f.reason for f in check_publish("c8y/s/ds", prefix="c8y")] == ["not_for_publishing"]
    assert [f.reason for f in check_publish("c8y/error", prefix="c8y")] == ["not_for_publishing"]
    assert [f.reason for f in check_subscribe("c8y/s/us", prefix="c8y")] == ["not_for_subscribing"]
