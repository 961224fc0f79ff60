"""All that can happen between a `Session` and the platform's operations, within bounds.

The searches find no violation; with any rule disabled they find one. Longer searches:
`tools/check_operations.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import support_operations
from support_operations import Budget, Violation, explore, walk

from smartrest.device.lanes import Lane, Lanes, Phase, Stage
from smartrest.device.opening import LeftOver

COMPLETE = (
    Budget(creates=1, cuts=1, losses=1, duplicates=1),
    Budget(creates=2, split=True),
    Budget(creates=1, cuts=2, payloads="a"),
    Budget(creates=2, cuts=1, payloads="a"),
    Budget(creates=1, cuts=5, payloads="a"),  # enough to give up a row
    Budget(creates=1, cuts=2, losses=1, payloads="a"),  # also the 507 of an earlier run
)


@pytest.mark.parametrize("budget", COMPLETE, ids=lambda budget: "-".join(map(str, budget)))
def test_every_history_of_a_few_operations_ends_well(budget: Budget, record_property: Any) -> None:
    report = explore(budget)
    assert report.complete
    assert report.states > 300
    record_property("states", report.states)
    print(f"{budget}: {report.states} states, {report.steps} steps, depth {report.depth}")


def test_long_random_histories_end_well() -> None:
    steps = sum(walk(seed)[0] for seed in range(1_100))
    assert steps > 50_000
    print(f"1,100 histories, {steps} steps")


def _runs_with_the_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 1: the handler starts when 501 is sent."""
    claim = support_operations.World._fetch

    def fetch(world: Any) -> None:
        for entry in world.session._flow.lanes:
            if entry.stage is Stage.CLAIMING and not entry.started and world.online:
                flow = world.session._flow
                if flow.lanes.claimed(entry, 0.0):
                    flow._start(entry, 0.0)
                    events, flow.events = flow.events, []
                    world._note(events)
        claim(world)

    monkeypatch.setattr(support_operations.World, "_fetch", fetch)


def _claims_before_the_answer_is_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 2: the next 501 is sent together with the previous answer."""
    claim = Lanes.next_claim

    def next_claim(self: Lanes, lane: Lane) -> Any:
        run = lane.run
        if run is not None and run.stage is Stage.ANSWERING:
            lane.run = None
        return claim(self, lane)

    monkeypatch.setattr(Lanes, "next_claim", next_claim)


def _forgets_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 3: an answer lost with the connection is not repeated."""
    cut = Lane.cut

    def forget(self: Lane, *arguments: Any, **options: Any) -> None:
        if self.run is not None and self.run.stage is Stage.ANSWERING:
            self.run = None
        cut(self, *arguments, **options)

    monkeypatch.setattr(Lane, "cut", forget)


def _takes_a_claim_for(arrived: bool) -> Callable[[pytest.MonkeyPatch], None]:
    """Rule 4: the fate of a 501 is guessed."""

    def guess(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Lane, "_fits", lambda self, claims: (not claims) is arrived)

    return guess


def _claims_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 5: undecided operations are not failed."""
    accept = Lane.accept

    def forgive(self: Lane, *arguments: Any) -> None:
        accept(self, *arguments)
        self.failing = False

    monkeypatch.setattr(Lane, "accept", forgive)


def _forgets_what_ran_before_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 6: no operation is failed after the memory was lost."""
    make = support_operations._session
    monkeypatch.setattr(support_operations, "_session", lambda **options: make())


def _claims_while_500_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 7: 501 is sent although the answer to 500 may list its operation."""
    claim = Lanes.next_claim

    def next_claim(self: Lanes, lane: Lane) -> Any:
        phase, self.phase = self.phase, Phase.SURE if self.phase is Phase.ASKED else self.phase
        try:
            return claim(self, lane)
        finally:
            self.phase = phase

    monkeypatch.setattr(Lanes, "next_claim", next_claim)


def _takes_any_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 7: payloads of pushes and of the answer are joined."""
    accept = Lane.accept

    def take(self: Lane, *arguments: Any) -> None:
        self.window = [[entry for payload in self.window for entry in payload]] if self.window else []
        accept(self, *arguments)

    monkeypatch.setattr(Lane, "accept", take)


def _takes_equal_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 8: a row equal to a listed one counts as a new operation."""
    take = Lane.take
    monkeypatch.setattr(Lane, "take", lambda self, entry, *, opened: take(self, entry, opened=False))


def _goes_on_behind_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 8: a row equal to a listed one counts as a repeat, and younger ones continue."""
    take = Lane.take

    def repeat(self: Lane, entry: Any, *, opened: bool) -> bool:
        if opened and entry.fingerprint in self.listed:
            return False
        return take(self, entry, opened=opened)

    monkeypatch.setattr(Lane, "take", repeat)


def _takes_duplicates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 9: a payload with the DUP flag is treated like any other."""
    receive = Lanes.receive
    monkeypatch.setattr(Lanes, "receive", lambda self, found, *, duplicate: receive(self, found, duplicate=False))


def _goes_on_without_507(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 2: an answer is given up, and its operation stays EXECUTING."""
    end = Lanes.unanswered

    def forget(self: Lanes, entry: Any) -> None:
        end(self, entry)
        entry.lane.failing = False

    monkeypatch.setattr(Lanes, "unanswered", forget)


def _claims_without_the_507_of_an_earlier_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 6: it is given up, and the device continues as if no operation were EXECUTING."""
    monkeypatch.setattr(Lanes, "bar", lambda self, barred: None)


def _repeats_the_507_of_an_earlier_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 6: it is sent on each new connection."""
    monkeypatch.setattr(LeftOver, "acknowledged", lambda self, step: [step])


FAULTS: tuple[tuple[Callable[[pytest.MonkeyPatch], None], Budget], ...] = (
    (_runs_with_the_claim, Budget(creates=1, losses=1)),
    (_claims_before_the_answer_is_acknowledged, Budget(creates=2, cuts=1)),
    (_forgets_an_answer, Budget(creates=2, cuts=1)),
    (_takes_a_claim_for(True), Budget(creates=2, cuts=1)),
    (_takes_a_claim_for(False), Budget(creates=2, cuts=1)),
    (_claims_again, Budget(creates=2, cuts=1, payloads="a")),
    (_forgets_what_ran_before_a_loss, Budget(creates=1, losses=1)),
    (_claims_while_500_is_open, Budget(creates=3, payloads="a")),
    (_takes_any_window, Budget(creates=2)),
    (_takes_equal_rows, Budget(creates=2)),
    (_goes_on_behind_doubt, Budget(creates=3)),
    (_takes_duplicates, Budget(creates=2, duplicates=1)),
    (_goes_on_without_507, Budget(creates=1, cuts=5, payloads="a")),
    (_claims_without_the_507_of_an_earlier_run, Budget(creates=2, cuts=2, losses=1, payloads="a")),
    (_repeats_the_507_of_an_earlier_run, Budget(creates=1, cuts=1, losses=1, payloads="a")),
)


@pytest.mark.parametrize(("fault", "budget"), FAULTS, ids=[f"fault-{number}" for number in range(len(FAULTS))])
def test_without_a_rule_there_is_a_violation(
    fault: Callable[[pytest.MonkeyPatch], None], budget: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    with pytest.raises(Violation):
        explore(budget, seconds=60)
