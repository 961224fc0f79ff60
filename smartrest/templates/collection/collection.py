"""A template collection: defined in Python, or read from rows or stored JSON; builds and parses its rows.

Source: SmartREST 2.0 reference, sections "Template collections" and "Using request and response templates".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, overload

from ..._constants import BOM, PAYLOAD_LIMIT
from ...errors import EncodeError, SmartRestError
from .._faults import Fault, template_error
from .._message import Message, unnamed
from .._rows import CollectionRow, row_fields
from .._template import Template
from .definitions import PAIRS, RESERVED, Property, RequestDefinition, ResponseDefinition, taken
from .messages import LegacyRequest, Request, Response
from .stored import read_stored, to_stored

if TYPE_CHECKING:
    from ..._findings import Finding
    from ...pure import RowLike

__all__ = ["Collection"]

Custom = Mapping[str, "Property | str"]


class _Parse:
    """`Collection.parse(payload)` returns a collection, `collection.parse(row)` a Message."""

    @overload
    def __get__(self, instance: None, owner: type[Collection]) -> Callable[..., Collection]: ...
    @overload
    def __get__(self, instance: Collection, owner: type[Collection]) -> Callable[[RowLike], Message]: ...
    def __get__(self, instance: Collection | None, owner: type[Collection]) -> Callable[..., Any]:
        return owner.from_payload if instance is None else instance.parse_row


class Collection:
    """The request and response templates of an X-ID.

    One method per pair of HTTP method and API defines a request; `response` and `operation` define responses; each
    returns the collection. Values given here are constants; the device sends the others, which become parameters of
    `build`, called `type`, `time`, … or as in `custom`. `by_id`: the device names objects by internal ID, else by
    external ID (of `external_id_type`, or of a type that the device sends). `response`: whether the platform answers,
    by default only to GET.

    A definition that fails raises TemplateError (`missing`, `bad_value`, `unknown_word`, `bad_path`, `unknown_type`,
    `duplicate_id`, `duplicate_path`, `duplicate_name`) and leaves the collection unchanged. An X-ID that cannot be a
    topic level raises `bad_x_id`.
    """

    def __init__(self, x_id: str | None, *, name: str | None = None, protocol: str = "2.0") -> None:
        self.x_id: str = x_id  # type: ignore[assignment]  # None only until it is named
        self.name = name
        self.protocol = protocol
        self._templates: dict[str, Request | Response | LegacyRequest] = {}
        if x_id is not None:
            _ = self.topic

    # Requests

    def get_inventory(
        self, message_id: str, *, by_id: bool = False, external_id_type: str | None = None, response: bool | None = None
    ) -> Collection:
        """A request for an object."""
        return self._request(message_id, "GET", "INVENTORY", response, by_id=by_id, external_id_type=external_id_type)

    def put_inventory(
        self,
        message_id: str,
        *,
        by_id: bool = False,
        external_id_type: str | None = None,
        custom: Custom | None = None,
        response: bool | None = None,
    ) -> Collection:
        """A request that changes an object."""
        return self._request(
            message_id, "PUT", "INVENTORY", response, custom, by_id=by_id, external_id_type=external_id_type
        )

    def post_inventory(
        self,
        message_id: str,
        *,
        external_id_type: str | None = None,
        custom: Custom | None = None,
        response: bool | None = None,
    ) -> Collection:
        """A request that creates an object."""
        return self._request(message_id, "POST", "INVENTORY", response, custom, external_id_type=external_id_type)

    def post_measurement(
        self,
        message_id: str,
        *,
        type: str | None = None,
        time: Any = None,
        custom: Custom | None = None,
        response: bool | None = None,
    ) -> Collection:
        """A request that creates a measurement."""
        return self._request(message_id, "POST", "MEASUREMENT", response, custom, type=type, time=time)

    def post_event(
        self,
        message_id: str,
        *,
        type: str | None = None,
        text: str | None = None,
        time: Any = None,
        custom: Custom | None = None,
        response: bool | None = None,
    ) -> Collection:
        """A request that creates an event."""
        return self._request(message_id, "POST", "EVENT", response, custom, type=type, text=text, time=time)

    def post_alarm(
        self,
        message_id: str,
        *,
        type: str | None = None,
        text: str | None = None,
        status: str | None = None,
        severity: str | None = None,
        time: Any = None,
        custom: Custom | None = None,
        response: bool | None = None,
    ) -> Collection:
        """A request that raises an alarm."""
        columns = {"type": type, "text": text, "status": status, "severity": severity, "time": time}
        return self._request(message_id, "POST", "ALARM", response, custom, **columns)

    def put_alarm(
        self,
        message_id: str,
        *,
        type: str | None = None,
        custom: Custom | None = None,
        response: bool | None = None,
    ) -> Collection:
        """A request that changes the active (else the acknowledged) alarm of a type."""
        return self._request(message_id, "PUT", "ALARM", response, custom, type=type)

    def put_operation(
        self,
        message_id: str,
        *,
        fragment: str | None = None,
        custom: Custom | None = None,
        response: bool | None = None,
    ) -> Collection:
        """A request that changes the executing (else the pending) operation with a fragment."""
        return self._request(message_id, "PUT", "OPERATION", response, custom, fragment=fragment)

    def _request(
        self,
        message_id: str,
        method: str,
        api: str,
        response: bool | None,
        custom: Custom | None = None,
        **columns: Any,
    ) -> Collection:
        _check_id(message_id)
        values = {name: _text(message_id, name, value) for name, value in columns.items()}
        properties: dict[str, Property] = {}
        for name, given in (custom or {}).items():
            if not isinstance(name, str):
                raise template_error(message_id, Fault("bad_type", "custom", name, "property names as texts"))
            known = given if isinstance(given, Property) else Property(given)
            if not isinstance(known.path, str):
                raise template_error(message_id, Fault("bad_type", name, known.path, "a JSON path or a property"))
            if name in taken(PAIRS[method, api]):
                raise template_error(message_id, Fault("duplicate_name", name, name, "a name of your own"))
            properties[name] = known._replace(value=_text(message_id, name, known.value) or None)
        answer = _text(message_id, "response", response)
        self._add(RequestDefinition(message_id, method, api, answer, values, properties))
        return self

    # Responses

    def response(self, message_id: str, base: str = "", condition: str = "", /, **patterns: str) -> Collection:
        """A response: JSON paths by name, in order; each gives one value of the row, or several if it is a list.

        `base` is put before each path; `condition` is a path from the root of the object that must exist.
        """
        return self._response(message_id, base, condition, patterns, None)

    def operation(self, message_id: str, condition: str, base: str = "", /, **patterns: str) -> Collection:
        """A response for operations, usually by their fragment; its rows start with the device's external ID."""
        return self._response(message_id, base, condition, patterns, True)

    def _response(
        self, message_id: str, base: str, condition: str, patterns: dict[str, str], operation: bool | None
    ) -> Collection:
        _check_id(message_id)
        for name, path in (("base", base), ("condition", condition), *patterns.items()):
            if not isinstance(path, str):
                raise template_error(message_id, Fault("bad_type", name, path, "a JSON path"))
            if name in RESERVED:
                raise template_error(message_id, Fault("duplicate_name", name, name, "a name of your own"))
        self._add(ResponseDefinition(message_id, base, condition, dict(patterns), operation=operation))
        return self

    # Contents

    def _add(self, definition: RequestDefinition | ResponseDefinition) -> None:
        for fault in self.faults(definition):
            raise template_error(definition.message_id, fault)
        self.define(definition)

    def faults(self, definition: RequestDefinition | ResponseDefinition) -> list[Fault]:
        """The faults that keep a definition out of the collection."""
        double = Fault("duplicate_id", "message_id", definition.message_id, "an ID unique in the collection", 1)
        return [*definition.faults(), *([double] if definition.message_id in self._templates else [])]

    def define(self, definition: RequestDefinition | ResponseDefinition) -> None:
        """Add a definition without faults."""
        up, down = ("uc", "dc") if self.protocol == "2.0" else ("ul", "dl")
        level = up if isinstance(definition, RequestDefinition) else down
        topic = _topic(level, self.x_id) if self.x_id is not None else ""
        if isinstance(definition, RequestDefinition):
            self.put(Request(definition, topic))
        else:
            self.put(Response(definition, topic, self.protocol))

    def put(self, template: Request | Response | LegacyRequest) -> None:
        """Add a finished template."""
        self._templates[template.id] = template

    def get(self, message_id: str) -> Template | None:
        """The template of a message ID."""
        return self._templates.get(message_id)

    def __getitem__(self, message_id: str) -> Template:
        return self._templates[message_id]

    def __contains__(self, message_id: object) -> bool:
        return message_id in self._templates

    def __iter__(self) -> Iterator[str]:
        """The message IDs, in order."""
        return iter(self._templates)

    def __len__(self) -> int:
        return len(self._templates)

    def values(self) -> list[Template]:
        """The templates, in order."""
        return list(self._templates.values())

    def __eq__(self, other: object) -> bool:
        """Whether both define the same, whatever the spelling; names given in Python do not count."""
        if not isinstance(other, Collection):
            return NotImplemented
        return self.x_id == other.x_id and self._normal() == other._normal()

    __hash__ = None  # type: ignore[assignment]  # mutable

    def _normal(self) -> list[tuple[Any, ...]]:
        rows = [
            known.fields if isinstance(known, LegacyRequest) else known.definition.normal()
            for known in self._templates.values()
        ]
        return sorted(rows, key=lambda row: row[1])

    def __repr__(self) -> str:
        return f"<Collection {self.x_id or 'without X-ID'}: {', '.join(self._templates)}>"

    # Creating it on the platform

    @property
    def topic(self) -> str:
        """The topic for `payload`, `s/ut/<X-ID>`, or `s/ul/<X-ID>` in SmartREST 1.0: publish it there once.

        Raises TemplateError `bad_x_id` without an X-ID.
        """
        if self.x_id is None:
            raise template_error("", Fault("bad_x_id", "x_id", None, "an X-ID"))
        return _topic("ut" if self.protocol == "2.0" else "ul", self.x_id)

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The definitions: rows 10 and 11."""
        return [
            known.fields if isinstance(known, LegacyRequest) else known.definition.fields()
            for known in self._templates.values()
        ]

    @property
    def payload(self) -> bytes:
        """All rows of the collection in one payload, which creates it, as `encode()` gives it."""
        return self.encode()

    def encode(self, *, limit: int | None = -1) -> bytes:
        """All rows in one payload of at most `limit` bytes, by default those that one MQTT packet holds.

        `limit=None` is for a collection of SmartREST 1.0 that is posted over HTTP. Quotes are doubled in SmartREST 1.0.
        Raises TemplateError `missing` for an empty collection (an empty payload would query it instead), and
        PayloadTooLargeError.
        """
        from ..._engine import encode, payload_budget

        if not self._templates:
            raise template_error("", Fault("missing", "templates", None, "at least one template"))
        if limit == -1:
            limit = PAYLOAD_LIMIT if self.x_id is None else payload_budget(self.topic, qos=1)
        return encode(self.rows, dialect="backslash" if self.protocol == "2.0" else "double", limit=limit)

    def answer(self, row: RowLike) -> str | None:
        """The collection's internal ID from the platform's answer on `s/dt`, or `None` if it does not exist.

        In SmartREST 1.0 from the answer on `s/dl/<X-ID>`, which does not repeat the X-ID.

        Raises TemplateError `wrong_id` for any other row, `bad_x_id` for the answer about another collection.
        """
        from .._parse import parse

        fields = row_fields(row)
        if self.protocol == "1.0":
            if fields[0] not in ("20", "40"):
                raise template_error("", Fault("wrong_id", None, fields[0], "20 or 40", 0))
            return parse(fields, "s/dl/any").parameters.get("template_object_id")
        if fields[0] not in ("20", "41"):
            raise template_error("", Fault("wrong_id", None, fields[0], "20 or 41", 0))
        message = parse(fields, "s/dt")
        if message["x_id"] != self.x_id:
            raise template_error("", Fault("bad_x_id", "x_id", message["x_id"], f"the X-ID {self.x_id}", 1))
        return message.parameters.get("collection_id")

    # Its rows

    def build(self, message_id: str, /, **parameters: Any) -> CollectionRow:
        """The row of a request with these values, without trailing empty ones; a tuple that knows its topic.

        Raises TemplateError as `Template.build`, and `unknown_template` if `message_id` is not a request here.
        """
        template = self._templates.get(message_id)
        if template is None or template.direction != "publish":
            raise template_error("", Fault("unknown_template", None, message_id, "the message ID of a request"))
        row = CollectionRow(template.build(**parameters))
        row.x_id, row.protocol = self.x_id, self.protocol
        return row

    def parse_row(self, row: RowLike) -> Message:
        """A row of this collection as a Message, without template for an unknown ID; also `collection.parse(row)`.

        Raises TemplateError for a row that does not fit its template.
        """
        fields = row_fields(row)
        template = self._templates.get(fields[0])
        if template is None:
            return unnamed(fields)
        return template.parse(fields)

    parse = _Parse()

    # From and to other forms

    @classmethod
    def from_payload(cls, payload: bytes | str, x_id: str | None = None, *, protocol: str | None = None) -> Collection:
        """The collection defined by rows 10 and 11; also `Collection.parse(payload)`.

        Also reads SmartREST 1.0: its rows 10, and rows 15 and 87, which name the X-ID. Parameters are named after
        their paths. Without `x_id` the payload may be a file as vendors ship it, see `from_file`.

        Raises TemplateError for the first fault, with row and field, and DecodeError for an unreadable payload.
        """
        return cls._read(payload, x_id, protocol, file=x_id is None)

    @classmethod
    def from_file(cls, data: bytes | str, x_id: str | None = None) -> Collection:
        """The collection of a file: stored JSON, or rows with what vendors add to them.

        The first line may be the X-ID alone, and lines that start with `#` are left out. Placeholders such as
        `${SERIAL}` stay as they are; `check` names them. Raises as `from_payload` and `from_json`.
        """
        start = data[:100] if isinstance(data, str) else data[:100].decode("utf-8", "replace")
        if start.removeprefix(BOM).lstrip().startswith("{"):
            return cls.from_json(data, x_id)
        return cls._read(data, x_id, None, file=True)

    @classmethod
    def _read(cls, data: bytes | str, x_id: str | None, protocol: str | None, *, file: bool) -> Collection:
        from ..._engine import decode
        from .files import stripped
        from .rows import read_rows

        rows = decode(stripped(data).data if file else data)
        collection, faults = read_rows(cls, rows, x_id, protocol, file=file)
        for row, label, fault in faults:
            raise template_error(label, fault, row)
        if not collection:
            raise template_error("", Fault("missing", "templates", None, "at least one template"))
        return collection

    @classmethod
    def from_json(cls, data: str | bytes | Mapping[str, Any], x_id: str | None = None) -> Collection:
        """The collection from the JSON that the platform stores and its UI exports.

        Raises TemplateError: `bad_json`, or the fault of a template, with `row` counting requests, then responses.
        """
        collection, faults = read_stored(cls, data, x_id)
        for row, label, fault in faults:
            raise template_error(label, fault, row)
        return collection

    def to_json(self, *, indent: int | None = 2) -> str:
        """The stored form as JSON text, which the UI imports. Raises TemplateError for requests of SmartREST 1.0."""
        definitions = []
        for known in self._templates.values():
            if isinstance(known, LegacyRequest):
                raise template_error(known.id, Fault("bad_method", "method", known.description, "SmartREST 2.0"))
            definitions.append(known.definition)
        return json.dumps(to_stored(self.x_id, self.name, definitions), indent=indent, ensure_ascii=False)

    @staticmethod
    def check(data: bytes | str) -> list[Finding]:
        """Every fault of a collection given as rows or as stored JSON; faults of rows have a byte span."""
        from .rows import check_definition

        return check_definition(Collection, data)


def _topic(level: str, x_id: str) -> str:
    from ...mqtt import topics

    try:
        return topics.build(level, x_id)
    except SmartRestError as error:
        raise template_error("", Fault("bad_x_id", "x_id", x_id, f"one level of a topic ({error})")) from None


def _check_id(message_id: Any) -> None:
    if not isinstance(message_id, str):
        raise template_error("", Fault("bad_type", "message_id", message_id, "a text"))


def _text(message_id: str, name: str, value: Any) -> str:
    """A value as text for a definition."""
    try:
        return Property("", value=value).text
    except EncodeError as error:
        reason = "bad_type" if error.reason == "bad_type" else "bad_value"
        raise template_error(message_id, Fault(reason, name, value, "a value that can be sent")) from None
