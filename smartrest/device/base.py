"""The common base of `Device` and `AsyncDevice`: options, handlers, the session, logging. Does no network I/O.

Subclasses pass every list of events from the session to `_note`, in order, and get back the operations to run.
"""

from __future__ import annotations

import logging
import os
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ..mqtt import BOOTSTRAP_USERNAME, ClientId, ConnackCode, Endpoint, Will, topics
from ..mqtt.tls import ClosingSocket
from .credentials import Credentials, CredentialStore
from .custom import Custom
from .events import (
    Closed,
    Connected,
    CredentialsNotStored,
    CredentialsReceived,
    CredentialsStored,
    Delivered,
    Dropped,
    ErrorReceived,
    Event,
    GaveUp,
    IdentityRenewed,
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
    PayloadReceived,
    PayloadRefused,
    QueueHalfFull,
    Refused,
    RenewalFailed,
    SubscriptionRefused,
)
from .flow import NEVER
from .handlers import H, Handlers, Workers
from .lifecycle import State
from .operations import Operation, OperationTemplate, static_operations
from .renewal import Renewal, Renewer
from .service import ServiceSession, check_service
from .session import CONNECTED, Session
from .settings import Child, Limits

if TYPE_CHECKING:
    from ..certificates import Identity
    from ..templates import Collection

log = logging.getLogger("smartrest.device")

UNLIMITED = 0  # payloads in flight in the MQTT client: the session limits them; paho with a limit scans all of them
L = TypeVar("L", bound=Callable[[Any], None])
PayloadHandler = Callable[[str, bytes], None]
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
    IdentityRenewed: logging.INFO,
    RenewalFailed: logging.ERROR,
    GaveUp: logging.ERROR,
}


class DeviceError(ConnectionError):
    """The device has ended: the platform refuses it for good (see `code`), or an internal error (`code` is `None`)."""

    def __init__(self, text: str, code: ConnackCode | None = None) -> None:
        super().__init__(text)
        self.code = code


class Statistics:
    """Rows accepted (`sent`), acknowledged and dropped (a split row counts as its parts), operations, connections."""

    __slots__ = ("acknowledged", "connections", "dropped", "operations", "sent")

    def __init__(self) -> None:
        self.sent = self.acknowledged = self.dropped = self.operations = self.connections = 0

    def __repr__(self) -> str:
        return f"Statistics({', '.join(f'{name}={getattr(self, name)}' for name in self.__slots__)})"


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


class DeviceBase(ABC):
    """The options and public interface of a device; see `Device`."""

    def __init__(
        self,
        host: str | Endpoint,
        client_id: ClientId | str,
        *,
        credentials: Credentials | None = None,
        identity: Identity | None = None,
        tenant: str | None = None,
        renew: bool | Renewal = False,
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
        prefix: str | None = None,
        x_ids: Iterable[str] = (),
        collections: Iterable[Collection] = (),
        operations: Literal["rows", "json"] = "rows",
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
            last_will = last_will._replace(topic=topics.with_prefix(topics.check_topic(last_will.topic), prefix))
        self.last_will = last_will
        self.keepalive = keepalive
        self.workers = workers
        self.statistics = Statistics()
        self.store = CredentialStore(store) if isinstance(store, (str, os.PathLike)) else store
        if credentials is None and self.store is not None:
            credentials = self.store.load()
        if isinstance(bootstrap, str):
            owner, _, user = BOOTSTRAP_USERNAME.partition("/")
            bootstrap = Credentials(owner, user, bootstrap)
        if renew and (identity is None or isinstance(tls, ssl.SSLContext)):
            raise ValueError("renew needs an identity, and a TLS context made from it: pass identity=, and no context")
        _doubt_login(identity, credentials or bootstrap, token=token, tls=tls)
        for finding in host.check():
            log.warning("%s", finding.text)
        client_id = ClientId.parse(client_id) if isinstance(client_id, str) else client_id
        self._custom = Custom(collections, client_id.x_id)
        password = (credentials or bootstrap) is not None
        check_service(
            host, client_id, identity, tenant=tenant, password=password, tls=tls,
            last_will=last_will, collections=bool(self._custom.topics),
        )  # fmt: skip
        self.session = (partial(ServiceSession, tenant=tenant) if host.service else Session)(
            client_id,
            credentials=credentials,
            bootstrap=bootstrap,
            rebootstrap=rebootstrap,
            children=children,
            name=name,
            type=type,
            prefix=prefix,
            x_ids=x_ids,
            required=self._custom.topics,
            optional=self._custom.answers,
            operations=self._custom.sure if operations == "rows" else operations,
            token=token or bool(renew),
            debug=debug,
            restarted=restarted,
            finished=finished,
            qos=qos,
            linger=linger,
            acknowledgements=True,
            outbox=outbox,
            limits=limits,
        )
        self.session._flow.times_start = False  # an operation may wait for a worker
        self.tls_context = _tls_context(self.endpoint, tls, identity, self.session.client_id, ca_file)
        self._handlers = Handlers(self.session.set_operation, (*static_operations(), *self._custom.template_ids))
        self._listeners: list[tuple[Events, Callable[[Any], None]]] = []
        self._readers: dict[str, list[PayloadHandler]] = {}  # topic -> handlers of its payloads
        self._gave_up: GaveUp | None = None
        self._failure: BaseException | None = None  # the internal error that ended the device
        self._process = os.getpid()
        self._unsaved: Credentials | None = None  # credentials not yet in the store
        self._save_at = NEVER
        self._saves = 0
        self._dropped_unlogged = 0
        self._connected_at: float | None = None
        self._workers: Workers | None = None
        self._left: list[tuple[object, Callable[[], None]]] = []  # jobs not yet begun when the device ended
        self._renewer: Renewer | None = None
        if identity is not None and renew:
            renewal = renew if isinstance(renew, Renewal) else Renewal()
            self._renewer = Renewer(self, renewal, identity, ca_file, self._announce)
        self._prepare()

    @abstractmethod
    def _prepare(self) -> None:
        """Finish construction; a hook, so that all devices share the signature of `__init__`."""

    @abstractmethod
    def _announce(self, events: list[Event]) -> None:
        """Report events of another thread in the device's own."""

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
        """The latest token, if the device was made with `token=True`."""
        return self.session.token

    @property
    def fragments(self) -> list[str]:
        """The fragments with a handler, for row 114: `device.send(("114", *device.fragments))`."""
        return self._handlers.fragments

    def operation(self, *fragments: str) -> Callable[[H], H]:
        """Register a handler for operations with these fragments.

        It receives the `Operation` and returns the parameters of 503 (`None`: none; a sequence: several). If it raises,
        the answer is 502 with the exception's text. Raises `ValueError` if a fragment already has a handler.
        """
        register: Callable[[H], H] = self._handlers.operation(*fragments)
        self.session.handle(*fragments)
        for key, read in self._custom.of_fragments(fragments):
            self.session.set_operation(key, read)
        return register

    def on(self, *template_ids: str, fragment: str | None = None, id_field: int | None = None) -> Callable[[H], H]:
        """Register a handler by template ID.

        For rows of a collection that is not in `collections`, specify how to answer: by `fragment`, or by ID (504 to
        506) with `id_field`, the row index of the operation's ID.
        """
        register: Callable[[H], H] = self._handlers.on(*template_ids, fragment=fragment, id_field=id_field)
        for key, read in self._custom.of_ids(template_ids):
            described = (fragment or read.fragment, read.id_field if id_field is None else id_field, read.template)
            self.session.set_operation(key, OperationTemplate(*described))
        return register

    def listen(self, *events: type[Event]) -> Callable[[L], L]:
        """Register a function to call with events of these classes (all if none are given). It must be quick."""

        def register(listener: L) -> L:
            self._listeners.append((events or (Event,), listener))
            return listener

        return register

    def _note(self, events: list[Event]) -> list[Operation]:
        """Count, log and store events and call listeners; returns the operations to run."""
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
            elif isinstance(event, PayloadReceived):
                for reader in self._readers.get(event.topic, ()):
                    self._call(reader, event.topic, event.payload)
            for classes, listener in self._listeners:
                if isinstance(event, classes):
                    self._call(listener, event)
        return started

    def _call(self, listener: Callable[..., None], *arguments: Any) -> None:
        try:
            listener(*arguments)
        except BaseException as error:  # no listener may stop the device, not even by SystemExit
            log.exception("listener %r failed", listener)
            self._interrupted(error)

    def _read_with(self, topic: str, handler: PayloadHandler) -> None:
        self._readers[topic] = [*self._readers.get(topic, ()), handler]

    @abstractmethod
    def _report(self, operation: Operation, text: str) -> None:
        """The target of `Operation.progress`."""

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
        if isinstance(event, Dropped):  # thousands may come at once, so log only powers of two
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

    @abstractmethod
    def _interrupted(self, error: BaseException) -> None:
        """A listener or handler raised `error` and the device goes on; a hook to pass Ctrl+C on."""

    def _keep(self, credentials: Credentials) -> None:
        if self.store is not None:
            self._unsaved, self._saves = credentials, 0
            self._save()

    def _save(self) -> None:
        """Store the credentials; on failure keep them and retry at `_save_at`."""
        if self._unsaved is None or self.store is None:
            return
        event: Event
        try:
            self.store.save(self._unsaved)
        except Exception as error:  # from the disk, or from a user's own store
            delay = self.session.limits.backoff.delay(self._saves, 0.0)
            self._save_at = monotonic() + delay
            self._saves += 1
            event = CredentialsNotStored(str(error), delay)
        else:
            self._unsaved, self._save_at = None, NEVER
            event = CredentialsStored()
        self._note([event])

    def _fail_for_good(self, error: BaseException) -> None:
        """Record an internal error and report the rows that it costs."""
        log.error("%s: the device ended by an internal error", self.client_id, exc_info=error)
        self._failure = error
        try:
            flow = self.session._flow
            flow.drop_all("internal_error")  # rows in an outbox file stay there for the next device
            self._note(flow.events)
        except Exception:  # perhaps the same error again
            log.exception("%s: rows may be lost", self.client_id)

    def _error(self) -> DeviceError | None:
        """Why the device ended, unless it was asked to."""
        if self._failure is not None:
            error = DeviceError(f"the device ended by an internal error, create a new one: {self._failure!r}")
            error.__cause__ = self._failure
            return error
        return DeviceError(self._gave_up.text, self._gave_up.code) if self._gave_up is not None else None

    def _check_usable(self) -> None:
        """Raises `DeviceError` if the device can do nothing any more."""
        if os.getpid() != self._process:
            raise DeviceError("this device was created before a fork and has no connection: create one in this process")
        if self._failure is not None:
            raise self._error() or DeviceError("the device has ended")

    def _open_workers(self) -> None:
        self._close_workers()
        self._workers = Workers(self.workers, f"smartrest-{self.client_id.device_id}")
        for key, job in self._left:
            self._workers.submit(key, job)
        self._left = []
        if self._renewer is not None:
            self._renewer.start()

    def _close_workers(self) -> None:
        if self._renewer is not None:
            self._renewer.stop()
        if self._workers is not None:
            self._left += self._workers.close()

    @property
    def _is_flushed(self) -> bool:
        return not self.session.pending and not self.session.unacknowledged

    def _why(self, reason: str) -> str:
        """Why a connection was lost. The TLS context of an identity may know more than the MQTT client."""
        context: Any = self.tls_context
        failure = getattr(context, "failure", None)
        if failure is None:
            return reason
        context.failure = None
        return f"{self.endpoint.url}: {failure}"

    def _no_handler(self, operation: Operation) -> str:
        return f"no handler for {operation.fragment or operation.template_id}"


def _doubt_login(
    identity: Identity | None, password: Credentials | None, *, token: bool, tls: bool | ssl.SSLContext
) -> None:
    """Tell of options that may not be meant."""
    if identity is not None and password is not None:
        log.warning(
            "both a certificate and a password: if the certificate is not accepted, the connection fails in TLS and the"
            " password does not help; pass one of them"
        )
    if token and identity is None and not isinstance(tls, ssl.SSLContext):
        log.warning("token=True without a certificate: the platform gives tokens to devices with a certificate alone")


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
