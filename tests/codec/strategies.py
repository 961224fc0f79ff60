"""Hypothesis strategies for values, rows and payloads, aimed at block edges, seams and cut-off ends."""

from __future__ import annotations

import datetime
import string
from decimal import Decimal
from typing import Any

import support_reader
from hypothesis import strategies as st

EDGES = (7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256)  # bytes: sizes of words, blocks, strides
MARKS = (",", '"', "\\", "\n", "\r", "\r\n", " ", "\t")
WHITE = (" ", "\t", "\x00", "\x1f", "\x85", "\xa0", "\u2028", "\u3000", "\ufeff", "\x7f", "\u200b")
TOKENS = (
    *MARKS, '""', '\\"', '\\\\', '","', '"\n"', '",', ',"', '"\n', '\n"', ',"\\"', '\\",', '"",', '\\"\n', '\\""',
    '"\\', ' "', '" ', '"\t,', '"\r\n', '"\r', "\n\n", "\r\r\n", ",,", "a", "bc", "511,dev,x", "1\n", "é", "€", "🌡",
    "\ufeff", "\x00", "\x85", "\u2028",
)  # fmt: skip
BAD_UTF8 = (
    b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x8c", b"\x80", b"\xc0\x8a", b"\xc1\xbf", b"\xe0\x80\x8a", b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xef\xbb", b"\xfe\xff",
)  # fmt: skip

# Any text that can be sent, so without surrogates.
characters = st.characters(exclude_categories=["Cs"])
# All punctuation, alone and beside what a rule may join it with: engines could differ on a character without a rule.
_sign = st.sampled_from(string.punctuation)
_signs = st.tuples(
    st.sampled_from(("", "", "a", '"', ",", "\\", "\n")), _sign, st.sampled_from(("", "", "b", '"', ","))
).map("".join)
_token = st.one_of(st.sampled_from(TOKENS), st.sampled_from(TOKENS), _signs)
_markup = st.lists(st.one_of(st.sampled_from((*TOKENS, *WHITE)), _signs), max_size=8).map("".join)
_padded = st.tuples(_markup, st.sampled_from(EDGES), st.integers(-2, 2), _markup).map(
    lambda part: part[0] + "x" * max(0, part[1] + part[2] - len(part[0])) + part[3]
)
texts = st.one_of(st.text(characters, max_size=12), _markup, _signs, st.text('ab 1,"\\\n\r', max_size=6), _padded)
short_texts = st.text(st.one_of(st.sampled_from([*MARKS[:5], " ", "a", "é"]), _sign), max_size=4)
rows = st.lists(texts, min_size=1, max_size=6).map(tuple)
row_lists = st.lists(rows, max_size=6)
short_row_lists = st.lists(st.lists(short_texts, min_size=1, max_size=3).map(tuple), max_size=3)
dialects = st.sampled_from(("backslash", "double"))
quotes = st.sampled_from(("minimal", "all"))
encode_options = st.fixed_dictionaries(
    {},
    optional={
        "dialect": dialects,
        "quote": quotes,
        "final_newline": st.booleans(),
        "on_trailing_backslash": st.sampled_from(("allow", "error")),
        "limit": st.one_of(st.none(), st.integers(0, 80), st.just(16_000)),
    },
)

# Payloads as text, harmless and hostile.
_token_lists = st.lists(_token, max_size=24).map("".join)
_repeated = st.tuples(_token, st.sampled_from(EDGES), _markup).map(lambda p: p[0] * p[1] + p[2])


@st.composite
def seams(draw: st.DrawFn) -> str:
    """Tokens that start just before a block edge."""
    text = ""
    for _ in range(draw(st.integers(1, 3))):
        edge = draw(st.sampled_from(EDGES))
        filler = draw(st.sampled_from(("x", "x", '"', "\\", ",", "é", " ", "\n")))
        start = draw(st.sampled_from(("", '"', "a,", 'a,"')))
        text += start + filler * max(0, edge - draw(st.integers(0, 3)) - len(start))
        text += "".join(draw(st.lists(_token, max_size=4)))
    return text


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A canonical payload with a part removed, inserted, cut off or doubled."""
    text = support_reader.write(draw(row_lists), draw(dialects), draw(quotes)).decode("utf-8")
    at = draw(st.integers(0, len(text)))
    how = draw(st.sampled_from(("as it is", "cut", "drop", "insert", "double", "swap")))
    if how == "cut":
        return text[:at]
    if how == "drop":
        return text[:at] + text[at + 1 :]
    if how == "insert":
        return text[:at] + draw(_token) + text[at:]
    if how == "double":
        return text[:at] + text[at : at + 1] * 2 + text[at + 1 :]
    if how == "swap":
        return text.replace('\\"', '""', 1) if draw(st.booleans()) else text.replace('""', '\\"', 1)
    return text


payload_texts = st.one_of(_token_lists, seams(), damaged(), _repeated, st.text(characters, max_size=40))
short_payload_texts = st.one_of(
    st.lists(_token, max_size=8).map("".join),
    st.text(st.one_of(st.sampled_from([*MARKS[:5], " ", "a", '"', '"']), _sign), max_size=12),
)


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """A payload with invalid UTF-8."""
    payload = draw(payload_texts).encode("utf-8")
    at = draw(st.integers(0, len(payload)))
    return payload[:at] + draw(st.sampled_from(BAD_UTF8)) + draw(st.sampled_from((b"", payload[at:])))


payloads = st.one_of(
    payload_texts.map(lambda text: text.encode("utf-8")),
    broken(),
    st.binary(max_size=80),
    st.lists(st.one_of(st.sampled_from(b',"\\\n\r \t\xc3\xa9a'), _sign.map(ord)), max_size=40).map(bytes),
)

# Values of fields, accepted and refused.
zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes)))
datetimes = st.datetimes(timezones=zones)
numbers = st.one_of(
    st.integers(),
    st.integers(-(2**64) - 2, 2**64 + 2),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False),
)
values: st.SearchStrategy[Any] = st.one_of(texts, numbers, st.booleans(), st.none(), datetimes)
refused: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        (b"x", bytearray(b"x"), memoryview(b"x"), float("nan"), float("inf"), -float("inf"), Decimal("nan"),
         Decimal("-inf"), Decimal("snan"), (), [], ("a",), {}, {"a": 1}, set(), object, object(), 1j, range(3), ...,
         "\ud800", "a\udfffb", "a,\\")
    ),
    st.datetimes(),
    st.dates(),
    st.times(),
)  # fmt: skip
odd_rows = st.lists(st.one_of(values, values, values, refused), max_size=5).map(tuple)
odd_row_lists = st.lists(
    st.one_of(odd_rows, odd_rows, odd_rows, st.sampled_from(("500", b"500", 5, None, [], {"a"}, ["1", "a"], range(2)))),
    max_size=5,
)

# Texts that look like numbers, flags and times, right and wrong.
typed_texts = st.one_of(
    st.integers().map(str),
    st.floats().map(repr),
    st.sampled_from(
        ("", "true", "false", "True", "1.5e3", "+7", "-0", "007", ".5", "5.", ".", "+", "e5", "1e400", "-1e400", "1_0",
         " 1", "1 ", "0x10", "nan", "inf", "Infinity", "١", "1e5", "1E-5", "1e", "1e+", "--1", "1" * 30, "9" * 4300,
         "9" * 4301, "0." + "3" * 40, "2.2250738585072011e-308", "1.7976931348623157e308", "1.7976931348623159e308",
         "5e-324", "2e-324", "9007199254740993", "123456789012345678901234567890e-10", "2026-03-14T09:26:53.589Z",
         "2026-03-14T09:26:53Z", "2026-03-14T09:26:53+0100", "2026-03-14T09:26:53.1234567+01:00",
         "2026-03-14T09:26:53", "2026-02-30T00:00:00Z", "2026-03-14t09:26:53z", "2026-03-14T24:00:00Z",
         "2026-03-14T09:26:60Z", "2026-03-14T09:26:53.+01:00", "2026-03-14T09:26:53-00:00",
         "2026-03-14T09:26:53+24:00", "2026-03-14T09:26:53+01:60", "0000-01-01T00:00:00Z",
         "9999-12-31T23:59:59.999999999-23:59", "2026-3-14T09:26:53Z", "2026-03-14 09:26:53Z", "2024-02-29T00:00:00Z")
    ),
    st.datetimes(timezones=zones).map(lambda moment: moment.isoformat()),
    st.text("0123456789+-.eETZ:", max_size=12),
    short_texts,
)  # fmt: skip
