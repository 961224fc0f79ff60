"""The rows that report an operation's status: by ID if known (504 to 506), otherwise by fragment (501 to 503).

Answers are encoded, with texts cut to fit the payload by the codec's `truncate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import PayloadTooLargeError, encode_row, truncate
from .operations import Operation

Row = tuple[Any, ...]
PROGRESS = "OperationProgress"  # event type
_ELLIPSIS = "…"
_BYTES = 4  # of a character, at most
_QUOTES = 3  # bytes around a field's text: two quotes and a comma


def _row(operation: Operation, by_fragment: str, by_id: str, *fields: Any) -> Row:
    if operation.id is not None:
        return (by_id, operation.id, *fields)
    return (by_fragment, operation.fragment, *fields)


def executing(operation: Operation) -> Row:
    return _row(operation, "501", "504")


def untold(fragment: str, limit: int) -> bytes:
    """Fails the EXECUTING operations of a lane whose claim cannot be distinguished from an equal operation."""
    return _fitted(("507", fragment, "Not run: indistinguishable from an equal operation. Send it again."), limit)


def unanswered(fragment: str, limit: int) -> bytes:
    """Fails the EXECUTING operations of a lane whose answer was given up."""
    return _fitted(("507", fragment, "Has run, but the server hung up on the answer."), limit)


def shortest(operation: Operation, status: str) -> bytes:
    """The answer without its reason or result."""
    return encode_row(_row(operation, *(("503", "506") if status == "successful" else ("502", "505"))))


def progress(operation: Operation, text: str, limit: int) -> bytes:
    """An event naming the operation, with `text`: no template reports the progress of a running operation."""
    name = " ".join(filter(None, (operation.fragment or operation.template_id, operation.id)))
    return _fitted(("400", PROGRESS, _sendable(f"{name}: {text}")), limit)


def failed(operation: Operation, reason: str, limit: int) -> bytes:
    """Never raises: characters of `reason` that cannot be sent are escaped, and it is cut to fit."""
    return _fitted(_row(operation, "502", "505", _sendable(reason)), limit)


def successful(operation: Operation, fields: Sequence[Any], limit: int) -> bytes:
    """Raises `EncodeError` for a field that cannot be sent, `PayloadTooLargeError` if cutting texts is not enough."""
    return _fitted(_row(operation, "503", "506", *fields), limit)


def _sendable(text: object) -> str:
    return str(text).encode("utf-8", "backslashreplace").decode()


def _fitted(row: Row, limit: int) -> bytes:
    """The encoded row, its longest texts cut until it fits `limit` bytes. Encoded once, since `truncate` measures."""
    texts = [index for index in range(2, len(row)) if isinstance(row[index], str)]
    longest = sum(_BYTES * str.__len__(field) + _QUOTES if isinstance(field, str) else limit for field in row)
    if longest <= limit or not texts:
        return encode_row(row, limit=limit)
    for index in sorted(texts, key=lambda i: str.__len__(row[i]), reverse=True):
        try:
            row = truncate(row, index, limit=limit)
            break
        except PayloadTooLargeError:
            row = (*row[:index], _ELLIPSIS, *row[index + 1 :])
    return encode_row(row, limit=limit)
