"""Real parts for tests of devices: a broker, a stand-in for the platform, and faults on the wire.

Imports are lazy: a test that needs only a broker does not load the rest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .broker import Broker, BrokerError
    from .platform.clients import Client, Credentials, Traffic
    from .platform.enrolment import EnrolmentServer
    from .platform.operations import Operation
    from .platform.platform import Platform
    from .wire import Wire

__all__ = [
    "Broker",
    "BrokerError",
    "Client",
    "Credentials",
    "EnrolmentServer",
    "Operation",
    "Platform",
    "Traffic",
    "Wire",
]

_HOMES = {
    "Broker": "broker",
    "BrokerError": "broker",
    "Client": "platform.clients",
    "Credentials": "platform.clients",
    "EnrolmentServer": "platform.enrolment",
    "Operation": "platform.operations",
    "Platform": "platform.platform",
    "Traffic": "platform.clients",
    "Wire": "wire",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
