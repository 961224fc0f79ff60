"""The pytest plugin of `smartrest`: the fixture `smartrest_platform`.

It is outside the package and imports it only when a test uses the fixture: other test runs pay nothing, and coverage
measures the package from its first line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smartrest.testing import Platform

MARKER = "smartrest_platform(**options): arguments of smartrest.testing.Platform for the fixture of the same name"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def smartrest_platform(request: pytest.FixtureRequest) -> Iterator[Platform]:
    """A running stand-in for the platform, fresh for each test, with mosquitto if installed, else amqtt.

    Options by marker: `@pytest.mark.smartrest_platform(broker="amqtt", tokens="all")`. If the test fails, the report
    shows the state of the platform and the broker's log.
    """
    from smartrest.testing import Platform

    options: dict[str, object] = {}
    for marker in request.node.iter_markers("smartrest_platform"):
        options = {**marker.kwargs, **options}
    with Platform(**options) as platform:  # type: ignore[arg-type]  # checked by Platform
        yield platform
        print(platform)  # pytest shows it only if the test failed
        if platform.broker is not None:
            print(platform.broker.log[-4000:])
