"""Rows by topic: finds the template that reads a row, and every fault that a check can report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .._findings import Finding
from ..errors import TemplateError
from ._faults import Fault, template_error
from ._message import Message, unnamed
from ._rows import row_fields
from ._static import built_in, static
from ._template import Template

if TYPE_CHECKING:
    from ..mqtt.topics import Topic
    from ..pure import RowLike
    from .collection.collection import Collection

__all__ = ["check_rows", "parse"]

_CLOSED = ("us", "ds", "ut", "dt", "dcr", "dat")  # the table lists every row of these kinds of topics


def parse(row: RowLike, topic: str, *, collections: Iterable[Collection] = ()) -> Message:
    """A row as a Message. The topic selects the template: static, built in, or from the collection with its X-ID.

    `s/us` and `s/ds`: the static templates. `s/dt`, `s/dcr`, `s/dat`, `s/e`, `s/ut`: built-in rows. `s/uc/…`,
    `s/dc/…` and the SmartREST 1.0 topics: the collection with that X-ID among `collections`; `s/ud` and `s/dd`: the
    only one given. A row that is unknown, or that only the other side sends on this topic, is never refused, nor is an
    error row: its Message has no template, and its parameters are the fields, named `"1"`, `"2"`, ….

    Raises TemplateError if the row does not fit its template (as `Template.parse`), TypeError if `row` is not a row.
    """
    fields = row_fields(row)
    place = _topic(topic)
    template = _find(fields[0], place, collections)
    if template is not None and place.kind in ("us", "ds") and _strays(template, place):
        template = None
    if template is None:
        return unnamed(fields)
    try:
        return template.parse(fields)
    except TemplateError:
        if template.category != "error":
            raise
        return unnamed(fields)


def check_rows(rows: Iterable[RowLike], topic: str, collections: Iterable[Collection] = ()) -> Iterator[Finding]:
    """Every template, type and group fault of these rows, and every unknown row. Byte spans are left empty.

    Reasons: those of `Template.parse`; `unknown_template` for an ID outside the topic's templates, if all of them are
    known; `wrong_direction` for a row that the other side sends.
    """
    place = _topic(topic)
    known = list(collections)
    for number, row in enumerate(rows):
        fields = row_fields(row)
        template = _find(fields[0], place, known)
        faults: list[Fault] = []
        if template is not None:
            faults = template.read(fields)[1]
            if _strays(template, place):
                expected = f"a row that {'a device' if place.direction == 'up' else 'the platform'} sends"
                faults.insert(0, Fault("wrong_direction", None, fields[0], expected, 0))
        elif place.kind in _CLOSED or _collection(place, known) is not None:
            faults.append(Fault("unknown_template", None, fields[0], f"a template ID of {topic}", 0))
        label = template.label if template is not None else ""
        for fault in faults:
            field = fault.field if fault.field is not None and fault.field < len(fields) else None
            yield Finding(fault.reason, str(template_error(label, fault)), row=number, field=field)


def _strays(template: Template, topic: Topic) -> bool:
    """Whether only the other side sends this row on this topic."""
    return (template.direction == "publish") != (topic.direction == "up")


@lru_cache(256)
def _topic(topic: str) -> Topic:
    from ..mqtt import topics  # imported late: large, and building rows does not need it

    return topics.parse(topic)


def _find(template_id: str, topic: Topic, collections: Iterable[Collection]) -> Template | None:
    if topic.kind in ("us", "ds"):
        return static.by_id(template_id)
    found = built_in.find(template_id, topic.kind)
    collection = None if found is not None else _collection(topic, collections)
    return found if collection is None else collection.get(template_id)


def _collection(topic: Topic, collections: Iterable[Collection]) -> Any:
    """The collection that defines the rows of this topic."""
    if topic.kind in ("uc", "dc", "ul", "dl", "ol"):
        return next((known for known in collections if known.x_id == topic.x_id), None)
    if topic.kind in ("ud", "dd"):
        known = list(collections)
        return known[0] if len(known) == 1 else None
    return None
