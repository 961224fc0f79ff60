"""JSON paths as the platform accepts them in collections: whether one is valid, and whether it can match many values.

Never evaluates a path.
"""

from __future__ import annotations

import re

__all__ = ["is_list", "path_error", "plain_path"]

_NAME = r"[^\s.,\[\]\"']+"
_QUOTED = r"(?:'(?:[^'\\]|\\.)+'|\"(?:[^\"\\]|\\.)+\")"
_NUMBER = r"-?[0-9]+"
_FIRST = re.compile(rf"\$|{_NAME}")
_NEXT = re.compile(
    rf"\.\.(?:{_NAME}|(?=\[))|\.{_NAME}"
    rf"|\[\s*(?:\*|{_NUMBER}(?:\s*,\s*{_NUMBER})*|{_QUOTED}(?:\s*,\s*{_QUOTED})*"
    rf"|(?:{_NUMBER})?:(?:{_NUMBER})?(?::(?:{_NUMBER})?)?)\s*\]"
)
_MANY = re.compile(r"\.\.|(?:^|\.)\*(?=[.\[]|$)|\[\s*[*?]|\[[^\]]*[,:]")
_TEXTS = re.compile(_QUOTED)


def path_error(path: str) -> int | None:
    """The offset where the text stops being a JSON path; `None` if it is valid. A leading `$.` is optional."""
    first = _FIRST.match(path)
    at = first.end() if first else 0
    if not first and not path.startswith("["):
        return 0
    while at < len(path):
        match = _NEXT.match(path, at)
        end = match.end() if match else _filter_end(path, at)
        if end is None:
            return at
        at = end
    return None


def _filter_end(path: str, at: int) -> int | None:
    """The end of a filter `[?(…)]` that starts at `at`, with its parentheses closed."""
    if not path.startswith("[?(", at):
        return None
    depth, quote = 0, ""
    for place in range(at + 2, len(path)):
        sign = path[place]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        else:
            depth += (sign == "(") - (sign == ")")
            if depth == 0:
                return place + 2 if path.startswith("]", place + 1) else None
    return None


def is_list(path: str) -> bool:
    """Whether the path can match any number of values: wildcards, slices, unions, deep scans, filters."""
    return _MANY.search(_TEXTS.sub("''", path)) is not None


def plain_path(path: str) -> str:
    """The path without the optional `$.`."""
    return path[2:] if path.startswith("$.") and not path.startswith("$..") else path
