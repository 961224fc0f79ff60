"""Tables to payloads: the same bytes as `pack` of the same rows, however the table is cut; and what cannot be sent."""

from __future__ import annotations

import datetime
import random
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest

pytest.importorskip("pyarrow")
import pyarrow
from support_encode import by_topic, cut, packed, random_table, time_text

import smartrest
from smartrest.arrow import Batches, encode_batches
from smartrest.pure import columns as reference
from smartrest.templates import Collection, number

MEASUREMENT = smartrest.compile(("200", "c8y_Temperature", "T", float, "C", datetime.datetime))
START = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.timezone.utc)
ANY = smartrest.compile(("9", object))


def measurements(n: int, devices: int) -> Any:
    moments = [START + datetime.timedelta(seconds=i) for i in range(n)]
    return pyarrow.table(
        {"device": [f"d{i % devices}" for i in range(n)], "value": [i / 4 for i in range(n)], "time": moments}
    )


def drained(batches: Batches) -> dict[str, list[tuple[bytes, int]]]:
    found = by_topic(batches)
    counts = batches.counts
    assert counts.rows_in == counts.rows_out + counts.errors + counts.skipped
    assert counts.rows_out == sum(rows for payloads in found.values() for _, rows in payloads)
    return found


def fields_of(column: Any) -> list[str]:
    """The field of each row of a column."""
    ((payload, _),) = drained(encode_batches(pyarrow.table({"x": column}), ANY, columns=["x"]))["s/us"]
    return [row.decode().partition(",")[2] for row in payload.split(b"\n")]


def errors_of(source: Any, *args: Any, **options: Any) -> tuple[dict[str, list[tuple[bytes, int]]], list[Any]]:
    """The payloads, and the rows of the batches of errors: row, field, reason, text."""
    errors: list[Any] = []
    batches = encode_batches(source, *args, on_error=errors.append, **options)
    found = drained(batches)
    rows = [row for batch in errors for row in batch.to_pylist()]
    assert len(rows) == batches.counts.errors
    assert all(row["payload_index"] is row["position"] is None for row in rows)
    return found, sorted((row["row"], row["field"], row["reason"], row["text"]) for row in rows)


@hypothesis.given(st.integers(0, 2**32))
def test_payloads_are_those_of_pack(columns: Any, seed: int) -> None:
    r = random.Random(seed)
    table = random_table(r, r.choice((1, 20, 90)), r.choice((1, 3, 40)))
    options: Any = {
        "dialect": r.choice(("backslash", "double")), "quote": r.choice(("minimal", "all")),
        "final_newline": r.choice((False, True)),
    }  # fmt: skip
    places = [object] * len(table.rows[0])
    encoder = smartrest.compile(r.choice((("200", "a,b", *places), (*places, ""), (*places,))), **options)
    row = encoder.row
    constant = [field for field in row if field is not object]
    before = len(constant) if row[0] is not object else 0
    rows = [(*constant[:before], *fields, *constant[before:]) for fields in table.rows]
    limit = r.choice((None, None, 1000))
    topics = [f"s/us/{device}" for device in table.devices]
    by: Any = r.choice(("device", None))
    expected = packed(rows, topics if by else ["s/us"] * len(rows), limit, **options)
    names = [f"c{i}" for i in range(len(places))]
    for source in (table.table, cut(r, table.table)):
        found = drained(
            encode_batches(source, encoder, columns=names, by=by, limit=limit, batch_bytes=r.choice((1, 3000, 2**20)))
        )
        assert {topic: [payload for payload, _ in payloads] for topic, payloads in found.items()} == expected


def test_a_time_is_written_in_utc(columns: Any) -> None:
    number = int(START.timestamp())
    for unit, scale in (("s", 1), ("ms", 1000), ("us", 10**6), ("ns", 10**9)):
        column = pyarrow.array([number * scale, -1, None], pyarrow.timestamp(unit, "America/New_York"))
        last = "1969-12-31T23:59:59.000Z" if unit == "s" else "1969-12-31T23:59:59.999Z"
        assert fields_of(column) == [time_text(START), last, ""]


def test_a_time_outside_the_calendar_is_an_error(columns: Any) -> None:
    last = -62_135_596_800
    column = pyarrow.array([last, last - 1, 253_402_300_799, 253_402_300_800, 2**63 - 1], pyarrow.timestamp("s", "UTC"))
    found, errors = errors_of(pyarrow.table({"x": column}), ANY, columns=["x"])
    assert found["s/us"] == [(b"9,0001-01-01T00:00:00.000Z\n9,9999-12-31T23:59:59.000Z", 2)]
    assert errors == [(row, 1, "bad_value", "not a time in the years 1 to 9999") for row in (1, 3, 4)]


def test_a_naive_time_is_refused_with_the_fix(columns: Any) -> None:
    table = pyarrow.table({"x": pyarrow.array([0], pyarrow.timestamp("ms"))})
    with pytest.raises(TypeError, match=r"column 'x' holds timestamps without a time zone.*assume_timezone"):
        encode_batches(table, ANY, columns=["x"])


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pyarrow.array([b"x"]), "bytes"),
        (pyarrow.array([[1]]), "lists"),
        (pyarrow.array([{"a": 1}]), "structs"),
        (pyarrow.array([1], pyarrow.duration("s")), "durations"),
        (pyarrow.array([1], pyarrow.time32("s")), "times of day"),
    ],
)
def test_a_type_that_cannot_be_sent_is_refused(columns: Any, column: Any, words: str) -> None:
    with pytest.raises(TypeError, match=f"column 'x' holds {words}, which cannot be sent: cast it"):
        encode_batches(pyarrow.table({"x": column}), ANY, columns=["x"])


def test_a_column_that_does_not_fit_its_hole_is_refused(columns: Any) -> None:
    table = pyarrow.table({"a": ["x"], "b": [1.5], "n": pyarrow.nulls(1)})
    with pytest.raises(TypeError, match="column 'a' holds texts, but field 1 takes integers or floats: cast it"):
        encode_batches(table, smartrest.compile(("200", float)), columns=["a"])
    with pytest.raises(TypeError, match="column 'b' holds floats, but field 1 takes integers: cast it"):
        encode_batches(table, smartrest.compile(("200", int)), columns=["b"])
    with pytest.raises(TypeError, match="column 'b' holds floats, but it names the devices: cast it to text"):
        encode_batches(table, ANY, columns=["a"], by="b")
    assert drained(encode_batches(table, smartrest.compile(("200", int)), columns=["n"])) == {"s/us": [(b"200,", 1)]}


def test_a_missing_column_is_named(columns: Any) -> None:
    with pytest.raises(ValueError, match="the source has no column 'valeu'; did you mean 'value'"):
        encode_batches(measurements(1, 1), MEASUREMENT, columns=["valeu", "time"])
    with pytest.raises(ValueError, match="no column 'zzz'; it has 'device', 'value', 'time'"):
        encode_batches(measurements(1, 1), MEASUREMENT, columns=["value", "time"], by="zzz")
    with pytest.raises(ValueError, match="columns must name 2 columns, one for each hole, not 1"):
        encode_batches(measurements(1, 1), MEASUREMENT, columns=["value"])
    with pytest.raises(TypeError, match="columns must name the column of each hole"):
        encode_batches(measurements(1, 1), MEASUREMENT)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"limit": 0}, ValueError), ({"limit": 2**24}, ValueError), ({"memory": 0}, ValueError),
        ({"batch_bytes": 0}, ValueError), ({"topic": "s/ds"}, ValueError), ({"topic": "s/+"}, ValueError),
        ({"on_error": 1}, TypeError), ({"columns": "x"}, TypeError),
    ],
)  # fmt: skip
def test_a_wrong_option_is_refused(columns: Any, options: dict[str, Any], error: type) -> None:
    with pytest.raises(error):
        encode_batches(pyarrow.table({"x": [1]}), ANY, **({"columns": ["x"]} | options))


def test_values_that_cannot_be_sent_leave_the_others(columns: Any) -> None:
    column = pyarrow.array([1.0, float("nan"), None, float("inf"), 2.5])
    found, errors = errors_of(pyarrow.table({"x": column}), ANY, columns=["x"])
    assert found == {"s/us": [(b"9,1.0\n9,\n9,2.5", 3)]}
    assert errors == [(1, 1, "bad_value", "nan"), (3, 1, "bad_value", "inf")]
    strict = smartrest.compile(("9", str), on_trailing_backslash="error")
    table = pyarrow.table({"x": ["a,\\", "\\", "b"]})
    found, errors = errors_of(table, strict, columns=["x"])
    assert found == {"s/us": [(b"9,\\\n9,b", 2)]}
    assert errors == [(0, 1, "trailing_backslash", r"'a,\\'")]


def test_a_row_over_the_limit_by_itself_is_an_error(columns: Any) -> None:
    table = pyarrow.table({"x": ["a", "b" * 98, "c" * 99, ",", '"' * 60, "d"]})
    found, errors = errors_of(table, ANY, columns=["x"], limit=100)
    assert found == {"s/us": [(b"9,a", 1), (b"9," + b"b" * 98, 1), (b'9,","\n9,d', 2)]}
    text = "bytes, more than the limit of 100"
    assert errors == [(2, None, "too_large", f"101 {text}"), (4, None, "too_large", f"124 {text}")]


def test_the_limit_is_the_exact_budget_of_each_topic(columns: Any) -> None:
    devices = ["d", "d" * 100]
    budgets = [smartrest.payload_budget(f"s/us/{device}", qos=1) for device in devices]
    table = pyarrow.table(
        {"by": [*devices, *devices], "x": ["x" * (n - 2) for n in (*budgets, *[n + 1 for n in budgets])]}
    )
    found, errors = errors_of(table, ANY, columns=["x"], by="by")
    assert {topic: [len(payload) for payload, _ in rows] for topic, rows in found.items()} == dict(
        zip([f"s/us/{device}" for device in devices], [[n] for n in budgets], strict=True)
    )
    assert [error[:3] for error in errors] == [(2, None, "too_large"), (3, None, "too_large")]


def test_a_device_that_no_topic_can_hold_is_an_error(columns: Any) -> None:
    bad = ["a/b", "+", "x#", "", None, "a\nb", "\x7f", "\x85", "\ufdd0", "\U0001ffff", "x" * 17_000]
    devices = ["ok", *bad, "é", "x" * 60]
    for kind in (pyarrow.utf8(), pyarrow.string_view(), pyarrow.dictionary(pyarrow.int32(), pyarrow.utf8())):
        table = pyarrow.table({"by": pyarrow.array(devices).cast(kind), "x": list(range(len(devices)))})
        found, errors = errors_of(table, ANY, columns=["x"], by="by")
        assert found == {"s/us/ok": [(b"9,0", 1)], "s/us/é": [(b"9,12", 1)], f"s/us/{'x' * 60}": [(b"9,13", 1)]}
        assert [error[:3] for error in errors] == [(row, None, "bad_identifier") for row in range(1, 12)]
        assert [error[3] for error in errors[:5]] == ["'a/b'", "'+'", "'x#'", "no device", "no device"]


def test_an_empty_table_and_empty_chunks_are_fine(columns: Any) -> None:
    table = measurements(4, 2)
    assert drained(encode_batches(table.slice(0, 0), MEASUREMENT, columns=["value", "time"], by="device")) == {}
    assert drained(encode_batches([], MEASUREMENT, columns=["value", "time"])) == {}
    pieces = [table.slice(0, 0), table.slice(0, 1), table.slice(1, 0), table.slice(1), table.slice(4)]
    found = drained(encode_batches(pieces, MEASUREMENT, columns=["value", "time"], by="device"))
    assert found == drained(encode_batches(table, MEASUREMENT, columns=["value", "time"], by="device"))


def test_a_source_that_fails_has_given_the_rows_before(columns: Any) -> None:
    def source() -> Any:
        yield measurements(3, 1)
        raise RuntimeError("no more")

    batches = encode_batches(source(), MEASUREMENT, columns=["value", "time"], batch_bytes=1, limit=60)
    taken = []
    with pytest.raises(RuntimeError, match="no more"):
        for batch in batches:
            taken += batch.column("rows").to_pylist()
    assert taken == [1, 1, 1]


def test_little_memory_sends_payloads_early_and_loses_nothing(columns: Any) -> None:
    r = random.Random(1)
    devices = [f"d{r.randrange(3000)}" for _ in range(9000)]
    table = pyarrow.table({"by": devices, "x": list(range(9000))})
    pieces = [table.slice(at, 500) for at in range(0, 9000, 500)]
    batches = encode_batches(pieces, ANY, columns=["x"], by="by", memory=50_000, batch_bytes=10_000)
    found = drained(batches)
    assert batches.counts.evicted > 0
    expected: dict[str, list[int]] = {}
    for at, device in enumerate(devices):
        expected.setdefault(f"s/us/{device}", []).append(at)
    assert expected == {
        topic: [int(row[2:]) for payload, _ in payloads for row in payload.split(b"\n")]
        for topic, payloads in found.items()
    }


def test_a_static_template_takes_the_columns_of_its_parameters(columns: Any) -> None:
    table = pyarrow.table(
        {
            "value": [1.5, None], "fragment": ["c8y_T", "c8y_T"], "series": ["T", "T"], "other": [1, 2],
            "time": pyarrow.array([START, None]),
        }
    )  # fmt: skip
    found, errors = errors_of(table, "200")
    assert found == {"s/us": [(f"200,c8y_T,T,1.5,,{time_text(START)}".encode(), 1)]}
    assert errors == [(1, 3, "missing", "no value")]
    named = drained(encode_batches(table.slice(0, 1), "create_measurement", columns=["fragment", "series", "value"]))
    assert named == {"s/us": [(b"200,c8y_T,T,1.5", 1)]}
    with pytest.raises(ValueError, match="template 200 create_measurement needs a column 'series'"):
        encode_batches(table.drop(["series"]), "200")
    with pytest.raises(TypeError, match="column 'value' holds texts, but field 3 takes integers or floats or decimals"):
        encode_batches(table.set_column(0, "value", pyarrow.array(["1", "2"])), "200")


def test_a_group_is_taken_once_and_a_collection_has_templates(columns: Any) -> None:
    table = pyarrow.table({"name": ["a"], "version": ["1"], "url": ["u"]})
    assert drained(encode_batches(table, "116")) == {"s/us": [(b"116,a,1,u", 1)]}
    request = Collection("x").post_measurement("7", type="t", custom={"rpm": number("a.rpm")})["7"]
    rows = pyarrow.table({"time": pyarrow.array([START]), "rpm": [2.5]})
    assert drained(encode_batches(rows, request, topic="s/uc/x")) == {
        "s/uc/x": [(f"7,{time_text(START)},2.5".encode(), 1)]
    }


def test_engines_give_the_same_batches_of_errors(columns: Any) -> None:
    r = random.Random(3)
    table = random_table(r, 200, 5).table
    bad = pyarrow.array([r.choice((1.0, float("nan"))) for _ in range(200)])
    odd = pyarrow.array([r.choice(("a", "a/b", None, "b")) for _ in range(200)])
    table = table.append_column("bad", bad).append_column("odd", odd)
    encoder = smartrest.compile(("1", object, object))
    options: Any = {"columns": ["c0", "bad"], "by": "odd", "limit": 30}
    found = errors_of(table, encoder, **options)
    from smartrest.arrow import _engine

    _engine._chosen = reference
    try:
        assert errors_of(table, encoder, **options) == found
    finally:
        _engine._chosen = columns
