"""How a device is, in numbers for a watchdog, a metric or a log line."""

from __future__ import annotations

from dataclasses import dataclass

from .lifecycle import State


@dataclass(frozen=True)
class Health:
    """A picture of one moment; what `device.health()` returns.

    Times are seconds, counted back from that moment; sizes are bytes as `limits.queue` counts them.

    `connected_for`: since CONNACK, `None` while not connected. `acknowledged_ago`: since the platform last acknowledged
    a payload, `None` if it never did. `idle_for`: since the thread of a `Device` last went round; it does so each
    second, so more means that a listener or the network keeps it. `None` before it starts; 0 for an `AsyncDevice`,
    whose loop has just run this call.
    `waiting_rows`, `waiting_bytes`: data that is not acknowledged, sent or not. `dropped`: rows given up so far.
    `operations`: handlers that run. `outbox_failure`: why the file of the outbox cannot be written, or `None`.
    """

    state: State
    connected_for: float | None
    acknowledged_ago: float | None
    idle_for: float | None
    waiting_rows: int
    waiting_bytes: int
    dropped: int
    operations: int
    outbox_failure: str | None = None

    @property
    def online(self) -> bool:
        return self.state is State.ONLINE
