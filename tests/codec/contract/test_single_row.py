"""A short row of plain text, which the core reads without a tape: results stay the same around that size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support import PURE, in_threads, outcome

SIZES = [1, 2, 3, 4, 5, 31, 62, 63, 64, 65, 66, 100, 126, 127, 128, 129, 130]
FIELD_SIZES = [1, 3, 7, 63, 64, 65, 200]


def rows_of_size(size: int) -> Iterator[bytes]:
    """Rows of this many bytes, cut into fields of several sizes, starting with a template ID where one fits."""
    for field in FIELD_SIZES:
        text = bytearray((b"211,0.25," + b"abcdefgh" * 20)[:size])
        text[9 + field :: field + 1] = b"," * len(text[9 + field :: field + 1])
        yield bytes(text)


def payloads_of_size(size: int) -> Iterator[bytes]:
    for row in rows_of_size(size):
        yield row
        yield row[:-1] + b"\n"
        yield row[:-2] + b"\n\n"
        yield row + b"\n"
        yield b"," * size
        for odd in (b"\n", b'"', b"\r", b"\\", b"\xc3", b"\x00", b" "):
            for place in {0, 3, size // 2, size - 2, size - 1, 62, 63, 64, 65}:
                if 0 <= place < size:
                    yield row[:place] + odd + row[place + 1 :]


@pytest.mark.parametrize("size", SIZES)
def test_every_way_of_reading(core: Any, size: int) -> None:
    schemas = [engine.Schema({"211": [float, str]}) for engine in (PURE, core)]
    dispatchers = [engine.Dispatcher() for engine in (PURE, core)]
    for dispatcher in dispatchers:
        dispatcher.on("211", "2")(lambda row: row)
    for payload in payloads_of_size(size):
        for strict in (False, True):
            for call in ("decode", "decode_row", "scan"):
                assert outcome(getattr(core, call), payload, strict=strict) == outcome(
                    getattr(PURE, call), payload, strict=strict
                ), (call, payload)
            wanted, got = (outcome(schema.decode_row, payload, strict=strict) for schema in schemas)
            assert got == wanted, payload
        wanted, got = (outcome(dispatcher.dispatch, payload) for dispatcher in dispatchers)
        assert got == wanted, payload
    assert dispatchers[0].skipped == dispatchers[1].skipped


def test_calls_with_other_arguments(engine: Any) -> None:
    row = ("211", "1.5")
    assert engine.decode_row(payload=b"211,1.5") == row
    assert engine.decode_row(b"211,1.5", strict=True) == row
    assert engine.decode(bytearray(b"211,1.5"), limit=7) == [row]
    assert engine.scan("211,1.5")[0].fields == row
    assert engine.encode_row(row=row) == b"211,1.5"
    assert engine.encode_row(row, final_newline=True) == b"211,1.5\n"
    for call in (engine.decode, engine.decode_row, engine.scan, engine.encode_row):
        for arguments in ((), (b"1,2", b"3")):
            with pytest.raises(TypeError):
                call(*arguments)
        with pytest.raises(TypeError):
            call(b"1,2", no_such_option=1)


def test_a_view_in_use_is_not_reused(engine: Any) -> None:
    first = engine.scan(b"1,a")
    row = first[0]
    second = engine.scan(b"2,b,c")
    assert (first[0].fields, second[0].fields) == (("1", "a"), ("2", "b", "c"))
    del first, second
    assert engine.scan(b"3,d")[0].fields == ("3", "d")
    assert (row.fields, row.raw) == (("1", "a"), b"1,a")
    views = [engine.scan(b"4,%d" % number) for number in range(20)]
    assert [view[0][1] for view in views] == [str(number) for number in range(20)]


def test_threads_scan_and_dispatch_short_rows(engine: Any) -> None:
    dispatcher = engine.Dispatcher()
    dispatcher.on("511")(lambda row: None)
    wrong: list[Any] = []

    def work(number: int) -> None:
        held = engine.scan(b"511,%d,first" % number)
        for turn in range(2_000):
            view = engine.scan(b"511,%d,%d" % (number, turn))
            results = dispatcher.dispatch(b"511,%d" % turn)
            if view[0].fields != ("511", str(number), str(turn)) or results != [None]:
                wrong.append((number, turn, view[0].fields, results))
        if held[0].fields != ("511", str(number), "first"):
            wrong.append((number, held[0].fields))

    in_threads(work, range(4))
    assert not wrong


def test_a_handler_that_dispatches_with_its_own_dispatcher(engine: Any) -> None:
    dispatcher = engine.Dispatcher()
    inner: list[Any] = []
    dispatcher.on("511")(lambda row: inner.append(dispatcher.dispatch(b"512,x")))
    dispatcher.on("512")(lambda row: None)
    outer = dispatcher.dispatch(b"511,x")
    assert (outer, inner) == ([None], [[None]])
    assert outer is not inner[0]


@pytest.mark.parametrize(
    "text",
    [
        "+-1.23456789012345678", "+1.234567890123456789", "-.12345678901234567890", "12345678901234567890.",
        "++12345678901234567", "1.2345678901234567 ", " 1.2345678901234567", "1.2345678901234567e",
        "1.2345678901234567e+", "1.2345678901234567e400", "1.2345678901234567e-400", "infinity0000000000000",
        "-infinity00000000000", "nan(1234567890123456)", "0x1.8p3000000000000", "1.2345678901234567.8",
        "1_000_000_000_000_000", "/12345678901234567890", ".", "-.", "+", "-", "1.", ".5", "-1.", "....",
    ],
)  # fmt: skip
def test_floats_that_are_none_or_nearly(core: Any, text: str) -> None:
    payload = f"211,{text}".encode()
    wanted, got = (outcome(engine.Schema({"211": [float]}).decode_row, payload) for engine in (PURE, core))
    assert got == wanted
    wanted, got = (outcome(engine.Schema({"211": [float]}).decode, payload + b'\n1,"a"') for engine in (PURE, core))
    assert got == wanted


def test_a_handler_that_fails_on_a_single_row(engine: Any) -> None:
    dispatcher = engine.Dispatcher()
    dispatcher.on("511")(lambda row: 1 / 0)
    with pytest.raises(ValueError, match="division") as caught:
        dispatcher.dispatch(b"511,x")
    ((index, row, failure),) = caught.value.failures
    assert (index, row, type(failure), caught.value.results) == (0, ("511", "x"), ZeroDivisionError, [])
    assert dispatcher.dispatch(b"512,x") == []
    assert dispatcher.skipped == 1


def test_quoted_fields_of_about_a_block(core: Any) -> None:
    for size in (0, 1, 2, 30, 31, 32, 33, 62, 63, 64, 65, 66, 127, 128, 129):
        for inside in (b"x" * size, b"9" * size, b"x" * (size // 2) + b"\xc3\xa9" * (size // 4)):
            for mark in (b"", b'\\"', b'\\\\"', b'""', b"\\", b"\n", b","):
                for place in (0, size // 2, size):
                    payload = b'5,"' + inside[:place] + mark + inside[place:] + b'",z\n1,2\n' * 2
                    assert outcome(core.decode, payload) == outcome(PURE.decode, payload), payload
