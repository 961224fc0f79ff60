"""The inventory of the stand-in platform: devices, children and services with measurements, events and alarms.

Plain objects in memory, for tests to inspect. `effects.py` changes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from smartrest._visible import visible

from .history import History
from .operations import Operation

__all__ = ["Alarm", "Event", "Inventory", "ManagedObject", "Measurement"]

FIRST_ID = 1001  # internal IDs are numbers as text, as the platform's


@dataclass
class Measurement:
    """`series` maps (fragment, series) to (value, unit)."""

    type: str
    time: datetime
    series: dict[tuple[str, str], tuple[float, str | None]]

    def __str__(self) -> str:
        values = (f"{f}.{s}={value:g}{unit or ''}" for (f, s), (value, unit) in self.series.items())
        return f"{self.type} " + " ".join(values)


@dataclass
class Event:
    type: str
    text: str
    time: datetime
    fragments: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.type} {self.text!r}"


@dataclass
class Alarm:
    """`count` is how often the alarm was raised before it was cleared; after that a new alarm begins."""

    type: str
    text: str
    severity: str
    time: datetime
    status: str = "ACTIVE"
    count: int = 1
    fragments: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        again = f" x{self.count}" if self.count > 1 else ""
        return f"{self.severity} {self.status} {self.type} {self.text!r}{again}"


@dataclass(eq=False)
class ManagedObject:
    """A device, a child device or a service. `fragments` holds the data of rows 102 to 150, by the platform's names."""

    id: str
    external_id: str
    name: str
    type: str
    kind: str = "device"  # or "service"
    parent: ManagedObject | None = None
    children: list[ManagedObject] = field(default_factory=list)
    fragments: dict[str, Any] = field(default_factory=dict)
    measurements: list[Measurement] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    last_message: datetime | None = None

    @property
    def root(self) -> ManagedObject:
        return self if self.parent is None else self.parent.root

    @property
    def services(self) -> list[ManagedObject]:
        return [child for child in self.children if child.kind == "service"]

    @property
    def devices(self) -> list[ManagedObject]:
        """The child devices, without the services."""
        return [child for child in self.children if child.kind != "service"]

    def family(self) -> Iterator[ManagedObject]:
        """This object and everything below it."""
        yield self
        for child in self.children:
            yield from child.family()

    def open_alarm(self, type_: str) -> Alarm | None:
        """The uncleared alarm of this type: ACTIVE before ACKNOWLEDGED."""
        for status in ("ACTIVE", "ACKNOWLEDGED"):
            for alarm in self.alarms:
                if alarm.type == type_ and alarm.status == status:
                    return alarm
        return None

    def __repr__(self) -> str:
        return f"<{self.kind} {self.external_id} {self.name!r}>"

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self, indent: str = "") -> Iterator[str]:
        """A readable picture, one fact a line, safe to print; of long lists the last three."""
        yield from map(visible, self._lines(indent))
        for child in self.children:
            yield from child.lines(indent + "  ")

    def _lines(self, indent: str) -> Iterator[str]:
        yield f"{indent}{self.kind} {self.external_id} {self.name!r} ({self.type}, id {self.id})"
        inner = indent + "  "
        for name, value in self.fragments.items():
            yield f"{inner}{name}: {value}"
        lists: tuple[tuple[str, list[Any]], ...] = (
            ("measurements", self.measurements),
            ("events", self.events),
            ("alarms", self.alarms),
            ("operations", self.operations),
        )
        for title, items in lists:
            if items:
                yield f"{inner}{len(items)} {title if len(items) > 1 else title[:-1]}"
                if len(items) > 3:
                    yield f"{inner}  ..."
                for item in items[-3:]:
                    yield f"{inner}  {item}"


class Inventory(Mapping[str, ManagedObject]):
    """All objects by external ID: devices, children and services."""

    def __init__(self, history: int | None = None) -> None:
        """`history`: how many measurements, events, cleared alarms and finished operations each object keeps."""
        self._objects: dict[str, ManagedObject] = {}
        self._history = history

    def __getitem__(self, external_id: str) -> ManagedObject:
        return self._objects[external_id]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._objects))

    def __len__(self) -> int:
        return len(self._objects)

    @property
    def roots(self) -> list[ManagedObject]:
        """The devices with a connection of their own."""
        return [thing for thing in self._objects.values() if thing.parent is None]

    def create(
        self, external_id: str, name: str, type_: str, parent: ManagedObject | None = None, kind: str = "device"
    ) -> ManagedObject:
        thing = ManagedObject(
            str(FIRST_ID + len(self._objects)),
            external_id,
            name,
            type_,
            kind,
            parent,
            measurements=History(self._history),
            events=History(self._history),
            alarms=History(self._history, lambda alarm: alarm.status == "CLEARED"),
            operations=History(self._history, lambda operation: operation.done),
        )
        self._objects[external_id] = thing
        if parent is not None:
            parent.children.append(thing)
        return thing

    def __str__(self) -> str:
        return "\n".join(str(thing) for thing in self.roots)


def now() -> datetime:
    return datetime.now(timezone.utc)
