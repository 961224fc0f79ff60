"""Rows as JSON in bulk are what messages give, faults included."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_templates import FEW

import smartrest
from smartrest.templates import Collection, Message, Reader, Template, number, static
from smartrest.templates._plain import PlainReader

CUSTOM = Collection("acme").post_measurement("pump", type="t", custom={"rpm": number("a.rpm")}).response("r", a="$.a")
READERS = {
    topic: Reader(topic, collections=[CUSTOM])
    for topic in ("s/us", "s/ds", "s/uc/acme", "s/dc/acme", "s/uc/other", "s/e", "s/ul/acme", "error", "x/y")
}


def same(engine: Any, topic: str, rows: list[tuple[str, ...]]) -> bool:
    """Whether the quick way took the payload; it must give the same in any case."""
    reader = READERS[topic]
    payload = engine.encode(rows, limit=None)
    expected = [
        json.dumps(message.to_dict(), ensure_ascii=False) if isinstance(message, Message) else str(message)
        for message in reader.messages(engine.decode(payload))
    ]
    bulk = PlainReader(reader, engine)
    quick = bulk.texts(payload)
    assert [str(found) for found in bulk.rows(engine.decode(payload))] == expected
    if quick is not None:
        assert [str(found) for batch in quick for found in batch] == expected
    return quick is not None


FIELDS = st.lists(
    st.text(max_size=4)
    | st.sampled_from(["", "", "1", "-1.5", "+2", "true", "MAJOR", "$SW", "2026-01-02T03:04:05Z", "ACTIVE", "a"]),
    max_size=9,
)


@pytest.mark.parametrize("template", static.values(), ids=lambda template: template.id)
@FEW
@given(fields=FIELDS)
def test_every_static_row(template: Template, fields: list[str]) -> None:
    topic = "s/us" if template.direction == "publish" else "s/ds"
    same(smartrest, topic, [(template.id, *fields)])
    same(smartrest, topic, [smartrest.decode_row(template.example)])


@FEW
@given(topic=st.sampled_from(list(READERS)), ids=st.sampled_from(["pump", "r", "x", "200", "511", "40"]), fields=FIELDS)
def test_rows_of_other_topics(topic: str, ids: str, fields: list[str]) -> None:
    same(smartrest, topic, [(ids, *fields)])


def test_the_quick_way_is_taken(engine: Any) -> None:
    rows = [
        ("200", "f", "s", "1.5", "", "2026-01-02T03:04:05Z"),
        ("201", "t", "", "f", "s", "1", "C", "f", "t", "2", "C"),
        ("201", "t", "", "f", "s", "1", ""),
        ("305", "t", "MAJOR"),
        ("305", "t", "NEW"),
        ("999", "x", "y"),
        ("511", "d", "ls"),
        ("400", "", "x"),
        ("114", "a", "b"),
    ]
    assert same(engine, "s/us", rows)
    assert not same(engine, "s/us", [*rows, ("211", "warm")])
    assert same(engine, "s/uc/acme", [("pump", "", "5")])
