"""The programs of docs/tables.md run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tables.md"
PROGRAMS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def libraries(program: str) -> list[str]:
    return re.findall(r"^import (\w+)", program, re.MULTILINE)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: libraries(program)[0])
def test_programs_of_the_page_run(program: str) -> None:
    for library in (*libraries(program), "pyarrow"):
        pytest.importorskip(library)
    exec(compile(program, str(PAGE), "exec"), {"__name__": "__main__"})


def test_the_page_has_a_program_for_each_library() -> None:
    assert {"polars", "pyarrow", "duckdb", "pandas", "numpy"} <= set(libraries("\n".join(PROGRAMS)))
