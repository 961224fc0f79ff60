"""The queue of rows: packed within the budget, in order per topic, bounded, every loss reported."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smartrest.device.outbox import Item, Outbox

TOPICS = ("a", "bb", "ccc")


def budget(topic: str) -> int:
    return 30 + 10 * len(topic)


ITEMS = st.builds(
    lambda topic, size, measurement, alone: (topic, size, measurement, alone),
    st.sampled_from(TOPICS),
    st.integers(1, 40),
    st.booleans(),
    st.booleans(),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.lists(ITEMS, min_size=1, max_size=5)),
        st.tuples(st.just("take"), st.booleans()),
        st.tuples(st.just("acknowledge"), st.integers(0, 3)),
        st.tuples(st.just("lose"), st.none()),
    ),
    max_size=60,
)


@given(STEPS, st.integers(500, 4_000))
def test_any_history(steps: list[tuple[str, object]], limit: int) -> None:
    outbox = Outbox(limit, budget)
    put: list[Item] = []
    flights: list[list[Item]] = []
    ended: set[Item] = set()  # acknowledged or dropped
    for what, argument in steps:
        if what == "put":
            assert isinstance(argument, list)
            items = [
                Item(topic, b"x" * size, measurement=measurement, alone=alone)
                for topic, size, measurement, alone in argument
            ]
            put += items
            dropped = outbox.put(items)
            waiting = [item for item in put if item not in ended and not any(item in flight for flight in flights)]
            if not all(item.measurement for item in dropped):
                assert not any(item.measurement for item in set(waiting) - set(dropped))
            ended |= set(dropped)
        elif what == "take":
            full = outbox.full
            taken = outbox.take(full_only=bool(argument))
            assert (taken is not None) == (full if argument else bool(len(outbox) or taken))
            if taken is None:
                continue
            topic, payload, items = taken
            assert payload == b"\n".join(item.data for item in items)
            assert len(payload) <= budget(topic)
            assert {item.topic for item in items} == {topic}
            assert len(items) == 1 or not any(item.alone for item in items)
            order = [item for item in put if item.topic == topic and item not in ended]
            order = [item for item in order if not any(item in flight for flight in flights)]
            assert order[: len(items)] == items
            flights.append(items)
        elif what == "acknowledge" and flights:
            assert isinstance(argument, int)
            items = flights.pop(min(argument, len(flights) - 1))
            outbox.done(items)
            ended |= set(items)
        elif what == "lose":
            ended |= set(outbox.put_back([item for flight in flights for item in flight]))
            flights.clear()
        assert outbox.size == sum(item.size for item in put if item not in ended)
        assert outbox.size <= limit or not outbox
        flying = sum(map(len, flights))
        assert len(outbox) == len(put) - len(ended) - flying
        assert bool(outbox) == (len(outbox) > 0)
    assert set(outbox.clear()) == set(put) - ended - {item for flight in flights for item in flight}
    assert not outbox
    assert not outbox.full


def test_dropped_rows_are_not_kept_in_memory() -> None:
    outbox = Outbox(100_000, lambda topic: 16_000)
    outbox.put([Item("a", b"400,event,x") for _ in range(100)])
    for number in range(20_000):
        outbox.put([Item("a", b"200,a,b,%d" % number, measurement=True)])
    (queue,) = outbox._queues.values()
    assert len(queue.items) <= 2 * len(outbox) + 65
    assert len(outbox._by_age[1]) <= 2 * len(outbox) + 65
    assert sum(not item.measurement for item in outbox.clear()) == 100


def test_topics_take_turns() -> None:
    outbox = Outbox(10**6, lambda topic: 10)
    outbox.put([Item("a", b"x" * 10) for _ in range(3)] + [Item("b", b"y" * 10) for _ in range(2)])
    order = []
    while (taken := outbox.take()) is not None:
        order.append(taken[0])
    assert order == ["a", "b", "a", "b", "a"]
