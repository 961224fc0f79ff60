"""Builders: one function for each row that a device publishes, made from its entry in `table.json` on first use.

Values of exactly the right types take a fast path; all others, right or wrong, go through the template. Type checkers
and editors read the signatures in `_signatures.pyi`, which tools/gen_templates.py prints.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from . import _records
from ._rows import trimmed

__all__ = ["first_after_optional", "make_builder", "needed"]

Entry = Mapping[str, Any]  # a template or parameter of table.json

PYTHON = {"String": "str", "Number": "float | Decimal", "Integer": "int", "Boolean": "bool", "Date": "datetime"}
WORDS = {**PYTHON, "Number": "float, int or Decimal", "Date": "aware datetime"}
BIG = 1e308  # every int below it is a finite float, too
WIDTH = 112  # of docstrings


def make_builder(template: Entry, write: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> Callable[..., Any]:
    """The builder of a template; `write` is the slow way, which checks every value."""
    source = "\n".join([signature(template), *body(template)])
    names: dict[str, Any] = {
        "type_of": type, "datetime": datetime, "UTC": timezone.utc, "BIG": BIG, "trimmed": trimmed, "checked": write,
        **vars(_records),
    }  # fmt: skip
    exec(compile(source, f"<builder of {template['id']}>", "exec"), names)  # noqa: S102  # of table.json alone
    made = names[template["name"]]
    made.__doc__ = docstring(template)
    made.__module__, made.__qualname__ = __package__, f"static.{template['name']}"
    return made  # type: ignore[no-any-return]  # a function


def signature(template: Entry) -> str:
    names = [f"{parameter['name']}=None" for parameter in template["parameters"]]
    later = first_after_optional(template["parameters"])
    return f"def {template['name']}({', '.join(names[:later] + ['*'] * (later < len(names)) + names[later:])}):"


def first_after_optional(parameters: list[Entry]) -> int:
    """Where mandatory parameters stand behind an optional one: from there on they are given by name alone."""
    optional = False
    for place, parameter in enumerate(parameters):
        if needed(parameter) and optional:
            return place
        optional |= not needed(parameter)
    return len(parameters)


def needed(parameter: Entry) -> bool:
    return parameter.get("min_repeats", 0) > 0 or parameter.get("mandatory") is True


def docstring(template: Entry) -> str:
    from textwrap import wrap

    lines = wrap(f"Row {template['id']}. {template['description']}", WIDTH)
    if template["parameters"]:
        lines += ["", "Parameters, as on the wire:", ""]
    for parameter in template["parameters"]:
        lines += wrap("* " + described(parameter), WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    if "one_of" in template:
        lines += ["", f"At least one of {' and '.join(template['one_of'])} must be given."]
    if "note" in template:
        lines += ["", *wrap(template["note"][0].upper() + template["note"][1:] + ".", WIDTH)]
    if template["parameters"]:
        lines += ["", "Raises TemplateError naming the parameter that is missing or does not fit."]
    reply = f"; answered by {template['reply_id']}" if "reply_id" in template else ""
    lines += ["", "Example:", "", "    " + template["example"].replace("\n", "⏎"), ""]
    lines += [f"Source: MQTT static templates, {template['id']}, topic {template['topic']}{reply}."]
    return "\n".join(lines)


def described(parameter: Entry) -> str:
    if "group" in parameter:
        items = parameter["group"]
        if len(items) == 1:
            shape = f"list of {WORDS[items[0]['type']]}"
        else:
            inner = ", ".join(f"{item['name']} {details(item)}" for item in items)
            shape = f"list of {parameter['record']} or tuples: {inner}"
        least = parameter.get("min_repeats", 0)
        text = f"{parameter['name']} ({shape}{f'; at least {least}' if least else ''})"
        notes = [note for note in (parameter.get("note"), *(item.get("note") for item in items)) if note]
    else:
        text = f"{parameter['name']} {details(parameter)}"
        notes = [parameter["note"]] if "note" in parameter else []
    return text + "".join(f"; {note}" for note in notes)


def details(parameter: Entry) -> str:
    shape = f"{parameter['words']} or str" if "words" in parameter else WORDS[parameter["type"]]
    mandatory = parameter.get("mandatory", False)
    parts = [shape, "mandatory" if mandatory is True else f"mandatory {mandatory}" if mandatory else "optional"]
    if "default" in parameter:
        parts.append(f"default: {parameter['default']}")
    if parameter.get("may_be_empty"):
        parts.append("may be the empty text")
    return f"({', '.join(parts)})"


def body(template: Entry) -> list[str]:
    parameters = template["parameters"]
    names = [parameter["name"] for parameter in parameters]
    if not parameters:
        return [f'    return ("{template["id"]}",)']
    slow = f"    return checked(({', '.join(names)},))"
    if any("words" in parameter for parameter in parameters):
        return [slow]
    single = [parameter for parameter in parameters if "group" not in parameter]
    tests = [test for parameter in single for test in exact(parameter)]
    if "one_of" in template:
        tests.append(f"({' or '.join(f'{name} is not None' for name in template['one_of'])})")
    if len(single) == len(parameters):
        return [f"    if {' and '.join(tests)}:", *returns(template, single), slow]
    return [*group_body(template, single, parameters[-1], tests), slow]


def exact(parameter: Entry) -> list[str]:
    """Tests that hold for values of exactly the right type and nothing else."""
    name = parameter["name"]
    if parameter.get("mandatory") is True and parameter["type"] == "String":
        return [f"type_of({name}) is str", *([] if parameter.get("may_be_empty") else [name])]
    integer = f"(type_of({name}) is int and -BIG < {name} < BIG)"
    test = {
        "String": f"type_of({name}) is str",
        "Number": f"(type_of({name}) is float and {name} - {name} == 0.0) or {integer}",
        "Integer": integer,
        "Boolean": f"type_of({name}) is bool",
        "Date": f"(type_of({name}) is datetime and {name}.tzinfo is UTC)",
    }[parameter["type"]]
    if parameter.get("mandatory") is not True:
        test = f"{name} is None or {test}"
    return [f"({test})" if " or " in test else test]


def returns(template: Entry, single: list[Entry]) -> list[str]:
    """The row without the empty values at its end."""
    lines = []
    places = list(range(len(single)))
    while places and not needed(single[places[-1]]):
        last = single[places[-1]]
        test = last["name"] if last["type"] == "String" else f"{last['name']} is not None"
        lines += [f"        if {test}:", f"            return {row(template, single, len(places))}"]
        places.pop()
    return [*lines, f"        return {row(template, single, len(places))}"]


def row(template: Entry, single: list[Entry], length: int) -> str:
    fields = [f'"{template["id"]}"', *(parameter["name"] for parameter in single[:length])]
    return f"({', '.join(fields)}{',' if len(fields) == 1 else ''})"


def group_body(template: Entry, single: list[Entry], group: Entry, tests: list[str]) -> list[str]:
    """The fast path of a template with one repeating group; any item that is not plain leaves it."""
    items, name = group["group"], group["name"]
    listed = f"(type_of({name}) is list or type_of({name}) is tuple)"
    tests = [*tests, listed, *([name] if needed(group) else [])]
    head = ", ".join(row(template, single, len(single))[1:-1].rstrip(",").split(", "))
    if len(items) == 1:
        assert items[0]["type"] == "String"
        test = "type_of(item) is str and item" if needed(items[0]) else "type_of(item) is str"
        last = f"{name}[-1]" if needed(group) else f"(not {name} or {name}[-1])"
        assert not single or needed(single[-1])  # else an empty one would have to be left off
        return [
            f"    if {' and '.join([*tests, f'all({test} for item in {name})', last])}:",
            f"        return ({head}, *{name})",
        ]
    assert not {item["name"] for item in items} & {parameter["name"] for parameter in single}
    least = max([place for place, item in enumerate(items, 1) if item.get("mandatory") is True], default=1)
    plain = f"type_of(item) is {group['record']} or (type_of(item) is tuple and len(item) == {len(items)})"
    return [
        f"    if {' and '.join(tests)}:",
        f"        fields = [{head}]",
        f"        for item in {name}:",
        f"            if not ({plain}):",
        "                break",
        f"            {', '.join(item['name'] for item in items)} = item",
        f"            if not ({' and '.join(test for item in items for test in exact(item))}):",
        "                break",
        "            fields += item",
        "        else:",
        f"            row = trimmed(fields, len(fields) - {len(items) - least})",
        "            if row[-1] is not None and row[-1] != '':",
        "                return row",
    ]
