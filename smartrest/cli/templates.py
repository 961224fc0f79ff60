"""`smartrest templates`: list, show and search templates, and check collections.

Only prints; `smartrest.templates` holds the facts and finds the faults.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._report import Colours, Report, pointer, visible

if TYPE_CHECKING:
    from .._findings import Finding
    from ..templates import Group, Parameter, Template

DIRECTIONS = {"publish": "device →", "subscribe": "→ device"}


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its four actions."""
    text = "Look up the templates of rows, and check template collections."
    parser = commands.add_parser(
        "templates", help="list, show and search templates, check collections", description=text
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    action = _action(actions, "list", "List the static templates and those built into the platform.", _list)
    action.add_argument(
        "--direction", choices=tuple(DIRECTIONS), help="only rows that a device publishes, or subscribes to"
    )

    action = _action(actions, "show", "Show templates with their parameters.", _show)
    action.add_argument("templates", nargs="+", metavar="ID|NAME", help="for example 201 or create_measurements")

    action = _action(actions, "search", "List the templates that contain all these words.", _search)
    action.add_argument("words", nargs="+", metavar="WORD")

    action = _action(actions, "check", "Report every fault of template collections.", _check)
    action.add_argument(
        "files", nargs="+", metavar="COLLECTION", help="file with rows 10 and 11, or stored JSON; - for standard input"
    )


def _action(actions: Any, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = actions.add_parser(name, help=text[0].lower() + text[1:-1], description=text)
    action.add_argument("--json", action="store_true", help="print one JSON object per line")
    action.set_defaults(run=run)
    return action


def _all() -> list[Template]:
    from ..templates import built_in, static

    return [*static.values(), *built_in]


def _list(args: argparse.Namespace) -> int:
    wanted = [known for known in _all() if args.direction in (None, known.direction)]
    _print_lines(wanted, args.json)
    return 0


def _show(args: argparse.Namespace) -> int:
    from difflib import get_close_matches

    report = Report()
    known = _all()
    first = True
    for key in args.templates:
        found = [template for template in known if key in (template.id, template.name)]
        if not found:
            close = get_close_matches(key, [template.name for template in known], 1)
            report.error(key, "no template has this ID or name" + (f"; did you mean {close[0]}?" if close else ""))
        for template in found:
            if args.json:
                _print_json(template)
                continue
            _write("\n".join([*([] if first else [""]), *_described(template)]))
            first = False
    return report.code


def _search(args: argparse.Namespace) -> int:
    words = [word.lower() for word in args.words]
    found = [template for template in _all() if all(word in _haystack(template) for word in words)]
    _print_lines(found, args.json)
    return 0 if found else 1


def _haystack(template: Template) -> str:
    return json.dumps(_record(template), ensure_ascii=False).lower()


def _print_lines(templates: Sequence[Template], as_json: bool) -> None:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    for template in templates:
        if as_json:
            _print_json(template)
            continue
        line = f"{template.id:>4}  {DIRECTIONS[template.direction]}  {template.name:<38}  {template.description}"
        _write(line if not width or len(line) <= width else line[: width - 1] + "…")


def _print_json(template: Template) -> None:
    _write(json.dumps(_record(template), ensure_ascii=False))


def _write(text: str) -> None:
    """Writes a line to standard output as UTF-8, whatever the locale."""
    sys.stdout.buffer.write(text.encode() + b"\n")


def _record(template: Template) -> dict[str, Any]:
    """A template for JSON, without empty values."""
    record = {name: getattr(template, name) for name in template.__slots__ if not name.startswith("_")}
    del record["single"], record["groups"]
    record = {name: list(value) if isinstance(value, tuple) else value for name, value in record.items() if value}
    record["parameters"] = [_parameter_record(parameter) for parameter in template.parameters]
    return record


def _parameter_record(parameter: Parameter | Group) -> dict[str, Any]:
    record: dict[str, Any] = {name: value for name, value in parameter._asdict().items() if value}
    if "parameters" in record:
        record["parameters"] = [_parameter_record(item) for item in record["parameters"]]
        if "record" in record:
            record["record"] = record["record"].__name__
    return record


def _described(template: Template) -> Iterator[str]:
    """A template as lines for people."""
    colours = Colours(sys.stdout)
    facts = [f"topic {template.topic}"]
    for name, value in (
        ("operation", template.operation_fragment),
        ("answered by", template.reply_id),
        ("answers", template.request_id),
        ("continues as", template.continues_as),
    ):
        if value is not None:
            facts.append(f"{name} {value}")
    if template.protocol != "2.0":
        facts.append(f"SmartREST {template.protocol}")
    yield f"{colours.bold(f'{template.id} {template.name}')}  {DIRECTIONS[template.direction]}  ({', '.join(facts)})"
    yield template.description
    if template.note:
        yield f"Note: {template.note}."
    if template.one_of:
        yield f"At least one of {', '.join(template.one_of)} must be given."
    for parameter in template.parameters:
        yield from _parameter_lines(parameter)
    yield f"  {colours.dim('example')}  {visible(template.example)}"


def _parameter_lines(parameter: Parameter | Group) -> Iterator[str]:
    from ..templates import Parameter

    if isinstance(parameter, Parameter):
        yield "  " + _parameter_line(parameter)
        return
    counted = f"at least {parameter.min_repeats}" if parameter.min_repeats else "any number"
    if not parameter.repeated:
        counted = "at most one"
    elif parameter.max_repeats is not None:
        counted += f", at most {parameter.max_repeats}"
    marker = f", after {parameter.marker}" if parameter.marker else ""
    note = f"; {parameter.note}" if parameter.note else ""
    yield f"  {parameter.name:<18} {'group':<9} {counted}{marker}{note}"
    for item in parameter.parameters:
        yield "  · " + _parameter_line(item, 16)


def _parameter_line(parameter: Parameter, width: int = 18) -> str:
    needed = "mandatory" if parameter.mandatory else "optional"
    facts = [f"mandatory {parameter.condition}" if parameter.condition else needed]
    if parameter.default is not None:
        facts.append(f"default: {parameter.default}")
    if parameter.note:
        facts.append(parameter.note)
    return f"{parameter.name:<{width}} {parameter.type:<9} {'; '.join(facts)}"


def _check(args: argparse.Namespace) -> int:
    from ..templates import Collection

    report = Report()
    colours = Colours(sys.stdout)
    for name in args.files:
        try:
            data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except (OSError, ValueError) as error:
            report.error(name, getattr(error, "strerror", None) or str(error), code=2)
            continue
        shown = "standard input" if name == "-" else name
        for finding in Collection.check(data):
            report.code = max(report.code, 1)
            _print_finding(shown, finding, data, args.json, colours)
    return report.code


def _print_finding(name: str, finding: Finding, data: bytes, as_json: bool, colours: Colours) -> None:
    if finding.start is None:
        line = column = None
        where, caret = f"{visible(name)}:", ""
    else:
        text, carets, column = pointer(data, finding.start, finding.end or finding.start + 1)
        line = data.count(b"\n", 0, finding.start) + 1
        where, caret = f"{visible(name)}:{line}:{column}:", f"\n  {text}\n  {colours.red(carets)}"
    if as_json:
        _write(json.dumps({"file": name, "line": line, "column": column, **finding._asdict()}, ensure_ascii=False))
        return
    _write(f"{colours.bold(where)} {colours.red(visible(finding.text))} ({finding.reason}){caret}")
