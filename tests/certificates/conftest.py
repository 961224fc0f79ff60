"""The CA and the servers of these tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from smartrest.certificates import CA
    from smartrest.testing import EnrolmentServer


@pytest.fixture(scope="session")
def ca() -> CA:
    from certificates.makers import ec_key

    from smartrest.certificates import CA

    return CA.create("Acme CA", key=ec_key(1))


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Certificate, key and CA of a server, whose CA is another one."""
    from certificates.makers import server_files

    return server_files(tmp_path_factory.mktemp("server"))


@pytest.fixture
def est(ca: CA, files: dict[str, Path]) -> Iterator[EnrolmentServer]:
    from smartrest.testing import EnrolmentServer, Platform

    platform = Platform(port=1)  # gives out tokens; its broker is not needed here
    with EnrolmentServer(ca, certfile=files["certfile"], keyfile=files["keyfile"], platform=platform) as running:
        yield running


@pytest.fixture
def mqtt(files: dict[str, Path], ca: CA, tmp_path: Path) -> Iterator[int]:
    """The port where a new certificate is tried."""
    from certificates.makers import pem
    from certificates.support_servers import serving

    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(pem(ca.certificate))
    with serving(files, trusted) as port:
        yield port
