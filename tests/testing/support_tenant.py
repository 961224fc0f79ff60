"""A tenant of the stand-in platform without a network, and what it sends."""

from __future__ import annotations

import pytest

from smartrest import decode
from smartrest.testing.platform.clients import Client, Credentials, Options
from smartrest.testing.platform.tenant import Tenant


class Outside:
    """Collects a tenant's replies and credentials."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes]] = []
        self.credentials: list[Credentials] = []

    def deliver(self, client: Client, topic: str, payload: bytes) -> None:
        self.sent.append((client.client_id, topic, payload))

    def issued(self, credentials: Credentials) -> None:
        self.credentials.append(credentials)

    @property
    def rows(self) -> list[tuple[str, list[tuple[str, ...]]]]:
        return [(topic, decode(payload)) for _, topic, payload in self.sent]


@pytest.fixture
def outside() -> Outside:
    return Outside()


@pytest.fixture
def tenant(outside: Outside) -> Tenant:
    return Tenant(Options(tokens="all"), outside)
