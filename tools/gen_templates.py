"""Prints what is made from smartrest/templates/table.json: the stub of the builders, the records, docs/templates.md.

Run it after each change of the table: `python tools/gen_templates.py`; with `--check` it writes nothing and fails where
a file differs. A test does the same.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from smartrest.templates._builders import PYTHON, first_after_optional, needed

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "smartrest" / "templates"
WIDTH = 120
NOTICE = "Printed by tools/gen_templates.py from table.json: do not edit."
READ = {**PYTHON, "Number": "float"}
INTRO = ROOT / "tools" / "templates_intro.md"


def main() -> int:
    table = json.loads((PACKAGE / "table.json").read_text("utf-8"))
    published = [template for template in table["templates"] if template["direction"] == "publish"]
    files = {
        PACKAGE / "_records.py": records(table),
        PACKAGE / "_signatures.pyi": stub(published),
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
        f"from ._types import {', '.join(sorted(words))}",
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
