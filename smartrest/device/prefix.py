"""The prefix that a gateway's broker puts before every topic: added to what goes out, removed from what comes in."""

from __future__ import annotations

from dataclasses import replace

from .. import payload_budget
from ..mqtt import topics
from .events import Action, Publish, Subscribe

ROOMS = 10_000  # topics whose room is remembered


class Prefix:
    """A prefix, or none (`text` is `None`). The rest of the session knows the platform's topics only."""

    __slots__ = ("_packet_limit", "_rooms", "text")

    def __init__(self, text: str | None, packet_limit: int) -> None:
        self.text = None if text is None else topics.check_prefix(text)
        self._packet_limit = packet_limit
        self._rooms: dict[str, int] = {}

    def inside(self, topic: str) -> str | None:
        """The platform's name of a topic of the broker; `None` for a topic of the broker's own."""
        return topics.without_prefix(topic, self.text)

    def outside(self, actions: list[Action]) -> list[Action]:
        """The actions with the broker's topics."""
        if self.text is None:
            return actions
        return [
            replace(action, topic=topics.with_prefix(action.topic, self.text))
            if isinstance(action, (Publish, Subscribe))
            else action
            for action in actions
        ]

    def room(self, topic: str) -> int:
        """The bytes of a payload that fit on `topic` with its prefix, at QoS 1."""
        room = self._rooms.get(topic)
        if room is None:
            if len(self._rooms) >= ROOMS:
                self._rooms.clear()
            room = payload_budget(topic, qos=1, packet_limit=self._packet_limit)  # refuses topics not for devices
            if self.text is not None:
                room = payload_budget(topics.with_prefix(topic, self.text), qos=1, packet_limit=self._packet_limit)
            self._rooms[topic] = room
        return room
