"""The only way from the codec up to the templates: the functions both engines need, imported on first use.

No other module below the templates may import them (tests/house/test_imports.py).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ._findings import Finding


def check_rows(rows: Iterable[Any], topic: str, collections: Iterable[Any]) -> Iterator[Finding]:
    """The faults of rows according to the templates of `topic`, for `check(payload, topic=…)`."""
    from .templates import check_rows

    return check_rows(rows, topic, collections)


def divided(row: tuple[Any, ...], number: int, limit: int, room: int | None, **options: Any) -> list[Any]:
    """A row over the limit, divided into rows that fit, for `pack(rows, split_groups=True)`."""
    from .templates import divided

    return divided(row, number, limit, room, **options)
