"""`Dispatcher`: ownership of its table, which handlers count, skipped rows, strict reading."""

from __future__ import annotations

import asyncio
import gc
import inspect
import subprocess
import sys
import weakref
from enum import Enum
from typing import Any

import pytest
import support

from smartrest import DecodeError, DispatchError


class Id(str):
    """Unequal to everything, with its own hash."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 7


class Operation(str, Enum):
    RESTART = "510"
    TEXT = "dm100"


@pytest.mark.parametrize("template_id", ["510", "dm100"])
def test_an_id_is_its_text(engine: Any, template_id: str) -> None:
    """Otherwise a subclass could replace a handler that the table still calls."""
    dispatcher = engine.Dispatcher()
    dispatcher.on(template_id)(lambda row: "first")
    for other in (Id(template_id), Operation(template_id)):
        with pytest.raises(ValueError, match="registered twice"):
            dispatcher.on(other)(lambda row: "second")
        with pytest.raises(ValueError, match="registered twice"):
            engine.Dispatcher().on(template_id, other)
    gc.collect()
    payload = template_id.encode() + b",d"
    assert dispatcher.dispatch(payload) == ["first"]
    fresh = engine.Dispatcher()
    fresh.on(Operation(template_id))(lambda row: row[0])
    assert fresh.dispatch(payload) == [template_id]


def test_a_schema_takes_an_id_for_its_text(engine: Any) -> None:
    schema = engine.Schema({Operation.RESTART: [int], Id("511"): [float]})
    assert schema.decode(b"510,7\n511,2.5") == [("510", 7), ("511", 2.5)]
    with pytest.raises(ValueError, match="given twice"):
        engine.Schema({"510": [int], Id("510"): [float]})


def test_two_threads_register_one_id(engine: Any) -> None:
    for _ in range(50):
        dispatcher = engine.Dispatcher()
        registered = []

        def register(number: int, d: Any = dispatcher, done: list[int] = registered) -> None:
            try:
                d.on("1", "2")(lambda row: number)
            except ValueError:
                return
            done.append(number)

        support.in_threads(register, range(4))
        assert len(registered) == 1
        assert dispatcher.dispatch(b"1\n2") == registered * 2


MEANWHILE = """
import gc, importlib, inspect, sys, sysconfig   # inspect: in the middle of its import no handler can be registered
dispatcher = importlib.import_module(f"smartrest.{sys.argv[1]}").Dispatcher()
count = 0

def register(phase, info):
    global count
    gc.callbacks.remove(register)
    count += 1
    dispatcher.on(f"x{count}")(len)
    gc.callbacks.append(register)

gc.callbacks.append(register)
gc.set_threshold(1, *((0, 0) if sysconfig.get_config_var("Py_GIL_DISABLED") == 1 else (1, 1)))
for number in range(200):
    dispatcher.on(*[str(number * 10 + k) for k in range(5)])(len)
gc.callbacks.clear()
assert count > 0
assert dispatcher.dispatch(b"1,a\\nx1") == [2, 1]
"""


@pytest.mark.parametrize("name", ["core", "pure"])
def test_a_finalizer_that_registers_in_the_middle_of_registering(name: str) -> None:
    if name == "core":
        support.open_engine("core:scalar")
    command = [sys.executable, "-c", MEANWHILE, name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-500:]


@pytest.mark.parametrize("template_id", ["2", "dm2"])
def test_handlers_registered_meanwhile_count_from_the_next_payload_on(engine: Any, template_id: str) -> None:
    dispatcher = engine.Dispatcher()

    @dispatcher.on("1")
    def first(row: tuple[str, ...]) -> Any:
        if dispatcher.skipped == 0:
            dispatcher.on(template_id)(lambda row: "late")
            return dispatcher.dispatch(template_id.encode())  # this is the next one
        return "first"

    payload = f"1\n{template_id}".encode()
    assert dispatcher.dispatch(payload) == [["late"]]
    assert dispatcher.skipped == 1
    assert dispatcher.dispatch(payload) == ["first", "late"]


def test_skipped_as_a_handler_sees_it(engine: Any) -> None:
    dispatcher = engine.Dispatcher()
    dispatcher.on("1")(lambda row: dispatcher.skipped)
    assert dispatcher.dispatch(b"0\n1\n0\n0\n1\n0") == [1, 3]
    assert dispatcher.skipped == 4
    assert dispatcher.dispatch(b'0\n1,"x"\n0') == [5]
    assert asyncio.run(dispatcher.dispatch_async(b"0\n1\n0")) == [7]
    assert dispatcher.skipped == 8


def test_skipped_when_a_handler_interrupts(engine: Any) -> None:
    dispatcher = engine.Dispatcher()

    @dispatcher.on("1")
    def interrupt(row: tuple[str, ...]) -> None:
        raise KeyboardInterrupt

    for payload in (b"0\n1\n0\n0", b'0\n1,"x"\n0', b'0\n1\n"'):
        before = dispatcher.skipped
        with pytest.raises(KeyboardInterrupt):
            dispatcher.dispatch(payload)
        assert dispatcher.skipped == before + 1


def test_a_handler_that_frees_its_dispatcher(engine: Any) -> None:
    holder: list[Any] = [engine.Dispatcher()]

    @holder[0].on("1")
    def free(row: tuple[str, ...]) -> str:
        holder.clear()
        gc.collect()
        return row[1]

    del free
    assert holder[0].dispatch(b"1,a\n1,b") == ["a", "b"]


def test_a_dispatcher_in_a_cycle_with_its_handler_is_freed(engine: Any) -> None:
    def make() -> weakref.ref[Any]:
        dispatcher = engine.Dispatcher()
        dispatcher.on("1", "dm1")(lambda row: dispatcher)
        dispatcher.dispatch(b"1\ndm1")
        return weakref.ref(dispatcher)

    alive = make()
    gc.collect()
    assert alive() is None


class TestStrict:
    def test_the_default_guesses_and_strict_refuses(self, engine: Any) -> None:
        """As the README says of a command."""
        payload = b'510,d\n511,d,"rm -r "build'
        ran: list[str] = []
        lenient, strict = engine.Dispatcher(), engine.Dispatcher(strict=True)
        for dispatcher in (lenient, strict):
            dispatcher.on("511")(lambda row: ran.append(row[2]))
            dispatcher.on("510")(lambda row: ran.append("restart"))
        lenient.dispatch(payload)
        assert ran == ["restart", "rm -r build"]
        ran.clear()
        for call in (strict.dispatch, lambda data: asyncio.run(strict.dispatch_async(data))):
            with pytest.raises(DispatchError) as caught:
                call(payload)
            ((number, row, error),) = caught.value.failures
            assert (number, row) == (1, None)
            assert isinstance(error, DecodeError)
            assert error.reason == "text_after_quote"
        assert ran == ["restart", "restart"]

    def test_it_accepts_the_same_as_strict_decoding(self, engine: Any) -> None:
        dispatcher = engine.Dispatcher(strict=True)
        dispatcher.default(lambda row: row)
        for payload in (b"1,a\r\n\n2,b\n", b'1,"a\\"b"\n2,"c"', b"\xef\xbb\xbf1", b"", b"1"):
            assert dispatcher.dispatch(payload) == engine.decode(payload, strict=True)
        for payload in (b'1, "a"', b'1,"a\\"b"\n2,"c""d"', b'1,a"b', b"1,a\rb"):
            with pytest.raises(DecodeError) as expected:
                engine.decode(payload, strict=True)
            with pytest.raises(DispatchError) as caught:
                dispatcher.dispatch(payload)
            assert caught.value.failures[-1][2].reason == expected.value.reason

    def test_its_only_argument(self, engine: Any) -> None:
        with pytest.raises(TypeError):
            engine.Dispatcher(True)
        with pytest.raises(TypeError):
            engine.Dispatcher(lenient=True)


def test_dispatch_async_is_a_coroutine_function(engine: Any) -> None:
    assert inspect.iscoroutinefunction(engine.Dispatcher().dispatch_async)
