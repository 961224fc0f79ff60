"""The table of templates: `static` (rows between devices and platform) and `built_in` (the platform's other topics).

The facts are in `table.json`, read on first use. Never a gate: an unlisted ID may belong to a custom template.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ._builders import make_builder
from ._parameters import Parameter
from ._template import Template
from ._types import PARAMETER_TYPES

if TYPE_CHECKING:
    from ..pure import Schema
    from ._signatures import Builders
else:
    Builders = object  # __getattr__ makes the builders of the stub

__all__ = ["StaticTemplates", "built_in", "schema_types", "static"]

_tables: dict[str, Any] = {}


def table() -> dict[str, Any]:
    """The content of `table.json`."""
    if not _tables:
        import json
        from pkgutil import get_data

        data = get_data(__package__, "table.json")
        assert data is not None
        _tables.update(json.loads(data))
    return _tables


class StaticTemplates(Mapping[str, Template], Builders):
    """The static templates, by ID and by name: `static["200"]` is `static["create_measurement"]`.

    Iteration gives the IDs, in order. Attributes are the builders of the rows that a device publishes:
    `static.create_measurement(fragment="c8y_Temperature", series="T", value=25.3, unit="C")` returns the row. `schema`
    is a `smartrest.Schema` that types numbers, integers and flags; dates and everything else stay text. `add` registers
    your own templates, here and for `parse` and `check`.
    """

    __slots__ = ("_found", "schema")

    schema: Schema  # made by __getattr__ on first use

    def __init__(self) -> None:
        self._found: dict[str, Template] | None = None  # by ID, then by name

    def _all(self) -> dict[str, Template]:
        if self._found is None:
            templates = [Template.from_dict(data) for data in table()["templates"]]
            self._found = {template.id: template for template in templates} | {
                template.name: template for template in templates
            }
        return self._found

    def __getitem__(self, key: str) -> Template:
        """The template with this ID or name. Raises KeyError, which suggests a similar name."""
        found = (self._found or self._all()).get(key)
        if found is None:
            close = _close(key, self._all()) if isinstance(key, str) else []
            raise KeyError(f"{key!r}; did you mean {close[0]!r}?" if close else key)
        return found

    def by_id(self, template_id: str) -> Template | None:
        """The template with exactly this ID; unlike `static[key]`, ignores names, since a row holds an ID."""
        template = self._all().get(template_id)
        return template if template is not None and template.id == template_id else None

    def __reduce__(self) -> str:
        return "static"  # the one of this module

    def __iter__(self) -> Iterator[str]:
        return (key for key, template in self._all().items() if key == template.id)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<{len(self)} static templates>"

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(name for name, template in self._all().items() if _is_builder(name, template))]

    if not TYPE_CHECKING:  # a type checker must see only the builders of the stub

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            if name == "schema":
                from .._engine import Schema

                self.schema = Schema(schema_types(self.values()))
                return self.schema
            template = self._all().get(name)
            if template is not None and _is_builder(name, template):
                for entry in table()["templates"]:
                    if entry["name"] == name:
                        build = make_builder(entry, template.write)
                        setattr(StaticTemplates, name, staticmethod(build))  # later look-ups skip __getattr__
                        return build
                return template.build  # added by the user
            builders = [key for key, known in self._all().items() if _is_builder(key, known)]
            near = [key for key in builders if key.partition("_")[2] == name]
            near = near or _close(name, builders, 0.7)
            hint = f"; did you mean {near[0]}?" if near else ""
            if template is not None:
                text = f"{template.id} {template.name} is sent by the platform, so it has no builder"
                raise AttributeError(f"{text}{hint}", name=name, obj=self)
            raise AttributeError(f"unknown static template: {name!r}{hint}", name=name, obj=self)

    def add(self, *templates: Template | Mapping[str, Any]) -> None:
        """Register your own templates, given as `Template` or as dicts in the form of `table.json`.

        Raises ValueError if an ID or name is taken or a dict is not a template; then none is added.
        """
        found = dict(self._all())
        for given in templates:
            template = given if isinstance(given, Template) else Template.from_dict(given)
            for key in (template.id, template.name):
                if key in found or hasattr(StaticTemplates, key):
                    raise ValueError(f"{key!r} is already taken by a template or attribute")
            found[template.id] = found[template.name] = template
        self._put(found)

    def remove(self, *keys: str) -> None:
        """Remove templates added earlier, by ID or name. Raises KeyError for others, the vendor's included."""
        found = dict(self._all())
        own = {data["id"] for data in table()["templates"]}
        for key in keys:
            template = found.get(key)
            if template is None or template.id in own:
                raise KeyError(key)
            del found[template.id], found[template.name]
        self._put(found)

    def _put(self, found: dict[str, Template]) -> None:
        self._found = found
        with suppress(AttributeError):  # never used, so never made
            del self.schema


def _close(word: str, words: Iterable[str], cutoff: float = 0.6) -> list[str]:
    """The likely intended one of `words`."""
    from difflib import get_close_matches

    return get_close_matches(word[:60], words, 1, cutoff)


def _is_builder(key: str, template: Template) -> bool:
    return key == template.name and template.direction == "publish"


def schema_types(templates: Iterable[Template]) -> dict[str, list[Any]]:
    """The argument of `Schema`, with the templates that have anything but texts."""
    types: dict[str, list[Any]] = {}
    for template in templates:
        columns: list[Any] = [_column(parameter) for parameter in template.single]
        repeated = [group for group in template.groups if group.marker is None]
        items = tuple(_column(item) for group in repeated for item in group.parameters)
        if any(column is not str for column in (*columns, *items)):
            types[template.id] = [*columns, items] if items else columns
    return types


def _column(parameter: Parameter) -> type:
    return PARAMETER_TYPES[parameter.type].column


class BuiltIn:
    """Rows that the platform defines on other topics: creating collections, credentials, errors."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: list[tuple[Template, frozenset[str]]] | None = None

    def _all(self) -> list[tuple[Template, frozenset[str]]]:
        if self._found is None:
            templates = [Template.from_dict(data) for data in table()["built_in"]]
            self._found = [
                (template, frozenset(word.split("/")[1] for word in template.topic.split() if word.startswith("s/")))
                for template in templates
            ]
        return self._found

    def find(self, template_id: str, kind: str | None) -> Template | None:
        """The template of this ID on topics of this kind (`"dcr"`, `"e"`, …)."""
        for template, kinds in self._all():
            if template.id == template_id and kind in kinds:
                return template
        return None

    def __getitem__(self, name: str) -> Template:
        """The template of this name; IDs are not unique here."""
        for template, _ in self._all():
            if template.name == name:
                return template
        raise KeyError(name)

    def __iter__(self) -> Iterator[Template]:
        return (template for template, _ in self._all())

    def __len__(self) -> int:
        return len(self._all())


static = StaticTemplates()
built_in = BuiltIn()
