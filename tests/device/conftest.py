"""Tests on the wire: a real broker, a real client. The fixture is the one that users get with the package."""

from __future__ import annotations

from pytest_smartrest import pytest_configure, smartrest_platform

__all__ = ["pytest_configure", "smartrest_platform"]
