"""Parameters of a template: single values, and groups of values that repeat or follow a marker."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["Group", "Parameter", "parameter_from_dict", "with_record"]


class Parameter(NamedTuple):
    """One value: its name, its type and the facts from the vendor's page.

    `type` is String, Number, Integer, Unsigned, Boolean, Date, or the name of a closed list of words.
    `condition` says when a conditional value is mandatory. `may_be_empty`: must be given, but may be the empty text.
    `rest`: runs to the end of the row, separators included.
    """

    name: str
    type: str = "String"
    mandatory: bool = False
    default: str | None = None
    note: str | None = None
    condition: str | None = None
    may_be_empty: bool = False
    rest: bool = False


class Group(NamedTuple):
    """Values that belong together and usually repeat: to the end of the row, or to the next marker.

    With one parameter the items are single values; with more they are tuples of class `record`, with the parameters'
    names. A group that does not repeat (`repeated` false) is one item or `None`.
    """

    name: str
    parameters: tuple[Parameter, ...]
    record: Any = None
    repeated: bool = True
    min_repeats: int = 0
    max_repeats: int | None = None
    marker: str | None = None
    empty_item: bool = False
    note: str | None = None

    @property
    def needed(self) -> int:
        """How many fields the last item keeps when empty ones are trimmed from the end of the row."""
        return max((place for place, item in enumerate(self.parameters, 1) if item.mandatory), default=0)


def parameter_from_dict(data: Mapping[str, Any]) -> Parameter | Group:
    """A parameter or group in the form of `table.json`."""
    if "group" not in data:
        mandatory = data.get("mandatory", False)
        return Parameter(
            data["name"],
            data.get("words") or data.get("type", "String"),
            mandatory is True,
            data.get("default"),
            data.get("note"),
            mandatory if isinstance(mandatory, str) else None,
            data.get("may_be_empty", False),
            data.get("rest", False),
        )
    items = tuple(parameter_from_dict(item) for item in data["group"])
    return Group(
        data["name"],
        items,  # type: ignore[arg-type]  # Template refuses a group within a group
        _known_record(data.get("record")),
        data.get("repeated", False),
        data.get("min_repeats", 0),
        data.get("max_repeats"),
        data.get("marker"),
        data.get("empty_item", False),
        data.get("note"),
    )


def with_record(group: Group) -> Group:
    """The group, with a class for its items added if it needs one."""
    if len(group.parameters) < 2 or group.record is not None:
        return group
    make: Any = namedtuple  # its names come from data
    name = "".join(word.capitalize() for word in group.name.split("_"))
    return group._replace(record=make(name, [item.name for item in group.parameters]))


def _known_record(name: str | None) -> Any:
    from . import _records

    return getattr(_records, name, None) if name is not None else None
