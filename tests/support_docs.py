"""Runs the Python of a page statement by statement, and holds each value against the comment beside it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

BLOCK = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LITERAL = re.compile(r"[\"'(\[\d]|b[\"']|True\b|False\b|None\b")


def blocks(page: Path, *languages: str) -> list[str]:
    """The code blocks in these languages ("" for none)."""
    return [body for language, _, body in BLOCK.findall(page.read_text(encoding="utf-8")) if language in languages]


def run_block(block: str, scope: dict[str, Any], where: str) -> None:
    """Run a block in `scope`. A comment that begins with a literal tells a value, one with `…Error` what is raised."""
    lines = block.splitlines()
    for statement in ast.parse(block).body:
        last = lines[statement.end_lineno - 1] if statement.end_lineno else ""
        comment = last[statement.end_col_offset or 0 :].lstrip().removeprefix("#").strip()
        error = re.match(r"(\w+Error)\b", comment)
        try:
            if isinstance(statement, ast.Expr):
                value = eval(compile(ast.Expression(statement.value), where, "eval"), scope)
                told = _literal(comment)
                assert value is None or told is None or value == told[0], f"{where}: {value!r} is told as: {comment}"
            else:
                exec(compile(ast.Module([statement], []), where, "exec"), scope)
        except Exception as caught:
            if error is None or type(caught).__name__ != error[1]:
                raise
        else:
            assert error is None, f"{where}: raises nothing: {ast.unparse(statement)}"


def _literal(comment: str) -> tuple[Any] | None:
    """The literal that a comment begins with: the longest one that ends at a blank, a comma or a colon."""
    if not LITERAL.match(comment):
        return None
    for end in sorted({len(comment), *(found.start() for found in re.finditer(r"[\s,:]", comment))}, reverse=True):
        try:
            return (ast.literal_eval(comment[:end].rstrip(",: ")),)
        except (SyntaxError, ValueError):
            continue
    return None
