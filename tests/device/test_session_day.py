"""A session's day in simulated time: tokens, outages, operations; no drift, leak or loss."""

from __future__ import annotations

import gc
import tracemalloc
from random import Random

import pytest
from support_session import SimulatedPlatform, Simulation

from smartrest.device import Limits, Online, Operation, Session, TokenReceived

HOUR = 3600.0
DAY = 24 * HOUR
TOKEN_LIFE = 3000.0


class Day:
    """One device, one child: a measurement every 20 s, an operation every 7 min, an outage about once an hour."""

    def __init__(self, seed: int, *, outages: bool) -> None:
        random = self.random = Random(seed)
        self.platform = SimulatedPlatform(token_life=TOKEN_LIFE)
        session = Session(
            "device",
            children=["child"],
            token=True,
            acknowledgements=True,
            linger=5.0,
            random=random.random,
            now=0.0,
            limits=Limits(operation=120.0),
        )
        self.simulation = Simulation(self.platform, session, handler=self.handle)
        self.simulation.listen = self.note
        self.sent = 0
        self.online: list[float] = []
        self.tokens: list[float] = []
        self.hung = 0
        if outages:
            for hour in range(24):
                self.simulation.at(hour * HOUR + random.uniform(0, HOUR), self.outage)
        self.measure()
        self.operate()

    def note(self, event: object) -> None:
        if isinstance(event, Online):
            self.online.append(self.simulation.now)
        elif isinstance(event, TokenReceived):
            self.tokens.append(self.simulation.now)

    def measure(self) -> None:
        self.simulation.send(("200", "c8y_T", "T", self.sent), child="child" if self.sent % 2 else None)
        self.sent += 1
        self.simulation.at(self.simulation.now + 20, self.measure)

    def operate(self) -> None:
        self.platform.create(("511", self.random.choice(("device", "child")), f"run at {self.simulation.now}"))
        self.simulation.at(self.simulation.now + 420, self.operate)

    def handle(self, operation: Operation) -> tuple[tuple[str, ...], float]:
        hangs = self.random.random() < 0.05
        self.hung += hangs
        return (f"result of {operation.row[2]}",), 1e9 if hangs else self.random.uniform(0, 60)

    def forget(self) -> int:
        """Empty the test's own records; returns their size."""
        platform = self.platform
        logs = (platform.measurements, platform.published, platform.operations, platform.errors, self.simulation.ran)
        gathered = sum(map(len, logs))
        for log in logs:
            log.clear()
        return gathered

    def outage(self) -> None:
        self.simulation.reachable = False
        self.simulation.cut()
        self.simulation.at(self.simulation.now + self.random.expovariate(1 / 300), self.end_outage)

    def end_outage(self) -> None:
        self.simulation.reachable = True


def check(day: Day) -> None:
    """All accepted rows arrived; every operation ran once and has its own answer."""
    measured = {int(row[3]) for row in day.platform.measurements}
    assert measured >= set(range(min(measured), day.sent - 1))  # the last row may linger
    ran = [operation.row[2] for operation in day.simulation.ran]
    assert len(ran) == len(set(ran))
    failed = 0
    for operation in day.platform.operations[:-1]:
        if operation.status == "FAILED":
            failed += 1
            assert operation.reason == "no result within 120 seconds"
        else:
            assert (operation.status, operation.result) == ("SUCCESSFUL", [f"result of {operation.row[2]}"])
    assert failed <= day.hung


@pytest.mark.parametrize("seed", range(2))
def test_a_day_with_outages(seed: int) -> None:
    day = Day(seed, outages=True)
    tracemalloc.start()
    try:
        day.simulation.run(6 * HOUR)
        assert day.forget() > 1_000
        gc.collect()
        early = tracemalloc.get_traced_memory()[0]
        day.simulation.run(DAY)
        check(day)
        assert day.forget() > 4_000
        gc.collect()
        growth = tracemalloc.get_traced_memory()[0] - early
    finally:
        tracemalloc.stop()
    session = day.simulation.session
    assert session.online
    assert len(day.online) >= 24
    assert growth < 200_000, f"grew by {growth} bytes in a day"  # the answered operations that the session remembers
    assert session.unacknowledged == 0
    assert len(session.operations) <= 2


def test_a_quiet_day_renews_tokens_at_half_life_without_drift() -> None:
    day = Day(7, outages=False)
    day.simulation.run(DAY)
    assert len(day.online) == 1
    first = day.tokens[0]
    round_trip = 2 * day.simulation.latency
    steps = [later - earlier for earlier, later in zip(day.tokens, day.tokens[1:], strict=False)]
    assert steps == [pytest.approx(TOKEN_LIFE / 2 + round_trip, abs=0.01)] * len(steps)
    assert len(day.tokens) == 1 + int((DAY - first) // (TOKEN_LIFE / 2 + round_trip))
    assert {int(row[3]) for row in day.platform.measurements} >= set(range(day.sent - 1))
    assert day.simulation.ticks < 20_000  # it is called when due, not all the time
    assert [row for _, row in day.platform.published].count(("500",)) == 1
