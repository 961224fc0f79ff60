"""The workloads: what devices and the platform send each other, drawn from seeded random generators.

Rows are drawn as tuples of str; the payloads are those rows as the reference engine writes them. Another seed is
other data of the same kind. The facts of each workload are held by `tests/house/test_benchmarks.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property, lru_cache
from random import Random
from typing import Any

from smartrest import pure
from smartrest._constants import PACKET_LIMIT

Row = tuple[str, ...]
TypedRow = tuple[object, ...]

# fmt: off
FRAGMENTS = [
    "c8y_Temperature", "c8y_Humidity", "c8y_Speed", "c8y_Acceleration", "c8y_Battery", "c8y_AirPressure",
    "c8y_SignalStrength", "c8y_MotionSensor", "c8y_VoltageMeasurement", "c8y_CurrentMeasurement", "c8y_FlowMeter",
    "acme_Torque",
]
# fmt: on
SERIES = ["T", "h", "speed", "x", "y", "z", "level", "value", "A1", "V1"]
UNITS = ["C", "%RH", "km/h", "m/s2", "%", "V", "A", "l/h", "Hz", "Nm", ""]
ALARM_TYPES = [
    "c8y_PowerAlarm",
    "c8y_DoorOpened",
    "c8y_ConnectionLost",
    "acme_PumpOverheatedAlarm",
    "c8y_TemperatureAlarm",
]
# fmt: off
WORDS = [
    "pump", "valve", "pressure", "temperature", "above", "limit", "sensor", "restarted", "connection", "lost",
    "gateway", "battery", "low", "voltage", "motor", "hot", "service", "required", "firmware", "update", "filter",
    "door", "opened", "cabinet", "stopped",
]
# fmt: on
FOREIGN = ["Größe", "Überdruck", "température", "Přetlak", "żółty", "насос", "клапан", "温度", "圧力", "🔥"]
SCRIPTS = {
    "Latin-1 text": [
        "Größe",
        "Überdruck",
        "température",
        "élevée",
        "válvula",
        "señal",
        "Kühlung",
        "für",
        "à",
        "défaut",
    ],
    "Cyrillic text": ["насос", "клапан", "давление", "температура", "датчик", "выше", "предела", "связь", "дверь"],
    "CJK text": ["温度", "圧力", "過熱", "接続", "切断", "電池", "低下", "警報", "弁", "扉", "传感器", "重启"],
    "mixed scripts": [*WORDS, *FOREIGN],
}
NUMERIC = {"200": (3,), "201": (5,), "210": (1, 2), "211": (1,)}  # template ID -> its numeric fields
FLOAT_FIELD = {template: fields[0] for template, fields in NUMERIC.items()}


def number(r: Random) -> str:
    """Return a sensor value as an agent prints it: mostly 1 to 3 decimals."""
    kind = r.random()
    if kind < 0.15:
        return str(r.randint(-100, 1000))
    if kind < 0.85:
        return f"{r.uniform(-40, 1200):.{r.randint(1, 3)}f}"
    return repr(r.uniform(-1, 1))


def time(r: Random) -> str:
    """Return a date of 2026 in 24 characters."""
    day = f"{r.randint(1, 12):02}-{r.randint(1, 28):02}"
    return f"2026-{day}T{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}.{r.randrange(1000):03}Z"


def text(r: Random) -> str:
    """Return 3 to 10 words, with probability 0.3 one more that is not ASCII."""
    words = r.choices(WORDS, k=r.randint(3, 10))
    if r.random() < 0.3:
        words.insert(r.randrange(len(words) + 1), r.choice(FOREIGN))
    return " ".join(words)


def name(r: Random, size: int = 8) -> str:
    """Return letters and digits, as a device or a part is called."""
    return "".join(r.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=size))


def of_length(r: Random, size: int, pool: list[str] = WORDS) -> str:
    """Return words of so many characters together, without a blank at the end."""
    content = " ".join(r.choices(pool, k=size))[:size]
    return content.rstrip(" ").ljust(size, ".")


def measurement(r: Random) -> Row:
    kind = r.random()
    if kind < 0.6:
        row: Row = ("200", r.choice(FRAGMENTS), r.choice(SERIES), number(r), r.choice(UNITS))
        return (*row, time(r)) if r.random() < 0.5 else row
    if kind < 0.8:
        row = ("211", number(r))
        return (*row, time(r)) if r.random() < 0.7 else row
    if kind < 0.9:
        return ("210", str(r.randint(-120, -40)), str(r.randint(0, 35)), time(r))
    first, second, third = r.choice(FRAGMENTS), r.choice(FRAGMENTS), r.choice(FRAGMENTS)
    return ("201", first, time(r), second, r.choice(SERIES), number(r), r.choice(UNITS), third)


def event(r: Random) -> Row:
    kind, content, change = r.choice(ALARM_TYPES), text(r), r.random()
    if change < 0.5:
        content = content.replace(" ", ", ", 1)
    elif change < 0.75:
        words = content.split(" ")
        place = r.randrange(len(words))
        words[place] = f'"{words[place]}"'
        content = " ".join(words)
    if r.random() < 0.5:
        return ("400", kind, content, time(r))
    row = (str(r.randint(301, 304)), kind, content)
    return (*row, time(r)) if r.random() < 0.5 else row


def operation(r: Random) -> Row:
    device, kind = f"dev{r.randrange(10**8):08}", r.random()
    if kind < 0.4:
        lines = [text(r) + (f'; echo "{r.choice(WORDS)}"' if r.random() < 0.5 else "") for _ in range(r.randint(1, 6))]
        return ("511", device, "\n".join(lines))
    if kind < 0.6:
        lines = [f'{r.choice(WORDS)} = "{r.choice(WORDS)}"' for _ in range(r.randint(2, 12))]
        return ("513", device, "\n".join(lines))
    word, small = r.choice(WORDS), r.randrange(20)
    if kind < 0.75:
        return ("528", device, word, f"1.{small}.0", f"https://example.com/{word}/1.{small}.0", "install")
    if kind < 0.85:
        return ("510", device)
    return ("515", device, f"fw_{word}", f"2.{small}", f"https://example.com/{word}-2.{small}?x=1")


WORKLOADS: dict[str, tuple[Callable[[Random], Row], int, int]] = {  # what draws a row, payloads, rows of each
    "measurements": (measurement, 64, 100),
    "events": (event, 64, 100),
    "operations": (operation, 64, 40),
    "single": (measurement, 256, 1),
}


@dataclass(frozen=True)
class Workload:
    """Payloads of one kind with their rows; `rows[i]` are the rows of `payloads[i]`."""

    name: str
    rows: list[list[Row]]

    @cached_property
    def payloads(self) -> list[bytes]:
        return [pure.encode(rows, limit=None) for rows in self.rows]

    @cached_property
    def typed(self) -> list[list[TypedRow]]:
        """The rows of measurements with numbers where an agent has numbers: the template ID, too."""
        return [[typed(row) for row in rows] for rows in self.rows]

    @property
    def row_count(self) -> int:
        return sum(map(len, self.rows))

    @property
    def field_count(self) -> int:
        return sum(len(row) for rows in self.rows for row in rows)

    @property
    def size(self) -> int:
        return sum(map(len, self.payloads))


@dataclass(frozen=True)
class Facts:
    """What a workload holds. Shares are between 0 and 1."""

    name: str
    payloads: int
    size: int
    rows: int
    fields: int
    quoted: float  # of the fields
    escaped: float  # of the fields: those with a quote inside
    foreign: float  # of the rows: those beyond ASCII


def facts(work: Workload) -> Facts:
    fields = [field for rows in work.rows for row in rows for field in row]
    quoted = sum(pure.escape(field) != field for field in fields) / len(fields)
    escaped = sum('"' in field for field in fields) / len(fields)
    foreign = sum(not "".join(row).isascii() for rows in work.rows for row in rows) / work.row_count
    return Facts(work.name, len(work.rows), work.size, work.row_count, work.field_count, quoted, escaped, foreign)


@lru_cache
def workload(name: str, seed: int = 1) -> Workload:
    """Return a workload of `WORKLOADS`."""
    draw, payloads, rows = WORKLOADS[name]
    r = Random(f"{name}-{seed}")
    return Workload(name, [[draw(r) for _ in range(rows)] for _ in range(payloads)])


def to_number(field: str) -> int | float:
    return float(field) if "." in field or "e" in field else int(field)


def typed(row: Row) -> TypedRow:
    """Return a measurement with its ID and its numeric fields as numbers."""
    numeric = NUMERIC[row[0]]
    return (int(row[0]), *(to_number(f) if i in numeric else f for i, f in enumerate(row[1:], 1)))


def converted(row: Row, types: dict[str, list[type]]) -> list[object]:
    """Return the row as a Schema of these types gives it: the ID and all else stay text; an empty text stays one."""
    kinds = types[row[0]]
    return [row[0], *(kind(field) for kind, field in zip(kinds, row[1:], strict=False))]


def ids_as_text(rows: Any) -> Any:
    """Return rows, or one row, with the template ID as text."""
    if rows and isinstance(rows[0], (list, tuple)):
        return [ids_as_text(row) for row in rows]
    return [str(rows[0]), *rows[1:]]


def fresh(rows: list[list[Row]]) -> list[list[Row]]:
    """Return equal rows of new str objects, none of which has been encoded before."""
    return [[tuple([str(field.encode(), "utf-8") for field in row]) for row in group] for group in rows]


@lru_cache(maxsize=1)
def bulk_rows(seed: int = 1, count: int = 1_000_000) -> list[Row]:
    """Return measurements of one shape, as a gateway gathers them."""
    r = Random(f"bulk-{seed}")
    rows: list[Row] = []
    for _ in range(count):
        j = r.randrange(12)
        value = f"{r.uniform(-40, 1200):.{r.randint(1, 3)}f}"
        rows.append(("200", FRAGMENTS[j], SERIES[j % 10], value, UNITS[j % 11], time(r)))
    return rows


def with_time(row: Row) -> TypedRow:
    """Return a row of `bulk_rows` with its number as a float and its time as a `datetime` in UTC."""
    moment = datetime.fromisoformat(row[5].replace("Z", "+00:00")).replace(tzinfo=timezone.utc)
    return (*row[:3], float(row[3]), row[4], moment)


def bulk_payload(rows: list[Row]) -> bytes:
    """Return all rows in one payload with a final newline. Nothing in them needs quotes."""
    return ("\n".join([",".join(row) for row in rows]) + "\n").encode()


def full_payload(work: Workload) -> bytes:
    """Return the first rows of the workload that fill one packet: nearly 16 KB."""
    parts: list[bytes] = []
    size = -1
    for rows in work.rows:
        for row in rows:
            part = pure.encode_row(row, limit=None)
            if size + 1 + len(part) > PACKET_LIMIT:
                return b"\n".join(parts)
            parts.append(part)
            size += 1 + len(part)
    return b"\n".join(parts)


def cache_stress(seed: int = 1) -> dict[str, list[bytes]]:
    """Return payloads of 100 rows of 6 fields that try a cache of short strings, by the kind of field."""
    r = Random(f"cache-{seed}")
    letters = "abcdefghijklmnopqrstuvwxyz"

    def word(low: int, high: int) -> str:
        return "".join(r.choices(letters, k=r.randint(low, high)))

    few, many = [word(8, 20) for _ in range(64)], [word(8, 20) for _ in range(1000)]
    draw: dict[str, Callable[[], str]] = {
        "i: unique words": lambda: word(8, 20),
        "ii: 64 words": lambda: r.choice(few),
        "iii: 1000 words": lambda: r.choice(many),
        "iv: numbers": lambda: f"{r.uniform(-40, 1200):.3f}",
        "v: 1 to 3 letters": lambda: word(1, 3),
    }
    return {
        kind: [b"\n".join(",".join(field() for _ in range(6)).encode() for _ in range(100)) for _ in range(64)]
        for kind, field in draw.items()
    }


def repeated(unit: bytes, size: int, head: bytes = b"", tail: bytes = b"") -> bytes:
    """Return `head`, as many whole units as fit, `tail`: at most `size` bytes."""
    return head + unit * ((size - len(head) - len(tail)) // len(unit)) + tail


def hostile(size: int) -> dict[str, bytes]:
    """Return payloads of about `size` bytes that a sender may use to make a reader slow or fat."""
    units = {
        "commas": b",",
        "quotes": b'"',
        "backslashes": b"\\",
        "quote, newline": b'"\n',
        "the ambiguous quote": b'",\\",\\"',
        "escaped quote before a comma": b'"\\",',
        "one-letter rows": b"1\n",
        "two-letter rows": b"11\n",
        "blank lines": b"\n",
        "quoted empty rows": b'""\n',
        "carriage returns": b"\r",
        "blanks and quotes": b' "a" ,',
        "bad bytes": b"\xff",
        "cut sequences": b"\xe2\x82,",
        "two-byte letters": "\u0101\n".encode(),
        "four-byte letters": "🔥,".encode(),
    }
    shapes = {name: repeated(unit, size) for name, unit in units.items()}
    for name, unit in (("letters", b"a"), ("escaped quotes", b'\\"'), ("doubled quotes", b'""'), ("rows", b"1,2\n")):
        shapes[f"open quote, {name}"] = repeated(unit, size, head=b'1,"')
    shapes["bad byte at the end"] = repeated(b"1,2\n", size, tail=b"\xff")
    shapes["stray quote at the end"] = repeated(b'1,"\\"",', size, tail=b'a"')
    return shapes


def hostile_rows(size: int) -> dict[str, list[Row]]:
    """Return rows of about `size` characters that make a writer work: long values, and many small ones."""
    values = {"letters": "a", "quotes": '"', "backslashes": "\\", "backslash, quote": '\\"', "newlines": "\n"}
    values |= {
        "commas": ",",
        "carriage returns": "\r",
        "blanks": " ",
        "accents": "é",
        "ideographs": "温",
        "emoji": "🔥",
    }
    shapes: dict[str, list[Row]] = {
        f"one value of {name}": [(unit * (size // len(unit)),)] for name, unit in values.items()
    }
    shapes["one-letter rows"] = [("1",)] * (size // 2)
    shapes["empty fields"] = [("",) * size]
    shapes["rows of one empty field"] = [("",)] * (size // 3)
    shapes["fields of one quote"] = [('"',) * (size // 5)]
    return shapes
