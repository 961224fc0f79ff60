"""Fixtures of the unit tests."""

from __future__ import annotations

import pytest
from support_cli import CommandLine


@pytest.fixture
def command_line(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> CommandLine:
    """The command `smartrest`, run inside the test's process."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    return CommandLine(monkeypatch, capfdbinary)
