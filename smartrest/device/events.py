"""What a `Session` tells: actions for the MQTT client to carry out, events for the program to know.

All are plain frozen dataclasses. What holds a secret (password, token) hides it from `repr`, so that every action and
event can be logged as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..mqtt import ConnackCode, check_password, username

if TYPE_CHECKING:
    from .operations import Operation


@dataclass(frozen=True)
class Credentials:
    """Tenant ID, user name and password of a device. `username` is what MQTT takes: `<tenant>/<user>`.

    Raises `SmartRestError` (`bad_identifier`) for what MQTT cannot carry.
    """

    tenant: str
    user: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        username(self.tenant, self.user)
        check_password(self.password)

    @property
    def username(self) -> str:
        return username(self.tenant, self.user)


# Actions: what `Session.outgoing()` returns, to be carried out in order.


@dataclass(frozen=True)
class Connect:
    """Open a connection with a clean session; then call `connected` or `disconnected`."""

    client_id: str
    credentials: Credentials | None = None
    clean_session: bool = True


@dataclass(frozen=True)
class Subscribe:
    """Subscribe to one exact topic; then call `subscribed` with the code of the SUBACK."""

    topic: str
    qos: int = 1


@dataclass(frozen=True)
class Publish:
    """Publish, never retained. At QoS 1, call `acknowledged(id, now)` on PUBACK."""

    topic: str
    payload: bytes
    qos: int = 1
    id: int = 0

    def __repr__(self) -> str:
        return f"Publish(topic={self.topic!r}, payload=<{len(self.payload)} bytes>, qos={self.qos}, id={self.id})"


@dataclass(frozen=True)
class Disconnect:
    """Close the connection; with `abort` without goodbye, since nobody answers any more."""

    abort: bool = False


Action = Connect | Subscribe | Publish | Disconnect

# Events: what every input of a `Session` returns.


@dataclass(frozen=True)
class Event:
    """Base of all events."""


@dataclass(frozen=True)
class Connected(Event):
    """CONNACK 0. `bootstrap`: connected only to fetch credentials."""

    bootstrap: bool = False


@dataclass(frozen=True)
class Refused(Event):
    """CONNACK with another code. `retry_in` is seconds until the next attempt, `None` where there is none."""

    code: ConnackCode
    retry_in: float | None


@dataclass(frozen=True)
class Lost(Event):
    """The connection broke or could not be made; the next attempt is in `retry_in` seconds."""

    reason: str
    retry_in: float


@dataclass(frozen=True)
class CredentialsReceived(Event):
    """The platform accepted the device (row 70). Store them; the session reconnects with them by itself."""

    credentials: Credentials


@dataclass(frozen=True)
class CredentialsStored(Event):
    """The store holds the credentials that were received."""


@dataclass(frozen=True)
class CredentialsNotStored(Event):
    """The store could not be written. The credentials are in memory only; another attempt is in `retry_in` seconds."""

    reason: str
    retry_in: float


@dataclass(frozen=True)
class Online(Event):
    """Registered and subscribed: the life cycle has reached its working state."""


@dataclass(frozen=True)
class SubscriptionRefused(Event):
    """SUBACK refused a topic; asked again after `retry_in` seconds, or (`None`) with the next connection."""

    topic: str
    code: int
    retry_in: float | None


@dataclass(frozen=True)
class OperationReceived(Event):
    """The platform has acknowledged 501 (or 504) for this operation: run it, then call `succeed` or `fail`."""

    operation: Operation


@dataclass(frozen=True)
class OperationRepeated(Event):
    """A row of an operation that is held or was answered, by its ID or by its place in the list: not run again."""

    operation: Operation


@dataclass(frozen=True)
class OperationRefused(Event):
    """An operation that will not be run: `reason` says why, `answered` whether the platform is told with 502."""

    operation: Operation
    reason: str
    answered: bool = True


@dataclass(frozen=True)
class OperationUntold(Event):
    """The connection broke with 501 on its way, and what 500 brought fits both that it arrived and that it was lost.

    Whichever of the two equal operations is EXECUTING is failed (507) and not run; the other one runs.
    """

    operation: Operation


@dataclass(frozen=True)
class OperationTimedOut(Event):
    """No result within the time limit: answered 502. A later result is ignored."""

    operation: Operation
    seconds: float


@dataclass(frozen=True)
class OperationAnswered(Event):
    """The platform has acknowledged the answer. `status` is "successful" or "failed"."""

    operation: Operation
    status: str


@dataclass(frozen=True)
class AnswerIgnored(Event):
    """`succeed` or `fail` for an operation that has its answer already."""

    operation: Operation


@dataclass(frozen=True)
class ErrorReceived(Event):
    """An error row of `s/e`: the platform's code, the template ID it is about (or ""), the text with its commas."""

    code: str
    template_id: str
    text: str


@dataclass(frozen=True)
class TokenReceived(Event):
    """A token (row 71); a new one is fetched in `renew_in` seconds, at half life."""

    token: str = field(repr=False)
    renew_in: float = 0.0


@dataclass(frozen=True)
class MessageReceived(Event):
    """A row that is no operation: a reply (106, 124, 601, 603, 20, 41) or a row of a custom collection."""

    topic: str
    row: tuple[str, ...]


@dataclass(frozen=True)
class PayloadReceived(Event):
    """A payload on a topic that carries no SmartREST (JSON, a topic of one's own), as it came."""

    topic: str
    payload: bytes = field(repr=False)


@dataclass(frozen=True)
class PayloadRefused(Event):
    """A payload or row that cannot be read; the whole rows before it were taken. `text` never quotes a secret."""

    topic: str
    reason: str
    position: int | None
    text: str


@dataclass(frozen=True)
class Delivered(Event):
    """A data payload of `rows` rows was acknowledged (at QoS 0: handed over)."""

    topic: str
    rows: int
    id: int


@dataclass(frozen=True)
class Dropped(Event):
    """A row was given up, since the queue is full or the session closed; `payload` is its encoded form."""

    topic: str
    payload: bytes = field(repr=False)
    reason: str = "queue_full"


@dataclass(frozen=True)
class QueueHalfFull(Event):
    """Rows that wait or are unacknowledged take more than half of the queue: `size` bytes of `limit`.

    Told again once it was down to a quarter.
    """

    size: int
    limit: int


@dataclass(frozen=True)
class OutboxFailed(Event):
    """The file of the outbox cannot be written. Rows are kept in memory; it is tried again after `retry_in` seconds.

    Told once, until it succeeds: `OutboxSaved`.
    """

    reason: str
    retry_in: float


@dataclass(frozen=True)
class OutboxSaved(Event):
    """The file of the outbox holds all rows again."""


@dataclass(frozen=True)
class GaveUp(Event):
    """The session ends: no further attempt is of use. `start` tries anew."""

    code: ConnackCode
    text: str


@dataclass(frozen=True)
class Closed(Event):
    """The session has ended as asked."""
