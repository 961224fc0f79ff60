"""Reads operations as JSON from `devicecontrol/notifications`: one object per line, each with its ID and external ID.

An operation that a static template describes gets the row of that template, so that handlers need not know how it
came. Nothing here raises for network input or quotes an operation. Source: MQTT integration guide, "JSON via MQTT".
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator
from typing import Any, NamedTuple

from ..mqtt import topics
from .events import Event, OperationRefused, PayloadRefused
from .operations import Operation

PENDING = "PENDING"
STATUSES = (PENDING, "EXECUTING", "SUCCESSFUL", "FAILED")
NO_FRAGMENT = "the operation has no fragment"
Found = tuple[Operation, str | None]


def read(
    payload: bytes, device: str, handled: Container[str], ignored: Container[str], limit: int
) -> tuple[list[Found], list[Event]]:
    """The operations of a payload, each with the reason it is refused or `None`, and events: the first fault, and the
    operations that are not PENDING. `handled`: the fragments with a handler; `ignored`: as of a `Session`.
    """
    topic = topics.json_operations()
    if len(payload) > limit:
        text = f"{len(payload):,} bytes, but limits.receive is {limit:,}"
        return [], [PayloadRefused(topic, "too_large", limit, text)]
    found: list[Found] = []
    faults: list[Event] = []
    late: list[Event] = []
    for start, content in _contents(payload):
        operation = content if isinstance(content, _Fault) else _operation(content, device, handled, ignored, limit)
        if isinstance(operation, _Fault):
            faults.append(PayloadRefused(topic, operation.reason, start + operation.offset, operation.text))
        elif (status := content.get("status", PENDING)) != PENDING:
            text = f"its status is {status if status in STATUSES else 'unknown'}, not {PENDING}"
            late.append(OperationRefused(operation[0], text, answered=False))
        else:
            found.append(operation)
    return found, [*faults[:1], *late]


class _Fault(NamedTuple):
    reason: str
    text: str
    offset: int = 0  # in bytes, from the start of the object


TOO_DEEP = _Fault("bad_json", "nested too deeply")


def _contents(payload: bytes) -> Iterator[tuple[int, Any]]:
    """The JSON of each operation, or its fault, with its offset. A payload of one operation may have any layout."""
    if b"\n" in payload.strip():
        whole = _loaded(payload)
        if not isinstance(whole, _Fault):
            yield 0, whole
            return
    start = 0
    for line in payload.split(b"\n"):
        if line.strip():
            yield start, _loaded(line)
        start += len(line) + 1


def _loaded(text: bytes) -> Any:
    try:
        decoded = text.decode()
    except UnicodeDecodeError as error:
        return _Fault("invalid_utf8", "not UTF-8", error.start)
    try:
        return json.loads(decoded)
    except json.JSONDecodeError as error:
        return _Fault("bad_json", f"not JSON: {error.msg}", len(decoded[: error.pos].encode()))
    except RecursionError:
        return TOO_DEEP
    except ValueError:  # a number of more digits than Python converts
        return _Fault("bad_json", "a number has too many digits")


def _operation(
    content: Any, device: str, handled: Container[str], ignored: Container[str], limit: int
) -> Found | _Fault:
    from ..templates.operation_json import UPDATE, operation_row

    if not isinstance(content, dict):
        return _Fault("bad_operation", "an operation must be a JSON object")
    operation_id = content.get("id")
    if isinstance(operation_id, int) and not isinstance(operation_id, bool):
        operation_id = str(operation_id)
    if not isinstance(operation_id, str) or not operation_id:
        return _Fault("bad_operation", "an operation without an ID, which the answer needs")
    source = content.get("externalSource")
    target = source.get("externalId") if isinstance(source, dict) else None
    if not isinstance(target, str) or not target:
        return _Fault("bad_operation", "an operation without externalSource.externalId, which names the device")
    refusal = None
    try:
        fragment, row = operation_row(content, target, handled, ignored, limit)
    except RecursionError:
        return TOO_DEEP
    except OverflowError as error:
        fragment, row, refusal = UPDATE, ("", target), str(error)
    child = None if target == device else target
    operation = Operation(target, child, fragment, row, topics.json_operations(), operation_id, content=content)
    return operation, refusal if fragment else NO_FRAGMENT
