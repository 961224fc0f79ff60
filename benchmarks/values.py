"""Rows D16, D17, E12 and E13 of the table: fields of one kind, and calls of one form. With D15 they make the map.

`READ` and `WRITTEN` are the lists: a name, how a field or a row is drawn, and who can do the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from random import Random
from types import GenericAlias
from typing import Any

import smartrest

from . import payloads as data
from .encoding import moment, packing
from .harness import Contender
from .lineup import Lineup, Races, Setting, ours
from .peers import FORMAT, FORMATS, JOIN, NAIVE_ROWS, encoders, msgspec, numpy, orjson, ssrjson, texts
from .shapes import PAYLOADS, ROWS, SHARE

Draw = Callable[[Random], Any]
JOIN_MAP = "'\\n'.join([','.join(map(str, row)) for row in item]).encode()"
JOIN_TIMES = "'\\n'.join([','.join([t.isoformat(timespec='milliseconds') for t in row]) for row in item]).encode()"
WIDTH, FEW_ROWS, LISTS = 7, 20, 16  # of what is written
TYPED = 8  # fields after the ID, of what is read typed
MILLISECOND = timedelta(milliseconds=1)
JSON = ("orjson", "ssrjson")


class Name(str):
    """A subclass, as enums and validating types are."""


class Level(int):
    """A subclass, as enums and validating types are."""


def digits(r: Random, count: int) -> int:
    return r.randrange(10 ** (count - 1), 10**count)


def two_decimals(r: Random) -> float:
    return float(f"{r.uniform(-40, 1200):.2f}")


def seventeen_digits(r: Random) -> float:
    return r.uniform(-1, 1)


def with_exponent(r: Random) -> float:
    return r.uniform(-10, 10) * 10.0 ** -r.randint(6, 30)


def large(r: Random) -> float:
    return r.uniform(1, 10) * 10.0 ** r.randint(10, 30)


def utc(r: Random) -> datetime:
    return datetime(2026, 1, 1, tzinfo=timezone.utc) + r.randrange(365 * 86_400_000) * MILLISECOND


def local(r: Random) -> datetime:
    return utc(r).astimezone(timezone(timedelta(minutes=30 * r.choice((-16, -10, 2, 4, 11, 18)))))


def stressed(text: str) -> str:
    """Return the text with quotes around some of its words."""
    return " ".join(f'"{word}"' if i % 4 == 1 else word for i, word in enumerate(text.split(" ")))


def reading(r: Random) -> tuple[object, ...]:
    return (
        "200",
        r.choice(data.FRAGMENTS),
        r.choice(data.SERIES),
        seventeen_digits(r),
        "C",
        data.time(r),
        data.name(r),
    )


@dataclass(frozen=True)
class Kind:
    """A kind of field: `draw` makes one, `row` a whole row where its fields differ."""

    name: str
    draw: Draw = str
    row: Draw | None = None
    naive: tuple[str, ...] = (FORMAT, JOIN_MAP)
    codecs: tuple[str, ...] = JSON
    option: str = ""  # of orjson
    long: bool = False  # one list of rows, without a limit
    reads: Callable[[Any], Any] = texts  # makes the results of all formats comparable

    def rows(self, r: Random) -> list[tuple[object, ...]]:
        draw = self.draw
        return [self.row(r) if self.row else tuple([draw(r) for _ in range(WIDTH)]) for _ in range(FEW_ROWS)]


def moments(rows: Any) -> list[list[datetime]]:
    return [[moment(field) for field in row] for row in rows]


def of_words(size: int, pool: list[str] = data.WORDS) -> Draw:
    return lambda r: data.of_length(r, size, pool)


LATIN, MIXED = data.SCRIPTS["Latin-1 text"], data.SCRIPTS["mixed scripts"]
Text = partial(Kind, naive=(JOIN,))
Long = partial(Text, long=True)
Time = partial(Kind, naive=(JOIN_TIMES,), codecs=("orjson",), reads=moments)
WRITTEN = (
    Text("text of 8", data.name),
    Text("text of 40", of_words(40)),
    Text("text of 40, quotes inside", lambda r: stressed(data.of_length(r, 36))),
    Text("text of 40, quoted", lambda r: data.of_length(r, 39).replace(" ", ", ", 1)),
    Text("Latin-1 text, same strings again", of_words(40, LATIN)),
    Text("mixed scripts, same strings again", of_words(40, MIXED)),
    Long("text of 2,000", of_words(2_000)),
    Long("text of 2,000, quoted", lambda r: data.of_length(r, 1_999).replace(" ", ", ", 1)),
    Long("text of 2,000, mixed scripts", of_words(2_000, MIXED)),
    Long("text of 2,000, quotes inside", lambda r: stressed(data.of_length(r, 1_900))),
    Kind("small int", lambda r: r.randint(-100, 1000)),
    Kind("int of 13 digits", lambda r: digits(r, 13)),
    Kind("int of 25 digits", lambda r: digits(r, 25), codecs=()),
    Kind("float, 2 decimals", two_decimals),
    Kind("float, 17 digits", seventeen_digits),
    Kind("float, exponent", with_exponent),
    Kind("float, large", large),
    Kind("bool", lambda r: r.random() < 0.5),
    Kind("None", lambda r: None),
    Kind("Decimal", lambda r: Decimal(f"{r.uniform(-40, 1200):.{r.randint(1, 6)}f}"), codecs=()),
    Kind("str subclass", lambda r: Name(data.name(r))),
    Kind("int subclass", lambda r: Level(r.randint(-100, 1000))),
    Time("datetime, UTC", utc),
    Time("datetime, fixed offset", local),
    Kind("row with a 17-digit float", row=reading),
)
if numpy:
    whole = (numpy.int64, numpy.int32)
    numbers = Kind("numpy ints", lambda r: r.choice(whole)(r.randint(-1_000_000, 1_000_000)), option="SERIALIZE_NUMPY")
    WRITTEN += (numbers,)
NAIVE_NAMES = {FORMAT: "naive %", JOIN_MAP: "naive join(map(str))", JOIN: "naive join", JOIN_TIMES: "naive isoformat"}


def e12(setting: Setting) -> Iterator[Lineup]:
    for kind in WRITTEN:
        part = f"encode, {kind.name}"
        r = Random(f"{part}-{setting.seed}")
        yield written(part, kind, [kind.rows(r) for _ in range(1 if kind.long else LISTS)])


def mixed(r: Random, size: int) -> list[tuple[object, ...]]:
    """Return rows whose fields are of kinds drawn at random, of about so many bytes together."""
    kinds = [kind for kind in WRITTEN if not kind.long and not kind.row]
    rows: list[tuple[object, ...]] = []
    while len(smartrest.encode(rows)) < size:
        rows.append(tuple([r.choice(kinds).draw(r) for _ in range(WIDTH)]))
    return rows


def written(part: str, kind: Kind, items: list[list[tuple[object, ...]]]) -> Lineup:
    checks: dict[str, Any] = {"reads": smartrest.decode, "forgives": kind.reads}
    contenders = [ours(f"encode(item{', limit=None' if kind.long else ''})", items, encode=smartrest.encode, **checks)]
    for code in kind.naive:
        names = {"formats": FORMATS} if code is FORMAT else {}
        contenders.append(Contender(NAIVE_NAMES[code], code, names, items, naive=True, **checks))
    if kind.option and orjson:
        names = {"dumps": orjson.dumps, "option": getattr(orjson, f"OPT_{kind.option}")}
        code = "dumps(item, option=option)"
        contenders.append(Contender("orjson", code, names, items, reads=orjson.loads, forgives=kind.reads))
    else:
        for peer in encoders(items):
            if peer.name in kind.codecs:
                peer.forgives = kind.reads
                contenders.append(peer)
    size = sum(len(smartrest.encode(rows, limit=None)) for rows in items)
    fields = sum(len(row) for rows in items for row in rows)
    return Lineup(part, contenders, fields, "field", items, fields, size, "encode", SHARE)


@dataclass(frozen=True)
class Typed:
    """A type of field: how its text is drawn, its type, and how naive code reads the fields after the ID."""

    name: str
    draw: Callable[[Random], str]
    kind: type
    naive: str


READ = (
    Typed("floats of 2 decimals", lambda r: repr(two_decimals(r)), float, "map(float, rest)"),
    Typed("floats of 17 digits", lambda r: repr(seventeen_digits(r)), float, "map(float, rest)"),
    Typed("floats with exponent", lambda r: repr(with_exponent(r)), float, "map(float, rest)"),
    Typed("ints of 13 digits", lambda r: str(digits(r, 13)), int, "map(int, rest)"),
    Typed("bools", lambda r: r.choice(("true", "false")), bool, "[text == 'true' for text in rest]"),
)


def d16(setting: Setting) -> Iterator[Lineup]:
    """Eight typed fields a row; the codecs read the very same texts, in JSON."""
    for typed in READ:
        part = f"Schema.decode, {typed.name}"
        r = Random(f"{part}-{setting.seed}")
        rows = [[[typed.draw(r) for _ in range(TYPED)] for _ in range(ROWS)] for _ in range(PAYLOADS)]
        payloads = [b"\n".join(",".join(["200", *row]).encode() for row in group) for group in rows]
        documents = [
            f"[{','.join(f'[{chr(34)}200{chr(34)},{chr(44).join(row)}]' for row in group)}]".encode() for group in rows
        ]
        schema = smartrest.Schema({"200": [typed.kind] * TYPED})
        naive = f"[[id, *{typed.naive}] for id, *rest in {NAIVE_ROWS}]"
        contenders = [
            ours("decode(item)", payloads, decode=schema.decode),
            Contender("naive", naive, {}, payloads, naive=True),
            *typed_readers(typed, documents),
        ]
        value = (lambda text: text == "true") if typed.kind is bool else typed.kind
        expected = [[["200", *map(value, row)] for row in group] for group in rows]
        fields, size = PAYLOADS * ROWS * (TYPED + 1), sum(map(len, payloads))
        yield Lineup(part, contenders, fields, "field", expected, fields, size, share=SHARE)


def typed_readers(typed: Typed, documents: Sequence[bytes]) -> list[Contender]:
    found: dict[str, Any] = {}
    if orjson:
        found["orjson"] = orjson.loads
    if ssrjson:
        found["ssrjson"] = ssrjson.loads
    if msgspec:
        row = GenericAlias(tuple, (str, *[typed.kind] * TYPED))
        found["msgspec.json"] = msgspec.json.Decoder(GenericAlias(list, (row,))).decode
    return [Contender(name, "loads(item)", {"loads": loads}, documents) for name, loads in found.items()]


def d17(setting: Setting) -> Iterator[Lineup]:
    """Checking a payload without a fault, against reading it."""
    groups = data.workload("measurements", setting.seed).rows[:PAYLOADS]
    rows = [[row for row in group if row[0] != "201"] for group in groups]  # those have no whole group of values
    payloads, names = (
        [smartrest.encode(group) for group in rows],
        {"decode": smartrest.decode, "check": smartrest.check},
    )
    contenders = [
        ours("check(item, topic='s/us')", payloads, "check(item, topic='s/us') or decode(item)", **names),
        Contender("own decode", "decode(item)", names, payloads),
    ]
    fields, size = sum(len(row) for group in rows for row in group), sum(map(len, payloads))
    yield Lineup("check with a topic", contenders, fields, "field", rows, fields, size, share=SHARE)


def e13(setting: Setting) -> Iterator[Lineup]:
    """Forms of writing, against our own encode of the same tuples."""
    r = Random(f"forms-{setting.seed}")
    lists = [WRITTEN[0].rows(r) for _ in range(LISTS)]
    scanned = [list(smartrest.scan(smartrest.encode(rows))) for rows in lists]
    encode = smartrest.encode
    fields, size = LISTS * FEW_ROWS * WIDTH, sum(len(encode(rows)) for rows in lists)
    forms = (
        ("rows of a scan", "encode(item)", scanned),
        ("quote='all'", "encode(item, quote='all')", lists),
    )
    for form, code, items in forms:
        contenders = [
            ours(code, items, reads=smartrest.decode, encode=encode),
            Contender("own encode", "encode(item)", {"encode": encode}, lists, reads=smartrest.decode),
        ]
        yield Lineup(f"encode, {form}", contenders, fields, "field", lists, fields, size, share=SHARE)
    rows: list[Any] = [row for _ in range(100) for row in WRITTEN[0].rows(r)]
    yield replace(packing("pack", rows), share=SHARE)


RACES: Races = {"D16": d16, "D17": d17, "E12": e12, "E13": e13}
