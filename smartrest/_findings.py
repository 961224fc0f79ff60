"""`Finding`, one fault or doubt, and how `check` collects them for both engines.

Payloads, templates and certificates report findings. The engine finds the faults of a payload; template, type and
group faults come from `smartrest.templates`, imported only when a topic is given.
"""

from __future__ import annotations

from collections import namedtuple

from . import _door
from ._constants import BLANKS, ESCAPE, PAYLOAD_LIMIT, QUOTE, TEXTS
from ._limits import packet_room

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, NamedTuple

    Fault = tuple[str, int, int, int, int]  # reason, start, end, row, field

    class Finding(NamedTuple):
        reason: str
        text: str
        start: int | None = None
        end: int | None = None
        row: int | None = None
        field: int | None = None

else:
    Finding = namedtuple("Finding", "reason text start end row field", defaults=(None, None, None, None))
    Finding.__doc__ = """One fault or doubt.

    `reason` is a stable word, `text` a sentence for people; `start` and `end` are the byte span in the payload,
    `row` and `field` count from 0; each is `None` where it does not apply.
    """


# Doubts about fields that every reading accepts, strict ones too: other readers may take another value.
DOUBTS = {
    "blank_at_edge": "blank at the edge of an unquoted value: quote the value to keep it, or remove the blank",
    "trailing_backslash": TEXTS["trailing_backslash"] + ": some readers take it and the quote for an escaped quote",
}
EDGES = tuple(BLANKS)


def check_limit(topic: str | None) -> int:
    """The most bytes a payload may have on `topic` at QoS 1."""
    return PAYLOAD_LIMIT if topic is None else packet_room(topic, qos=1)


def bad_length(data: bytes, at: int) -> int:
    """The length in bytes of the invalid sequence at `at`, as Python's decoder counts it."""
    try:
        data[at : at + 8].decode()
    except UnicodeDecodeError as error:
        return error.end - error.start
    return 1


def _start(finding: Finding) -> int:
    return finding.start or 0


def _doubts(
    data: bytes, rows: list[tuple[str, ...]], span: Callable[[int, int | None], tuple[int, int]]
) -> Iterator[Finding]:
    """The doubts about fields."""
    if not any(mark.encode() in data for mark in (*BLANKS, ESCAPE)):
        return
    for number, row in enumerate(rows):
        for field, value in enumerate(row):
            blank = value[:1] in EDGES or value[-1:] in EDGES
            if not blank and not value.endswith(ESCAPE):
                continue
            start, end = span(number, field)
            reason = "blank_at_edge" if blank else None
            if data[start:end].lstrip(BLANKS.encode()).startswith(QUOTE.encode()):
                reason = "trailing_backslash" if value.endswith(ESCAPE) else None
            if reason is not None:
                yield Finding(reason, DOUBTS[reason], start, end, number, field)


def findings(
    data: bytes,
    faults: Iterable[Fault],
    rows: list[tuple[str, ...]],
    span: Callable[[int, int | None], tuple[int, int]],
    topic: str | None,
    collections: Iterable[Any],
) -> list[Finding]:
    """The findings of a payload, ordered by start.

    `faults` are the faults of the format. `rows` are checked against the templates of `topic`; empty if reading failed.
    `span(row, field)` is the byte span of a field, or of the whole row if `field` is `None`.
    """
    size, limit = len(data), check_limit(topic)
    found = [Finding(reason, TEXTS[reason], start, end, row, field) for reason, start, end, row, field in faults]
    if size > limit:
        found.append(Finding("too_large", TEXTS["too_large"], limit, size))
    if topic is not None:
        found += _doubts(data, rows, span)
        for finding in _door.check_rows(rows, topic, collections):
            if finding.reason == "json_topic":  # what its bytes mean to a reader of rows says nothing
                found = [known for known in found if known.reason == "too_large"]
            if finding.row is not None:
                start, end = span(finding.row, finding.field)
                finding = finding._replace(start=start, end=end)
            found.append(finding)
    return sorted(found, key=_start)
