"""The subscriptions of a session: topics it needs, topics it would like, and the server's answers."""

from __future__ import annotations

from collections.abc import Iterable

from ..mqtt import topics

REFUSED = 0x80  # SUBACK


class Subscriptions:
    """`required`: without these the device is not online. A refusal of another topic is only reported."""

    def __init__(self, required: Iterable[str], optional: Iterable[str]) -> None:
        self._required = list(dict.fromkeys(required))
        self._optional = list(optional)
        self.watched: set[str] = set()  # topics whose payloads the program wants as they are
        self.answers: dict[str, int | None] = {}  # `None`: on its way

    def watch(self, topic: str) -> bool:
        """The program wants the payloads of this topic as they are. Returns whether it has to be subscribed to."""
        self.watched.add(topics.check_filter(topic))
        if topic in self._required or topic in self._optional:
            return False
        self._optional.append(topic)
        return True

    def missing(self) -> list[str]:
        """The topics that are not subscribed to or were refused."""
        answers = ((topic, self.answers.get(topic)) for topic in (*self._required, *self._optional))
        return [topic for topic, answer in answers if answer is None or answer >= REFUSED]

    def sent(self, topic: str) -> None:
        self.answers[topic] = None

    def answered(self, topic: str, code: int) -> bool:
        """SUBACK arrived. Returns whether it was awaited."""
        if topic not in self.answers:
            return False
        self.answers[topic] = code
        return True

    def forget(self) -> None:
        """The connection has ended."""
        self.answers.clear()

    @property
    def complete(self) -> bool:
        """Whether all answers are there."""
        return None not in self.answers.values()

    @property
    def refused(self) -> dict[str, int]:
        """The refused topics with their codes."""
        return {topic: code for topic, code in self.answers.items() if code is not None and code >= REFUSED}

    @property
    def blocked(self) -> bool:
        """Whether a topic that is needed was refused."""
        return any(topic in self.refused for topic in self._required)
