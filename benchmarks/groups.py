"""What the two pytest-benchmark files share: run one contender in its group, and print the ratios at the end."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter_ns
from typing import Any

import pytest

from .harness import Contender, check


def bench(benchmark: Any, group: str, contender: Contender | None, name: str, expected: Sequence[Any]) -> None:
    """Check the contender, then time whole passes over its items."""
    if contender is None:
        pytest.skip(f"{name} is not installed")
    check([contender], expected)
    benchmark.group = group
    benchmark.extra_info["contender"] = name
    items, names = contender.input(), contender.names.values()
    benchmark(contender.run, items, perf_counter_ns, *names)
