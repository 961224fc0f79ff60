"""Splits a row that is too long into several with the same meaning; the table says which templates allow it.

Measures with the engine's encoder, so that every piece fits to the byte; never looks into a value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._constants import PAYLOAD_LIMIT
from .._engine import encode_row
from .._limits import limit_of
from ..errors import PayloadTooLargeError, TemplateError, too_large_error
from ._faults import TEXTS, Fault, fitting, template_error
from ._rows import row_fields, trimmed
from ._static import static
from ._template import Template

if TYPE_CHECKING:
    from ..pure import Field, RowLike

__all__ = ["RowTooLongError", "divided", "split_groups"]


class RowTooLongError(TemplateError, PayloadTooLargeError):
    """A row over `limit` bytes that cannot be divided: its template forbids it, or one item alone is too long.

    Its reason is `too_large`.
    """


def split_groups(
    row: RowLike,
    *,
    limit: int | None = PAYLOAD_LIMIT,
    first: int | None = None,
    dialect: str = "backslash",
    quote: str = "minimal",
    final_newline: bool = False,
    on_trailing_backslash: str = "allow",
) -> list[tuple[Field, ...]]:
    """The fewest rows, each within `limit` bytes as `encode_row` writes it, that together mean the same as `row`.

    A `201` becomes several with its type and time; `140` continues as `141`; `107`, `141`, `142`, `307`, `407` and
    `408` continue with their own ID. Items keep their order. A row that fits is returned alone and unchanged, whatever
    its template. `first` is the limit for the first piece, if less room is left for it; if not even one item fits
    there, `first` is ignored. The other options are those of `encode_row`.

    Raises TemplateError, reason `too_large`, if dividing the row would change its meaning (`116` and others replace a
    list; use `smartrest.truncate` for results and reasons) or if one item alone is too long; that error is a
    PayloadTooLargeError too. Reason `bad_group` for an incomplete group. EncodeError if the row cannot be encoded.
    """
    style: dict[str, Any] = {"dialect": dialect, "quote": quote, "on_trailing_backslash": on_trailing_backslash}
    limit = limit_of(limit)
    size = len(encode_row(row, limit=None, final_newline=final_newline, **style))
    if limit is None or size <= limit:
        return [tuple(row)]
    fields: tuple[Any, ...] = row_fields(row)
    template = static.by_id(fields[0])
    if template is None or template.continues_as is None or not template.groups:
        raise _too_long(template, fields[0], size, limit)
    start = 1 + len(template.single)
    items = _items(template, fields, start)
    if not items:
        raise _too_long(template, fields[0], size, limit)

    needed = template.groups[0].needed
    none = len(encode_row(("0",), limit=None, **style))
    full = [len(encode_row(("0", *item), limit=None, **style)) - none for item in items]
    last = [len(encode_row(("0", *trimmed(item, needed)), limit=None, **style)) - none for item in items]
    heads = (fields[:start], (template.continues_as, *fields[1:start]))
    taken = [len(encode_row(head, limit=None, final_newline=final_newline, **style)) for head in heads]

    rows: list[tuple[Any, ...]] = []
    most = limit if first is None else min(first, limit)
    at = 0
    while at < len(items):
        head = min(len(rows), 1)
        room, end = most - taken[head], at
        while end < len(items) and last[end] <= room:
            room -= full[end]
            end += 1
        while end > at and not needed and not trimmed(items[end - 1]):
            end -= 1  # an empty item at the end of a row would be trimmed
        if end > at:
            fields = (*heads[head], *(value for item in items[at:end] for value in item))
            rows.append(trimmed(fields, len(fields) - len(items[at]) + needed))
        elif most == limit:
            raise _too_long(template, template.id, taken[head] + last[at], limit, f"{template.groups[0].name}[{at}]")
        at, most = end, limit
    return rows


def divided(row: RowLike, number: int, limit: int, room: int | None, **options: Any) -> list[tuple[Field, ...]]:
    """For the engines' `pack`: row `number` as rows within `limit`, the first within the `room` left in the payload.

    Of the template errors, raises only PayloadTooLargeError.
    """
    try:
        return split_groups(row, limit=limit, first=room, **options)
    except RowTooLongError as error:
        error.row = number
        raise
    except TemplateError as error:
        size = len(encode_row(row, limit=None, **options))
        raise too_large_error(limit, number, size) from error


def _items(template: Template, fields: tuple[Any, ...], start: int) -> list[list[Any]]:
    """The items of the row's group, padded to full width; the row may leave off optional values at its end."""
    group = template.groups[0]
    width = len(group.parameters)
    values = list(trimmed(fields[start:]))
    lacking = -len(values) % width
    if (
        any(item.mandatory for item in group.parameters[width - lacking :])
        and len(fields) < start + len(values) + lacking
    ):
        place = len(fields) - (len(fields) - start) % width
        fault = Fault("bad_group", group.name, fields[place], f"groups of {width} values", place)
        raise template_error(template.label, fault, 0)
    values += [None] * lacking
    return [values[place : place + width] for place in range(0, len(values), width)]


def _too_long(
    template: Template | None, template_id: str, size: int, limit: int, parameter: str | None = None
) -> RowTooLongError:
    label = template.label if template is not None else template_id
    expected = f"at most {limit} bytes"
    where = f"{parameter}: " if parameter else ""
    error = RowTooLongError(
        f"{fitting(label)}: {where}{TEXTS['too_large']}: expected {expected}, got {size}",
        "too_large",
        row=0,
        template=label,
        parameter=parameter,
        value=size,
        expected=expected,
    )
    error.limit = limit
    return error
