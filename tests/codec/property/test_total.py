"""The third law: any bytes or text give rows or a DecodeError."""

from __future__ import annotations

import random
from typing import Any

import strategies as s
from hypothesis import given
from hypothesis import strategies as st

from smartrest import DecodeError
from smartrest._constants import TEXTS


def check_all(engine: Any, payload: Any) -> None:
    data = payload.encode("utf-8", "surrogatepass") if isinstance(payload, str) else bytes(payload)
    findings = engine.check(payload)
    for strict in (False, True):
        try:
            rows = engine.decode(payload, strict=strict)
        except DecodeError as error:
            assert error.reason in TEXTS
            assert error.position is not None
            assert 0 <= error.position <= len(data)
            assert error.row == len(error.rows)
            assert all(type(row) is tuple for row in error.rows)
            assert (error.reason, error.position) in [(f.reason, f.start) for f in findings]
            continue
        assert not findings or not strict
        assert all(type(row) is tuple and row and all(type(field) is str for field in row) for row in rows)
        assert len(rows) <= data.count(b"\n") + 1, "only the byte 0x0A ends a row"
        assert sum(map(len, rows)) <= data.count(b",") + data.count(b"\n") + 1
        lazy = engine.scan(payload, strict=strict)
        assert [row.fields for row in lazy] == rows
        raw = engine.split(payload)
        assert [data[row.start : row.end] for row in lazy] == raw
        assert len(raw) == len(rows)
        assert not any(row.startswith(b"\n") or row.endswith(b"\n") for row in raw)


@given(payload=s.payloads)
def test_bytes(engine: Any, payload: bytes) -> None:
    check_all(engine, payload)


@given(payload=st.one_of(s.payload_texts, st.text()))
def test_text(engine: Any, payload: str) -> None:
    check_all(engine, payload)


@given(field=st.one_of(s.payloads, s.payload_texts))
def test_unescape(engine: Any, field: Any) -> None:
    try:
        assert type(engine.unescape(field)) is str
    except DecodeError as error:
        assert error.reason in ("not_one_field", "unterminated_quote", "invalid_utf8")


def test_random_bytes(engine: Any) -> None:
    chance = random.Random(511)
    for k in range(1_500):
        check_all(engine, chance.randbytes(k % 90))
        check_all(engine, bytes(chance.choices(b',"\\\n\r a\xc3\xa9', k=k % 150)))
        check_all(engine, bytes(chance.choices(b',"\\\n', k=k % 70)))
