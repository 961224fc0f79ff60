"""A device on MQTT: the sans-I/O `Session`, and `Device` (paho-mqtt) and `AsyncDevice` (aiomqtt) built on it.

The two devices are imported on first use, since each needs its MQTT library: `smartrest[device]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .base import DeviceError, Health, Statistics
from .credentials import Credentials, CredentialStore
from .events import (
    Action,
    AnswerIgnored,
    Closed,
    Connect,
    Connected,
    CredentialsNotStored,
    CredentialsReceived,
    CredentialsStored,
    Delivered,
    Disconnect,
    Dropped,
    ErrorReceived,
    Event,
    GaveUp,
    IdentityRenewed,
    Lost,
    MessageReceived,
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
    Publish,
    QueueHalfFull,
    Refused,
    RenewalFailed,
    Subscribe,
    SubscriptionRefused,
    TokenReceived,
)
from .lifecycle import TRANSITIONS, State, Transition, Trigger, diagram
from .operations import Operation, OperationTemplate
from .renewal import Renewal
from .service import ServiceSession
from .session import Session
from .settings import Child, Limits

if TYPE_CHECKING:
    from .aio import AsyncDevice
    from .paho import Device

__all__ = [
    "TRANSITIONS",
    "Action",
    "AnswerIgnored",
    "AsyncDevice",
    "Child",
    "Closed",
    "Connect",
    "Connected",
    "CredentialStore",
    "Credentials",
    "CredentialsNotStored",
    "CredentialsReceived",
    "CredentialsStored",
    "Delivered",
    "Device",
    "DeviceError",
    "Disconnect",
    "Dropped",
    "ErrorReceived",
    "Event",
    "GaveUp",
    "Health",
    "IdentityRenewed",
    "Limits",
    "Lost",
    "MessageReceived",
    "Online",
    "Operation",
    "OperationAnswered",
    "OperationReceived",
    "OperationRefused",
    "OperationRepeated",
    "OperationTemplate",
    "OperationTimedOut",
    "OperationUntold",
    "OutboxFailed",
    "OutboxSaved",
    "PayloadReceived",
    "PayloadRefused",
    "Publish",
    "QueueHalfFull",
    "Refused",
    "Renewal",
    "RenewalFailed",
    "ServiceSession",
    "Session",
    "State",
    "Statistics",
    "Subscribe",
    "SubscriptionRefused",
    "TokenReceived",
    "Transition",
    "Trigger",
    "diagram",
]

_LAZY = {"Device": "paho", "AsyncDevice": "aio"}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        module = import_module(f".{_LAZY[name]}", __name__)
    except ModuleNotFoundError as error:
        from .. import _install

        raise _install.hint(error, f"smartrest.device.{name}", "device") from None
    return getattr(module, name)
