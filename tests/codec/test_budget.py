"""`payload_budget`: exactly the room that a PUBLISH packet leaves for its payload."""

from __future__ import annotations

from typing import Any

import pytest

from smartrest import PACKET_LIMIT, PAYLOAD_LIMIT


def packet(topic: str, qos: int, payload: int) -> int:
    """The size of a PUBLISH packet, found by building its header (MQTT 3.1.1, section 3.3)."""
    body = len(topic.encode()).to_bytes(2, "big") + topic.encode() + (b"\0\1" if qos else b"")
    remaining = len(body) + payload
    length, rest = b"", remaining
    while True:
        rest, digit = divmod(rest, 128)
        length += bytes([digit | (0x80 if rest else 0)])
        if not rest:
            break
    return 1 + len(length) + remaining


@pytest.mark.parametrize(
    ("topic", "zero", "more"),
    [
        ("s/us", 16_175, 16_173),
        ("s/us/child01", 16_167, 16_165),
        ("s/uc/myTemplates", 16_163, 16_161),
        ("event/events/create", 16_160, 16_158),
    ],
)
def test_known_topics(engine: Any, topic: str, zero: int, more: int) -> None:
    assert engine.payload_budget(topic) == engine.payload_budget(topic, qos=0) == zero
    assert engine.payload_budget(topic, qos=1) == engine.payload_budget(topic, qos=2) == more
    assert packet(topic, 0, zero) == packet(topic, 1, more) == PACKET_LIMIT


@pytest.mark.parametrize("topic", ["s/ds", "s/dc/acme", "s/dd", "s/dt", "s/dcr", "s/dat", "s/e", "t/ds", "s/ol/x"])
def test_topics_that_only_the_platform_publishes_to(engine: Any, topic: str) -> None:
    with pytest.raises(ValueError, match="only the platform"):
        engine.payload_budget(topic, qos=1)
    assert engine.check(b"510,d", topic=topic) == [] or topic != "s/ds"


def test_topics_count_in_bytes(engine: Any) -> None:
    assert engine.payload_budget("s/us/é€🌡") == engine.payload_budget("s/us/" + "x" * 9)


@pytest.mark.parametrize("topic", ["s/us", "s/us/" + "x" * 172, "é" * 50, "/", "s/us/a:b c"])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_it_is_the_largest_that_fits(engine: Any, topic: str, qos: int) -> None:
    """At every limit around the steps of the remaining length."""
    limits = {16_184, *range(120, 420), *range(16_380, 16_400), *range(2_097_150, 2_097_170)}
    for limit in sorted(limits):
        if packet(topic, qos, 0) > limit:
            with pytest.raises(ValueError, match=r"\w"):
                engine.payload_budget(topic, qos=qos, packet_limit=limit)
            continue
        budget = engine.payload_budget(topic, qos=qos, packet_limit=limit)
        assert packet(topic, qos, budget) <= limit < packet(topic, qos, budget + 1)


def test_the_advised_limit_fits_everywhere(engine: Any) -> None:
    longest = "x" * 177
    assert engine.payload_budget(longest, qos=2) == PAYLOAD_LIMIT
    assert engine.payload_budget(longest + "x", qos=2) == PAYLOAD_LIMIT - 1


@pytest.mark.parametrize("topic", ["", "s/us/+", "#", "s/us/a\0b", "x" * 65_536, "é" * 32_768, "s/us/\ud800"])
def test_topics_that_cannot_be_published_to(engine: Any, topic: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        engine.payload_budget(topic, packet_limit=300_000)


def test_the_longest_topic(engine: Any) -> None:
    assert engine.payload_budget("x" * 65_535, packet_limit=100_000) == 100_000 - 4 - 2 - 65_535


@pytest.mark.parametrize("qos", [-1, 3, 100])
def test_wrong_quality_of_service(engine: Any, qos: int) -> None:
    with pytest.raises(ValueError, match="qos"):
        engine.payload_budget("s/us", qos=qos)


def test_wrong_types(engine: Any) -> None:
    for topic in (None, b"s/us", 5):
        with pytest.raises(TypeError):
            engine.payload_budget(topic)
    with pytest.raises(TypeError):
        engine.payload_budget("s/us", packet_limit="16184")
    with pytest.raises(TypeError):
        engine.payload_budget("s/us", 1)


def test_packing_to_the_budget_fills_the_packet(engine: Any) -> None:
    rows = [("400", "t", "x" * (k % 90)) for k in range(2_000)]
    budget = engine.payload_budget("s/us/m1", qos=1)
    for payload in engine.pack(rows, limit=budget):
        assert packet("s/us/m1", 1, len(payload)) <= PACKET_LIMIT
