"""Connecting: CONNACK codes and how to react, back-off, endpoints, the last will, advice on QoS and the like.

`ConnackCode` is the only table of codes. Opens no socket: it holds the facts to configure a client with. Source: MQTT
integration guide, sections "Connection details" and "Return codes"; ports from "MQTT implementation".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from .._findings import Finding
from .._limits import STRING_LIMIT
from ..errors import SmartRestError
from . import topics
from ._text import WILDCARDS, check_string, refuse
from .client_id import OLD_PROTOCOL, ClientId

PROTOCOLS = ("3.1.1", OLD_PROTOCOL)
WEBSOCKET_PATH = "/mqtt"
PORTS = {  # (websocket, tls) -> port
    (False, True): 8883,
    (False, False): 1883,
    (True, True): 443,
    (True, False): 80,
}
SERVICE_ID_LIMIT = 128  # characters of a ClientId on the MQTT Service
SERVICE_PORTS = {True: 9883, False: 2883}  # tls -> port of the separate MQTT Service
OFF_IN_CLOUD = {80: 443, 2883: 9883}  # port without TLS -> the port with TLS
BOOTSTRAP_USERNAME = "management/devicebootstrap"


@dataclass(frozen=True)
class Backoff:
    """The wait before the next attempt, in seconds: doubles from `first` up to `most`, with jitter.

    Jitter shortens a wait by up to half, to spread out the reconnects of a fleet that lost its broker.
    """

    first: float = 1.0
    most: float = 300.0

    def delay(self, attempt: int, jitter: float) -> float:
        """Seconds before attempt `attempt` (from 0); `jitter` is a random number in [0, 1)."""
        full = min(self.most, self.first * 2.0 ** min(attempt, 32))
        return full * (1.0 - jitter / 2)


class _Facts(NamedTuple):
    text: str
    cause: str
    retries: int | None
    advice: str


class ConnackCode(IntEnum):
    """Return code of CONNACK: `text`, `cause`, `retries` (`None`: unlimited, 0: permanent), `advice`.

    The platform may also send one on an established connection, to announce that it closes it. Takes the reason codes
    of MQTT 5 too, which some clients report for 3.1.1: `ConnackCode(134)` is `BAD_CREDENTIALS`.
    """

    ACCEPTED = 0
    BAD_PROTOCOL = 1
    BAD_CLIENT_ID = 2
    UNAVAILABLE = 3
    BAD_CREDENTIALS = 4
    NOT_AUTHORIZED = 5

    @classmethod
    def _missing_(cls, value: object) -> ConnackCode | None:
        return next((code for code in cls if code.value == _OF_MQTT_5.get(value)), None)

    @property
    def text(self) -> str:
        return _FACTS[self].text

    @property
    def cause(self) -> str:
        return _FACTS[self].cause

    @property
    def retries(self) -> int | None:
        return _FACTS[self].retries

    @property
    def advice(self) -> str:
        return _FACTS[self].advice

    @property
    def ok(self) -> bool:
        return self is ConnackCode.ACCEPTED

    @property
    def permanent(self) -> bool:
        """Whether retrying is useless. `NOT_AUTHORIZED` becomes permanent after its `retries`."""
        return self.retries == 0

    @property
    def retry(self) -> bool:
        return not self.ok and not self.permanent

    @property
    def backoff(self) -> Backoff | None:
        """The advised wait before a retry, `None` if the client should not retry."""
        return Backoff() if self.retry else None


_FACTS = {
    ConnackCode.ACCEPTED: _Facts("accepted", "", None, "go on"),
    ConnackCode.BAD_PROTOCOL: _Facts(
        "protocol version refused", "the platform speaks MQTT 3.1 and 3.1.1 only", 0, "fix the client"
    ),
    ConnackCode.BAD_CLIENT_ID: _Facts(
        "ClientId refused", "the ClientId breaks the platform's rules", 0, "fix the ClientId"
    ),
    ConnackCode.UNAVAILABLE: _Facts(
        "server unavailable",
        "internal error, unknown authorization problem or network trouble",
        None,
        "back off and try again",
    ),
    ConnackCode.BAD_CREDENTIALS: _Facts(
        "bad user name or password",
        "credentials are wrong or were revoked (never with a certificate)",
        0,
        "get new credentials",
    ),
    ConnackCode.NOT_AUTHORIZED: _Facts(
        "not authorized",
        "missing permission, malformed message, publishing before authentication, certificate or device object "
        "problem, ClientId over 23 characters on MQTT 3.1, or overload while connecting",
        5,
        "back off and try a few times, then report",
    ),
}

# Reason code of MQTT 5 (§2.4) -> the equivalent return code of 3.1.1.
_OF_MQTT_5: dict[object, int] = {132: 1, 133: 2, 136: 3, 137: 3, 134: 4, 140: 4, 135: 5, 138: 5}


@dataclass(frozen=True)
class Endpoint:
    """Where to connect: `Endpoint("mqtt.example.com")` is port 8883, TLS over TCP.

    With `websocket` the host may end with the path, as in `mytenant.example.com/mqtt`. `certificate`: the client
    presents a certificate, which requires TLS over TCP. `service` means the separate MQTT Service. `port` overrides the
    platform's. Raises `SmartRestError` (`bad_endpoint`; `bad_identifier` for `host`).
    """

    host: str
    tls: bool = True
    websocket: bool = False
    certificate: bool = False
    service: bool = False
    port: int = 0

    def __init__(
        self,
        host: str,
        *,
        tls: bool = True,
        websocket: bool = False,
        certificate: bool = False,
        service: bool = False,
        port: int | None = None,
    ) -> None:
        check_string(host, "host")
        if websocket:
            host = check_string(host.removesuffix(WEBSOCKET_PATH), "host")
        elif host.endswith(WEBSOCKET_PATH):
            raise refuse(host, "host", f"has the path {WEBSOCKET_PATH} of the WebSocket: pass websocket=True")
        if any(c in host for c in "/ \t\r\n") or (":" in host and not _is_ipv6(host)):
            raise refuse(host, "host", "is not a host name; pass scheme, port and path as arguments")
        if certificate and websocket:
            raise SmartRestError("client certificates work over TCP only, not over WebSocket", "bad_endpoint")
        if certificate and not tls:
            raise SmartRestError("a client certificate needs TLS", "bad_endpoint")
        if service and websocket:
            raise SmartRestError("the MQTT Service has no WebSocket port", "bad_endpoint")
        if port is not None and not 1 <= port <= 65_535:
            raise SmartRestError(f"invalid port: {port}; use 1 to 65535", "bad_endpoint")
        usual = SERVICE_PORTS[tls] if service else PORTS[websocket, tls]
        values = (host, tls, websocket, certificate, service, usual if port is None else port)
        for name, value in zip(self.__dataclass_fields__, values, strict=True):
            object.__setattr__(self, name, value)

    def check(self) -> list[Finding]:
        """Doubts about this endpoint: a port that the vendor's cloud has turned off."""
        if self.port in OFF_IN_CLOUD:
            text = f"port {self.port} is off in the vendor's cloud: use TLS, port {OFF_IN_CLOUD[self.port]}"
            return [Finding("port_off", text)]
        return []

    @property
    def path(self) -> str | None:
        """Path of the WebSocket; `None` for TCP."""
        return WEBSOCKET_PATH if self.websocket else None

    @property
    def url(self) -> str:
        scheme = {(False, True): "mqtts", (False, False): "mqtt", (True, True): "wss", (True, False): "ws"}
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme[self.websocket, self.tls]}://{host}:{self.port}{self.path or ''}"


def _is_ipv6(host: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host.partition("%")[0]).version == 6
    except ValueError:
        return False


class Will(NamedTuple):
    """A last will, in the argument order of MQTT clients: `client.will_set(*last_will())`."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


def last_will(
    text: str = "Device connection was lost.", *, type: str = "c8y_ConnectionEvent", child: str | None = None
) -> Will:
    """The event (template 400) that the platform creates if the connection breaks; it also updates availability."""
    from .. import encode_row, payload_budget  # late: all else here needs only the errors and limits of the codec

    topic = topics.us(child)
    return Will(topic, encode_row(("400", type, text), limit=payload_budget(topic, qos=1)))


def username(tenant: str, user: str) -> str:
    """The MQTT user name: `<tenantID>/<username>`. Raises `SmartRestError` (`bad_identifier`)."""
    check_string(tenant, "tenant ID")
    check_string(user, "user name")
    if "/" in tenant:
        raise refuse(tenant, "tenant ID", "holds '/'")
    return check_string(f"{tenant}/{user}", "user name")


def check_password(password: str) -> str:
    """`password` if MQTT can carry it, else raises `SmartRestError` (`bad_identifier`), which never quotes it."""
    if not isinstance(password, str):
        raise TypeError(f"password must be a str, not {type(password).__name__}")
    try:
        size = len(password.encode())
    except UnicodeEncodeError:
        raise SmartRestError("the password holds a lone surrogate", "bad_identifier") from None
    if "\0" in password:
        raise SmartRestError("the password holds U+0000, which servers refuse", "bad_identifier")
    if size > STRING_LIMIT:
        raise SmartRestError(f"the password is {size} bytes long; MQTT allows {STRING_LIMIT}", "bad_identifier")
    return password


def check_connect(
    client_id: ClientId | str, *, clean_session: bool = True, protocol: str = "3.1.1", mqtt_service: bool = False
) -> list[Finding]:
    """Doubts about how a client connects: session, protocol version, ClientId."""
    identity = ClientId.parse(client_id) if isinstance(client_id, str) else client_id
    found = _check_service_id(str(identity)) if mqtt_service else identity.check(protocol=protocol)
    if not clean_session:
        found.append(Finding("clean_session", "clean session must be 1: the platform does not keep sessions reliably"))
    if protocol not in PROTOCOLS and not mqtt_service:
        found.append(Finding("bad_protocol", f"the platform refuses MQTT {protocol}; use {' or '.join(PROTOCOLS)}"))
    return found


def _check_service_id(client_id: str) -> list[Finding]:
    found = []
    if len(client_id) > SERVICE_ID_LIMIT:
        text = f"the MQTT Service allows {SERVICE_ID_LIMIT} characters, this ClientId has {len(client_id)}"
        found.append(Finding("client_id_too_long", text))
    if ":" in client_id:
        text = "the MQTT Service takes the ClientId as it is, without connection type and X-ID: leave out the colons"
        found.append(Finding("client_id_parts", text))
    elif not (client_id.isascii() and client_id.replace("_", "").replace("-", "").isalnum()):
        found.append(Finding("client_id_characters", "the MQTT Service documents letters and digits for a ClientId"))
    return found


_JSON_DOWN = (topics.JSON_ERRORS, topics.JSON_OPERATIONS)


def check_publish(
    topic: str, *, qos: int = 1, retain: bool = False, prefix: str | None = None, mqtt_service: bool = False
) -> list[Finding]:
    """Doubts about a publish: topic and mode, QoS, retain. `prefix`: as in `topics.parse`."""
    found = _check_qos(qos)
    parsed = topics.parse(topic, prefix=prefix)
    if mqtt_service:
        found += _check_service_topic(topic)
        if retain:
            found.append(Finding("retain", "the MQTT Service closes the connection of a client that sets retain"))
        return found
    if parsed.kind is None:
        found.append(Finding("unknown_topic", "not a topic of SmartREST or JSON via MQTT"))
    elif parsed.direction == "down" or topics.without_prefix(topic, prefix) in _JSON_DOWN:
        found.append(Finding("not_for_publishing", "this topic is for subscribing"))
    if parsed.mode in ("q", "c"):
        found.append(Finding("mode", f"mode {parsed.mode} works for measurements and events only"))
    if retain:
        found.append(Finding("retain", "the platform ignores the retain flag"))
    if qos == 0 and parsed.kind is not None:
        found.append(Finding("qos_0", "QoS 0 is not acknowledged: a broken connection loses messages"))
    return found


def _check_service_topic(topic: str) -> list[Finding]:
    if topic.startswith("$"):
        text = f"the MQTT Service keeps topics that begin with '$' to itself, except {topics.SERVICE_ERRORS}"
        return [Finding("system_topic", text)]
    if topics.parse(topic).kind is not None:
        text = "a topic of SmartREST or JSON via MQTT, which the MQTT Service reserves: support for it is a preview"
        return [Finding("reserved_topic", text)]
    return []


def check_subscribe(
    topic: str, *, qos: int = 1, prefix: str | None = None, mqtt_service: bool = False
) -> list[Finding]:
    """Doubts about a subscription: topic and QoS. The platform sends operations at the QoS of the subscription."""
    found = _check_qos(qos)
    if mqtt_service and topic != topics.SERVICE_ERRORS:
        found += _check_service_topic(topic)
        if any(character in topic for character in WILDCARDS):
            found.append(Finding("wildcard", "releases of the MQTT Service before 2026 refuse wildcards"))
    if mqtt_service:
        return found
    try:
        topics.check_filter(topic, prefix=prefix)
    except SmartRestError as error:
        found.append(Finding("not_for_subscribing", str(error)))
        return found
    parsed = topics.parse(topic, prefix=prefix)
    if parsed.kind is None:
        found.append(Finding("unknown_topic", "not a topic of SmartREST or JSON via MQTT"))
    if parsed.is_error:
        found.append(Finding("debug_only", "error rows are verbose, not a response channel: subscribe only to debug"))
    if qos == 0 and parsed.kind in ("ds", "dc", "dd", "ol"):
        found.append(Finding("qos_0", "an operation lost at QoS 0 does not arrive until the next 500"))
    return found


def _check_qos(qos: int) -> list[Finding]:
    if qos not in (0, 1, 2):
        raise ValueError(f"QoS must be 0, 1 or 2, not {qos!r}")
    if qos == 2:
        return [Finding("qos_2", "QoS 2 is unreliable here, and the MQTT Service does not support it: use 1")]
    return []
