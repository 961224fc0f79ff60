"""A session on the MQTT Service: topics and payloads of your own, none of SmartREST.

Whatever the service is known to refuse is refused here, before anything is sent. Source: MQTT Service, sections
"Connecting MQTT devices" and "MQTT protocol features".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import SmartRestError
from ..mqtt import ClientId, Endpoint, Will, check_connect, check_publish, check_subscribe
from .events import Event
from .opening import Step
from .session import Session
from .settings import Child

if TYPE_CHECKING:
    import ssl

    from .. import Finding, RowLike
    from ..certificates import Identity

_FATAL = ("client_id_too_long", "client_id_parts", "system_topic", "reserved_topic", "qos_2", "retain")
_SMARTREST = "the MQTT Service carries no SmartREST: {}. Devices that speak it connect without service=True, on 8883"
_OPTIONS = ("children", "name", "prefix", "x_ids", "optional", "token", "debug", "restarted", "finished", "operations")
_BOOTSTRAP = ("bootstrap", "rebootstrap")
_OF_SMARTREST = "it belongs to SmartREST"


def _refused(option: str, why: str) -> ValueError:
    return ValueError(f"the MQTT Service does not take the option {option}: {why}")


def _refuse(findings: Iterable[Finding]) -> None:
    for finding in findings:
        if finding.reason in _FATAL:
            raise SmartRestError(finding.text, "bad_identifier" if "client_id" in finding.reason else "bad_topic")


def check_service(
    endpoint: Endpoint,
    client_id: ClientId,
    identity: Identity | None,
    *,
    tenant: str | None,
    password: bool,
    tls: bool | ssl.SSLContext,
    last_will: Will | None,
    collections: bool,
) -> None:
    """Raise `ValueError` for a connection that the MQTT Service refuses. `password`: there are credentials;
    `collections`: there are some.
    """
    if not endpoint.service:
        if tenant is not None:
            raise ValueError("tenant is for the MQTT Service: pass Endpoint(host, service=True) as host")
        return
    _refuse(check_connect(client_id, mqtt_service=True))
    if last_will is not None:
        topic, _, qos, retain = last_will
        _refuse(check_publish(topic, qos=qos, retain=retain, mqtt_service=True))
    if collections:
        raise _refused("collections", _OF_SMARTREST)
    certified = identity is not None or not isinstance(tls, bool)
    if tenant is not None and (password or not certified):
        raise ValueError(
            "tenant is the user name of a device with a certificate; credentials name the tenant themselves"
        )
    if not password and not certified:
        raise ValueError("the MQTT Service needs a login: pass credentials, or identity and tenant")
    if identity is not None and identity.device_id != str(client_id):
        text = f"the MQTT Service wants the common name as ClientId: {identity.device_id!r}, not {str(client_id)!r}"
        raise SmartRestError(text, "bad_identifier")


class ServiceSession(Session):
    """Connects, keeps the subscriptions of the program and publishes its payloads. `tenant`: the user name of a device
    with a certificate. Takes the other options of `Session`, without those of SmartREST.
    """

    smartrest = False

    def __init__(self, client_id: ClientId | str, *, tenant: str | None = None, **options: Any) -> None:
        for name in (*_OPTIONS, *_BOOTSTRAP):
            if options.get(name):
                raise _refused(name, "get credentials over port 8883" if name in _BOOTSTRAP else _OF_SMARTREST)
        self.tenant = tenant
        options["required"] = list(options.get("required", ()))
        for topic in options["required"]:
            _refuse(check_subscribe(topic, mqtt_service=True))
        super().__init__(client_id, **options)

    def send(self, *rows: RowLike, **options: Any) -> NoReturn:
        raise SmartRestError(_SMARTREST.format("use publish(topic, payload)"), "bad_topic")

    def add_child(self, child: Child | str, *, now: float | None = None) -> NoReturn:
        raise SmartRestError(_SMARTREST.format("it has no children"), "bad_topic")

    def publish(
        self, topic: str, payload: bytes, *, now: float | None = None, room: Callable[[int], None] | None = None
    ) -> list[Event]:
        _refuse(check_publish(topic, mqtt_service=True))
        return super().publish(topic, payload, now=now, room=room)

    def subscribe(self, topic: str, *, now: float | None = None) -> list[Event]:
        _refuse(check_subscribe(topic, mqtt_service=True))
        return super().subscribe(topic, now=now)

    def _registration(self) -> list[Step]:
        return []
