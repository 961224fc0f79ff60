"""The rows of a collection as templates: the requests that it sends and the responses that it receives.

Definitions are checked before they get here. This file alone decides the values of a request and their order, and the
fields of a response. Source: SmartREST 2.0 reference, sections "Request templates" and "Response templates";
SmartREST 1.0 reference, section "Template requests".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .._faults import Fault, template_error
from .._parameters import Group, Parameter
from .._rows import read_value
from .._template import Template
from .definitions import TYPES, RequestDefinition, ResponseDefinition
from .paths import is_list, plain_path

__all__ = ["LegacyRequest", "Request", "Response"]


class Request(Template):
    """A request of a collection: its parameters are the values that the device sends, in order.

    First the object's name (`id`, or `external_id` with its type before it; after it in POST INVENTORY), then the
    columns without a value, then the custom properties without a value. Only dates may be left empty, which means
    server time; texts may be the empty text.
    """

    __slots__ = ("definition",)

    def __init__(self, definition: RequestDefinition, topic: str = "") -> None:
        description = f"{definition.method} {definition.api}"
        super().__init__(
            definition.message_id,
            definition.title or definition.message_id,
            _request_parameters(definition),
            topic=topic,
            description=description,
        )
        self.definition = definition


def _request_parameters(definition: RequestDefinition) -> Iterator[Parameter]:
    if definition.api == "INVENTORY":
        yield from _object_parameters(definition)
    else:
        for name, type_name in definition.columns.items():
            if not definition.values[name]:
                yield _sent(name, type_name, empty=name == "text")
    for name, known in definition.custom.items():
        if known.sent:
            yield _sent(name, known.type or "STRING", empty=not known.type or known.type == "STRING")


def _object_parameters(definition: RequestDefinition) -> Iterator[Parameter]:
    """The parameters that identify the object."""
    typed = bool(definition.values["external_id_type"])
    if definition.method == "POST":
        yield Parameter("external_id")
        if not typed:
            yield Parameter("external_id_type")
    elif definition.values["by_id"] == "true":
        yield Parameter("id", mandatory=True)
    else:
        if not typed:
            yield Parameter("external_id_type", mandatory=True)
        yield Parameter("external_id", mandatory=True)


def _sent(name: str, type_name: str, *, empty: bool) -> Parameter:
    default = "server time" if type_name == "DATE" else None
    return Parameter(name, TYPES[type_name], type_name != "DATE", default, may_be_empty=empty)


class Response(Template):
    """A response of a collection: its parameters are the values of the patterns, as texts, or lists for `[*]` etc.

    The platform puts the device's external ID before the values of an *operation*: parameter `device_id`. If the
    response was not defined with `operation`, a row counts as an operation if it has more values than there are
    patterns; if one of them is a list, it counts if the definition uses `deviceId`, which only operations have.
    SmartREST 1.0 puts the number of the request's row there: `line_number`.
    """

    __slots__ = ("_device", "_lists", "definition")

    def __init__(self, definition: ResponseDefinition, topic: str = "", protocol: str = "2.0") -> None:
        super().__init__(
            definition.message_id,
            definition.title or definition.message_id,
            direction="subscribe",
            topic=topic,
            description=f"on {definition.condition}" if definition.condition else "",
            protocol=protocol,
        )
        paths = list(definition.patterns.values())
        self.definition = definition
        self._lists = [place for place, path in enumerate(paths) if is_list(path)]
        self._device = definition.operation
        if self._device is None and self._lists:
            texts = (definition.base, definition.condition, *paths)
            self._device = any(plain_path(text).rpartition(".")[2] == "deviceId" for text in texts)
        before = self._before(len(paths))
        type_name = "Integer" if before == "line_number" else "String"
        patterns = [_pattern(name, path) for name, path in definition.patterns.items()]
        self.parameters = (*([Parameter(before, type_name)] if before else []), *patterns)
        self._names = {parameter.name: place for place, parameter in enumerate(self.parameters)}

    def read(self, fields: tuple[Any, ...]) -> tuple[dict[str, Any], list[Fault]]:
        """The values of a row by name, and its faults."""
        names = list(self.definition.patterns)
        values: dict[str, Any] = {}
        faults: list[Fault] = []
        rest = [field if field != "" else None for field in fields[1:]]
        before = self._before(len(rest))
        if before is not None:
            type_name = "Integer" if before == "line_number" else "String"
            values[before] = read_value(Parameter(before, type_name), rest.pop(0) if rest else None, 1, faults)
        at = len(fields) - len(rest)  # the field of the first pattern
        rest += [None] * (len(names) - min(len(self._lists), 1) - len(rest))  # trailing empty ones may be missing
        if not self._lists:
            if len(rest) > len(names):
                first = {None: "", "device_id": f" (the device ID and {len(names)})"}
                first["line_number"] = f" (the line number and {len(names)})"
                expected = f"at most {at - 1 + len(names)} values{first[before]}"
                faults.append(Fault("too_many_fields", None, rest[len(names)], expected, at + len(names)))
            return values | dict(zip(names, rest, strict=False)), faults
        place = self._lists[0]
        end = len(rest) - (len(names) - place - 1)
        items = rest[place:end]
        spread: list[Any] = [*rest[:place], [] if items == [None] else items, *rest[end:]]
        if len(self._lists) > 1:
            if any(value is not None for value in rest[place:]):
                expected = "a response with at most one list"
                faults.append(Fault("ambiguous", names[place], rest[place], expected, at + place))
            spread[place:] = [[] if number in self._lists else None for number in range(place, len(names))]
        return values | dict(zip(names, spread, strict=True)), faults

    def _before(self, given: int) -> str | None:
        """The name of the value before those of the patterns, for a row with `given` values."""
        if self.protocol == "1.0":
            return "line_number"
        extra = self._device is None and given > len(self.definition.patterns)
        return "device_id" if self._device or extra else None

    def build(self, /, **parameters: Any) -> tuple[Any, ...]:
        """As `Template.build`; also accepts the `device_id` that `parse` found in a row."""
        if "device_id" not in parameters or self._device is not None or self._lists or self.protocol == "1.0":
            return super().build(**parameters)
        device = parameters.pop("device_id")
        first, *rest = super().build(**parameters)
        return (first, device, *rest)

    def write(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """A row as the platform sends it, for stand-ins and tests: texts, lists spread over fields."""
        fields: list[Any] = [self.id]
        for parameter, value in zip(self.parameters, values, strict=True):
            if isinstance(parameter, Group):
                fields += value if value else [None]
            else:
                fields.append(value)
        faults = self.read(tuple(fields))[1]
        if faults:
            raise template_error(self.label, faults[0])
        return tuple(fields)


def _pattern(name: str, path: str) -> Parameter | Group:
    return Group(name, (Parameter(name),)) if is_list(path) else Parameter(name)


class LegacyRequest(Template):
    """A request of SmartREST 1.0: an HTTP call whose placeholders are replaced by values, called `value_1`, ….

    `fields` is the definition as received. The body is not parsed.
    """

    __slots__ = ("fields",)

    def __init__(self, fields: Sequence[str], topic: str = "") -> None:
        self.fields = tuple(fields)
        cells = [*fields[1:], *[""] * (9 - len(fields))]
        message_id, method, uri, _, _, placeholder, types, body = cells[:8]
        type_names = [TYPES[word] for word in types.split() if word != "NOW"]
        if not types and placeholder:
            type_names = ["String"] * (uri + body).count(placeholder)
        values = [
            Parameter(f"value_{number}", type_name, type_name != "Date", may_be_empty=type_name == "String")
            for number, type_name in enumerate(type_names, 1)
        ]
        super().__init__(
            message_id, message_id, values, topic=topic, description=f"{method} {uri}".strip(), protocol="1.0"
        )

    @staticmethod
    def faults(fields: Sequence[str]) -> Iterator[Fault]:
        """The faults of a SmartREST 1.0 row 10."""
        cells = [*fields[1:], *[""] * (9 - len(fields))]
        if not cells[0]:
            yield Fault("missing", "message_id", None, "a message ID", 1)
        if cells[1] not in ("GET", "POST", "PUT", "DELETE"):
            yield Fault("bad_method", "method", cells[1], "GET, POST, PUT or DELETE", 2)
        for word in cells[6].split():
            if word not in ("STRING", "UNSIGNED", "INTEGER", "NUMBER", "DATE", "NOW"):
                yield Fault("unknown_type", "types", word, "STRING, UNSIGNED, INTEGER, NUMBER, DATE or NOW", 7)
        if len(fields) > 9 and any(fields[9:]):
            yield Fault("too_many_fields", None, fields[9], "at most 8 values", 9)
