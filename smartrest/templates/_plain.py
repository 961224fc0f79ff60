"""Rows as JSON texts, in bulk: those of `Message.to_dict`, without making messages.

The engine types the fields of a whole payload, and a format of each template makes the text. What is not typical (an
empty mandatory value, a group that is cut off, markers) is left to `Reader`, so results and faults are the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from json.encoder import encode_basestring
from typing import Any

from ..errors import DecodeError, TemplateError
from ._message import Message
from ._parameters import Group, Parameter
from ._parse import Reader
from ._static import static
from ._template import Template
from ._types import PARAMETER_TYPES

__all__ = ["PlainReader"]

Shape = Callable[[tuple[Any, ...]], "str | None"]

TYPES = {"String": str, "Number": float, "Integer": int, "Boolean": bool, "Date": datetime}
NULL = "null"
TEXT: dict[type, Callable[[Any], str]] = {
    str: encode_basestring,
    float: float.__repr__,
    int: int.__repr__,
    bool: lambda value: "true" if value else "false",
    datetime: lambda value: f'"{value.isoformat()}"',
    type(None): lambda _: NULL,
}
BATCH = 512  # rows
WIDEST = 64  # fields of an unknown row whose format is kept


class PlainReader:
    """Reads the payloads of one topic: `texts` gives the JSON text of each row, or a TemplateError.

    `engine`: the module or engine that decodes.
    """

    __slots__ = ("_engine", "_schema", "_shapes", "reader")

    def __init__(self, reader: Reader, engine: Any) -> None:
        self.reader = reader
        self._engine = engine
        self._shapes: dict[str, Shape | None] = {}
        kinds: dict[str, list[Any]] = {}
        for template in _templates(reader):
            columns = _columns(template) if reader.find(template.id) is template else None
            self._shapes[template.id] = None if columns is None else _shape(template)
            if columns is not None:
                kinds[template.id] = columns
        self._schema = engine.Schema(kinds) if kinds else None

    def texts(self, payload: bytes | str, strict: bool = False) -> Iterator[list[str | TemplateError]] | None:
        """The rows of a payload as JSON texts, in lists; `None` if it has to be decoded and read by `rows`."""
        if self._schema is None:
            return None
        try:
            typed = self._schema.decode(payload, strict=strict)
        except DecodeError:
            return None
        return self._texts(typed, payload)

    def rows(self, rows: Iterable[Any]) -> Iterator[str | TemplateError]:
        """The same for decoded rows of one payload."""
        for message in self.reader.messages(rows):
            yield json.dumps(message.to_dict(), ensure_ascii=False) if isinstance(message, Message) else message

    def _texts(self, typed: list[tuple[Any, ...]], payload: bytes | str) -> Iterator[list[str | TemplateError]]:
        find = self._shapes.get
        decoded: Any = None  # as text, for the errors of `Reader`
        for first in range(0, len(typed), BATCH):
            batch = typed[first : first + BATCH]
            found: list[Any] = [shape and shape(row) for row in batch for shape in (find(row[0], _unnamed),)]
            if None in found:
                decoded = self._engine.decode(payload) if decoded is None else decoded
                rows = self.rows(decoded[first : first + BATCH])
                found = [row if text is None else text for text, row in zip(found, rows, strict=True)]
            yield found


def _templates(reader: Reader) -> Iterable[Template]:
    """The templates that rows of this topic may have; none where rows depend on those before them."""
    kind = reader.place.kind
    if kind in ("us", "ds"):
        return [known for known in static.values() if not reader.is_stray(known)]
    if kind in ("uc", "ud", "dc", "dd"):
        return reader.collection.values() if reader.collection is not None else ()
    return ()


def _columns(template: Template) -> list[Any] | None:
    """The types of the fields for the engine; `None` for a template whose rows need `Reader`."""
    simple = all(group.marker is None and group.repeated and group.max_repeats is None for group in template.groups)
    inner = [*template.single, *(item for group in template.groups for item in group.parameters)]
    plain = type(template).read is Template.read and simple and not template.one_of
    if not plain or any(parameter.rest or parameter.type == "Unsigned" for parameter in inner):
        return None
    columns: list[Any] = [_type(parameter) for parameter in template.single]
    columns.extend(tuple(_type(item) for item in group.parameters) for group in template.groups)
    return columns


def _type(parameter: Parameter) -> type:
    return TYPES.get(parameter.type, str)


def _shape(template: Template) -> Shape:
    """A function that makes the text of a typed row, or gives `None` if the row is not typical."""
    names = [parameter.name for parameter in template.single]
    least = max((place for place, known in enumerate(template.single, 1) if known.mandatory), default=0)
    needed = [place for place, known in enumerate(template.single, 1) if known.mandatory]
    words = [(place, known) for place, single in enumerate(template.single, 1) if (known := _words(single)) is not None]
    formats = [_format(template, names, given) for given in range(len(names) + 1)]
    most = len(names) + 1

    def shape(row: tuple[Any, ...]) -> str | None:
        given = len(row)
        if not least < given <= most:
            return None
        for place, known in words:
            if place < given and row[place] not in known and row[place] != "":
                return None
        values = tuple([TEXT[type(value)](value) for value in row[1:]])
        if '""' in values or NULL in values:
            for place in needed:
                if row[place] is None or row[place] == "":
                    return None
            values = tuple([NULL if value == '""' else value for value in values])
        return formats[given - 1] % values

    return _list_shape(template, template.groups[0], most) if template.groups else shape


def _list_shape(template: Template, group: Group, start: int) -> Shape:
    single = _shape(Template(template.id, template.name, template.single))
    width = len(group.parameters)
    item = ", ".join(f"{_escaped(parameter.name)}: %s" for parameter in group.parameters)
    item = "%s" if width == 1 else f"{{{item}}}"
    name = encode_basestring(group.name)
    comma = ", " if template.single else ""
    worded = any(_words(parameter) is not None for parameter in group.parameters)

    def shape(row: tuple[Any, ...]) -> str | None:
        items = row[start:]
        if not items or len(items) % width or worded or "" in items or None in items:
            return None
        found = single(row[:start])
        if found is None:
            return None
        texts = [TEXT[type(value)](value) for value in items]
        listed = ", ".join([item % tuple(texts[at : at + width]) for at in range(0, len(texts), width)])
        return f"{found[:-2]}{comma}{name}: [{listed}]}}}}"

    return shape


def _format(template: Template, names: list[str], given: int) -> str:
    """The text of a row with `given` of its values, to be filled in."""
    values = ", ".join(f"{_escaped(name)}: {'%s' if place < given else NULL}" for place, name in enumerate(names))
    return f'{{"id": {_escaped(template.id)}, "name": {_escaped(template.name)}, "parameters": {{{values}}}}}'


def _escaped(text: str) -> str:
    return encode_basestring(text).replace("%", "%%")


def _words(parameter: Parameter) -> Any:
    return getattr(PARAMETER_TYPES[parameter.type], "known", None)


def _unnamed_format(given: int) -> str:
    values = ", ".join(f'"{place}": %s' for place in range(1, given))
    return f'{{"id": %s, "name": null, "parameters": {{{values}}}}}'


_UNNAMED = [_unnamed_format(given) for given in range(WIDEST)]


def _unnamed(row: tuple[Any, ...]) -> str:
    form = _UNNAMED[len(row)] if len(row) < WIDEST else _unnamed_format(len(row))
    return form % tuple(map(encode_basestring, row))
