"""`compile` and `Encoder`: rows with holes."""

from __future__ import annotations

import datetime
import pickle
import threading
from decimal import Decimal
from typing import Any

import pytest
from support import UTC, module_of, where

from smartrest import EncodeError, PayloadTooLargeError

NOW = datetime.datetime(2026, 3, 14, 9, 26, 53, 589000, UTC)
ROW = ("200", "c8y_Temperature", "T", float, "C", datetime.datetime)


def refused(call: Any, *args: Any) -> EncodeError:
    with pytest.raises(EncodeError) as caught:
        call(*args)
    return caught.value


def test_holes_are_filled(engine: Any) -> None:
    encoder = engine.compile(ROW)
    assert encoder(25.3, NOW) == b"200,c8y_Temperature,T,25.3,C,2026-03-14T09:26:53.589+00:00"
    assert type(encoder(25.3, NOW)) is bytes
    assert type(encoder) is module_of(engine).Encoder
    assert encoder.row == ROW


def test_constants_are_escaped(engine: Any) -> None:
    assert engine.compile(("1", 'a"b', str, 2.5, None, True))("x,y") == b'1,"a\\"b","x,y",2.5,,true'
    assert engine.compile(("1", 'a"b', str), dialect="double")('"') == b'1,"a""b",""""'
    assert engine.compile(["1", str], quote="all")("") == b'"1",""'
    assert engine.compile(["1", str], final_newline=True)("a") == b"1,a\n"


def test_no_holes(engine: Any) -> None:
    assert engine.compile(("500",))() == b"500"
    assert engine.compile(("",))() == b'""'


@pytest.mark.parametrize(
    ("hole", "fits", "does_not"),
    [
        (str, ["a", "", None, 'x"y'], [1, 1.5, True, Decimal(1), NOW, b"x"]),
        (int, [1, -(2**70), None], [True, 1.5, "1", Decimal(1), NOW]),
        (float, [1.5, 1, None, -0.0], [True, "1", Decimal(1), NOW]),
        (Decimal, [Decimal("1.10"), None], [1, 1.5, True, "1"]),
        (bool, [True, False, None], [1, 0, "true", 1.0]),
        (datetime.datetime, [NOW, None], ["2026", 1, datetime.date(2026, 3, 14)]),
        (object, ["a", 1, 1.5, True, None, Decimal(2), NOW], [b"x", (), object()]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_values_that_fit_a_hole(engine: Any, hole: type, fits: list[Any], does_not: list[Any]) -> None:
    encoder = engine.compile(("1", hole, "x"))
    for value in fits:
        assert encoder(value) == engine.encode_row(("1", value, "x"))
    for value in does_not:
        assert where(refused(encoder, value)) == ("bad_type", None, 0, 1)


def test_any_integer_fits_int_and_float(engine: Any) -> None:
    class Seven:
        def __index__(self) -> int:
            return 7

    assert engine.compile((int, float, object))(Seven(), Seven(), Seven()) == b"7,7,7"
    assert where(refused(engine.compile((str,)), Seven())) == ("bad_type", None, 0, 0)


def test_errors_are_those_of_encode_row(engine: Any) -> None:
    encoder = engine.compile(("1", str, float, datetime.datetime, int))
    for values, expected in (
        (("\ud800", 1.0, NOW, 1), ("lone_surrogate", None, 0, 1)),
        (("a", float("nan"), NOW, 1), ("bad_value", None, 0, 2)),
        (("a", 1.0, NOW.replace(tzinfo=None), 1), ("bad_value", None, 0, 3)),
        (("a", 1.0, NOW, 10**4300), ("bad_value", None, 0, 4)),
        ((b"a", float("nan"), NOW, 1), ("bad_type", None, 0, 1)),
        (("a", float("nan"), "x", 1), ("bad_value", None, 0, 2)),
        (("x" * 20_000, 1.0, NOW, 1), ("too_large", None, 0, None)),
    ):
        assert where(refused(encoder, *values)) == expected
    guarded = engine.compile(("1", str), on_trailing_backslash="error")
    assert guarded("x\\") == b"1,x\\"
    assert where(refused(guarded, "a,\\")) == ("trailing_backslash", None, 0, 1)


def test_limit(engine: Any) -> None:
    encoder = engine.compile(("1", str), limit=5)
    assert encoder("abc") == b"1,abc"
    error = refused(encoder, "abcd")
    assert type(error) is PayloadTooLargeError
    assert error.limit == 5
    assert engine.compile(("1", str), limit=None)("x" * 50_000) == b"1," + b"x" * 50_000
    assert refused(engine.compile(("1", str), limit=5, final_newline=True), "abc").reason == "too_large"


def test_one_empty_field(engine: Any) -> None:
    encoder = engine.compile((str,))
    assert encoder("") == encoder(None) == b'""'
    assert encoder("a") == b"a"
    assert engine.compile((object,), quote="all")(None) == b'""'
    assert list(encoder.pack([("",), ("a",), (None,)])) == [b'""\na\n""']


def test_a_wrong_count_is_a_type_error(engine: Any) -> None:
    encoder = engine.compile(ROW)
    for values in ((), (1.0,), (1.0, NOW, "x")):
        with pytest.raises(TypeError):
            encoder(*values)
        with pytest.raises(TypeError):
            list(encoder.pack([values], on_error=lambda error: None))
    with pytest.raises(TypeError):
        encoder(value=1.0)


@pytest.mark.parametrize("wrong", [bytes, list, dict, type(None), datetime.date, complex, Exception, b"x", [str]])
def test_other_classes_are_not_holes(engine: Any, wrong: Any) -> None:
    assert where(refused(engine.compile, ("1", wrong))) == ("bad_type", None, 0, 1)


def test_subclasses_are_not_holes(engine: Any) -> None:
    for base in (str, int, float):
        assert where(refused(engine.compile, ("1", type("Own", (base,), {})))) == ("bad_type", None, 0, 1)


def test_errors_of_the_row(engine: Any) -> None:
    assert where(refused(engine.compile, ())) == ("empty_row", None, 0, None)
    assert where(refused(engine.compile, "500")) == ("bad_row", None, 0, None)
    assert where(refused(engine.compile, ("1", "\ud800"))) == ("lone_surrogate", None, 0, 1)
    assert where(refused(engine.compile, ("1", float("inf"), str))) == ("bad_value", None, 0, 1)


def test_pickle_and_equality_of_results(engine: Any) -> None:
    encoder = engine.compile(("1", 'a"', str, float), dialect="double", quote="all", final_newline=True, limit=40)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(encoder, protocol))
        assert again.row == encoder.row
        assert again("x", 1.5) == encoder("x", 1.5) == b'"1","a""","x","1.5"\n'
        assert refused(again, "x" * 40, 1.5).reason == "too_large"


def test_the_row_given_may_change_later(engine: Any) -> None:
    row: list[Any] = ["1", str]
    encoder = engine.compile(row)
    row[0] = "2"
    row.append("3")
    assert encoder("a") == b"1,a"
    assert encoder.row == ("1", str)


def test_threads_share_an_encoder(engine: Any) -> None:
    encoder = engine.compile(("1", str, float, int))
    wrong: list[Any] = []

    def work(name: str) -> None:
        for k in range(400):
            text = name * (k % 50)
            if encoder(text, k + 0.5, k) != engine.encode_row(("1", text, k + 0.5, k)):
                wrong.append((name, k))

    threads = [threading.Thread(target=work, args=(name,)) for name in 'ab"é']
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_value_that_calls_its_own_encoder(engine: Any) -> None:
    class Nested:
        def __index__(self) -> int:
            assert encoder("inner" * 100, 5) == b"1," + b"inner" * 100 + b",5,end"
            return 7

    encoder = engine.compile(("1", str, int, "end"))
    assert encoder("outer", Nested()) == b"1,outer,7,end"


class TestPack:
    def test_values_by_row(self, engine: Any) -> None:
        encoder = engine.compile(("200", "c8y_T", "T", float))
        payloads = list(encoder.pack([(1.5,), [2], (None,)], limit=40))
        assert payloads == [b"200,c8y_T,T,1.5\n200,c8y_T,T,2", b"200,c8y_T,T,"]
        columns = ([1.5, 2.5], ["a", "b"])
        assert list(engine.compile((float, str)).pack(zip(*columns, strict=True))) == [b"1.5,a\n2.5,b"]

    def test_it_equals_pack_of_the_filled_rows(self, engine: Any) -> None:
        values = [(f"{k}," * (k % 7), k * 0.5, k) for k in range(300)]
        for options in ({}, {"dialect": "double"}, {"quote": "all"}, {"final_newline": True}):
            encoder = engine.compile(("1", str, "x", float, int), **options)
            rows = [("1", text, "x", number, k) for text, number, k in values]
            for limit in (60, 200, 16_000, None):
                assert list(encoder.pack(values, limit=limit)) == list(engine.pack(rows, limit=limit, **options))

    def test_its_own_limit(self, engine: Any) -> None:
        encoder = engine.compile(("1", str), limit=5)
        assert list(encoder.pack([("a" * 50,)])) == [b"1," + b"a" * 50]

    def test_errors(self, engine: Any) -> None:
        encoder = engine.compile(("1", float))
        values: list[Any] = [(1.0,), ("x",), (float("nan"),), (2.0,)]
        seen: list[EncodeError] = []
        assert list(encoder.pack(values, on_error=seen.append)) == [b"1,1.0\n1,2.0"]
        assert [where(error) for error in seen] == [("bad_type", None, 1, 1), ("bad_value", None, 2, 1)]
        packed = encoder.pack(values)
        assert next(packed) == b"1,1.0"
        assert where(refused(next, packed)) == ("bad_type", None, 1, 1)
        assert list(packed) == []

    def test_options_are_checked_when_called(self, engine: Any) -> None:
        encoder = engine.compile(("1", float))
        for options, raised in (({"limit": -1}, ValueError), ({"limit": "x"}, TypeError), ({"on_error": 5}, TypeError)):
            with pytest.raises(raised):
                encoder.pack([], **options)
        with pytest.raises(TypeError):
            encoder.pack(None)

    def test_it_reads_lazily(self, engine: Any) -> None:
        taken = []

        def values() -> Any:
            for k in range(10**9):
                taken.append(k)
                yield (k,)

        packed = engine.compile(("1", int)).pack(values(), limit=7)
        assert taken == []
        assert next(packed) == b"1,0\n1,1"
        assert len(taken) <= 3
