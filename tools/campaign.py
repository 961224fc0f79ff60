"""Comparisons too long for the test suite: `python tools/campaign.py world|roundtrip|parity|floats …`.

`world`: every string up to a length, every engine against the independent reader. `roundtrip`: random rows in each
dialect and engine. `parity`: the core with each kernel against the pure engine on hostile input, from a seed. `floats`:
random floats to text and back, against Python's own. The first difference ends the run and shows its input. Copy
results worth keeping to docs/reliability.md.
"""

from __future__ import annotations

import argparse
import itertools
import math
import multiprocessing
import random
import struct
import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "codec")]

import support  # noqa: E402 - found through the path set above
import support_reader  # noqa: E402 - as above

ALPHABETS = {
    "marks": [c.encode() for c in ',"\\\n\r a'],
    "bytes": [*(c.encode() for c in ',"\\\n\ra'), b"\xc3", b"\xa9"],
}
TOKENS = (
    b",", b'"', b"\\", b"\n", b"\r", b"\r\n", b" ", b"\t", b'""', b'\\"', b'","', b'"\n"', b'",', b',"', b'\\",',
    b'"",', b'\\"\n', b'\\""', b' "', b'" ', b'"\r\n', b"a", b"511,dev,x", "é".encode(), "€".encode(), "🌡".encode(),
    b"\xef\xbb\xbf", b"\x00", b"\xc2\x85", b"x" * 15, b"y" * 31, b"z" * 63, b"1.5", b"-12", b"true",
    b"2026-03-14T09:26:53.5+0100",
)  # fmt: skip
FIELDS = (
    b"", b"200", b"c8y_Temperature", b"23.5", b'"a, b"', b'"say \\"hi\\""', b'"say ""hi"""', b'""', "Größe".encode(),
    b"x" * 63,
)  # fmt: skip
DOUBTFUL = (  # fields that leave the fast scan in doubt, and what may stand beside them
    b' "a"', b'"a" ', b'\t"a, b"\t', b'5" pipe', b'a"', b'\\"', b'"dir\\"', b'"dir\\" ', b'"x\\""', b'"a""b\\"c"',
    b'"a\\"b""c"', b'"ab"cd', b'"ab" "cd"', b"\r", b"a\rb", b'"a"\r', b'"open', b'"\\",', b" ", b"\n\n", b"\n\r\n",
)  # fmt: skip
BAD = (b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f", b"\x80", b"\xc0\x8a", b"\xed\xa0\x80", b"\xf4\x90\x80\x80")
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -7, 2**63, 10**40, 1.5, -0.0, 1e300, float("nan"), b"x", "\ud800", "a,\\", "", "x" * 64,
    "é" * 33, [],
)  # fmt: skip


def engines() -> list[Any]:
    """All engines that run on this CPU."""
    able = [f"core:{name}" for name, fits in support.kernels_here().items() if fits]
    return [support.open_engine(name) for name in ("pure", *able)]


def read_all(engine: Any, payload: bytes) -> list[Any]:
    """The comparable outcome of every function that reads."""
    outcome = support.outcome
    return [
        outcome(engine.decode, payload),
        outcome(engine.decode, payload, strict=True),
        outcome(engine.split, payload),
        outcome(engine.scan, payload),
        outcome(engine.check, payload),
        outcome(engine.decode_row, payload),
        outcome(engine.unescape, payload),
    ]


def by_rules(engine: Any, payload: bytes) -> None:
    """Compares an engine with the independent reader."""
    answer = support_reader.read(payload)
    for strict in (False, True):
        expected: Any = answer.rows if answer.error is None else (*answer.error, answer.rows)
        if strict and answer.strict is not None:
            expected = (*answer.strict[0], answer.rows[: answer.strict[1]])
        try:
            got: Any = engine.decode(payload, strict=strict)
        except support.errors.DecodeError as error:
            got = (error.reason, error.position, error.row, error.field, error.rows)
        assert got == expected, (engine.engine(), payload, strict, got, expected)
    findings = [(reason, start, end, row, field) for reason, _, start, end, row, field in engine.check(payload)]
    assert findings == answer.findings, (engine.engine(), payload, findings, answer.findings)
    if answer.error is None:
        assert engine.split(payload) == answer.raw, (engine.engine(), payload)
        spans = [(row.start, row.end) for row in engine.scan(payload)]
        assert spans == answer.spans, (engine.engine(), payload)


def world(job: tuple[str, int, bytes]) -> int:
    """All strings of one length that start with the given characters."""
    name, length, start = job
    opened = engines()
    count = 0
    for rest in itertools.product(ALPHABETS[name], repeat=length):
        payload = start + b"".join(rest)
        for engine in opened:
            by_rules(engine, payload)
        count += 1
    return count


def random_text(chance: random.Random) -> str:
    kind = chance.randrange(6)
    if kind == 0:
        return "".join(chance.choices(',"\\\n\r \ta', k=chance.randrange(8)))
    if kind == 1:
        return "".join(
            chr(chance.choice((chance.randrange(0xD800), chance.randrange(0xE000, 0x110000)))) for _ in range(5)
        )
    if kind == 2:
        return "x" * chance.choice((0, 1, 15, 31, 32, 33, 62, 63, 64, 65, 127, 128)) + chance.choice(
            ('"', ",", "\\", "\n", "é")
        )
    if kind == 3:
        return (
            chance.choice((" ", "\ufeff", "\x00", "\x85", "\u2028", "\\"))
            + "y"
            + chance.choice((" ", "\\", '"', "\xa0"))
        )
    if kind == 4:
        return str(chance.randrange(-1000, 10**9))
    return chance.choice(
        ("", "c8y_Temperature", "C:\\dir, x\\", 'x"\n511,dev,evil', "2026-03-14T09:26:53.589Z", "say \\")
    )


def roundtrip(job: tuple[int, int]) -> int:
    """Random rows, encoded in each dialect and read back by every engine."""
    seed, count = job
    chance = random.Random(seed)
    opened = engines()
    for k in range(count):
        rows = [
            tuple(random_text(chance) for _ in range(chance.randrange(1, 6)))
            for _ in range(chance.choice((1, 1, 1, 2, 5)))
        ]
        for dialect in support.DIALECTS:
            quote = chance.choice(support.QUOTES)
            written = support_reader.write(rows, dialect, quote)
            end = chance.choice((b"", b"\n", b"\r\n"))
            for engine in opened:
                where = (seed, k, engine.engine(), dialect, quote, rows)
                assert engine.encode(rows, dialect=dialect, quote=quote, limit=None) == written, where
                assert engine.decode(written + end) == rows, where
                assert engine.decode(written, strict=True) == rows, where
                assert [engine.decode_row(raw) for raw in engine.split(written)] == rows, where
    return count


def mixed(chance: random.Random) -> bytes:
    """Usual rows with a few doubtful fields, or many."""
    share, end = chance.choice((0.02, 0.2, 0.8)), chance.choice((b"\n", b"\r\n"))
    payload = b""
    for _ in range(chance.randrange(30)):
        payload += chance.choice(DOUBTFUL if chance.random() < share else FIELDS)
        payload += end if chance.random() < 0.3 else b","
    return payload[: chance.choice((None, -1, chance.randrange(len(payload) + 1)))]


def hostile(chance: random.Random) -> bytes:
    kind = chance.randrange(10)
    if kind > 7:
        return mixed(chance)
    if kind == 0:
        return chance.randbytes(chance.randrange(60))
    if kind == 1:
        return bytes(chance.choices(b',"\\\n\r a\xc3\xa9', k=chance.randrange(200)))
    if kind == 2:
        return chance.choice(TOKENS) * chance.randrange(300) + chance.choice(TOKENS)
    payload = b"".join(chance.choices(TOKENS, k=chance.randrange(40)))
    if kind == 3:
        at = chance.randrange(len(payload) + 1)
        return payload[:at] + chance.choice(BAD) + payload[at:]
    return payload


def parity(job: tuple[int, int]) -> int:
    """Hostile input of every kind through every kernel and the pure engine."""
    seed, count = job
    chance = random.Random(seed)
    reference, *cores = engines()
    types = {"511": [str, str, float], "1": [(int, float, bool)], "": [int]}
    for k in range(count):
        payload = hostile(chance)
        text: Any = payload if k % 3 else payload.decode("utf-8", "surrogateescape")
        row = tuple(chance.choice((random_text(chance), chance.choice(VALUES))) for _ in range(chance.randrange(5)))
        options = {
            "dialect": chance.choice(support.DIALECTS),
            "quote": chance.choice(support.QUOTES),
            "final_newline": chance.random() < 0.3,
            "limit": chance.choice((None, 16_000, chance.randrange(120))),
        }
        calls: list[Callable[[Any], Any]] = [
            lambda e, p=text: read_all(e, p),
            lambda e, p=payload: support.outcome(e.Schema(types).decode, p),
            lambda e, r=row, o=options: support.outcome(e.encode, [r, ("1", "x")], **o),
            lambda e, r=row, o=options: support.outcome(e.pack, [r, ("1", "x"), r], **o),
            lambda e, r=row, o=options: support.outcome(e.truncate, r, limit=o["limit"]),
        ]
        for call in calls:
            expected = call(reference)
            for core in cores:
                got = call(core)
                assert got == expected, (seed, k, core.engine(), text, row, options, got, expected)
    return count


def some_floats(chance: random.Random, count: int) -> list[float]:
    """Floats of any bits, of the sizes of life, of few digits, and near the ends and the halves that rounding meets."""
    part = count // 5
    bits = struct.unpack(f"<{2 * part}d", chance.randbytes(16 * part))
    numbers = [*filter(math.isfinite, bits), *(chance.random() * 1e3 for _ in range(part))]
    numbers += [chance.randrange(10**17) / 10 ** chance.randrange(40) for _ in range(part)]
    for edge in (5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1e16, 1e-4, 2.0**53, 1e22, 1e23):
        (first,) = struct.unpack("<q", struct.pack("<d", edge))
        near = [first - k for k in range(part // 16) if first > k]
        numbers += struct.unpack(f"<{len(near)}d", struct.pack(f"<{len(near)}q", *near))
        numbers += [math.ldexp(chance.randrange(1, 1 << 12), chance.randrange(-1074, 1000)) for _ in near]
    return numbers


def longer(chance: random.Random, number: float) -> str:
    """A text of up to 40 digits at the halfway point to the next float, or just beside it."""
    exact = Fraction(number) + (Fraction(math.nextafter(number, math.inf)) - Fraction(number)) / 2
    digits = chance.choice((17, 18, 19, 20, 25, 40))
    power = digits - 1 - math.floor(math.log10(abs(number) or 5e-324))
    scaled = math.floor(exact * Fraction(10) ** power) + chance.choice((0, 0, 1, -1))
    return f"{scaled}e{-power}"


def floats(job: tuple[int, int]) -> int:
    """Random floats against `repr`, and back; texts of many digits against `float`."""
    seed, count = job
    chance = random.Random(seed)
    numbers = some_floats(chance, count)
    texts = [*map(repr, numbers)]
    hard = [longer(chance, number) for number in numbers[::50] if abs(number) < 1e308]
    for engine in engines()[1:2]:  # the kernels share the code for numbers
        read = engine.Schema({"1": [(float,)]}).decode_row
        assert engine.encode_row(["1", *numbers], limit=None) == ",".join(["1", *texts]).encode(), seed
        assert [*map(repr, read(",".join(["1", *texts]))[1:])] == texts, seed
        assert read(",".join(["1", *hard]))[1:] == tuple(map(float, hard)), seed
    return len(numbers) + len(hard)


def jobs_of(args: argparse.Namespace) -> tuple[Callable[[Any], int], Iterator[Any]]:
    if args.what == "world":
        letters = ALPHABETS[args.alphabet]
        jobs: list[Any] = [(args.alphabet, size, b"") for size in range(min(args.length, 2) + 1)]
        for size in range(3, args.length + 1):
            jobs += [(args.alphabet, size - 2, b"".join(start)) for start in itertools.product(letters, repeat=2)]
        return world, iter(jobs)
    step = 2_000
    seeds = itertools.count(args.seed)
    function = {"roundtrip": roundtrip, "parity": parity, "floats": floats}[args.what]
    return function, (
        (seed, min(step, args.count - k)) for k, seed in zip(range(0, args.count, step), seeds, strict=False)
    )


def main() -> int:
    if not __debug__:
        sys.exit("run without -O: the comparisons are assertions")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("world", "roundtrip", "parity", "floats"))
    parser.add_argument("--length", type=int, default=7, help="world: length of the longest strings (default: 7)")
    parser.add_argument(
        "--alphabet", choices=tuple(ALPHABETS), default="marks", help="world: alphabet (default: marks)"
    )
    parser.add_argument("--count", type=int, default=1_000_000, help="the others: inputs (default: 1,000,000)")
    parser.add_argument("--seed", type=int, default=1, help="the others: first seed (default: 1)")
    parser.add_argument("--processes", type=int, default=1, help="processes to use (default: 1)")
    args = parser.parse_args()
    names = ", ".join(engine.engine() for engine in engines())
    print(f"{args.what}: {names}; Python {sys.version.split()[0]}", flush=True)
    function, jobs = jobs_of(args)
    began, done, told = time.monotonic(), 0, 0.0
    with multiprocessing.Pool(args.processes) as pool:
        for count in pool.imap_unordered(function, jobs):
            done += count
            spent = time.monotonic() - began
            if spent - told > 60:
                told = spent
                print(f"  {done:,} in {spent:.0f} s, no difference", flush=True)
    print(f"{done:,} inputs, 0 differences, {time.monotonic() - began:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
