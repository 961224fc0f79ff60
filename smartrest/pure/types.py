"""The types of what is written, for annotations. Loaded only when asked for: nothing else here needs these modules."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, SupportsIndex, TypeAlias, Union

from .lazy import LazyRow

Field: TypeAlias = Union[
    str, int, float, bool, Decimal, datetime, SupportsIndex, None
]  # a field value that can be sent
RowLike: TypeAlias = Union[tuple[Field, ...], list[Any], LazyRow]  # a row that can be sent
