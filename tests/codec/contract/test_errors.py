"""Errors of every engine: attributes, messages, pickling. The classes: tests/codec/test_errors.py."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from support import decode_failure, encode_failure, failure

from smartrest import DecodeError, EncodeError, PayloadTooLargeError, SmartRestError
from smartrest._constants import STATUS, TEXTS

DECODE = [
    (b"abc", {"limit": 2}, "decode"),
    (b"500\na,\xff", {}, "decode"),
    (b'500\n1,"a', {}, "decode"),
    (b'500\n1, "a"', {"strict": True}, "decode"),
    (b'500\n1,a"', {"strict": True}, "decode"),
    (b"500\n1,a\rb", {"strict": True}, "decode"),
    (b'500\n1,"a"b', {"strict": True}, "decode"),
    (b'500\n1,"a""b\\""', {"strict": True}, "decode"),
    (b"500\n501", {}, "decode_row"),
    (b"a,b", {}, "unescape"),
]
ENCODE = [
    ([("1",), ()], {}),
    ([("1",), "500"], {}),
    ([("1",), ("2", b"x")], {}),
    ([("1",), ("2", float("nan"))], {}),
    ([("1",), ("2", "\ud800")], {}),
    ([("1",), ("2", "a,\\")], {"on_trailing_backslash": "error"}),
    ([("1",), ("2",)], {"limit": 2}),
]


def all_errors(engine: Any) -> list[SmartRestError]:
    errors: list[SmartRestError] = [decode_failure(engine, payload, call, **o) for payload, o, call in DECODE]
    errors += [encode_failure(engine, rows, **options) for rows, options in ENCODE]
    errors.append(decode_failure(engine.Schema({"1": [int]}), b"500\n1,x"))
    return errors


def test_every_reason_of_the_table_can_happen(engine: Any) -> None:
    assert {error.reason for error in all_errors(engine)} == set(TEXTS)
    assert len({number for number, _, _ in STATUS}) == len(STATUS) == len(TEXTS)


def test_every_error_pickles_and_copies(engine: Any) -> None:
    for error in all_errors(engine):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            again = pickle.loads(pickle.dumps(error, protocol))
            assert type(again) is type(error)
            assert failure(again) == failure(error)
        assert failure(copy.copy(error)) == failure(error)
        assert failure(copy.deepcopy(error)) == failure(error)


def test_messages_open_with_the_text_of_their_reason(engine: Any) -> None:
    for error in all_errors(engine):
        assert str(error).startswith(TEXTS[error.reason]), error
        assert isinstance(error, ValueError)


def test_rows_match_the_row_index(engine: Any) -> None:
    for payload, options, call in DECODE:
        error = decode_failure(engine, payload, call, **options)
        if error.reason == "too_large":
            assert (error.row, error.field, error.rows) == (None, None, [])
        else:
            assert error.row == len(error.rows)
        if error.reason not in ("too_large", "not_one_field"):
            assert error.rows == [("500",)]


def test_each_error_has_rows_of_its_own(engine: Any) -> None:
    first, second = decode_failure(engine, b'500\n"'), decode_failure(engine, b'500\n"')
    first.rows.append(("mine",))
    assert second.rows == [("500",)]
    assert DecodeError().rows == []


HOSTILE = (
    b"\x1b[31mred\x1b[0m\r\n", b"\x00\x01\x02\x7f", "é€🌡\u202e\u2028".encode(), b"\\\\\"\"''", b"\n" * 300, b"x" * 300,
    "🌡".encode() * 100, b"\\" * 300,
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:6]))
def test_messages_quote_little_and_escape_it(engine: Any, text: bytes) -> None:
    """`decode_failure` and `encode_failure` check length and printability for every error of the suite."""
    for payload in (b'1,"' + text.replace(b'"', b"'"), b"1,\xff" + text, text + b"\xff" + text):
        assert str(decode_failure(engine, payload)).isascii()
    for payload in (b'1,"a"b' + text, b'"a"\x1b' + text, b'a"' + text):
        error = decode_failure(engine, payload, strict=True)
        assert str(error).isascii()
    shown = text.decode()
    assert str(decode_failure(engine, "1,\ud800" + shown)).isascii()
    encode_failure(engine, [("1", shown + "\ud800")])
    encode_failure(engine, [("1", shown * 100)], limit=10)
    encode_failure(engine, [(shown + ",\\",)], on_trailing_backslash="error")
    encode_failure(engine, [shown])
    decode_failure(engine.Schema({"1": [int]}), engine.encode([("1", shown)]))
    decode_failure(engine, b'"a",' + text, "unescape")


def test_an_encode_error_names_type_row_and_field(engine: Any) -> None:
    error = encode_failure(engine, [("1",), ("2", "x", b"secret")])
    assert type(error) is EncodeError
    for part in ("bytes", "row 1", "field 2"):
        assert part in str(error)
    assert "secret" not in str(error)


def test_too_large_names_limit_and_row(engine: Any) -> None:
    error = encode_failure(engine, [("1",), ("2",)], limit=2)
    assert isinstance(error, PayloadTooLargeError)
    assert isinstance(error, EncodeError)
    assert "2 bytes" in str(error)
    assert "row 1" in str(error)


def test_a_decode_error_says_where(engine: Any) -> None:
    message = str(decode_failure(engine, b'500\n1,"abc'))
    for part in ("byte 6", "row 1", "field 1", '"abc'):
        assert part in message


def test_errors_hold_no_frames_alive(engine: Any) -> None:
    """An error kept for a log keeps its rows and message, but not the payload."""
    error = decode_failure(engine, b'500\n"' + b"x" * 1000)
    assert not any(isinstance(value, (bytes, bytearray, memoryview)) for value in vars(error).values())
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
