"""`truncate`: shortens one field so that the encoded row fits."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from support import where

from smartrest import EncodeError, PayloadTooLargeError


def test_a_row_that_fits_is_unchanged(engine: Any) -> None:
    row = ["503", "c8y_Command", "text", 5, None, 2.5]
    got = engine.truncate(row)
    assert got == tuple(row)
    assert type(got) is tuple
    assert engine.truncate(row, 3, limit=1_000) == tuple(row), "fields of any type"
    assert engine.truncate(("1", "x" * 50_000), limit=None) == ("1", "x" * 50_000)


def test_the_last_field_by_default(engine: Any) -> None:
    row = engine.truncate(("503", "c8y_Command", "x" * 20_000))
    assert row[:2] == ("503", "c8y_Command")
    assert row[2].endswith("x…")
    assert len(engine.encode_row(row)) == 16_000


def test_another_field_and_marker(engine: Any) -> None:
    row = ("502", "x" * 100, "keep")
    assert engine.truncate(row, 1, limit=20, marker="...") == ("502", "x" * 8 + "...", "keep")
    assert engine.truncate(row, -2, limit=20, marker="") == ("502", "x" * 11, "keep")
    assert engine.truncate(list(row), field=1, limit=12, marker="...") == ("502", "...", "keep")


def test_bytes_count_and_characters_stay_whole(engine: Any) -> None:
    for limit in range(5, 30):
        row = engine.truncate(("1", "€" * 50), limit=limit)
        assert len(engine.encode_row(row)) <= limit
        assert row[1] == "€" * ((limit - 5) // 3) + "…"


def test_escaping_is_counted(engine: Any) -> None:
    row = engine.truncate(("1", 'a"' * 50), limit=20, marker="…")
    assert len(engine.encode_row(row)) <= 20
    assert row[1] == 'a"a"a"a"a…'


@pytest.mark.parametrize(
    "value", ["x" * 30, 'a"' * 15, "ab " * 10, "\n" * 30, " x" * 15, "é, " * 10, "x" * 10 + " " * 20, '"' * 9]
)
@pytest.mark.parametrize("marker", ["…", "", "...", " ", " cut", "cut ", '"', "<cut>\n", "x"])
def test_the_longest_prefix_that_fits(engine: Any, value: str, marker: str) -> None:
    for limit in range(2, 40):
        row = ("1", value, "z")
        if len(engine.encode_row(row)) <= limit:
            assert engine.truncate(row, 1, limit=limit, marker=marker) == row
            continue
        fitting = [
            kept for kept in range(len(value) + 1) if len(engine.encode_row(("1", value[:kept] + marker, "z"))) <= limit
        ]
        if not fitting:
            with pytest.raises(PayloadTooLargeError) as caught:
                engine.truncate(row, 1, limit=limit, marker=marker)
            assert where(caught.value) == ("too_large", None, 0, None)
            assert caught.value.limit == limit
            continue
        got = engine.truncate(row, 1, limit=limit, marker=marker)
        assert got == ("1", value[: fitting[-1]] + marker, "z")
        assert engine.truncate(got, 1, limit=limit, marker=marker) == got, "idempotent"


def test_encode_row_always_fits(engine: Any) -> None:
    for text in ('"', "é", "\n", "a b ", "\\", '\\"'):
        row = ("503", "c8y_Command", text * 20_000)
        assert len(engine.encode_row(engine.truncate(row))) <= 16_000


def test_a_single_empty_field_takes_two_bytes(engine: Any) -> None:
    assert engine.truncate(("abc",), limit=2, marker="") == ("ab",)
    assert engine.truncate(("abc",), limit=1, marker="") == ("a",)
    with pytest.raises(PayloadTooLargeError):
        engine.truncate(("abc",), limit=0, marker="")


def test_the_field_must_be_text(engine: Any) -> None:
    for value in (5, None, 2.5, True):
        with pytest.raises(EncodeError) as caught:
            engine.truncate(("x" * 50, value), 1, limit=20)
        assert where(caught.value) == ("bad_type", None, 0, 1)


def test_errors_of_the_row(engine: Any) -> None:
    for row, expected in (
        ((), ("empty_row", None, 0, None)),
        ("500", ("bad_row", None, 0, None)),
        (("1", b"x"), ("bad_type", None, 0, 1)),
        (("\ud800", "x"), ("lone_surrogate", None, 0, 0)),
    ):
        with pytest.raises(EncodeError) as caught:
            engine.truncate(row, -1, limit=10)
        assert where(caught.value) == expected


def test_field_index(engine: Any) -> None:
    for field in (2, -3, 2**70):
        with pytest.raises(IndexError):
            engine.truncate(("1", "x" * 50), field, limit=10)
    for field in ("1", 1.0, None):
        with pytest.raises(TypeError):
            engine.truncate(("1", "x" * 50), field, limit=10)


def test_wrong_options(engine: Any) -> None:
    for options, raised in (({"limit": -1}, ValueError), ({"limit": "5"}, TypeError), ({"marker": b"x"}, TypeError)):
        with pytest.raises(raised):
            engine.truncate(("1", "x" * 50), **options)


def test_a_surrogate_is_refused_where_it_would_be_sent(engine: Any) -> None:
    with pytest.raises(EncodeError) as caught:
        engine.truncate(("1", "x" * 50 + "\ud800"), limit=10)
    assert where(caught.value) == ("lone_surrogate", None, 0, 1)


def test_every_length_and_limit_of_plain_text(engine: Any) -> None:
    for length, limit in itertools.product(range(12), range(2, 16)):
        row = engine.truncate(("1", "x" * length), limit=limit, marker="")
        assert row == ("1", "x" * min(length, limit - 2))
