"""The outputs of a `Session`: actions for the MQTT client, events for the program.

All are plain frozen dataclasses. Secrets (password, token) are hidden from `repr`, so every action and event is safe to
log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from ..mqtt import ConnackCode
from .credentials import Credentials

if TYPE_CHECKING:
    from .operations import Operation


# Actions: returned by `Session.outgoing()`, to be carried out in order.


@dataclass(frozen=True)
class Connect:
    """Open a connection with a clean session; then call `connected` or `disconnected`.

    `tenant`: the user name of a device that logs in by certificate, on the MQTT Service.
    """

    client_id: str
    credentials: Credentials | None = None
    clean_session: bool = True
    tenant: str | None = None

    @property
    def username(self) -> str | None:
        return self.credentials.username if self.credentials is not None else self.tenant

    @property
    def password(self) -> str | None:
        return self.credentials.password if self.credentials is not None else None


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
    """Close the connection; with `abort` without sending DISCONNECT, since the server no longer answers."""

    abort: bool = False


Action = Connect | Subscribe | Publish | Disconnect

# Events: returned by every input of a `Session`.


@dataclass(frozen=True)
class Event:
    """Base of all events."""


@dataclass(frozen=True)
class Connected(Event):
    """CONNACK 0. `bootstrap`: connected only to fetch credentials."""

    bootstrap: bool = False


@dataclass(frozen=True)
class Refused(Event):
    """CONNACK with another code. `retry_in`: seconds until the next attempt, `None` if there is none."""

    code: ConnackCode
    retry_in: float | None


@dataclass(frozen=True)
class Failed(Event):
    """Base of events that tell of a failure: why, and in how many seconds the next attempt is."""

    reason: str
    retry_in: float


@dataclass(frozen=True)
class Lost(Failed):
    """The connection broke or could not be opened."""


@dataclass(frozen=True)
class CredentialsReceived(Event):
    """The platform accepted the device (row 70). Store these; the session reconnects with them itself."""

    credentials: Credentials


@dataclass(frozen=True)
class CredentialsStored(Event):
    """The received credentials are in the store."""


@dataclass(frozen=True)
class CredentialsNotStored(Failed):
    """Writing the store failed. The credentials are in memory only."""


@dataclass(frozen=True)
class Online(Event):
    """Registered and subscribed: the device is working."""


@dataclass(frozen=True)
class SubscriptionRefused(Event):
    """SUBACK refused a topic. The next attempt is in `retry_in` seconds, or (`None`) on the next connection."""

    topic: str
    code: int
    retry_in: float | None


@dataclass(frozen=True)
class OperationReceived(Event):
    """The platform has acknowledged 501 (or 504) for this operation: run it, then call `succeed` or `fail`."""

    operation: Operation


@dataclass(frozen=True)
class OperationRepeated(Event):
    """A repeat of an operation that is held or was answered, by its ID or its place in the list: not run again."""

    operation: Operation


@dataclass(frozen=True)
class OperationRefused(Event):
    """An operation that will not run. `reason` says why, `answered` whether the platform is sent 502."""

    operation: Operation
    reason: str
    answered: bool = True


@dataclass(frozen=True)
class OperationUntold(Event):
    """The connection broke while 501 was in flight, and the answer to 500 does not show whether it arrived.

    Of the two equal operations, the one that is EXECUTING fails (507) without having run; the other runs.
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
    """`succeed` or `fail` was called for an operation that already has its answer."""

    operation: Operation


@dataclass(frozen=True)
class ErrorReceived(Event):
    """An error row of `s/e`: the platform's code, the template ID it refers to (or ""), the text with its commas."""

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
    """A row other than an operation: a reply (106, 124, 601, 603, 20, 41) or a row of a custom collection."""

    topic: str
    row: tuple[str, ...]


@dataclass(frozen=True)
class PayloadReceived(Event):
    """An unparsed payload from a topic outside SmartREST, such as JSON or an application topic."""

    topic: str
    payload: bytes = field(repr=False)


@dataclass(frozen=True)
class PayloadRefused(Event):
    """A malformed payload or row; whole rows before it were accepted. `text` never quotes a secret."""

    topic: str
    reason: str
    position: int | None
    text: str


@dataclass(frozen=True)
class Delivered(Event):
    """A data payload of `rows` rows was acknowledged (at QoS 0: handed to the client)."""

    topic: str
    rows: int
    id: int


@dataclass(frozen=True)
class Dropped(Event):
    """A row was given up; `payload` is its encoded form.

    `reason`: "queue_full", "closed", "internal_error", or "hang_up": connection after connection died with it.
    """

    topic: str
    payload: bytes = field(repr=False)
    reason: str = "queue_full"


@dataclass(frozen=True)
class QueueHalfFull(Event):
    """Waiting and unacknowledged rows take more than half of the queue: `size` bytes of `limit`.

    Emitted again only after the queue has fallen to a quarter.
    """

    size: int
    limit: int


@dataclass(frozen=True)
class OutboxFailed(Failed):
    """Writing the outbox file failed. Rows stay in memory.

    Emitted once; `OutboxSaved` follows when a later attempt succeeds.
    """


@dataclass(frozen=True)
class OutboxSaved(Event):
    """The outbox file holds all rows again."""


@dataclass(frozen=True)
class IdentityRenewed(Event):
    """The device has a new certificate and has saved it. The next connection uses it."""

    valid_until: datetime


@dataclass(frozen=True)
class RenewalFailed(Failed):
    """The certificate could not be renewed; the old one is still there."""


@dataclass(frozen=True)
class GaveUp(Event):
    """The session ends because further attempts are useless. `start` tries again."""

    code: ConnackCode
    text: str


@dataclass(frozen=True)
class Closed(Event):
    """The session has ended as requested."""
