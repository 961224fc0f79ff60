"""A list that stays short while the stand-in platform runs for weeks."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["History"]

T = TypeVar("T")


class History(list[T]):
    """Keeps the newest `limit` items; `None` keeps all.

    Only items that are `over` are dropped: the list is longer while too few are.
    """

    def __init__(self, limit: int | None, over: Callable[[T], bool] | None = None) -> None:
        super().__init__()
        self._limit = limit
        self._over = over

    def append(self, item: T, /) -> None:
        super().append(item)
        if self._limit is None or len(self) <= self._limit:
            return
        surplus = len(self) - self._limit
        if self._over is None:
            del self[:surplus]
            return
        droppable = [place for place, old in enumerate(self) if self._over(old)]
        for place in reversed(droppable[:surplus]):
            del self[place]
