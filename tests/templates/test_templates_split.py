"""Rows that are too long: split into the fewest equivalent rows, or refused."""

from __future__ import annotations

import pickle
import random
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import smartrest
from smartrest.errors import EncodeError, PayloadTooLargeError, TemplateError
from smartrest.templates import split_groups, static

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
OPTIONS: dict[str, Any] = {"dialect": "backslash", "quote": "minimal", "final_newline": False}


def series(count: int, seed: int = 1) -> list[tuple[Any, ...]]:
    draw = random.Random(seed)
    units = ("C", "km/h", None, "m,s", '"')
    return [(f"c8y_{draw.randrange(99)}", f"s {n}", draw.uniform(-1e3, 1e3), draw.choice(units)) for n in range(count)]


def read_series(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [tuple(item) for row in rows for item in static["201"].parse(row)["series_values"]]


def fewest(sizes: list[int], room: int) -> int:
    """The least number of runs of neighbours with sizes of at most `room` in all, by dynamic programming."""
    best = [0]
    for end in range(1, len(sizes) + 1):
        used, found = 0, len(sizes) + 1
        for start in range(end - 1, -1, -1):
            used += sizes[start]
            if used > room:
                break
            found = min(found, best[start] + 1)
        best.append(found)
    return best[-1]


def test_two_thousand_series_in_the_fewest_payloads(engine: Any) -> None:
    limit = smartrest.payload_budget("s/us", qos=1)
    items = series(2000)
    row = static.create_measurements("acme_Pump", NOW, series_values=items)
    payloads = list(engine.pack([row], limit=limit, split_groups=True))
    assert all(len(payload) <= limit for payload in payloads)
    rows = [row for payload in payloads for row in engine.decode(payload)]
    assert len(rows) == len(payloads)
    assert read_series(rows) == items
    assert {row[:3] for row in rows} == {("201", "acme_Pump", "2026-01-02T03:04:05.000+00:00")}
    head = len(engine.encode_row(row[:3]))
    sizes = [len(engine.encode_row(("201", *item))) - 3 for item in items]
    assert len(payloads) == fewest(sizes, limit - head)


@pytest.mark.parametrize("seed", range(20))
def test_the_fewest_rows_for_every_limit(seed: int) -> None:
    draw = random.Random(seed)
    options = OPTIONS | {
        "dialect": draw.choice(["backslash", "double"]),
        "quote": draw.choice(["minimal", "all"]),
        "final_newline": draw.random() < 0.5,
    }
    items = series(40, seed)
    row = static.create_measurements("t", series_values=items)
    for limit in range(100, 400, 23):
        rows = split_groups(row, limit=limit, **options)
        written = [smartrest.encode_row(part, limit=None, **options) for part in rows]
        assert all(len(payload) <= limit for payload in written)
        assert read_series(rows) == items

        def size(part: list[Any], options: dict[str, Any] = options) -> int:
            return len(smartrest.encode_row(static.create_measurements("t", series_values=part), limit=None, **options))

        count = start = 0
        while start < len(items):  # greedy needs the fewest: a run that fits also fits without its first items
            end = start + 1
            while end < len(items) and size(items[start : end + 1]) <= limit:
                end += 1
            count, start = count + 1, end
        assert len(rows) == count


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize("variant", ["pure", "core"])
def test_rows_around_share_the_payloads(variant: str, seed: int) -> None:
    engine = smartrest.pure if variant == "pure" else pytest.importorskip("smartrest.core", reason="not built here")
    draw = random.Random(seed)
    options = OPTIONS | {"quote": draw.choice(["minimal", "all"]), "final_newline": draw.random() < 0.5}
    items = series(draw.randrange(20, 40), seed)
    before, after = [("500",)] * draw.randrange(20), [("125",)] * draw.randrange(20)
    limit = draw.randrange(110, 260)
    row = static.create_measurements("t", series_values=items)
    payloads = list(engine.pack([*before, row, *after], limit=limit, split_groups=True, **options))
    assert all(len(payload) <= limit for payload in payloads)
    rows = [row for payload in payloads for row in engine.decode(payload)]
    assert [row for row in rows if row[0] != "201"] == before + after
    assert read_series([row for row in rows if row[0] == "201"]) == items

    def size(start: int, end: int) -> int:
        """The size of a payload with these of all rows and items, in order."""
        first, last = len(before), len(before) + len(items)
        inner = items[max(start - first, 0) : max(end - first, 0)]
        middle = [static.create_measurements("t", series_values=inner)] if inner else []
        part = [*before[start:end], *middle, *after[max(start - last, 0) : max(end - last, 0)]]
        return len(smartrest.encode(part, limit=None, **options))

    total = len(before) + len(items) + len(after)
    count = start = 0
    while start < total:
        end = start + 1
        while end < total and size(start, end + 1) <= limit:
            end += 1
        count, start = count + 1, end
    assert len(payloads) == count


def test_rows_that_fit_are_not_touched() -> None:
    row = static.create_measurements("t", series_values=series(3))
    assert split_groups(row) == [row]
    assert split_groups(row, limit=None) == [row]
    assert split_groups(["116", "a", "", ""]) == [("116", "a", "", "")]
    assert split_groups(("dm100", "x")) == [("dm100", "x")]
    exact = len(smartrest.encode_row(row))
    assert split_groups(row, limit=exact) == [row]
    assert len(split_groups(row, limit=exact - 1)) == 2


def test_a_list_goes_on_as_an_addition() -> None:
    software = [(f"package-{n}", f"1.{n}", "apt", f"https://x.example/{n}") for n in range(40)]
    rows = split_groups(static.set_advanced_software_list(software), limit=200)
    assert [row[0] for row in rows] == ["140"] + ["141"] * (len(rows) - 1)
    assert [tuple(item) for row in rows for item in static[row[0]].parse(row)["software"]] == software
    assert len(rows) == 10


@pytest.mark.parametrize("template_id", ["107", "141", "142", "307", "407", "408"])
def test_additions_and_removals_go_on_as_themselves(template_id: str) -> None:
    template = static[template_id]
    group = template.groups[0]
    width = len(group.parameters)
    items = [tuple(f"{'x' * (n % 7)}{n}" for _ in range(width)) for n in range(50)]
    given = {parameter.name: f"{parameter.name}!" for parameter in template.single if parameter.type == "String"}
    row = template.build(**given, **{group.name: [item if width > 1 else item[0] for item in items]})
    rows = split_groups(row, limit=120)
    assert len(rows) > 2
    assert {part[: 1 + len(template.single)] for part in rows} == {row[: 1 + len(template.single)]}
    found = [item for part in rows for item in template.parse(part)[group.name]]
    assert [tuple(item) if width > 1 else (item,) for item in found] == items


LONG = ["x" * 30] * 10


@pytest.mark.parametrize(
    "row",
    [
        static.set_supported_operations(LONG),
        static.set_software_list([(text,) for text in LONG]),
        static.set_supported_logs(LONG),
        static.set_supported_configurations(LONG),
        static.set_supported_software_types(LONG),
        static.set_remote_access_protocols(LONG),
        static.set_operation_successful("f", LONG),
        static.set_operation_failed("f", "x" * 300),
        static.create_event("t", "x" * 300),
        static["528"].build(device_id="d", software=[(text,) for text in LONG]),
        ("201", "x" * 300, ""),
        ("dm100", "x" * 300),
    ],
    ids=lambda row: row[0],
)
def test_splits_that_change_the_meaning_are_refused(row: tuple[Any, ...]) -> None:
    with pytest.raises(TemplateError, match="cannot be divided") as caught:
        split_groups(row, limit=150)
    error = caught.value
    assert isinstance(error, PayloadTooLargeError)
    assert (error.reason, error.row, error.limit) == ("too_large", 0, 150)
    assert (error.template or "").startswith(row[0])
    assert pickle.loads(pickle.dumps(error)).limit == 150


def test_one_item_too_long_is_named() -> None:
    items = [("f", "s", 1), ("f", "s" * 200, 2), ("f", "s", 3)]
    with pytest.raises(TemplateError, match=r"series_values\[1\]") as caught:
        split_groups(static.create_measurements("t", series_values=items), limit=100)
    assert caught.value.parameter == "series_values[1]"


def test_a_group_that_is_cut_off_is_refused() -> None:
    row = ("201", "t", "", *["f", "s", "1", "u"] * 50, "f", "s")
    with pytest.raises(TemplateError) as caught:
        split_groups(row, limit=100)
    assert (caught.value.reason, caught.value.field) == ("bad_group", 203)
    rows = split_groups((*row, "1"), limit=100)
    assert read_series(rows)[-1] == ("f", "s", 1.0, None)


def test_values_that_cannot_be_sent_are_encode_errors() -> None:
    with pytest.raises(EncodeError) as caught:
        split_groups(("201", "t", None, *["f", "s", 1, b"u"] * 50), limit=100)
    assert (caught.value.reason, caught.value.field) == ("bad_type", 6)
    for wrong in ("201,t", None, 5):
        with pytest.raises(EncodeError):
            split_groups(wrong)  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(ValueError, match="limit"):
        split_groups(("500",), limit=-1)


def test_pack_reports_rows_that_cannot_be_split(engine: Any) -> None:
    long = static.set_software_list([("x" * 200,)])
    good = static.create_measurements("t", series_values=series(20))
    errors: list[EncodeError] = []
    payloads = list(engine.pack([good, long, ("500",)], limit=150, split_groups=True, on_error=errors.append))
    rows = [row for payload in payloads for row in engine.decode(payload)]
    assert len(read_series(rows[:-1])) == 20
    assert rows[-1] == ("500",)
    assert [(type(error).__mro__[1:3].count(TemplateError), error.row) for error in errors] == [(1, 1)]
    assert isinstance(errors[0], PayloadTooLargeError)
    assert "116 set_software_list" in str(errors[0])
    with pytest.raises(PayloadTooLargeError, match="116 set_software_list"):
        list(engine.pack([("500",), long], limit=150, split_groups=True))
    with pytest.raises(PayloadTooLargeError):
        list(engine.pack([good], limit=150))
    cut_off = ("201", "t", "", *["f", "s", "1", "u"] * 50, "f", "s")
    with pytest.raises(PayloadTooLargeError):
        list(engine.pack([cut_off], limit=150, split_groups=True))


@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), min_size=1, max_size=30),
    limit=st.integers(60, 300),
)
def test_any_texts_survive(texts: list[str], limit: int) -> None:
    row = static.clear_device_fragments(texts)
    try:
        rows = split_groups(row, limit=limit)
    except TemplateError:
        longest = max(len(smartrest.encode_row(("107", text), limit=None)) for text in texts)
        assert longest > limit
        return
    assert all(len(smartrest.encode_row(part)) <= limit for part in rows)
    assert [text for part in rows for text in part[1:]] == texts


def test_results_and_reasons_are_for_truncate() -> None:
    for row in (
        static.set_operation_failed("c8y_Command", 'line\n"' * 9000),
        static.set_operation_failed_by_id("123", "x" * 20_000),
        static.set_operation_successful("c8y_Command", ["y" * 20_000]),
        static.set_operation_successful_by_id("123", ["z" * 20_000]),
    ):
        payload = smartrest.encode_row(smartrest.truncate(row))
        assert 15_990 < len(payload) <= smartrest.PAYLOAD_LIMIT
        assert static[row[0]].parse(smartrest.decode_row(payload)).row[-1].endswith("…")
