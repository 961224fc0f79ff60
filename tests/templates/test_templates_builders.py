"""The builders: rows and faults of the templates, the signatures that readers see, the cost."""

from __future__ import annotations

import ast
import inspect
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import support
from hypothesis import given
from hypothesis import strategies as st
from support_templates import FEW, parameters

import smartrest
from smartrest.errors import TemplateError
from smartrest.templates import SeriesValue, Severity, Software, Template, static

PUBLISHED = [template for template in static.values() if template.direction == "publish"]
NAMES = [template.name for template in PUBLISHED]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def outcome(build: Callable[..., Any], given: dict[str, Any]) -> Any:
    try:
        row = build(**given)
    except TemplateError as error:
        return error.reason, error.parameter, error.field, str(error)
    return [(type(field), field) for field in row]


class Text(str):
    def __str__(self) -> str:
        raise AssertionError("a value is taken as it is")


class Whole:
    def __index__(self) -> int:
        return 7


ODD = st.sampled_from(
    [
        *(None, "", "x", Text("sub"), Severity.MAJOR, b"x", 0, 1, -1, True, Whole(), 1.5, float("nan"), float("inf")),
        *(Decimal("1.50"), Decimal("nan"), NOW, NOW.replace(tzinfo=None), (), ("a", "b"), [], ["a"], [None], {"a": 1}),
        *([("a", "b", 1)], [("a", "b", 1, None)], [["a", "b", 2.5, ""]]),
        *([SeriesValue("f", "s", 1.0)], [Software("n", "1", "u")], object),
    ]
)


@pytest.mark.parametrize("template", PUBLISHED, ids=lambda template: template.id)
@FEW
@given(data=st.data())
def test_the_fast_path_is_the_slow_path(template: Template, data: st.DataObject) -> None:
    values = data.draw(parameters(template))
    for name in data.draw(st.lists(st.sampled_from(list(template._names) or ["no"]), max_size=2)):
        if name in template._names:
            values[name] = data.draw(ODD)
    assert outcome(getattr(static, template.name), values) == outcome(template.build, values)


@pytest.mark.parametrize("template", PUBLISHED, ids=lambda template: template.id)
def test_the_stub_has_the_parameters_of_the_table(template: Template, repository: Path) -> None:
    stub = ast.parse((repository / "smartrest" / "templates" / "_signatures.pyi").read_text("utf-8"))
    found = {node.name: node.args for node in ast.walk(stub) if isinstance(node, ast.FunctionDef)}
    assert list(found) == NAMES
    arguments = found[template.name]
    names = [argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)]
    assert names == [parameter.name for parameter in template.parameters]
    assert names == list(inspect.signature(getattr(static, template.name)).parameters)
    first_with_default = len(arguments.args) - len(arguments.defaults)
    optional = {argument.arg for argument in arguments.args[first_with_default:]}
    optional |= {
        argument.arg
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is not None
    }
    for parameter in template.parameters:
        mandatory = parameter.min_repeats > 0 if hasattr(parameter, "min_repeats") else parameter.mandatory
        assert (parameter.name in optional) is not mandatory, parameter.name


@pytest.mark.parametrize("template", PUBLISHED, ids=lambda template: template.id)
def test_the_docstring_says_all(template: Template) -> None:
    text = inspect.getdoc(getattr(static, template.name)) or ""
    assert text.startswith(f"Row {template.id}. ")
    assert template.example.replace("\n", "⏎") in text
    assert "Source: MQTT static templates" in text
    for parameter in template.parameters:
        assert f"* {parameter.name} (" in text


def test_a_builder_is_made_once_and_pickled_by_its_name() -> None:
    assert static.create_event is static.create_event
    assert pickle.loads(pickle.dumps(static.create_event)) is static.create_event


def test_rows_hold_the_values_as_given() -> None:
    row = static.create_measurement("f", "s", Decimal("1.50"), unit="", time=NOW)
    assert row == ("200", "f", "s", Decimal("1.50"), "", NOW)
    assert smartrest.encode_row(row) == b"200,f,s,1.50,,2026-01-02T03:04:05.000+00:00"
    assert static.create_measurement("f", "s", 1) == ("200", "f", "s", 1)
    assert static.create_device() == ("100",)
    assert static.create_device("", None) == ("100",)
    assert static.set_agent_information("a", "1", maintainer="m") == ("122", "a", "1", None, "m")
    assert static.set_operation_successful("c8y_Command", ["out", ""]) == ("503", "c8y_Command", "out")
    assert static.update_alarm_severity("t", Severity.MAJOR) == ("305", "t", "MAJOR")
    assert type(static.update_alarm_severity("t", Severity.MAJOR)[2]) is str
    assert type(static.create_critical_alarm(Text("t"))[1]) is str


@pytest.mark.parametrize(
    "items",
    [
        [SeriesValue("f", "s", 1.5, "C"), ("f", "s2", 2)],
        (("f", "s", 1.5, "C"), ["f", "s2", 2, None]),
        ({"fragment": "f", "series": "s", "value": 1.5, "unit": "C"}, {"fragment": "f", "series": "s2", "value": 2}),
        (item for item in [("f", "s", 1.5, "C"), ("f", "s2", 2)]),
    ],
)
def test_items_come_as_records_tuples_or_dicts(items: Any) -> None:
    row = static.create_measurements("t", series_values=items)
    assert row == ("201", "t", None, "f", "s", 1.5, "C", "f", "s2", 2)


CHECKED = """
from datetime import datetime, timezone
from decimal import Decimal
from smartrest import encode_row
from smartrest.templates import SeriesValue, Severity, static

row = static.create_measurement(fragment="f", series="s", value=1, unit="C", time=datetime.now(timezone.utc))
encode_row(row)
static.create_measurement("f", "s", Decimal("1.5"))
static.create_measurements("t", series_values=[SeriesValue("f", "s", 1.5), ("f", "s", 1), {"fragment": "f"}])
static.set_supported_operations(["c8y_Restart"])
static.update_alarm_severity("t", Severity.MAJOR)
static["200"].build(fragment="f", series="s", value=1).count(None)
"""
REFUSED = [
    'static.create_measurement(fragment="f", series="s")',
    'static.create_measurement(fragment="f", series="s", value="1")',
    'static.create_measurement("f", "s", 1, unti="C")',
    'static.create_measurements("t", series_values="abcd")',
    "static.software_list",
    'static.set_agent_information("a", "1", "u", "m")',
]


def test_a_type_checker_sees_the_signatures(tmp_path: Path, repository: Path) -> None:
    pytest.importorskip("mypy", reason="mypy is a tool of development, not needed to run")
    lines = [*CHECKED.strip().splitlines(), *REFUSED]
    (tmp_path / "user.py").write_text("\n".join(lines) + "\n", "utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run(
        [*command, "--config-file=", "user.py"],
        capture_output=True,
        text=True,
        timeout=250,
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(repository)},
    )
    faulty = {int(line.split(":")[1]) for line in done.stdout.splitlines() if line.startswith("user.py:")}
    first = len(lines) - len(REFUSED) + 1
    assert faulty == set(range(first, len(lines) + 1)), done.stdout + done.stderr


@pytest.mark.alone
@pytest.mark.skipif(not support.HAS_CORE, reason="the cost is a promise for the compiled core, which is not built here")
def test_a_named_builder_costs_little() -> None:
    encode_row = support.core.encode_row
    bare = ("200", "c8y_Temperature", "T", 25.3, "C")

    def named() -> bytes:
        row = static.create_measurement(fragment="c8y_Temperature", series="T", value=25.3, unit="C")
        return encode_row(row)  # type: ignore[no-any-return]  # the core has no types

    assert named() == encode_row(bare)
    ratios = []
    for _ in range(5):  # a busy machine may spoil one attempt
        ratios.append(support.best_time(named) / support.best_time(lambda: encode_row(bare)))
        if ratios[-1] <= 4:
            return
    pytest.fail(f"building and encoding a 200 takes {min(ratios):.1f} times the encoding alone")


def test_scalars_of_numpy() -> None:
    np: Any = pytest.importorskip("numpy", reason="numpy is not installed")
    moment = np.datetime64("2026-01-02T03:04:05.678", "ms")
    temperature, child = static.create_measurement, static.create_child_device
    assert temperature("f", "s", np.float32(25.3))[:4] == ("200", "f", "s", np.float32(25.3))
    assert smartrest.encode_row(temperature("f", "s", np.float32(25.3), "C", moment)) == (
        b"200,f,s,25.3,C,2026-01-02T03:04:05.678+00:00"
    )
    assert temperature("f", "s", np.int16(-7)) == ("200", "f", "s", -7)
    assert child("id", is_child_device=np.bool_(True)) == child("id", is_child_device=True)
    for wrong in (np.float32("inf"), np.float16("nan"), np.bool_(True), moment):
        with pytest.raises(TemplateError):
            temperature("f", "s", wrong)
    for wrong in (np.datetime64("NaT"), np.float32(1)):
        with pytest.raises(TemplateError):
            temperature("f", "s", 1, "C", wrong)
    with pytest.raises(TemplateError):
        child("id", is_child_device=np.float32(1))
