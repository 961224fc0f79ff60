"""`Schema`: field values by template ID."""

from __future__ import annotations

import datetime
import math
import pickle
import struct
from typing import Any

import pytest
from support import UTC, decode_failure, where

T = datetime.datetime


def value_of(engine: Any, kind: type, text: str) -> Any:
    """The value of this text in a field of that type."""
    return engine.Schema({"1": [kind]}).decode_row(engine.encode_row(("1", text)))[1]


def test_types_by_template_id(engine: Any) -> None:
    schema = engine.Schema({"200": [str, str, float, str], "401": (float, float, int), "9": []})
    rows = schema.decode(b'200,c8y_T,"T",25.3,C,more\n401,51.2,-6.7,42\n500,1,2\n9,1\n200\n401,1')
    assert rows == [
        ("200", "c8y_T", "T", 25.3, "C", "more"),
        ("401", 51.2, -6.7, 42),
        ("500", "1", "2"),
        ("9", "1"),
        ("200",),
        ("401", 1.0),
    ]
    assert [type(value) for value in rows[1]] == [str, float, float, int]
    assert type(rows) is list
    assert all(type(row) is tuple for row in rows)


def test_the_id_stays_text_and_is_compared_as_text(engine: Any) -> None:
    schema = engine.Schema({"1": [int], "dm101": [int], "é": [int], "": [int], "a,b": [int], 'q"': [int]})
    assert schema.decode('1,1\n01,1\ndm101,1\né,1\n"1",1\n,1\n"a,b",1\n"q\\"",1\n"q""",1') == [
        ("1", 1), ("01", "1"), ("dm101", 1), ("é", 1), ("1", 1), ("", 1), ("a,b", 1), ('q"', 1), ('q"', 1),
    ]  # fmt: skip


def test_a_tuple_in_last_place_repeats(engine: Any) -> None:
    schema = engine.Schema({"201": [str, T, (str, str, float, str)], "2": [(int,)], "3": [int, (bool,)]})
    moment = T(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
    assert schema.decode_row("201,t,2026-03-14T09:26:53Z,a,b,1,c,d,e,2.5,f,g") == (
        "201", "t", moment, "a", "b", 1.0, "c", "d", "e", 2.5, "f", "g",
    )  # fmt: skip
    assert schema.decode("2,1,2,3\n2\n3,1,true,false,,true") == [
        ("2", 1, 2, 3),
        ("2",),
        ("3", 1, True, False, None, True),
    ]


def test_empty_fields(engine: Any) -> None:
    schema = engine.Schema({"1": [int, float, bool, T, str]})
    assert schema.decode_row('1,,"",,,') == ("1", None, None, None, None, "")


@pytest.mark.parametrize(
    "text", ["0", "-0", "+7", "-12", "007", "9223372036854775807", "-9223372036854775809", "1" * 40, "9" * 4300,
    "+" + "8" * 4300]
)  # fmt: skip
def test_integers(engine: Any, text: str) -> None:
    value = value_of(engine, int, text)
    assert value == int(text)
    assert type(value) is int


@pytest.mark.parametrize(
    "text",
    ["", "+", "-", "1.0", "1e3", " 1", "1 ", "1_000", "0x10", "١", "²", "1\u2009", "--1", "+-1", "1\n", "a",
     "9" * 4301, "0" * 4301, "true", "1,", "\x001", "１"],
)  # fmt: skip
def test_no_integers(engine: Any, text: str) -> None:
    if not text:
        assert value_of(engine, int, text) is None
        return
    payload = engine.encode([("500",), ("1", text)])
    error = decode_failure(engine.Schema({"1": [int]}), payload)
    assert where(error) == ("bad_value", 6, 1, 1)
    assert error.rows == [("500",)]


FLOATS = (
    "0", "-0", "1", "+1.5", "1.", ".5", "-.5", "1e3", "1E3", "1e+3", "1.5e-3", "00.10", "0.1", "5e-324", "2e-324",
    "2.2250738585072011e-308", "1.7976931348623157e308", "9007199254740993", "9007199254740992.9999999999999999",
    "123456789012345678901234567890", "0." + "3" * 500, "1" + "0" * 300, "0" * 300 + "1.5", "1e-400", "0e999999999999",
    "1e-999999999999999999999", "8.5e22", "1.2345678901234567e-5", "4.35", "0.000001", "179769313486231570" + "0" * 291,
    "3.4e038", "1e22", "1e23", "9e-265", "6.9294956446009195e15", "1000000000000000000000000000001",
)  # fmt: skip


@pytest.mark.parametrize("text", FLOATS, ids=lambda text: text[:24])
def test_floats(engine: Any, text: str) -> None:
    value = value_of(engine, float, text)
    assert type(value) is float
    assert struct.pack(">d", value) == struct.pack(">d", float(text))


def test_floats_of_random_bits(engine: Any) -> None:
    import random

    chance = random.Random(2026)
    values = []
    while len(values) < 3_000:
        (value,) = struct.unpack(">d", chance.randbytes(8))
        if math.isfinite(value):
            values.append(value)
    texts = [f(value) for value in values for f in (repr, "{:.17e}".format, "{:.20e}".format, "{:.6g}".format)]
    texts = [text for text in texts if math.isfinite(float(text))]
    payload = "1," + ",".join(texts)
    row = engine.Schema({"1": [(float,)]}).decode_row(payload)
    assert [struct.pack(">d", value) for value in row[1:]] == [struct.pack(">d", float(text)) for text in texts]
    assert engine.decode_row(engine.encode_row(("1", *values), limit=None)) == ("1", *map(repr, values))


@pytest.mark.parametrize(
    "text",
    ["nan", "inf", "-inf", "Infinity", "1e400", "-1e400", "1e999999999999999999999", ".", "+", "e5", "1e", "1e+",
     "1e5.0", "1.2.3", "1_0.0", " 1.0", "1.0 ", "0x1p3", "١.٥", "1,5", "1.5f", "--1", "1e--5", "1\x00",
     "1.7976931348623159e308"],
)  # fmt: skip
def test_no_floats(engine: Any, text: str) -> None:
    error = decode_failure(engine.Schema({"1": [float]}), engine.encode([("1", text)]))
    assert where(error) == ("bad_value", 2, 0, 1)
    assert error.rows == []


def test_flags(engine: Any) -> None:
    assert value_of(engine, bool, "true") is True
    assert value_of(engine, bool, "false") is False
    for text in ("True", "FALSE", "1", "0", "yes", "tru", "truee", " true", "t"):
        error = decode_failure(engine.Schema({"1": [bool]}), engine.encode([("1", text)]))
        assert where(error) == ("bad_value", 2, 0, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-14T09:26:53Z", "2026-03-14T09:26:53+00:00"),
        ("2026-03-14T09:26:53.5Z", "2026-03-14T09:26:53.500000+00:00"),
        ("2026-03-14T09:26:53.589793Z", "2026-03-14T09:26:53.589793+00:00"),
        ("2026-03-14T09:26:53.589793999999Z", "2026-03-14T09:26:53.589793+00:00"),
        ("2026-03-14T09:26:53.000+02:00", "2026-03-14T09:26:53+02:00"),
        ("2026-03-14T09:26:53.589+0200", "2026-03-14T09:26:53.589000+02:00"),
        ("2026-03-14T09:26:53-23:59", "2026-03-14T09:26:53-23:59"),
        ("2026-03-14T09:26:53+2359", "2026-03-14T09:26:53+23:59"),
        ("2026-03-14T09:26:53+00:00", "2026-03-14T09:26:53+00:00"),
        ("2026-03-14T09:26:53-00:30", "2026-03-14T09:26:53-00:30"),
        ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59+00:00"),
        ("2000-02-29T00:00:00Z", "2000-02-29T00:00:00+00:00"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:00"),
        ("9999-12-31T23:59:59.999999-12:00", "9999-12-31T23:59:59.999999-12:00"),
        ("2026-03-14t09:26:53z", "2026-03-14T09:26:53+00:00"),
        ("2026-03-14t09:26z", "2026-03-14T09:26:00+00:00"),
        ("2026-03-14T09:26Z", "2026-03-14T09:26:00+00:00"),
        ("2026-03-14T09:26+02:00", "2026-03-14T09:26:00+02:00"),
        ("2026-03-14T09:26-0230", "2026-03-14T09:26:00-02:30"),
        ("2026-03-14T09:26+01", "2026-03-14T09:26:00+01:00"),
        ("2026-03-14T09:26:53+01", "2026-03-14T09:26:53+01:00"),
        ("2026-03-14T09:26:53.5-01", "2026-03-14T09:26:53.500000-01:00"),
    ],
)
def test_times(engine: Any, text: str, expected: str) -> None:
    value = value_of(engine, T, text)
    assert type(value) is T
    assert value.isoformat() == expected
    assert value.utcoffset() == T.fromisoformat(expected).utcoffset()


def test_a_zero_offset_is_utc(engine: Any) -> None:
    for zone in ("Z", "+00:00", "+0000", "-00:00", "-0000"):
        assert value_of(engine, T, "2026-03-14T09:26:53" + zone).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["2026-03-14", "2026-03-14T09:26:53", "2026-03-14 09:26:53Z", "2026-03-14T09:26", "2026-03-14T09:26:Z",
     "2026-03-14T09:26:5Z", "2026-03-14T09:26:5", "2026-03-14T09:26.5Z", "2026-03-14T09:26+", "2026-03-14T09:26+1",
     "2026-03-14T09:26+01:", "2026-03-14T09:26+24", "2026-03-14T09Z", "2026-03-14T09:26Zz", "2026-03-14T9:26Z",
     "2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
     "2026-04-31T00:00:00Z", "2026-01-00T00:00:00Z", "0000-01-01T00:00:00Z", "2026-03-14T24:00:00Z",
     "2026-03-14T09:60:00Z", "2026-03-14T09:26:60Z", "2026-03-14T09:26:53.Z", "2026-03-14T09:26:53,5Z",
     "2026-03-14T09:26:53+24:00", "2026-03-14T09:26:53+01:60", "2026-03-14T09:26:53+01:",
     "2026-03-14T09:26:53+1:00", "2026-03-14T09:26:53+010", "2026-03-14T09:26:53+01:00:00",
     "2026-03-14T09:26:53+01:00Z", "2026-3-14T09:26:53Z", "+2026-03-14T09:26:53Z", "20260314T092653Z",
     "2026-03-14T09:26:53 Z", " 2026-03-14T09:26:53Z", "2026-03-14T09:26:53Z ", "2026-03-14T09:26:53.5",
     "２026-03-14T09:26:53Z", "2026-W11-6T09:26:53Z", "1773480413", "now", "2026-03-14T09:26:5AZ",
     "2026-03-14T09:26:53+01.00"],
)  # fmt: skip
def test_no_times(engine: Any, text: str) -> None:
    error = decode_failure(engine.Schema({"1": [T]}), engine.encode([("1", text)]))
    assert where(error) == ("bad_value", 2, 0, 1)


class TestErrors:
    def test_position_is_the_raw_start_of_the_field(self, engine: Any) -> None:
        schema = engine.Schema({"1": [str, int]})
        error = decode_failure(schema, '\ufeff1,é,1\n\n1,"a,b", "x"'.encode())
        assert where(error) == ("bad_value", 19, 1, 2)
        assert error.rows == [("1", "é", 1)]

    def test_the_syntax_of_the_whole_payload_comes_first(self, engine: Any) -> None:
        schema = engine.Schema({"1": [int]})
        error = decode_failure(schema, b'1,5\n1,x\n2,"a')
        assert where(error) == ("unterminated_quote", 10, 2, 1)
        assert error.rows == [("1", "5"), ("1", "x")], "the rows of a syntax error hold text"
        error = decode_failure(schema, b"1,5\n1,x\n2,\xff")
        assert error.reason == "invalid_utf8"
        assert error.rows == [("1", "5"), ("1", "x")]

    def test_rows_before_a_bad_value_are_typed(self, engine: Any) -> None:
        error = decode_failure(engine.Schema({"1": [int]}), b"1,5\n2,a\n1,x\n1,6")
        assert where(error) == ("bad_value", 10, 2, 1)
        assert error.rows == [("1", 5), ("2", "a")]

    def test_decode_row(self, engine: Any) -> None:
        schema = engine.Schema({"1": [int]})
        assert schema.decode_row(b"1,5") == ("1", 5)
        error = decode_failure(schema, b"1,5\n1,6", "decode_row")
        assert error.reason == "not_one_row"
        assert where(decode_failure(schema, b"", "decode_row")) == ("not_one_row", 0, 0, None)
        assert decode_failure(schema, b"1,x", "decode_row").reason == "bad_value"

    def test_options_are_those_of_decode(self, engine: Any) -> None:
        schema = engine.Schema({"1": [int]})
        assert schema.decode(b'1, "5"') == [("1", 5)]
        assert schema.decode_row(b'1, "5"') == ("1", 5)
        assert decode_failure(schema, b'1, "5"', strict=True).reason == "blank_outside_quotes"
        assert decode_failure(schema, b'1, "5"', "decode_row", strict=True).reason == "blank_outside_quotes"
        assert where(decode_failure(schema, b"1,5", limit=2)) == ("too_large", 2, None, None)
        assert schema.decode(b"1,5", limit=3) == [("1", 5)]

    def test_messages_do_not_quote_long_values(self, engine: Any) -> None:
        decode_failure(engine.Schema({"1": [int]}), b"1," + b"\x1b\n".join([b"9" * 500] * 3))


class TestSchemas:
    def test_wrong_ids(self, engine: Any) -> None:
        for key in (1, b"1", None, ("1",)):
            with pytest.raises(TypeError):
                engine.Schema({key: [int]})

    def test_wrong_types(self, engine: Any) -> None:
        for types in ([bytes], ["int"], [int, None], [object], [list], [5], "int", int, {int}, None, [(bytes,)]):
            with pytest.raises(TypeError):
                engine.Schema({"1": types})

    def test_tuples_elsewhere(self, engine: Any) -> None:
        for types in ([(int,), int], [()], [int, ()], [(int,), (int,)]):
            with pytest.raises(ValueError, match=r"\w"):
                engine.Schema({"1": types})

    def test_a_tuple_of_types_is_a_list_of_types(self, engine: Any) -> None:
        assert engine.Schema({"1": (int, float)}).decode_row(b"1,2,3") == ("1", 2, 3.0)

    def test_not_a_mapping(self, engine: Any) -> None:
        for types in (None, 5, [int]):
            with pytest.raises((TypeError, AttributeError)):
                engine.Schema(types)

    def test_empty(self, engine: Any) -> None:
        assert engine.Schema({}).decode(b"1,2") == [("1", "2")]

    def test_later_changes_of_the_arguments_do_not_count(self, engine: Any) -> None:
        types: dict[str, list[Any]] = {"1": [int]}
        schema = engine.Schema(types)
        types["1"].append(int)
        types["2"] = [int]
        assert schema.decode(b"1,5,6\n2,7") == [("1", 5, "6"), ("2", "7")]

    def test_pickle(self, engine: Any) -> None:
        schema = engine.Schema({"1": [int, (float, T)], "x": [bool]})
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            again = pickle.loads(pickle.dumps(schema, protocol))
            payload = b"1,5,2.5,2026-03-14T09:26:53Z,1\nx,true"
            assert again.decode(payload) == schema.decode(payload)

    def test_input_is_that_of_decode(self, engine: Any) -> None:
        schema = engine.Schema({"1": [int]})
        for payload in (b"1,5", "1,5", bytearray(b"1,5"), memoryview(b"1,5")):
            assert schema.decode(payload) == [("1", 5)]
        for payload in (5, None):
            with pytest.raises(TypeError):
                schema.decode(payload)

    def test_many_ids(self, engine: Any) -> None:
        schema = engine.Schema({str(k): [int] for k in range(2_000)})
        payload = "\n".join(f"{k},{k}" for k in range(3_000))
        assert schema.decode(payload) == [(str(k), k if k < 2_000 else str(k)) for k in range(3_000)]
