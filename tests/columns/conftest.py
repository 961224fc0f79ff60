"""`columns` runs a test on the pure engine for tables and on each kernel of the compiled one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import support
from support_columns import open_columns, using


@pytest.fixture(scope="session", params=support.VARIANTS, ids=str)
def columns(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Each engine for tables in turn, and the one that `smartrest.arrow` uses."""
    opened = open_columns(request.param)
    assert opened.engine() == request.param, "not the requested engine"
    with using(opened):
        yield opened
