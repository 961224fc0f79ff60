"""Template collections of a device: the topic of rows that they built, and how to read the operations they define."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..mqtt import topics
from .operations import OperationTemplate

if TYPE_CHECKING:
    from .. import RowLike
    from ..pure.types import Dialect
    from ..templates import Collection

_FRAGMENT = re.compile(r"(?:\$\.)?([A-Za-z_]\w*)")


def placed(
    rows: Sequence[RowLike], child: str | None, x_id: str | None, mode: str
) -> Iterator[tuple[RowLike, str, bool, Dialect]]:
    """Each row with its topic, whether a static template describes it, and the dialect to encode it in.

    A row that a collection built has the topic of that collection, unless `x_id` names one.
    """
    from ..templates import CollectionRow

    usual = topics.us(child, mode=mode) if x_id is None else topics.uc(x_id, child, mode=mode)
    for row in rows:
        if x_id is None and isinstance(row, CollectionRow):
            yield row, row.topic(child, mode), False, row.dialect
        else:
            yield row, usual, x_id is None, "backslash"


def operation_key(topic: str, template_id: str) -> str:
    """The name of a custom operation's template in a session: `topic` is the one on which its rows arrive."""
    return f"{topic}/{template_id}"


class Custom:
    """The operations that collections define, by template ID and by fragment.

    `sure`: those defined with `Collection.operation`, and those that read the device's ID, which only operations have.
    Any other response with a condition becomes one if it gets a handler.
    """

    def __init__(self, collections: Iterable[Collection], default_x_id: str | None) -> None:
        from ..templates.collection.messages import Response

        self.topics: dict[str, None] = {}  # to subscribe to
        self.answers: dict[str, None] = {}  # topics of answers about collections; they may be refused
        self.sure: dict[str, OperationTemplate] = {}
        self._found: list[tuple[str, str, OperationTemplate]] = []  # key, template ID, how to read
        for collection in collections:
            if collection.x_id is None:
                raise ValueError(f"{collection!r}: a device needs collections with an X-ID")
            if collection.protocol == "1.0":
                places = [topics.ol(collection.x_id)]
                self.topics[topics.dl(collection.x_id)] = None
            else:
                places = [topics.dc(collection.x_id)]
                self.answers[topics.dt()] = None
            self.topics[places[0]] = None
            if collection.x_id == default_x_id and collection.protocol == "2.0":
                places.append(topics.dd())
            for known in collection.values():
                if isinstance(known, Response) and known.definition.condition:
                    self._add(known, places)

    def _add(self, known: Any, places: list[str]) -> None:
        from ..templates.collection.messages import Response

        definition = known.definition
        named = _FRAGMENT.match(definition.condition)
        paths = list(definition.patterns.values())
        ids = [
            2 + place for place, path in enumerate(paths) if path == "$.id" or (path == "id" and not definition.base)
        ]
        lists = [place for place, parameter in enumerate(known.parameters) if not hasattr(parameter, "type")]
        id_field = ids[0] if ids and not lists else None
        template = Response(definition._replace(operation=True), known.topic, known.protocol)
        read = OperationTemplate(named[1] if named else None, id_field, template)
        for place in places:
            key = operation_key(place, known.id)
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
