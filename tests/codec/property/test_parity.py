"""The second law: for any input, the core with each kernel gives the results and errors of the pure engine."""

from __future__ import annotations

import datetime
import string
from typing import Any

import strategies as s
from hypothesis import given
from hypothesis import strategies as st
from support import PURE, outcome, plain

T = datetime.datetime


def same(core: Any, call: str, *args: Any, **options: Any) -> None:
    expected = outcome(getattr(PURE, call), *args, **options)
    assert outcome(getattr(core, call), *args, **options) == expected


@given(payload=s.payloads, strict=st.booleans(), limit=st.one_of(st.none(), st.integers(0, 100)))
def test_decode(core: Any, payload: bytes, strict: bool, limit: int | None) -> None:
    same(core, "decode", payload, strict=strict, limit=limit)
    same(core, "decode_row", payload, strict=strict)
    same(core, "decode", bytearray(payload), strict=strict)


@given(payload=st.one_of(s.payload_texts, st.text(max_size=20)), strict=st.booleans())
def test_decode_text(core: Any, payload: str, strict: bool) -> None:
    for call in ("decode", "decode_row", "scan"):
        same(core, call, payload, strict=strict)
    for call in ("split", "check", "unescape"):
        same(core, call, payload)


# Alone, first, last, doubled, beside quotes, separators, escapes and row ends: where a rule on a sign could hide.
PLACES = r"""
? ?? a?b ?a a? 1,? 1,?,b 1?2 "?" "a?" "?a" "a"? "a"?,b "a"?|5 "a"?"b" ?"a" 1,?"a",b 1,_?"a" "a"_? "a\?b" \? "a\"?b"
"a""?b" "a""? "?|" ?|? "? ?" é?€ "1?5",? xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx?" "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx?
"""


def test_every_sign_in_every_place(core: Any) -> None:
    for place in PLACES.split():
        for sign in string.punctuation:
            text = place.replace("_", " ").replace("|", "\n").replace("?", sign)
            same(core, "decode", text)
            same(core, "decode", text, strict=True)
            same(core, "encode", [(text, "1")])
            same(core, "encode", [(text, '"')])


@given(payload=s.payloads, strict=st.booleans())
def test_scan(core: Any, payload: bytes, strict: bool) -> None:
    same(core, "scan", payload, strict=strict)
    same(core, "split", payload)


@given(payload=s.payload_texts)
def test_touching_a_view(core: Any, payload: str) -> None:
    views = []
    for engine in (PURE, core):
        try:
            rows = engine.scan(payload)
        except ValueError:
            return
        views.append(
            [
                (
                    [outcome(row.__getitem__, k) for k in range(-3, 4)],
                    [outcome(row.float, k) for k in range(-3, 4)],
                    [outcome(row.int, k) for k in range(-3, 4)],
                    plain(row[1:]),
                    plain(row[::-2]),
                    list(row) == list(row.fields),
                )
                for row in rows
            ]
        )
    assert views[0] == views[1]


@given(
    payload=s.payloads, topic=st.sampled_from((None, None, "s/us", "s/us/child", "s/ds", "s/uc/x", "s/e", "any", ""))
)
def test_check(core: Any, payload: bytes, topic: str | None) -> None:
    same(core, "check", payload, topic=topic)


group_rows = st.tuples(
    st.sampled_from(("114", "140", "201", "116", "528", "mine")), st.lists(s.short_texts, max_size=14)
).map(lambda p: (p[0], *p[1]))


@given(rows=st.lists(group_rows, max_size=4), limit=st.integers(10, 60), options=s.encode_options)
def test_pack_dividing_groups(core: Any, rows: Any, limit: int, options: Any) -> None:
    same(core, "pack", rows, split_groups=True, **{**options, "limit": limit})


@given(field=st.one_of(s.payloads, s.payload_texts, s.texts.map(PURE.escape)))
def test_unescape(core: Any, field: Any) -> None:
    same(core, "unescape", field)


@given(rows=s.odd_row_lists, options=s.encode_options)
def test_encode(core: Any, rows: Any, options: Any) -> None:
    same(core, "encode", rows, **options)
    for row in rows:
        same(core, "encode_row", row, **options)


@given(rows=s.odd_row_lists, options=s.encode_options)
def test_pack(core: Any, rows: Any, options: Any) -> None:
    same(core, "pack", rows, **options)
    seen: list[list[Any]] = []
    for engine in (PURE, core):
        errors: list[Any] = []
        packed = list(engine.pack(rows, on_error=errors.append, **options))
        seen.append([packed, [outcome(raising, error) for error in errors]])
    assert seen[0] == seen[1]


def raising(error: Exception) -> None:
    raise error


@given(value=st.one_of(s.values, s.refused), options=s.encode_options)
def test_escape(core: Any, value: Any, options: Any) -> None:
    options = {k: v for k, v in options.items() if k not in ("limit", "final_newline")}
    same(core, "escape", value, **options)


@given(
    row=st.one_of(s.rows, s.odd_rows),
    field=st.integers(-4, 4),
    limit=st.one_of(st.none(), st.integers(0, 90)),
    marker=st.one_of(st.sampled_from(("…", "", "...", '"', " ")), s.short_texts),
)
def test_truncate(core: Any, row: Any, field: int, limit: int | None, marker: str) -> None:
    same(core, "truncate", row, field, limit=limit, marker=marker)


HOLES = (str, int, float, bool, object, T, s.Decimal)


@given(
    template=st.lists(st.one_of(s.values, st.sampled_from(HOLES), st.sampled_from(HOLES), s.refused), max_size=5),
    options=s.encode_options,
    data=st.data(),
)
def test_compile(core: Any, template: list[Any], options: Any, data: st.DataObject) -> None:
    made = []
    for engine in (PURE, core):
        try:
            made.append(engine.compile(template, **options))
        except ValueError as error:
            made.append(outcome(raising, error))
    if isinstance(made[0], list) or isinstance(made[1], list):
        assert made[0] == made[1]
        return
    assert made[0].row == made[1].row == tuple(template)
    holes = sum(any(value is hole for hole in HOLES) for value in template)
    values = st.lists(st.one_of(s.values, s.values, s.refused), min_size=holes, max_size=holes)
    several = data.draw(st.lists(st.one_of(values, values, values, st.just([1] * (holes + 1))), max_size=4))
    for given_values in several:
        assert outcome(made[1], *given_values) == outcome(made[0], *given_values)
    for limit in (None, 30, 16_000):
        assert outcome(made[1].pack, several, limit=limit) == outcome(made[0].pack, several, limit=limit)


TYPES = (int, float, bool, T, str)
_types = st.lists(st.sampled_from(TYPES), max_size=4)
_repeating = st.lists(st.sampled_from(TYPES), min_size=1, max_size=3).map(tuple)
schemas = st.dictionaries(
    st.sampled_from(("1", "511", "", "é", 'a"b', "x,y")),
    st.one_of(_types, st.tuples(_types, _repeating).map(lambda p: [*p[0], p[1]])),
    max_size=4,
)
typed_rows = st.lists(
    st.tuples(st.sampled_from(("1", "511", "", "é", 'a"b', "x,y", "2")), st.lists(s.typed_texts, max_size=6)).map(
        lambda p: (p[0], *p[1])
    ),
    max_size=4,
)


@given(types=schemas, rows=typed_rows, dialect=s.dialects, quote=s.quotes)
def test_schema(core: Any, types: Any, rows: Any, dialect: str, quote: str) -> None:
    payload = PURE.encode(rows, dialect=dialect, quote=quote, limit=None)
    reference, tried = PURE.Schema(types), core.Schema(types)
    assert outcome(tried.decode, payload) == outcome(reference.decode, payload)
    assert outcome(tried.decode_row, payload) == outcome(reference.decode_row, payload)


@given(types=schemas, payload=s.payloads)
def test_schema_on_anything(core: Any, types: Any, payload: bytes) -> None:
    assert outcome(core.Schema(types).decode, payload) == outcome(PURE.Schema(types).decode, payload)


@given(text=s.typed_texts)
def test_numbers_and_times(core: Any, text: str) -> None:
    payload = PURE.encode_row(("1", text), quote="all")
    for kind in TYPES:
        expected = outcome(PURE.Schema({"1": [kind]}).decode, payload)
        assert outcome(core.Schema({"1": [kind]}).decode, payload) == expected


@given(
    ids=st.sets(st.sampled_from(("1", "511", "", "é", 'a"b', "a", "bc")), max_size=4),
    payload=s.payloads,
    rest=st.booleans(),
)
def test_dispatch(core: Any, ids: set[str], payload: bytes, rest: bool) -> None:
    seen = []
    for engine in (PURE, core):
        dispatcher = engine.Dispatcher()
        for name in sorted(ids):
            dispatcher.on(name)(lambda row, name=name: (name, row))
        if rest:
            dispatcher.default(lambda row: 1 / len(row[0]))
        seen.append([outcome(dispatcher.dispatch, payload), dispatcher.skipped])
    assert seen[0] == seen[1]


@given(
    topic=st.one_of(s.texts, st.sampled_from(("s/us", "s/uc/x", "", "a+", "#"))),
    qos=st.integers(-1, 3),
    limit=st.integers(0, 300_000),
)
def test_payload_budget(core: Any, topic: str, qos: int, limit: int) -> None:
    same(core, "payload_budget", topic, qos=qos, packet_limit=limit)
