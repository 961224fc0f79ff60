"""The CA of these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from smartrest.certificates import CA


@pytest.fixture(scope="session")
def ca() -> CA:
    from certificates.makers import ec_key

    from smartrest.certificates import CA

    return CA.create("Acme CA", key=ec_key(1))
