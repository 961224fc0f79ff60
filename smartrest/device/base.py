"""What `Device` and `AsyncDevice` have in common: options, handlers, the session, the log. Does no I/O of its own.

Whoever drives a session hands every list of events to `_note`, in order, and gets back the operations to run.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Callable, Iterable
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from ..mqtt import BOOTSTRAP_USERNAME, ClientId, ConnackCode, Endpoint, Will, topics
from ..mqtt.tls import ClosingSocket
from .credentials import CredentialStore
from .events import (
    Closed,
    Connected,
    Credentials,
    CredentialsNotStored,
    CredentialsReceived,
    CredentialsStored,
    Delivered,
    Dropped,
    ErrorReceived,
    Event,
    GaveUp,
    Lost,
    Online,
    OperationAnswered,
    OperationReceived,
    OperationRefused,
    OperationRepeated,
    OperationTimedOut,
    OperationUntold,
    OutboxFailed,
    OutboxSaved,
    PayloadRefused,
    QueueHalfFull,
    Refused,
    SubscriptionRefused,
)
from .flow import NEVER
from .handlers import H, Handlers
from .health import Health
from .operations import Operation, static_operations
from .session import CONNECTED, Session
from .settings import Child, Limits
from .workers import Workers

if TYPE_CHECKING:
    from ..certificates import Identity

log = logging.getLogger("smartrest.device")

UNLIMITED = 0  # payloads in flight, for MQTT clients: the session sets the limit; paho scans them all if it has one
L = TypeVar("L", bound=Callable[[Any], None])
Events = tuple[type[Event], ...]

_LEVELS: dict[type[Event], int] = {
    Connected: logging.DEBUG,
    Online: logging.INFO,
    Closed: logging.INFO,
    CredentialsReceived: logging.INFO,
    CredentialsStored: logging.INFO,
    CredentialsNotStored: logging.ERROR,
    OperationReceived: logging.INFO,
    OperationRepeated: logging.INFO,
    OperationRefused: logging.WARNING,
    OperationTimedOut: logging.ERROR,
    OperationUntold: logging.WARNING,
    Lost: logging.WARNING,
    Refused: logging.WARNING,
    SubscriptionRefused: logging.WARNING,
    PayloadRefused: logging.WARNING,
    ErrorReceived: logging.WARNING,
    Dropped: logging.WARNING,
    QueueHalfFull: logging.WARNING,
    OutboxFailed: logging.ERROR,
    OutboxSaved: logging.INFO,
    GaveUp: logging.ERROR,
}


class DeviceError(ConnectionError):
    """The device has ended: the platform refuses it for good, and `code` says why; or (`None`) by an internal error."""

    def __init__(self, text: str, code: ConnackCode | None = None) -> None:
        super().__init__(text)
        self.code = code


class Statistics:
    """Rows taken, acknowledged and dropped (one that was split: its parts), operations run, connections made."""

    __slots__ = ("acknowledged", "connections", "dropped", "operations", "sent")

    def __init__(self) -> None:
        self.sent = self.acknowledged = self.dropped = self.operations = self.connections = 0

    def __repr__(self) -> str:
        return f"Statistics({', '.join(f'{name}={getattr(self, name)}' for name in self.__slots__)})"


class DeviceBase:
    """Options and face of a device; see `Device` for them."""

    def __init__(
        self,
        host: str | Endpoint,
        client_id: ClientId | str,
        *,
        credentials: Credentials | None = None,
        identity: Identity | None = None,
        children: Iterable[Child | str] = (),
        name: str | None = None,
        type: str = "c8y_MQTTDevice",
        port: int | None = None,
        tls: bool | ssl.SSLContext = True,
        websocket: bool = False,
        ca_file: str | os.PathLike[str] | None = None,
        bootstrap: Credentials | str | None = None,
        rebootstrap: bool = False,
        store: CredentialStore | str | os.PathLike[str] | None = None,
        x_ids: Iterable[str] = (),
        token: bool = False,
        debug: bool = False,
        restarted: str | None = None,
        finished: Iterable[str] = (),
        last_will: Will | None = None,
        keepalive: int = 60,
        qos: int = 1,
        linger: float = 0.1,
        workers: int = 8,
        outbox: str | os.PathLike[str] | None = None,
        limits: Limits | None = None,
    ) -> None:
        if not isinstance(host, Endpoint):
            host = Endpoint(
                host, port=port, tls=tls is not False, websocket=websocket, certificate=identity is not None
            )
        self.endpoint = host
        if last_will is not None:
            topics.check_topic(last_will.topic)
        self.last_will = last_will
        self.keepalive = keepalive
        self.workers = workers
        self.statistics = Statistics()
        self.store = CredentialStore(store) if isinstance(store, (str, os.PathLike)) else store
        if credentials is None and self.store is not None:
            credentials = self.store.load()
        if isinstance(bootstrap, str):
            tenant, _, user = BOOTSTRAP_USERNAME.partition("/")
            bootstrap = Credentials(tenant, user, bootstrap)
        self.session = Session(
            client_id,
            credentials=credentials,
            bootstrap=bootstrap,
            rebootstrap=rebootstrap,
            children=children,
            name=name,
            type=type,
            x_ids=x_ids,
            token=token,
            debug=debug,
            restarted=restarted,
            finished=finished,
            qos=qos,
            linger=linger,
            acknowledgements=True,
            outbox=outbox,
            limits=limits,
        )
        self.tls_context = _tls_context(self.endpoint, tls, identity, self.session.client_id, ca_file)
        self._handlers = Handlers(self.session.set_operation, tuple(static_operations()))
        self._listeners: list[tuple[Events, Callable[[Any], None]]] = []
        self._gave_up: GaveUp | None = None
        self._failure: BaseException | None = None  # the internal error that has ended the device
        self._process = os.getpid()
        self._unsaved: Credentials | None = None  # what the store could not be given yet
        self._save_at = NEVER
        self._saves = 0
        self._dropped_unlogged = 0
        self._connected_at: float | None = None
        self._workers: Workers | None = None
        self._left: list[tuple[object, Callable[[], None]]] = []  # jobs that had not begun when the device ended
        self._prepare()

    def _prepare(self) -> None:
        """The rest of the construction, so that the signature above is that of every device."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {str(self.session.client_id)!r} at {self.endpoint.url}, {self.session.state}>"

    @property
    def client_id(self) -> ClientId:
        return self.session.client_id

    @property
    def online(self) -> bool:
        return self._failure is None and self.session.online

    @property
    def token(self) -> str | None:
        """The latest token, where the device was made with `token=True`."""
        return self.session.token

    @property
    def fragments(self) -> list[str]:
        """The fragments that have a handler, for row 114: `device.send(("114", *device.fragments))`."""
        return self._handlers.fragments

    def operation(self, *fragments: str) -> Callable[[H], H]:
        """Register a handler for the operations with these fragments.

        It gets the `Operation`; what it returns are the parameters of 503 (`None`: none, a sequence: several), what it
        raises is answered 502 with the text. `ValueError` where a fragment has a handler already.
        """
        return self._handlers.operation(*fragments)

    def on(self, *template_ids: str, fragment: str | None = None, id_field: int | None = None) -> Callable[[H], H]:
        """Register a handler by template ID.

        For rows of a custom collection say how to answer: `fragment`, or `id_field`, the index in the row of the
        operation's ID (then by 504 to 506).
        """
        return self._handlers.on(*template_ids, fragment=fragment, id_field=id_field)

    def listen(self, *events: type[Event]) -> Callable[[L], L]:
        """Register a function that gets the events of these classes (none named: all). It must be quick."""

        def register(listener: L) -> L:
            self._listeners.append((events or (Event,), listener))
            return listener

        return register

    def _note(self, events: list[Event]) -> list[Operation]:
        """Count, log, store and tell events; returns the operations to run."""
        started: list[Operation] = []
        for event in events:
            self._count(event)
            self._log(event)
            if isinstance(event, OperationReceived):
                event.operation.report_with(self._report)
                started.append(event.operation)
            elif isinstance(event, CredentialsReceived):
                self._keep(event.credentials)
            elif isinstance(event, GaveUp):
                self._gave_up = event
            for classes, listener in self._listeners:
                if isinstance(event, classes):
                    try:
                        listener(event)
                    except BaseException as error:  # a listener's fault, SystemExit too, must not stop the device
                        log.exception("listener %r failed", listener)
                        self._interrupted(error)
        return started

    def _report(self, operation: Operation, text: str) -> None:
        """For `Operation.progress`."""
        raise NotImplementedError

    def _health(self, operations: int, idle_for: float | None) -> Health:
        now, session, flow = monotonic(), self.session, self.session._flow
        since, acknowledged = self._connected_at, flow.acknowledged_at
        return Health(
            state=session.state,
            connected_for=now - since if since is not None and session.state in CONNECTED else None,
            acknowledged_ago=now - acknowledged if acknowledged is not None else None,
            idle_for=idle_for,
            waiting_rows=session.pending + session.unacknowledged,
            waiting_bytes=flow.outbox.size,
            dropped=self.statistics.dropped,
            operations=operations,
            outbox_failure=flow.outbox.failure,
        )

    def _count(self, event: Event) -> None:
        counts = self.statistics
        if isinstance(event, Delivered):
            counts.acknowledged += event.rows
        elif isinstance(event, Dropped):
            counts.dropped += 1
        elif isinstance(event, Connected):
            self._connected_at = monotonic()
        elif isinstance(event, OperationReceived):
            counts.operations += 1
        elif isinstance(event, Online):
            counts.connections += 1

    def _log(self, event: Event) -> None:
        if isinstance(event, Dropped):  # thousands may come at a time
            self._dropped_unlogged += 1
            if self._dropped_unlogged & (self._dropped_unlogged - 1) == 0:
                log.warning("%s: %d rows dropped so far, last on %s: %s", self.client_id, self._dropped_unlogged,
                            event.topic, event.reason)  # fmt: skip
            return
        level = _LEVELS.get(type(event), logging.DEBUG)
        if isinstance(event, OperationAnswered):
            level = logging.INFO if event.status == "successful" else logging.WARNING
        if log.isEnabledFor(level):
            log.log(level, "%s: %r", self.client_id, event)

    def _interrupted(self, error: BaseException) -> None:
        """A listener or handler raised this, and the device goes on: the place to pass Ctrl+C on."""

    def _keep(self, credentials: Credentials) -> None:
        if self.store is not None:
            self._unsaved, self._saves = credentials, 0
            self._save()

    def _save(self) -> None:
        """Store the credentials. Where that fails they are kept, and it is tried again at `_save_at`."""
        if self._unsaved is None or self.store is None:
            return
        event: Event
        try:
            self.store.save(self._unsaved)
        except Exception as error:  # of the disk, or of a store of the user's own
            delay = self.session.limits.backoff.delay(self._saves, 0.0)
            self._save_at = monotonic() + delay
            self._saves += 1
            event = CredentialsNotStored(str(error), delay)
        else:
            self._unsaved, self._save_at = None, NEVER
            event = CredentialsStored()
        self._note([event])

    def _fail_for_good(self, error: BaseException) -> None:
        """A fault of ours: say so, and what becomes of the rows."""
        log.error("%s: the device ended by an internal error", self.client_id, exc_info=error)
        self._failure = error
        try:
            flow = self.session._flow
            flow.drop_all("internal_error")  # leaves the outbox file to the next device
            self._note(flow.events)
        except Exception:  # such as the one that has led here
            log.exception("%s: rows may be lost", self.client_id)

    def _error(self) -> DeviceError | None:
        """Why the device ended, if not because it was asked to."""
        if self._failure is not None:
            error = DeviceError(f"the device ended by an internal error, make a new one: {self._failure!r}")
            error.__cause__ = self._failure
            return error
        return DeviceError(self._gave_up.text, self._gave_up.code) if self._gave_up is not None else None

    def _check_usable(self) -> None:
        """Raises `DeviceError` where nothing that is asked for could happen."""
        if os.getpid() != self._process:
            raise DeviceError("this device was made before a fork, which has no connection: make one in this process")
        if self._failure is not None:
            raise self._error() or DeviceError("the device has ended")

    def _open_workers(self) -> None:
        self._close_workers()
        self._workers = Workers(self.workers, f"smartrest-{self.client_id.device_id}")
        for key, job in self._left:
            self._workers.submit(key, job)
        self._left = []

    def _close_workers(self) -> None:
        if self._workers is not None:
            self._left += self._workers.close()

    @property
    def _is_flushed(self) -> bool:
        return not self.session.pending and not self.session.unacknowledged

    def _why(self, reason: str) -> str:
        """Why a connection was lost: the TLS context of an identity may know better than the MQTT client."""
        context: Any = self.tls_context
        failure = getattr(context, "failure", None)
        if failure is None:
            return reason
        context.failure = None
        return f"{self.endpoint.url}: {failure}"

    def _no_handler(self, operation: Operation) -> str:
        return f"no handler for {operation.fragment or operation.template_id}"


def _tls_context(
    endpoint: Endpoint,
    tls: bool | ssl.SSLContext,
    identity: Identity | None,
    client_id: ClientId,
    ca_file: str | os.PathLike[str] | None,
) -> ssl.SSLContext | None:
    if not endpoint.tls:
        return None
    if isinstance(tls, ssl.SSLContext):
        return tls
    if identity is not None:
        return identity.ssl_context(client_id=client_id, ca_file=ca_file)
    context = ssl.create_default_context(cafile=ca_file)
    context.sslsocket_class = ClosingSocket
    return context
