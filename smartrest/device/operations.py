"""An operation: how to read its row by template ID, and the rows that answer it. lanes.py tracks its state.

Answers name it by its ID if known (504 to 506), otherwise by its fragment (501 to 503). They are encoded here, with
texts cut to fit the payload by the codec's `truncate`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import PayloadTooLargeError, encode_row, truncate

if TYPE_CHECKING:
    from ..templates import Template

Row = tuple[Any, ...]
PROGRESS = "OperationProgress"  # event type
_ELLIPSIS = "…"
_BYTES = 4  # of a character, at most
_QUOTES = 3  # bytes around a field's text: two quotes and a comma


class OperationTemplate(NamedTuple):
    """How to read the operation rows of a template ID.

    `fragment` is the operation's fragment, named by 501 to 503. `id_field` is the row index of the operation's ID (a
    pattern of a custom response template); with it, answers use the ID (504 to 506).
    """

    fragment: str | None = None
    id_field: int | None = None
    template: Template | None = None  # names the parameters; `None`: the static template, if there is one


class Handling:
    """The mutable state of an operation while a handler works on it."""

    __slots__ = ("cancelled", "report")

    def __init__(self) -> None:
        self.cancelled: str | None = None
        self.report: Callable[[Operation, str], None] | None = None


@dataclass(eq=False, frozen=True)
class Operation:
    """An operation for a device or child.

    `device` is the external ID it addresses; `child` is the same for a child, `None` for the device itself. `fragment`
    may be "" if answers use `id`. `row` holds the fields as received on `topic`. An operation received as JSON has that
    as `content`, and the row of its static template, else "" and the device ID. `cancelled` and `progress` are for
    long-running handlers.
    """

    device: str
    child: str | None
    fragment: str
    row: tuple[str, ...] = field(repr=False)
    topic: str
    id: str | None = None
    template: Template | None = field(default=None, repr=False)
    content: Mapping[str, Any] | None = field(default=None, repr=False)
    _handling: Handling = field(default_factory=Handling, init=False, repr=False)

    @property
    def cancelled(self) -> str | None:
        """Why the handler should end soon, or `None`.

        The time limit has passed (and 502 was answered), the device is stopping, or the platform refuses it for good.
        In the last two cases the result still counts.
        """
        return self._handling.cancelled

    def cancel(self, reason: str | None) -> None:
        """Set `cancelled`. Neither interrupts the handler nor answers the operation."""
        self._handling.cancelled = reason

    def progress(self, text: str) -> None:
        """Report progress or an intermediate result: an event of type `OperationProgress` (row 400), sent at once.

        Its text is the fragment, the ID if known, and `text`, cut to fit. Ignored once the operation is answered. Call
        it from any thread; in a coroutine it is a plain call.
        """
        if self._handling.report is None:
            raise RuntimeError("this operation has no device: use Session.progress")
        self._handling.report(self, text)

    def report_with(self, report: Callable[[Operation, str], None]) -> None:
        """Set the function that `progress` calls."""
        self._handling.report = report

    @property
    def template_id(self) -> str:
        return self.row[0]

    @property
    def lasting(self) -> tuple[str, ...]:
        """The fields that stay when the operation is sent again: in SmartREST 1.0 the line number may change."""
        legacy = self.template is not None and self.template.protocol == "1.0"
        return (self.row[0], *self.row[2:]) if legacy else self.row

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The named, typed parameters of the row's static template or collection, without `device_id`, `line_number`.

        For other templates: the fields after the device ID as text, by their index in the row. For JSON without a
        static template: the properties of the fragment, or the fragment itself by its name if it is not an object.
        Raises `TemplateError`.
        """
        from ..templates import static

        template = self.template or static.by_id(self.template_id)
        if template is None and self.content is not None:
            value = self.content.get(self.fragment)
            return value if isinstance(value, dict) else {self.fragment: value}
        if template is None:
            return {str(index): text for index, text in enumerate(self.row) if index > 1}
        parameters = dict(template.parse(self.row).parameters)
        for name in ("device_id", "line_number"):
            parameters.pop(name, None)
        return parameters

    @property
    def lane(self) -> tuple[str, str]:
        """Device and fragment: a lane runs one operation at a time."""
        return self.device, self.fragment or self.template_id


def static_operations() -> dict[str, OperationTemplate]:
    """The operations of the static templates, by template ID."""
    from ..templates import static

    return {
        key: OperationTemplate(template.operation_fragment)
        for key, template in static.items()
        if template.operation_fragment is not None
    }


# What a handler gives


def result_fields(result: object) -> tuple[Any, ...]:
    """The parameters of 503 for a handler's result: none, one, or several from a sequence."""
    if result is None:
        return ()
    if isinstance(result, Sequence) and not isinstance(result, (str, bytes, bytearray, memoryview)):
        return tuple(result)
    return (result,)


def failure_text(error: BaseException) -> str:
    """The reason in 502 for an exception from a handler."""
    try:
        return str(error) or type(error).__name__
    except Exception:  # the operation must be answered even if the exception's own `__str__` fails
        return type(error).__name__


# Answers, encoded


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
