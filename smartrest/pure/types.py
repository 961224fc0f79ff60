"""The types of rows, fields and encode options, for annotations. Imported on demand: nothing else needs its modules."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Protocol, SupportsIndex, TypeAlias

from .lazy import LazyRow


class NumpyScalar(Hashable, Protocol):
    """A scalar of numpy, which need not be installed. Its arrays have the same methods, but no hash."""

    @property
    def dtype(self) -> Any: ...

    def item(self) -> Any: ...


# A field value and a row to write.
Field: TypeAlias = str | int | float | bool | Decimal | datetime | SupportsIndex | NumpyScalar | None
RowLike: TypeAlias = tuple[Field, ...] | list[Any] | LazyRow

# The values of the encode options.
Dialect: TypeAlias = Literal["backslash", "double"]
Quote: TypeAlias = Literal["minimal", "all"]
OnTrailingBackslash: TypeAlias = Literal["allow", "error"]
