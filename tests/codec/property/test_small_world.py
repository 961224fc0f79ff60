"""Every string of special characters up to a length, on every engine, against the independent reader.

`SMARTREST_TEST_WORLD` sets the length; `tools/campaign.py world` goes further.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import Any

import pytest
import support_reader

from smartrest import DecodeError

ALPHABET = ',"\\\n\r a'
LENGTH = int(os.environ.get("SMARTREST_TEST_WORLD", "6"))


def world(length: int = LENGTH) -> Iterator[str]:
    for size in range(length + 1):
        for characters in itertools.product(ALPHABET, repeat=size):
            yield "".join(characters)


def shown(engine: Any, payload: bytes, strict: bool) -> Any:
    try:
        return engine.decode(payload, strict=strict)
    except DecodeError as error:
        return error.reason, error.position, error.row, error.field, error.rows


@pytest.mark.parametrize("first", ["", *ALPHABET], ids=ascii)
def test_the_whole_world(engines: list[Any], first: str) -> None:
    """All strings that start with a character: as many tests as there are characters can run at once."""
    texts = [first + rest for rest in world(LENGTH - 1)] if first else [""]
    for text in texts:
        payload = text.encode()
        answer = support_reader.read(payload)
        for engine in engines:
            reads_as(engine, payload, answer)
    assert len(texts) == (sum(len(ALPHABET) ** size for size in range(LENGTH)) if first else 1)


def reads_as(engine: Any, payload: bytes, answer: Any) -> None:
    """Every way of reading the payload gives what the independent reader found."""
    where = engine.engine(), payload
    expected: Any = answer.rows if answer.error is None else (*answer.error, answer.rows)
    assert shown(engine, payload, False) == expected, where
    if answer.strict is not None:
        expected = (*answer.strict[0], answer.rows[: answer.strict[1]])
    assert shown(engine, payload, True) == expected, where
    found = [(reason, start, end, row, field) for reason, _, start, end, row, field in engine.check(payload)]
    assert found == answer.findings, where
    if answer.error is None:
        assert engine.split(payload) == answer.raw, where
        rows = engine.scan(payload)
        assert [(row.start, row.end) for row in rows] == answer.spans, where
        assert [row.fields for row in rows] == answer.rows, where


def test_unescape(engine: Any) -> None:
    for text in world(min(LENGTH, 5)):
        answer = support_reader.read(text.encode())
        if (
            answer.error is None
            and len(answer.rows) == 1
            and len(answer.rows[0]) == 1
            and answer.raw == [text.encode()]
        ):
            assert engine.unescape(text) == answer.rows[0][0], text


@pytest.mark.parametrize("dialect", ["backslash", "double"])
def test_every_small_row_comes_back(engine: Any, dialect: str) -> None:
    values = ["".join(c) for size in range(4) for c in itertools.product(',"\\\n\r a', repeat=size)]
    for value in values:
        for row in ((value,), (value, "a"), ("a", value), (value, value)):
            payload = engine.encode_row(row, dialect=dialect)
            assert payload == support_reader.write([row], dialect)
            assert engine.decode(payload, strict=True) == [row]
    short = [value for value in values if len(value) <= 2]
    for first, second in itertools.product(short, repeat=2):
        rows = [(first, second), (second,)]
        payload = engine.encode(rows, dialect=dialect)
        assert engine.decode(payload) == rows, payload
