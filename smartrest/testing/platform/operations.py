"""Operations of the stand-in platform: status, lookup for rows 501 to 507, and waiting.

Source: MQTT static templates, section "Operation templates (5xx)". Knows nothing about topics.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .clients import Client

__all__ = ["EXECUTING", "FAILED", "PENDING", "SUCCESSFUL", "Operation", "oldest"]

PENDING = "PENDING"
EXECUTING = "EXECUTING"
SUCCESSFUL = "SUCCESSFUL"
FAILED = "FAILED"
FINAL = (SUCCESSFUL, FAILED)


class Answer(NamedTuple):
    """The row that ended an operation, and the last connection that sent it."""

    row: tuple[str, ...]
    client: Client


@dataclass(eq=False)
class Operation:
    """One operation for a device; `rows` are sent for it (two for a device profile, none without a template, else one).

    `content`: its fragments, as a client of `devicecontrol/notifications` gets them. `status` is PENDING, EXECUTING,
    SUCCESSFUL or FAILED; `history` holds every status in order. `results` are the parameters of row 503 or 506,
    `reason` the text of 502 or 505. `sent` counts how often it was sent.
    """

    id: str
    device: str
    fragment: str
    rows: list[tuple[str, ...]]
    topic: str
    content: dict[str, Any] = field(default_factory=dict)
    changed: threading.Condition = field(repr=False, default_factory=threading.Condition)
    status: str = PENDING
    results: tuple[str, ...] = ()
    reason: str | None = None
    sent: int = 0
    history: list[str] = field(default_factory=lambda: [PENDING])
    answer: Answer | None = field(repr=False, default=None)

    @property
    def row(self) -> tuple[str, ...]:
        return self.rows[0]

    @property
    def result(self) -> str | None:
        """The first parameter of the answer, such as the output of a `c8y_Command`; `None` without one."""
        return self.results[0] if self.results else None

    @property
    def done(self) -> bool:
        return self.status in FINAL

    def wait(self, seconds: float = 10.0) -> Operation:
        """Wait until the operation is SUCCESSFUL or FAILED and return it; `TimeoutError` after `seconds`."""
        return self.wait_for(*FINAL, seconds=seconds)

    def wait_for(self, *statuses: str, seconds: float = 10.0) -> Operation:
        """Wait until the operation has, or has had, one of the statuses; `TimeoutError` after `seconds`."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while not any(status in self.history for status in statuses):
                if not self.changed.wait(max(0.0, deadline - time.monotonic())):
                    seen = f"sent {self.sent} times" if self.sent else "never sent: is the device connected?"
                    raise TimeoutError(f"{self}: not {' or '.join(statuses)} within {seconds:g} s ({seen})")
        return self

    def move(self, status: str, *, results: tuple[str, ...] = (), reason: str | None = None) -> None:
        with self.changed:
            self.status = status
            self.history.append(status)
            self.results = results
            self.reason = reason
            self.changed.notify_all()

    def __str__(self) -> str:
        text = f"operation {self.id} {self.fragment} of {self.device} {self.status}"
        if self.results:
            text += f" {', '.join(map(repr, self.results))}"
        return text + (f" {self.reason!r}" if self.reason is not None else "")


def repeats_an_answer(operations: Iterable[Operation], row: tuple[str, ...], client: Client) -> bool:
    """Whether the row is an answer given before, sent again because that connection broke before it was acknowledged.

    A device may repeat each of its answers once on every new connection (docs/session.md, "Once only", rule 3).
    """
    for operation in operations:
        answer = operation.answer
        if answer is not None and answer.row == row and (answer.client is not client or client.everything):
            operation.answer = Answer(row, client)
            return True
    return False


def oldest(operations: Iterable[Operation], status: str, fragment: str) -> Operation | None:
    """The operation that a row 501 to 503 refers to; operations are listed oldest first."""
    return next((op for op in operations if op.fragment == fragment and op.status == status), None)
