"""Tests with a real broker and client. The platform fixture is the one in the package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_smartrest import pytest_configure, smartrest_platform

__all__ = ["kind", "make", "pki", "pytest_configure", "smartrest_platform"]


@pytest.fixture(params=["paho", "aiomqtt"])
def kind(request: pytest.FixtureRequest) -> str:
    """The MQTT library of a device."""
    return str(request.param)


@pytest.fixture
def make(kind: str) -> Iterator[Any]:
    """Makes devices that end with the test: `make(platform, "dev", …)`."""
    from support_device import Watched  # needs both client libraries

    made: list[Watched] = []

    def make(platform: Any, client_id: str = "dev", **options: Any) -> Watched:
        made.append(Watched(kind, platform.host, client_id, **{"port": platform.port, **options}))
        return made[-1]

    yield make
    for device in made:
        device.end()


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, server.pem/.key for 127.0.0.1, and device.pem/.key with common name dev1."""
    pytest.importorskip("cryptography", reason="makes the certificates")
    from support_pki import write_pki

    folder = tmp_path_factory.mktemp("pki")
    write_pki(folder)
    return folder
