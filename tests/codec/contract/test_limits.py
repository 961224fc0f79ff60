"""Sizes: the payload limit, very long fields, very many rows and fields; no input can exhaust the reader."""

from __future__ import annotations

from typing import Any

import pytest
from support import decode_failure

from smartrest import PACKET_LIMIT, PAYLOAD_LIMIT


def test_the_limits() -> None:
    assert PACKET_LIMIT == 16_184
    assert PAYLOAD_LIMIT == 16_000


@pytest.mark.parametrize(
    "size", [15_998, 15_999, 16_000, 16_001, 16_183, 16_184, 65_534, 65_535, 65_536, 65_537, 200_000]
)
def test_long_fields(engine: Any, size: int) -> None:
    for unit in ("x", '"', "\n", "\\"):
        value = unit * size
        for dialect in ("backslash", "double"):
            payload = engine.encode([("1", value, "z")], dialect=dialect, limit=None)
            assert engine.decode(payload) == [("1", value, "z")]
            assert engine.decode(payload, strict=True) == [("1", value, "z")]
            assert engine.scan(payload)[0][1] == value


@pytest.mark.parametrize("count", [4_095, 4_096, 65_535, 65_536, 65_537])
def test_many_fields_and_rows(engine: Any, count: int) -> None:
    assert engine.decode(b"," * count) == [("",) * (count + 1)]
    assert engine.decode(b"1\n" * count) == [("1",)] * count
    assert engine.decode(b'""\n' * count) == [("",)] * count
    assert engine.decode(b"\n" * count) == []
    assert engine.decode(b"\r\n" * count) == []
    assert len(engine.scan(b"1,2\n" * count)) == count
    assert len(engine.split(b"1,2\n" * count)) == count


def test_long_hostile_texts_are_read_or_refused(engine: Any) -> None:
    """Repetition causes neither recursion nor guessing. Growth of time: tests/codec/property/test_time.py."""
    for unit in (b'"', b'""', b'\\"', b'",\\"', b'"\n"', b'",\\",\\"', b'"a\\",', b'\\",\n"', b'" ,"', b'"\r'):
        for prefix in (b"", b'"', b'a,"', b"\xef\xbb\xbf"):
            payload = prefix + unit * 5_000
            try:
                rows = engine.decode(payload)
            except ValueError:
                assert decode_failure(engine, payload).reason == "unterminated_quote"
                assert decode_failure(engine, payload, "scan").reason == "unterminated_quote"
            else:
                assert len(rows) <= payload.count(b"\n") + 1
                assert [row.fields for row in engine.scan(payload)] == rows


def test_a_reading_that_is_decided_at_the_very_end(engine: Any) -> None:
    """`\\"` before a comma, thousands of times: the last quotes say whether each closes its field."""
    closing = b'"a\\",' * 3_000
    assert engine.decode(closing + b"z") == [("a\\",) * 3_000 + ("z",)]
    escaped = b'"' + b'a\\",' * 3_000
    assert engine.decode(escaped + b'z"') == [('a",' * 3_000 + "z",)]
    rows = b'"a\\"\n' * 3_000
    assert engine.decode(rows) == [("a\\",)] * 3_000
    assert engine.split(rows) == [b'"a\\"'] * 3_000
    assert engine.decode(b'"' + b'a\\"\n' * 3_000 + b'"') == [('a"\n' * 3_000,)]
