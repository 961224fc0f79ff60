"""Time: each byte is looked at a bounded number of times, whatever the text; no legal payload takes long."""

from __future__ import annotations

from typing import Any

import pytest
from support import best_time, outcome
from support_shapes import SHAPES, hostile

CALLS = ("decode", "scan", "split", "check")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("call", CALLS)
def test_reading(engine: Any, call: str, shape: str) -> None:
    """Eight times the bytes take at most twelve times as long; the largest legal payload 100 ms in Python, 5 ms in C.

    A machine that others use gets other chances, and three times that; what is quadratic takes 64 times as long always.
    """
    function = getattr(engine, call)
    allowed = (0.1 if engine.engine() == "pure" else 0.005) * 3
    small, large = hostile(shape, 2_000), hostile(shape, 16_000)
    long = short = 1e9
    for _ in range(8):
        long = min(long, best_time(lambda: outcome_of(function, large), 2))
        short = min(short, best_time(lambda: outcome_of(function, small), 2))
        if long <= 12 * short and long <= allowed:
            return
    pytest.fail(
        f"{call}: {long * 1e3:.2f} ms for eight times the bytes of {short * 1e3:.2f} ms; most {allowed * 1e3} ms"
    )


def outcome_of(function: Any, payload: bytes) -> Any:
    try:
        return function(payload)
    except ValueError:
        return None


@pytest.mark.parametrize("unit", ["a", '"', "\\", "\n", ",", "é", "🌡", " ", '\\"'])
def test_writing(engine: Any, unit: str) -> None:
    small, large = unit * 2_000, unit * 16_000
    for call in (
        lambda text: engine.encode_row(("1", text), limit=None),
        lambda text: engine.encode([(text[:10],)] * (len(text) // 10), limit=None),
        lambda text: engine.encode_row(tuple(text), limit=None),
        lambda text: engine.truncate(("1", text), limit=len(text) // 2),
        lambda text: list(engine.pack([(text[:10],)] * (len(text) // 10), limit=200)),
        lambda text: engine.unescape(engine.escape(text)),
    ):
        long = short = 1e9
        for _ in range(8):
            long = min(long, best_time(lambda: call(large), 2))  # noqa: B023 - called at once
            short = min(short, best_time(lambda: call(small), 2))  # noqa: B023 - called at once
            if long <= 12 * short:
                break
        else:
            pytest.fail(f"eight times the text took {long / short:.1f} times as long")


def test_the_measure_can_fail() -> None:
    """A quadratic reader does not pass."""

    def quadratic(payload: bytes) -> int:
        return sum(payload[k:].count(b"a") for k in range(0, len(payload), 8))

    small, large = b"a" * 2_000, b"a" * 16_000
    assert best_time(lambda: quadratic(large), 3) / best_time(lambda: quadratic(small), 3) > 12
    assert outcome(quadratic, b"") == ["int", 0]
