"""What a session is told about its device, and the numbers it works with. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field

from .._constants import PACKET_LIMIT
from ..mqtt import Backoff


@dataclass(frozen=True)
class Child:
    """A child device: row 101. `parent` is the external ID of the child it belongs to, `None` for the device."""

    id: str
    name: str | None = None
    type: str | None = None
    parent: str | None = None


def row_101(child: Child) -> tuple[str, ...]:
    """The row that creates a child device."""
    row = ("101", child.id, child.name or child.id)
    return row if child.type is None else (*row, child.type)


@dataclass(frozen=True)
class Limits:
    """Times in seconds, sizes in bytes."""

    connect: float = 30.0  # until CONNACK
    acknowledge: float = 60.0  # until PUBACK or SUBACK: then the connection counts as dead
    drain: float = 10.0  # for what is left when stopped
    poll: float = 5.0  # between two polls for credentials
    token: float = 30.0  # until a token is asked for again
    grace: float = 0.5  # for the answer of 500 after its acknowledgement, before operations start on a new connection
    settle: float = 3.0  # in which the answer of 500 may come; then what was uncertain counts as done
    doubt: float = 0.5  # an acknowledgement so shortly before the connection broke does not count for operations
    stable: float = 30.0  # a connection that lasted so long ends the backing off
    operation: float | None = 3600.0  # for one operation, then it is answered 502
    operations: int = 10_000  # held at a time; further ones are left PENDING and asked for later
    packet: int = PACKET_LIMIT
    receive: int = 1_000_000  # of one payload: longer ones are refused; the platform sends none over its packet limit
    queue: int = 8_000_000  # waiting and unacknowledged data, about
    in_flight: int = 20  # unacknowledged data payloads
    rows_in_flight: int = 100  # unacknowledged rows of operations: claims and answers
    hang_ups: int = 3  # connections in a row that die on one data payload; then it is given up
    backoff: Backoff = field(default_factory=Backoff)  # between connections
    subscribe_backoff: Backoff = field(default_factory=lambda: Backoff(2.0, 60.0))  # after a refused subscription
