"""A gateway sends its children's measurements: one topic per child, as few payloads per topic as possible.

    python examples/gateway.py

A row compiled once needs only its values afterwards: the constant fields are escaped at compile time.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

import smartrest

POWER = smartrest.compile(("200", "acme_Power", "P", float, "W", datetime))
QOS = 1


class Reading(NamedTuple):
    """One value of one meter."""

    meter: str
    watts: float
    time: datetime


def payloads(readings: Iterable[Reading]) -> Iterator[tuple[str, bytes]]:
    """Topics and payloads for these readings; prints and skips a reading that cannot be sent."""
    per_meter: defaultdict[str, list[tuple[float, datetime]]] = defaultdict(list)
    for reading in readings:
        per_meter[reading.meter].append((reading.watts, reading.time))

    def refused(error: smartrest.EncodeError) -> None:
        print(f"left out: {error}")

    for meter, values in per_meter.items():
        topic = f"s/us/{meter}"
        limit = smartrest.payload_budget(topic, qos=QOS)
        for payload in POWER.pack(values, limit=limit, on_error=refused):
            yield topic, payload


def main() -> None:
    """Send an hour of readings from two meters, one per second; here "send" prints instead of publishing."""
    start = datetime(2026, 3, 2, 6, tzinfo=timezone.utc)
    readings = [
        Reading(
            f"meter-{meter}", round(800 + 50 * math.sin(second / 300 + meter), 1), start + timedelta(seconds=second)
        )
        for second in range(3600)
        for meter in (1, 2)
    ]
    readings.append(Reading("meter-1", math.nan, start))

    sent = 0
    for topic, payload in payloads(readings):
        rows = smartrest.decode(payload)
        sent += len(rows)
        print(f"{topic}: {len(rows)} rows, {len(payload):,} bytes")
        assert len(payload) <= smartrest.payload_budget(topic, qos=QOS)
    assert sent == 7200


if __name__ == "__main__":
    main()
