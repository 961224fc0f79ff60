"""`pack`: the fewest payloads, in order. Small cases: `tests/codec/cases/limits.md`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from support import where

from smartrest import EncodeError, PayloadTooLargeError


def test_payloads_are_bytes_from_an_iterator(engine: Any) -> None:
    packed = engine.pack([("1",), ("2",)], limit=1)
    assert iter(packed) is packed
    assert next(packed) == b"1"
    assert type(next(packed)) is bytes
    with pytest.raises(StopIteration):
        next(packed)
    with pytest.raises(StopIteration):
        next(packed)


def test_no_rows(engine: Any) -> None:
    assert list(engine.pack([])) == []
    assert list(engine.pack([], final_newline=True, limit=None)) == []


def test_the_default_limit(engine: Any) -> None:
    rows = [(str(k), "x" * 990) for k in range(100)]
    payloads = list(engine.pack(rows))
    assert [row for payload in payloads for row in engine.decode(payload)] == rows
    assert max(map(len, payloads)) <= 16_000
    assert len(payloads) == 7


def test_none_is_one_payload(engine: Any) -> None:
    rows = [("x" * 1_000,)] * 100
    assert list(engine.pack(rows, limit=None)) == [engine.encode(rows, limit=None)]


def test_options_reach_the_rows(engine: Any) -> None:
    rows = [("1", 'a"'), ("2", 'b"')]
    for options in ({"dialect": "double"}, {"quote": "all"}, {"final_newline": True}):
        assert list(engine.pack(rows, **options)) == [engine.encode(rows, **options)]
        assert list(engine.pack(rows, limit=14, **options)) == [engine.encode([row], **options) for row in rows]


def test_the_final_newline_counts(engine: Any) -> None:
    rows = [("1",), ("2",)]
    assert list(engine.pack(rows, limit=4, final_newline=True)) == [b"1\n2\n"]
    assert list(engine.pack(rows, limit=3, final_newline=True)) == [b"1\n", b"2\n"]
    assert list(engine.pack(rows, limit=2, final_newline=True)) == [b"1\n", b"2\n"]
    with pytest.raises(PayloadTooLargeError):
        list(engine.pack(rows, limit=1, final_newline=True))


def test_no_other_division_in_order_has_fewer_payloads(engine: Any) -> None:
    for sizes in itertools.product((1, 3, 4, 6), repeat=5):
        rows = [("x" * size,) for size in sizes]
        for limit in (6, 8, 11):
            fewest = [0] + [99] * len(sizes)
            for end in range(1, len(sizes) + 1):
                for start in range(end):
                    if sum(sizes[start:end]) + end - start - 1 <= limit:
                        fewest[end] = min(fewest[end], fewest[start] + 1)
            payloads = list(engine.pack(rows, limit=limit))
            assert len(payloads) == fewest[-1]
            assert [row for payload in payloads for row in engine.decode(payload)] == rows


def test_rows_are_read_lazily(engine: Any) -> None:
    taken = []

    def endless() -> Iterator[tuple[str, ...]]:
        for k in itertools.count():
            taken.append(k)
            yield ("1234",)

    packed = engine.pack(endless(), limit=9)
    assert taken == []
    assert next(packed) == b"1234\n1234"
    assert len(taken) <= 3
    assert next(packed) == b"1234\n1234"
    packed.close() if hasattr(packed, "close") else None


def test_options_are_checked_when_called(engine: Any) -> None:
    for options, raised in (
        ({"limit": -1}, ValueError),
        ({"limit": "5"}, TypeError),
        ({"dialect": "x"}, ValueError),
        ({"quote": 3}, TypeError),
        ({"on_error": "print"}, TypeError),
    ):
        with pytest.raises(raised):
            engine.pack([("1",)], **options)
    for rows in (5, None):
        with pytest.raises(TypeError):
            engine.pack(rows)


BAD = [("1",), (), ("2",), ("3", b"x"), "500", ("4", "\ud800"), ("5",), ("x" * 99,), ("6", float("nan")), ("7",)]
WRONG = [
    ("empty_row", None, 1, None),
    ("bad_type", None, 3, 1),
    ("bad_row", None, 4, None),
    ("lone_surrogate", None, 5, 1),
    ("too_large", None, 7, None),
    ("bad_value", None, 8, 1),
]


class TestOnError:
    def test_bad_rows_are_left_out(self, engine: Any) -> None:
        seen: list[EncodeError] = []
        assert list(engine.pack(BAD, limit=50, on_error=seen.append)) == [b"1\n2\n5\n7"]
        assert [where(error) for error in seen] == WRONG
        assert [type(error) for error in seen] == [EncodeError] * 4 + [PayloadTooLargeError, EncodeError]
        assert seen[4].limit == 50  # type: ignore[attr-defined] # a PayloadTooLargeError

    def test_only_bad_rows(self, engine: Any) -> None:
        seen: list[EncodeError] = []
        assert list(engine.pack([(), ()], on_error=seen.append)) == []
        assert [error.row for error in seen] == [0, 1]

    def test_row_counts_the_whole_input(self, engine: Any) -> None:
        rows: list[Any] = [("x",)] * 1_000
        rows[777] = ()
        seen: list[EncodeError] = []
        assert sum(len(engine.decode(p)) for p in engine.pack(rows, limit=20, on_error=seen.append)) == 999
        assert [error.row for error in seen] == [777]

    def test_exceptions_of_on_error_pass_through(self, engine: Any) -> None:
        def stop(error: EncodeError) -> None:
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            list(engine.pack(BAD, on_error=stop))

    def test_its_result_is_ignored(self, engine: Any) -> None:
        assert list(engine.pack(BAD, limit=50, on_error=lambda error: True)) == [b"1\n2\n5\n7"]

    def test_errors_of_the_caller_are_not_its_business(self, engine: Any) -> None:
        def rows() -> Iterator[Any]:
            yield ("1",)
            raise EncodeError("the caller's own", "bad_row")

        with pytest.raises(EncodeError, match="the caller's own"):
            list(engine.pack(rows(), on_error=lambda error: None))

        class Raising:
            def __index__(self) -> int:
                raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            list(engine.pack([("1", Raising())], on_error=lambda error: None))


class TestWithoutOnError:
    @pytest.mark.parametrize("wrong", range(len(WRONG)))
    def test_rows_packed_before_come_first(self, engine: Any, wrong: int) -> None:
        row = WRONG[wrong][2]
        assert row is not None
        rows = [("0",)] * row + [BAD[row]]
        packed = engine.pack(rows, limit=5)
        got = []
        with pytest.raises(EncodeError) as caught:
            for payload in packed:
                got.append(payload)  # noqa: PERF402 - keep the payloads before the error
        assert where(caught.value) == WRONG[wrong]
        assert b"\n".join(got) == b"\n".join([b"0"] * row)
        assert all(len(payload) <= 5 for payload in got)
        assert list(packed) == [], "an iterator that failed has ended"

    def test_the_first_row(self, engine: Any) -> None:
        with pytest.raises(EncodeError) as caught:
            next(engine.pack([()]))
        assert where(caught.value) == ("empty_row", None, 0, None)


def test_a_generator_that_packs_itself(engine: Any) -> None:
    """Calling `next` on the iterator while it runs raises or ends it; it never crashes or loses a row."""
    asked: list[str] = []

    def rows() -> Iterator[Any]:
        yield ("1",)
        try:
            asked.append(repr(next(packed)))
        except (ValueError, RuntimeError, StopIteration) as error:
            asked.append(type(error).__name__)
        yield ("2",)

    packed = engine.pack(rows())
    assert list(packed) == [b"1\n2"]
    assert asked


def test_a_row_changed_after_it_was_given(engine: Any) -> None:
    def rows() -> Iterator[list[str]]:
        row = ["1"]
        for k in range(3):
            row[0] = str(k)
            yield row

    assert list(engine.pack(rows())) == [b"0\n1\n2"]


class TestSplitGroups:
    """A row over the limit is split into equivalent rows if its template allows it."""

    SUPPORTED = ("114", *(f"c8y_Operation{k}" for k in range(9)))
    MEASURED = (
        "201",
        "acme_Pump",
        "2026-03-14T09:26:53Z",
        *(part for k in range(8) for part in ("P", f"s{k}", k, "u")),
    )

    def test_a_measurement_is_divided_by_its_series(self, engine: Any) -> None:
        rows = [("400", "t", "x"), self.MEASURED, ("500",)]
        payloads = list(engine.pack(rows, limit=80, split_groups=True))
        assert all(len(payload) <= 80 for payload in payloads)
        read = [row for payload in payloads for row in engine.decode(payload)]
        assert read[0] == ("400", "t", "x")
        assert read[-1] == ("500",)
        parts = read[1:-1]
        assert len(parts) >= 2
        assert all(part[:3] == self.MEASURED[:3] for part in parts)
        assert tuple(value for part in parts for value in part[3:]) == tuple(map(str, self.MEASURED[3:]))

    def test_rows_that_fit_stay_whole(self, engine: Any) -> None:
        rows = [("400", "t", "x"), self.MEASURED]
        assert list(engine.pack(rows, split_groups=True)) == list(engine.pack(rows))

    def test_a_row_that_may_not_be_divided(self, engine: Any) -> None:
        seen: list[EncodeError] = []
        assert list(engine.pack([self.SUPPORTED, ("500",)], limit=60, split_groups=True, on_error=seen.append)) == [
            b"500"
        ]
        assert all(isinstance(error, PayloadTooLargeError) for error in seen)
        assert len(seen) == 1
        assert where(seen[0]) == ("too_large", None, 0, None)
        with pytest.raises(PayloadTooLargeError):
            list(engine.pack([("my template", "x" * 99)], limit=60, split_groups=True))

    def test_without_the_option_no_row_is_split(self, engine: Any) -> None:
        with pytest.raises(PayloadTooLargeError):
            list(engine.pack([self.MEASURED], limit=80))
