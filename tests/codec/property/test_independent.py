"""Engines against readers that share no code with them: a search over strict grammars, and simple peers.

`tests/codec/support_reader.py` holds the readers. Row smuggling would also show here.
"""

from __future__ import annotations

import csv
import io
from typing import Any

import strategies as s
import support_reader
from hypothesis import example, given
from support import decode_failure, where


def compare(engine: Any, payload: bytes) -> None:
    """Every reading function against the result of the rules."""
    answer = support_reader.read(payload)
    found = [(reason, start, end, row, field) for reason, _, start, end, row, field in engine.check(payload)]
    assert found == answer.findings
    if answer.error is not None:
        for strict in (False, True):
            error = decode_failure(engine, payload, strict=strict)
            assert where(error) == answer.error
            assert error.rows == answer.rows
        return
    assert engine.decode(payload) == answer.rows
    lazy = engine.scan(payload)
    assert [(row.start, row.end) for row in lazy] == answer.spans
    assert engine.split(payload) == answer.raw
    if answer.strict is None:
        assert engine.decode(payload, strict=True) == answer.rows
    else:
        error = decode_failure(engine, payload, strict=True)
        assert where(error) == answer.strict[0]
        assert error.rows == answer.rows[: answer.strict[1]]


@given(payload=s.short_payload_texts)
@example(payload='"a\\",b\\"')
@example(payload='"a""b\\"c" ,"d')
def test_short_texts(engine: Any, payload: str) -> None:
    compare(engine, payload.encode("utf-8"))


@given(payload=s.payloads)
def test_any_payload(engine: Any, payload: bytes) -> None:
    if payload.count(b'\\"') <= 12:  # the search may take exponential time in these
        compare(engine, payload)


@given(rows=s.row_lists, quote=s.quotes)
def test_a_reader_of_doubled_quotes(engine: Any, rows: Any, quote: str) -> None:
    text = engine.encode(rows, dialect="double", quote=quote, limit=None).decode("utf-8")
    assert support_reader.read_doubled(text) == rows
    if "\0" not in text:  # the csv module of Python 3.10 refuses NUL
        assert [tuple(row) for row in csv.reader(io.StringIO(text, newline=""), strict=True)] == rows


@given(rows=s.row_lists)
def test_a_greedy_reader_of_the_documented_rule(engine: Any, rows: Any) -> None:
    """It can read all that `on_trailing_backslash="error"` allows."""
    for row in rows:
        try:
            payload = engine.encode_row(row, on_trailing_backslash="error", limit=None)
        except ValueError:
            assert any(support_reader.needs_quotes(value) and value.endswith("\\") for value in row)
        else:
            assert support_reader.read_escaped(payload.decode("utf-8")) == [row]


@given(rows=s.short_row_lists, dialect=s.dialects)
def test_no_row_is_smuggled(engine: Any, rows: Any, dialect: str) -> None:
    payload = engine.encode(rows, dialect=dialect)
    answer = support_reader.read(payload)
    assert answer.rows == rows
    assert answer.strict is None
    assert len(support_reader.strict_readings(payload.decode("utf-8"), dialect)) == 1


@given(payload=s.short_payload_texts)
def test_the_claims_of_uniqueness(payload: str) -> None:
    """There is at most one strict reading in each dialect, and the dialects never disagree."""
    readings = []
    for dialect in ("backslash", "double"):
        found = support_reader.strict_readings(payload, dialect)
        assert len(found) <= 1
        readings += [[row.fields for row in reading.rows] for reading in found]
    assert len(readings) < 2 or readings[0] == readings[1]
