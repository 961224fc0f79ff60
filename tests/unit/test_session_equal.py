"""Equal operations without an ID across a broken connection: what the platform's order tells, and what it cannot.

501 to 503 act on the oldest operation of a fragment, and 500 brings what is PENDING, oldest first. So its answer begins
with what was PENDING when the connection broke; that tells equal rows apart wherever an order can.
"""

from __future__ import annotations

import pytest
from support_session import PlatformOperation, SimulatedPlatform, Simulation

from smartrest import decode
from smartrest.device import Event, Limits, Online, Operation, Session
from smartrest.mqtt import Backoff

A, B = ("511", "device", "a"), ("511", "device", "b")
LATENCY = 0.1
TOLD = 10.0 + 2.5 * LATENCY  # an operation of 10.0 came, its 501 has arrived, its acknowledgement has not
UNTOLD = 10.0 + 1.5 * LATENCY  # the 501 is on its way, and will be lost
LIMITS = Limits(backoff=Backoff(0.2, 1.0), settle=1.0, doubt=0.0)


class Recorder(SimulatedPlatform):
    """Keeps the payloads, too."""

    def __init__(self) -> None:
        super().__init__()
        self.payloads: list[bytes] = []

    def receive(self, device: str, topic: str, payload: bytes) -> None:
        self.payloads.append(payload)
        super().receive(device, topic, payload)


class Story:
    """One device whose connection breaks once, at `cut`; each run gives a result of its own after `takes` seconds."""

    def __init__(self, *, cut: float, takes: float = 8.0) -> None:
        self.platform = Recorder()
        session = Session("device", acknowledgements=True, limits=LIMITS, random=lambda: 0.5, now=0.0)
        self.simulation = Simulation(self.platform, session, latency=LATENCY, handler=self.handle)
        self.takes = takes
        self.text = ""
        self.fields: tuple[int, ...] = ()
        self.made: list[PlatformOperation] = []
        self.simulation.at(cut, self.cut)

    def handle(self, operation: Operation) -> tuple[tuple[str | int, ...], float]:
        if self.fields:
            return self.fields, self.takes
        return (self.text or f"{operation.row[2]}{len(self.simulation.ran)}",), self.takes

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
        """Back online at 15; how the operations ended, in the order in which they were made."""
        self.simulation.at(15.0, lambda: setattr(self.simulation, "reachable", True))
        self.simulation.run(120.0)
        assert self.simulation.session.operations == []
        return [" ".join([operation.status.lower(), *operation.result]) for operation in self.made]

    @property
    def ran(self) -> list[str]:
        return [operation.row[2] for operation in self.simulation.ran]


@pytest.mark.parametrize("cut", [TOLD, UNTOLD])
def test_what_waited_behind_it_tells_whether_501_arrived(cut: float) -> None:
    story = Story(cut=cut)
    story.create(10.0, A, A)
    assert story.end() == ["successful a1", "successful a2"]
    assert story.ran == ["a", "a"]


@pytest.mark.parametrize("cut", [TOLD, UNTOLD])
def test_an_equal_one_made_while_offline_is_told_by_what_stands_before_it(cut: float) -> None:
    story = Story(cut=cut)
    story.create(10.0, A, B)
    story.create(12.0, A)
    assert story.end() == ["successful a1", "successful b2", "successful a3"]


@pytest.mark.parametrize("cut", [TOLD, UNTOLD])
def test_an_equal_one_behind_another_made_while_offline_is_a_new_one(cut: float) -> None:
    story = Story(cut=cut)
    story.create(10.0, A)
    story.create(12.0, B, A)
    assert story.end() == ["successful a1", "successful b2", "successful a3"]


@pytest.mark.parametrize("cut", [TOLD, UNTOLD])
def test_one_that_comes_before_the_answer_of_500_says_nothing_of_those_before_it(cut: float) -> None:
    """It was made when the device had subscribed, and 500 had not arrived yet."""
    story = Story(cut=cut, takes=0.0)
    story.create(10.0, A)

    def listen(event: Event) -> None:
        if isinstance(event, Online) and story.made:
            story.create(0.0, B)

    story.simulation.listen = listen
    assert story.end() == ["successful a1", "successful b2"]
    assert story.ran == ["a", "b"]


def test_one_that_runs_keeps_its_place_before_all_that_were_made_while_offline() -> None:
    """Its 501 was acknowledged: what is PENDING now, equal or not, is younger."""
    story = Story(cut=11.0)
    story.create(10.0, A)
    story.create(12.0, B, A)
    assert story.end() == ["successful a1", "successful b2", "successful a3"]


@pytest.mark.parametrize("answered", [False, True])
def test_equal_ones_that_nothing_tells_apart(answered: bool) -> None:
    """The limit: the 501 was lost, or it arrived and an equal operation was made since. The rows are the same.

    The operation is run once. In the second case the younger one is failed, with the reason: nothing is run twice, and
    nothing stays EXECUTING to catch the answers of others.
    """
    lost = Story(cut=UNTOLD, takes=0.1 if answered else 8.0)
    lost.create(10.0, A)
    assert lost.end() == ["successful a1"]
    arrived = Story(cut=TOLD, takes=0.1 if answered else 8.0)
    arrived.create(10.0, A)
    arrived.create(12.0, A)
    assert arrived.end() == ["successful a1", "failed"]
    assert arrived.made[1].reason == "Could not be told from an equal operation while the connection was lost."
    assert arrived.ran == ["a"]
    arrived.made.clear()
    arrived.create(130.0, B)
    arrived.simulation.run(200.0)
    assert [(op.status, op.result) for op in arrived.made] == [("SUCCESSFUL", ["b2"])]


@pytest.mark.parametrize("length", [10, 20_000])
def test_the_answer_and_what_fails_the_other_cannot_be_parted(length: int) -> None:
    """In one payload: if the connection broke between two, the other would stay EXECUTING."""
    story = Story(cut=TOLD)
    story.text = "x" * length
    story.create(10.0, A)
    story.create(12.0, A)
    story.end()
    (both,) = [payload for payload in story.platform.payloads if payload.startswith(b"503,c8y_Command,x")]
    assert [row[0] for row in decode(both)] == ["503", "507"]
    assert len(both) <= 16_173


def test_an_answer_of_numbers_that_leaves_no_room_is_followed_by_it() -> None:
    story = Story(cut=TOLD)
    story.fields = tuple(range(1_000, 4_227))
    story.create(10.0, A)
    story.create(12.0, A)
    assert story.end()[1] == "failed"
    assert [len(payload) > 16_100 for payload in story.platform.payloads if payload[:3] in (b"503", b"507")] == [
        True,
        False,
    ]


def test_what_was_cancelled_while_offline_is_not_run() -> None:
    story = Story(cut=11.0)
    story.create(10.0, A, B)
    story.cancel(12.0, 1)
    story.create(13.0, ("511", "device", "c"))
    assert story.end() == ["successful a1", "cancelled", "successful c2"]
    assert story.ran == ["a", "c"]
    assert story.platform.errors == []
