"""Template collections of a device: the topic of rows that they built, and how to read the operations they define."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..mqtt import topics
from .operations import OperationTemplate

if TYPE_CHECKING:
    from .. import RowLike
    from ..templates import Collection

_FRAGMENT = re.compile(r"(?:\$\.)?([A-Za-z_]\w*)")


def placed(
    rows: Sequence[RowLike], child: str | None, x_id: str | None, mode: str
) -> Iterator[tuple[RowLike, str, bool]]:
    """Each row with its topic, and whether a static template describes it.

    A row that a collection built has the topic of that collection, unless `x_id` names one.
    """
    from ..templates import CollectionRow

    usual = topics.us(child, mode=mode) if x_id is None else topics.uc(x_id, child, mode=mode)
    for row in rows:
        if x_id is None and isinstance(row, CollectionRow):
            yield row, row.topic(child, mode), False
        else:
            yield row, usual, x_id is None


def operation_key(x_id: str | None, template_id: str) -> str:
    """The name of a custom operation's template in a session; an X-ID holds no slash. `None`: of `s/dd`."""
    return f"{x_id or ''}/{template_id}"


class Custom:
    """The operations that collections define, by template ID and by fragment.

    `sure`: those defined with `Collection.operation`, and those that read the device's ID, which only operations have.
    Any other response with a condition becomes one if it gets a handler.
    """

    def __init__(self, collections: Iterable[Collection], default_x_id: str | None) -> None:
        from ..templates.collection.messages import Response

        self.x_ids: list[str] = []
        self.sure: dict[str, OperationTemplate] = {}
        self._found: list[tuple[str, str, OperationTemplate]] = []  # key, template ID, how to read
        for collection in collections:
            if collection.x_id is None or collection.protocol != "2.0":
                raise ValueError(f"{collection!r}: a device needs collections of SmartREST 2.0 with an X-ID")
            self.x_ids.append(collection.x_id)
            keys = [collection.x_id, *([None] if collection.x_id == default_x_id else [])]
            for known in collection.values():
                if isinstance(known, Response) and known.definition.condition:
                    self._add(known, keys)

    def _add(self, known: Any, x_ids: list[str | None]) -> None:
        from ..templates.collection.messages import Response

        definition = known.definition
        named = _FRAGMENT.match(definition.condition)
        paths = list(definition.patterns.values())
        ids = [
            2 + place for place, path in enumerate(paths) if path == "$.id" or (path == "id" and not definition.base)
        ]
        lists = [place for place, parameter in enumerate(known.parameters) if not hasattr(parameter, "type")]
        id_field = ids[0] if ids and not lists else None
        template = Response(definition._replace(operation=True), known.topic)
        read = OperationTemplate(named[1] if named else None, id_field, template)
        for x_id in x_ids:
            key = operation_key(x_id, known.id)
            self._found.append((key, known.id, read))
            if definition.operation or any(path in ("$.deviceId", "deviceId") for path in paths):
                self.sure[key] = read

    @property
    def template_ids(self) -> list[str]:
        return [template_id for _, template_id, _ in self._found]

    def of_fragments(self, fragments: Sequence[str]) -> list[tuple[str, OperationTemplate]]:
        return [(key, read) for key, _, read in self._found if read.fragment in fragments]

    def of_ids(self, template_ids: Sequence[str]) -> list[tuple[str, OperationTemplate]]:
        return [(key, read) for key, template_id, read in self._found if template_id in template_ids]
