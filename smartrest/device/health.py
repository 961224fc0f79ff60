"""A device's health in numbers, for a watchdog, a metric or a log line."""

from __future__ import annotations

from dataclasses import dataclass

from .lifecycle import State


@dataclass(frozen=True)
class Health:
    """A snapshot, returned by `device.health()`.

    Times are seconds before the snapshot; sizes are bytes as counted for `limits.queue`.

    `connected_for`: since CONNACK, `None` while not connected. `acknowledged_ago`: since the platform last acknowledged
    a payload, `None` if it never did. `idle_for`: since the last round of a `Device`'s thread, which goes round every
    second; a longer time means that a listener or the MQTT client blocks it. `None` before the device starts, 0 for an
    `AsyncDevice`, whose loop has just run this call.
    `waiting_rows`, `waiting_bytes`: unacknowledged data, sent or not. `dropped`: rows given up so far.
    `operations`: running handlers. `outbox_failure`: why the outbox file cannot be written, or `None`.
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
