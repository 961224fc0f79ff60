"""Rows D1 to D9 of the table: decode, scan, typed decode and dispatch. Each function measures one ID."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from csv import reader
from functools import partial
from io import StringIO
from statistics import median
from typing import Any

import smartrest

from . import payloads as data
from .harness import Contender, Ratio, Timing, call, quiet_collector, timings
from .memory import extra_memory
from .peers import CSV, CSV_ROWS, NAIVE_ROWS, decoders, msgspec, orjson, text_decoders
from .table import OURS, Run

CYCLES = 20  # the single messages are gone through so many times in each pass
TYPES = {
    "200": [str, str, float, str, str],
    "201": [str, str, str, str, float, str, str],
    "210": [int, int, str],
    "211": [float, str],
}
ONE_SPLIT = "item.decode().split(',')"
CSV_ROW = "next(reader(StringIO(item.decode()), escapechar='\\\\'))"
NAIVE_TYPED = """
kind = row[0]
if kind == '200': row[3] = float(row[3])
elif kind == '211': row[1] = float(row[1])
elif kind == '210': row[1] = int(row[1]); row[2] = int(row[2])
else: row[5] = float(row[5])
"""
NAIVE_DISPATCH = """
for line in item.decode().split('\\n'):
    row = line.split(',')
    handler = get(row[0])
    if handler: handler(row)
"""
CSV_DISPATCH = """
for row in reader(StringIO(item.decode()), escapechar='\\\\'):
    handler = get(row[0])
    if handler: handler(row)
"""


def ours(code: str, items: Sequence[Any], value: str | None = None, **names: Any) -> Contender:
    return Contender(OURS, code, names, items, value)


def batch(run: Run, id: str, name: str) -> None:
    work = data.workload(name, run.seed)
    contenders = [ours("decode(item)", work.payloads, decode=smartrest.decode)]
    contenders += [*text_decoders(work.payloads), *decoders(work.rows)]
    run.race(id, f"decode {name}", contenders, work.field_count, "field", work.rows)


def d1(run: Run) -> None:
    batch(run, "D1", "measurements")


def d2(run: Run) -> None:
    batch(run, "D2", "events")


def d3(run: Run) -> None:
    batch(run, "D3", "operations")


def singles(run: Run) -> tuple[list[data.Row], list[bytes]]:
    """Return the rows and payloads of the single messages, as often as one pass needs them."""
    work = data.workload("single", run.seed)
    cycles = 1 if run.quick else CYCLES
    return [rows[0] for rows in work.rows] * cycles, work.payloads * cycles


def d4(run: Run) -> None:
    rows, messages = singles(run)
    contenders = [
        ours("decode_row(item)", messages, decode_row=smartrest.decode_row),
        Contender("one naive split", ONE_SPLIT, {}, messages, naive=True),
        Contender("csv.reader", CSV_ROW, CSV, messages),
        *decoders(rows, list[str]),
    ]
    run.race("D4", "decode_row, one message", contenders, len(messages), "message", rows)


def d5(run: Run) -> None:
    rows, messages = singles(run)
    scan = smartrest.scan
    untouched = [
        ours("scan(item)", messages, "scan(item)[0].fields", scan=scan),
        Contender("one naive split", ONE_SPLIT, {}, messages, naive=True),
    ]
    run.race("D5", "scan, one message, untouched", untouched, len(messages), "message", rows)
    one_field = [
        ours("scan(item)[0][1]", messages, scan=scan),
        Contender("one naive split", f"{ONE_SPLIT}[1]", {}, messages, naive=True),
    ]
    run.race("D5", "scan, one message, one field read", one_field, len(messages), "message", [row[1] for row in rows])


def d6(run: Run) -> None:
    work = data.workload("measurements", run.seed)
    scan, where = smartrest.scan, data.FLOAT_FIELD
    loop = f"for row in {NAIVE_ROWS}: "
    parts = (
        ("untouched", "scan(item)", "[row.fields for row in scan(item)]", NAIVE_ROWS, list),
        (
            "every ID",
            "for row in scan(item): row.id",
            "[row.id for row in scan(item)]",
            f"{loop}row[0]",
            lambda row: row[0],
        ),
        (
            "ID and a float",
            "for row in scan(item): row.float(where[row.id])",
            "[row.float(where[row.id]) for row in scan(item)]",
            f"{loop}float(row[where[row[0]]])",
            lambda row: float(row[where[row[0]]]),
        ),
    )
    for part, code, value, naive, wanted in parts:
        contenders = [
            ours(code, work.payloads, value, scan=scan, where=where),
            Contender("naive", naive, {"where": where}, work.payloads, naive=True),
        ]
        expected = [[wanted(row) for row in rows] for rows in work.rows]
        run.race("D6", f"scan measurements, {part}", contenders, work.row_count, "row", expected)


def d7(run: Run) -> None:
    schema, work = smartrest.Schema(TYPES), data.workload("measurements", run.seed)
    expected = [[data.converted(row, TYPES) for row in rows] for rows in work.rows]
    naive = "rows = " + NAIVE_ROWS + "\nfor row in rows:" + NAIVE_TYPED.replace("\n", "\n    ")
    contenders = [
        ours("decode(item)", work.payloads, decode=schema.decode),
        Contender("naive with float(), int()", naive, {}, work.payloads, naive=True),
        *typed_json(work.typed),
    ]
    run.race("D7", "Schema.decode measurements", contenders, work.field_count, "field", expected)

    rows, messages = singles(run)
    single = data.workload("single", run.seed)
    typed_rows = [rows[0] for rows in single.typed] * (len(rows) // len(single.rows))
    wanted = [data.converted(row, TYPES) for row in rows]
    contenders = [
        ours("decode_row(item)", messages, decode_row=schema.decode_row),
        Contender("naive with float(), int()", "row = " + ONE_SPLIT + NAIVE_TYPED, {}, messages, naive=True),
        *typed_json(typed_rows),
    ]
    run.race("D7", "Schema.decode_row, one message", contenders, len(messages), "message", wanted)


def typed_json(rows: Sequence[Any]) -> list[Contender]:
    """Return orjson on documents with numbers in them; its IDs are numbers, ours are text."""
    if not orjson:
        return []
    documents = [orjson.dumps(row) for row in rows]
    return [
        Contender("orjson, typed JSON", "loads(item)", {"loads": orjson.loads}, documents, forgives=data.ids_as_text)
    ]


def handle(row: Sequence[str]) -> None:
    """Be the handler of every contender: what counts is what it costs to get here."""


def d8(run: Run) -> None:
    operations, measurements = data.workload("operations", run.seed), data.workload("measurements", run.seed)
    parts: tuple[tuple[str, data.Workload, tuple[str, ...]], ...] = (
        ("operations, all handled", operations, ("510", "511", "513", "515", "528")),
        ("operations, 10 % handled", operations, ("510",)),
        ("measurements, 20 % handled", measurements, ("211",)),
        ("measurements, none handled", measurements, ("999",)),
    )
    for part, work, ids in parts:
        contenders = dispatchers(work.payloads, ids)
        expected = handled(work.rows, ids)
        run.race("D8", f"dispatch {part}", contenders, work.row_count, "row", expected)
    rows, messages = singles(run)
    ids = tuple(TYPES)
    contenders = dispatchers(messages, ids)
    run.race("D8", "dispatch one message, handled", contenders, len(rows), "message", handled([[r] for r in rows], ids))


def handled(payload_rows: Sequence[Sequence[data.Row]], ids: Sequence[str]) -> list[list[list[str]]]:
    """Return the rows of each payload that reach a handler."""
    return [[list(row) for row in rows if row[0] in ids] for rows in payload_rows]


def dispatchers(messages: Sequence[bytes], ids: Sequence[str]) -> list[Contender]:
    """Return ours, the naive one and csv with a dict. For the check the handlers return their rows."""
    dispatcher, checked = smartrest.Dispatcher(), smartrest.Dispatcher()
    dispatcher.on(*ids)(handle)
    checked.on(*ids)(lambda row: row)
    get = dict.fromkeys(ids, handle).get
    names = {"dispatch": dispatcher.dispatch, "checked": checked.dispatch}
    csv_value = f"[row for row in {CSV_ROWS} if get(row[0])]"
    return [
        Contender(OURS, "dispatch(item)", names, messages, "checked(item)"),
        Contender("naive and dict", NAIVE_DISPATCH, {"get": get}, messages, naive=True),
        Contender("csv.reader and dict", CSV_DISPATCH, {"get": get, **CSV}, messages, csv_value),
    ]


def d9(run: Run) -> None:
    """One call on all rows. What it returns is freed outside the clock; the time of that is kept, too."""
    rows = data.bulk_rows(run.seed, 20_000 if run.quick else 1_000_000)
    payload = data.bulk_payload(rows)
    functions: dict[str, tuple[Callable[[Any], Any], Any]] = {OURS: (big_decode, payload)}
    functions |= {name: (BIG[name], payload) for name in ("naive", "csv.reader")}
    if msgspec:
        functions["msgspec.msgpack"] = (msgspec.msgpack.Decoder(list[list[str]]).decode, msgspec.msgpack.encode(rows))
    wanted = [list(row) for row in rows]
    for name, (function, argument) in functions.items():
        if name != "naive" and [list(row) for row in function(argument)] != wanted:
            raise AssertionError(f"{name} does not read the bulk payload right")
    del wanted, rows
    data.bulk_rows.cache_clear()
    big_calls(run, "decode 1,000,000 rows, collector on", {n: functions[n] for n in (OURS, "naive")}, collector=True)
    big_calls(run, "decode 1,000,000 rows, collector off", functions, collector=False)
    memory(run, payload)


def big_decode(payload: bytes) -> Any:
    return smartrest.decode(payload)


def naive_decode(payload: bytes) -> Any:
    return [line.split(",") for line in payload.decode().split("\n")]


def csv_decode(payload: bytes) -> Any:
    return list(reader(StringIO(payload.decode()), escapechar="\\"))


BIG: dict[str, Callable[[bytes], Any]] = {OURS: big_decode, "naive": naive_decode, "csv.reader": csv_decode}


def big_calls(
    run: Run, part: str, functions: dict[str, tuple[Callable[[Any], Any], Any]], *, collector: bool, id: str = "D9"
) -> None:
    """Time one call each, and apart from it what freeing its result takes."""
    freed: dict[str, list[int]] = {name: [] for name in functions}

    def one_pass(name: str) -> int:
        gc.collect()
        if not collector:
            gc.disable()
        try:
            taken, free = call(*functions[name], run.ticks)
        finally:
            gc.enable()
        freed[name].append(free)
        return taken

    rounds = 2 if run.quick else max(15, run.rounds or 0)
    with quiet_collector():
        for name in functions:
            one_pass(name)
            freed[name].clear()
        results = timings(list(functions), [partial(one_pass, name) for name in functions], 1, rounds, {})
    run.keep(id, part, "call", results)
    frees = {name: Timing(name, min(times), median(times), rounds) for name, times in freed.items()}
    run.keep(id, f"{part}: free", "call", frees)
    run.judge(id, part, results)


def memory(run: Run, payload: bytes) -> None:
    target = run.target("D9", "extra memory of 1,000,000 rows")
    try:
        peaks = {name: extra_memory(f"benchmarks.decoding:{BIG[name].__name__}", payload) for name in (OURS, "naive")}
    except OSError as exc:
        run.missing(target, str(exc))
        return
    found = Ratio(peaks[OURS] / peaks["naive"], peaks[OURS] / peaks["naive"])
    note = f"{peaks[OURS] / 1e6:.0f} MB against {peaks['naive'] / 1e6:.0f} MB"
    run.figure(target, found.value, None, note)
