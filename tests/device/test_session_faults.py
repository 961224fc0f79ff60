"""A session and broken connections: no row is lost, no operation runs twice or gets another's result."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from support_session import JsonPlatform, SimulatedPlatform, Simulation, kinds, online

from smartrest.device import Disconnect, Limits, Lost, Operation, Publish, Session, State
from smartrest.mqtt import Backoff

QUICK = Limits(backoff=Backoff(0.2, 2.0), settle=1.0)


def storm(
    seed: int, *, unique: bool, loses_acknowledged: bool, limits: Limits = QUICK, as_json: bool = False
) -> tuple[Simulation, SimulatedPlatform, list[str]]:
    """Forty operations and two hundred measurements while the connection breaks twenty times."""
    random = Random(seed)
    platform = JsonPlatform(random.random) if as_json else SimulatedPlatform()
    session = Session(
        "device",
        children=["child"],
        operations="json" if as_json else None,
        acknowledgements=True,
        limits=limits,
        random=random.random,
        now=0.0,
        linger=0.05,
    )

    def handler(operation: Operation) -> tuple[tuple[str, ...], float]:
        return (f"done {operation.id or operation.row[2]}",), random.choice((0.0, 0.02, 0.3, 2.0))

    simulation = Simulation(platform, session, latency=0.03, handler=handler, loses_acknowledged=loses_acknowledged)
    for number in range(200):
        row = ("200", "c8y_T", "T", number)
        simulation.at(random.uniform(0, 60), lambda row=row: simulation.send(row))
    for number in range(40):
        device = random.choice(("device", "child"))
        template_id = random.choice(("511", "513"))
        text = f"run {number}" if unique else "run"
        row = (template_id, device, text)
        simulation.at(random.uniform(0, 60), lambda row=row: platform.create(row))
    for _ in range(20):
        simulation.at(random.uniform(0, 60), simulation.cut)
    simulation.run(240)
    return simulation, platform, [operation.id or operation.row[2] for operation in simulation.ran]


@pytest.mark.parametrize("loses_acknowledged", [False, True])
@pytest.mark.parametrize("seed", range(40))
def test_unique_operations_run_once_and_get_their_own_answer(seed: int, loses_acknowledged: bool) -> None:
    simulation, platform, ran = storm(seed, unique=True, loses_acknowledged=loses_acknowledged)
    assert simulation.session.state is State.ONLINE
    assert sorted(ran) == sorted(operation.row[2] for operation in platform.operations)
    for operation in platform.operations:
        assert (operation.status, operation.result) == ("SUCCESSFUL", [f"done {operation.row[2]}"])
    if not loses_acknowledged:
        assert {int(row[3]) for row in platform.measurements} == set(range(200))
    assert simulation.session.pending == simulation.session.unacknowledged == 0
    assert simulation.session.operations == []


@pytest.mark.parametrize("seed", range(20))
def test_equal_operations_are_each_answered(seed: int) -> None:
    """Equal operations without an ID cannot always be distinguished; then one is failed, and none gets stuck."""
    limits = replace(QUICK, doubt=0.0)  # otherwise an equal operation may get the answer of one just finished
    _, platform, ran = storm(seed, unique=False, loses_acknowledged=False, limits=limits)
    failed = [operation for operation in platform.operations if operation.status == "FAILED"]
    assert {operation.status for operation in platform.operations} <= {"SUCCESSFUL", "FAILED"}
    assert 37 <= len(ran) <= 40
    assert len(failed) <= 5
    assert all("equal operation" in operation.reason for operation in failed)


@pytest.mark.parametrize("loses_acknowledged", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_equal_operations_as_json_run_once_and_get_their_own_answer(seed: int, loses_acknowledged: bool) -> None:
    simulation, platform, ran = storm(seed, unique=False, loses_acknowledged=loses_acknowledged, as_json=True)
    assert simulation.session.state is State.ONLINE
    assert sorted(map(int, ran)) == list(range(40))
    for number, operation in enumerate(platform.operations):
        assert (operation.status, operation.result) == ("SUCCESSFUL", [f"done {number}"])
    assert simulation.session.operations == []


def test_a_half_open_connection_is_given_up() -> None:
    session = online(acknowledgements=True)
    session.send(("200", "c8y_T", "T", 1), now=10.0)
    session.outgoing()
    assert session.due() == pytest.approx(60.0)  # of 500
    assert kinds(session.tick(60.0)) == [Lost]
    assert session.outgoing() == [Disconnect(abort=True)]
    assert session.pending == 1


def test_a_slow_connection_is_not_taken_for_a_dead_one() -> None:
    """Twenty full payloads may take minutes; the connection counts as alive while acknowledgements keep coming."""
    session = online(acknowledgements=True)
    session.publish("s/us", b"200,a,b,1", now=10.0)
    session.publish("s/us", b"200,a,b,2", now=10.0)
    *before, first, second = (action.id for action in session.outgoing() if isinstance(action, Publish))
    for id in before:
        session.acknowledged(id, 10.0)
    session.tick(20.0)
    session.acknowledged(first, 65.0)
    assert session.tick(80.0) == []
    assert session.due() == 125.0
    assert kinds(session.tick(125.0)) == [Lost]
    assert second
