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
    plans = {}
    for template_id, kinds in types.items():
        if not isinstance(template_id, str):
            raise TypeError(f"template ID must be a str, not {type(template_id).__name__}")
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
    for known, kind in (
        (str, TEXT),
        (int, INT),
        (float, FLOAT),
        (bool, BOOL),
        (class_of("datetime", "datetime"), DATETIME),
    ):
        if wanted is known and known is not None:
            return kind
    raise TypeError(f"type of {template_id!a} must be int, float, bool, datetime or str, not {wanted!a:.80}")


def is_hole(field: Any) -> bool:
    """Whether a field of a row to be compiled stands for a value that comes later."""
    return (
        field is str
        or field is int
        or field is float
        or field is bool
        or field is object
        or (
            isinstance(field, type)
            and (field is class_of("decimal", "Decimal") or field is class_of("datetime", "datetime"))
        )
    )


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
