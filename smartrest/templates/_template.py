"""A template: the meaning of one row's fields; reads rows into Messages and builds rows from parameters.

Knows the possible shapes (single values, one repeating group at the end, sections with markers), but no template by
name: those are data in `table.json`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ._faults import Fault, template_error
from ._message import Message
from ._parameters import Group, Parameter, parameter_from_dict, with_record
from ._rows import read_group, read_sections, read_value, row_fields, take_group, take_value, trimmed
from ._types import PARAMETER_TYPES

if TYPE_CHECKING:
    from ..pure import Field, RowLike

__all__ = ["Template"]


class Template:
    """The meaning of one row: its `id`, its `name` and, in wire order, the `parameters` after the ID.

    `direction` is `"publish"` (sent by a device) or `"subscribe"` (sent by the platform), `topic` the topic. `example`
    is a row as on the wire. `reply_id` and `request_id` name the row that answers this one, or that it answers;
    `operation_fragment` names the operation that the row carries, `continues_as` the template that carries the rest of
    a row that is too long. At least one of the parameters in `one_of` must be given.

    Raises ValueError for an unreadable shape: a group before a single value, a duplicate name, an unknown type.
    """

    __slots__ = (
        "_names", "category", "continues_as", "description", "direction", "example", "groups", "id", "name", "note",
        "one_of", "operation_fragment", "parameters", "protocol", "reply_id", "request_id", "single", "topic",
    )  # fmt: skip

    def __init__(
        self,
        id: str,
        name: str,
        parameters: Iterable[Parameter | Group] = (),
        *,
        direction: str = "publish",
        topic: str = "s/us",
        category: str | None = None,
        description: str = "",
        example: str = "",
        note: str | None = None,
        protocol: str = "2.0",
        operation_fragment: str | None = None,
        reply_id: str | None = None,
        request_id: str | None = None,
        continues_as: str | None = None,
        one_of: Iterable[str] = (),
    ) -> None:
        self.id = id
        self.name = name
        self.parameters = tuple(
            parameter if isinstance(parameter, Parameter) else with_record(parameter) for parameter in parameters
        )
        self.single = tuple(parameter for parameter in self.parameters if isinstance(parameter, Parameter))
        self.groups = tuple(parameter for parameter in self.parameters if isinstance(parameter, Group))
        self.direction = direction
        self.topic = topic
        self.category = category
        self.description = description
        self.example = example
        self.note = note
        self.protocol = protocol
        self.operation_fragment = operation_fragment
        self.reply_id = reply_id
        self.request_id = request_id
        self.continues_as = continues_as
        self.one_of = tuple(one_of)
        self._names = {parameter.name: place for place, parameter in enumerate(self.parameters)}
        self._check()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Template:
        """A template in the form of `table.json`. Raises ValueError if `data` is not a template."""
        given = {key: value for key, value in data.items() if key not in ("id", "name", "parameters")}
        try:
            parameters = [parameter_from_dict(parameter) for parameter in data.get("parameters", ())]
            return cls(data["id"], data["name"], parameters, **given)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a template: {error!r}") from error

    def _check(self) -> None:
        for text in (self.id, self.name):
            if type(text) is not str or not text:
                raise ValueError(f"the ID and name of a template must be non-empty texts, not {text!r}")
        if self.direction not in ("publish", "subscribe"):
            raise ValueError(f"{self.id}: invalid direction {self.direction!r}: use 'publish' or 'subscribe'")
        if len(self._names) != len(self.parameters):
            raise ValueError(f"{self.id}: two parameters have the same name")
        marked = sum(group.marker is not None for group in self.groups)
        apart = marked == len(self.groups) or (marked == 0 and len(self.groups) == 1)
        if self.parameters != (*self.single, *self.groups) or not apart:
            raise ValueError(f"{self.id}: groups must come last, and more than one need markers")
        for parameter in self.parameters:
            inner = parameter.parameters if isinstance(parameter, Group) else (parameter,)
            if not inner or any(isinstance(item, Group) or item.type not in PARAMETER_TYPES for item in inner):
                raise ValueError(f"{self.id}: {parameter.name}: invalid type: use one of {', '.join(PARAMETER_TYPES)}")
        if any(parameter.rest for parameter in self.single if parameter is not self.parameters[-1]):
            raise ValueError(f"{self.id}: a parameter that takes the rest of the row must come last")
        if not set(self.one_of) <= {parameter.name for parameter in self.single}:
            raise ValueError(f"{self.id}: one_of must name single parameters of the template")

    def __repr__(self) -> str:
        return f"<Template {self.id} {self.name}({', '.join(self._names)})>"

    @property
    def label(self) -> str:
        """ID and name, as error texts show them."""
        return f"{self.id} {self.name}" if self.name != self.id else self.id

    # Reading

    def parse(self, row: RowLike) -> Message:
        """The row as a Message.

        Optional values may be left off at the end; fields may already be typed, as `Schema.decode` gives them. A row
        from the platform may have more fields than the template: `Message.extra`.

        Raises TemplateError: `wrong_id`, `missing`, `bad_type`, `bad_value`, `unknown_word`, `bad_group`, `bad_marker`,
        `too_many_fields` (rows that a device publishes); TypeError if `row` is not a row.
        """
        fields = row_fields(row)
        if fields[0] != self.id:
            raise template_error(self.label, Fault("wrong_id", None, fields[0], f"the template ID {self.id}", 0))
        parameters, faults = self.read(fields)
        extra: tuple[Any, ...] = ()
        for fault in faults:
            if fault.reason != "too_many_fields" or self.direction == "publish":
                raise template_error(self.label, fault)
            extra += trimmed(fields[fault.field : fault.end])
        return Message(self.id, parameters, fields, self, extra)

    def read(self, fields: tuple[Any, ...]) -> tuple[dict[str, Any], list[Fault]]:
        """The values of a row by name, and every fault in the order of the fields."""
        values: dict[str, Any] = {}
        faults: list[Fault] = []
        end = len(fields)
        while end > 1 and (fields[end - 1] is None or fields[end - 1] == ""):
            end -= 1
        for place, parameter in enumerate(self.single, 1):
            if parameter.rest and end > place + 1:
                values[parameter.name] = ",".join(map(str, fields[place:]))
                return values, faults
            field = fields[place] if place < end else None
            values[parameter.name] = read_value(parameter, field, place, faults)
        if self.one_of and not faults and all(values[name] is None for name in self.one_of):
            faults.append(self._none_of())
        place = len(self.single) + 1
        if self.groups and self.groups[0].marker is not None:
            values.update(read_sections(self.groups, fields, place, end, faults))
        elif self.groups:
            values[self.groups[0].name] = read_group(self.groups[0], fields, place, end, len(fields), faults)
        elif end > place:
            expected = f"at most {place - 1} values" if place > 1 else "no values"
            faults.append(Fault("too_many_fields", None, fields[place], expected, place, end))
        return values, faults

    # Writing

    def build(self, /, **parameters: Any) -> tuple[Field, ...]:
        """The row with these parameters, values typed as given, without trailing empty optional values.

        Raises TemplateError: `missing`, `bad_type`, `bad_value`, `unknown_word`, `bad_group`, `unknown_parameter`.
        """
        values: list[Any] = [None] * len(self.parameters)
        for name, value in parameters.items():
            place = self._names.get(name)
            if place is None:
                from difflib import get_close_matches

                close = get_close_matches(name, self._names, 1) or list(self._names)
                expected = " or ".join(close) if close else "no parameters"
                raise template_error(self.label, Fault("unknown_parameter", name, value, expected))
            values[place] = value
        return self.write(values)

    def write(self, values: Sequence[Any]) -> tuple[Field, ...]:
        """The row with one value per parameter, in order; `None` if not given. Raises as `build`."""
        faults: list[Fault] = []
        fields: list[Any] = [self.id]
        least = 1  # fields to keep even if they are empty
        if self.one_of and all(values[self._names[name]] is None for name in self.one_of):
            faults.append(self._none_of())
        markers = [group.marker for group in self.groups if group.marker is not None]
        opened: list[int] = []  # places of the markers
        for parameter, value in zip(self.parameters, values, strict=True):
            if isinstance(parameter, Parameter):
                fields.append(take_value(parameter, value, len(fields), parameter.name, faults))
                least = len(fields) if parameter.mandatory else least
                continue
            marker = [] if parameter.marker is None else [parameter.marker]
            items = take_group(parameter, value, len(fields) + len(marker), markers, faults)
            if items:
                opened += [len(fields)] * len(marker)
                fields += marker + items
                if parameter.needed:
                    least = len(fields) - len(parameter.parameters) + parameter.needed
            elif parameter.empty_item:
                fields.append("")
                least = len(fields)
        if faults:
            raise template_error(self.label, faults[0])
        while len(fields) > least and (fields[-1] is None or fields[-1] == "" or opened[-1:] == [len(fields) - 1]):
            if fields.pop() is not None and opened[-1:] == [len(fields)]:
                opened.pop()  # an empty section
        for group in self.groups:
            if group.min_repeats and len(fields) == 1 + len(self.single):
                shape = f"at least {group.min_repeats} values, not all empty"
                raise template_error(self.label, Fault("missing", group.name, None, shape, len(fields)))
        return tuple(fields)

    def _none_of(self) -> Fault:
        return Fault("missing", self.one_of[0], None, f"one of {', '.join(self.one_of)}", 1)
