"""Payloads that define a collection: rows 10 and 11 of SmartREST 2.0, and rows 10, 15 and 87 of 1.0.

Collects all faults.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..._constants import BOM, SEPARATOR, TEXTS
from ..._engine import encode_row, scan
from ..._findings import Finding
from ...errors import DecodeError, PayloadTooLargeError, TemplateError
from .._faults import Fault, template_error
from .definitions import APIS, RequestDefinition, ResponseDefinition
from .files import file_x_id, placeholders, stripped
from .messages import LegacyRequest
from .stored import read_stored

if TYPE_CHECKING:
    from ...pure import LazyRow
    from .collection import Collection

__all__ = ["check_definition", "read_rows"]

RowFault = tuple[int | None, str, Fault]
_X_ID_ROWS = {"15": 1, "87": 2}  # rows of SmartREST 1.0 that name the X-ID, and the number of that field


def read_rows(
    cls: type[Collection], rows: Sequence[Sequence[str]], x_id: str | None, protocol: str | None, *, file: bool = False
) -> tuple[Collection, list[RowFault]]:
    """The collection of these rows, and every fault; rows with a fault are left out.

    `file`: the rows of a file, whose first row may be the X-ID.
    """
    faults: list[RowFault] = []
    own = file_x_id(rows) if file else None
    x_id = own if x_id is None else x_id
    names = {row[_X_ID_ROWS[row[0]]]: number for number, row in enumerate(rows) if _names_x_id(row)}
    if x_id is None and names:
        x_id = next(iter(names))
    for name, number in names.items():
        if name != x_id:
            fault = Fault("bad_x_id", "x_id", name, f"one X-ID, {x_id}", _X_ID_ROWS[rows[number][0]])
            faults.append((number, rows[number][0], fault))
    legacy = [_is_legacy(row) for row in rows]
    if protocol is None:
        protocol = "1.0" if any(legacy) or names else "2.0"
    try:
        collection = cls(x_id, protocol=protocol)
    except TemplateError as error:
        faults.append((None, "", Fault(error.reason, error.parameter, error.value, error.expected or "")))
        collection = cls(None, protocol=protocol)
    seen: set[str] = set()
    for number, row in enumerate(rows):
        if _names_x_id(row) or (number == 0 and own is not None):
            continue
        if row[0] not in ("10", "11"):
            faults.append((number, "", Fault("bad_row", None, row[0], "a row 10 or 11", 0)))
            continue
        message_id = row[1] if len(row) > 1 else ""
        found = list(_read_row(collection, row, legacy[number]))
        if message_id in seen:
            found.append(Fault("duplicate_id", "message_id", message_id, "an ID unique in the collection", 1))
        seen.add(message_id)
        faults += [(number, message_id, fault) for fault in found]
    return collection, sorted(faults, key=lambda fault: fault[0] or 0)


def _read_row(collection: Collection, row: Sequence[str], legacy: bool) -> Iterator[Fault]:
    """Adds the template of a row to the collection, or yields its faults."""
    if legacy:
        found = list(LegacyRequest.faults(row))
        if not found:
            collection.put(LegacyRequest(row))
    else:
        definition: Any = (RequestDefinition if row[0] == "10" else ResponseDefinition).from_fields(row)
        found = list(definition.faults())
        if not found:
            collection.define(definition)
    yield from found


def _names_x_id(row: Sequence[str]) -> bool:
    return row[0] in _X_ID_ROWS and len(row) > _X_ID_ROWS[row[0]]


def _is_legacy(row: Sequence[str]) -> bool:
    """Whether a row 10 is from SmartREST 1.0: it has a URI in place of the API."""
    return row[0] == "10" and len(row) > 3 and row[3] not in APIS and "/" in row[3]


def check_definition(cls: type[Collection], data: bytes | str) -> list[Finding]:
    """The faults of a collection, given as rows or as stored JSON."""
    start = data if isinstance(data, str) else data.decode("utf-8", "replace")
    if start.removeprefix(BOM).lstrip().startswith("{"):
        collection, faults = read_stored(cls, data)
        found = [Finding(fault.reason, str(template_error(label, fault)), row=row) for row, label, fault in faults]
        return found or _size_findings(collection)
    file = stripped(data)
    try:
        lazy = scan(file.data)
    except DecodeError as error:
        place = None if error.position is None else file.place(error.position)
        end = None if place is None else place + 1
        return [Finding(error.reason, TEXTS[error.reason], place, end, error.row, error.field)]
    rows = [row.fields for row in lazy]
    collection, faults = read_rows(cls, rows, None, None, file=True)
    found = [_finding(row, label, fault, lazy) for row, label, fault in faults] or _size_findings(collection)
    found += [_finding(number, "", fault, lazy) for number, row in enumerate(rows) for fault in placeholders(row)]
    return [
        each
        if each.start is None or each.end is None
        else each._replace(start=file.place(each.start), end=file.place(each.end - 1) + 1)
        for each in sorted(found, key=lambda each: each.row or 0)
    ]


def _size_findings(collection: Collection) -> list[Finding]:
    """The findings for a collection without faults that is empty or too large to create.

    Those of SmartREST 1.0 are usually sent over HTTP, which has no such limit.
    """
    try:
        collection.encode(limit=None) if collection.protocol == "1.0" else collection.encode()
    except TemplateError as error:
        return [Finding(error.reason, str(error))]
    except PayloadTooLargeError as error:
        text = f"{TEXTS['too_large']} of {error.limit} bytes for the one payload that creates a collection"
        return [Finding(error.reason, f"{text}: divide it into collections with X-IDs of their own")]
    return []


def _finding(row: int | None, label: str, fault: Fault, lazy: Sequence[LazyRow]) -> Finding:
    text = str(template_error(label, fault))
    if row is None:
        return Finding(fault.reason, text)
    field = fault.field if fault.field is not None and fault.field < len(lazy[row]) else None
    start, end = _span(lazy[row], field)
    return Finding(fault.reason, text, start, end, row, field)


def _span(row: LazyRow, field: int | None) -> tuple[int, int]:
    """The bytes of a field, if the row up to its end is spelled as an encoder writes it; else those of the row."""
    if field is not None:
        for dialect in ("backslash", "double"):
            before = encode_row(row[:field], dialect=dialect, limit=None) + SEPARATOR.encode() if field else b""
            upto = encode_row(row[: field + 1], dialect=dialect, limit=None)
            if row.raw.startswith(before) and row.raw.startswith(upto):
                return row.start + len(before), row.start + len(upto)
    return row.start, row.end
