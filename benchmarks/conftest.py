"""Prints, after pytest-benchmark's tables, how many times faster this engine is than each neighbour."""

from __future__ import annotations

from typing import Any

import smartrest


def pytest_terminal_summary(terminalreporter: Any, config: Any) -> None:
    session = getattr(config, "_benchmarksession", None)
    groups: dict[str, dict[str, float]] = {}
    for bench in getattr(session, "benchmarks", ()):
        if not bench.has_error and "contender" in bench.extra_info:
            groups.setdefault(bench.group, {})[bench.extra_info["contender"]] = bench.stats.min
    if groups:
        terminalreporter.section(f"ratios of minima: times faster than …, engine {smartrest.engine()}")
    for group, times in groups.items():
        ours = times.get("smartrest")
        if ours:
            ratios = [f"{name} {time / ours:.2f}" for name, time in times.items() if name != "smartrest"]
            terminalreporter.write_line(f"{group}: {', '.join(ratios)}")
