"""Scalars of numpy and pandas as values. Without these packages the tests are skipped."""

from __future__ import annotations

import datetime
import struct
import subprocess
import sys
import warnings
from random import Random
from typing import Any

import pytest
from support import encode_failure, where

from smartrest import EncodeError

np: Any = pytest.importorskip("numpy", reason="numpy is not installed")
T = datetime.datetime


def row(engine: Any, *values: Any) -> str:
    return bytes(engine.encode_row(values)).decode()


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.1, "0.1"), (25.3, "25.3"), (-0.0, "-0.0"), (0.0, "0.0"), (1e16, "1e+16"), (1e-5, "1e-05"), (-7, "-7.0"),
     (16777216, "16777216.0"), (3.4028235e38, "3.4028235e+38"), (1e-45, "1e-45"), (1 / 3, "0.33333334")],
)  # fmt: skip
def test_float32(engine: Any, number: float, text: str) -> None:
    assert row(engine, 1, np.float32(number), "x") == f"1,{text},x"
    assert engine.escape(np.float32(number)) == text


def test_float32_that_reading_as_a_double_would_miss(engine: Any) -> None:
    (number,) = np.array([0x15AE43FD], np.uint32).view(np.float32)
    assert row(engine, number, -number) == "7.038531e-26,-7.038531e-26"


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.1, "0.1"), (25.3, "25.3"), (65504, "65500.0"), (6e-8, "6e-08"), (1000, "1000.0"), (0.015625, "0.01563")],
)
def test_float16(engine: Any, number: float, text: str) -> None:
    assert row(engine, np.float16(number)) == text


def digits(text: str) -> str:
    return text.lower().partition("e")[0].replace(".", "").strip("-0")


def test_many_float16_read_back(engine: Any) -> None:
    bits = [*range(0, 0x10000, 13), *range(0, 0x10000, 0x400)]  # with all powers of two
    numbers = np.array(bits, np.uint16).view(np.float16)
    numbers = list(numbers[np.isfinite(numbers)])
    texts = engine.encode_row(numbers, limit=None).decode().split(",")
    for number, text in zip(numbers, texts, strict=True):
        assert np.float16(text).tobytes() == number.tobytes()
        assert repr(float(text)) == text
        assert digits(text) == digits(str(number)), "numpy writes the fewest digits, too"


def test_many_float32_read_back(engine: Any) -> None:
    r = Random(32)
    bits = [exponent << 23 | rest for exponent in range(255) for rest in (0, 1, 0x7FFFFF)]
    bits += [r.randrange(0x7F800000) | r.randrange(2) << 31 for _ in range(2_000)]
    numbers = [np.frombuffer(struct.pack("=I", b), np.float32)[0] for b in bits]
    numbers += [np.float32(round(r.uniform(-50, 1000), r.randint(0, 4))) for _ in range(1_000)]
    for number, text in zip(numbers, engine.encode_row(numbers, limit=None).decode().split(","), strict=True):
        assert np.float32(text).tobytes() == number.tobytes()
        assert repr(float(text)) == text
        assert digits(text) == digits(str(number)), "numpy writes the fewest digits, too"


def test_other_scalars(engine: Any) -> None:
    assert row(engine, np.bool_(True), np.bool_(False), np.True_) == "true,false,true"
    assert row(engine, np.float64(0.1), np.str_("a,b")) == '0.1,"a,b"'
    for kind in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
        for number in (np.iinfo(kind).min, np.iinfo(kind).max):
            assert row(engine, getattr(np, kind)(number)) == str(number)


def test_whole_arrays_as_rows_and_columns(engine: Any) -> None:
    table = np.array([[1.5, 25.3], [0.1, -3.25]], np.float32)
    assert engine.encode([list(line) for line in table]) == b"1.5,25.3\n0.1,-3.25"
    encoder = engine.compile(("200", float, bool, datetime.datetime))
    times = np.array(["2026-03-14T09:26:53", "2026-03-14T09:26:54"], "M8[ns]")
    columns = zip(table[:, 1], np.array([True, False]), times, strict=True)
    assert list(encoder.pack(columns)) == [
        b"200,25.3,true,2026-03-14T09:26:53.000+00:00\n200,-3.25,false,2026-03-14T09:26:54.000+00:00"
    ]


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("2026", "Y", "2026-01-01T00:00:00.000"),
        ("2026", "25Y", "2020-01-01T00:00:00.000"),
        ("2026-03", "M", "2026-03-01T00:00:00.000"),
        ("1969-11", "M", "1969-11-01T00:00:00.000"),
        ("2026-03-14", "W", "2026-03-12T00:00:00.000"),
        ("2026-03-14", "D", "2026-03-14T00:00:00.000"),
        ("2026-03-14T09", "h", "2026-03-14T09:00:00.000"),
        ("2026-03-14T09:26", "m", "2026-03-14T09:26:00.000"),
        ("2026-03-14T09:26:53", "s", "2026-03-14T09:26:53.000"),
        ("2026-03-14T09:26:53.589", "ms", "2026-03-14T09:26:53.589"),
        ("2026-03-14T09:26:53.589793", "us", "2026-03-14T09:26:53.589"),
        ("2026-03-14T09:26:53.589793238", "ns", "2026-03-14T09:26:53.589"),
        ("1970-01-01T00:00:01.589793238", "ps", "1970-01-01T00:00:01.589"),
        ("1970-01-01T00:00:01.589793238", "fs", "1970-01-01T00:00:01.589"),
        ("1969-12-31T23:59:59.999999999", "as", "1969-12-31T23:59:59.999"),
        ("1969-12-31T23:59:59.999999999", "ns", "1969-12-31T23:59:59.999"),
        ("0001-01-01", "s", "0001-01-01T00:00:00.000"),
        ("9999-12-31T23:59:59.999999", "us", "9999-12-31T23:59:59.999"),
    ],
)
def test_datetime64(engine: Any, text: str, unit: str, expected: str) -> None:
    value = np.datetime64(text, unit)
    assert row(engine, 1, value) == f"1,{expected}+00:00"
    assert engine.compile(("1", datetime.datetime))(value) == f"1,{expected}+00:00".encode()


def test_datetime64_as_numpy_itself_prints_it(engine: Any) -> None:
    r = Random(64)
    for _ in range(500):
        unit = r.choice(("Y", "M", "W", "D", "h", "m", "s", "ms", "us"))
        day = T(1, 1, 1) + datetime.timedelta(microseconds=r.randrange(3_652_059 * 86_400_000_000))
        value = np.datetime64(day, unit)
        assert row(engine, value) == f"{value.astype('M8[ms]')}+00:00"


@pytest.mark.parametrize(
    ("text", "unit"),
    [("NaT", "s"), ("NaT", "Y"), ("0000", "Y"), ("10000", "Y"), ("0000-12", "M"), ("-0001-12-31", "D"),
     ("10000-01-01", "ms"), ("0000-12-31T23:59:59.999999", "us")],
)  # fmt: skip
def test_datetime64_outside_the_calendar(engine: Any, text: str, unit: str) -> None:
    assert where(encode_failure(engine, [("1", np.datetime64(text, unit))])) == ("bad_value", None, 0, 1)


def test_datetime64_without_a_unit(engine: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, as a number without a unit is
        for number in (-(2**63), 0, 5):
            try:
                (value,) = np.array([number], "int64").view("M8")
            except ValueError:  # numpy does not make it any more
                continue
            assert where(encode_failure(engine, [("1", value)])) == ("bad_value", None, 0, 1)


def test_datetime64_at_the_ends_of_its_numbers(engine: Any) -> None:
    for unit in ("Y", "M", "W", "D", "h", "m", "s", "ms", "us"):
        for number in (-(2**63), -(2**63) + 1, 2**63 - 1):
            value = np.array([number], "int64").view(f"M8[{unit}]")[0]
            assert where(encode_failure(engine, [("1", value)])) == ("bad_value", None, 0, 1)


def test_what_is_refused(engine: Any) -> None:
    for kind in (np.float32, np.float16):
        for text in ("nan", "inf", "-inf"):
            assert where(encode_failure(engine, [("1", kind(text))])) == ("bad_value", None, 0, 1)
    for value in (
        np.array(1.5, np.float32), np.array([1]), np.array([True]), np.array(["2026"], "M8[D]"), np.timedelta64(1, "s"),
        np.complex64(1), np.bytes_(b"x"), np.void(b"x"), np.float32, np.bool_, np.dtype("f4"), np,
    ):  # fmt: skip
        assert where(encode_failure(engine, [("1", value)])) == ("bad_type", None, 0, 1), repr(value)


def test_holes(engine: Any) -> None:
    number, flag, time = np.float32(0.1), np.True_, np.datetime64("2026", "s")
    text = {id(number): b"0.1", id(flag): b"true", id(time): b"2026-01-01T00:00:00.000+00:00"}
    for hole, fitting in ((float, [number]), (bool, [flag]), (T, [time]), (int, []), (str, [])):
        for value in (number, flag, time):
            if any(value is one for one in fitting):
                assert engine.compile(("1", hole))(value) == b"1," + text[id(value)]
            else:
                with pytest.raises(EncodeError, match=f"in a hole for {hole.__name__}"):
                    engine.compile(("1", hole))(value)
        assert engine.compile(("1", object))(number) == b"1,0.1"
    assert engine.compile(("1", int))(np.int16(7)) == b"1,7"
    assert engine.compile(("1", float))(np.int16(7)) == b"1,7"


def test_subclasses_by_their_value(engine: Any) -> None:
    def fail(*args: Any, **options: Any) -> Any:
        raise AssertionError("an override was called")

    names = (
        "__float__", "__bool__", "__int__", "__index__", "__str__", "__repr__", "__array__", "__len__", "__eq__",
        "__buffer__", "__format__", "item", "tolist", "astype", "view", "tobytes", "__getattribute__",
    )  # fmt: skip
    overrides = dict.fromkeys(names, fail) | {"dtype": property(fail), "real": property(fail)}
    for kind, value, text in (
        (np.float32, 0.1, "0.1"),
        (np.float16, 0.1, "0.1"),
        (np.datetime64, "2026-03-14T09:26", "2026-03-14T09:26:00.000+00:00"),
    ):
        assert row(engine, type("Evil", (kind,), overrides)(value)) == text


def test_classes_that_only_have_such_names(engine: Any) -> None:
    class Trap:
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(f"{name} was asked")

    for name in ("float32", "float16", "bool_", "bool", "datetime64", "Timestamp"):
        value = type(name, (Trap,), {"__module__": "numpy"})()
        assert encode_failure(engine, [(value,)]).reason == "bad_type"


def test_numpy_is_not_imported() -> None:
    program = (
        "import sys, smartrest, fractions\n"
        "class float32: pass\n"
        "for value in (float32(), fractions.Fraction(1, 2)):\n"
        "    try: smartrest.encode_row((value,))\n"
        "    except smartrest.EncodeError as error: assert error.reason == 'bad_type'\n"
        "assert 'numpy' not in sys.modules and 'pandas' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-1000:]


# -- pandas ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pandas() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some versions emit deprecation warnings
        return pytest.importorskip("pandas", reason="pandas is not installed")


def test_timestamps(engine: Any, pandas: Any) -> None:
    for zone in ("UTC", "Europe/Berlin", "+05:30"):
        for text in ("2026-03-14 09:26:53.589793238", "1970-06-01", "1972-02-29", "1677-09-22", "2262-04-11"):
            moment = pandas.Timestamp(text, tz=zone)
            plain = moment.to_pydatetime(warn=False)
            if plain.utcoffset() % datetime.timedelta(minutes=1):
                assert where(encode_failure(engine, [("1", moment)])) == ("bad_value", None, 0, 1)
                continue
            expected = plain.isoformat(timespec="milliseconds")
            assert row(engine, 1, moment) == f"1,{expected}"
            assert engine.compile(("1", T))(moment) == f"1,{expected}".encode()
    for naive in (pandas.Timestamp("2026-03-14"), pandas.NaT):
        assert where(encode_failure(engine, [("1", naive)])) == ("bad_value", None, 0, 1)


def test_timestamps_outside_the_calendar(engine: Any, pandas: Any) -> None:
    """pandas stores another year in the datetime base of such a Timestamp."""
    for text in ("10000-01-01", "-0004-02-29", "12024-02-29"):
        moment = pandas.Timestamp(np.datetime64(text, "s"), tz="UTC")
        assert moment.year not in range(1, 10_000)
        assert where(encode_failure(engine, [("1", moment)])) == ("bad_value", None, 0, 1)
