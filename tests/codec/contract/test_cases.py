"""Every case of `tests/codec/cases/*.md` on every engine and on the independent reader."""

from __future__ import annotations

from typing import Any

import pytest
import support_cases
import support_reader
from support import decode_failure, where
from support_cases import Case

from smartrest import EncodeError, errors

CASES = support_cases.load()
READING = [case for case in CASES if case.limit is None and "limit" not in case.keys]
PACKING = [case for case in CASES if "limit" in case.keys]
READABLE = [case for case in READING if case.error is None]
reading = pytest.mark.parametrize("case", READING, ids=lambda case: case.name)
readable = pytest.mark.parametrize("case", READABLE, ids=lambda case: case.name)
packing = pytest.mark.parametrize("case", PACKING, ids=lambda case: case.name)


def forms(case: Case) -> list[Any]:
    """The payload in each type of input."""
    given: list[Any] = [case.payload, bytearray(case.payload), memoryview(case.payload)]
    if case.error is None or case.error[0] != "invalid_utf8":
        given.append(case.payload.decode("utf-8"))
    return given


def test_there_are_cases() -> None:
    assert len(READING) > 140
    assert len(PACKING) > 12


@reading
def test_decode(engine: Any, case: Case) -> None:
    for payload in forms(case):
        if case.error is None:
            assert engine.decode(payload) == case.out
        else:
            error = decode_failure(engine, payload)
            assert where(error) == case.error
            assert error.rows == case.out


@reading
def test_strict(engine: Any, case: Case) -> None:
    expected = case.error or case.strict
    for payload in forms(case):
        if expected is None:
            assert engine.decode(payload, strict=True) == case.out
        else:
            error = decode_failure(engine, payload, strict=True)
            assert where(error) == expected
            assert error.rows == case.out[: expected[2]]
            assert where(decode_failure(engine, payload, "scan", strict=True)) == expected


@reading
def test_scan_and_split(engine: Any, case: Case) -> None:
    if case.error is not None:
        for call in ("scan", "split"):
            error = decode_failure(engine, case.payload, call)
            assert where(error) == case.error
            assert error.rows == case.out
        return
    lazy = engine.scan(case.payload)
    assert [row.fields for row in lazy] == case.out
    raw = engine.split(case.payload)
    assert [row.raw for row in lazy] == raw
    assert [case.payload[row.start : row.end] for row in lazy] == raw
    if case.split is not None:
        assert raw == case.split
    if case.strict is None and not any(row[0].startswith("\ufeff") for row in case.out):
        assert [engine.decode_row(row) for row in raw] == case.out


@reading
def test_check(engine: Any, case: Case) -> None:
    found = [tuple(finding) for finding in engine.check(case.payload)]
    if case.check:
        assert [(reason, start, end, row, field) for reason, _, start, end, row, field in found] == case.check
    else:
        expected = case.error or case.strict
        assert [(f[0], f[2], f[4], f[5]) for f in found] == ([] if expected is None else [expected])


@readable
def test_written(engine: Any, case: Case) -> None:
    for dialect, quote, newline in case.written:
        written = engine.encode(case.out, dialect=dialect, quote=quote, final_newline=newline)
        assert written == case.payload, (dialect, quote, newline)
    for dialect in ("backslash", "double"):
        canonical = (dialect, "minimal", False) in case.written
        assert (engine.encode(case.out, dialect=dialect) == case.payload) is canonical, dialect


@reading
def test_independent_reader(case: Case) -> None:
    answer = support_reader.read(case.payload)
    assert answer.rows == case.out
    assert answer.error == case.error
    if case.error is None:
        assert (answer.strict and answer.strict[0]) == case.strict
    if case.split is not None:
        assert answer.raw == case.split
    if case.check:
        assert answer.findings == case.check


@packing
def test_pack(engine: Any, case: Case) -> None:
    refused: list[EncodeError] = []
    assert list(engine.pack(case.rows, limit=case.limit, on_error=refused.append)) == case.payloads
    assert [where(error) for error in refused] == case.refused
    for payload in case.payloads:
        assert case.limit is None or len(payload) <= case.limit


@packing
def test_encode_within_limit(engine: Any, case: Case) -> None:
    if case.encode is None:
        assert not case.refused
        assert engine.encode(case.rows, limit=case.limit) == (case.payloads or [b""])[0]
        return
    with pytest.raises(errors.PayloadTooLargeError) as caught:
        engine.encode(case.rows, limit=case.limit)
    assert where(caught.value) == case.encode
    assert caught.value.limit == case.limit
