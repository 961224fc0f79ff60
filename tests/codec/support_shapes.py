"""Texts that make a careless reader slow: their starts, repeated parts and ends."""

from __future__ import annotations

SHAPES = {
    "quote never closed": (b'"', b"a", b""),
    "quote never closed, escapes": (b'"', b'\\"', b""),
    "quote never closed, doubled": (b'"', b'""', b""),
    "quoted line feeds": (b"", b'"\n"', b""),
    "quoted line feeds, cut": (b"", b'"\n"', b'"'),
    "quoted commas": (b"", b'",",', b""),
    "quoted commas, cut": (b"", b'",",', b'"'),
    "backslash before each closing quote": (b"", b'",\\",', b""),
    "undecided to the end, closed": (b"", b'"a\\",', b""),
    "undecided to the end, escaped": (b'"', b'a\\",', b'"'),
    "undecided, never closed": (b'"', b'a\\",', b""),
    "undecided rows": (b"", b'"a\\"\n', b""),
    "undecided, lenient": (b'x"y,', b'"a\\",', b""),
    "undecided, lenient at the end": (b"", b'"a\\",', b'x"y'),
    "mixed escapes": (b"", b'"a\\"b""c",', b""),
    "blanks before quotes": (b"", b' "a" ,', b""),
    "blanks before quotes, cut": (b"", b' "a" ,', b'"'),
    "blanks alone": (b"", b" ", b""),
    "blanks before a quote": (b"", b" ", b'"a"'),
    "blanks in closed fields": (b'"a"', b" ", b""),
    "blanks behind a quote, then text": (b'"a"', b" ", b"x"),
    "text after quotes": (b'"a"', b'"b', b""),
    "quotes in plain text": (b"", b'5" pipe,', b""),
    "rows with a quote in plain text": (b"", b'5" pipe\n', b""),
    "quote in plain text at the end": (b"", b'"a",b\n', b'x"y'),
    "escapes, then a quote in plain text": (b"", b'"a\\"b",c\n', b'x"y'),
    "doubled quotes, then a quote in plain text": (b"", b'"a""b",c\n', b'x"y'),
    "one kind of escape, then the other": (b"", b'"a""b",c\n', b'"a\\"b"'),
    "carriage returns in text": (b"", b"a\rb,", b""),
    "carriage return at the very end": (b"", b"a,b\n", b"\r"),
    "commas": (b"", b",", b""),
    "quotes, even": (b"", b'""', b""),
    "quotes, odd": (b'"', b'""', b""),
    "backslashes": (b"", b"\\", b""),
    "backslashes in quotes": (b'"', b"\\", b'"'),
    "short rows": (b"", b"1\n", b""),
    "blank lines": (b"", b"\n", b""),
    "carriage returns": (b"", b"\r", b""),
    "carriage returns behind a quote": (b'"a"', b"\r", b""),
    "bad bytes": (b"", b"\xff", b""),
    "bad byte at the end": (b"", b"a,\n", b"\xff"),
    "cut characters": (b"", b"\xe2\x82", b""),
    "long characters": (b"", "🌡".encode(), b""),
    "empty quoted rows": (b"", b'""\n', b""),
    "empty quoted rows, cut": (b"", b'""\n', b'"'),
}


def hostile(shape: str, size: int) -> bytes:
    """A payload of this shape of at most `size` bytes, in whole units."""
    start, unit, end = SHAPES[shape]
    return start + unit * ((size - len(start) - len(end)) // len(unit)) + end
