"""Fields to values and back, for one parameter or one group. Collects faults; raises only if the row is not a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ._faults import Fault, template_error
from ._parameters import Group, Parameter
from ._types import PARAMETER_TYPES, Refusal

if TYPE_CHECKING:
    from ..pure.types import Dialect

__all__ = [
    "CollectionRow",
    "read_group",
    "read_sections",
    "read_value",
    "row_fields",
    "take_group",
    "take_value",
    "trimmed",
]


class CollectionRow(tuple[Any, ...]):
    """A row that a collection built: a tuple that knows its collection, so that a device sends it there."""

    x_id: str | None
    protocol: str

    @property
    def dialect(self) -> Dialect:
        """How to encode the row: SmartREST 1.0 doubles quotes."""
        return "backslash" if self.protocol == "2.0" else "double"

    def topic(self, child: str | None = None, mode: Any = "s") -> str:
        """Where to publish the row. Raises `SmartRestError`."""
        from ..mqtt import topics

        if self.protocol == "2.0":
            return topics.build("ud" if self.x_id is None else "uc", self.x_id, child, mode=mode)
        return topics.build("ul", self.x_id, child, mode=mode)


_MARKER = re.compile(r"\$[A-Z][A-Z0-9_]*")
_BUFFERS = (bytes, bytearray, memoryview)


def row_fields(row: Any) -> tuple[Any, ...]:
    """The fields of a row; the first must be a template ID. A text or buffer is not a row."""
    if isinstance(row, (str, *_BUFFERS)) or not isinstance(row, Sequence):
        raise TypeError(f"a row is a tuple, list or LazyRow, not {type(row).__name__}")
    fields = tuple(row)
    if not fields:
        raise template_error("", Fault("missing", "template ID", None, "a row with at least the template ID", 0))
    if not isinstance(fields[0], str):
        raise template_error("", Fault("bad_type", "template ID", fields[0], "a template ID as text", 0))
    return fields


def trimmed(values: Sequence[Any], least: int = 0) -> tuple[Any, ...]:
    """The values without trailing empty ones; always keeps the first `least`."""
    end = len(values)
    while end > least and (values[end - 1] is None or values[end - 1] == ""):
        end -= 1
    return tuple(values[:end])


def read_value(parameter: Parameter, field: Any, place: int, faults: list[Fault]) -> Any:
    """The value of one field, which is text or already typed."""
    type_ = PARAMETER_TYPES[parameter.type]
    if field is None or field == "":
        if parameter.mandatory and not parameter.may_be_empty:
            empty_text = field == "" and parameter.type == "String"
            expected = f"{type_.expected} that is not empty" if empty_text else type_.expected
            faults.append(Fault("missing", parameter.name, field, expected, place))
        return "" if parameter.mandatory else None
    value = type_.read(field) if type(field) is str else type_.read_field(field)
    if type(value) is Refusal:
        faults.append(Fault(str(value), parameter.name, field, type_.expected, place))
        return None
    return value


def read_group(
    group: Group, fields: tuple[Any, ...], start: int, end: int, written: int, faults: list[Fault], more: bool = False
) -> list[Any]:
    """The items from `start` to `end`.

    Up to `written` the row goes on with empty fields, or, with `more`, with another section: then the last item must
    be complete.
    """
    width = len(group.parameters)
    count = -(-(max(end, start) - start) // width)
    limit = group.max_repeats if group.repeated else 1
    if count < group.min_repeats and not (group.empty_item and count == 0):
        faults.append(Fault("missing", group.name, None, f"at least {group.min_repeats} {_shape(group)}", start))
        return []
    if limit is not None and count > limit:
        place = start + limit * width
        if not group.repeated and end - place < width:  # too few for another one
            faults.append(Fault("too_many_fields", None, fields[place], f"at most {_shape(group)}", place, end))
            return read_group(group, fields, start, place, place, faults)
        faults.append(Fault("bad_group", group.name, fields[place], f"at most {limit} {_shape(group)}", place))
        return []
    cut = start + count * width - written  # values that the last item lacks
    if cut > 0 and (more or any(item.mandatory for item in group.parameters[-cut:])):
        count -= 1
    else:
        cut = 0
    items: list[Any] = []
    for first in range(start, start + count * width, width):
        known = len(faults)
        values = [
            read_value(item, fields[place] if place < end else None, place, faults)
            for place, item in enumerate(group.parameters, first)
        ]
        items.append(values[0] if width == 1 else group.record._make(values))
        if len(faults) > known:
            name = f"{group.name}[{len(items) - 1}]" if group.repeated else group.name
            faults[known:] = [
                fault._replace(parameter=f"{name}.{fault.parameter}" if width > 1 else name) for fault in faults[known:]
            ]
    if cut:
        name, place = f"{group.name}[{count}]" if group.repeated else group.name, start + count * width
        if more and group.repeated and items:
            faults.append(Fault("too_many_fields", None, fields[place], _shape(group), place, end))
        else:
            faults.append(Fault("bad_group", name, fields[place], _shape(group), place))
    return items


def read_sections(
    groups: Sequence[Group], fields: tuple[Any, ...], start: int, end: int, faults: list[Fault]
) -> dict[str, Any]:
    """Sections opened by markers, each at most once and in order; an empty section may be left out.

    Sections whose marker belongs to no group are extra fields.
    """
    markers = ", ".join(str(group.marker) for group in groups)
    expected = f"the markers {markers}, in this order"
    sections = list(_sections(groups, fields, start, end))
    if end > start and (not sections or sections[0][1] != start):
        faults.append(Fault("bad_marker", groups[0].name, fields[start], expected, start))
        return {}
    spans: dict[int, tuple[int, int]] = {}  # of the values of each group, by its number
    for (number, place), (_, stop) in zip(sections, [*sections[1:], (None, end)], strict=False):
        if number is None:
            faults.append(Fault("too_many_fields", None, fields[place], f"only the markers {markers}", place, stop))
        elif number <= max(spans, default=-1):
            faults.append(Fault("bad_marker", groups[number].name, fields[place], expected, place))
            return {}
        else:
            spans[number] = place + 1, stop
    values: dict[str, Any] = {}
    for number, group in enumerate(groups):
        place, stop = spans.get(number, (end, end))
        more = stop != end
        items = read_group(group, fields, place, stop, stop if more else len(fields), faults, more)
        values[group.name] = items if group.repeated else items[0] if items else None
    faults.sort(key=_place)
    return values


def _place(fault: Fault) -> int:
    return fault.field or 0


def _sections(
    groups: Sequence[Group], fields: tuple[Any, ...], start: int, end: int
) -> Iterator[tuple[int | None, int]]:
    """The number of the group of each section (`None`: of no group), and the place of its marker."""
    markers = [group.marker for group in groups]
    opened, width = start - 1, 1  # of the items in the section; 0: it has none
    for place in range(start, end):
        field = fields[place]
        if field in markers:
            number = markers.index(field)
            opened, width = place, len(groups[number].parameters)
            yield number, place
        elif width and (place - opened - 1) % width == 0 and _like_marker(field):
            opened, width = place, 0
            yield None, place


def _like_marker(field: Any) -> bool:
    return isinstance(field, str) and _MARKER.fullmatch(field) is not None


def take_value(parameter: Parameter, value: Any, place: int, name: str, faults: list[Fault]) -> Any:
    """The field for one value."""
    type_ = PARAMETER_TYPES[parameter.type]
    if value is None:
        if parameter.mandatory:
            expected = f"{type_.expected}, '' for an empty one" if parameter.may_be_empty else type_.expected
            faults.append(Fault("missing", name, None, expected, place))
        return None
    field = type_.take(value)
    if isinstance(field, Refusal):
        faults.append(Fault(str(field), name, value, type_.expected, place))
        return None
    if isinstance(field, str) and not field and parameter.mandatory and not parameter.may_be_empty:
        faults.append(Fault("missing", name, "", f"{type_.expected} that is not empty", place))
    return field


def take_group(group: Group, value: Any, place: int, markers: Sequence[str], faults: list[Fault]) -> list[Any]:
    """The fields of all items, without the marker; a value equal to one of `markers` is a fault."""
    items = _item_list(group, value)
    if items is None:
        faults.append(Fault("bad_type", group.name, value, f"a list of {_shape(group)}", place))
        return []
    fields: list[Any] = []
    count = 0
    for count, item in enumerate(items, 1):
        name = f"{group.name}[{count - 1}]" if group.repeated else group.name
        values = [item] if len(group.parameters) == 1 else _item_values(group, item, name, place + len(fields), faults)
        for parameter, inner in zip(group.parameters, values, strict=True):
            here, label = place + len(fields), _inner(group, name, parameter)
            field = take_value(parameter, inner, here, label, faults)
            if field in markers or (markers and parameter is group.parameters[0] and _like_marker(field)):
                faults.append(Fault("bad_value", label, field, "a text other than a marker", here))
            fields.append(field)
    if count < group.min_repeats and not (group.empty_item and count == 0):
        faults.append(Fault("missing", group.name, None, f"at least {group.min_repeats} {_shape(group)}", place))
    if group.max_repeats is not None and count > group.max_repeats:
        faults.append(Fault("bad_group", group.name, count, f"at most {group.max_repeats} {_shape(group)}", place))
    return fields


def _shape(group: Group) -> str:
    """The shape of the items, for error texts."""
    names = ", ".join(item.name for item in group.parameters)
    return f"groups of {len(group.parameters)} values ({names})" if len(group.parameters) > 1 else f"values ({names})"


def _inner(group: Group, name: str, parameter: Parameter) -> str:
    return f"{name}.{parameter.name}" if len(group.parameters) > 1 else name


def _item_list(group: Group, value: Any) -> Iterable[Any] | None:
    """The items given, or None if `value` is not a list of items but a text, a dict or a single item."""
    if value is None:
        return ()
    listed = isinstance(value, list) and (not value or isinstance(value[0], (tuple, list, Mapping)))
    if not group.repeated and not listed:
        return (value,)
    one = isinstance(value, (str, Mapping, *_BUFFERS)) or hasattr(type(value), "_fields")
    return value if isinstance(value, Iterable) and not one else None


def _item_values(group: Group, item: Any, name: str, place: int, faults: list[Fault]) -> list[Any]:
    """One value per parameter of an item: a dict, or a tuple or list in order without trailing optional values."""
    names = [parameter.name for parameter in group.parameters]
    given: list[Any] = []
    if isinstance(item, Mapping):
        if strange := [key for key in item if key not in names]:
            label = f"{name}.{strange[0]}"
            faults.append(Fault("unknown_parameter", label, item[strange[0]], " or ".join(names), place))
        given = [item.get(key) for key in names]
    elif not isinstance(item, (tuple, list)):
        faults.append(Fault("bad_type", name, item, f"a tuple or dict of {', '.join(names)}", place))
    elif len(item) > len(names) or any(parameter.mandatory for parameter in group.parameters[len(item) :]):
        faults.append(Fault("bad_group", name, len(item), f"{len(names)} values ({', '.join(names)})", place))
    else:
        given = list(item)
    return given + [None] * (len(names) - len(given))
