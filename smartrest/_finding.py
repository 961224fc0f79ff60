"""What a check reports: one fault or doubt and where it stands. Shared by payloads, templates and certificates."""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

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
    `row` and `field` count from 0; each is `None` where it has no meaning.
    """
