"""An operation as it arrives, and how to read its row by its template ID. What becomes of it stands in lanes.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class OperationTemplate(NamedTuple):
    """How to read the operation rows of a template ID.

    `fragment` is the operation's, which 501 to 503 name. `id_field` is the index in the row of the operation's ID
    (a pattern of a custom response template): with it the answers go by ID (504 to 506).
    """

    fragment: str | None = None
    id_field: int | None = None


@dataclass(eq=False, frozen=True)
class Operation:
    """An operation for a device or child.

    `device` is the external ID it is for, `child` the same where it is a child, else `None`; `fragment` may be "" where
    the answers go by `id`. `row` holds the fields as they came from `topic`.
    """

    device: str
    child: str | None
    fragment: str
    row: tuple[str, ...] = field(repr=False)
    topic: str
    id: str | None = None

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
