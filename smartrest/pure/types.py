"""The types of what is written, for annotations. Loaded only when asked for: nothing else here needs these modules."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, SupportsIndex, TypeAlias

from .lazy import LazyRow

# What can be sent: a field value, a row.
Field: TypeAlias = str | int | float | bool | Decimal | datetime | SupportsIndex | None
RowLike: TypeAlias = tuple[Field, ...] | list[Any] | LazyRow

# The words that the options of encoding take.
Dialect: TypeAlias = Literal["backslash", "double"]
Quote: TypeAlias = Literal["minimal", "all"]
OnTrailingBackslash: TypeAlias = Literal["allow", "error"]
