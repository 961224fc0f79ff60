"""The types that users name: of fields in a `Schema`, of holes in a compiled row. Checked here for both engines."""

from __future__ import annotations

from ._values import class_of, has_index, is_a, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

TEXT, INT, FLOAT, BOOL, DATETIME = range(5)  # kinds of fields: one byte each in a plan


def kinds_of(types: Mapping[str, Sequence[Any]]) -> dict[str, tuple[bytes, bytes]]:
    """By template ID the kinds of the fixed fields behind the ID, and of those that repeat to the end of the row."""
    plans: dict[str, tuple[bytes, bytes]] = {}
    for given, kinds in types.items():
        if not isinstance(given, str):
            raise TypeError(f"template ID must be a str, not {type(given).__name__}")
        template_id = str.__str__(given)  # a subclass counts as its text
        if template_id in plans:
            raise ValueError(f"types of {template_id!a} are given twice")
        if not isinstance(kinds, (list, tuple)):
            raise TypeError(f"types of {template_id!a} must be a list, not {type(kinds).__name__}")
        repeated: tuple[Any, ...] = ()
        if kinds and isinstance(kinds[-1], tuple):
            *kinds, repeated = kinds
            if not repeated:
                raise ValueError(f"types of {template_id!a} end with an empty tuple")
        if any(isinstance(kind, tuple) for kind in kinds):
            raise ValueError(f"types of {template_id!a} have a tuple that is not in last place")
        plans[template_id] = (
            bytes([_kind(template_id, kind) for kind in kinds]),
            bytes([_kind(template_id, kind) for kind in repeated]),
        )
    return plans


def _kind(template_id: str, wanted: Any) -> int:
    for known, kind in ((str, TEXT), (int, INT), (float, FLOAT), (bool, BOOL)):
        if wanted is known:
            return kind
    if issubclass(type(wanted), type) and is_a(wanted, class_of("datetime", "datetime")):
        return DATETIME
    raise TypeError(f"type of {template_id!a} must be int, float, bool, datetime or str, not {wanted!a:.80}")


def hole_of(field: Any) -> type | None:
    """The class of values for which a field of a row to be compiled holds a place; `None` for a constant.

    A subclass of `Decimal` or `datetime`, such as a test library puts in their place, holds one for the true class.
    """
    if field is str or field is int or field is float or field is bool or field is object:
        return field
    if issubclass(type(field), type):
        for true in (class_of("decimal", "Decimal"), class_of("datetime", "datetime")):
            if is_a(field, true):
                return true  # type: ignore[no-any-return]  # a class
    return None


def fits(hole: type, value: Any) -> bool:
    """Whether `value` may fill `hole`: `None` anywhere, integers as `float`, `bool` as itself only."""
    cls = type(value)
    if value is None or hole is object:
        return True
    if hole is int:
        return cls is not bool and (is_a(cls, int) or (not is_a(cls, float) and has_index(cls)))
    if hole is float:
        return is_a(cls, float) or fits(int, value)
    return is_a(cls, hole)


def misfit(hole: type, value: Any) -> str:
    """What an error says of a value that does not fit."""
    return f"{type_name(value)} in a place for {hole.__name__}"
