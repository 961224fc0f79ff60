"""`escape` and `unescape`: a field to and from its wire form."""

from __future__ import annotations

from typing import Any

import pytest
from support import decode_failure, encode_failure, where

from smartrest import EncodeError


@pytest.mark.parametrize(
    ("value", "backslash", "double"),
    [
        ("", "", ""),
        ("plain", "plain", "plain"),
        ("a,b", '"a,b"', '"a,b"'),
        ('say "hi"', '"say \\"hi\\""', '"say ""hi"""'),
        ("C:\\", "C:\\", "C:\\"),
        ("a\nb", '"a\nb"', '"a\nb"'),
        (" ", '" "', '" "'),
        (12, "12", "12"),
        (None, "", ""),
        (True, "true", "true"),
        (1.5, "1.5", "1.5"),
        ("é🌡", "é🌡", "é🌡"),
    ],
)
def test_escape(engine: Any, value: Any, backslash: str, double: str) -> None:
    assert engine.escape(value) == backslash
    assert engine.escape(value, dialect="backslash") == backslash
    assert engine.escape(value, dialect="double") == double
    assert type(engine.escape(value)) is str
    assert (
        engine.unescape(backslash) == engine.unescape(double) == engine.decode_row(engine.encode_row(("1", value)))[1]
    )


def test_quote_all(engine: Any) -> None:
    assert engine.escape("", quote="all") == '""'
    assert engine.escape(5, quote="all") == '"5"'
    assert engine.escape('"', quote="all", dialect="double") == '""""'


def test_escape_has_no_size_limit(engine: Any) -> None:
    assert len(engine.escape("x" * 50_000)) == 50_000
    assert len(engine.escape('"' * 50_000)) == 100_002


def test_errors_of_escape_have_no_place(engine: Any) -> None:
    assert where(encode_failure(engine, "\ud800", "escape")) == ("lone_surrogate", None, None, None)
    assert where(encode_failure(engine, b"x", "escape")) == ("bad_type", None, None, None)
    assert where(encode_failure(engine, float("inf"), "escape")) == ("bad_value", None, None, None)
    error = encode_failure(engine, "a,\\", "escape", on_trailing_backslash="error")
    assert where(error) == ("trailing_backslash", None, None, None)
    assert type(error) is EncodeError


def test_wrong_options(engine: Any) -> None:
    for options, raised in (
        ({"dialect": "x"}, ValueError),
        ({"quote": "x"}, ValueError),
        ({"on_trailing_backslash": "x"}, ValueError),
        ({"dialect": 1}, TypeError),
        ({"limit": 5}, TypeError),
        ({"final_newline": True}, TypeError),
    ):
        with pytest.raises(raised):
            engine.escape("a", **options)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("", ""),
        ('""', ""),
        ("a", "a"),
        (" a ", " a "),
        (' "a" ', "a"),
        ('"a,b\nc\r\nd"', "a,b\nc\r\nd"),
        ('"a\\"b"', 'a"b'),
        ('"a""b"', 'a"b'),
        ('"a\\"', "a\\"),
        ('"a""b\\"c"', 'a"b"c'),
        ('a"b', 'a"b'),
        ('"a"b', "ab"),
        ("a\rb", "a\rb"),
        ("a\r", "a\r"),
        ("\ufeff500", "\ufeff500"),
        ('\ufeff"a"', '\ufeff"a"'),
        ("\t", "\t"),
        ("\x00", "\x00"),
    ],
)
def test_unescape(engine: Any, field: str, value: str) -> None:
    assert engine.unescape(field) == value
    for same in (field.encode(), bytearray(field.encode()), memoryview(field.encode())):
        assert engine.unescape(same) == value
    assert type(engine.unescape(field)) is str


@pytest.mark.parametrize(
    ("field", "position"),
    [
        ("a,b", 2),
        (",", 1),
        ("a\n", 2),
        ("\n", 1),
        ("\r\n", 2),
        ("é\r\nb", 4),
        ('"a,b",c', 6),
        ('"a"\n"b"', 4),
        ('"a" ,', 5),
    ],
)
def test_not_one_field(engine: Any, field: str, position: int) -> None:
    for given in (field, field.encode()):
        error = decode_failure(engine, given, "unescape")
        assert where(error) == ("not_one_field", position, 0, 1)
        assert error.rows == []


def test_other_errors_of_unescape(engine: Any) -> None:
    for given, expected in (
        ('"a', ("unterminated_quote", 0, 0, 0)),
        (' "a', ("unterminated_quote", 1, 0, 0)),
        (b"a\xff", ("invalid_utf8", 1, 0, 0)),
        (b"a,\xff", ("invalid_utf8", 2, 0, 0)),
        ("é\ud800", ("invalid_utf8", 2, 0, 0)),
    ):
        error = decode_failure(engine, given, "unescape")
        assert where(error) == expected
        assert error.rows == []


def test_the_whole_text_is_read_first(engine: Any) -> None:
    assert decode_failure(engine, 'a,"b', "unescape").reason == "unterminated_quote"
    assert decode_failure(engine, b'a,"b\xff', "unescape").reason == "invalid_utf8"


def test_wrong_types(engine: Any) -> None:
    for field in (None, 5, ["a"], object()):
        with pytest.raises(TypeError):
            engine.unescape(field)
