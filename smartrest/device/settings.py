"""A session's children and limits. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field

from .._constants import PACKET_LIMIT
from ..mqtt import Backoff


@dataclass(frozen=True)
class Child:
    """A child device: row 101. `parent` is the external ID of the child it belongs to, or `None` for the device.

    `marker`: the fourth value of 101. `False` or "false" makes an object that is not marked as a device; any other text
    counts as true.
    """

    id: str
    name: str | None = None
    type: str | None = None
    parent: str | None = None
    marker: bool | str | None = None


def row_101(child: Child) -> tuple[str, ...]:
    """The row that creates a child device."""
    row: tuple[str, ...] = ("101", child.id, child.name or child.id)
    if child.marker is not None:
        marker = child.marker if isinstance(child.marker, str) else "true" if child.marker else "false"
        return (*row, child.type or "", marker)
    return row if child.type is None else (*row, child.type)


@dataclass(frozen=True)
class Limits:
    """Times in seconds, sizes in bytes."""

    connect: float = 30.0  # until CONNACK
    acknowledge: float = 60.0  # until PUBACK or SUBACK; after that the connection counts as dead
    drain: float = 10.0  # to send the remaining rows when stopping
    poll: float = 5.0  # between polls for credentials
    token: float = 30.0  # before asking for a token again
    grace: float = 0.5  # after 500 is acknowledged: its answer is collected, and no operation starts
    settle: float = 3.0  # after 500 is acknowledged: rows equal to listed ones may be late pushes
    doubt: float = 0.5  # operation rows acknowledged this shortly before a break may still be lost
    stable: float = 30.0  # a connection that lasted this long resets `backoff`
    operation: float | None = 3600.0  # for one operation; after that it is answered 502
    operations: int = 10_000  # held at a time; more are left PENDING and asked for later
    packet: int = PACKET_LIMIT
    receive: int = 1_000_000  # for one payload; longer ones are refused (the platform stays within its packet limit)
    queue: int = 8_000_000  # waiting and unacknowledged data, approximately
    in_flight: int = 20  # unacknowledged data payloads
    rows_in_flight: int = 100  # unacknowledged rows of operations: claims and answers
    hang_ups: int = 3  # connections in a row that die on one payload; then it is given up
    backoff: Backoff = field(default_factory=Backoff)  # between connections
    subscribe_backoff: Backoff = field(default_factory=lambda: Backoff(2.0, 60.0))  # after a refused subscription
