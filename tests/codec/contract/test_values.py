"""Values of fields: accepted ones and their text, refused ones; hostile types do no harm."""

from __future__ import annotations

import datetime
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any

import pytest
from support import UTC, encode_failure, label, not_pypy, open_engine, where

from smartrest import EncodeError
from smartrest.templates import static

CET = datetime.timezone(datetime.timedelta(hours=1))
BIG = 10**4299  # 4,300 digits


class Integer:
    """An integer by `__index__`, like numpy's."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __index__(self) -> Any:
        return self.value


class Colour(IntEnum):
    RED = 3

    def __str__(self) -> str:
        return "evil"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        ("", ""),
        (None, ""),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-1, "-1"),
        (255, "255"),
        (2**63, str(2**63)),
        (-(2**63), str(-(2**63))),
        (-(2**63) - 1, str(-(2**63) - 1)),
        (2**64 - 1, str(2**64 - 1)),
        (10**100, "1" + "0" * 100),
        (Integer(7), "7"),
        (Integer(-(2**70)), str(-(2**70))),
        (Colour.RED, "3"),
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (25.0, "25.0"),
        (0.1, "0.1"),
        (1e16, "1e+16"),
        (1e-5, "1e-05"),
        (123456789.125, "123456789.125"),
        (5e-324, "5e-324"),
        (sys.float_info.max, "1.7976931348623157e+308"),
        (Decimal("1.10"), "1.10"),
        (Decimal("1E+3"), "1E+3"),
        (Decimal("-0"), "-0"),
        (Decimal("0.0000001"), "1E-7"),
        (datetime.datetime(2026, 3, 14, 9, 26, 53, 589793, CET), "2026-03-14T09:26:53.589+01:00"),
        (datetime.datetime(2026, 3, 14, 9, 26, 53, 0, UTC), "2026-03-14T09:26:53.000+00:00"),
        (datetime.datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000+00:00"),
        (datetime.datetime(9999, 12, 31, 23, 59, 59, 999999, UTC), "9999-12-31T23:59:59.999+00:00"),
    ],
    ids=label,
)
def test_accepted(engine: Any, value: Any, text: str) -> None:
    assert engine.encode_row(("1", value, "x")) == f"1,{text},x".encode()
    assert engine.encode([["1", value, "x"]]) == f"1,{text},x".encode()
    assert engine.escape(value) == text
    assert engine.decode_row(engine.encode_row(("1", value))) == ("1", text)


class OwnZone(datetime.tzinfo):
    def __init__(self, offset: Any) -> None:
        self.offset = offset

    def utcoffset(self, moment: datetime.datetime | None) -> Any:
        if isinstance(self.offset, Exception):
            raise self.offset
        return self.offset


def test_a_zone_of_ones_own(engine: Any) -> None:
    moment = datetime.datetime(2026, 3, 14, 9, 26, 53, tzinfo=OwnZone(datetime.timedelta(minutes=345)))
    assert engine.encode_row((moment,)) == b"2026-03-14T09:26:53.000+05:45"


def test_a_time_without_an_offset_is_naive(engine: Any) -> None:
    for zone in (None, OwnZone(None)):
        error = encode_failure(engine, [("1", datetime.datetime(2026, 3, 14, tzinfo=zone))])
        assert where(error) == ("bad_value", None, 0, 1)


@pytest.mark.parametrize(
    "offset",
    [
        KeyError("mine"),
        datetime.timedelta(hours=-3, seconds=-15),
        datetime.timedelta(hours=1, microseconds=1),
        datetime.timedelta(hours=24),
        "01:00",
        60,
    ],
    ids=label,
)
def test_a_zone_that_raises_lies_or_has_seconds(engine: Any, offset: Any) -> None:
    """Only whole minutes can be read, so only they are written."""
    row = ("1", datetime.datetime(2026, 3, 14, 9, 26, tzinfo=OwnZone(offset)))
    errors: list[EncodeError] = []
    assert list(engine.pack([("0",), row, ("2",)], on_error=errors.append)) == [b"0\n2"]
    encoder = engine.compile(("1", datetime.datetime))
    for write in (
        lambda: engine.encode_row(row),
        lambda: engine.encode([("0",), row]),
        lambda: engine.escape(row[1]),
        lambda: encoder(row[1]),
    ):
        with pytest.raises(EncodeError) as caught:
            write()
        errors.append(caught.value)
    assert [error.reason for error in errors] == ["bad_value"] * 5
    assert isinstance(errors[0].__cause__, KeyError) == isinstance(offset, KeyError)


class LyingOffset(datetime.timedelta):
    @property
    def days(self) -> int:  # type: ignore[override]  # the point of the test
        raise KeyError("mine")

    @property
    def seconds(self) -> int:  # type: ignore[override]  # the point of the test
        return 7


@not_pypy
def test_an_offset_is_taken_by_its_value(engine: Any) -> None:
    moment = datetime.datetime(2026, 3, 14, 9, 26, tzinfo=OwnZone(LyingOffset(hours=1)))
    assert engine.encode_row((moment,)) == b"2026-03-14T09:26:00.000+01:00"
    assert static.create_event(type="t", text="x", time=moment)[3] is moment


def test_the_offset_is_asked_for_once(engine: Any) -> None:
    class Once(datetime.tzinfo):
        asked = 0

        def utcoffset(self, moment: datetime.datetime | None) -> datetime.timedelta:
            self.asked += 1
            return datetime.timedelta(hours=self.asked)

    zone = Once()
    assert engine.encode_row((datetime.datetime(2026, 3, 14, 9, 26, tzinfo=zone),)) == b"2026-03-14T09:26:00.000+01:00"
    assert zone.asked == 1


class Array:
    """Like numpy's: with one element it is an integer by `__index__`, and it has a length."""

    def __index__(self) -> int:
        raise AssertionError("nothing of a refused value is called")

    def __len__(self) -> int:
        raise AssertionError("nothing of a refused value is called")


def test_arrays_are_refused(engine: Any) -> None:
    with pytest.raises(EncodeError) as caught:
        engine.encode([("1", Array())])
    assert where(caught.value) == ("bad_type", None, 0, 1)
    with pytest.raises(EncodeError, match="Array in a hole for int"):
        engine.compile(("1", int))(Array())


@not_pypy
def test_true_classes_whatever_a_test_library_puts_in_their_place(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Like freezegun (a subclass with its own metaclass) and `mock.patch` (something else)."""
    moment, number = datetime.datetime(2026, 3, 14, tzinfo=UTC), Decimal("1.50")
    true = datetime.datetime

    class FakeMeta(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, true)

    class Fake(datetime.datetime, metaclass=FakeMeta):
        pass

    fake = Fake(2026, 3, 14, tzinfo=UTC)
    expected = b"1,2026-03-14T00:00:00.000+00:00,1.50"
    for stand_in in (Fake, object()):
        monkeypatch.setattr("datetime.datetime", stand_in)
        monkeypatch.setattr("decimal.Decimal", stand_in)
        for value in (moment, fake):
            assert engine.encode_row(("1", value, number)) == expected
            assert engine.compile(("1", true, type(number)))(value, number) == expected
            assert engine.compile(("1", Fake, type(number)))(value, number) == expected
        for kind in (true, Fake):
            (row,) = engine.Schema({"1": [kind]}).decode(b"1,2026-03-14T00:00:00Z")
            assert row == ("1", moment)
            assert type(row[1]) is true


FROZEN = """
import datetime, sys
import smartrest as engine
from smartrest.templates import parse, static

true, utc = datetime.datetime, datetime.timezone.utc
moment = true(2026, 3, 14, tzinfo=utc)

class FakeMeta(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, kept[0])

class Fake(true, metaclass=FakeMeta):
    pass

kept = [true]
for module in list(sys.modules.values()):
    for name, value in list(vars(module).items()):
        if value is kept[0]:
            setattr(module, name, Fake)
expected = b"1,2026-03-14T00:00:00.000+00:00"
assert engine.encode_row(("1", moment)) == engine.encode_row(("1", Fake(2026, 3, 14, tzinfo=utc))) == expected
assert engine.compile(("1", kept[0]))(moment) == engine.compile(("1", Fake))(moment) == expected
assert type(engine.Schema({"1": [Fake]}).decode(expected)[0][1]) is kept[0]
row = static.create_event(type="t", text="x", time=moment)
assert row == static["400"].build(type="t", text="x", time=moment) == ("400", "t", "x", moment)
message = parse(("400", "t", "x", "2026-03-14T00:00:00Z"), "s/us")
assert type(message.time) is kept[0]
assert message.to_dict()["parameters"]["time"] == "2026-03-14T00:00:00+00:00"
"""

PATCHED = """
import datetime
from unittest import mock
import smartrest

moment = datetime.datetime(2026, 3, 14, tzinfo=datetime.timezone.utc)
with mock.patch("datetime.datetime"), mock.patch("datetime.timezone"), mock.patch("datetime.timedelta"):
    from smartrest.templates import parse, static
    for _ in range(2):
        message = parse(("400", "t", "x", "2026-03-14T00:00:00+01:00"), "s/us")
        assert message.to_dict()["parameters"]["time"] == "2026-03-14T00:00:00+01:00"
        assert static.create_event(type="t", text="x", time=moment) == ("400", "t", "x", moment)
assert message.to_dict()["parameters"]["time"] == "2026-03-14T00:00:00+01:00"
"""


@not_pypy
@pytest.mark.parametrize("program", [FROZEN, PATCHED], ids=["as freezegun", "as mock.patch"])
@pytest.mark.parametrize("variant", ["core", "pure"])
def test_true_classes_from_the_first_call_on(variant: str, program: str) -> None:
    """freezegun replaces a class in every module, also in C; templates may be imported while patched."""
    if variant == "core":
        open_engine("core:scalar")
    environment = os.environ | {"SMARTREST_ENGINE": variant}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-1000:]


def test_errors_name_the_next_step(engine: Any) -> None:
    for call, words in (
        (lambda: engine.encode(("200", "f", "s", 1)), "encode_row takes a single row"),
        (lambda: engine.encode_row("200"), "a row is a tuple or list of fields"),
        (lambda: engine.encode_row((datetime.datetime(2026, 3, 14),)), "such as timezone.utc"),
        (lambda: engine.encode_row(("x" * 20,), limit=7), "limit of 7 bytes: 20 bytes with row 0; `pack` spreads"),
        (lambda: engine.encode([("1",), ("23",)], limit=3), "limit of 3 bytes: 4 bytes with row 1"),
        (lambda: engine.encode([("1",)], limit=1, final_newline=True), "limit of 1 bytes: 2 bytes with row 0"),
        (lambda: list(engine.pack([("1",), ("2345",)], limit=3)), "limit of 3 bytes: 4 bytes with row 1"),
        (lambda: engine.compile(("1", str), limit=3)("xyz"), "limit of 3 bytes: 5 bytes with row 0"),
        (lambda: engine.truncate(("1234", "x"), limit=3), "limit of 3 bytes: 6 bytes with row 0"),
        (lambda: engine.encode([("1",)], dialect="csv"), "dialect must be 'backslash' or 'double'"),
    ):
        with pytest.raises(ValueError, match=re.escape(words)):
            call()


@pytest.mark.parametrize("shift", range(64))
def test_integers_around_powers_of_two_and_ten(engine: Any, shift: int) -> None:
    for base in (2**shift, 10 ** (shift // 3)):
        for value in (base - 1, base, base + 1, -base - 1, -base, -base + 1):
            assert engine.encode_row((value,)) == str(value).encode()


def test_digits_of_an_integer(engine: Any) -> None:
    assert len(engine.encode_row((BIG,))) == 4_300
    assert len(engine.encode_row((-BIG,))) == 4_301
    assert engine.encode_row((BIG * 10 - 1,)) == b"9" * 4_300
    for value in (BIG * 10, -BIG * 10, Integer(BIG * 10), 1 << 200_000):
        assert where(encode_failure(engine, [("1", value)])) == ("bad_value", None, 0, 1)


@pytest.mark.skipif(not hasattr(sys, "set_int_max_str_digits"), reason="this Python has no such limit")
def test_digits_do_not_depend_on_the_interpreters_limit(engine: Any) -> None:
    before = sys.get_int_max_str_digits()
    row = engine.scan(b"1," + b"7" * 4300)[0]
    try:
        for limit in (640, 0, 100_000):
            sys.set_int_max_str_digits(limit)
            assert len(engine.encode_row((BIG,))) == 4_300
            assert encode_failure(engine, [(BIG * 10,)]).reason == "bad_value"
            assert row.int(1) == (BIG * 10 - 1) // 9 * 7
    finally:
        sys.set_int_max_str_digits(before)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "bad_value"),
        (float("inf"), "bad_value"),
        (-float("inf"), "bad_value"),
        (Decimal("NaN"), "bad_value"),
        (Decimal("sNaN"), "bad_value"),
        (Decimal("-Infinity"), "bad_value"),
        (datetime.datetime(2026, 3, 14), "bad_value"),
        (b"bytes", "bad_type"),
        (bytearray(b"x"), "bad_type"),
        (memoryview(b"x"), "bad_type"),
        (["nested"], "bad_type"),
        (("nested",), "bad_type"),
        ({"a": 1}, "bad_type"),
        ({"a"}, "bad_type"),
        (datetime.date(2026, 3, 14), "bad_type"),
        (datetime.time(9, 26), "bad_type"),
        (datetime.timedelta(1), "bad_type"),
        (Fraction(1, 2), "bad_type"),
        (1j, "bad_type"),
        (object(), "bad_type"),
        (str, "bad_type"),
        (..., "bad_type"),
    ],
    ids=label,
)
def test_refused(engine: Any, value: Any, reason: str) -> None:
    error = encode_failure(engine, [("1",), ("2", "x", value, "y")])
    assert type(error) is EncodeError
    assert where(error) == (reason, None, 1, 2)
    if reason == "bad_type":
        assert type(value).__name__ in str(error)
    assert where(encode_failure(engine, ("2", value), "encode_row")) == (reason, None, 0, 1)
    assert where(encode_failure(engine, value, "escape")) == (reason, None, None, None)


# -- subclasses count by their value, never by their overrides -----------------------------------------------------

TRAPS = (
    "__str__", "__repr__", "__format__", "__len__", "__iter__", "__getitem__", "__contains__", "__eq__", "__hash__",
    "__bool__", "__int__", "__index__", "__float__", "__add__", "__lt__", "__le__", "__gt__", "__ge__", "__ne__",
    "__neg__", "__abs__", "__divmod__", "__mod__", "__floordiv__", "__reduce__", "__sizeof__", "__bytes__",
    "__buffer__", "__trunc__", "encode", "join", "replace", "find", "isspace", "strip", "split", "startswith",
    "endswith", "translate", "count", "bit_length", "is_integer", "is_finite", "is_nan", "as_tuple", "to_eng_string",
    "isoformat", "strftime", "timetuple", "astimezone",
)  # fmt: skip


def trapped(base: type) -> type:
    """A subclass on which every method call fails the test."""

    def trap(name: str) -> Any:
        def fail(*args: Any, **options: Any) -> Any:
            raise AssertionError(f"{base.__name__}.{name} of a subclass was called")

        return fail

    names = [name for name in TRAPS if name != "__index__" or issubclass(base, int)]  # with one it counts as an integer

    class Lying(type(base)):  # type: ignore[misc] # the metaclass of `base`
        def __instancecheck__(cls, value: object) -> bool:
            raise AssertionError("__instancecheck__ was called")

        def __subclasscheck__(cls, value: object) -> bool:
            raise AssertionError("__subclasscheck__ was called")

    return Lying(f"Evil{base.__name__}", (base,), {name: trap(name) for name in names})


EVIL = {base: trapped(base) for base in (str, int, float, Decimal, datetime.datetime)}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (str.__new__(EVIL[str], 'a,"b"'), '"a,\\"b\\""'),
        (str.__new__(EVIL[str], "plain"), "plain"),
        (str.__new__(EVIL[str], "é" * 20), "é" * 20),
        (str.__new__(EVIL[str], ""), ""),
        (int.__new__(EVIL[int], 42), "42"),
        (int.__new__(EVIL[int], -(2**90)), str(-(2**90))),
        (float.__new__(EVIL[float], 2.5), "2.5"),
        (float.__new__(EVIL[float], 3.0), "3.0"),
        (Decimal.__new__(EVIL[Decimal], "1.10"), "1.10"),
        (
            datetime.datetime.__new__(EVIL[datetime.datetime], 2026, 3, 14, 9, 26, 53, 0, UTC),
            "2026-03-14T09:26:53.000+00:00",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_overrides_are_not_asked(engine: Any, value: Any, text: str) -> None:
    assert engine.encode_row(("1", value)) == f"1,{text}".encode()
    assert engine.encode([("1", value)]) == f"1,{text}".encode()


def test_overrides_of_refused_values_are_not_asked(engine: Any) -> None:
    for value in (float.__new__(EVIL[float], "nan"), Decimal.__new__(EVIL[Decimal], "inf")):
        assert where(encode_failure(engine, [(value,)])) == ("bad_value", None, 0, 0)
    assert encode_failure(engine, [(str.__new__(EVIL[str], "\ud800"),)]).reason == "lone_surrogate"
    assert encode_failure(engine, [(trapped(bytes)(b"x"),)]).reason == "bad_type"
    assert encode_failure(engine, [(trapped(list)(["x"]),)]).reason == "bad_type"
    naive = datetime.datetime.__new__(EVIL[datetime.datetime], 2026, 3, 14)
    assert encode_failure(engine, [(naive,)]).reason == "bad_value"


@not_pypy
def test_subclasses_of_rows_are_taken_by_their_value(engine: Any) -> None:
    for base in (tuple, list):
        row = trapped(base)(["1", "a,b"])
        assert (engine.encode_row(row), engine.encode([row, row])) == (b'1,"a,b"', b'1,"a,b"\n1,"a,b"')
    assert encode_failure(engine, [trapped(str)("500")]).reason == "bad_row"


def test_a_class_that_lies_about_itself(engine: Any) -> None:
    class Liar:
        @property
        def __class__(self) -> Any:  # type: ignore[override] # the lie under test
            return self.claimed

        def __init__(self, claimed: type) -> None:
            self.claimed = claimed

        def __str__(self) -> str:
            raise AssertionError("__str__ was called")

        __repr__ = __str__

    for claimed in (str, int, float, bool, type(None), datetime.datetime, Decimal):
        assert where(encode_failure(engine, [("1", Liar(claimed))])) == ("bad_type", None, 0, 1)
    for claimed in (tuple, list, Sequence):
        assert where(encode_failure(engine, [Liar(claimed)])) == ("bad_row", None, 0, None)


def test_a_raising_class_property(engine: Any) -> None:
    class Raising:
        @property
        def __class__(self) -> Any:  # type: ignore[override] # the lie under test
            raise AssertionError("__class__ was asked")

    assert encode_failure(engine, [("1", Raising())]).reason == "bad_type"
    assert encode_failure(engine, [Raising()]).reason == "bad_row"


def test_names_of_types_in_messages_are_escaped_and_short(engine: Any) -> None:
    evil = type("x\n\x1b[31m" + "y" * 500, (), {})
    encode_failure(engine, [("1", evil())])  # also checks length and printability
    encode_failure(engine, [evil()])


def test_attributes_of_refused_values_are_not_asked(engine: Any) -> None:
    class Closed:
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(f"{name} was asked")

    assert encode_failure(engine, [("1", Closed())]).reason == "bad_type"


# -- __index__ with side effects ----------------------------------------------------------------------------------


def test_exceptions_of_index_pass_through(engine: Any) -> None:
    class Raising:
        def __index__(self) -> int:
            raise KeyError("mine")

    for call in (engine.encode_row, lambda row: engine.encode([row])):
        with pytest.raises(KeyError, match="mine"):
            call(("1", Raising()))


def test_index_that_gives_no_int(engine: Any) -> None:
    for wrong in ("5", 5.0, None):
        with pytest.raises(TypeError):
            engine.encode_row((Integer(wrong),))


def test_index_called_once(engine: Any) -> None:
    class Counting:
        calls = 0

        def __index__(self) -> int:
            self.calls += 1
            return self.calls

    value = Counting()
    assert engine.encode_row((value, "x", value)) == b"1,x,2"


@pytest.mark.parametrize("size", [2, 3, 200])
def test_index_that_changes_the_row(engine: Any, size: int) -> None:
    class Clearing:
        def __init__(self, row: list[Any]) -> None:
            self.row = row

        def __index__(self) -> int:
            self.row.clear()
            return 5

    for call in (engine.encode_row, lambda row: engine.encode([row])):
        row: list[Any] = []
        row += ["1", Clearing(row), *["tail" * 5] * size]
        assert call(row) == b"1,5" + b",tailtailtailtailtail" * size, "the fields are those at the start of the call"
        assert row == []


def test_index_that_grows_the_row(engine: Any) -> None:
    class Growing:
        def __index__(self) -> int:
            row.extend(["more"] * 1_000)
            return 5

    row: list[Any] = ["1"]
    row.append(Growing())
    assert engine.encode_row(row) == b"1,5"


def test_index_that_changes_the_rows(engine: Any) -> None:
    class Clearing:
        def __index__(self) -> int:
            rows.clear()
            return 5

    rows: list[Any] = []
    rows += [("1", Clearing()), ("2", "x" * 100), ("3",)]
    assert engine.encode(rows) == b"1,5", "iteration ends once the list is empty"


def test_index_that_adds_rows(engine: Any) -> None:
    class Adding:
        def __index__(self) -> int:
            rows.append(("9",))
            return 5

    rows: list[Any] = [("1", Adding())]
    assert engine.encode(rows) == b"1,5\n9", "iteration sees additions to the list"


def test_index_that_encodes_and_decodes(engine: Any) -> None:
    class Nested:
        def __index__(self) -> int:
            assert engine.encode([("inner", Integer(4))]) == b"inner,4"
            assert engine.decode(b"a\nb") == [("a",), ("b",)]
            return 5

    assert engine.encode([("1", Nested(), "x"), ("2", Nested())]) == b"1,5,x\n2,5"
    encoder = engine.compile(("1", int, object))
    assert encoder(Nested(), Nested()) == b"1,5,5"


def test_numpy_like_floats_are_floats(engine: Any) -> None:
    class Float64(float):
        def __repr__(self) -> str:
            return f"Float64({float(self)})"

        __str__ = __repr__

    assert engine.encode_row((Float64(0.1),)) == b"0.1"


def test_a_sequence_that_lies_about_its_length(engine: Any) -> None:
    class Lying(Sequence[str]):
        def __init__(self, told: int) -> None:
            self.told = told

        def __len__(self) -> int:
            return self.told

        def __getitem__(self, k: Any) -> Any:
            if k >= 2:
                raise IndexError
            return "ab"[k]

    for told in (0, 1, 2, 50):  # read by iteration, like `tuple(row)`
        assert engine.encode_row(Lying(told)) == b"a,b"
