"""Rows E1 to E11 of the table: encode, encode_row, compiled rows and pack. Each function yields the races of one ID."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import smartrest

from . import payloads as data
from .decoding import big_calls, of_messages, singles
from .harness import Contender, WrongResult
from .lineup import OURS, Lineup, Races, Setting, ours
from .peers import FORMATS, encoders, orjson, text_encoders, texts
from .table import Run

ROW_JOIN = "','.join(item).encode()"
ROW_JOIN_MAP = "','.join(map(str, item)).encode()"
TIMED = ("orjson", "msgspec.json", "ormsgpack")  # these write a datetime without further options
PIECE = 240  # rows of a piece that a peer makes where we pack: nearly a packet of 16 KB


def set_of(part: str, work: data.Workload, rows: Any, items: Any, *, typed: bool = False) -> Lineup:
    """Race all encoders on `items` (or what calling it gives), which must be written as `rows`."""
    contenders = [
        ours("encode(item)", items, reads=smartrest.decode, forgives=texts, encode=smartrest.encode),
        *text_encoders(items, smartrest.decode, typed=typed),
        *encoders(items, fresh=callable(items)),
    ]
    return Lineup(part, contenders, work.field_count, "field", rows, work.field_count, work.size, "encode")


def e1(setting: Setting) -> Iterator[Lineup]:
    work = data.workload("measurements", setting.seed)
    yield set_of("encode measurements, str", work, work.rows, work.rows)


def e2(setting: Setting) -> Iterator[Lineup]:
    work = data.workload("measurements", setting.seed)
    yield set_of("encode measurements, typed", work, work.typed, work.typed, typed=True)


def e3(setting: Setting) -> Iterator[Lineup]:
    work = data.workload("events", setting.seed)
    yield set_of("encode events, fresh strings", work, work.rows, partial(data.fresh, work.rows))
    yield set_of("encode events, same strings", work, work.rows, work.rows)


def e4(setting: Setting) -> Iterator[Lineup]:
    work = data.workload("operations", setting.seed)
    yield set_of("encode operations, fresh strings", work, work.rows, partial(data.fresh, work.rows))


def row_texts(row: Any) -> list[str]:
    return texts([row])[0]


def one_row(part: str, rows: Sequence[Any], size: int, naive: dict[str, str]) -> Lineup:
    reading: dict[str, Any] = {"reads": smartrest.decode_row, "forgives": row_texts}
    contenders = [
        ours("encode_row(item)", rows, **reading, encode_row=smartrest.encode_row),
        *[Contender(name, code, {}, rows, **reading, naive=True) for name, code in naive.items()],
        *encoders(rows),
    ]
    return of_messages(part, contenders, rows, rows, size, "encode_row")


def e5(setting: Setting) -> Iterator[Lineup]:
    rows, messages = singles(setting)
    single, size = data.workload("single", setting.seed), sum(map(len, messages))
    typed = [group[0] for group in single.typed] * (len(messages) // len(single.rows))
    joins = {"naive join": ROW_JOIN, "naive join(map(str))": ROW_JOIN_MAP}
    yield one_row("encode_row, one message, str", rows, size, joins)
    yield one_row("encode_row, one message, typed", typed, size, {"naive join(map(str))": ROW_JOIN_MAP})


def e6(setting: Setting) -> Iterator[Lineup]:
    """A row that is known but for four values, against the f-string that people write."""
    rows = [row for group in data.workload("measurements", setting.seed).rows for row in group if row[0] == "200"]
    strings = [row[1:5] for row in rows[:256]] * (1 if setting.quick else 20)
    floats = [(fragment, series, float(value), unit) for fragment, series, value, unit in strings]
    code = "f'200,{a},{b},{c},{d}'.encode()"
    for part, items, hole in ((" with a float", floats, float), (", all str", strings, str)):
        enc = smartrest.compile(("200", str, str, hole, str))
        mine = ours("enc(a, b, c, d)", items, enc=enc)
        mine = Contender(OURS, mine.code, mine.names, items, target="a, b, c, d", must=True)
        naive = Contender("f-string", code, {}, items, target="a, b, c, d", naive=True)
        expected = [smartrest.encode_row(("200", *values)) for values in items]
        size = sum(map(len, expected))
        yield Lineup(f"compiled row{part}", [mine, naive], len(items), "message", expected, 5 * len(items), size)


def e9(setting: Setting) -> Iterator[Lineup]:
    work = data.workload("measurements", setting.seed)
    yield packing("pack measurements", [row for group in work.rows for row in group])


def packing(part: str, rows: list[data.Row]) -> Lineup:
    """What cutting costs: pack, against encode of the very rows that pack puts together."""
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
        ours("for payload in pack(item): pass", [rows], "b'\\n'.join(pack(item))", **names),
        Contender(
            "own encode",
            "for chunk in chunks: payload = encode(chunk)",
            names,
            [rows],
            "b'\\n'.join([encode(chunk) for chunk in chunks])",
        ),
    ]
    return Lineup(part, contenders, len(rows), "row", written, sum(map(len, rows)), len(written[0]))


def moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace("Z", "+00:00"))


def with_moments(row: Any) -> list[Any]:
    """Return the fields as text, and its last one as a `datetime`, however a format writes that."""
    *others, time = row
    return [*row_texts(others), moment(time)]


def e10(setting: Setting) -> Iterator[Lineup]:
    """A reading with an aware datetime, as agents and the README have it."""
    rows = [data.with_time(row) for row in data.bulk_rows(setting.seed, 256)] * (1 if setting.quick else 20)
    data.bulk_rows.cache_clear()
    reading: dict[str, Any] = {"forgives": with_moments}
    contenders = [
        ours("encode_row(item)", rows, reads=smartrest.decode_row, **reading, encode_row=smartrest.encode_row),
        Contender(
            "f-string with isoformat",
            "f'{a},{b},{c},{d},{e},{t.isoformat(timespec=\"milliseconds\")}'.encode()",
            {},
            rows,
            reads=smartrest.decode_row,
            **reading,
            naive=True,
            target="a, b, c, d, e, t",
        ),
    ]
    for peer in encoders(rows):
        if peer.name in TIMED:
            peer.forgives = with_moments
            contenders.append(peer)
    size = sum(len(smartrest.encode_row(row)) for row in rows)
    yield of_messages("encode_row, one message, datetime", contenders, rows, rows, size, "encode_row")


RACES: Races = {"E1": e1, "E2": e2, "E3": e3, "E4": e4, "E5": e5, "E6": e6, "E9": e9, "E10": e10}


def packed(rows: Any) -> None:
    """Pack as a sender does: each payload is sent and forgotten."""
    deque(smartrest.pack(rows, limit=smartrest.PACKET_LIMIT), maxlen=0)


def in_pieces(write: Callable[[Any], bytes]) -> Callable[[Any], None]:
    """Return what writes pieces of `PIECE` rows and drops each, as `packed` does."""

    def run(rows: Any) -> None:
        for start in range(0, len(rows), PIECE):
            write(rows[start : start + PIECE])

    return run


def join_rows(rows: Any) -> bytes:
    return "\n".join([",".join(row) for row in rows]).encode()


def format_rows(rows: Any) -> bytes:
    formatted = FORMATS[len(rows[0])]  # all rows have one shape
    return "\n".join([formatted % row for row in rows]).encode()


def e7(run: Run) -> None:
    rows = data.bulk_rows(run.seed, 20_000 if run.quick else 1_000_000)
    bulk(run, "str", rows, "naive join", join_rows)
    values = [(200, row[1], row[2], float(row[3]), row[4], row[5]) for row in rows]
    data.bulk_rows.cache_clear()
    del rows
    bulk(run, "typed", values, "naive %", format_rows)


def e11(run: Run) -> None:
    rows = [data.with_time(row) for row in data.bulk_rows(run.seed, 20_000 if run.quick else 1_000_000)]
    data.bulk_rows.cache_clear()
    bulk(run, "with times", rows, "naive join with isoformat", join_times, id="E11")


def join_times(rows: Any) -> bytes:
    lines = [f"{a},{b},{c},{d},{e},{t.isoformat(timespec='milliseconds')}" for a, b, c, d, e, t in rows]
    return "\n".join(lines).encode()


def bulk(run: Run, kind: str, rows: Any, name: str, naive: Callable[[Any], bytes], id: str = "E7") -> None:
    functions: dict[str, tuple[Callable[[Any], Any], Any]] = {OURS: (packed, rows), name: (in_pieces(naive), rows)}
    if orjson:
        functions["orjson"] = (in_pieces(orjson.dumps), rows)
    payloads = list(smartrest.pack(rows, limit=smartrest.PACKET_LIMIT))
    if b"\n".join(payloads) != naive(rows):  # nothing here needs quotes, so the naive text is right
        raise WrongResult(f"pack and {name} differ")
    big_calls(run, f"pack 1,000,000 rows, {kind}", functions, collector=True, id=id)
