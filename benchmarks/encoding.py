"""Rows E1 to E9 of the table: encode, encode_row, compiled rows and pack. Each function measures one ID."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import smartrest

from . import payloads as data
from .decoding import big_calls, singles
from .harness import Contender
from .peers import JOIN, JOIN_MAP, encoders, orjson, text_encoders, texts
from .table import OURS, Run

ROW_JOIN = "','.join(item).encode()"
ROW_JOIN_MAP = "','.join(map(str, item)).encode()"


def set_of(run: Run, id: str, part: str, work: data.Workload, rows: Any, items: Any, join: str = JOIN) -> None:
    """Race all encoders on `items` (or what calling it gives), which must be written as `rows`."""
    contenders = [
        Contender(OURS, "encode(item)", {"encode": smartrest.encode}, items, reads=smartrest.decode, forgives=texts),
        *text_encoders(items, smartrest.decode, join),
        *encoders(items),
    ]
    run.race(id, part, contenders, work.field_count, "field", rows)


def e1(run: Run) -> None:
    work = data.workload("measurements", run.seed)
    set_of(run, "E1", "encode measurements, str", work, work.rows, work.rows)


def e2(run: Run) -> None:
    work = data.workload("measurements", run.seed)
    set_of(run, "E2", "encode measurements, typed", work, work.typed, work.typed, JOIN_MAP)


def e3(run: Run) -> None:
    work = data.workload("events", run.seed)
    set_of(run, "E3", "encode events, fresh strings", work, work.rows, partial(data.fresh, work.rows))
    set_of(run, "E3", "encode events, same strings", work, work.rows, work.rows)


def e4(run: Run) -> None:
    work = data.workload("operations", run.seed)
    set_of(run, "E4", "encode operations, fresh strings", work, work.rows, partial(data.fresh, work.rows))


def one_row(run: Run, part: str, rows: Sequence[Any], naive: dict[str, str]) -> None:
    contenders = [
        Contender(
            OURS,
            "encode_row(item)",
            {"encode_row": smartrest.encode_row},
            rows,
            reads=smartrest.decode_row,
            forgives=row_texts,
        ),
        *[
            Contender(name, code, {}, rows, reads=smartrest.decode_row, forgives=row_texts, naive=True)
            for name, code in naive.items()
        ],
        *encoders(rows),
    ]
    run.race("E5", part, contenders, len(rows), "message", rows)


def row_texts(row: Any) -> list[str]:
    return texts([row])[0]


def e5(run: Run) -> None:
    rows, messages = singles(run)
    cycles = len(messages) // len(data.workload("single", run.seed).rows)
    typed = [group[0] for group in data.workload("single", run.seed).typed] * cycles
    joins = {"naive join": ROW_JOIN, "naive join(map(str))": ROW_JOIN_MAP}
    one_row(run, "encode_row, one message, str", rows, joins)
    one_row(run, "encode_row, one message, typed", typed, {"naive join(map(str))": ROW_JOIN_MAP})


def e6(run: Run) -> None:
    """A row that is known but for four values, against the f-string that people write."""
    rows = [row for group in data.workload("measurements", run.seed).rows for row in group if row[0] == "200"]
    strings = [row[1:5] for row in rows[:256]] * (1 if run.quick else 20)
    floats = [(fragment, series, float(value), unit) for fragment, series, value, unit in strings]
    code = "f'200,{a},{b},{c},{d}'.encode()"
    for part, items, hole in ((" with a float", floats, float), (", all str", strings, str)):
        enc = smartrest.compile(("200", str, str, hole, str))
        contenders = [
            Contender(OURS, "enc(a, b, c, d)", {"enc": enc}, items, target="a, b, c, d"),
            Contender("f-string", code, {}, items, target="a, b, c, d", naive=True),
        ]
        expected = [smartrest.encode_row(("200", *values)) for values in items]
        run.race("E6", f"compiled row{part}", contenders, len(items), "message", expected)


def packed(rows: Any) -> None:
    """Pack as a sender does: each payload is sent and forgotten."""
    deque(smartrest.pack(rows, limit=smartrest.PACKET_LIMIT), maxlen=0)


def naive_join(rows: Any) -> bytes:
    return "\n".join([",".join(row) for row in rows]).encode()


def naive_join_map(rows: Any) -> bytes:
    return "\n".join([",".join(map(str, row)) for row in rows]).encode()


def e7(run: Run) -> None:
    rows = data.bulk_rows(run.seed, 20_000 if run.quick else 1_000_000)
    bulk(run, "str", rows, {"naive join": naive_join})
    values = [(200, row[1], row[2], float(row[3]), row[4], row[5]) for row in rows]
    data.bulk_rows.cache_clear()
    del rows
    bulk(run, "typed", values, {"naive join(map(str))": naive_join_map})


def bulk(run: Run, kind: str, rows: Any, naive: dict[str, Callable[[Any], bytes]]) -> None:
    functions: dict[str, tuple[Callable[[Any], Any], Any]] = {OURS: (packed, rows)}
    functions |= {name: (function, rows) for name, function in naive.items()}
    if orjson:
        functions["orjson"] = (orjson.dumps, rows)
    payloads = list(smartrest.pack(rows, limit=smartrest.PACKET_LIMIT))
    for name, function in naive.items():
        if b"\n".join(payloads) != function(rows):  # nothing here needs quotes, so the naive text is right
            raise AssertionError(f"pack and {name} differ")
    big_calls(run, f"pack 1,000,000 rows, {kind}", functions, collector=True, id="E7")


def e9(run: Run) -> None:
    """What cutting costs: pack, against encode of the very rows that pack puts together."""
    work = data.workload("measurements", run.seed)
    rows = [row for group in work.rows for row in group]
    limit = smartrest.PAYLOAD_LIMIT
    chunks, start = [], 0
    for payload in smartrest.pack(rows, limit=limit):
        count = payload.count(b"\n") + 1
        chunks.append(rows[start : start + count])
        start += count
    pack, encode = smartrest.pack, smartrest.encode
    written = [b"\n".join(pack(rows, limit=limit))]
    names = {"pack": pack, "encode": encode, "chunks": chunks}
    contenders = [
        Contender(OURS, "for payload in pack(item): pass", names, [rows], "b'\\n'.join(pack(item))"),
        Contender(
            "own encode",
            "for chunk in chunks: payload = encode(chunk)",
            names,
            [rows],
            "b'\\n'.join([encode(chunk) for chunk in chunks])",
        ),
    ]
    run.race("E9", "pack measurements", contenders, len(rows), "row", written)
