"""Real parts for tests of devices: a broker, a stand-in for the platform behind it, and faults on the wire."""

from __future__ import annotations

from .broker import Broker, BrokerError

__all__ = ["Broker", "BrokerError"]
