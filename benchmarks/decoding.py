"""Rows D1 to D9 of the table: decode, scan, typed decode and dispatch. Each function yields the races of one ID."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from csv import reader
from functools import partial
from io import StringIO
from statistics import median
from typing import Any

import smartrest

from . import payloads as data
from .harness import Contender, Ratio, Timing, WrongResult, call, quiet_collector, timings
from .lineup import OURS, Lineup, Races, Setting, ours
from .memory import extra_memory
from .peers import (
    CSV,
    CSV_ONE,
    CSV_ROW,
    CSV_ROW_VALUE,
    CSV_ROWS,
    NAIVE_ROWS,
    decoders,
    msgpack,
    msgspec,
    orjson,
    ssrjson,
    text_decoders,
)
from .table import Run

CYCLES = 20  # the single messages are gone through so many times in each pass
TYPES = {
    "200": [str, str, float, str, str],
    "201": [str, str, str, str, float, str, str],
    "210": [int, int, str],
    "211": [float, str],
}
ONE_SPLIT = "item.decode().split(',')"
NAIVE_TYPED = """
kind = row[0]
if kind == '200': row[3] = float(row[3])
elif kind == '211': row[1] = float(row[1])
elif kind == '210': row[1] = int(row[1]); row[2] = int(row[2])
else: row[5] = float(row[5])
"""
# Lazy as ours is: the ID alone, and the whole row only where a handler wants it.
NAIVE_DISPATCH = """
for line in item.decode().split('\\n'):
    handler = get(line.partition(',')[0])
    if handler: handler(line.split(','))
"""
CSV_DISPATCH = """
for row in reader(StringIO(item.decode()), dialect):
    handler = get(row[0])
    if handler: handler(row)
"""
CSV_DISPATCH_ONE = """
push(item.decode())
fields = next(row)
handler = get(fields[0])
if handler: handler(fields)
"""


def batch(name: str, setting: Setting) -> Iterator[Lineup]:
    work = data.workload(name, setting.seed)
    contenders = [ours("decode(item)", work.payloads, decode=smartrest.decode)]
    contenders += [*text_decoders(work.payloads), *decoders(work.rows)]
    yield Lineup(
        f"decode {name}", contenders, work.field_count, "field", work.rows, work.field_count, work.size, "decode"
    )


def singles(setting: Setting) -> tuple[list[data.Row], list[bytes]]:
    """Return the rows and payloads of the single messages, as often as one pass needs them."""
    work = data.workload("single", setting.seed)
    cycles = 1 if setting.quick else CYCLES
    return [rows[0] for rows in work.rows] * cycles, work.payloads * cycles


def of_messages(
    part: str, contenders: list[Contender], rows: Sequence[Any], expected: Any, size: int, job: str = ""
) -> Lineup:
    """Return a race on single messages: the unit is one message."""
    return Lineup(part, contenders, len(rows), "message", expected, sum(map(len, rows)), size, job)


def d4(setting: Setting) -> Iterator[Lineup]:
    rows, messages = singles(setting)
    contenders = [
        ours("decode_row(item)", messages, decode_row=smartrest.decode_row),
        Contender("one naive split", ONE_SPLIT, {}, messages, naive=True),
        Contender("csv.reader", CSV_ROW, CSV_ONE, messages, CSV_ROW_VALUE),
        *decoders(rows, tuple[str, ...]),
    ]
    size = sum(map(len, messages))
    yield of_messages("decode_row, one message", contenders, rows, rows, size, "decode_row")


def d5(setting: Setting) -> Iterator[Lineup]:
    rows, messages = singles(setting)
    scan, size = smartrest.scan, sum(map(len, messages))
    untouched = [
        ours("scan(item)", messages, "scan(item)[0].fields", scan=scan),
        Contender("one naive split", ONE_SPLIT, {}, messages, naive=True),
    ]
    yield of_messages("scan, one message, untouched", untouched, rows, rows, size)
    one_field = [
        ours("scan(item)[0][1]", messages, scan=scan),
        Contender("one naive split", f"{ONE_SPLIT}[1]", {}, messages, naive=True),
    ]
    yield of_messages("scan, one message, one field read", one_field, rows, [row[1] for row in rows], size)


def d6(setting: Setting) -> Iterator[Lineup]:
    """Lazy reading against naive code that is as lazy: it splits lines, and of a line only what it needs."""
    work = data.workload("measurements", setting.seed)
    scan, where = smartrest.scan, data.FLOAT_FIELD
    lines = "item.decode().split('\\n')"
    value = "line.split(',', where[line.partition(',')[0]] + 1)[where[line.partition(',')[0]]]"
    parts: tuple[tuple[str, str, str, str, str, Callable[[Any], Any]], ...] = (
        (
            "untouched",
            "scan(item)",
            "[row.fields for row in scan(item)]",
            "item.split(b'\\n')",
            "[line.decode().split(',') for line in item.split(b'\\n')]",
            list,
        ),
        (
            "every ID",
            "for row in scan(item): row.id",
            "[row.id for row in scan(item)]",
            f"for line in {lines}: line.partition(',')[0]",
            f"[line.partition(',')[0] for line in {lines}]",
            lambda row: row[0],
        ),
        (
            "ID and a float",
            "for row in scan(item): row.float(where[row.id])",
            "[row.float(where[row.id]) for row in scan(item)]",
            f"for line in {lines}: place = where[line.partition(',')[0]]; float(line.split(',', place + 1)[place])",
            f"[float({value}) for line in {lines}]",
            lambda row: float(row[where[row[0]]]),
        ),
    )
    for part, code, seen, naive, naive_seen, wanted in parts:
        names = {"where": where}
        contenders = [
            ours(code, work.payloads, seen, scan=scan, where=where),
            Contender("naive", naive, names, work.payloads, naive_seen, naive=True),
        ]
        expected = [[wanted(row) for row in rows] for rows in work.rows]
        yield Lineup(
            f"scan measurements, {part}", contenders, work.row_count, "row", expected, work.field_count, work.size
        )


def d7(setting: Setting) -> Iterator[Lineup]:
    schema, work = smartrest.Schema(TYPES), data.workload("measurements", setting.seed)
    expected = [[data.converted(row, TYPES) for row in rows] for rows in work.rows]
    naive = "rows = " + NAIVE_ROWS + "\nfor row in rows:" + NAIVE_TYPED.replace("\n", "\n    ")
    contenders = [
        ours("decode(item)", work.payloads, decode=schema.decode),
        Contender("naive with float(), int()", naive, {}, work.payloads, naive=True),
        *typed_decoders(work.typed),
    ]
    part, count = "Schema.decode measurements", work.field_count
    yield Lineup(part, contenders, count, "field", expected, count, work.size)

    rows, messages = singles(setting)
    single = data.workload("single", setting.seed)
    typed_rows = [rows[0] for rows in single.typed] * (len(rows) // len(single.rows))
    wanted = [data.converted(row, TYPES) for row in rows]
    contenders = [
        ours("decode_row(item)", messages, decode_row=schema.decode_row),
        Contender("naive with float(), int()", "row = " + ONE_SPLIT + NAIVE_TYPED, {}, messages, naive=True),
        *typed_decoders(typed_rows),
    ]
    yield of_messages("Schema.decode_row, one message", contenders, rows, wanted, sum(map(len, messages)))


def typed_decoders(rows: Sequence[Any]) -> list[Contender]:
    """Return the codecs on documents with numbers in them; their IDs are numbers, ours are text."""
    found = []

    def peer(name: str, loads: Any, documents: list[bytes], options: str = "") -> None:
        found.append(Contender(name, f"loads(item{options})", {"loads": loads}, documents, forgives=data.ids_as_text))

    if orjson:
        peer("orjson, typed JSON", orjson.loads, [orjson.dumps(row) for row in rows])
    if ssrjson:
        peer("ssrjson, typed JSON", ssrjson.loads, [ssrjson.dumps_to_bytes(row) for row in rows])
    if msgpack:
        peer("msgpack, typed", msgpack.unpackb, [msgpack.packb(row) for row in rows], ", use_list=False")
    return found


def handle(row: Sequence[str]) -> None:
    """Be the handler of every contender: what counts is what it costs to get here."""


def d8(setting: Setting) -> Iterator[Lineup]:
    operations, measurements = data.workload("operations", setting.seed), data.workload("measurements", setting.seed)
    parts: tuple[tuple[str, data.Workload, tuple[str, ...]], ...] = (
        ("operations, all handled", operations, ("510", "511", "513", "515", "528")),
        ("operations, 10 % handled", operations, ("510",)),
        ("measurements, 20 % handled", measurements, ("211",)),
        ("measurements, none handled", measurements, ("999",)),
    )
    for part, work, ids in parts:
        contenders = dispatchers(work.payloads, ids)
        expected = handled(work.rows, ids)
        yield Lineup(f"dispatch {part}", contenders, work.row_count, "row", expected, work.field_count, work.size)
    rows, messages = singles(setting)
    contenders = dispatchers(messages, tuple(TYPES), single=True)
    expected = handled([[r] for r in rows], tuple(TYPES))
    yield of_messages("dispatch one message, handled", contenders, rows, expected, sum(map(len, messages)))


def handled(payload_rows: Sequence[Sequence[data.Row]], ids: Sequence[str]) -> list[list[list[str]]]:
    """Return the rows of each payload that reach a handler."""
    return [[list(row) for row in rows if row[0] in ids] for rows in payload_rows]


def dispatchers(messages: Sequence[bytes], ids: Sequence[str], *, single: bool = False) -> list[Contender]:
    """Return ours, the naive one and csv with a dict. For the check the handlers return their rows."""
    dispatcher, checked = smartrest.Dispatcher(), smartrest.Dispatcher()
    dispatcher.on(*ids)(handle)
    checked.on(*ids)(lambda row: row)
    get = dict.fromkeys(ids, handle).get
    names: dict[str, Any] = {"dispatch": dispatcher.dispatch, "checked": checked.dispatch}
    lines = "[line for line in item.decode().split('\\n') if get(line.partition(',')[0])]"
    csv_code, csv_names = (CSV_DISPATCH_ONE, CSV_ONE) if single else (CSV_DISPATCH, CSV)
    csv_rows = f"[{CSV_ROW_VALUE}]" if single else CSV_ROWS
    csv_value = f"[fields for fields in {csv_rows} if get(fields[0])]"
    return [
        ours("dispatch(item)", messages, "checked(item)", **names),
        Contender(
            "naive and dict",
            NAIVE_DISPATCH,
            {"get": get},
            messages,
            f"[line.split(',') for line in {lines}]",
            naive=True,
        ),
        Contender("csv.reader and dict", csv_code, {"get": get, **csv_names}, messages, csv_value),
    ]


RACES: Races = {
    "D1": partial(batch, "measurements"),
    "D2": partial(batch, "events"),
    "D3": partial(batch, "operations"),
    "D4": d4,
    "D5": d5,
    "D6": d6,
    "D7": d7,
    "D8": d8,
}


def d9(run: Run) -> None:
    """One call on all rows. What it returns is freed outside the clock; the time of that is kept, too."""
    rows = data.bulk_rows(run.seed, 20_000 if run.quick else 1_000_000)
    payload = data.bulk_payload(rows)
    functions: dict[str, tuple[Callable[[Any], Any], Any]] = {OURS: (big_decode, payload)}
    functions |= {name: (BIG[name], payload) for name in ("naive", "csv.reader")}
    if msgspec:
        decode = msgspec.msgpack.Decoder(list[tuple[str, ...]]).decode
        functions["msgspec.msgpack"] = (decode, msgspec.msgpack.encode(rows))
    for name, (function, argument) in functions.items():
        got = function(argument)
        if name == "naive":
            got = got[:-1]  # it takes the final newline for one more row
        if got != rows:
            raise WrongResult(f"{name} does not read the bulk payload right")
        del got
    del rows
    data.bulk_rows.cache_clear()
    big_calls(run, "decode 1,000,000 rows, collector on", {n: functions[n] for n in (OURS, "naive")}, collector=True)
    big_calls(run, "decode 1,000,000 rows, collector off", functions, collector=False)
    memory(run, payload)


def big_decode(payload: bytes) -> Any:
    return smartrest.decode(payload)


def naive_decode(payload: bytes) -> Any:
    return [tuple(line.split(",")) for line in payload.decode().split("\n")]


def csv_decode(payload: bytes) -> Any:
    return list(map(tuple, reader(StringIO(payload.decode()), CSV["dialect"])))


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

    with quiet_collector():
        for name in functions:
            one_pass(name)
            freed[name].clear()
        results = timings(list(functions), [partial(one_pass, name) for name in functions], 1, run.long_rounds, {})
    run.keep(id, part, "call", results)
    frees = {name: Timing(name, min(times), median(times), len(times)) for name, times in freed.items()}
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
