"""An operation as it arrives, and how to read its row by its template ID. What becomes of it stands in lanes.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class OperationTemplate(NamedTuple):
    """How to read the operation rows of a template ID.

    `fragment` is the operation's, which 501 to 503 name. `id_field` is the index in the row of the operation's ID
    (a pattern of a custom response template): with it the answers go by ID (504 to 506).
    """

    fragment: str | None = None
    id_field: int | None = None


class Handling:
    """What changes while a handler works on an operation."""

    __slots__ = ("cancelled", "report")

    def __init__(self) -> None:
        self.cancelled: str | None = None
        self.report: Callable[[Operation, str], None] | None = None


@dataclass(eq=False, frozen=True)
class Operation:
    """An operation for a device or child.

    `device` is the external ID it is for, `child` the same where it is a child, else `None`; `fragment` may be "" where
    the answers go by `id`. `row` holds the fields as they came from `topic`. `cancelled` and `progress` are for a
    handler that takes long.
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
        """Why the handler should end soon, or `None`: the time limit has passed (the answer was given), the device
        stops, or the platform refuses it for good. In the last two cases the result still counts."""
        return self._handling.cancelled

    def cancel(self, reason: str | None) -> None:
        """Set `cancelled`. It interrupts nothing and answers nothing."""
        self._handling.cancelled = reason

    def progress(self, text: str) -> None:
        """Report progress or an intermediate result: an event of type `OperationProgress` (row 400), sent at once.

        Its text is the fragment, the ID where it is known, and `text`, cut to fit. Ignored once the operation has its
        answer. From any thread; in a coroutine a plain call.
        """
        if self._handling.report is None:
            raise RuntimeError("this operation has no device: use Session.progress")
        self._handling.report(self, text)

    def report_with(self, report: Callable[[Operation, str], None]) -> None:
        """How `progress` reaches the platform."""
        self._handling.report = report

    @property
    def template_id(self) -> str:
        return self.row[0]

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The named, typed parameters of the row's static template, without `device_id`.

        For other templates the fields after the device ID by their index in the row, as text. Raises `TemplateError`.
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
        """What is worked on one at a time: device and fragment."""
        return self.device, self.fragment or self.template_id


def static_operations() -> dict[str, OperationTemplate]:
    """The operations of the static templates, by template ID."""
    from ..templates import static

    return {
        key: OperationTemplate(template.operation_fragment)
        for key, template in static.items()
        if template.operation_fragment is not None
    }
