"""What the printed builders share: the slow way through the template, and dropping empty values at a row's end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..pure import Field

__all__ = ["checked", "trimmed"]


def checked(template_id: str, values: tuple[Any, ...]) -> tuple[Field, ...]:
    """The row of a static template, every value checked."""
    from ._static import static

    return static[template_id].write(values)


def trimmed(fields: list[Any], least: int) -> tuple[Field, ...]:
    """The row without the empty fields at its end, but for the `least` first ones."""
    while len(fields) > least and (fields[-1] is None or fields[-1] == ""):
        fields.pop()
    return tuple(fields)
