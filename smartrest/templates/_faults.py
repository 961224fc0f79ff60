"""Faults of a row, a value or a template: the reason words, the record of one fault, and its error."""

from __future__ import annotations

from typing import Any, NamedTuple

from .._constants import EXCERPT
from .._values import SAFE_BITS, type_name
from ..errors import TemplateError, excerpt

__all__ = ["TEXTS", "Fault", "fitting", "shown", "template_error"]

# The words of `TemplateError.reason`, and of `Finding.reason` for the same faults; users rely on them.
TEXTS = {
    "missing": "mandatory value missing",
    "bad_type": "wrong type",
    "bad_value": "invalid value",
    "unknown_word": "word unknown to the platform",
    "bad_group": "group of the wrong length",
    "bad_marker": "misplaced marker",
    "too_many_fields": "more values than the template has",
    "unknown_parameter": "unknown parameter",
    "wrong_id": "row of another template",
    "too_large": "larger than the limit and cannot be divided",
    # collections
    "bad_x_id": "invalid X-ID",
    "bad_row": "not a template definition",
    "bad_method": "unsupported method or API",
    "bad_path": "invalid JSON path",
    "unknown_type": "unknown property type",
    "duplicate_id": "message ID already in use",
    "duplicate_path": "path set twice",
    "duplicate_name": "name already in use",
    "bad_json": "not a stored collection",
    "ambiguous": "ambiguous values",
    "placeholder": "placeholder to be filled in",
    # checks only
    "unknown_template": "unknown template ID",
    "wrong_direction": "row sent in the wrong direction",
}


class Fault(NamedTuple):
    """One fault; `field` counts from 0 with the template ID as 0. Extra values run from `field` to `end`."""

    reason: str
    parameter: str | None
    value: Any
    expected: str
    field: int | None = None
    end: int | None = None


def shown(value: object) -> str:
    """The value for an error text, at most 80 characters; never calls a method of a refused value."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return excerpt(str.__str__(value))
    if type(value) in (float, bool) or (type(value) is int and value.bit_length() < SAFE_BITS):
        return excerpt(repr(value))[1:-1]
    return type_name(value)


def fitting(text: str, most: int = EXCERPT) -> str:
    """A name made safe for an error text, since it may come from the input."""
    return text if text.isprintable() and len(text) <= most else excerpt(text)[1:-1]


def template_error(template: str, fault: Fault, row: int | None = None) -> TemplateError:
    """The error for one fault; `template` is the ID and name to report it under."""
    names = "".join(f"{fitting(name)}: " for name in (template, fault.parameter) if name)
    return TemplateError(
        f"{names}{TEXTS[fault.reason]}: expected {fitting(fault.expected, 300)}, got {shown(fault.value)}",
        fault.reason,
        row=row,
        field=fault.field,
        template=template or None,
        parameter=fault.parameter,
        value=fault.value,
        expected=fault.expected,
    )
