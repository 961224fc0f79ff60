"""Definitions of request and response templates: from rows 10 and 11 and back, and their faults.

`PAIRS` lists the methods and APIs that the platform supports; `messages.py` derives the rows from a valid definition.
Source: SmartREST 2.0 reference, section "Template collections".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..._values import text_of
from .._faults import Fault
from .._types import PARAMETER_TYPES, Refusal
from .paths import is_list, path_error, plain_path

__all__ = [
    "APIS",
    "PAIRS",
    "RESERVED",
    "TYPES",
    "Property",
    "RequestDefinition",
    "ResponseDefinition",
    "named",
    "taken",
]

APIS = ("INVENTORY", "MEASUREMENT", "ALARM", "EVENT", "OPERATION")

# Method and API -> the columns before the custom properties, with the types of their values.
PAIRS: dict[tuple[str, str], dict[str, str]] = {
    ("GET", "INVENTORY"): {"by_id": "", "external_id_type": "STRING"},
    ("PUT", "INVENTORY"): {"by_id": "", "external_id_type": "STRING"},
    ("POST", "INVENTORY"): {"external_id_type": "STRING"},
    ("POST", "MEASUREMENT"): {"type": "STRING", "time": "DATE"},
    ("POST", "EVENT"): {"type": "STRING", "text": "STRING", "time": "DATE"},
    ("POST", "ALARM"): {
        "type": "STRING",
        "text": "STRING",
        "status": "ALARMSTATUS",
        "severity": "SEVERITY",
        "time": "DATE",
    },
    ("PUT", "ALARM"): {"type": "STRING"},
    ("PUT", "OPERATION"): {"fragment": "STRING"},
}

# Types of properties -> types of parameters; FLAG is an empty object and has no value.
TYPES = {
    "STRING": "String",
    "DATE": "Date",
    "NUMBER": "Number",
    "INTEGER": "Integer",
    "UNSIGNED": "Unsigned",
    "FLAG": "",
    "SEVERITY": "Severity",
    "ALARMSTATUS": "AlarmStatus",
    "OPERATIONSTATUS": "OperationStatus",
}


class Property(NamedTuple):
    """A value that a request sets: its JSON path, its type (a key of `TYPES`) and, for a constant, its value.

    Without a value (`None`, or the empty text) the device sends it.
    """

    path: str
    type: str = "STRING"
    value: Any = None

    @property
    def text(self) -> str:
        """The value as text for the definition. Raises EncodeError if it cannot be encoded."""
        return text_of(self.value, None, None)

    @property
    def sent(self) -> bool:
        """Whether the device sends the value."""
        return self.type != "FLAG" and not self.text


class RequestDefinition(NamedTuple):
    """Row 10, read but not checked. `values` are the columns of the pair, by name; everything is text."""

    message_id: str
    method: str
    api: str
    response: str
    values: dict[str, str]
    custom: dict[str, Property]
    title: str | None = None

    @property
    def columns(self) -> dict[str, str]:
        return PAIRS.get((self.method, self.api), {})

    def fields(self) -> tuple[str, ...]:
        """The definition as a row."""
        columns = [self.values.get(name, "") for name in self.columns]
        if self.method == "GET" and columns and not columns[-1]:
            columns.pop()
        triples = [field for known in self.custom.values() for field in (known.path, known.type, known.text)]
        return ("10", self.message_id, self.method, self.api, self.response, *columns, *triples)

    def normal(self) -> tuple[Any, ...]:
        """The definition in normal form, for comparing: defaults written out, `$.` left off."""
        response = self.response or ("true" if self.method == "GET" else "false")
        custom = [(plain_path(known.path), known.type or "STRING", known.text) for known in self.custom.values()]
        return ("10", self.message_id, self.method, self.api, response, tuple(self.values.values()), tuple(custom))

    @classmethod
    def from_fields(cls, fields: Sequence[str]) -> RequestDefinition:
        """Row 10 as received; trailing empty fields do not count."""
        cells = list(fields[1:])
        while cells and not cells[-1]:
            cells.pop()
        cells += [""] * (4 - len(cells))
        columns = PAIRS.get((cells[1], cells[2]), {})
        rest = cells[4:] + [""] * (len(columns) + 4 - len(cells))
        triples = rest[len(columns) :]
        triples += [""] * (-len(triples) % 3)
        custom = [Property(*triples[place : place + 3]) for place in range(0, len(triples), 3)]
        values = dict(zip(columns, rest, strict=False))
        return cls(cells[0], cells[1], cells[2], cells[3], values, named(custom, taken(columns)))

    def faults(self) -> Iterator[Fault]:
        """The faults of the definition, each with its field in the row."""
        yield from _id_faults(self.message_id)
        if not self.columns:
            pairs = ", ".join(map(" ".join, PAIRS))
            yield Fault("bad_method", "method", f"{self.method} {self.api}", f"one of {pairs}", 2)
            return
        if self.response not in ("", "true", "false"):
            yield Fault("bad_value", "response", self.response, "true, false or nothing", 4)
        for place, (name, type_name) in enumerate(self.columns.items(), 5):
            text = self.values.get(name, "")
            if name == "by_id":
                if text not in ("true", "false"):
                    yield Fault("bad_value" if text else "missing", "by_id", text or None, "true or false", place)
            elif text:
                yield from value_faults(name, type_name, text, place)
        place = 5 + len(self.columns)
        if self.method == "GET" and self.custom:
            yield Fault("bad_row", next(iter(self.custom)), "custom properties", "none: a GET sets nothing", place)
            return
        paths: set[str] = set()
        for name, known in self.custom.items():
            yield from self._property_faults(name, known, place)
            path = plain_path(known.path)
            if path in paths:
                yield Fault("duplicate_path", name, known.path, "a path of its own", place)
            paths.add(path)
            place += 3

    def _property_faults(self, name: str, known: Property, place: int) -> Iterator[Fault]:
        at = path_error(known.path)
        if at is not None or is_list(known.path) or plain_path(known.path) == "$":
            where = "" if at is None else f" (invalid from character {at})"
            yield Fault("bad_path", name, known.path, f"a JSON path to one value{where}", place)
        if known.type and known.type not in TYPES:
            yield Fault("unknown_type", name, known.type, f"one of {', '.join(TYPES)}", place + 1)
        elif known.text:
            yield from value_faults(name, known.type or "STRING", known.text, place + 2)


class ResponseDefinition(NamedTuple):
    """Row 11, read but not checked: `patterns` are JSON paths by name."""

    message_id: str
    base: str
    condition: str
    patterns: dict[str, str]
    title: str | None = None
    operation: bool | None = None

    def fields(self) -> tuple[str, ...]:
        """The definition as a row."""
        return ("11", self.message_id, self.base, self.condition, *self.patterns.values())

    def normal(self) -> tuple[Any, ...]:
        """The definition in normal form, for comparing."""
        patterns = tuple(map(plain_path, self.patterns.values()))
        return ("11", self.message_id, plain_path(self.base), plain_path(self.condition), patterns)

    @classmethod
    def from_fields(cls, fields: Sequence[str]) -> ResponseDefinition:
        """Row 11 as received; trailing empty fields do not count."""
        cells = list(fields[1:])
        while cells and not cells[-1]:
            cells.pop()
        cells += [""] * (3 - len(cells))
        patterns = named([Property(path) for path in cells[3:]], RESERVED)
        return cls(cells[0], cells[1], cells[2], {name: known.path for name, known in patterns.items()})

    def faults(self) -> Iterator[Fault]:
        """The faults of the definition, each with its field in the row."""
        yield from _id_faults(self.message_id)
        for place, name, path in ((2, "base", self.base), (3, "condition", self.condition)):
            if path and (at := path_error(path)) is not None:
                yield Fault("bad_path", name, path, f"a JSON path (invalid from character {at})", place)
        for place, (name, path) in enumerate(self.patterns.items(), 4):
            if (at := path_error(path)) is not None:
                yield Fault("bad_path", name, path, f"a JSON path (invalid from character {at})", place)
        if not self.patterns:
            yield Fault("missing", "patterns", None, "at least one JSON path", 4)


RESERVED = ("device_id", "line_number")  # names of the value before those of the patterns


def value_faults(name: str, type_name: str, text: str, place: int) -> Iterator[Fault]:
    """The faults of a constant value."""
    if type_name == "FLAG":
        yield Fault("bad_value", name, text, "no value: a FLAG has none", place)
        return
    type_ = PARAMETER_TYPES[TYPES[type_name]]
    value = type_.read(text)
    if isinstance(value, Refusal):
        yield Fault(str(value), name, text, type_.expected, place)


def named(properties: Sequence[Property], others: Sequence[str]) -> dict[str, Property]:
    """Properties by name: the path without `$.`, changed if that name is taken."""
    known: dict[str, Property] = {}
    for place, entry in enumerate(properties):
        name = plain_path(entry.path)
        if name in others or name in known:
            name = f"$.{name}"
        known[name if name not in known else f"{name}#{place}"] = entry
    return known


def taken(columns: Mapping[str, str]) -> tuple[str, ...]:
    """Names of a request's parameters other than its custom properties."""
    return (*columns, "id", "external_id") if "external_id_type" in columns else tuple(columns)


def _id_faults(message_id: str) -> Iterator[Fault]:
    if not message_id:
        yield Fault("missing", "message_id", None, "a message ID", 1)
