"""`Packer`, and the law of packing: whatever ends it, the rows before come out first and none is lost."""

from __future__ import annotations

import contextlib
import copy
import pickle
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import support
from hypothesis import given
from hypothesis import strategies as st

from smartrest import EncodeError, PayloadTooLargeError

ROWS = st.lists(st.lists(st.text('a,"\\\n é', max_size=6), min_size=1, max_size=4).map(tuple), max_size=12)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "limit": st.integers(2, 40),
        "dialect": st.sampled_from(support.DIALECTS),
        "quote": st.sampled_from(support.QUOTES),
        "final_newline": st.booleans(),
    },
)


class Raises:
    """A field value whose `__index__` raises."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __index__(self) -> int:
        raise self.error


class Stop(BaseException):
    """Like KeyboardInterrupt, not an `Exception`."""


@given(rows=ROWS, options=OPTIONS)
def test_it_gives_the_same_as_pack(engine: Any, rows: list[tuple[str, ...]], options: dict[str, Any]) -> None:
    packer = engine.Packer(**options)
    payloads = []
    refused = []
    for row in rows:
        waiting = packer.rows, packer.size
        try:
            payload = packer.add(row)
        except EncodeError as error:
            refused.append(error)
            assert (packer.rows, packer.size) == waiting
            assert error.row == 0
            continue
        payloads += [payload] if payload is not None else []
        assert packer.rows == (1 if payload is not None else waiting[0] + 1)
    size = packer.size
    last = packer.flush()
    payloads += [last] if last is not None else []
    assert size == len(last or b"")
    assert (packer.rows, packer.size, packer.flush()) == (0, 0, None)
    errors: list[EncodeError] = []
    assert payloads == list(engine.pack(rows, on_error=errors.append, **options))
    assert [type(error) for error in errors] == [type(error) for error in refused]


def test_a_refused_row_changes_nothing(engine: Any) -> None:
    packer = engine.Packer(limit=12)
    assert packer.add(("1", "ab")) is None
    for bad, reason in (
        (("2", b"bytes"), "bad_type"),
        (("2", "x" * 99), "too_large"),
        (("2", "\ud800"), "lone_surrogate"),
        ((), "empty_row"),
        ("2", "bad_row"),
    ):
        with pytest.raises(EncodeError) as caught:
            packer.add(bad)
        assert caught.value.reason == reason
        assert (packer.rows, packer.size) == (1, 4)
    with pytest.raises(KeyError):
        packer.add(("2", "x", Raises(KeyError())))
    assert packer.add(("2", "cdefg")) is None
    assert packer.flush() == b"1,ab\n2,cdefg"


def test_options_are_checked_when_it_is_made(engine: Any) -> None:
    for options, error in (({"limit": -1}, ValueError), ({"dialect": "csv"}, ValueError), ({"quote": 1}, TypeError)):
        with pytest.raises(error):
            engine.Packer(**options)
    with pytest.raises(TypeError):
        engine.Packer(5)


def test_no_limit(engine: Any) -> None:
    packer = engine.Packer(limit=None, final_newline=True)
    rows = [(str(n), "x" * 99) for n in range(2_000)]
    assert not any(packer.add(row) for row in rows)
    assert packer.size == len(packer.flush() or b"") == sum(len(row[0]) + 101 for row in rows)


def test_a_value_that_calls_back(engine: Any) -> None:
    packer = engine.Packer()

    class Again:
        def __index__(self) -> int:
            for call in (lambda: packer.add(("3",)), packer.flush):
                with pytest.raises(ValueError, match="taking a row"):
                    call()
            return 7

    packer.add(("1",))
    packer.add(("2", Again()))
    assert packer.flush() == b"1\n2,7"


def test_it_is_neither_pickled_nor_copied(engine: Any) -> None:
    packer = engine.Packer()
    for call in (lambda: pickle.dumps(packer), lambda: copy.copy(packer), lambda: copy.deepcopy(packer)):
        with pytest.raises(TypeError, match="cannot pickle a packer"):
            call()
    packer.add(("1", "2"))
    assert repr(packer) == "<Packer of 1 rows, 3 bytes>"


def ending(engine: Any, name: str) -> tuple[Iterator[bytes], type[BaseException]]:
    """Ways in which packing ends after rows 1 and 2, each with its error."""
    encoder = engine.compile((int, object))

    def rows(last: Callable[[], Any]) -> Iterator[Any]:
        yield (1, "a")
        yield (2, "b")
        yield last()
        yield (4, "d")

    def fail(error: BaseException) -> Any:
        raise error

    bad = rows(lambda: (3, b"bytes"))
    packs: dict[str, tuple[Callable[[], Iterator[bytes]], type[BaseException]]] = {
        "a refused row": (lambda: engine.pack(bad), EncodeError),
        "a row over the limit": (lambda: engine.pack(rows(lambda: (3, "x" * 99)), limit=50), PayloadTooLargeError),
        "the iterator": (lambda: engine.pack(rows(lambda: fail(KeyError("mine")))), KeyError),
        "an interrupt": (lambda: engine.pack(rows(lambda: fail(Stop()))), Stop),
        "the iterator, on_error": (lambda: engine.pack(rows(lambda: fail(KeyError())), on_error=id), KeyError),
        "a value": (lambda: engine.pack(rows(lambda: (3, Raises(KeyError()))), on_error=id), KeyError),
        "on_error": (lambda: engine.pack(bad, on_error=lambda error: fail(KeyError())), KeyError),
        "a value, no next one": (lambda: engine.pack(rows(lambda: (3, Raises(StopIteration())))), RuntimeError),
        "on_error, no next one": (lambda: engine.pack(bad, on_error=lambda e: next(iter(()))), RuntimeError),
        "a closed generator": (lambda: engine.pack(rows(lambda: (3, Raises(GeneratorExit())))), GeneratorExit),
        "a list": (lambda: engine.pack([(1, "a"), (2, "b"), (3, b"x"), (4, "d")]), EncodeError),
        "encoder: a wrong count": (lambda: encoder.pack(rows(lambda: (3,)), on_error=id), TypeError),
        "encoder: no values": (lambda: encoder.pack(rows(lambda: 3), on_error=id), TypeError),
        "encoder: a misfit": (lambda: encoder.pack(rows(lambda: ("x", "c"))), EncodeError),
        "encoder: the iterator": (lambda: encoder.pack(rows(lambda: fail(Stop()))), Stop),
    }
    make, error = packs[name]
    return make(), error


ENDINGS = (
    *("a refused row", "a row over the limit", "the iterator", "an interrupt", "the iterator, on_error", "a value"),
    *("on_error", "a list", "encoder: a wrong count", "encoder: no values", "encoder: a misfit"),
    *("a value, no next one", "on_error, no next one", "a closed generator"),
    "encoder: the iterator",
)


@pytest.mark.parametrize("name", ENDINGS)
def test_whatever_ends_packing_the_rows_before_come_first(engine: Any, name: str) -> None:
    payloads, error = ending(engine, name)
    assert next(payloads) == b"1,a\n2,b"
    with pytest.raises(error):
        next(payloads)
    with pytest.raises(StopIteration):
        next(payloads)


@given(rows=ROWS, limit=st.integers(6, 30), bad=st.sets(st.integers(0, 11)), end=st.integers(0, 12))
def test_no_row_is_lost(engine: Any, rows: list[tuple[str, ...]], limit: int, bad: set[int], end: int) -> None:
    """The payloads hold all rows before the iterator's failure, once and in order."""
    errors: list[EncodeError] = []

    def given_rows() -> Iterator[tuple[Any, ...]]:
        for number, row in enumerate(rows):
            if number == end:
                raise KeyError("mine")
            yield (*row, b"bytes") if number in bad else row

    packing = engine.pack(given_rows(), limit=limit, on_error=errors.append)
    payloads: list[bytes] = []
    with contextlib.suppress(KeyError):
        payloads.extend(packing)
    refused = {error.row for error in errors}
    sent = [row for number, row in enumerate(rows[:end]) if number not in refused]
    assert [row for payload in payloads for row in engine.decode(payload)] == sent
    assert all(len(payload) <= limit for payload in payloads)
    assert {number for number in bad if number < min(end, len(rows))} <= refused


class Changes:
    """A different integer each time."""

    def __init__(self, *values: int) -> None:
        self.values = iter(values)

    def __index__(self) -> int:
        return next(self.values)


def test_a_value_is_converted_once_where_a_row_is_split(engine: Any) -> None:
    row = ("201", "t", "2026-01-01T00:00:00Z", *("f", "s", "1", "u") * 3, "f", "s", Changes(12345, 1), "u")
    payloads = list(engine.pack([row], limit=60, split_groups=True))
    values = [field for payload in payloads for part in engine.decode(payload) for field in part[5::4]]
    assert values == ["1", "1", "1", "12345"]
    assert all(len(payload) <= 60 for payload in payloads)


NESTED = """
import importlib, sys
pack = importlib.import_module(f"smartrest.{sys.argv[1]}").pack
payloads = [("1",)]
for _ in range(200_000):
    payloads = pack(payloads)
try:
    next(payloads)
except RecursionError:
    print("RecursionError")
del payloads
print("released")
"""


# The same with plain generators, without smartrest.
GENERATORS = """
def passed_on(items):
    for item in items:
        yield item

items = iter([1])
for _ in range(200_000):
    items = passed_on(items)
try:
    next(items)
except RecursionError:
    pass
del items
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["core", "pure"])
def test_packs_of_packs_to_any_depth(name: str) -> None:
    if name == "core":
        support.open_engine("core:scalar")
    elif run(GENERATORS).returncode != 0:  # a sanitizer turns the signal into an exit code
        pytest.skip(f"generators nested so deep crash CPython {platform.python_version()} itself")
    done = run(NESTED, name)
    assert (done.returncode, done.stdout) == (0, "RecursionError\nreleased\n"), done.stderr[-500:]
