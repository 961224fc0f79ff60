"""A session and a server that hangs up on some of its rows, over successive connections."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support_session import SimulatedPlatform, online

from smartrest import decode
from smartrest.device import Dropped, Event, Operation, OperationReceived, Publish, Session, Subscribe

POISON = "poison"


def offline() -> Session:
    session = online(acknowledgements=True)
    session.outgoing()
    session.disconnected(1.0)
    return session


class Life:
    """Connections to a platform whose server hangs up on rows for which `hangs_up` is true."""

    def __init__(
        self, session: Session, hangs_up: Callable[[str, tuple[str, ...]], bool], result: str = "done"
    ) -> None:
        self.session = session
        self.hangs_up = hangs_up
        self.result = result
        self.platform = SimulatedPlatform()
        self.breaks_after: int | None = None  # acknowledgements of any payload
        self.arrived: list[tuple[str, bytes]] = []
        self.events: list[Event] = []
        self._left: int | None = None
        self.now = 100.0

    def live(self, most: int = 40) -> int:
        """Connect until a connection lasts and nothing is left to do. Returns the number of connections."""
        for count in range(1, most):
            if self.connects():
                return count
            self.now = max(self.now, self.session.due() or 0.0)
        pytest.fail(f"the server hung up on {most} connections")

    def cut(self) -> None:
        self._note(self.session.disconnected(self.now))
        self.now = max(self.now, self.session.due() or 0.0)

    def create(self, *rows: tuple[str, ...]) -> None:
        self.platform.create(*rows)

    @property
    def dropped(self) -> list[tuple[str, ...]]:
        found = [event for event in self.events if isinstance(event, Dropped)]
        assert {event.reason for event in found} <= {"hang_up"}
        return [row for event in found for row in decode(event.payload)]

    @property
    def handled(self) -> list[tuple[str, ...]]:
        return [event.operation.row for event in self.events if isinstance(event, OperationReceived)]

    @property
    def states(self) -> list[tuple[str, list[str]]]:
        return [(operation.status, operation.result) for operation in self.platform.operations]

    def connects(self) -> bool:
        """Returns whether the connection lasts."""
        session = self.session
        self.platform.deliver = lambda topic, payload: self.arrived.append((topic, payload))
        self.arrived.clear()
        self._left = self.breaks_after
        self._note(session.tick(self.now))
        session.outgoing()
        self._note(session.connected(0, self.now))
        return self.drive()

    def drive(self) -> bool:
        session = self.session
        while True:
            actions = session.outgoing()
            for action in actions:
                if isinstance(action, Subscribe):
                    self._note(session.subscribed(action.topic, 1, self.now))
                elif isinstance(action, Publish):
                    rows = decode(action.payload) or [("",)]
                    if self._left == 0 or any(self.hangs_up(action.topic, row) for row in rows):
                        self._note(session.disconnected(self.now))
                        self.platform.deliver = lambda topic, payload: None
                        return False
                    self.platform.receive("dev", action.topic, action.payload)
                    self._left = None if self._left is None else self._left - 1
                    self._note(session.acknowledged(action.id, self.now))
            arrived = bool(self.arrived)
            while self.arrived:
                self._note(session.received(*self.arrived.pop(0), self.now))
            if not actions and not arrived:
                due = session.due()
                if due is None or due > self.now + 10:
                    return True
                self.now = max(self.now, due)
                self._note(session.tick(self.now))

    def _note(self, events: list[Event]) -> None:
        self.events += events
        for event in events:
            if isinstance(event, OperationReceived):
                self._note(self.answer(event.operation))

    def answer(self, operation: Operation) -> list[Event]:
        return self.session.succeed(operation, self.result, now=self.now)


def holds_poison(topic: str, row: tuple[str, ...]) -> bool:
    return any(POISON in field for field in row)
