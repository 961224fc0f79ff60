"""Payloads to tables: typed columns of one template, of several, or every row as a list of texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from smartrest.templates import Template

from ._batches import Batches, Counts
from ._engine import columns as engine
from ._source import Source
from ._templates import Column, columns_of, general_columns, template_of

TEXTS = ("dictionary", "utf8", "view")


def decode_batches(
    source: Any,
    template: str | Template | None = None,
    *,
    payload: str = "payload",
    columns: Sequence[str] | None = None,
    keep: Sequence[str] = (),
    text: str = "dictionary",
    on_error: Callable[[Any], object] | None = None,
) -> Batches:
    """The rows of one template in the payloads of `source`, as batches with a typed column for each parameter.

    `template` is the ID or name of a static template, or a template of your own; rows of others are skipped. Without
    one, every row comes as `payload_index`, `row`, `id`, `fields` (a list of texts) and `reason`, which is null but for
    a payload that cannot be read. `columns` chooses parameters, `keep` columns of the source to repeat for each row.
    `text` is the type of texts: `dictionary`, `utf8` or `view`.

    A row or payload that cannot be read is left out and counted: `on_error` gets batches of `ERRORS`, while the result
    is read. `.counts`: rows in = rows out + errors + skipped.
    """
    _check_text(text)
    plan: tuple[str | None, list[Column]]
    if template is None:
        if columns is not None:
            raise ValueError("columns= needs a template, whose parameters it chooses")
        plan = (None, general_columns(text))
    else:
        known = template_of(template)
        plan = (known.id, columns_of(known, text, columns))
    opened = Source(source)
    reader = engine().reader([plan], payload, tuple(keep))
    shapes, _ = reader.open(_shape_of(opened, payload, keep))
    counts = Counts()
    return Batches(shapes[0], _tables(opened, reader, counts, on_error), counts)


def _tables(opened: Source, reader: Any, counts: Counts, on_error: Callable[[Any], object] | None) -> Iterator[Any]:
    first = 0
    for batch in opened:
        for tables, errors, rows_in, rows_out, skipped in reader.read(batch, first):
            _add(counts, errors, rows_in, rows_out, skipped)
            if errors is not None and on_error is not None:
                on_error(Batches.public(errors))
            if tables[0] is not None:
                yield tables[0]
        first += batch.num_rows


def _add(counts: Counts, errors: Any, rows_in: int, rows_out: int, skipped: int) -> None:
    counts.rows_in += rows_in
    counts.rows_out += rows_out
    counts.skipped += skipped
    counts.errors += errors.num_rows if errors is not None else 0


def _shape_of(opened: Source, payload: str, keep: Sequence[str]) -> Any:
    """The shape of the source; of one without any batch, text columns."""
    return opened.shape or engine().shape_of([(name, "u") for name in (payload, *keep)])


def _check_text(text: str) -> None:
    if text not in TEXTS:
        raise ValueError(f"text={text!r}: use {', '.join(TEXTS)}")


@dataclass
class Decoded:
    """What one batch of payloads held: a table for each template ID, and a table of errors. An empty one is `None`.

    `rows_in` = `rows_out` + errors + `skipped`.
    """

    tables: dict[str, Any]
    errors: Any
    rows_in: int
    rows_out: int
    skipped: int


class Decoder:
    """Decodes batches of payloads with rows of several templates, into one table for each of them.

    `templates`: IDs or names of static templates, or templates of your own. The other parameters are those of
    `decode_batches`. `payload_index` of the errors counts over all batches. May be shared by threads.
    """

    def __init__(
        self,
        templates: Iterable[str | Template],
        *,
        payload: str = "payload",
        keep: Sequence[str] = (),
        text: str = "dictionary",
    ) -> None:
        _check_text(text)
        known = [template_of(template) for template in templates]
        self._ids = [template.id for template in known]
        if len(set(self._ids)) < len(self._ids):
            raise ValueError(f"a template is given twice: {', '.join(self._ids)}")
        self._plans = [(template.id, columns_of(template, text)) for template in known]
        self._payload, self._keep = payload, tuple(keep)
        self._readers: list[Any] = []  # those that no thread uses now
        self._seen = 0

    def decode(self, batch: Any) -> Decoded:
        """The tables of the payloads in `batch`, any source. Tables of rows that no payload has are left out."""
        done = Decoded({}, None, 0, 0, 0)
        found: dict[str, list[Any]] = {}
        errors: list[Any] = []
        try:
            reader = self._readers.pop()
        except IndexError:
            reader = engine().reader(self._plans, self._payload, self._keep)
        for part in Source(batch):
            first, self._seen = self._seen, self._seen + part.num_rows
            for tables, wrong, rows_in, rows_out, skipped in reader.read(part, first):
                done.rows_in += rows_in
                done.rows_out += rows_out
                done.skipped += skipped
                for template, table in zip(self._ids, tables, strict=True):
                    if table is not None:
                        found.setdefault(template, []).append(table)
                if wrong is not None:
                    errors.append(wrong)
        self._readers.append(reader)
        done.tables = {template: Batches.joined(tables) for template, tables in found.items()}
        done.errors = Batches.joined(errors) if errors else None
        return done


def decode_table(payloads: Any, template: str | Template | None = None, **options: Any) -> Any:
    """All that `decode_batches` yields: a `pyarrow.Table` where pyarrow is installed, else the `Batches` themselves."""
    return decode_batches(payloads, template, **options).table()
