"""The platform's MQTT rules: ClientId, topics, CONNACK codes, endpoints, last will, advice. No client, no socket.

Only `topics` spells topics. The codec does not need this package.
"""

from __future__ import annotations

from . import topics
from .client_id import ClientId
from .connection import (
    BOOTSTRAP_USERNAME,
    Backoff,
    ConnackCode,
    Endpoint,
    Will,
    check_connect,
    check_password,
    check_publish,
    check_subscribe,
    last_will,
    username,
)
from .topics import Topic

__all__ = [
    "BOOTSTRAP_USERNAME",
    "Backoff",
    "ClientId",
    "ConnackCode",
    "Endpoint",
    "Topic",
    "Will",
    "check_connect",
    "check_password",
    "check_publish",
    "check_subscribe",
    "last_will",
    "topics",
    "username",
]
