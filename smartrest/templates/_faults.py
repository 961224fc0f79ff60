"""What can be wrong with a row, a value or a template: the reason words, a record of one fault, its error."""

from __future__ import annotations

from typing import Any, NamedTuple

from .._constants import EXCERPT
from .._values import SAFE_BITS, type_name
from ..errors import TemplateError, excerpt

__all__ = ["TEXTS", "Fault", "fitting", "shown", "template_error"]

# The words of `TemplateError.reason`, and of `Finding.reason` where a check finds the same; a promise to users.
TEXTS = {
    "missing": "a mandatory value is missing",
    "bad_type": "a value of the wrong type",
    "bad_value": "a value that does not fit its type",
    "unknown_word": "not one of the words that the platform knows",
    "bad_group": "a group of the wrong length",
    "bad_marker": "a marker out of its place",
    "too_many_fields": "more values than the template has",
    "unknown_parameter": "the template has no such parameter",
    "wrong_id": "a row of another template",
    "too_large": "larger than the limit, and not to be divided",
    # of collections
    "bad_x_id": "not an X-ID",
    "bad_row": "not the definition of a template",
    "bad_method": "no such pair of method and API",
    "bad_path": "not a JSON path",
    "unknown_type": "no such type of a custom property",
    "duplicate_id": "a message ID that is taken",
    "duplicate_path": "a path that is set twice",
    "duplicate_name": "a name that is taken",
    "bad_json": "not the stored form of a collection",
    "ambiguous": "values that cannot be told apart",
    # of checks only
    "unknown_template": "no template has this ID",
    "wrong_direction": "a row that does not travel in this direction",
}


class Fault(NamedTuple):
    """One fault; `field` counts from 0 with the template ID as 0."""

    reason: str
    parameter: str | None
    value: Any
    expected: str
    field: int | None = None


def shown(value: object) -> str:
    """The value for a message, at most 80 characters; nothing of a refused value is called."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return excerpt(str.__str__(value))
    if type(value) in (float, bool) or (type(value) is int and value.bit_length() < SAFE_BITS):
        return excerpt(repr(value))[1:-1]
    return type_name(value)


def fitting(text: str, most: int = EXCERPT) -> str:
    """A name, which may come from the input too, fit for a message."""
    return text if text.isprintable() and len(text) <= most else excerpt(text)[1:-1]


def template_error(template: str, fault: Fault, row: int | None = None) -> TemplateError:
    """The error for one fault; `template` is the ID and name it is reported under."""
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
