"""An operation as it arrives, and how to read its row by template ID. lanes.py tracks its state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class OperationTemplate(NamedTuple):
    """How to read the operation rows of a template ID.

    `fragment` is the operation's fragment, named by 501 to 503. `id_field` is the row index of the operation's ID (a
    pattern of a custom response template); with it, answers use the ID (504 to 506).
    """

    fragment: str | None = None
    id_field: int | None = None


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
    may be "" if answers use `id`. `row` holds the fields as received on `topic`. `cancelled` and `progress` are for
    long-running handlers.
    """

    device: str
    child: str | None
    fragment: str
    row: tuple[str, ...] = field(repr=False)
    topic: str
    id: str | None = None
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
    def parameters(self) -> Mapping[str, Any]:
        """The named, typed parameters of the row's static template, without `device_id`.

        For other templates: the fields after the device ID as text, by their index in the row. Raises `TemplateError`.
        """
        from ..templates import static

        template = static.by_id(self.template_id)
        if template is None:
            return {str(index): text for index, text in enumerate(self.row) if index > 1}
        parameters = dict(template.parse(self.row).parameters)
        parameters.pop("device_id", None)
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
