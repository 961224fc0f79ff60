"""Answers to custom requests: objects of the stand-in as the platform's JSON, and response templates applied to it.

Of JSON paths it evaluates names, indexes, `[*]` and `..name`; others find nothing. Source: SmartREST 2.0 reference,
"Response templates"; SmartREST 1.0 reference, "Response templates".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from smartrest.templates.collection.messages import Response
from smartrest.templates.collection.paths import is_list, plain_path

if TYPE_CHECKING:
    from smartrest.templates import Collection

    from .inventory import ManagedObject

__all__ = ["answer_rows", "object_json", "selected"]

Row = tuple[str, ...]
_STEP = re.compile(
    r"(?P<deep>\.\.)?\.?(?:(?P<name>[^.\[\]]+)|\[\s*(?:(?P<index>-?\d+)|(?P<all>\*)|(['\"])(?P<key>.*?)\5)\s*\])"
)


def object_json(thing: ManagedObject) -> dict[str, Any]:
    """A managed object as the platform's inventory gives it."""
    facts = {"id": thing.id, "name": thing.name, "type": thing.type}
    return {**thing.fragments, **facts, "owner": "stand-in", "self": f"inventory/managedObjects/{thing.id}"}


def selected(value: Any, path: str) -> list[Any]:
    """All values that a JSON path finds; a leading `$.` is optional."""
    rest = plain_path(path).removeprefix("$")
    found, at = [value], 0
    while at < len(rest):
        step = _STEP.match(rest, at)
        if step is None or step.end() == at:
            return []
        at = step.end()
        found = [each for known in found for each in _stepped(known, step)]
    return found


def _stepped(value: Any, step: re.Match[str]) -> Iterator[Any]:
    if step["deep"]:
        for below in _below(value):
            if isinstance(below, dict) and step["name"] in below:
                yield below[step["name"]]
    elif step["all"] or step["name"] == "*":
        yield from value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    elif step["index"] is not None:
        if isinstance(value, list) and -len(value) <= int(step["index"]) < len(value):
            yield value[int(step["index"])]
    else:
        key = step["name"] if step["name"] is not None else step["key"]
        if isinstance(value, dict) and key in value:
            yield value[key]


def _below(value: Any) -> Iterator[Any]:
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _below(inner)


def answer_rows(collection: Collection, answer: dict[str, Any], line: int | None = None) -> list[Row]:
    """The rows of every response template whose condition holds. `line`: of the request, in SmartREST 1.0."""
    rows: list[Row] = []
    for template in collection.values():
        if not isinstance(template, Response):
            continue
        definition = template.definition
        if definition.condition and not selected(answer, definition.condition):
            continue
        bases = selected(answer, definition.base) if definition.base else [answer]
        for base in bases[0] if bases and isinstance(bases[0], list) else bases:
            values: list[str] = []
            for path in definition.patterns.values():
                found = selected(answer if path.startswith("$") else base, path)
                values += [_text(each) for each in (found if is_list(path) else found[:1])] or [""]
            if any(values):
                rows.append((template.id, *([] if line is None else [str(line)]), *values))
    return rows


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
