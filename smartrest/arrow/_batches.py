"""What the functions of this package return: batches one by one, or as a stream for any Arrow consumer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ._engine import columns


@dataclass
class Counts:
    """What has passed so far. `rows_in` = `rows_out` + `errors` + `skipped`; `evicted` payloads left before they
    were full, because memory was."""

    rows_in: int = 0
    rows_out: int = 0
    errors: int = 0
    skipped: int = 0
    evicted: int = 0


class Batches(Iterator[Any]):
    """An iterator of batches with `schema` and `counts`.

    Yields `pyarrow.RecordBatch` where pyarrow is installed, else batches of this library, which offer
    `__arrow_c_array__`. Consumers that read `__arrow_c_stream__` (polars, DuckDB, pyarrow, pandas) need no pyarrow. All
    ways share one pass: what one has read, another does not see again.
    """

    def __init__(self, schema: Any, batches: Iterator[Any], counts: Counts) -> None:
        self._schema = schema
        self._batches = batches
        self._pyarrow = _pyarrow()
        self.counts = counts

    @property
    def schema(self) -> Any:
        """The columns: a `pyarrow.Schema` where pyarrow is installed, else an object with `__arrow_c_schema__`."""
        return self._pyarrow.schema(self._schema) if self._pyarrow else self._schema

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> Any:
        batch = next(self._batches)
        return self._pyarrow.record_batch(batch) if self._pyarrow else batch

    def table(self) -> Any:
        """The rest as one `pyarrow.Table`; without pyarrow these batches, which `polars.DataFrame` and others read."""
        return self._pyarrow.table(self) if self._pyarrow else self

    @staticmethod
    def public(batch: Any) -> Any:
        """A batch of the engine as this class yields it."""
        pyarrow = _pyarrow()
        return pyarrow.record_batch(batch) if pyarrow else batch

    @staticmethod
    def joined(batches: list[Any]) -> Any:
        """One batch as `public` gives it; several as the `Batches` of them."""
        if len(batches) == 1:
            return Batches.public(batches[0])
        return Batches(batches[0].schema, iter(batches), Counts(rows_out=sum(len(batch) for batch in batches)))

    def __arrow_c_schema__(self) -> object:
        return self._schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """May be asked for more than once, as DuckDB does: nothing is read before the consumer asks for a batch."""
        return columns().stream_of(self._schema, self._batches)


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ModuleNotFoundError:
        return None
    return pyarrow
