"""`Dispatcher`: handlers by template ID."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support import where

from smartrest import DecodeError, DispatchError


@pytest.fixture
def dispatcher(engine: Any) -> Any:
    return engine.Dispatcher()


def failed(dispatcher: Any, payload: Any) -> DispatchError:
    with pytest.raises(DispatchError) as caught:
        dispatcher.dispatch(payload)
    error = caught.value
    assert len(str(error)) <= 200
    assert str(error).isprintable()
    return error


def test_handlers_get_rows(dispatcher: Any) -> None:
    seen = []

    @dispatcher.on("511")
    def command(row: Any) -> str:
        seen.append(row)
        return row[2]

    assert dispatcher.dispatch(b'511,dev,"ls, \\"x\\""\n510,dev\n511,dev,pwd') == ['ls, "x"', "pwd"]
    assert seen == [("511", "dev", 'ls, "x"'), ("511", "dev", "pwd")]
    assert all(type(row) is tuple for row in seen)
    assert dispatcher.skipped == 1


def test_on_returns_the_handler(dispatcher: Any) -> None:
    def handler(row: Any) -> None: ...

    assert dispatcher.on("1")(handler) is handler
    assert dispatcher.default(handler) is handler


def test_several_ids(dispatcher: Any) -> None:
    dispatcher.on("510", "513", "dm100")(lambda row: row[0])
    assert dispatcher.dispatch(b"513,d\n510,d\ndm100\n511,d") == ["513", "510", "dm100"]


def test_ids_are_compared_as_text(dispatcher: Any) -> None:
    for name in ("511", "é", "a,b", "", 'q"'):
        dispatcher.on(name)(lambda row, name=name: name)
    payload = '0511\n511\n" 511"\n511 \n"511"\né\n"a,b"\n""\n"q\\""'
    assert dispatcher.dispatch(payload) == ["511", "511", "é", "a,b", "", 'q"']
    assert dispatcher.skipped == 3


def test_results_of_which_some_are_none(dispatcher: Any) -> None:
    dispatcher.on("1")(lambda row: None)
    dispatcher.on("2")(lambda row: row[1])
    dispatcher.on("3")(lambda row: 1 / 0)
    assert dispatcher.dispatch(b"1,a\n1,b\n1,c") == [None, None, None]
    assert dispatcher.dispatch(b"1,a\n1,b\n2,c\n1,d\n2,e") == [None, None, "c", None, "e"]
    with pytest.raises(DispatchError) as caught:
        dispatcher.dispatch(b"1,a\n3,b\n2,c\n1,d")
    assert caught.value.results == [None, "c", None]
    with pytest.raises(DispatchError) as caught:
        dispatcher.dispatch(b"3,a\n1,b\n1,c")
    assert caught.value.results == [None, None]


def test_a_default_replaced_by_a_handler_is_for_the_next_payload(dispatcher: Any) -> None:
    def first(row: Any) -> str:
        dispatcher.default(lambda row: "second")
        return "first"

    dispatcher.default(first)
    assert dispatcher.dispatch(b"1,a\n2,b\n3,c") == ["first"] * 3
    assert dispatcher.dispatch(b"1,a\n2,b") == ["second"] * 2


def test_the_list_of_results_is_the_callers(dispatcher: Any) -> None:
    dispatcher.on("511")(lambda row: None)
    first = dispatcher.dispatch(b"511,a")
    second = dispatcher.dispatch(b"511,b")
    assert first == second == [None]
    first.append("mine")
    second.clear()
    assert dispatcher.dispatch(b"511,c") == [None]
    del first, second
    again = dispatcher.dispatch(b"511,d")
    again[0] = "mine"
    del again
    assert dispatcher.dispatch(b"511,e") == [None]


def test_results_in_row_order_with_the_default(dispatcher: Any) -> None:
    dispatcher.on("1")(lambda row: None)
    dispatcher.default(lambda row: row)
    assert dispatcher.dispatch(b"2,a\n1\n3,b") == [("2", "a"), None, ("3", "b")]
    assert dispatcher.skipped == 0


def test_skipped_adds_up(dispatcher: Any) -> None:
    assert dispatcher.skipped == 0
    assert dispatcher.dispatch(b"1\n2") == []
    assert dispatcher.dispatch(b"3") == []
    assert dispatcher.skipped == 3
    assert dispatcher.dispatch(b"") == []
    assert dispatcher.skipped == 3


def test_registering_twice(dispatcher: Any) -> None:
    dispatcher.on("1")(print)
    with pytest.raises(ValueError, match="1"):
        dispatcher.on("1")(print)
    with pytest.raises(ValueError, match="2"):
        dispatcher.on("2", "2")(print)


def test_ids_are_text(dispatcher: Any) -> None:
    for wrong in (511, b"511", None):
        with pytest.raises(TypeError):
            dispatcher.on(wrong)(print)


def test_one_bad_handler_does_not_lose_the_others(dispatcher: Any) -> None:
    def handler(row: Any) -> str:
        if row[1] == "bad":
            raise KeyError("mine")
        return row[1]

    dispatcher.on("1")(handler)
    error = failed(dispatcher, b"1,a\n1,bad\n2,x\n1,b\n1,bad")
    assert error.results == ["a", "b"]
    assert [(index, row, type(inner)) for index, row, inner in error.failures] == [
        (1, ("1", "bad"), KeyError),
        (4, ("1", "bad"), KeyError),
    ]
    assert "mine" in str(error)
    assert dispatcher.skipped == 1


def test_whole_rows_of_a_bad_payload_run(dispatcher: Any) -> None:
    dispatcher.on("1")(lambda row: row[1])
    error = failed(dispatcher, b'1,a\n1,b\n1,"cut')
    assert error.results == ["a", "b"]
    ((index, row, inner),) = error.failures
    assert (index, row) == (2, None)
    assert type(inner) is DecodeError
    assert where(inner) == ("unterminated_quote", 10, 2, 1)
    error = failed(dispatcher, b"1,a\n1,\xff")
    assert error.results == ["a"]
    assert error.failures[0][2].reason == "invalid_utf8"  # type: ignore[attr-defined] # a DecodeError


def test_the_decode_error_is_the_last_failure(dispatcher: Any) -> None:
    dispatcher.on("1")(lambda row: 1 / 0)
    error = failed(dispatcher, b'1,a\n1,"cut')
    assert [type(inner) for _, _, inner in error.failures] == [ZeroDivisionError, DecodeError]


def test_other_than_exceptions_passes_at_once(dispatcher: Any) -> None:
    seen = []

    def handler(row: Any) -> None:
        seen.append(row)
        raise KeyboardInterrupt

    dispatcher.on("1")(handler)
    with pytest.raises(KeyboardInterrupt):
        dispatcher.dispatch(b"1,a\n1,b")
    assert seen == [("1", "a")]


def test_a_handler_that_raises_a_long_text(dispatcher: Any) -> None:
    def handler(row: Any) -> None:
        raise ValueError("\x1b[31m\n" * 500)

    dispatcher.on("1")(handler)
    failed(dispatcher, b"1")


def test_a_handler_whose_error_cannot_be_shown(dispatcher: Any) -> None:
    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

        __repr__ = __str__

    def handler(row: Any) -> None:
        raise Silent

    dispatcher.on("1")(handler)
    assert type(failed(dispatcher, b"1").failures[0][2]) is Silent


def test_kinds_of_input(dispatcher: Any) -> None:
    dispatcher.default(lambda row: row[0])
    for payload in (b"1", "1", bytearray(b"1"), memoryview(b"1")):
        assert dispatcher.dispatch(payload) == ["1"]
    for payload in (1, None, ["1"]):
        with pytest.raises(TypeError):
            dispatcher.dispatch(payload)


def test_a_handler_may_dispatch_and_register(dispatcher: Any) -> None:
    def handler(row: Any) -> Any:
        if len(row) > 1:
            dispatcher.on(row[1])(lambda row: row)
            return dispatcher.dispatch(b"1")
        return "inner"

    dispatcher.on("1")(handler)
    assert dispatcher.dispatch(b"1,2") == [["inner"]]
    assert dispatcher.dispatch(b"2") == [("2",)]


def test_a_mutable_payload_may_change_meanwhile(dispatcher: Any) -> None:
    payload = bytearray(b"1,a\n1,b\n1,c")

    def handler(row: Any) -> str:
        payload[:] = b"9" * 200
        return row[1]

    dispatcher.on("1")(handler)
    assert dispatcher.dispatch(payload) == ["a", "b", "c"]


class TestAsync:
    def test_coroutines_are_awaited_one_after_another(self, dispatcher: Any) -> None:
        order = []

        @dispatcher.on("1")
        async def slow(row: Any) -> str:
            order.append(("start", row[1]))
            await asyncio.sleep(0.01 if row[1] == "a" else 0)
            order.append(("end", row[1]))
            return row[1]

        dispatcher.on("2")(lambda row: "plain")
        assert asyncio.run(dispatcher.dispatch_async(b"1,a\n2\n1,b\n3")) == ["a", "plain", "b"]
        assert order == [("start", "a"), ("end", "a"), ("start", "b"), ("end", "b")]
        assert dispatcher.skipped == 1

    def test_errors(self, dispatcher: Any) -> None:
        @dispatcher.default
        async def handler(row: Any) -> str:
            await asyncio.sleep(0)
            if row[0] == "bad":
                raise KeyError("mine")
            return row[0]

        with pytest.raises(DispatchError) as caught:
            asyncio.run(dispatcher.dispatch_async(b'a\nbad\nb\n"cut'))
        assert caught.value.results == ["a", "b"]
        assert [(k, row, type(inner)) for k, row, inner in caught.value.failures] == [
            (1, ("bad",), KeyError),
            (3, None, DecodeError),
        ]

    def test_dispatch_refuses_coroutine_handlers_before_anything_runs(self, dispatcher: Any) -> None:
        seen = []
        dispatcher.on("1")(seen.append)

        @dispatcher.on("2")
        async def handler(row: Any) -> None: ...

        with pytest.raises(TypeError):
            dispatcher.dispatch(b"1\n1")
        assert seen == []

    def test_a_coroutine_default_counts_too(self, dispatcher: Any) -> None:
        @dispatcher.default
        async def handler(row: Any) -> None: ...

        with pytest.raises(TypeError):
            dispatcher.dispatch(b"")

    def test_cancellation_passes_at_once(self, dispatcher: Any) -> None:
        seen = []

        @dispatcher.on("1")
        async def handler(row: Any) -> None:
            seen.append(row)
            await asyncio.sleep(60)

        async def main() -> None:
            task = asyncio.create_task(dispatcher.dispatch_async(b"1,a\n1,b"))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            await task

        with pytest.raises(asyncio.CancelledError):
            asyncio.run(main())
        assert seen == [("1", "a")]
