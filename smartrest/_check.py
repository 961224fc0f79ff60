"""Puts the findings of `check` together. Shared by both engines; which faults a payload has is the engine's part.

Template, type and group faults come from `smartrest.templates`, loaded only when a topic is given.
"""

from __future__ import annotations

from ._budget import packet_room
from ._constants import PAYLOAD_LIMIT, TEXTS
from ._finding import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Fault = tuple[str, int, int, int, int]  # reason, start, end, row, field


def check_limit(topic: str | None) -> int:
    """The bytes that a payload may have on `topic`, sent with acknowledgement."""
    return PAYLOAD_LIMIT if topic is None else packet_room(topic, qos=1)


def bad_length(data: bytes, at: int) -> int:
    """The bytes of the bad sequence at `at`, as Python's decoder counts them."""
    try:
        data[at : at + 8].decode()
    except UnicodeDecodeError as error:
        return error.end - error.start
    return 1


def _start(finding: Finding) -> int:
    return finding.start or 0


def findings(
    size: int,
    faults: Iterable[Fault],
    rows: list[tuple[str, ...]],
    span: Callable[[int, int | None], tuple[int, int]],
    topic: str | None,
    collections: Iterable[Any],
) -> list[Finding]:
    """The findings of a payload of `size` bytes, in the order of their start.

    `faults`: those of the format. `rows`: the rows to hold against the templates of `topic`; none where reading failed.
    `span(row, field)` is the byte span of a field, or of the row where `field` is `None`.
    """
    limit = check_limit(topic)
    found = [Finding(reason, TEXTS[reason], start, end, row, field) for reason, start, end, row, field in faults]
    if size > limit:
        found.append(Finding("too_large", TEXTS["too_large"], limit, size))
    if topic is not None and rows:
        from .templates import check_rows

        for finding in check_rows(rows, topic, collections):
            row = 0 if finding.row is None else finding.row
            start, end = span(row, finding.field)
            found.append(finding._replace(start=start, end=end, row=row))
    return sorted(found, key=_start)
