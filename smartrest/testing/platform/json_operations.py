"""Operations of the stand-in platform as JSON, as the platform sends them on `devicecontrol/notifications`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from smartrest._limits import packet_room
from smartrest.errors import too_large_error
from smartrest.mqtt import topics

from .inventory import now
from .operations import PENDING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .inventory import Inventory
    from .operations import Operation

__all__ = ["json_payloads"]


def json_payloads(operations: Iterable[Operation], inventory: Inventory) -> Iterator[bytes]:
    """The operations, one a line, in as few payloads as they fit into."""
    limit = packet_room(topics.json_operations(), qos=1)
    lines: list[bytes] = []
    size = 0
    for operation in operations:
        line = _line(operation, inventory)
        if len(line) > limit:
            raise too_large_error(limit, None, len(line))
        if lines and size + len(line) > limit:
            yield b"\n".join(lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line) + 1
    if lines:
        yield b"\n".join(lines)


def _line(operation: Operation, inventory: Inventory) -> bytes:
    thing = inventory.get(operation.device)
    time = now()
    content = {
        "agentId": thing.root.id if thing is not None else None,
        "creationTime": time,
        "delivery": {"log": [], "status": PENDING, "time": time},
        "deviceId": thing.id if thing is not None else None,
        "id": operation.id,
        "status": PENDING,
        **operation.content,
        "externalSource": {"externalId": operation.device, "type": "c8y_Serial"},
    }
    return json.dumps(content, ensure_ascii=False, default=str).encode()
