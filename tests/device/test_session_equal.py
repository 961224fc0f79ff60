"""Equal operations without an ID across a broken connection: how far the platform's order distinguishes them.

501 to 503 apply to the oldest operation of a fragment, and 500 lists the PENDING ones, oldest first. So its answer
begins with those that were PENDING when the connection broke, which distinguishes equal rows wherever an order can.
"""

from __future__ import annotations

import pytest
from support_hangups import Life
from support_session import PlatformOperation, SimulatedPlatform, Simulation, online

from smartrest.device import (
    Event,
    Limits,
    Online,
    Operation,
    OperationReceived,
    OperationRepeated,
    OperationUntold,
    Session,
)
from smartrest.mqtt import Backoff

A, B = ("511", "device", "a"), ("511", "device", "b")
LATENCY = 0.1
TOLD = 10.0 + 2.5 * LATENCY  # the operation of 10.0 came, its 501 arrived, the acknowledgement did not
UNTOLD = 10.0 + 1.5 * LATENCY  # the 501 is in flight and will be lost
LIMITS = Limits(backoff=Backoff(0.2, 1.0), settle=1.0, doubt=0.0)


class Recorder(SimulatedPlatform):
    """Also keeps the payloads."""

    def __init__(self) -> None:
        super().__init__()
        self.payloads: list[bytes] = []

    def receive(self, device: str, topic: str, payload: bytes) -> None:
        self.payloads.append(payload)
        super().receive(device, topic, payload)


class Story:
    """One device whose connection breaks once, at `cut`; each run returns its own result after `takes` seconds."""

    def __init__(self, *, cut: float, takes: float = 8.0) -> None:
        self.platform = Recorder()
        session = Session("device", acknowledgements=True, limits=LIMITS, random=lambda: 0.5, now=0.0)
        self.simulation = Simulation(self.platform, session, latency=LATENCY, handler=self.handle)
        self.takes = takes
        self.untold = 0
        self.made: list[PlatformOperation] = []
        self.simulation.at(cut, self.cut)
        note = self.simulation.note

        def count(events: list[Event]) -> None:
            self.untold += sum(isinstance(event, OperationUntold) for event in events)
            note(events)

        self.simulation.note = count  # type: ignore[method-assign]  # a spy

    def handle(self, operation: Operation) -> tuple[tuple[str, ...], float]:
        return (f"{operation.row[2]}{len(self.simulation.ran)}",), self.takes

    def cut(self) -> None:
        self.simulation.reachable = False
        self.simulation.cut()

    def create(self, moment: float, *rows: tuple[str, ...]) -> None:
        self.simulation.at(moment, lambda: self.made.extend(self.platform.create(*rows)))

    def cancel(self, moment: float, index: int) -> None:
        def cancel() -> None:
            self.made[index].status = "CANCELLED"

        self.simulation.at(moment, cancel)

    def end(self) -> list[str]:
        """Come back online at 15; returns how the operations ended, in order of creation."""
        self.simulation.at(15.0, lambda: setattr(self.simulation, "reachable", True))
        self.simulation.run(120.0)
        assert self.simulation.session.operations == []
        return [" ".join([operation.status.lower(), *operation.result]) for operation in self.made]

    @property
    def ran(self) -> list[str]:
        return [operation.row[2] for operation in self.simulation.ran]


@pytest.mark.parametrize("cut", [TOLD, UNTOLD])
def test_the_queue_after_it_shows_whether_501_arrived(cut: float) -> None:
    story = Story(cut=cut)
    story.create(10.0, A, A)
    assert story.end() == ["successful a1", "successful a2"]
    assert story.ran == ["a", "a"]


@pytest.mark.parametrize("cut", [TOLD, UNTOLD])
def test_an_equal_one_made_while_offline_is_known_by_those_before_it(cut: float) -> None:
    story = Story(cut=cut)
    story.create(10.0, A, B)
    story.create(12.0, A)
    assert story.end() == ["successful a1", "successful b2", "successful a3"]


@pytest.mark.parametrize("cut", [TOLD, UNTOLD])
def test_an_equal_one_after_another_made_while_offline_is_new(cut: float) -> None:
    story = Story(cut=cut)
    story.create(10.0, A)
    story.create(12.0, B, A)
    assert story.end() == ["successful a1", "successful b2", "successful a3"]


@pytest.mark.parametrize("cut", [TOLD, UNTOLD])
def test_a_push_before_the_answer_to_500_proves_nothing(cut: float) -> None:
    """It was created after the device subscribed and before 500 arrived."""
    story = Story(cut=cut, takes=0.0)
    story.create(10.0, A)

    def listen(event: Event) -> None:
        if isinstance(event, Online) and story.made:
            story.create(0.0, B)

    story.simulation.listen = listen
    assert story.end() == ["successful a1", "successful b2"]
    assert story.ran == ["a", "b"]


def test_one_that_runs_keeps_its_place_before_all_that_were_made_while_offline() -> None:
    """Its 501 was acknowledged, so all that is PENDING now is younger, equal or not."""
    story = Story(cut=11.0)
    story.create(10.0, A)
    story.create(12.0, B, A)
    assert story.end() == ["successful a1", "successful b2", "successful a3"]


def test_equal_operations_that_cannot_be_distinguished() -> None:
    """The limit: the 501 was lost, or it arrived and an equal operation was created since. The rows are the same.

    The one that may be EXECUTING is failed with that reason, without having run; the other runs. So none runs twice,
    and none stays EXECUTING to receive the answers of others.
    """
    lost = Story(cut=UNTOLD)
    lost.create(10.0, A)
    assert lost.end() == ["successful a1"]
    assert lost.untold == 1
    arrived = Story(cut=TOLD)
    arrived.create(10.0, A)
    arrived.create(12.0, A)
    assert arrived.end() == ["failed", "successful a1"]
    assert arrived.untold == 1
    assert arrived.made[0].reason == "Not run: indistinguishable from an equal operation. Send it again."
    assert arrived.ran == ["a"]
    arrived.made.clear()
    arrived.create(130.0, B)
    arrived.simulation.run(200.0)
    assert [(op.status, op.result) for op in arrived.made] == [("SUCCESSFUL", ["b2"])]


def test_what_fails_the_other_is_repeated_until_it_is_acknowledged_and_no_operation_starts_before() -> None:
    story = Story(cut=TOLD)
    story.create(10.0, A)
    story.create(12.0, A)
    story.simulation.at(15.0, lambda: setattr(story.simulation, "reachable", True))

    def cut_behind_507(event: Event) -> None:
        if isinstance(event, OperationUntold):
            story.simulation.at(story.simulation.now + LATENCY / 2, story.simulation.cut)

    story.simulation.listen = cut_behind_507
    assert story.end() == ["failed", "successful a1"]
    assert story.untold == 1
    assert [payload[:3] for payload in story.platform.payloads if payload[:2] == b"50"] == [
        b"500",
        b"501",
        b"500",
        b"507",
        b"500",
        b"501",
        b"503",
    ]


def test_what_was_cancelled_while_offline_is_not_run() -> None:
    story = Story(cut=11.0)
    story.create(10.0, A, B)
    story.cancel(12.0, 1)
    story.create(13.0, ("511", "device", "c"))
    assert story.end() == ["successful a1", "cancelled", "successful c2"]
    assert story.ran == ["a", "c"]
    assert story.platform.errors == []


def test_a_claim_of_long_ago_is_not_doubted_for_the_sake_of_a_fresh_answer() -> None:
    """The operation was answered just before the cut; an equal one that the list brings is another one."""
    session = online(acknowledgements=True)
    life = Life(session, lambda topic, row: False)
    operations: list[Operation] = []
    life.answer = lambda operation: operations.append(operation) or []  # type: ignore[func-returns-value]  # later
    life.platform.deliver = lambda topic, payload: life.arrived.append((topic, payload))
    life.drive()
    life.create(("511", "dev", "a"))
    life.drive()
    life.now += 60.0
    life._note(session.succeed(operations[0], "first", now=life.now))
    life.drive()
    life.platform.deliver = lambda topic, payload: None
    life.create(("511", "dev", "a"))
    life.cut()
    life.answer = lambda operation: session.succeed(operation, "second", now=life.now)
    life.live()
    assert life.states == [("SUCCESSFUL", ["first"]), ("SUCCESSFUL", ["second"])]
    assert not any(isinstance(event, OperationRepeated) for event in life.events)


def test_an_equal_operation_that_was_not_seen_before_a_cut_takes_no_other_result() -> None:
    """A claim acknowledged just before the cut is claimed again, which may take the equal one: it is failed by 507."""
    session = online(acknowledgements=True)
    life = Life(session, lambda topic, row: False)
    life.answer = lambda operation: []  # later
    life.platform.deliver = lambda topic, payload: life.arrived.append((topic, payload))
    life.drive()
    life.create(("511", "dev", "a"))
    life.drive()
    (running,) = (event.operation for event in life.events if isinstance(event, OperationReceived))
    life.platform.deliver = lambda topic, payload: None
    life.create(("511", "dev", "a"), ("511", "dev", "b"))
    life.cut()
    life.answer = lambda operation: session.succeed(operation, f"did {operation.row[2]}", now=life.now)
    life.live()
    life._note(session.succeed(running, "did a", now=life.now))
    life.drive()
    assert life.states == [("SUCCESSFUL", ["did a"]), ("FAILED", []), ("SUCCESSFUL", ["did b"])]
    assert life.platform.operations[1].reason.startswith("Not run")
    assert sum(isinstance(event, OperationRepeated) for event in life.events) == 1
    assert len(life.handled) == 2
