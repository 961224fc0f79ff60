"""`scan`: LazyRows and LazyRow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import pytest
from support import decode_failure, module_of, outcome, where

from smartrest import DecodeError

PAYLOAD = '\ufeff\n511,dev,"a, \\"b\\""\r\n\r\n200,1.5, "7" ,,"é"\n""\n'.encode()
ROWS = [("511", "dev", 'a, "b"'), ("200", "1.5", "7", "", "é"), ("",)]


class TestLazyRows:
    def test_sequence(self, engine: Any) -> None:
        rows = engine.scan(PAYLOAD)
        assert type(rows) is module_of(engine).LazyRows
        assert isinstance(rows, Sequence)
        assert len(rows) == 3
        assert [row.fields for row in rows] == ROWS
        assert [rows[k].fields for k in range(3)] == ROWS
        assert [rows[k].fields for k in range(-3, 0)] == ROWS
        assert [row.fields for row in reversed(rows)] == ROWS[::-1]
        assert rows
        assert not engine.scan(b"\n")

    def test_it_can_be_walked_again(self, engine: Any) -> None:
        rows = engine.scan(PAYLOAD)
        first, second = iter(rows), iter(rows)
        assert next(first).id == next(second).id == "511"
        assert len(list(first)) == len(list(second)) == 2
        with pytest.raises(StopIteration):
            next(first)

    def test_index_errors(self, engine: Any) -> None:
        rows = engine.scan(PAYLOAD)
        for k in (3, -4, 2**70, -(2**70)):
            with pytest.raises(IndexError):
                rows[k]
        for k in ("0", 1.0, None):
            with pytest.raises(TypeError):
                rows[k]

    @pytest.mark.parametrize(
        "part", [slice(None), slice(1, None), slice(None, None, -1), slice(-1, 10), slice(2, 1), slice(0, 3, 2)]
    )
    def test_slices_are_lists_of_rows(self, engine: Any, part: slice) -> None:
        got = engine.scan(PAYLOAD)[part]
        assert type(got) is list
        assert [row.fields for row in got] == ROWS[part]

    def test_a_slice_step_of_zero(self, engine: Any) -> None:
        with pytest.raises(ValueError, match="zero"):
            engine.scan(PAYLOAD)[::0]

    def test_no_rows(self, engine: Any) -> None:
        rows = engine.scan(b"")
        assert len(rows) == 0
        assert list(rows) == []
        assert rows[:] == []


class TestLazyRow:
    def test_sequence_of_str(self, engine: Any) -> None:
        for row, expected in zip(engine.scan(PAYLOAD), ROWS, strict=True):
            assert type(row) is module_of(engine).LazyRow
            assert isinstance(row, Sequence)
            assert len(row) == len(expected)
            assert list(row) == list(expected)
            assert [row[k] for k in range(len(expected))] == list(expected)
            assert [row[k] for k in range(-len(expected), 0)] == list(expected)
            assert all(type(field) is str for field in row)
            assert row.fields == expected
            assert type(row.fields) is tuple
            assert row.id == expected[0]
            assert list(reversed(row)) == list(reversed(expected))

    def test_sequence_methods(self, engine: Any) -> None:
        row = engine.scan(PAYLOAD)[1]
        assert "7" in row
        assert "8" not in row
        assert 7 not in row
        assert row.index("é") == 4
        assert row.count("") == 1
        with pytest.raises(ValueError):  # noqa: PT011 - the text is not promised
            row.index("nowhere")

    def test_slices_are_tuples(self, engine: Any) -> None:
        row = engine.scan(PAYLOAD)[1]
        for part in (slice(None), slice(1, 3), slice(None, None, -2), slice(9, 1), slice(-2, None)):
            assert row[part] == ROWS[1][part]
            assert type(row[part]) is tuple

    def test_index_errors(self, engine: Any) -> None:
        row = engine.scan(PAYLOAD)[0]
        for k in (3, -4, 2**70):
            with pytest.raises(IndexError):
                row[k]
            with pytest.raises(IndexError):
                row.float(k)
            with pytest.raises(IndexError):
                row.int(k)
        for k in ("0", None, 1.5):
            with pytest.raises(TypeError):
                row[k]

    def test_raw_and_span(self, engine: Any) -> None:
        rows = engine.scan(PAYLOAD)
        assert [row.raw for row in rows] == engine.split(PAYLOAD)
        assert [PAYLOAD[row.start : row.end] for row in rows] == engine.split(PAYLOAD)
        assert rows[0].start == 4
        assert type(rows[0].raw) is bytes

    def test_spans_of_str_input_count_utf8(self, engine: Any) -> None:
        rows = engine.scan("\ufeffé,é\n500")
        assert [(row.start, row.end) for row in rows] == [(3, 8), (9, 12)]

    def test_repr_shows_the_fields(self, engine: Any) -> None:
        assert repr(ROWS[0]) in repr(engine.scan(PAYLOAD)[0])

    def test_it_equals_hashes_and_sorts_as_its_tuple(self, engine: Any) -> None:
        rows = engine.scan(b'2,b\n1,"a,"\n2,b')
        assert rows[0] == rows[2] == ("2", "b") != rows[1]
        assert rows[0] == ("2", "b")
        assert rows[0] != ["2", "b"]
        assert rows[0] != "2,b"
        assert {rows[0], rows[1], ("1", "a,")} == {("2", "b"), ("1", "a,")}
        assert sorted(rows) == [("1", "a,"), ("2", "b"), ("2", "b")]
        assert rows[1] < rows[0] <= ("2", "b") <= rows[2] < ("2", "c") > rows[0] >= ("2", "b")
        assert rows[0] in rows
        assert ("1", "a,") in rows
        assert ("1", "a") not in rows
        assert (rows.index(rows[2]), rows.index(("2", "b"), 1), rows.count(rows[0])) == (0, 2, 2)
        with pytest.raises(TypeError):
            _ = rows[0] < ["2"]

    def test_a_subclass_of_tuple_compares_as_with_the_tuple(self, engine: Any) -> None:
        class Loud(tuple[str, ...]):
            __slots__ = ()

            def __eq__(self, other: object) -> bool:
                return True

            def __lt__(self, other: object) -> bool:
                return True

            def __iter__(self) -> Iterator[str]:
                raise AssertionError("not asked for")

            __hash__ = tuple.__hash__

        rows, other = engine.scan(b"1,a\n2,b"), Loud(("9",))
        for row in rows:
            assert (row == other, row > other, row < other) == (row.fields == other, row.fields > other, True)
        assert other in rows
        assert rows.count(other) == 2

    def test_it_matches_patterns(self, engine: Any) -> None:
        match engine.scan(PAYLOAD)[0]:
            case ("511", device, text, *_):
                assert (device, text) == ("dev", 'a, "b"')
            case _:
                pytest.fail("a LazyRow is a sequence for `match`")

    def test_attributes_cannot_be_set(self, engine: Any) -> None:
        row = engine.scan(PAYLOAD)[0]
        for name in ("id", "fields", "raw", "start", "end"):
            with pytest.raises(AttributeError):
                setattr(row, name, "x")

    def test_it_can_be_sent_on(self, engine: Any) -> None:
        rows = engine.scan(PAYLOAD)
        assert engine.decode(engine.encode(rows)) == ROWS
        assert engine.decode_row(engine.encode_row(rows[1])) == ROWS[1]

    def test_it_lives_longer_than_the_view(self, engine: Any) -> None:
        payload = bytes(bytearray(PAYLOAD))
        row = engine.scan(payload)[1]
        del payload
        assert row.fields == ROWS[1]


class TestNumbers:
    def test_values(self, engine: Any) -> None:
        row = engine.scan(b'200,1.5,-3,+7,"12",, 4,1e3,.5,007,1e400,x,"1\n"')[0]
        assert row.float(1) == 1.5
        assert row.float(-12) == 1.5
        assert row.float(2) == -3.0
        assert type(row.float(2)) is float
        assert row.int(2) == -3
        assert row.int(3) == 7
        assert row.int(4) == 12
        assert row.int(0) == 200
        assert row.int(5) is None
        assert row.float(5) is None
        assert row.float(7) == 1000.0
        assert row.float(8) == 0.5
        assert row.int(9) == 7

    def test_refused(self, engine: Any) -> None:
        payload = b'500\n200,1.5,-3,+7,"12",, 4,1e3,.5,007,1e400,x, "1\n"'
        row = engine.scan(payload)[1]
        for call, k, position in (
            ("int", 1, 8),
            ("int", 6, 24),
            ("float", 6, 24),
            ("int", 7, 27),
            ("float", 10, 38),
            ("float", 11, 44),
            ("float", 12, 46),
            ("float", -1, 46),
        ):
            with pytest.raises(DecodeError) as caught:
                getattr(row, call)(k)
            field = k if k >= 0 else 13 + k
            assert where(caught.value) == ("bad_value", position, 1, field), (call, k)
            assert caught.value.rows == [("500",)]
            assert len(str(caught.value)) <= 200

    def test_many_digits(self, engine: Any) -> None:
        row = engine.scan(b"1," + b"9" * 4300 + b"," + b"9" * 4301 + b"," + b"0" * 4301)[0]
        assert row.int(1) == 10**4300 - 1
        for k in (2, 3):
            with pytest.raises(DecodeError, match="value"):
                row.int(k)

    def test_floats_are_read_exactly(self, engine: Any) -> None:
        texts = ("0.1", "1.7976931348623157e308", "5e-324", "9007199254740993", "0." + "3" * 400, "-0.0", "123.456e-7")
        row = engine.scan(",".join(texts))[0]
        for k, text in enumerate(texts):
            assert repr(row.float(k)) == repr(float(text))


class TestReading:
    def test_errors_come_when_scan_is_called(self, engine: Any) -> None:
        for payload in (b'1\n"a', b"1\n\xff"):
            assert where(decode_failure(engine, payload, "scan")) == where(decode_failure(engine, payload))

    def test_strict(self, engine: Any) -> None:
        assert engine.scan(b'a"b', strict=False)[0].fields == ('a"b',)
        assert decode_failure(engine, b'a"b', "scan", strict=True).reason == "stray_quote"

    def test_the_lenient_reading(self, engine: Any) -> None:
        row = engine.scan(b'1,"a""b\\"c","d"e ,x"y')[0]
        assert row.fields == ("1", 'a"b"c', "de ", 'x"y')
        assert [row[k] for k in range(4)] == list(row.fields)

    def test_a_backslash_before_the_closing_quote(self, engine: Any) -> None:
        rows = engine.scan(b'511,d,"C:\\dir, x\\"\n510,d')
        assert [row.fields for row in rows] == [("511", "d", "C:\\dir, x\\"), ("510", "d")]
        assert rows[0][2] == "C:\\dir, x\\"

    def test_no_limit_option(self, engine: Any) -> None:
        with pytest.raises(TypeError):
            engine.scan(b"", limit=5)


EDGES = (
    *(
        "",
        " ",
        "\t",
        "\x1f",
        "\x85",
        "\u00a0",
        "\u2003",
        "\u3000",
        "\ufeff",
        "\x85x",
        "é",
        "€",
        "\U0001f321",
        "\\",
        "a",
        "a b",
    ),
    *("a\tb", "x" * 70, '"', 'a"b', '"a, b"', '"a\\""', '"dir\\"', '" "', '"\u00a0"', "\r", "a\rb"),
)


@pytest.mark.parametrize("style", [{}, {"dialect": "double"}, {"quote": "all"}, {"on_trailing_backslash": "error"}])
@pytest.mark.parametrize("row_end", ["\n", "\r\n"])
def test_scanned_rows_are_encoded_as_their_fields(engine: Any, style: dict[str, Any], row_end: str) -> None:
    r = Random(f"{style}{row_end}")
    for _ in range(150):
        lines = [",".join(r.choices(EDGES, k=r.randint(1, 4))) for _ in range(r.randint(1, 4))]
        payload = (row_end.join(lines) + r.choice(["", row_end])).encode()
        try:
            scanned, rows = engine.scan(payload), engine.decode(payload)
        except DecodeError:  # a quote that is never closed
            continue
        expected = outcome(engine.encode, rows, **style)
        assert outcome(engine.encode, scanned, **style) == outcome(engine.encode, list(scanned), **style) == expected
        for row in scanned:
            assert outcome(engine.encode_row, row, **style) == outcome(engine.encode_row, row.fields, **style)
        assert outcome(list, engine.pack(scanned, **style)) == outcome(list, engine.pack(rows, **style))
