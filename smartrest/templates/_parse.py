"""Rows by topic: finds the template that reads a row, and every fault that a check can report.

`Reader` classifies a topic once, for any number of rows; `parse` and `check_rows` are made of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .._findings import Finding
from ..errors import TemplateError
from ._faults import Fault, fitting, template_error
from ._message import Message, unnamed
from ._rows import row_fields
from ._static import built_in, static
from ._template import Template

if TYPE_CHECKING:
    from ..mqtt.topics import Topic
    from ..pure import RowLike
    from .collection.collection import Collection

__all__ = ["Reader", "check_rows", "parse"]

_CLOSED = ("us", "ds", "ut", "dt", "dcr", "dat")  # the table lists every row of these kinds of topics
_CUSTOM = ("uc", "dc", "ud", "dd", "ul", "dl", "ol")  # a collection defines the rows of these
_EVERY = 1 << 62  # rows: more than a payload has


def parse(row: RowLike, topic: str, *, collections: Iterable[Collection] = (), prefix: str | None = None) -> Message:
    """A row as a Message. The topic selects the template: static, built in, or from the collection with its X-ID.

    `s/us` and `s/ds`: the static templates. `s/dt`, `s/dcr`, `s/dat`, `s/e`, `s/ut`: built-in rows. `s/uc/…`,
    `s/dc/…` and the SmartREST 1.0 topics: the collection with that X-ID among `collections`; `s/ud` and `s/dd`: the
    only one given. A row that is unknown, or that only the other side sends on this topic, is never refused, nor is an
    error row: its Message has no template, and its parameters are the fields, named `"1"`, `"2"`, ….
    `prefix`: what a gateway's broker puts before every topic, such as `c8y`.

    Raises TemplateError if the row does not fit its template (as `Template.parse`), TypeError if `row` is not a row.
    """
    return Reader(topic, collections=collections, prefix=prefix).read(row)


def check_rows(
    rows: Iterable[RowLike], topic: str, collections: Iterable[Collection] = (), *, prefix: str | None = None
) -> Iterator[Finding]:
    """Every template, type and group fault of these rows, and every unknown row. Byte spans are left empty.

    Reasons: those of `Template.parse`; `unknown_template` for an ID outside the topic's templates, if all of them are
    known; `wrong_direction` for a row that the other side sends; `unknown_topic` and `json_topic` if no row was
    checked; `unknown_collection`, once, for the first row whose collection is not among `collections`.
    """
    return Reader(topic, collections=collections, prefix=prefix).check(rows)


class Reader:
    """Reads the rows of one topic; `place` is the topic, classified. `parse` describes the arguments.

    `read` reads a single row. `messages` and `check` read the rows of one payload, where in SmartREST 1.0 a row may
    name the X-ID of those that follow (15, and 87 in answers).
    """

    __slots__ = ("_collection", "_collections", "_strays", "place", "topic")

    def __init__(self, topic: str, *, collections: Iterable[Collection] = (), prefix: str | None = None) -> None:
        self.topic = topic
        self.place = _topic(topic, prefix)
        self._collections = collections if isinstance(collections, (list, tuple)) else tuple(collections)
        self._strays = "subscribe" if self.place.direction == "up" else "publish"  # direction of the other side's rows
        self._collection: Any = self._of_topic()

    def read(self, row: RowLike) -> Message:
        """The row as a Message, as `parse` gives it."""
        fields = row_fields(row)
        return self._message(self._find(fields[0], self._collection), fields)

    def messages(self, rows: Iterable[RowLike]) -> Iterator[Message | TemplateError]:
        """The Message of each row of one payload, or the TemplateError that `parse` would raise."""
        for row, collection in self._placed(rows):
            yield self._attempt(row, collection)

    def check(self, rows: Iterable[RowLike]) -> Iterator[Finding]:
        """The findings for the rows of one payload, as `check_rows` gives them."""
        if not self.place.is_smartrest:
            yield self._not_checked()
            return
        in_doubt = False
        for number, (fields, collection) in enumerate(self._placed(rows)):
            template = self._find(fields[0], collection)
            faults: list[Fault] = []
            if template is not None:
                faults = template.read(fields)[1]
                if self.is_stray(template):
                    expected = f"a row that {'a device' if self.place.direction == 'up' else 'the platform'} sends"
                    faults.insert(0, Fault("wrong_direction", None, fields[0], expected, 0))
            elif self.place.kind == "ul" and fields[0] in ("10", "11"):  # the definition of a collection
                continue
            elif self.place.kind in _CUSTOM and collection is None:
                if not in_doubt:
                    yield self._unknown_collection(number)
                in_doubt = True
            elif self.place.kind in _CLOSED or collection is not None:
                faults.append(Fault("unknown_template", None, fields[0], f"a template ID of {self.topic}", 0))
            label = template.label if template is not None else ""
            for fault in faults:
                field = fault.field if fault.field is not None and fault.field < len(fields) else None
                yield Finding(fault.reason, str(template_error(label, fault)), row=number, field=field)

    def _placed(self, rows: Iterable[RowLike]) -> Iterator[tuple[tuple[Any, ...], Any]]:
        """The fields of each row of a payload, and the collection that defines it."""
        collection, left = self._collection, _EVERY
        one = self.place.is_legacy
        for row in rows:
            fields = row_fields(row)
            if not one:
                yield fields, collection
                continue
            if left == 0:
                collection, left = self._collection, _EVERY
            yield fields, collection
            left -= 1
            if fields[0] == "15" and len(fields) > 1 and self.place.direction == "up":
                collection, left = self._named(fields[1]), _EVERY
            elif fields[0] == "87" and len(fields) > 2 and self.place.direction == "down":
                count = fields[1] if isinstance(fields[1], str) else ""
                known = count.isascii() and count.isdigit() and len(count) < 10
                collection, left = self._named(fields[2]), int(count) if known else _EVERY

    def _attempt(self, row: tuple[Any, ...], collection: Any) -> Message | TemplateError:
        try:
            return self._message(self._find(row[0], collection), row)
        except TemplateError as error:
            return error

    def _message(self, template: Template | None, fields: tuple[Any, ...]) -> Message:
        if template is None or (self.place.kind in ("us", "ds") and self.is_stray(template)):
            return unnamed(fields)
        try:
            return template.parse(fields)
        except TemplateError:
            if template.category != "error":
                raise
            return unnamed(fields)

    def is_stray(self, template: Template) -> bool:
        """Whether only the other side sends this row on this topic."""
        return template.direction == self._strays

    @property
    def collection(self) -> Collection | None:
        """The collection that defines the rows of the topic."""
        found: Collection | None = self._collection
        return found

    def find(self, template_id: str) -> Template | None:
        """The template that reads the rows of this ID."""
        return self._find(template_id, self._collection)

    def _find(self, template_id: str, collection: Any) -> Template | None:
        kind = self.place.kind
        if kind in ("us", "ds"):
            return static.by_id(template_id)
        found = built_in.find(template_id, kind)
        return found if found is not None or collection is None else collection.get(template_id)

    def _of_topic(self) -> Any:
        """The collection that defines the rows of this topic."""
        if self.place.kind in ("ud", "dd"):
            return self._collections[0] if len(self._collections) == 1 else None
        return self._named(self.place.x_id) if self.place.kind in _CUSTOM else None

    def _named(self, x_id: str | None) -> Any:
        """The collection with this X-ID; of two with the same, the one of the topic's protocol."""
        protocol = "1.0" if self.place.is_legacy else "2.0"
        found = [known for known in self._collections if known.x_id == x_id]
        return next((known for known in found if known.protocol == protocol), found[0] if found else None)

    def _unknown_collection(self, row: int) -> Finding:
        x_id = self.place.x_id
        missing = "of this row is not known" if x_id is None else f"of X-ID {fitting(x_id)} was not given"
        return Finding("unknown_collection", f"not checked: the collection {missing}", row=row, field=0)

    def _not_checked(self) -> Finding:
        topic = fitting(self.topic)
        if self.place.is_json:
            return Finding("json_topic", f"{topic} carries JSON via MQTT, not SmartREST: no row was checked")
        text = f"{topic}: not a topic of SmartREST, so no row was checked"
        prefix = _likely_prefix(self.topic)
        return Finding("unknown_topic", text + (f"; is {fitting(prefix)} a prefix of this broker?" if prefix else ""))


@lru_cache(256)
def _topic(topic: str, prefix: str | None) -> Topic:
    from ..mqtt import topics  # imported late: large, and building rows does not need it

    return topics.parse(topic, prefix=prefix)


def _likely_prefix(topic: str) -> str | None:
    """The levels before what would be a topic of the platform."""
    from ..mqtt import topics

    levels = topic.split("/")
    for number in range(1, min(len(levels), 6)):
        if topics.parse("/".join(levels[number:])).kind is not None:
            return "/".join(levels[:number])
    return None
