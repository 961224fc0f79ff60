"""Rows that open a connection, and servers that hang up on them: found, given up and reported; the rest flows."""

from __future__ import annotations

from typing import Any

import pytest
from support_hangups import POISON, Life, holds_poison, offline

from smartrest.device import Child, Dropped, Limits, Session
from smartrest.device.lanes import Phase

HANG_UPS = Limits().hang_ups


def fresh(**options: Any) -> Session:
    """A session that has never been connected."""
    session = Session("dev", acknowledgements=True, random=lambda: 0.0, now=100.0, **options)
    session.outgoing()
    return session


def left_over(**options: Any) -> Life:
    """A device whose earlier run left a restart EXECUTING."""
    life = Life(fresh(**options), lambda topic, row: False)
    life.create(("510", "dev"))
    life.platform.operations[0].status = "EXECUTING"
    return life


def test_a_registration_that_the_server_hangs_up_on() -> None:
    life = Life(fresh(), lambda topic, row: row[0] == "100")
    life.create(("511", "dev", "a"))
    life.session.send(("400", "fine", "1"), now=2.0)
    assert life.live() == HANG_UPS + 1
    assert life.dropped == [("100", "dev", "c8y_MQTTDevice")]
    assert life.states == [("SUCCESSFUL", ["done"])]
    assert ("s/us", ("400", "fine", "1")) in life.platform.published


def test_a_registration_given_up_is_tried_once_after_a_connection_that_settled() -> None:
    life = Life(fresh(), lambda topic, row: row[0] == "100")
    life.live()
    life.cut()
    assert life.live() == 2
    life.hangs_up = lambda topic, row: False
    life.cut()
    assert life.live() == 1
    assert life.platform.registered == 1


def test_a_registration_is_sent_again_while_subscriptions_are_refused() -> None:
    """The device may not exist."""
    life = Life(fresh(), lambda topic, row: row[0] == "100")
    life.live()
    session = life.session
    session.disconnected(life.now)
    life.now = session.due() or life.now
    session.tick(life.now)
    session.connected(0, life.now)
    while not [topic for topic, answer in session._subscriptions.answers.items() if answer is None]:
        for action in session.outgoing():
            session.acknowledged(getattr(action, "id", 0), life.now)
    session.outgoing()
    for topic in list(session._subscriptions.answers):
        session.subscribed(topic, 128, life.now)
    session.tick(session.due() or life.now)
    assert any(getattr(action, "payload", b"").startswith(b"100,") for action in session.outgoing())


@pytest.mark.parametrize("places", [(0,), (57,), (56, 57), (998, 999), (3, 500)])
def test_children_that_the_server_hangs_up_on_are_found_among_many(places: tuple[int, ...]) -> None:
    names = [f"{POISON}{number}" if number in places else f"c{number}" for number in range(1000)]
    life = Life(fresh(children=names), holds_poison)
    connections = life.live()
    assert [row[1] for row in life.dropped] == [names[place] for place in places]
    created = {row[1] for _, row in life.platform.published if row[0] == "101"}
    assert created == set(names) - {names[place] for place in places}
    assert connections <= 2 * HANG_UPS + len(places)


def test_a_parent_is_created_before_its_children() -> None:
    family = [Child("a"), Child("b", parent="a"), Child("c", parent="b"), Child(POISON, parent="b")]
    life = Life(fresh(children=family), holds_poison)
    life.live()
    assert [row[1] for row in life.dropped] == [POISON]
    last = [row[1] for _, row in life.platform.published if row[0] == "101"][-3:]
    assert last == ["a", "b", "c"]


def test_a_kind_of_row_that_the_server_hangs_up_on_costs_few_connections() -> None:
    life = Life(fresh(children=[f"c{number}" for number in range(1000)]), lambda topic, row: row[0] == "101")
    life.session.send(("400", "fine", "1"), now=2.0)
    assert life.live() < 8
    assert len(life.dropped) == 1000
    assert ("s/us", ("400", "fine", "1")) in life.platform.published
    life.cut()
    assert life.live() < 6
    life.hangs_up = lambda topic, row: False
    life.cut()
    assert life.live() == 1
    assert len({row[1] for _, row in life.platform.published if row[0] == "101"}) == 1000


def test_a_507_for_an_earlier_run_that_the_server_hangs_up_on() -> None:
    """No operation of that device is claimed, or two would be EXECUTING; all else flows."""
    life = left_over(restarted="restarted", children=["c1"])
    life.hangs_up = lambda topic, row: row[0] == "507" and topic == "s/us"
    life.create(("511", "dev", "a"), ("511", "c1", "b"))
    life.session.send(("400", "fine", "1"), now=2.0)
    assert life.live() == HANG_UPS + 1
    assert life.dropped == [("507", "", "restarted")]
    assert [status for status, _ in life.states] == ["EXECUTING", "PENDING", "SUCCESSFUL"]
    assert ("s/us", ("400", "fine", "1")) in life.platform.published
    assert ("s/us/c1", ("507", "", "restarted")) in life.platform.published
    life.cut()
    assert life.live() == 2  # tried once more
    assert life.states[1][0] == "PENDING"
    life.hangs_up = lambda topic, row: False
    life.cut()
    assert life.live() == 1
    assert [status for status, _ in life.states] == ["FAILED", "SUCCESSFUL", "SUCCESSFUL"]
    assert life.platform.published.count(("s/us/c1", ("507", "", "restarted"))) == 1
    life.cut()
    assert life.live() == 1
    assert life.platform.published.count(("s/us", ("507", "", "restarted"))) == 1


def test_a_503_for_an_earlier_run_that_the_server_hangs_up_on_gives_way_to_507() -> None:
    life = left_over(restarted="restarted", finished=["c8y_Restart"])
    life.hangs_up = lambda topic, row: row == ("503", "c8y_Restart")
    life.create(("511", "dev", "a"))
    life.live()
    assert life.dropped == [("503", "c8y_Restart")]
    assert [status for status, _ in life.states] == ["FAILED", "SUCCESSFUL"]
    life.hangs_up = lambda topic, row: False
    life.cut()
    life.create(("510", "dev"))
    assert life.live() == 1
    assert ("s/us", ("503", "c8y_Restart")) not in life.platform.published  # it would answer the new operation
    assert [status for status, _ in life.states] == ["FAILED", "SUCCESSFUL", "SUCCESSFUL"]


def test_a_503_for_an_earlier_run_without_507_bars_its_fragment() -> None:
    life = left_over(finished=["c8y_Restart"])
    life.hangs_up = lambda topic, row: row == ("503", "c8y_Restart")
    life.create(("511", "dev", "a"), ("510", "dev"))
    life.live()
    assert [status for status, _ in life.states] == ["EXECUTING", "SUCCESSFUL", "PENDING"]
    life.hangs_up = lambda topic, row: False
    life.cut()
    assert life.live() == 1
    assert life.states == [("SUCCESSFUL", []), ("SUCCESSFUL", ["done"]), ("SUCCESSFUL", ["done"])]


def test_what_an_earlier_run_left_to_many_children() -> None:
    names = [f"c{number}" for number in range(300)]
    life = left_over(restarted="restarted", children=names)
    life.hangs_up = lambda topic, row: row[0] == "507" and topic in ("s/us/c5", "s/us/c6")
    life.create(*(("511", name, "x") for name in names))
    assert life.live() <= 2 * HANG_UPS + 2
    assert life.dropped == [("507", "", "restarted")] * 2
    pending = [operation.row[1] for operation in life.platform.operations if operation.status == "PENDING"]
    assert pending == ["c5", "c6"]


def test_a_500_that_the_server_hangs_up_on_costs_only_operations() -> None:
    life = Life(fresh(), lambda topic, row: row == ("500",))
    life.create(("511", "dev", "a"))
    life.session.send(("400", "fine", "1"), now=2.0)
    assert life.live() == HANG_UPS + 1
    assert life.dropped == [("500",)]
    assert life.states == [("PENDING", [])]
    assert life.session._flow.lanes.phase is Phase.OFF
    assert ("s/us", ("400", "fine", "1")) in life.platform.published
    life.hangs_up = lambda topic, row: False
    life.cut()
    assert life.live() == 1
    assert life.states == [("SUCCESSFUL", ["done"])]


def test_a_token_request_that_the_server_hangs_up_on_costs_only_the_token() -> None:
    life = Life(fresh(token=True), lambda topic, row: topic == "s/uat")
    life.create(("511", "dev", "a"))
    assert life.live() == HANG_UPS + 1
    assert [(event.topic, event.payload) for event in life.events if isinstance(event, Dropped)] == [("s/uat", b"")]
    assert life.states == [("SUCCESSFUL", ["done"])]
    life.hangs_up = lambda topic, row: False
    life.cut()
    assert life.live() == 1
    assert life.platform.tokens == 1


def test_answers_and_data_wait_while_the_row_at_fault_is_sought() -> None:
    life = Life(offline(), holds_poison)
    life.create(("511", "dev", "a"), ("511", "dev", "b"), ("510", "dev"))
    life.live()
    life.hangs_up = lambda topic, row: row == ("500",)
    life.create(("511", "dev", "c"))
    for number in range(50):
        life.session.send(("400", "fine", str(number)), now=life.now)
    life.session.outgoing()
    life.cut()
    life.live()
    assert life.dropped == [("500",)]
    assert [row[2] for _, row in life.platform.published if row[0] == "400"] == [str(number) for number in range(50)]


def test_networks_that_break_cost_no_row_of_the_opening() -> None:
    """As long as each connection delivers one more payload."""
    names = [f"c{number}" for number in range(5000)]
    life = Life(fresh(children=names, restarted="restarted"), lambda topic, row: False)
    for budget in (0, 1, 2, 3, 5, 8, 13, 21, 34, 55):
        life.breaks_after = budget
        assert not life.connects()
        life.now = max(life.now, life.session.due() or 0.0)
    life.breaks_after = None
    assert life.live() == 1
    assert life.dropped == []


def test_a_text_that_507_cannot_carry_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="limit"):
        fresh(restarted="x" * 20_000)
