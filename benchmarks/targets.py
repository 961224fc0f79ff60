"""The targets: for each row of the table the ratio that must be reached (gate) and the one that is wanted (goal).

Gates are stated for CPython 3.11 and the AVX-512 kernel; `gate_here` says what they are elsewhere.
A ratio is the peer's time divided by ours, unless the row is one of those that must stay small.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

BEST = "best of orjson, ssrjson, msgspec, msgpack"
BEST_JSON = "best of orjson, ssrjson"
BEST_NAIVE = "best naive form"


@dataclass(frozen=True)
class Target:
    id: str
    part: str
    peer: str
    gate: float
    goal: float
    small: bool = False  # the figure must not be larger


def lines(text: str, small: bool = False) -> list[Target]:
    """Read `id | part | peer | gate | goal`, one target a line."""
    rows = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    return [Target(id, part, peer, float(gate), float(goal), small) for id, part, peer, gate, goal in rows]


TARGETS = (
    *lines(f"""
        D1 | decode measurements | naive | 2.4 | 3.6
        D1 | decode measurements | csv.reader | 4.2 | 6
        D1 | decode measurements | {BEST} | 1.6 | 2.4
        D2 | decode events | naive | 2.8 | 4.3
        D2 | decode events | csv.reader | 5.3 | 8
        D2 | decode events | {BEST} | 1.45 | 2.1
        D3 | decode operations | naive | 3.6 | 5.8
        D3 | decode operations | csv.reader | 5.5 | 9
        D3 | decode operations | {BEST} | 1.2 | 1.8
        D4 | decode_row, one message | one naive split | 1.8 | 2.8
        D4 | decode_row, one message | csv.reader | 4.6 | 8
        D4 | decode_row, one message | orjson | 2.6 | 3.8
        D4 | decode_row, one message | ssrjson | 1.8 | 2.7
        D5 | scan, one message, untouched | one naive split | 4.2 | 7
        D5 | scan, one message, one field read | one naive split | 2.2 | 3.6
        D6 | scan measurements, untouched | naive | 9 | 14
        D6 | scan measurements, every ID | naive | 2.6 | 4.5
        D6 | scan measurements, ID and a float | naive | 3 | 5
        D7 | Schema.decode measurements | naive with float(), int() | 4.2 | 6.5
        D7 | Schema.decode measurements | best typed codec | 1.4 | 2.2
        D7 | Schema.decode_row, one message | naive with float(), int() | 3.4 | 6
        D7 | Schema.decode_row, one message | best typed codec | 1.35 | 2.2
        D8 | dispatch operations, all handled | naive and dict | 4.4 | 7
        D8 | dispatch operations, 10 % handled | naive and dict | 7 | 14
        D8 | dispatch measurements, 20 % handled | naive and dict | 5.6 | 12
        D8 | dispatch measurements, none handled | naive and dict | 14 | 28
        D8 | dispatch one message, handled | naive and dict | 3.2 | 5
        D8 | dispatch one message, handled | csv.reader and dict | 7 | 12
        D9 | decode 1,000,000 rows, collector on | naive | 4.5 | 8
        D9 | decode 1,000,000 rows, collector off | naive | 2.4 | 3.5
        D9 | decode 1,000,000 rows, collector off | csv.reader | 3.8 | 5.8
        D9 | decode 1,000,000 rows, collector off | msgspec.msgpack | 1.7 | 2.7
        D13 | index of 57 MB measurements | memcpy | 0.12 | 0.3
        D13 | index of 16 KB measurements | memcpy | 0.15 | 0.2
        D13 | index of 16 KB events | memcpy | 0.08 | 0.12
        D13 | index of 16 KB operations | memcpy | 0.08 | 0.12
        D13 | AVX2 index of 16 KB measurements | scalar kernel | 5.0 | 8
        D13 | AVX2 index of 16 KB events | scalar kernel | 3.8 | 6
        D13 | AVX2 index of 16 KB operations | scalar kernel | 2.8 | 5
        D15 | decode, plain text | naive | 2.4 | 3.5
        D15 | decode, plain text | {BEST_JSON} | 1.4 | 2
        D15 | decode, Latin-1 text | naive | 2.4 | 3.5
        D15 | decode, Latin-1 text | {BEST_JSON} | 1.4 | 2
        D15 | decode, Cyrillic text | naive | 2.4 | 3.5
        D15 | decode, Cyrillic text | {BEST_JSON} | 1.4 | 2
        D15 | decode, CJK text | naive | 2.4 | 3.5
        D15 | decode, CJK text | {BEST_JSON} | 1.4 | 2
        D15 | decode, mixed scripts | naive | 2.4 | 3.5
        D15 | decode, mixed scripts | {BEST_JSON} | 1.4 | 2
        D15 | decode, quoted text | naive | 2.4 | 3.5
        D15 | decode, quoted text | {BEST_JSON} | 1.4 | 2
        D15 | decode, escaped quotes | naive | 2.4 | 3.5
        D15 | decode, escaped quotes | {BEST_JSON} | 1.4 | 2
        D15 | decode, backslashes | naive | 2.4 | 3.5
        D15 | decode, backslashes | {BEST_JSON} | 1.4 | 2
        D15 | decode, every field quoted | naive | 2.0 | 2.6
        D15 | decode, every field quoted | {BEST_JSON} | 1.05 | 1.5
        D15 | decode, a blank before a quote | naive | 2.2 | 3
        D15 | decode, a blank before a quote | {BEST_JSON} | 1.1 | 1.6
        D15 | decode, a blank before a quote, one row of 100 | naive | 2.2 | 3
        D15 | decode, a blank before a quote, one row of 100 | {BEST_JSON} | 1.15 | 1.6
        D15 | decode, a blank after a quote | naive | 2.2 | 3
        D15 | decode, a blank after a quote | {BEST_JSON} | 1.1 | 1.6
        D15 | decode, a blank after a quote, one row of 100 | naive | 2.2 | 3
        D15 | decode, a blank after a quote, one row of 100 | {BEST_JSON} | 1.15 | 1.6
        D15 | decode, a quote in plain text | naive | 2.2 | 3
        D15 | decode, a quote in plain text | {BEST_JSON} | 1.1 | 1.6
        D15 | decode, a quote in plain text, one row of 100 | naive | 2.2 | 3
        D15 | decode, a quote in plain text, one row of 100 | {BEST_JSON} | 1.15 | 1.6
        D15 | decode, a lone CR | naive | 2.2 | 3
        D15 | decode, a lone CR | {BEST_JSON} | 1.1 | 1.6
        D15 | decode, a lone CR, one row of 100 | naive | 2.2 | 3
        D15 | decode, a lone CR, one row of 100 | {BEST_JSON} | 1.15 | 1.6
        D15 | decode, text ends in a backslash | naive | 1.8 | 2.6
        D15 | decode, text ends in a backslash | {BEST_JSON} | 1.1 | 1.5
        D15 | decode, text ends in a backslash, one row of 100 | naive | 2.2 | 3
        D15 | decode, text ends in a backslash, one row of 100 | {BEST_JSON} | 1.15 | 1.6
        D15 | decode, both escapes | naive | 1.8 | 2.6
        D15 | decode, both escapes | {BEST_JSON} | 1.1 | 1.5
        D15 | decode, both escapes, one row of 100 | naive | 2.2 | 3
        D15 | decode, both escapes, one row of 100 | {BEST_JSON} | 1.15 | 1.6
        D15 | decode, texts of 2,000 | {BEST_JSON} | 0.8 | 1.1
        D15 | decode, texts of 2,000, quoted | {BEST_JSON} | 0.5 | 0.9
        D15 | decode, a CR at the end | naive | 2.2 | 3
        D15 | decode, a CR at the end | {BEST_JSON} | 1.15 | 1.6
        D16 | Schema.decode, floats of 2 decimals | {BEST_JSON} | 1.05 | 1.5
        D16 | Schema.decode, floats of 17 digits | {BEST_JSON} | 1.0 | 1.3
        D16 | Schema.decode, floats with exponent | {BEST_JSON} | 0.92 | 1.2
        D16 | Schema.decode, ints of 13 digits | {BEST_JSON} | 0.95 | 1.3
        D16 | Schema.decode, bools | {BEST_JSON} | 0.93 | 1.3
        D17 | check with a topic | own decode | 0.05 | 0.15
        E1 | encode measurements, str | naive join | 4.0 | 6.5
        E1 | encode measurements, str | orjson | 1.2 | 2.0
        E1 | encode measurements, str | ssrjson | 1.05 | 1.7
        E1 | encode measurements, str | csv.writer | 22 | 40
        E1 | encode measurements, str | c8ydm | 75 | 130
        E2 | encode measurements, typed | naive % | 9 | 16
        E2 | encode measurements, typed | orjson | 1.05 | 1.6
        E2 | encode measurements, typed | ssrjson | 0.95 | 1.4
        E2 | encode measurements, typed | csv.writer | 17 | 28
        E3 | encode events, fresh strings | naive join | 2.9 | 5
        E3 | encode events, fresh strings | orjson | 1.1 | 1.8
        E3 | encode events, fresh strings | best peer | 0.95 | 1.4
        E3 | encode events, same strings | naive join | 3.9 | 6.5
        E3 | encode events, same strings | orjson | 0.9 | 1.5
        E3 | encode events, same strings | csv.writer | 27 | 45
        E4 | encode operations, fresh strings | naive join | 2.3 | 4
        E4 | encode operations, fresh strings | orjson | 1.7 | 3
        E4 | encode operations, fresh strings | best peer | 1.25 | 2.2
        E5 | encode_row, one message, str | naive join | 1.75 | 3
        E5 | encode_row, one message, str | orjson | 1.35 | 2.4
        E5 | encode_row, one message, str | naive join(map(str)) | 8 | 14
        E5 | encode_row, one message, typed | naive join(map(str)) | 9.5 | 16
        E5 | encode_row, one message, typed | orjson | 1.25 | 2.2
        E5 | encode_row, one message, typed | msgspec.json | 1.35 | 2.4
        E6 | compiled row with a float | f-string | 3.2 | 5.5
        E6 | compiled row, all str | f-string | 1.6 | 2.6
        E7 | pack 1,000,000 rows, str | naive join | 2.7 | 4.5
        E7 | pack 1,000,000 rows, str | orjson | 1.2 | 1.8
        E7 | pack 1,000,000 rows, typed | naive % | 4.8 | 9
        E7 | pack 1,000,000 rows, typed | orjson | 1.05 | 1.5
        E10 | encode_row, one message, datetime | f-string with isoformat | 8 | 12
        E10 | encode_row, one message, datetime | orjson | 1.2 | 1.8
        E11 | pack 1,000,000 rows, with times | naive join with isoformat | 8 | 12
        E12 | encode, text of 8 | {BEST_JSON} | 1.2 | 1.6
        E12 | encode, text of 40 | {BEST_JSON} | 1.1 | 1.5
        E12 | encode, text of 40, quotes inside | {BEST_JSON} | 1.2 | 1.6
        E12 | encode, text of 40, quoted | {BEST_JSON} | 0.85 | 1.1
        E12 | encode, Latin-1 text, same strings again | {BEST_JSON} | 0.75 | 1.0
        E12 | encode, mixed scripts, same strings again | {BEST_JSON} | 0.70 | 1.0
        E12 | encode, text of 2,000 | {BEST_JSON} | 1.0 | 1.3
        E12 | encode, text of 2,000, quoted | {BEST_JSON} | 1.0 | 1.3
        E12 | encode, text of 2,000, mixed scripts | {BEST_JSON} | 1.0 | 1.3
        E12 | encode, text of 2,000, quotes inside | naive join | 1.2 | 1.6
        E12 | encode, small int | {BEST_JSON} | 0.95 | 1.4
        E12 | encode, int of 13 digits | {BEST_JSON} | 1.4 | 1.8
        E12 | encode, int of 25 digits | {BEST_NAIVE} | 1.5 | 2.2
        E12 | encode, float, 2 decimals | {BEST_JSON} | 1.7 | 2.5
        E12 | encode, float, 17 digits | {BEST_JSON} | 1.0 | 1.3
        E12 | encode, float, exponent | {BEST_JSON} | 0.9 | 1.2
        E12 | encode, float, large | {BEST_JSON} | 0.9 | 1.2
        E12 | encode, bool | {BEST_JSON} | 0.93 | 1.3
        E12 | encode, None | {BEST_JSON} | 1.0 | 1.3
        E12 | encode, Decimal | {BEST_NAIVE} | 2.4 | 4
        E12 | encode, str subclass | {BEST_JSON} | 1.4 | 2
        E12 | encode, int subclass | {BEST_JSON} | 0.8 | 1.1
        E12 | encode, datetime, UTC | orjson | 1.0 | 1.6
        E12 | encode, datetime, UTC | naive isoformat | 8 | 12
        E12 | encode, datetime, fixed offset | orjson | 1.0 | 1.6
        E12 | encode, datetime, fixed offset | naive isoformat | 8 | 12
        E12 | encode, row with a 17-digit float | {BEST_JSON} | 1.15 | 1.6
        E12 | encode, numpy ints | {BEST_NAIVE} | 10 | 20
        E12 | encode, numpy ints | orjson | 1.8 | 3
        E13 | encode, rows of a scan | own encode | 1.2 | 1.8
        E13 | encode, quote='all' | own encode | 0.55 | 0.9
        E13 | pack | own encode | 0.95 | 0.98
        F1 | float to text, sensor values | ssrjson | 1.4 | 2
        F1 | float to text, 17 digits | ssrjson | 1.0 | 1.3
        P1 | pure engine, no quotes | naive | 0.9 | 1.0
        P1 | pure engine, quotes | naive | 0.15 | 0.5
        S1 | cache stress, i: unique words | own decode, cache off | 0.90 | 0.97
        S1 | cache stress, ii: 64 words | own decode, cache off | 1.25 | 1.45
        S1 | cache stress, iii: 1000 words | own decode, cache off | 0.90 | 0.97
        S1 | cache stress, iv: numbers | own decode, cache off | 0.90 | 0.97
        S1 | cache stress, v: 1 to 3 letters | own decode, cache off | 0.90 | 0.97
    """),
    *lines(
        """
        D9 | extra memory of 1,000,000 rows | naive | 0.52 | 0.40
        E9 | pack measurements | own encode | 1.08 | 1.03
        C1 | decode of an empty payload | C function returning [] | 1.6 | 1.25
        G1 | growth of decode, 2,000 to 16,000 bytes | itself | 12 | 9
        G1 | growth of encode, 2,000 to 16,000 bytes | itself | 12 | 9
        M1 | peak memory of decode / payload size | itself | 80 | 80
        I1 | import smartrest, ms over python -c pass | itself | 15 | 15
        """,
        small=True,
    ),
)
SAME_ON_AVX2 = ("D13", "E11")
MAP = ("D15", "D16", "D17", "E12", "E13")  # one kind of value or shape of payload in each part
# In the order of the table. L1, the latency of one message, has no target.
# fmt: off
IDS = (
    "D1", "D2", "D3", "D4", "D5", "D6", "D7", "D8", "D9", "D13", "D15", "D16", "D17",
    "E1", "E2", "E3", "E4", "E5", "E6", "E7", "E9", "E10", "E11", "E12", "E13",
    "F1", "C1", "P1", "S1", "O1", "G1", "L1", "M1", "I1",
)
# fmt: on

# Gates on AVX2 and SSE2 of rows that have their own there.
NARROW = {
    ("D1", "decode measurements", BEST): (1.70, 1.5),
    ("D2", "decode events", BEST): (1.30, 1.1),
    ("D3", "decode operations", BEST): (1.05, 0.95),
    ("E1", "encode measurements, str", "orjson"): (1.30, 1.0),
    ("E1", "encode measurements, str", "ssrjson"): (1.20, 0.95),
    ("E2", "encode measurements, typed", "orjson"): (1.25, 1.05),
    ("E2", "encode measurements, typed", "ssrjson"): (1.10, 0.95),
    ("E3", "encode events, fresh strings", "orjson"): (1.0, 0.85),
    ("E3", "encode events, fresh strings", "best peer"): (0.9, 0.75),
    ("E3", "encode events, same strings", "orjson"): (0.85, 0.65),
    ("E4", "encode operations, fresh strings", "orjson"): (1.45, 1.2),
    ("E4", "encode operations, fresh strings", "best peer"): (1.10, 0.9),
    ("E10", "encode_row, one message, datetime", "orjson"): (1.2, 1.1),
    ("E10", "encode_row, one message, datetime", "f-string with isoformat"): (8, 7),
}


def gate_here(target: Target, engine: str, version: tuple[int, ...] = sys.version_info[:2]) -> float | None:
    """Return the gate on this engine and Python; None where none is set."""
    if target.id in ("P1", "G1", "M1", "I1"):
        return target.gate
    kernel = engine.partition(":")[2]
    narrow = NARROW.get((target.id, target.part, target.peer))
    if narrow and kernel in ("avx2", "sse2"):
        return narrow[kernel == "sse2"]
    if kernel not in ("avx512", "avx2", "sse2"):
        return None
    gate = target.gate
    if target.small:
        return gate
    if version >= (3, 12) and "naive" in target.peer:
        gate *= {"D1": 0.85, "D2": 0.85, "D3": 0.85, "D4": 0.80}.get(target.id, 1.0)
    if target.id[0] in "DE" and not (kernel == "avx2" and target.id in SAME_ON_AVX2):
        gate *= {"avx2": 0.80, "sse2": 0.60}.get(kernel, 1.0)
    return gate


def verdict(target: Target, value: float, gate: float | None) -> str:
    """Return goal, gate, MISSED, or a dash where no gate is set."""
    if gate is None:
        return "-"
    sign = -1 if target.small else 1
    return "goal" if sign * value >= sign * target.goal else "gate" if sign * value >= sign * gate else "MISSED"
