"""Time: no text makes an engine look at a byte more than a few times, and no legal payload takes long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support import best_time
from support_shapes import SHAPES, hostile

CALLS = ("decode", "scan", "split", "check")


def growth(function: Callable[[Any], Any], small: Any, large: Any, allowed: float, attempts: int) -> str | None:
    """Check that `large`, eight times the size, takes at most twelve times as long and at most `allowed` seconds.

    Returns `None`, or the times of the best of several attempts, since the machine may be busy.
    """
    long = short = 1e9
    for _ in range(attempts):
        long = min(long, best_time(lambda: outcome_of(function, large), 2))
        short = min(short, best_time(lambda: outcome_of(function, small), 2))
        if long <= 12 * short and long <= allowed:
            return None
    return f"{short * 1e3:.3f} ms, eight times as much {long * 1e3:.3f} ms; allowed are {allowed * 1e3:.0f} ms"


def assert_linear(function: Callable[[Any], Any], make: Callable[[int], Any], allowed: float) -> None:
    """From 2,000 to 16,000. An overflowing cache shows at one size only, quadratic growth (64 times) at all."""
    found = growth(function, make(2_000), make(16_000), allowed, 40)  # a busy processor changes its speed
    if found is not None:
        larger = growth(function, make(16_000), make(128_000), 8 * allowed, 4)
        assert larger is None, f"{found}; and at eight times the size {larger}"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("call", CALLS)
def test_reading(engine: Any, call: str, shape: str) -> None:
    """Linear; and the largest legal payload takes 100 ms in Python, 5 ms in C, three times that on a busy machine."""
    allowed = (0.1 if engine.engine() == "pure" else 0.005) * 3
    assert_linear(getattr(engine, call), lambda size: hostile(shape, size), allowed)


def outcome_of(function: Any, payload: bytes) -> Any:
    try:
        return function(payload)
    except ValueError:
        return None


@pytest.mark.parametrize("unit", ["a", '"', "\\", "\n", ",", "é", "🌡", " ", '\\"'])
def test_writing(engine: Any, unit: str) -> None:
    for call in (
        lambda text: engine.encode_row(("1", text), limit=None),
        lambda text: engine.encode([(text[:10],)] * (len(text) // 10), limit=None),
        lambda text: engine.encode_row(tuple(text), limit=None),
        lambda text: engine.truncate(("1", text), limit=len(text) // 2),
        lambda text: list(engine.pack([(text[:10],)] * (len(text) // 10), limit=200)),
        lambda text: engine.unescape(engine.escape(text)),
    ):
        assert_linear(call, lambda size: unit * size, 60)


def test_values_that_do_not_fit(engine: Any) -> None:
    """An error of a lazy row leaves out the rows before it, which a peer could make expensive."""

    def read(payload: bytes) -> int:
        errors = 0
        for row in engine.scan(payload):
            try:
                row.float(1)
            except ValueError as error:
                errors += error.args != ()
        return errors

    assert read(b"1,x\n" * 3) == 3
    assert_linear(read, lambda size: b"1,x\n" * (size // 4), 60)


def test_registering_handlers(engine: Any) -> None:
    def register(ids: list[str]) -> None:
        dispatcher = engine.Dispatcher()
        dispatcher.on(*ids)(len)
        for template_id in ids:
            dispatcher.on("x" + template_id)(len)
        dispatcher.dispatch(b"1")

    assert_linear(register, lambda size: [str(number) for number in range(size // 4)], 60)


def test_the_measure_can_fail() -> None:
    """A quadratic reader does not pass."""

    def quadratic(payload: bytes) -> int:
        return sum(payload[k:].count(b"a") for k in range(0, len(payload), 100))

    with pytest.raises(AssertionError, match="eight times"):
        assert_linear(quadratic, lambda size: b"a" * size, 60)
    with pytest.raises(AssertionError, match="allowed"):
        assert_linear(lambda payload: payload.count(b"a"), lambda size: b"a" * size, 1e-9)
