"""A row read by its template: named, typed parameters. Made by `parse`, never by hand; holds data, no rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._values import class_of, is_a

if TYPE_CHECKING:
    from ._template import Template

__all__ = ["Message", "unnamed"]


class Message:
    """A row read by its template.

    `id` is the template ID, `template` the template (`None` if the ID is unknown), `row` the fields as received.
    `parameters` maps names to values in wire order: `str`, `float`, `int`, `bool`, aware `datetime`, a word such as
    `Severity.MAJOR`, a list for repeating values; `None` for a field that was empty or left off. Without a template
    the names are `"1"`, `"2"`, … and the values are the texts. `extra` holds the fields that the platform sent beyond
    those of the template.

    `message["unit"]` and `message.unit` are the same; a parameter called `id`, `row`, `template`, `parameters` or
    `extra` needs the brackets. Patterns match both ways:

        case Message(id="511", command=text): ...
        case Message("511", {"device_id": device, "command": text}): ...
    """

    __slots__ = ("extra", "id", "parameters", "row", "template")
    __match_args__ = ("id", "parameters")
    __hash__ = None  # type: ignore[assignment]  # its parameters are a dict

    id: str
    parameters: dict[str, Any]
    row: tuple[Any, ...]
    template: Template | None
    extra: tuple[Any, ...]

    def __init__(
        self,
        id: str,
        parameters: dict[str, Any],
        row: tuple[Any, ...],
        template: Template | None,
        extra: tuple[Any, ...] = (),
    ) -> None:
        self.id = id
        self.parameters = parameters
        self.row = row
        self.template = template
        self.extra = extra

    def __getitem__(self, name: str) -> Any:
        return self.parameters[name]

    def __getattr__(self, name: str) -> Any:
        if name not in Message.__slots__ and name in self.parameters:  # a slot is missing only while unpickling
            return self.parameters[name]
        raise AttributeError(f"{type(self).__name__} has neither an attribute nor a parameter {name!r}")

    def to_dict(self) -> dict[str, Any]:
        """The message for JSON: `id`, `name` (`None` without a template), `parameters` with items of groups as dicts.

        `extra` only if there are extra fields.
        """
        name = self.template.name if self.template is not None else None
        values = {key: _plain(value) for key, value in self.parameters.items()}
        extra = {"extra": [_plain(field) for field in self.extra]} if self.extra else {}
        return {"id": self.id, "name": name, "parameters": values, **extra}

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(name for name in self.parameters if name.isidentifier())]

    def __eq__(self, other: object) -> bool:
        """Whether both have the same template and parameters; spelling and extra fields do not count."""
        if not isinstance(other, Message):
            return NotImplemented
        return (
            self.id == other.id
            and (self.template and self.template.name) == (other.template and other.template.name)
            and self.parameters == other.parameters
        )

    def __repr__(self) -> str:
        name = f" {self.template.name}" if self.template is not None and self.template.name != self.id else ""
        values = "".join(f", {name}={value!r}" for name, value in self.parameters.items())
        return f"<Message {self.id}{name}{values}>"


def unnamed(fields: tuple[Any, ...]) -> Message:
    """The message for an unknown row: its fields, by number."""
    return Message(fields[0], {str(place): field for place, field in enumerate(fields[1:], 1)}, fields, None)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, tuple):
        return {name: _plain(item) for name, item in value._asdict().items()}  # type: ignore[attr-defined]  # a record
    return value.isoformat() if is_a(type(value), class_of("datetime", "datetime")) else value
