"""Row D15 of the table: payloads of 100 rows that are alike but for the shape of one field, however agents write it.

`SHAPES` is the list: a name, how a field of plain text is written on the wire in that shape, and whether all rows have
it, or one of the hundred. The rows that must come out are those of the reference engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

import smartrest
from smartrest import pure

from . import payloads as data
from .lineup import Lineup, Setting, ours
from .peers import decoders, text_decoders

PAYLOADS, ROWS = 4, 100
SHARE = 0.2  # a cell of the map is measured for a shorter time than a row of the table


def quoted(text: str) -> str:
    return f'"{text}"'


def spread(mark: str) -> Callable[[str], str]:
    """Return what puts the mark around the middle word of a text, as an agent stresses a word."""

    def write(text: str) -> str:
        words = text.split(" ")
        words[len(words) // 2] = f"{mark}{words[len(words) // 2]}{mark}"
        return " ".join(words)

    return write


@dataclass(frozen=True)
class Shape:
    name: str
    write: Callable[[str], str]
    everywhere: Callable[[str], str] | None = None  # how the other fields are written, instead of as they are
    alone: bool = False  # also measured with one such row of a hundred
    pool: list[str] = field(default_factory=lambda: data.WORDS)


PLAIN = Shape("plain text", str)
SHAPES = (
    PLAIN,
    *(Shape(script, str, pool=pool) for script, pool in data.SCRIPTS.items()),
    Shape("quoted text", quoted),
    Shape("escaped quotes", lambda text: quoted(spread('\\"')(text))),
    Shape("backslashes", lambda text: text.replace(" ", "\\")),
    Shape("every field quoted", quoted, quoted),
    Shape("a blank before a quote", lambda text: f" {quoted(text)}", alone=True),
    Shape("a blank after a quote", lambda text: f"{quoted(text)} ", alone=True),
    Shape("a quote in plain text", lambda text: f'5" {text}', alone=True),
    Shape("a lone CR", lambda text: text.replace(" ", "\r", 1), alone=True),
    Shape("text ends in a backslash", lambda text: quoted(f"C:\\{text}\\"), alone=True),
    Shape("both escapes", lambda text: quoted(spread('\\"')(text) + ' ""now""'), alone=True),
    Shape("texts of 2,000", lambda text: (f"{text}. " * 2000)[:2000]),
    Shape("texts of 2,000, quoted", lambda text: quoted((f"{text}, " * 2000)[:2000])),
)


def line(r: Random, shape: Shape) -> str:
    """Return one row on the wire."""
    everywhere = shape.everywhere or str
    kind, text, time = r.choice(data.ALARM_TYPES), " ".join(r.choices(shape.pool, k=r.randint(3, 6))), data.time(r)
    return ",".join([everywhere("400"), everywhere(kind), shape.write(text), everywhere(time)])


def payload(r: Random, shape: Shape, alone: bool) -> bytes:
    chosen = r.randrange(ROWS)
    rows = [line(r, shape if i == chosen or not alone else PLAIN) for i in range(ROWS)]
    return "\n".join(rows).encode()


def mixed(r: Random, size: int) -> bytes:
    """Return rows of shapes drawn at random, of about this size together."""
    parts: list[bytes] = []
    while sum(map(len, parts)) < size:
        part = line(r, r.choice(SHAPES)).encode()
        if len(part) < size // 8:
            parts.append(part)
    return b"\n".join(parts)


def lineup(part: str, items: list[bytes]) -> Lineup:
    rows = [pure.decode(item) for item in items]
    naive, _ = text_decoders(items)
    contenders = [ours("decode(item)", items, decode=smartrest.decode), naive, *decoders(rows)]
    fields = sum(len(row) for group in rows for row in group)
    return Lineup(part, contenders, fields, "field", rows, fields, sum(map(len, items)), "decode", SHARE)


def d15(setting: Setting) -> Iterator[Lineup]:
    for shape in SHAPES:
        for alone in (False, True)[: 1 + shape.alone]:
            part = f"decode, {shape.name}{', one row of 100' if alone else ''}"
            r = Random(f"{part}-{setting.seed}")
            yield lineup(part, [payload(r, shape, alone) for _ in range(PAYLOADS)])
    r = Random(f"CR at the end-{setting.seed}")
    yield lineup("decode, a CR at the end", [payload(r, PLAIN, False) + b"\r" for _ in range(PAYLOADS)])
