"""`split`: rows of escaped fields."""

from __future__ import annotations

from typing import Any

from support import decode_failure, where


def test_rows_without_row_ends_and_blank_lines(engine: Any) -> None:
    raw = engine.split(b'\xef\xbb\xbf\n100,"a\nb"\r\n\r\n 101, "x" \n\n"a"b"\n')
    assert raw == [b'100,"a\nb"', b' 101, "x" ', b'"a"b"']
    assert type(raw) is list


def test_rows_are_bytes_for_every_kind_of_input(engine: Any) -> None:
    for payload in ("1,é\n2", bytearray("1,é\n2".encode()), memoryview("1,é\n2".encode())):
        raw = engine.split(payload)
        assert raw == ["1,é".encode(), b"2"]
        assert [type(row) for row in raw] == [bytes, bytes]


def test_no_rows(engine: Any) -> None:
    assert engine.split(b"") == []
    assert engine.split("\ufeff\r\n\n") == []


def test_a_row_of_one_empty_field(engine: Any) -> None:
    assert engine.split(b'""\n""') == [b'""', b'""']


def test_rows_are_cut_where_decode_reads_a_row_end(engine: Any) -> None:
    # The same two quotes have two readings; only the end of the payload decides.
    assert engine.split(b'"a\\"\n"b"') == [b'"a\\"', b'"b"']
    assert engine.split(b'"a\\"\nb"') == [b'"a\\"\nb"']


def test_errors_are_those_of_decode(engine: Any) -> None:
    for payload in (b'1\n2,"a', b"1\n\xff", b'"'):
        error = decode_failure(engine, payload, "split")
        same = decode_failure(engine, payload)
        assert where(error) == where(same)
        assert error.rows == same.rows
