"""The rows that open a connection: 100 and 101, then 503 and 507 for an earlier run, 500 and the token request.

All are sent at once. After a connection that died on some of them each payload goes alone, to find the row that the
server hangs up on. That row is given up after `limits.hang_ups` connections, so that the rest flows.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from .. import encode_row
from .._constants import ROW_END
from ..mqtt import topics
from .settings import Child, row_101

_JOINT = ROW_END.encode()
REGISTRATION = "registration"
_BAD_KIND = 2  # rows of a kind given up, with none taken, after which all others of the kind are


class Step(NamedTuple):
    """A row to be acknowledged, or the empty payload that asks for a token."""

    purpose: str  # REGISTRATION, "left over", "ask" or "token"
    topic: str
    row: bytes
    lane: tuple[str, ...] = ()  # of a row left over: what claims nothing before, (device, fragment) or (device,)

    @property
    def kind(self) -> tuple[str, bytes]:
        """The purpose and the template ID."""
        return self.purpose, self.row[:3]


ASK = Step("ask", topics.us(), encode_row(("500",)))
TOKEN = Step("token", topics.uat(), b"")


class Opening:
    """`most`: connections in a row that die on a row before it is given up; `budget(topic)`: bytes in a payload."""

    def __init__(self, most: int, budget: Callable[[str], int]) -> None:
        self.given_up: dict[Step, None] = {}
        self._most = most
        self._split = max(most - 1, 1)  # deaths after which a row goes alone
        self._budget = budget
        self._deaths: dict[Step, int] = {}  # connections in a row that died with this row in flight
        self._apart: set[Step] = set()  # their payload died, so each goes alone
        self._bad: Counter[tuple[str, bytes]] = Counter()  # kind -> rows given up
        self._good: set[tuple[str, bytes]] = set()  # kinds of rows acknowledged since a connection died on some row
        self._waiting: deque[list[Step]] = deque()
        self._in_flight: dict[int, list[Step]] = {}
        self._registered: set[Step] = set()  # acknowledged, until all are: a broken connection costs no progress
        self._pending: Counter[str] = Counter()  # purpose -> payloads waiting or in flight
        self._careful = False  # one payload at a time

    def __bool__(self) -> bool:
        """Whether anything waits or is in flight."""
        return bool(self._waiting or self._in_flight)

    @property
    def exclusive(self) -> bool:
        """Whether nothing else may be sent, so that a connection that dies tells which row is at fault."""
        return self._careful and bool(self)

    def holds(self, purpose: str) -> bool:
        """Whether a row of this purpose waits or is in flight."""
        return self._pending[purpose] > 0

    @property
    def barred(self) -> set[tuple[str, ...]]:
        """Devices and lanes of which an operation of an earlier run may still be EXECUTING."""
        return {step.lane for step in self.given_up if step.lane}

    def begin(self, steps: Iterable[Step]) -> None:
        """Queue rows, except those given up. Within each kind, rows that connections died with go last."""
        steps = [step for step in steps if step not in self.given_up and step not in self._registered]
        kinds = {kind: place for place, kind in enumerate(dict.fromkeys(step.kind for step in steps))}
        steps.sort(key=lambda step: (kinds[step.kind], self._is_suspect(step)))
        self._careful = any(step in self._deaths for step in steps)
        left = 0
        for step in steps:
            left -= len(step.row) + len(_JOINT)
            last = self._waiting[-1][-1] if self._waiting else None
            apart = last is None or step[:2] != last[:2] or self._is_suspect(step) or self._is_suspect(last)
            if apart or left < 0:
                self._waiting.append([step])
                self._pending[step.purpose] += 1
                left = self._budget(step.topic) - len(step.row)
            else:
                self._waiting[-1].append(step)

    def next(self, *, idle: bool) -> Step | None:
        """The next payload, if it may be sent, its rows joined; call `sent` next. `idle`: nothing is in flight."""
        if not self._waiting or (self._careful and not idle):
            return None
        payload = self._waiting[0]
        return payload[0]._replace(row=_JOINT.join(step.row for step in payload))

    def sent(self, id: int) -> None:
        self._in_flight[id] = self._waiting.popleft()

    def acknowledged(self, id: int) -> list[Step]:
        """Returns the rows of that payload."""
        payload = self._in_flight.pop(id, [])
        for step in payload:
            self._deaths.pop(step, None)
            self._apart.discard(step)
            self._good.add(step.kind)
        if payload:
            purpose = payload[0].purpose
            self._pending[purpose] -= 1
            if purpose == REGISTRATION:
                self._registered.update(payload)
                if not self._pending[purpose]:
                    self._registered.clear()
        return payload

    def died(self, *, alone: bool) -> list[Step]:
        """The connection died; `alone`: with one payload in flight. Returns the rows given up."""
        if not self._deaths:
            self._good.clear()
            self._bad.clear()
        flying = [step for payload in self._in_flight.values() for step in payload]
        for step in flying:
            before = self._deaths.get(step, 0)
            self._deaths[step] = before + (alone or not before)
        dropped: list[Step] = []
        if alone and len(flying) > 1 and self._is_suspect(flying[0]):
            self._apart.update(flying)
            self._deaths.update(dict.fromkeys(flying, 1))
        elif alone and flying and self._deaths[flying[0]] >= self._most:
            dropped = self._give_up(flying[0])
        self.forget()
        return dropped

    def _give_up(self, step: Step) -> list[Step]:
        self._deaths[step] = self._split  # tried again, one death is enough
        self._bad[step.kind] += 1
        dropped = [step]
        if step.kind not in self._good and self._bad[step.kind] >= _BAD_KIND:
            dropped += [other for payload in self._waiting for other in payload if other.kind == step.kind]
        self.given_up.update(dict.fromkeys(dropped))
        return dropped

    def forget(self) -> None:
        """The connection has ended."""
        self._waiting.clear()
        self._in_flight.clear()
        self._pending.clear()

    def try_again(self) -> None:
        """Send rows that were given up once more."""
        self.given_up.clear()
        self._registered.clear()

    def _is_suspect(self, step: Step) -> bool:
        return step in self._apart or self._deaths.get(step, 0) >= self._split


def registration(name: str, type: str, children: Iterable[Child], budget: Callable[[str], int]) -> list[Step]:
    """Steps 1 and 2; a parent comes before its children. Raises `SmartRestError` for what cannot be sent."""
    rows: dict[str, list[tuple[str, ...]]] = {topics.us(): [("100", name, type)]}
    for child in children:
        rows.setdefault(topics.us(child.parent), []).append(row_101(child))
    return [
        Step(REGISTRATION, topic, encode_row(row, limit=budget(topic)))
        for topic, found in rows.items()
        for row in found
    ]


class LeftOver:
    """Rule 6: what to send for the operations that an earlier run left EXECUTING.

    503 for the fragments in `finished`, then 507 with `text` for the device and its children. None of these rows is
    sent again once it was acknowledged, since it would then meet an operation started since.
    """

    def __init__(self, device: str, finished: Iterable[str], text: str | None, budget: Callable[[str], int]) -> None:
        self._device = device
        self._text = text
        self._budget = budget
        self._steps = dict.fromkeys(self._step(None, (device, each), "503", each) for each in finished)
        self._started = text is None
        self._fail(None)  # a text that cannot be sent must fail now

    def steps(self, children: Iterable[str]) -> list[Step]:
        """What is left. `children` count when this is first called."""
        if not self._started:
            self._started = True
            self._steps.update(dict.fromkeys(self._fail(child) for child in (None, *children)))
        return list(self._steps)

    def acknowledged(self, step: Step) -> list[Step]:
        """Returns what is done: the row, and with the device's 507 also each 503 that it overrides."""
        done = [step]
        if step.lane == (self._device,):
            done += [other for other in self._steps if len(other.lane) > 1]
        for each in done:
            self._steps.pop(each, None)
        return done

    def _fail(self, child: str | None) -> Step:
        return self._step(child, (child or self._device,), "507", "", self._text or "")

    def _step(self, child: str | None, lane: tuple[str, ...], *row: str) -> Step:
        topic = topics.us(child)
        return Step("left over", topic, encode_row(row, limit=self._budget(topic)), lane)
