"""The first law: decoding returns what was encoded, in every dialect and with every function."""

from __future__ import annotations

from typing import Any

import strategies as s
import support_reader
from hypothesis import example, given
from hypothesis import strategies as st


@given(rows=s.row_lists, dialect=s.dialects, quote=s.quotes, newline=st.booleans())
@example(rows=[("\ufeff",), ("\ufeffa",)], dialect="double", quote="minimal", newline=False)
@example(rows=[("a,\\", '"'), ("\\",), ('\\"',)], dialect="backslash", quote="minimal", newline=True)
@example(rows=[("",), ("", "")], dialect="backslash", quote="minimal", newline=True)
def test_encode_decode(engine: Any, rows: Any, dialect: str, quote: str, newline: bool) -> None:
    payload = engine.encode(rows, dialect=dialect, quote=quote, final_newline=newline, limit=None)
    for strict in (False, True):
        assert engine.decode(payload, strict=strict) == rows
        assert [row.fields for row in engine.scan(payload, strict=strict)] == rows
    assert engine.decode(payload.decode("utf-8")) == rows
    raw = engine.split(payload)
    assert b"\n".join(raw) + (b"\n" if newline and rows else b"") == payload
    assert [engine.decode_row(row) for row in raw] == rows
    assert [f.reason for f in engine.check(payload) if f.reason != "too_large"] == []


@given(rows=s.row_lists, dialect=s.dialects)
def test_the_text_is_that_of_the_rules(engine: Any, rows: Any, dialect: str) -> None:
    for quote in ("minimal", "all"):
        written = engine.encode(rows, dialect=dialect, quote=quote, limit=None)
        assert written == support_reader.write(rows, dialect, quote)


@given(rows=s.row_lists, dialect=s.dialects)
def test_canonical_text_is_stable(engine: Any, rows: Any, dialect: str) -> None:
    payload = engine.encode(rows, dialect=dialect, limit=None)
    assert engine.encode(engine.decode(payload), dialect=dialect, limit=None) == payload
    assert engine.encode(engine.scan(payload), dialect=dialect, limit=None) == payload


@given(rows=s.row_lists, dialect=s.dialects, end=st.sampled_from((b"", b"\r\n", b"\n\r\n\n")))
def test_crlf_and_blank_lines_between_rows(engine: Any, rows: Any, dialect: str, end: bytes) -> None:
    written = support_reader.write(rows, dialect)
    raw = [support_reader.write([row], dialect) for row in rows]
    assert b"\n".join(raw) == written
    for between in (b"\r\n", b"\n\n", b"\r\n\r\n\n"):
        payload = b"\xef\xbb\xbf" + between.join(raw) + end
        assert engine.decode(payload, strict=True) == rows
        assert engine.split(payload) == raw
        assert [payload[row.start : row.end] for row in engine.scan(payload)] == raw


@given(data=st.data(), rows=s.row_lists, dialect=s.dialects)
def test_any_extra_quoting(engine: Any, data: st.DataObject, rows: Any, dialect: str) -> None:
    lines = []
    for row in rows:
        needless = data.draw(st.lists(st.booleans(), min_size=len(row), max_size=len(row)))
        fields = [
            support_reader.write_field(value, dialect, "all" if more else "minimal")
            for value, more in zip(row, needless, strict=True)
        ]
        lines.append(",".join(fields) or '""')
    payload = "\n".join(lines).encode("utf-8")
    assert engine.decode(payload) == rows
    assert engine.decode(payload, strict=True) == rows


@given(rows=s.row_lists, dialect=s.dialects, limit=st.one_of(st.none(), st.integers(40, 400)), newline=st.booleans())
def test_pack(engine: Any, rows: Any, dialect: str, limit: int | None, newline: bool) -> None:
    lost: list[Any] = []
    payloads = list(
        engine.pack(rows, limit=limit, dialect=dialect, final_newline=newline, on_error=lambda e: lost.append(e.row))
    )
    kept = [row for k, row in enumerate(rows) if k not in lost]
    assert [row for payload in payloads for row in engine.decode(payload)] == kept
    assert all(payload for payload in payloads)
    if limit is not None:
        assert all(len(payload) <= limit for payload in payloads)
        assert all(len(engine.encode([rows[k]], limit=None, dialect=dialect)) + newline > limit for k in lost)


@given(data=st.data(), row=s.rows, dialect=s.dialects, quote=s.quotes, newline=st.booleans())
def test_compile(engine: Any, data: st.DataObject, row: Any, dialect: str, quote: str, newline: bool) -> None:
    holes = data.draw(st.lists(st.booleans(), min_size=len(row), max_size=len(row)))
    template = tuple(str if hole else value for value, hole in zip(row, holes, strict=True))
    encoder = engine.compile(template, dialect=dialect, quote=quote, final_newline=newline, limit=None)
    payload = encoder(*(value for value, hole in zip(row, holes, strict=True) if hole))
    assert payload == engine.encode_row(row, dialect=dialect, quote=quote, final_newline=newline, limit=None)
    assert engine.decode_row(payload) == row


@given(value=s.texts, dialect=s.dialects, quote=s.quotes)
def test_one_field(engine: Any, value: str, dialect: str, quote: str) -> None:
    written = engine.escape(value, dialect=dialect, quote=quote)
    assert engine.unescape(written) == value
    assert engine.unescape(written.encode("utf-8")) == value
    assert written == support_reader.write_field(value, dialect, quote)


@given(values=st.lists(s.values, min_size=1, max_size=5))
def test_values_become_their_text(engine: Any, values: list[Any]) -> None:
    row = engine.decode_row(engine.encode_row(values, limit=None))
    assert row == tuple(engine.unescape(engine.escape(value)) for value in values)


@given(number=st.floats(allow_nan=False, allow_infinity=False), whole=st.integers())
def test_numbers_come_back(engine: Any, number: float, whole: int) -> None:
    payload = engine.encode_row(("1", number, whole))
    row = engine.scan(payload)[0]
    assert repr(row.float(1)) == repr(number)
    assert row.int(2) == whole
    typed = engine.Schema({"1": [float, int]}).decode_row(payload)
    assert repr(typed[1]) == repr(number)
    assert typed[2] == whole


@given(moment=s.datetimes)
def test_times_come_back(engine: Any, moment: Any) -> None:
    import datetime

    read = engine.Schema({"1": [datetime.datetime]}).decode_row(engine.encode_row(("1", moment)))[1]
    assert read == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert read.utcoffset() == moment.utcoffset()


@given(row=s.rows, field=st.integers(-1, 0), limit=st.integers(0, 60), marker=st.sampled_from(("…", "", '"', " ")))
def test_truncated_rows_fit(engine: Any, row: Any, field: int, limit: int, marker: str) -> None:
    from smartrest import PayloadTooLargeError

    try:
        short = engine.truncate(row, field, limit=limit, marker=marker)
    except PayloadTooLargeError:
        return
    assert len(engine.encode_row(short)) <= limit
    assert engine.truncate(short, field, limit=limit, marker=marker) == short
    if short != row:
        assert short[field].endswith(marker)
        assert row[field].startswith(short[field][: len(short[field]) - len(marker)])
