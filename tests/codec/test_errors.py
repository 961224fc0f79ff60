"""The error classes: one base, the same attributes, pickling, the content of messages."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import smartrest
from smartrest import errors
from smartrest._constants import EXCERPT, STATUS, TEXTS
from smartrest.errors import (
    DecodeError,
    DispatchError,
    EncodeError,
    PayloadTooLargeError,
    SmartRestError,
    TemplateError,
    decode_error,
    encode_error,
    excerpt,
    too_large_error,
)

CLASSES = (SmartRestError, DecodeError, EncodeError, PayloadTooLargeError, TemplateError, DispatchError)


def test_one_base() -> None:
    for cls in CLASSES:
        assert issubclass(cls, SmartRestError)
        assert issubclass(cls, ValueError)
        assert getattr(smartrest, cls.__name__) is cls
    assert issubclass(PayloadTooLargeError, EncodeError)
    assert not issubclass(DecodeError, EncodeError)
    assert set(errors.__all__) == {cls.__name__ for cls in CLASSES} | {"EngineWarning"}


@pytest.mark.parametrize("cls", CLASSES)
def test_attributes_of_a_bare_error(cls: type[SmartRestError]) -> None:
    error = cls("text")
    assert str(error) == "text"
    assert error.reason == ""
    assert (error.position, error.row, error.field) == (None, None, None)
    assert str(cls()) == ""


def samples() -> list[SmartRestError]:
    return [
        DecodeError("text", "stray_quote", position=3, row=1, field=2, rows=[("a", "b")]),
        EncodeError("text", "bad_type", row=1, field=2),
        too_large_error(7, 3, 9),
        TemplateError(
            "text", "bad_value", row=0, field=2, template="200", parameter="value", value="x", expected="a number"
        ),
    ]


@pytest.mark.parametrize("error", samples(), ids=lambda error: type(error).__name__)
def test_pickling(error: SmartRestError) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(error, protocol))
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)
    assert vars(copy.deepcopy(error)) == vars(error)


def test_a_dispatch_error_holds_failures_and_results() -> None:
    inner = KeyError("x")
    error = DispatchError("text", "row_failed", failures=[(0, ("1",), inner)], results=(5,))
    assert error.failures == [(0, ("1",), inner)]
    assert error.results == [5]


def test_rows_are_a_list_of_ones_own() -> None:
    given = [("a",)]
    error = DecodeError("text", rows=given)
    given.append(("b",))
    assert error.rows == [("a",)]
    DecodeError("text").rows.append(("mine",))
    assert DecodeError("text").rows == []


@pytest.mark.parametrize("data", [b"x" * 500, "é" * 500, "\x1b[31m" * 100, b"\xff\x00\n" * 100, "🌡\ud800", b"", ""])
def test_excerpts_are_short_and_escaped(data: Any) -> None:
    for position in (0, 1, 300):
        shown = excerpt(data, position)
        assert len(shown) <= EXCERPT
        assert shown.isascii()
        assert shown.isprintable()


@pytest.mark.parametrize("reason", TEXTS)
def test_messages_are_short(reason: str) -> None:
    hostile = b"\x1b\n\xff" * 200
    for error in (
        decode_error(reason, 2**32, 2**32, 2**32, [], hostile * 10),
        decode_error(reason, 5, 2**32, 2**32, [], hostile),
        decode_error(reason, 5, None, None, [], hostile),
        encode_error(reason, 2**32, 2**32, excerpt("\x1b" * 500)),
        too_large_error(2**63, 2**32, 2**63),
    ):
        assert len(str(error)) <= 200
        assert str(error).isprintable()


def test_the_table_of_reasons() -> None:
    numbers = [number for number, _, _ in STATUS]
    assert numbers == list(range(1, len(STATUS) + 1)), "numbers are neither reused nor left out"
    assert len(TEXTS) == len(STATUS)
    for _, reason, text in STATUS:
        assert reason.isidentifier()
        assert reason == reason.lower()
        assert text
        assert not text.endswith(".")


def test_reasons_are_documented(repository: Any) -> None:
    """Programs compare these words, so the documentation lists every one."""
    pages = "\n".join(page.read_text(encoding="utf-8") for page in (repository / "docs").rglob("*.md"))
    if not pages:
        pytest.skip("no docs in this tree")
    assert [reason for reason in TEXTS if f"`{reason}`" not in pages] == []
