"""Checks of the options that the functions of both engines take. Never looks at a payload or a row."""

from __future__ import annotations

from operator import index

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, SupportsIndex

DIALECTS = ("backslash", "double")
QUOTES = ("minimal", "all")
TRAILING_BACKSLASH = ("allow", "error")


def limit_of(limit: SupportsIndex | None) -> int | None:
    """`limit` as an int; `None` is no limit."""
    if limit is None or (type(limit) is int and limit >= 0):
        return limit
    if not hasattr(type(limit), "__index__"):
        raise TypeError(f"limit must be an int or None, not {type(limit).__name__}")
    number = index(limit)
    if number < 0:
        raise ValueError(f"limit must not be negative, not {number}")
    return number


def refuse_style(dialect: Any, quote: Any, on_trailing_backslash: Any) -> None:
    """Raises what is wrong with these encode options; returns where nothing is."""
    for name, value, words in (
        ("dialect", dialect, DIALECTS),
        ("quote", quote, QUOTES),
        ("on_trailing_backslash", on_trailing_backslash, TRAILING_BACKSLASH),
    ):
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a str, not {type(value).__name__}")
        if value not in words:
            raise ValueError(f"{name} must be {' or '.join(map(repr, words))}, not {value[:80]!a}")


def check_on_error(on_error: Any) -> None:
    """`on_error` is a callable or `None`."""
    if on_error is not None and not callable(on_error):
        raise TypeError(f"on_error must be callable or None, not {type(on_error).__name__}")
