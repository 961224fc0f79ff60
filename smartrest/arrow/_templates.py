"""Templates as columns: the name, type and place of each parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from smartrest.templates import Group, Template, static

KINDS = {"String": "text", "Number": "float", "Integer": "int", "Unsigned": "int", "Boolean": "bool", "Date": "time"}
Column = tuple[str, str, int, int, int]  # name, kind, field, step, group: as the engine's reader takes them


def general_columns(text: str) -> list[Column]:
    """Those of any row: its template ID, and the fields after it."""
    return [("id", text, 0, 0, 0), ("fields", "utf8", 1, 1, 1)]


def template_of(template: str | Template) -> Template:
    """A static template by its ID or name, or any template as it is."""
    if isinstance(template, Template):
        return template
    if not isinstance(template, str):
        raise TypeError(f"expected the ID or name of a template, or a template, not {type(template).__name__}")
    return static[template]


def columns_of(template: Template, text: str, wanted: Sequence[str] | None = None) -> list[Column]:
    """Those of the parameters: all, or those wanted, in that order."""
    if len(template.groups) > 1 or any(group.marker is not None for group in template.groups):
        raise ValueError(f"template {template.id} has sections, which are not columns: decode it with template=None")
    found: dict[str, Column] = {}
    for field, parameter in enumerate(template.parameters, 1):
        if not isinstance(parameter, Group):
            found[parameter.name] = (parameter.name, _kind(parameter, text), field, 0, 0)
            continue
        step = len(parameter.parameters)
        for place, item in enumerate(parameter.parameters):
            name = parameter.name if step == 1 else item.name
            found[name] = (name, _kind(item, "utf8"), field + place, step, field)
    if wanted is None:
        return list(found.values())
    unknown = [name for name in wanted if name not in found]
    if unknown:
        raise ValueError(f"template {template.id} has no parameter {unknown[0]!r}, only {', '.join(found)}")
    return [found[name] for name in wanted]


def _kind(parameter: Any, text: str) -> str:
    kind = KINDS.get(parameter.type, "text") if isinstance(parameter.type, str) else "text"
    return text if kind == "text" else kind
