"""`encode` and `encode_row`: rows, options, the order of errors. Values: test_values.py."""

from __future__ import annotations

import array
from collections import UserList, deque
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from support import encode_failure, where

from smartrest import EncodeError, PayloadTooLargeError

ROW = ("511", "dev", 'say "hi"', "a,b", "", "x\\", "y, \\")


class TestOptions:
    def test_dialects(self, engine: Any) -> None:
        backslash = b'511,dev,"say \\"hi\\"","a,b",,x\\,"y, \\"'
        assert engine.encode([ROW]) == backslash
        assert engine.encode([ROW], dialect="backslash") == backslash
        assert engine.encode([ROW], dialect="double") == b'511,dev,"say ""hi""","a,b",,x\\,"y, \\"'

    def test_quote_all(self, engine: Any) -> None:
        assert engine.encode([("1", "", None, 'a"', 2.5)], quote="all") == b'"1","","","a\\"","2.5"'
        assert engine.encode([("1", ""), ("",)], quote="all", dialect="double") == b'"1",""\n""'
        assert engine.encode([("", "")], quote="minimal") == b","

    def test_final_newline(self, engine: Any) -> None:
        assert engine.encode([("1",), ("2",)], final_newline=True) == b"1\n2\n"
        assert engine.encode([("1",)], final_newline=1) == b"1\n"
        assert engine.encode([], final_newline=True) == b""
        assert engine.encode_row(("1",), final_newline=True) == b"1\n"

    def test_trailing_backslash(self, engine: Any) -> None:
        refuse = {"on_trailing_backslash": "error"}
        assert engine.encode([("x\\", "a\\b,")], **refuse) == b'x\\,"a\\b,"'
        assert where(encode_failure(engine, [("1",), ("1", "a,\\")], **refuse)) == ("trailing_backslash", None, 1, 1)
        assert where(encode_failure(engine, [("x\\",)], quote="all", **refuse)) == ("trailing_backslash", None, 0, 0)
        assert engine.encode([("a,\\",)], on_trailing_backslash="allow") == b'"a,\\"'

    def test_limit(self, engine: Any) -> None:
        rows = [("100", "é"), ("500",)]
        assert engine.encode(rows, limit=10) == "100,é\n500".encode()
        error = encode_failure(engine, rows, limit=9)
        assert type(error) is PayloadTooLargeError
        assert where(error) == ("too_large", None, 1, None)
        assert error.limit == 9
        assert engine.encode(rows, limit=11, final_newline=True) == "100,é\n500\n".encode()
        assert where(encode_failure(engine, rows, limit=10, final_newline=True)) == ("too_large", None, 1, None)
        assert encode_failure(engine, rows, limit=6, final_newline=True).row == 0
        assert engine.encode([], limit=0) == b""

    def test_the_limit_is_16_000_by_default(self, engine: Any) -> None:
        assert len(engine.encode([("x" * 16_000,)])) == 16_000
        error = encode_failure(engine, [("x" * 16_001,)])
        assert isinstance(error, PayloadTooLargeError)
        assert error.limit == 16_000
        assert len(engine.encode([("x" * 200_000,)], limit=None)) == 200_000
        assert len(engine.encode([("x" * 200_000,)], limit=2**70)) == 200_000

    def test_values_come_before_size(self, engine: Any) -> None:
        assert encode_failure(engine, [("x" * 20_000, "\ud800")]).reason == "lone_surrogate"
        assert where(encode_failure(engine, [("x" * 20_000,), ("\ud800",)])) == ("too_large", None, 0, None)

    @pytest.mark.parametrize(
        ("options", "raised"),
        [
            ({"dialect": "csv"}, ValueError),
            ({"dialect": "Backslash"}, ValueError),
            ({"dialect": ""}, ValueError),
            ({"quote": "none"}, ValueError),
            ({"on_trailing_backslash": "ignore"}, ValueError),
            ({"limit": -1}, ValueError),
            ({"dialect": None}, TypeError),
            ({"dialect": b"double"}, TypeError),
            ({"quote": True}, TypeError),
            ({"on_trailing_backslash": 1}, TypeError),
            ({"limit": 1.5}, TypeError),
            ({"limit": "10"}, TypeError),
            ({"strict": True}, TypeError),
        ],
    )
    @pytest.mark.parametrize("call", ["encode", "encode_row", "pack", "compile"])
    def test_wrong_options(self, engine: Any, call: str, options: dict[str, Any], raised: type[Exception]) -> None:
        given: Any = ("1", "2") if call in ("encode_row", "compile") else [("1", "2")]
        with pytest.raises(raised) as caught:
            getattr(engine, call)(given, **options)
        assert not isinstance(caught.value, EncodeError)

    def test_options_are_keywords(self, engine: Any) -> None:
        for call in (engine.encode, engine.encode_row, engine.pack, engine.compile):
            with pytest.raises(TypeError):
                call(["1"], "double")


class TestRows:
    def test_kinds_of_rows(self, engine: Any) -> None:
        class Pair(Sequence[str]):
            def __len__(self) -> int:
                return 2

            def __getitem__(self, k: Any) -> Any:
                return ("1", "a,b")[k]

        rows = [("1", "a,b"), ["1", "a,b"], Pair(), UserList(["1", "a,b"]), deque(["1", "a,b"])]
        for row in rows:
            assert engine.encode_row(row) == b'1,"a,b"'
        assert engine.encode(rows) == b"\n".join([b'1,"a,b"'] * 5)
        assert engine.encode_row(range(3)) == b"0,1,2"

    def test_any_iterable_of_rows(self, engine: Any) -> None:
        for rows in ([("1",), ("2",)], (("1",), ("2",)), iter([("1",), ("2",)]), {("1",): 0, ("2",): 0}):
            assert engine.encode(rows) == b"1\n2"
        assert engine.encode((str(k),) for k in range(3)) == b"0\n1\n2"
        assert engine.encode(map(list, ["1", "2"])) == b"1\n2"
        assert engine.encode(iter(())) == b""

    def test_not_iterable(self, engine: Any) -> None:
        for rows in (None, 5, object()):
            with pytest.raises(TypeError):
                engine.encode(rows)
            with pytest.raises(TypeError):
                engine.pack(rows)

    @pytest.mark.parametrize(
        "row",
        ["500", "", b"500", bytearray(b"1"), memoryview(b"1"), array.array("b", [1]), 5, None, {"1"}, {"1": 2},
         frozenset(), iter(["1"]), (x for x in "1"), object(), object, 1.5],
        ids=lambda row: type(row).__name__,
    )  # fmt: skip
    def test_no_rows(self, engine: Any, row: Any) -> None:
        assert where(encode_failure(engine, [("1",), row])) == ("bad_row", None, 1, None)
        assert where(encode_failure(engine, row, "encode_row")) == ("bad_row", None, 0, None)

    def test_a_str_is_not_a_list_of_rows(self, engine: Any) -> None:
        assert where(encode_failure(engine, "500")) == ("bad_row", None, 0, None)
        assert where(encode_failure(engine, ["500"])) == ("bad_row", None, 0, None)
        assert where(encode_failure(engine, ("500", "501"))) == ("bad_row", None, 0, None)
        assert where(encode_failure(engine, b"500")) == ("bad_row", None, 0, None)

    def test_a_row_needs_a_field(self, engine: Any) -> None:
        for empty in ((), [], range(0), UserList()):
            assert where(encode_failure(engine, [("1",), ("2",), empty])) == ("empty_row", None, 2, None)
            assert where(encode_failure(engine, empty, "encode_row")) == ("empty_row", None, 0, None)

    def test_one_empty_field(self, engine: Any) -> None:
        for value in ("", None):
            assert engine.encode_row((value,)) == b'""'
            assert engine.encode([(value,), (value, value)]) == b'""\n,'

    def test_encode_row_is_encode_of_one_row(self, engine: Any) -> None:
        for options in ({}, {"dialect": "double"}, {"quote": "all"}, {"final_newline": True}):
            assert engine.encode_row(ROW, **options) == engine.encode([ROW], **options)

    def test_the_first_error_wins(self, engine: Any) -> None:
        assert where(encode_failure(engine, [("1", b"x", "\ud800"), ()])) == ("bad_type", None, 0, 1)
        assert where(encode_failure(engine, [("1", "\ud800", b"x"), ()])) == ("lone_surrogate", None, 0, 1)
        assert where(encode_failure(engine, [(), ("1", b"x")])) == ("empty_row", None, 0, None)
        assert where(encode_failure(engine, [("1",), ("2", float("nan"))])) == ("bad_value", None, 1, 1)

    def test_errors_of_the_callers_iterator_pass_through(self, engine: Any) -> None:
        def rows() -> Iterator[Any]:
            yield ("1",)
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            engine.encode(rows())

    def test_errors_of_the_callers_sequence_pass_through(self, engine: Any) -> None:
        class Broken(Sequence[str]):
            def __len__(self) -> int:
                return 3

            def __getitem__(self, k: Any) -> Any:
                if k == 1:
                    raise RuntimeError("mine")
                return "a"

        with pytest.raises(RuntimeError, match="mine"):
            engine.encode([Broken()])
        with pytest.raises(RuntimeError, match="mine"):
            engine.encode_row(Broken())

    def test_results_are_exact_bytes(self, engine: Any) -> None:
        assert type(engine.encode([("1",)])) is bytes
        assert type(engine.encode([])) is bytes
        assert type(engine.encode_row(("1",))) is bytes

    def test_wide_and_long(self, engine: Any) -> None:
        wide = tuple(str(k) for k in range(3_000))
        assert engine.encode_row(wide) == ",".join(wide).encode()
        many = [(str(k), "a") for k in range(5_000)]
        assert engine.encode(many, limit=None) == "\n".join(f"{k},a" for k in range(5_000)).encode()
        assert engine.encode_row(("\n" * 7_999,)) == b'"' + b"\n" * 7_999 + b'"'
        assert engine.encode_row(('"' * 7_999,)) == b'"' + b'\\"' * 7_999 + b'"'
        assert encode_failure(engine, [('"' * 8_000,)]).reason == "too_large"


class TestQuoting:
    @pytest.mark.parametrize("code", [*range(0x21), 0x7F, 0x85, 0xA0, 0x1680, 0x2000, 0x200A, 0x2028, 0x3000, 0xFEFF])
    def test_white_space_at_an_edge(self, engine: Any, code: int) -> None:
        white = chr(code)
        quoted = code <= 0x20 or white.isspace() or code == 0xFEFF
        for value in (white, white + "a", "a" + white):
            plain = value.encode()
            assert engine.encode_row(("1", value)) == b"1," + (b'"' + plain + b'"' if quoted else plain)
        inside = code in (9, 10, 13)
        plain = f"a{white}b".encode()
        assert engine.encode_row(("1", f"a{white}b")) == b"1," + (b'"' + plain + b'"' if inside else plain)

    def test_every_character_of_the_basic_plane_at_the_edges(self, engine: Any) -> None:
        for first in range(0, 0x10000, 0x100):
            for code in range(first, first + 0x100):
                if 0xD800 <= code < 0xE000:
                    continue
                char = chr(code)
                quoted = code <= 0x20 or char.isspace() or char in '\ufeff,"'
                text = engine.encode_row((char + "x", "x" + char)).decode()
                expected = f"{char}x,x{char}"
                if quoted:
                    expected = '"{0}x","x{0}"'.format('\\"' if char == '"' else char)
                assert text == expected, hex(code)

    @pytest.mark.parametrize("char", list("\\#';|=%$&`0aé🌡\u200b\u00ad"))
    def test_texts_that_need_no_quotes(self, engine: Any, char: str) -> None:
        for value in (char, char * 2, f"a{char}", f"{char}a", f"a{char}b"):
            assert engine.encode_row((value,)) == value.encode()

    @pytest.mark.parametrize("length", [0, 1, 7, 15, 16, 30, 31, 32, 33, 62, 63, 64, 65, 127, 128, 129, 255, 256, 257])
    def test_marks_at_block_edges(self, engine: Any, length: int) -> None:
        for mark in '",\n\r\t':
            for tail in ("", "y", "y" * 40):
                value = "x" * length + mark + tail
                escaped = value.replace('"', '\\"')
                assert engine.encode_row(("1", value, "2")) == f'1,"{escaped}",2'.encode()
                wide = "é" * length + mark + tail
                escaped = wide.replace('"', '""')
                assert engine.encode_row((wide,), dialect="double") == f'"{escaped}"'.encode()

    def test_lone_surrogates(self, engine: Any) -> None:
        for value in ("\ud800", "a\udfff", "x" * 70 + "\udc80" + "y" * 70, "é\ud83d", "🌡\udc00", '"\ud800'):
            assert where(encode_failure(engine, [("1", "2", value)])) == ("lone_surrogate", None, 0, 2)
            assert where(encode_failure(engine, [("1", value)], quote="all")) == ("lone_surrogate", None, 0, 1)
