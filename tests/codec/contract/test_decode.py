"""`decode` and `decode_row`: types of input, options, results."""

from __future__ import annotations

import gc
import platform
from typing import Any

import pytest
from support import decode_failure, where

from smartrest import DecodeError


def test_rows_are_tuples_of_str(engine: Any) -> None:
    rows = engine.decode(b'100,"a",\n101')
    assert type(rows) is list
    assert [type(row) for row in rows] == [tuple, tuple]
    assert all(type(field) is str for row in rows for field in row)


@pytest.mark.skipif(platform.python_implementation() != "CPython", reason="the collector's bookkeeping is CPython's")
def test_rows_are_invisible_to_the_garbage_collector(engine: Any) -> None:
    rows = engine.decode(b"100,a\n" * 50)
    gc.collect()
    assert not any(gc.is_tracked(row) for row in rows)


def test_each_call_gives_a_list_of_its_own(engine: Any) -> None:
    payload = b"100,a"
    engine.decode(payload).append("mine")
    assert engine.decode(payload) == [("100", "a")]
    engine.decode(b"").append("mine")
    assert engine.decode(b"") == []


def test_strict_takes_any_truth_value(engine: Any) -> None:
    for no in (False, 0, "", None, []):
        assert engine.decode(b'a"b', strict=no) == [('a"b',)]
    for yes in (True, 1, "no", [0]):
        assert decode_failure(engine, b'a"b', strict=yes).reason == "stray_quote"


class TestLimit:
    def test_bytes_of_the_payload_count(self, engine: Any) -> None:
        payload = "100,é\n".encode()
        assert engine.decode(payload, limit=7) == [("100", "é")]
        error = decode_failure(engine, payload, limit=6)
        assert where(error) == ("too_large", 6, None, None)
        assert error.rows == []

    def test_none_and_huge_mean_no_limit(self, engine: Any) -> None:
        payload = b"x" * 70_000
        for limit in (None, 70_000, 2**31, 2**32, 2**63, 2**64, 10**30):
            assert engine.decode(payload, limit=limit) == [("x" * 70_000,)]

    def test_there_is_no_limit_by_default(self, engine: Any) -> None:
        assert len(engine.decode(b"500\n" * 50_000)) == 50_000

    def test_zero_takes_the_empty_payload_alone(self, engine: Any) -> None:
        assert engine.decode(b"", limit=0) == []
        assert where(decode_failure(engine, b"\n", limit=0)) == ("too_large", 0, None, None)

    def test_str_counts_as_utf8(self, engine: Any) -> None:
        assert engine.decode("é€", limit=5) == [("é€",)]
        assert where(decode_failure(engine, "é€", limit=4)) == ("too_large", 4, None, None)

    def test_a_lone_surrogate_counts_three_bytes(self, engine: Any) -> None:
        assert decode_failure(engine, "a\ud800", limit=3).reason == "too_large"
        assert decode_failure(engine, "a\ud800", limit=4).reason == "invalid_utf8"

    def test_it_comes_before_every_other_error(self, engine: Any) -> None:
        for payload in (b'\xff"a', b'"a', b'a"b'):
            error = decode_failure(engine, payload, limit=1, strict=True)
            assert where(error) == ("too_large", 1, None, None)

    def test_any_integer_will_do(self, engine: Any) -> None:
        class Five:
            def __index__(self) -> int:
                return 5

        assert engine.decode(b"100,a", limit=Five()) == [("100", "a")]
        assert decode_failure(engine, b"100,ab", limit=Five()).position == 5
        assert decode_failure(engine, b"ab", limit=True).position == 1

    def test_negative_is_a_wrong_value(self, engine: Any) -> None:
        for limit in (-1, -(2**70)):
            with pytest.raises(ValueError, match="limit") as caught:
                engine.decode(b"", limit=limit)
            assert not isinstance(caught.value, DecodeError)

    @pytest.mark.parametrize("limit", [1.0, "5", b"5", [], object()])
    def test_others_are_of_a_wrong_type(self, engine: Any, limit: Any) -> None:
        with pytest.raises(TypeError):
            engine.decode(b"", limit=limit)


class TestDecodeRow:
    def test_exactly_one(self, engine: Any) -> None:
        row = engine.decode_row(b'\n71,"a,b"\r\n\n')
        assert row == ("71", "a,b")
        assert type(row) is tuple

    def test_a_second_row(self, engine: Any) -> None:
        error = decode_failure(engine, b"\n\n70,t\r\n\r\n71,x\n72", "decode_row")
        assert where(error) == ("not_one_row", 10, 1, None)
        assert error.rows == [("70", "t")]

    def test_no_row(self, engine: Any) -> None:
        for payload in (b"", b"\n\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"):
            error = decode_failure(engine, payload, "decode_row")
            assert where(error) == ("not_one_row", len(payload), 0, None)
            assert error.rows == []

    def test_positions_count_the_byte_order_mark(self, engine: Any) -> None:
        assert where(decode_failure(engine, "\ufeffé\né".encode(), "decode_row")) == ("not_one_row", 6, 1, None)
        assert where(decode_failure(engine, "\ufeffé\né", "decode_row")) == ("not_one_row", 6, 1, None)

    def test_the_whole_payload_is_read_first(self, engine: Any) -> None:
        assert decode_failure(engine, b'1\n2\n"', "decode_row").reason == "unterminated_quote"
        assert decode_failure(engine, b"1\n2\n\xff", "decode_row").reason == "invalid_utf8"
        error = decode_failure(engine, b'1\n2\na"b', "decode_row", strict=True)
        assert where(error) == ("stray_quote", 5, 2, 0)
        assert error.rows == [("1",), ("2",)]

    def test_strict(self, engine: Any) -> None:
        assert engine.decode_row(b'1, "a"') == ("1", "a")
        assert decode_failure(engine, b'1, "a"', "decode_row", strict=True).reason == "blank_outside_quotes"

    def test_it_has_no_limit(self, engine: Any) -> None:
        with pytest.raises(TypeError):
            engine.decode_row(b"1", limit=1)


class TestInvalidUtf8:
    @pytest.mark.parametrize(
        ("payload", "expected", "rows"),
        [
            (b"\xff", ("invalid_utf8", 0, 0, 0), 0),
            (b"a,b\xff", ("invalid_utf8", 3, 0, 1), 0),
            (b"a,b\n\xff", ("invalid_utf8", 4, 1, 0), 1),
            (b"a,b\r\n\r\n\n\xff", ("invalid_utf8", 8, 1, 0), 1),
            (b"a,b\r\xff", ("invalid_utf8", 4, 0, 1), 0),
            (b"a,\xff", ("invalid_utf8", 2, 0, 1), 0),
            (b'a\n"b\n\xff', ("invalid_utf8", 5, 1, 0), 1),
            (b'a\nc,"b"\xff', ("invalid_utf8", 7, 1, 1), 1),
            (b"\xef\xbb\xbf\xff", ("invalid_utf8", 3, 0, 0), 0),
            (b"\xef\xbb\xbfa\n\xff", ("invalid_utf8", 5, 1, 0), 1),
            (b'a"b,"c\\",\xff', ("invalid_utf8", 9, 0, 1), 0),
            (b"\xed\xb0\x80", ("invalid_utf8", 0, 0, 0), 0),
            (b"\xe2\x82", ("invalid_utf8", 0, 0, 0), 0),
        ],
    )
    def test_place(self, engine: Any, payload: bytes, expected: Any, rows: int) -> None:
        for strict in (False, True):
            error = decode_failure(engine, payload, strict=strict)
            assert where(error) == expected
            assert len(error.rows) == rows

    def test_it_comes_before_an_open_quote(self, engine: Any) -> None:
        assert decode_failure(engine, b'"a\n\xff').reason == "invalid_utf8"
        assert decode_failure(engine, b'\xff"a').position == 0

    def test_a_lone_surrogate_in_str(self, engine: Any) -> None:
        error = decode_failure(engine, "é,1\na,\udc80b")
        assert where(error) == ("invalid_utf8", 7, 1, 1)
        assert error.rows == [("é", "1")]

    def test_two_surrogates_do_not_make_a_character(self, engine: Any) -> None:
        assert decode_failure(engine, "\ud83d\ude00").position == 0

    def test_every_sequence_of_two_bytes(self, engine: Any) -> None:
        for first in range(128, 256):
            for second in (0x00, 0x0A, 0x22, 0x2C, 0x7F, 0x80, 0x8A, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF):
                payload = b"1," + bytes([first, second])
                try:
                    expected: Any = [tuple(row.split(",")) for row in payload.decode().split("\n")]
                except UnicodeDecodeError as error:
                    assert decode_failure(engine, payload).position == error.start
                else:
                    assert engine.decode(payload) == expected

    @pytest.mark.parametrize("lead", [0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5])
    def test_every_second_byte_of_long_sequences(self, engine: Any, lead: int) -> None:
        for second in range(128, 256):
            for tail in (b"\x80", b"\x80\x80", b"\xbf\xbf", b"\x80a", b"a", b""):
                payload = b"x" * 61 + bytes([lead, second]) + tail
                try:
                    payload.decode()
                except UnicodeDecodeError as error:
                    assert decode_failure(engine, payload).position == error.start
                else:
                    assert engine.decode(payload) == [(payload.decode(),)]
