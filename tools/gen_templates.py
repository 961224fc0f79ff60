"""Prints what is made from smartrest/templates/table.json: the builders, their stub, the records and docs/templates.md.

Run it after each change of the table: `python tools/gen_templates.py`; with `--check` it writes nothing and fails where
a file differs. A test does the same.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from textwrap import wrap

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "smartrest" / "templates"
WIDTH = 120
NOTICE = "Printed by tools/gen_templates.py from table.json: do not edit."
PYTHON = {"String": "str", "Number": "float | Decimal", "Integer": "int", "Boolean": "bool", "Date": "datetime"}
READ = {**PYTHON, "Number": "float"}
WORDS = {**PYTHON, "Number": "float, int or Decimal", "Date": "aware datetime"}
INTRO = ROOT / "tools" / "templates_intro.md"


def main() -> int:
    table = json.loads((PACKAGE / "table.json").read_text("utf-8"))
    published = [template for template in table["templates"] if template["direction"] == "publish"]
    files = {
        PACKAGE / "_records.py": records(table),
        PACKAGE / "_builders.py": builders(published),
        PACKAGE / "_builders.pyi": stub(published),
        ROOT / "docs" / "templates.md": page(table),
    }
    stale = [path for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} differs: run python tools/gen_templates.py", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.write_text(files[path], "utf-8", newline="\n")
        print(path.relative_to(ROOT))
    return 0


# Records


def records(table: dict) -> str:
    """One NamedTuple per record name; a field is optional where any template says so."""
    fields: dict[str, dict[str, dict]] = {}
    used: dict[str, list[str]] = {}
    for template in table["templates"] + table["built_in"]:
        for group in template["parameters"]:
            if name := group.get("record"):
                used.setdefault(name, []).append(f"{template['id']} {template['name']}")
                known = fields.setdefault(name, {})
                assert not known or list(known) == [item["name"] for item in group["group"]], name
                for item in group["group"]:
                    entry = known.setdefault(item["name"], {"type": item["type"], "optional": False, "none": False})
                    assert entry["type"] == item["type"], name
                    entry["optional"] |= not item.get("mandatory")
                    entry["none"] |= not item.get("mandatory") or item.get("may_be_empty", False)
    lines = ['"""Items of the groups of static templates, as small named tuples.', "", NOTICE, '"""', ""]
    lines += ["from __future__ import annotations", "", "from typing import NamedTuple"]
    for name, known in fields.items():
        items = list(known.items())
        lines += ["", "", f"class {name}(NamedTuple):", f'    """An item of {", ".join(used[name])}."""', ""]
        for place, (field, entry) in enumerate(items):
            default = " = None" if all(later["optional"] for _, later in items[place:]) else ""
            lines.append(f"    {field}: {READ[entry['type']]}{' | None' if entry['none'] else ''}{default}")
    return "\n".join(lines) + "\n"


# Builders


def builders(published: list[dict]) -> str:
    names = sorted({group["record"] for template in published for group in template["parameters"] if "record" in group})
    lines = [
        '"""One builder per row that a device publishes.',
        "",
        "Values of exactly the right types take a fast path; all others, right or wrong, go through the template.",
        "",
        NOTICE,
        '"""',
        "",
        "# fmt: off",
        "from builtins import type as kind",
        "from datetime import datetime, timezone",
        "",
        "from ._checked import checked, trimmed",
        f"from ._records import {', '.join(names)}",
        "",
        "UTC = timezone.utc",
        "BIG = 1e308  # every int below it is a finite float, too",
        "",
        "",
        "class Builders:",
        '    """What a device publishes, one builder per row; the signatures for readers are in the stub."""',
        "",
        "    __slots__ = ()",
    ]
    for template in published:
        lines += ["", "    @staticmethod", *signature(template), *docstring(template), *body(template)]
    return "\n".join(lines) + "\n"


def signature(template: dict) -> list[str]:
    names = [f"{parameter['name']}=None" for parameter in template["parameters"]]
    later = first_after_optional(template["parameters"])
    return fit(f"    def {template['name']}(", names[:later] + ["*"] * (later < len(names)) + names[later:], "):")


def first_after_optional(parameters: list[dict]) -> int:
    """Where mandatory parameters stand behind an optional one: from there on they are given by name alone."""
    optional = False
    for place, parameter in enumerate(parameters):
        if needed(parameter) and optional:
            return place
        optional |= not needed(parameter)
    return len(parameters)


def needed(parameter: dict) -> bool:
    return parameter.get("min_repeats", 0) > 0 or parameter.get("mandatory") is True


def fit(opening: str, items: list[str], closing: str) -> list[str]:
    """A bracketed list as the formatter of this repository wraps it."""
    line = opening + ", ".join(items) + closing
    if len(line) <= WIDTH:
        return [line]
    indent = " " * (len(opening) - len(opening.lstrip()))
    inner = f"{indent}    {', '.join(items)}"
    if len(inner) <= WIDTH and len(items) > 1:
        return [opening, inner, indent + closing]
    return [opening, *(f"{indent}    {item}," for item in items), indent + closing]


def docstring(template: dict) -> list[str]:
    lines = wrap(f'"""Row {template["id"]}. {template["description"]}', WIDTH - 8)
    if template["parameters"]:
        lines += ["", "Parameters, as on the wire:", ""]
    for parameter in template["parameters"]:
        lines += wrap("* " + described(parameter), WIDTH - 8, subsequent_indent="  ", break_on_hyphens=False)
    if "one_of" in template:
        lines += ["", f"At least one of {' and '.join(template['one_of'])} must be given."]
    if "note" in template:
        lines += ["", *wrap(template["note"][0].upper() + template["note"][1:] + ".", WIDTH - 8)]
    if template["parameters"]:
        lines += ["", "Raises TemplateError naming the parameter that is missing or does not fit."]
    reply = f"; answered by {template['reply_id']}" if "reply_id" in template else ""
    lines += ["", "Example:", "", "    " + template["example"].replace("\n", "⏎"), ""]
    lines += [f"Source: MQTT static templates, {template['id']}, topic {template['topic']}{reply}.", '"""']
    return [f"        {line}".rstrip() for line in lines]


def described(parameter: dict) -> str:
    if "group" in parameter:
        items = parameter["group"]
        if len(items) == 1:
            kind = f"list of {WORDS[items[0]['type']]}"
        else:
            inner = ", ".join(f"{item['name']} {details(item)}" for item in items)
            kind = f"list of {parameter['record']} or tuples: {inner}"
        least = parameter.get("min_repeats", 0)
        text = f"{parameter['name']} ({kind}{f'; at least {least}' if least else ''})"
        notes = [note for note in (parameter.get("note"), *(item.get("note") for item in items)) if note]
    else:
        text = f"{parameter['name']} {details(parameter)}"
        notes = [parameter["note"]] if "note" in parameter else []
    return text + "".join(f"; {note}" for note in notes)


def details(parameter: dict) -> str:
    kind = f"{parameter['words']} or str" if "words" in parameter else WORDS[parameter["type"]]
    mandatory = parameter.get("mandatory", False)
    parts = [kind, "mandatory" if mandatory is True else f"mandatory {mandatory}" if mandatory else "optional"]
    if "default" in parameter:
        parts.append(f"default: {parameter['default']}")
    if parameter.get("may_be_empty"):
        parts.append("may be the empty text")
    return f"({', '.join(parts)})"


def body(template: dict) -> list[str]:
    parameters = template["parameters"]
    names = [parameter["name"] for parameter in parameters]
    if not parameters:
        return [f'        return ("{template["id"]}",)']
    comma = "," if len(names) == 1 else ""
    slow = f'        return checked("{template["id"]}", ({", ".join(names)}{comma}))'
    if any("words" in parameter for parameter in parameters):
        return [slow]
    single = [parameter for parameter in parameters if "group" not in parameter]
    tests = [test for parameter in single for test in exact(parameter)]
    if "one_of" in template:
        tests.append(f"({' or '.join(f'{name} is not None' for name in template['one_of'])})")
    if len(single) == len(parameters):
        return [*condition(" " * 8, tests), *returns(template, single), slow]
    return [*group_body(template, single, parameters[-1], tests), slow]


def exact(parameter: dict) -> list[str]:
    """Tests that hold for values of exactly the right type and nothing else."""
    name = parameter["name"]
    if parameter.get("mandatory") is True and parameter["type"] == "String":
        return [f"kind({name}) is str", *([] if parameter.get("may_be_empty") else [name])]
    integer = f"(kind({name}) is int and -BIG < {name} < BIG)"
    test = {
        "String": f"kind({name}) is str",
        "Number": f"(kind({name}) is float and {name} - {name} == 0.0) or {integer}",
        "Integer": integer,
        "Boolean": f"kind({name}) is bool",
        "Date": f"(kind({name}) is datetime and {name}.tzinfo is UTC)",
    }[parameter["type"]]
    if parameter.get("mandatory") is not True:
        test = f"{name} is None or {test}"
    return [f"({test})" if " or " in test else test]


def condition(indent: str, tests: list[str]) -> list[str]:
    """An `if` of all these tests."""
    only = tests[0].removeprefix("(").removesuffix(")") if " or " in tests[0] else tests[0]
    line = f"{indent}if {only if len(tests) == 1 else ' and '.join(tests)}:"
    return [line] if len(line) <= WIDTH else [f"{indent}if (", *stacked(indent, tests), f"{indent}):"]


def negated(indent: str, tests: list[str]) -> list[str]:
    """An `if not` of all these tests."""
    line = f"{indent}if not ({' and '.join(tests)}):"
    return [line] if len(line) <= WIDTH else [f"{indent}if not (", *stacked(indent, tests), f"{indent}):"]


def stacked(indent: str, tests: list[str]) -> list[str]:
    """One test a line."""
    lines = []
    for place, test in enumerate(tests):
        line = f"{indent}    {'and ' * (place > 0)}{test}"
        lines += [line] if len(line) <= WIDTH else line.replace(" or (", f"\n{indent}         or (").split("\n")
    return lines


def returns(template: dict, single: list[dict]) -> list[str]:
    """The row without the empty values at its end."""
    lines = []
    places = list(range(len(single)))
    while places and not needed(single[places[-1]]):
        last = single[places[-1]]
        test = last["name"] if last["type"] == "String" else f"{last['name']} is not None"
        lines += [f"            if {test}:", f"                return {row(template, single, len(places))}"]
        places.pop()
    return [*lines, f"            return {row(template, single, len(places))}"]


def row(template: dict, single: list[dict], length: int) -> str:
    fields = [f'"{template["id"]}"', *(parameter["name"] for parameter in single[:length])]
    return f"({', '.join(fields)}{',' if len(fields) == 1 else ''})"


def group_body(template: dict, single: list[dict], group: dict, tests: list[str]) -> list[str]:
    """The fast path of a template with one repeating group; any item that is not plain leaves it."""
    items = group["group"]
    listed = f"(kind({group['name']}) is list or kind({group['name']}) is tuple)"
    tests = [*tests, listed, *([group["name"]] if needed(group) else [])]
    head = ", ".join(row(template, single, len(single))[1:-1].rstrip(",").split(", "))
    if len(items) == 1:
        assert items[0]["type"] == "String"
        test = "kind(item) is str and item" if needed(items[0]) else "kind(item) is str"
        tests = [*tests, f"all({test} for item in {group['name']})"]
        name = group["name"]
        last = [f"{name}[-1]"] if needed(group) else [f"(not {name} or {name}[-1])"]
        assert not single or needed(single[-1])  # else an empty one would have to be left off
        return [*condition(" " * 8, [*tests, *last]), f"            return ({head}, *{group['name']})"]
    assert not {item["name"] for item in items} & {parameter["name"] for parameter in single}
    least = max([place for place, item in enumerate(items, 1) if item.get("mandatory") is True], default=1)
    plain = f"kind(item) is {group['record']} or (kind(item) is tuple and len(item) == {len(items)})"
    return [
        *condition(" " * 8, tests),
        f"            fields = [{head}]",
        f"            for item in {group['name']}:",
        f"                if not ({plain}):",
        "                    break",
        f"                {', '.join(item['name'] for item in items)} = item",
        *negated(" " * 16, [test for item in items for test in exact(item)]),
        "                    break",
        "                fields += item",
        "            else:",
        f"                row = trimmed(fields, len(fields) - {len(items) - least})",
        "                if row[-1] is not None and row[-1] != '':",
        "                    return row",
    ]


# The stub


def stub(published: list[dict]) -> str:
    names = {group["record"] for template in published for group in template["parameters"] if "record" in group}
    words = {item["words"] for template in published for item in template["parameters"] if "words" in item}
    lines = [
        "# The signatures of the builders, for type checkers and editors.",
        f"# {NOTICE}",
        "",
        "from collections.abc import Iterable, Mapping",
        "from datetime import datetime",
        "from decimal import Decimal",
        "from typing import Any",
        "",
        "from ..pure import Field",
        f"from ._records import {', '.join(sorted(names))}",
        f"from ._words import {', '.join(sorted(words))}",
        "",
        "class Builders:",
    ]
    for template in published:
        parameters = template["parameters"]
        typed = [annotated(parameter) for parameter in parameters]
        later = first_after_optional(parameters)
        arguments = typed[:later] + ["*"] * (later < len(typed)) + typed[later:]
        lines += ["    @staticmethod", *fit(f"    def {template['name']}(", arguments, ") -> tuple[Field, ...]: ...")]
    return "\n".join(lines) + "\n"


def annotated(parameter: dict) -> str:
    if "group" in parameter:
        items = parameter["group"]
        inner = PYTHON[items[0]["type"]]
        if len(items) > 1:
            inner = f"{parameter['record']} | tuple[Any, ...] | list[Any] | Mapping[str, Any]"
        kind = f"Iterable[{inner}]"
    else:
        kind = f"{parameter['words']} | str" if "words" in parameter else PYTHON[parameter["type"]]
    return f"{parameter['name']}: {kind}" + ("" if needed(parameter) else " | None = None")


# The page


def page(table: dict) -> str:
    published = [template for template in table["templates"] if template["direction"] == "publish"]
    received = [template for template in table["templates"] if template["direction"] == "subscribe"]
    lines = [INTRO.read_text("utf-8").rstrip(), "", f"## What a device publishes ({len(published)})"]
    lines += [line for template in published for line in entry(template)]
    lines += ["", f"## What a device receives ({len(received)})"]
    lines += [line for template in received for line in entry(template)]
    lines += ["", f"## Built into the platform ({len(table['built_in'])})", ""]
    lines += ["Rows of other topics; `parse` chooses among them by topic. Those of SmartREST 1.0 are marked so."]
    lines += [line for template in table["built_in"] for line in entry(template)]
    lines += ["", "## Parameters of a successful operation", ""]
    lines += [
        "What `503` and `506` carry behind the operation, by its fragment.",
        "",
        "| fragment | parameters |",
        "|---|---|",
    ]
    lines += [f"| `{name}` | {cell(text)} |" for name, text in table["success_parameters"].items()]
    lines += ["", "## Sources", "", *(f"* {source}" for source in table["sources"])]
    return "\n".join(lines) + "\n"


def entry(template: dict) -> list[str]:
    facts = [f"topic `{template['topic']}`"]
    if "operation_fragment" in template:
        facts.append(f"operation `{template['operation_fragment']}`")
    if "reply_id" in template:
        facts.append(f"answered by `{template['reply_id']}`")
    if "request_id" in template:
        facts.append(f"answers `{template['request_id']}`")
    if "continues_as" in template:
        facts.append(f"too long a row goes on as `{template['continues_as']}`")
    if template.get("protocol", "2.0") != "2.0":
        facts.append(f"SmartREST {template['protocol']}")
    lines = [
        "",
        f"### `{template['id']}` {template['name']}",
        "",
        f"{cell(template['description'])} ({'; '.join(facts)})",
    ]
    if "note" in template:
        lines[-1] += f" Note: {cell(template['note'])}."
    if "one_of" in template:
        lines[-1] += f" At least one of {' and '.join(f'`{name}`' for name in template['one_of'])} must be given."
    if template["parameters"]:
        lines += ["", "| parameter | type | mandatory | default | note |", "|---|---|---|---|---|"]
    for parameter in template["parameters"]:
        lines += rows(parameter)
    return [*lines, "", "```text", template["example"], "```"]


def rows(parameter: dict) -> list[str]:
    if "group" not in parameter:
        return [line_of(parameter, f"`{parameter['name']}`")]
    least = parameter.get("min_repeats", 0)
    counted = f"at least {least}" if least else "any number" if parameter.get("repeated") else "at most one"
    if parameter.get("repeated") and "max_repeats" in parameter:
        counted += f", at most {parameter['max_repeats']}"
    if "marker" in parameter:
        counted += f", behind the marker `{parameter['marker']}`"
    kind = f"list of `{parameter['record']}`" if "record" in parameter else "list"
    if not parameter.get("repeated"):
        kind = f"`{parameter['record']}`"
    first = f"| `{parameter['name']}` | {kind} | {counted} |  | {cell(parameter.get('note', ''))} |"
    return [first, *(line_of(item, f"· `{item['name']}`") for item in parameter["group"])]


def line_of(parameter: dict, name: str) -> str:
    mandatory = parameter.get("mandatory", False)
    needed = "yes" if mandatory is True else mandatory or "no"
    kind = parameter.get("words") or parameter["type"]
    return f"| {name} | {kind} | {needed} | {cell(parameter.get('default', ''))} | {cell(parameter.get('note', ''))} |"


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    sys.exit(main())
