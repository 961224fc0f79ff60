"""The core looks like the pure engine: the same names, parameters, defaults and docstrings."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import support
from support import PURE

import smartrest

FUNCTIONS = (
    "check", "compile", "decode", "decode_row", "encode", "encode_row", "engine", "escape", "pack", "payload_budget",
    "scan", "split", "truncate", "unescape",
)  # fmt: skip
CLASSES = ("Dispatcher", "Encoder", "LazyRow", "LazyRows", "Schema")


@pytest.fixture(scope="module")
def core() -> Any:
    if support.core is None:
        support.open_engine("core:scalar")  # skips, or fails where the core is required
    return support.core


def shape(function: Any) -> list[tuple[str, Any, Any]]:
    """Name, kind and default of each parameter."""
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, p.default) for p in parameters if p.name != "self"]


def public(cls: type) -> set[str]:
    return {name for name in dir(cls) if not name.startswith("_")}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_have_the_same_parameters(core: Any, name: str) -> None:
    assert shape(getattr(core, name)) == shape(getattr(PURE, name))


@pytest.mark.parametrize("name", [*FUNCTIONS, *CLASSES])
def test_docstrings_are_equal(core: Any, name: str) -> None:
    expected = inspect.getdoc(getattr(PURE, name))
    assert expected
    assert inspect.getdoc(getattr(core, name)) == expected


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_engine_of_one_kernel_has_the_same_functions(core: Any, name: str) -> None:
    assert shape(getattr(core.Engine("scalar"), name)) == shape(getattr(PURE, name))


@pytest.mark.parametrize("name", CLASSES)
def test_classes_have_the_same_members(core: Any, name: str) -> None:
    reference, tried = getattr(PURE, name), getattr(core, name)
    assert public(tried) == public(reference)
    for member in sorted(public(reference)):
        ours, theirs = inspect.getattr_static(reference, member), inspect.getattr_static(tried, member)
        if inspect.isgetsetdescriptor(theirs) and inspect.isfunction(ours):  # a coroutine function: C has none
            bound = getattr(tried(), member)
            assert inspect.iscoroutinefunction(bound) == inspect.iscoroutinefunction(ours) is True
            assert list(inspect.signature(bound).parameters) == list(inspect.signature(ours).parameters)[1:]
        elif inspect.isfunction(ours):
            assert shape(getattr(tried, member)) == shape(ours), member
        if member in vars(reference):  # without the base class for sequences
            assert inspect.getdoc(theirs) == inspect.getdoc(ours), member


def test_constructors_take_the_same(core: Any) -> None:
    """Only classes that users call; `compile` and `scan` make the others."""
    for module in (PURE, core):
        assert module.Schema(types={"1": [int]}).decode(b"1,2") == [("1", 2)]
        for call in (module.Schema, lambda m=module: m.Schema({}, {}), lambda m=module: m.Dispatcher(1)):
            with pytest.raises(TypeError):
                call()


@pytest.mark.parametrize("name", [*FUNCTIONS, *CLASSES])
def test_docstrings_are_for_users(name: str) -> None:
    """One sentence first; the rest gives shapes, errors and rules."""
    text = inspect.getdoc(getattr(PURE, name)) or ""
    first = text.split("\n\n")[0]
    assert first.rstrip().endswith((".", ":", ";", "`"))
    assert len(text) > 30


def test_the_package_shows_one_engine(core: Any) -> None:
    module = PURE if smartrest.engine() == "pure" else core
    for name in (*FUNCTIONS, *CLASSES):
        assert getattr(smartrest, name) == getattr(module, name), name


def test_every_public_name_exists() -> None:
    for name in smartrest.__all__:
        assert getattr(smartrest, name) is not None
    assert sorted(smartrest.__all__, key=lambda n: (not n.isupper(), n[0].islower(), n)) == list(smartrest.__all__)
    assert {*FUNCTIONS, *CLASSES} <= set(smartrest.__all__)


def test_the_stub_of_the_core_repeats_nothing(repository: Path) -> None:
    lines = [
        line
        for line in (repository / "smartrest" / "core.pyi").read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.lstrip().startswith(("#", '"""'))
    ]
    assert any("from smartrest.pure import" in line or "from .pure import" in line for line in lines)
    assert len(lines) <= 20, "types come from the pure engine"
