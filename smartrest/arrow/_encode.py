"""Tables to payloads: what a template asks of the columns, then batch by batch through the engine.

The engines pack rows (`smartrest.pure.columns`, `smartrest.columns`). Here are the options, the names and the types.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import accumulate
from operator import index
from typing import TYPE_CHECKING, Any

from smartrest import encode_row, payload_budget

from .._columns import ERRORS, MOST_BYTES, PAYLOADS, Hole, Plan
from .._constants import SEPARATOR
from .._limits import check_on_error, limit_of
from .._values import hole_of
from ..mqtt._text import check_level
from ..templates import Group, Template
from ._batches import Batches, Counts
from ._engine import columns as engine
from ._source import Source
from ._templates import template_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..templates import Parameter

ANY = frozenset(("bool", "int", "uint", "float", "decimal", "time", "date", "text"))
INTEGERS = frozenset(("int", "uint"))
NUMBERS = frozenset(("float", "int", "uint"))
# What fits a hole of an Encoder, by the name of its class, and a parameter of a template, by its type; else texts.
HOLES = {
    "object": ANY,
    "int": INTEGERS,
    "float": NUMBERS,
    "Decimal": frozenset(("decimal",)),
    "bool": frozenset(("bool",)),
    "datetime": frozenset(("time",)),
}
PARAMETERS = {
    "Number": NUMBERS | {"decimal"},
    "Integer": INTEGERS,
    "Unsigned": INTEGERS,
    "Boolean": frozenset(("bool",)),
    "Date": frozenset(("time",)),
}
TEXT = frozenset(("text",))
OPTIONS = {
    "dialect": "backslash",
    "quote": "minimal",
    "final_newline": False,
    "on_trailing_backslash": "allow",
}


def plan_of(
    template: Any,
    names: Sequence[str],
    columns: Sequence[str] | None,
    by: str | None,
    topic: str,
    limit: int | None,
    memory: int,
    batch_bytes: int,
) -> Plan:
    """The plan of a source with columns of these names. Raises `TypeError` or `ValueError` for a wrong option."""
    options: dict[str, Any] = dict(OPTIONS)
    if isinstance(template, (str, Template)):
        row = _template_row(template_of(template), names, columns)
    else:
        row = _encoder_row(template, columns, options)
    most = limit_of(limit)
    if most is not None and not 0 < most <= MOST_BYTES:
        raise ValueError(f"limit must be between 1 and {MOST_BYTES}, not {most}")
    for name, value in (("memory", memory), ("batch_bytes", batch_bytes)):
        if index(value) < 1:
            raise ValueError(f"{name} must be a positive number of bytes, not {value}")
    _budget(topic)
    return Plan(
        constants=_constants(row, options),
        holes=tuple(field for field in row if isinstance(field, Hole)),
        topic=topic,
        by=by,
        limit=most,
        memory=index(memory),
        batch_bytes=min(index(batch_bytes), MOST_BYTES),
        budget=_budget,
        check_device=_check_device,
        **options,
    )


def _budget(topic: str) -> int:
    return payload_budget(topic, qos=1)


def _check_device(device: str) -> None:
    check_level(device, "device")


def _encoder_row(encoder: Any, columns: Sequence[str] | None, options: dict[str, Any]) -> list[Any]:
    """The row of an Encoder, with a Hole for each of its holes."""
    if not hasattr(type(encoder), "row") or not hasattr(type(encoder), "pack"):
        raise TypeError(f"template must be an Encoder or a template's ID or name, not {type(encoder).__name__}")
    given = encoder.__reduce__()[1][1]
    known = given if isinstance(given, dict) else dict(zip(OPTIONS, given, strict=False))
    options.update({name: known[name] for name in OPTIONS})
    row = list(encoder.row)
    places = [place for place, field in enumerate(row) if hole_of(field) is not None]
    if columns is None:
        raise TypeError("columns must name the column of each hole of the Encoder, in order")
    _check_names(columns)
    if len(columns) != len(places):
        raise ValueError(f"columns must name {len(places)} columns, one for each hole, not {len(columns)}")
    for place, column in zip(places, columns, strict=True):
        hole: Any = hole_of(row[place])
        row[place] = Hole(column, place, HOLES.get(hole.__name__, TEXT))
    return row


def _check_names(columns: Any) -> None:
    if isinstance(columns, str) or not all(isinstance(name, str) for name in columns):
        raise TypeError("columns must be a list of names")


def _template_row(template: Template, names: Sequence[str], columns: Sequence[str] | None) -> list[Any]:
    """The row of a template, up to its last parameter that has a column."""
    parameters: list[tuple[str, Parameter]] = []
    for parameter in template.parameters:
        if isinstance(parameter, Group):
            if parameter.marker is not None:
                raise ValueError(f"template {template.label} has sections, which are not columns")
            single = len(parameter.parameters) == 1
            parameters += [(parameter.name if single else item.name, item) for item in parameter.parameters]
        else:
            parameters.append((parameter.name, parameter))
    if columns is not None:
        _check_names(columns)
        known = [name for name, _ in parameters]
        for column in columns:
            if column not in known:
                raise ValueError(f"template {template.label} has no parameter {column!a}; it has {', '.join(known)}")
    given = set(names if columns is None else columns)
    row: list[Any] = [template.id]
    last = 1
    for field, (name, parameter) in enumerate(parameters, 1):
        if name in given:
            takes = PARAMETERS.get(parameter.type, TEXT)
            row.append(Hole(name, field, takes, parameter.mandatory))
            last = field + 1
        elif parameter.mandatory:
            raise ValueError(f"template {template.label} needs a column {name!a}")
        else:
            row.append(None)
    return row[:last]


def _constants(row: Sequence[Any], options: dict[str, Any]) -> tuple[bytes, ...]:
    """The bytes before each hole, and those after the last."""
    style = {name: value for name, value in options.items() if name != "final_newline"}
    pieces = [b""]
    for field, value in enumerate(row):
        if field:
            pieces[-1] += SEPARATOR.encode()
        if isinstance(value, Hole):
            pieces.append(b"")
        else:
            before = encode_row((0, value), limit=None, **style)
            pieces[-1] += before.partition(SEPARATOR.encode())[2]
    return tuple(pieces)


def encode_batches(
    source: Any,
    template: Any,
    *,
    columns: Sequence[str] | None = None,
    by: str | None = None,
    topic: str = "s/us",
    limit: int | None = None,
    memory: int = 256 << 20,
    batch_bytes: int = 1 << 20,
    on_error: Callable[[Any], object] | None = None,
) -> Batches:
    """The fewest payloads that carry the rows of a table, as batches with the columns `topic`, `payload` and `rows`.

    `source`: anything with the Arrow PyCapsule interface, an iterable of such, or a dict of numpy arrays. `template`:
    an `Encoder` whose holes `columns` fill in order; or a template, or the ID or name of a static one, whose parameters
    are the columns of the same name (those of a repeating group once). NULL is an empty field. Times are written in
    UTC, as `2026-01-31T12:00:00.000Z`.

    `by`: the column of device IDs, no part of the row: the rows of each device go to `<topic>/<device>` in their order.
    The source need not be sorted. `limit`: bytes of a payload, by default what fits a packet to its topic at QoS 1.
    About `memory` bytes of rows wait for others of their device; then the fullest payloads leave (`counts.evicted`).

    A row that cannot be sent is left out and counted; `on_error` is called with batches of such rows: `row` in the
    source, `field`, `reason` and `text`. Raises `TypeError` or `ValueError` for a column that is missing or does not
    fit.
    """
    check_on_error(on_error)
    counts = Counts()
    batches = Source(source)
    encoder = None
    if batches.shape is not None:
        plan = plan_of(template, batches.shape.names, columns, by, topic, limit, memory, batch_bytes)
        encoder = engine().writer(plan, batches.shape)
    return Batches(engine().shape_of(PAYLOADS), _encoded(batches, encoder, on_error, counts), counts)


def _encoded(batches: Iterator[Any], encoder: Any, on_error: Any, counts: Counts) -> Iterator[Any]:
    failure = None
    while failure is None:
        try:
            batch = next(batches, None)
            if batch is None:
                break
            encoder.use(batch.shape)
        except Exception as error:  # of the source: what it gave before is still sent
            failure = error
        else:
            yield from _passed(encoder, encoder.add(batch), on_error, counts)
    if encoder is not None:
        yield from _passed(encoder, encoder.finish(), on_error, counts)
    if failure is not None:
        raise failure


def _passed(encoder: Any, made: Iterator[Any], on_error: Any, counts: Counts) -> Iterator[Any]:
    """What the encoder yields, with its counts and errors up to date."""
    for batch in made:
        _settle(encoder, on_error, counts)
        if batch is not None:
            yield batch
    _settle(encoder, on_error, counts)


def _settle(encoder: Any, on_error: Any, counts: Counts) -> None:
    counts.rows_in, counts.rows_out, counts.evicted = encoder.rows_in, encoder.rows_out, encoder.evicted
    errors = encoder.errors.copy()
    encoder.errors.clear()
    counts.errors += len(errors)
    if errors and on_error is not None:
        on_error(error_batch(errors))


def error_batch(errors: Sequence[tuple[int, int | None, str, str]]) -> Any:
    """A batch of errors from tuples (row, field, reason, text)."""
    rows, fields, reasons, texts = zip(*errors, strict=True)
    count = len(errors)
    none = (count, (bytes((count + 7) // 8), bytes(8 * count)))
    columns = {
        "payload_index": none,
        "row": (0, (None, struct.pack(f"{count}q", *rows))),
        "field": (
            fields.count(None),
            (_bits(fields), struct.pack(f"{count}q", *[0 if field is None else field for field in fields])),
        ),
        "position": none,
        "reason": _texts(reasons),
        "text": _texts(texts),
    }
    made = [(name, format, *columns[name]) for name, format in ERRORS]
    return Batches.public(engine().from_buffers(made, count))


def _bits(values: Sequence[Any]) -> bytes:
    made = bytearray((len(values) + 7) // 8)
    for place, value in enumerate(values):
        made[place >> 3] |= (value is not None) << (place & 7)
    return bytes(made)


def _texts(texts: Sequence[str]) -> tuple[int, tuple[Any, ...]]:
    ends = accumulate([0, *[len(text) for text in texts]])  # all ASCII
    return 0, (None, struct.pack(f"{len(texts) + 1}i", *ends), "".join(texts).encode())


def encode_table(table: Any, template: Any, **options: Any) -> Any:
    """All payloads of `encode_batches` as one `pyarrow.Table`; without pyarrow as `Batches`."""
    return encode_batches(table, template, **options).table()
