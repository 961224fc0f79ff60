"""Times as values: the text of every zone and offset; hostile zones and subclasses do no harm."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import zoneinfo
from functools import lru_cache
from random import Random
from typing import Any

import pytest
from support import UTC, encode_failure, not_pypy, open_engine, where

from smartrest import EncodeError, SmartRestError

T = datetime.datetime
minutes = datetime.timedelta(minutes=1)
ZONES = (
    "UTC", "Etc/GMT+12", "Europe/Berlin", "Europe/Dublin", "Europe/Moscow", "America/New_York", "America/St_Johns",
    "America/Nuuk", "America/Sao_Paulo", "Africa/Casablanca", "Africa/Monrovia", "Asia/Kathmandu", "Asia/Kolkata",
    "Asia/Gaza", "Asia/Tehran", "Australia/Lord_Howe", "Antarctica/Troll", "Pacific/Apia", "Pacific/Chatham",
    "Pacific/Kiritimati",
)  # fmt: skip


def zone_of(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except zoneinfo.ZoneInfoNotFoundError:
        pytest.skip("this system has no time zone data, and the package tzdata is not installed")


def expected(moment: datetime.datetime) -> bytes | None:
    """The text of `isoformat`; `None` without an offset or for one with seconds."""
    offset = moment.utcoffset()
    if offset is None or offset % minutes:
        return None
    return moment.isoformat(timespec="milliseconds").encode()


def written(engine: Any, moment: Any) -> bytes | None:
    try:
        return bytes(engine.encode_row((moment,)))
    except EncodeError as error:
        assert where(error) == ("bad_value", None, 0, 0)
        return None


def any_time(r: Random, zone: datetime.tzinfo) -> datetime.datetime:
    day = T(1, 1, 1) + datetime.timedelta(r.choice((r.randrange(3_652_059), r.randrange(700_000, 760_000))))
    micros = datetime.timedelta(microseconds=r.choice((0, 1, 999, 1000, 999_999, r.randrange(86_400_000_000))))
    return (day + micros).replace(tzinfo=zone, fold=r.randrange(2))


def changes(zone: datetime.tzinfo, year: int) -> list[datetime.datetime]:
    """The seconds around each change of offset in a year, in both folds."""
    found = []
    at, end, step = T(year, 1, 1, tzinfo=UTC), T(year + 1, 1, 1, tzinfo=UTC), datetime.timedelta(hours=24)
    while at < end:
        if at.astimezone(zone).utcoffset() != (at + step).astimezone(zone).utcoffset():
            low, high = 0, int(step.total_seconds())
            while high - low > 1:
                middle = (low + high) // 2
                there = (at + datetime.timedelta(seconds=middle)).astimezone(zone)
                same = there.utcoffset() == at.astimezone(zone).utcoffset()
                low, high = (middle, high) if same else (low, middle)
            for seconds in (-7200, -3600, -1800, -1, 0, 1, 1799, 3599, 3600, 7200):
                wall = (at + datetime.timedelta(seconds=high + seconds)).astimezone(zone)
                found += [wall.replace(fold=0), wall.replace(fold=1)]
                gap = at.astimezone(zone).replace(tzinfo=None) + datetime.timedelta(seconds=high + seconds)
                found += [gap.replace(tzinfo=zone, fold=0), gap.replace(tzinfo=zone, fold=1)]
        at += step
    return found


@lru_cache
def moments_of(name: str) -> tuple[list[datetime.datetime], list[bytes | None]]:
    zone, r = zone_of(name), Random(name)
    moments = [any_time(r, zone) for _ in range(300)]
    for year in (1914, 1972, 1995, 2011, 2026, 2037, 2038, 2101):
        moments += changes(zone, year)
    return moments, [expected(moment) for moment in moments]


@pytest.mark.parametrize("name", ZONES)
def test_zones_by_name(engine: Any, name: str) -> None:
    moments, texts = moments_of(name)
    assert [written(engine, moment) for moment in moments] == texts
    rows = [(200, moment, "x", moment) for moment, text in zip(moments, texts, strict=True) if text]
    lines = [b"200,%b,x,%b" % (text, text) for text in texts if text]
    assert engine.encode(rows, limit=None) == b"\n".join(lines)
    assert b"\n".join(engine.pack(rows)) == b"\n".join(lines)


@pytest.mark.slow
def test_every_zone_of_this_system(engine: Any) -> None:
    for name in sorted(zoneinfo.available_timezones()):
        zone, r = zone_of(name), Random(name)
        moments = [any_time(r, zone) for _ in range(200)] + changes(zone, r.randrange(1900, 2110))
        assert [written(engine, moment) for moment in moments] == [expected(moment) for moment in moments], name


def test_every_fixed_offset(engine: Any) -> None:
    r = Random(1)
    for offset in range(-24 * 60 + 1, 24 * 60):
        named = (f"zone {offset}",) if offset % 2 else ()
        moment = any_time(r, datetime.timezone(offset * minutes, *named))
        assert engine.encode_row((moment,)) == moment.isoformat(timespec="milliseconds").encode()
    for offset in (datetime.timedelta(seconds=1), -datetime.timedelta(seconds=1), datetime.timedelta(microseconds=60)):
        assert written(engine, any_time(r, datetime.timezone(offset))) is None
        assert written(engine, any_time(r, datetime.timezone(5 * minutes - offset))) is None


def test_both_ends_of_the_calendar(engine: Any) -> None:
    for offset in (-1439, -60, 0, 60, 1439):
        zone = datetime.timezone(offset * minutes)
        for moment in (T.min.replace(tzinfo=zone), T.max.replace(tzinfo=zone)):
            assert engine.encode_row(("1", moment)) == b"1," + moment.isoformat(timespec="milliseconds").encode()
    for name in ("Europe/Berlin", "America/New_York", "UTC"):
        for end in (T.min, T.max):
            moment = end.replace(tzinfo=zone_of(name))
            assert written(engine, moment) == expected(moment)


def test_all_ways_to_write(engine: Any) -> None:
    moment = T(2026, 3, 14, 9, 26, 53, 589793, zone_of("Europe/Berlin"))
    text = b"2026-03-14T09:26:53.589+01:00"
    assert engine.escape(moment) == text.decode()
    assert engine.encode_row(("1", moment), quote="all") == b'"1","%b"' % text
    assert engine.encode_row(["1", moment], dialect="double", final_newline=True) == b"1,%b\n" % text
    assert engine.encode(iter([("1", moment), (moment,)])) == b"1,%b\n%b" % (text, text)
    assert engine.truncate(("1", moment, "long" * 9), limit=40) == ("1", moment, "longl…")
    encoder = engine.compile(("1", T, "x", T, object))
    assert encoder(moment, None, moment) == b"1,%b,x,,%b" % (text, text)
    assert list(encoder.pack([(moment, moment, 1)] * 2)) == [b"\n".join([b"1,%b,x,%b,1" % (text, text)] * 2)]
    assert engine.compile(("1", moment, int))(7) == b"1,%b,7" % text
    assert engine.compile((T,), quote="all")(moment) == b'"%b"' % text
    packer = engine.Packer()
    packer.add((moment, moment))
    assert packer.flush() == text + b"," + text
    row = (moment,) * 3_000  # far larger than the buffer
    assert engine.encode_row(row, limit=None) == b",".join([text] * 3_000)
    with pytest.raises(SmartRestError, match="limit of 29 bytes: 31 bytes"):
        engine.encode_row((1, moment), limit=29)
    assert engine.encode_row((1, moment), limit=31) == b"1," + text


def test_values_that_do_not_fit_a_hole_for_times(engine: Any) -> None:
    encoder = engine.compile(("1", T))
    for wrong in (1, "2026-03-14T09:26:53Z", datetime.date(2026, 3, 14), datetime.time(tzinfo=UTC), 1.0, True, UTC):
        with pytest.raises(EncodeError, match="in a hole for datetime"):
            encoder(wrong)


# -- zones written by the caller --------------------------------------------------------------------------------------


class OwnZone(datetime.tzinfo):
    """Returns the given answers in turn and records its arguments."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[Any] = []

    def utcoffset(self, moment: datetime.datetime | None) -> Any:
        self.asked.append(moment)
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, BaseException):
            raise answer
        return answer() if callable(answer) else answer

    def dst(self, moment: Any) -> Any:
        raise AssertionError("dst was called")

    def tzname(self, moment: Any) -> Any:
        raise AssertionError("tzname was called")

    def fromutc(self, moment: Any) -> Any:
        raise AssertionError("fromutc was called")


def test_a_zone_that_changes_its_mind_in_mid_row(engine: Any) -> None:
    """Asked once for each value, whichever values precede it."""
    zone = OwnZone(*[minutes * n for n in range(60, 70)])
    moment = T(2026, 3, 14, 9, 26, tzinfo=zone)
    assert engine.encode_row((1, moment.replace(tzinfo=UTC), moment, "x", moment)) == (
        b"1,2026-03-14T09:26:00.000+00:00,2026-03-14T09:26:00.000+01:00,x,2026-03-14T09:26:00.000+01:01"
    )
    assert len(zone.asked) == 2
    assert list(engine.pack([(moment,), (moment,)])) == [
        b"2026-03-14T09:26:00.000+01:02\n2026-03-14T09:26:00.000+01:03"
    ]
    assert engine.compile(("1", T))(moment) == b"1,2026-03-14T09:26:00.000+01:04"
    assert engine.escape(moment) == "2026-03-14T09:26:00.000+01:05"
    assert len(zone.asked) == 6


@pytest.mark.parametrize(
    "answer",
    [KeyError("mine"), ValueError(), RecursionError(), StopIteration(), 60, "01:00", T(2026, 3, 14), datetime.time,
     datetime.timedelta(days=1), datetime.timedelta(days=-1), datetime.timedelta.max, minutes / 7],
    ids=repr,
)  # fmt: skip
def test_a_zone_that_fails(engine: Any, answer: Any) -> None:
    zone = OwnZone(minutes, answer)
    moment = T(2026, 3, 14, 9, 26, tzinfo=zone)
    error = encode_failure(engine, [("0",), (1, moment, moment, moment)])
    assert where(error) == ("bad_value", None, 1, 2)
    assert len(zone.asked) == 2, "no zone is asked after the fault"
    assert (error.__cause__ is answer) == isinstance(answer, Exception)


def test_a_base_exception_of_a_zone_passes_through(engine: Any) -> None:
    for answer in (KeyboardInterrupt(), SystemExit(), MemoryError()):
        with pytest.raises(type(answer)):
            engine.encode_row((T(2026, 3, 14, tzinfo=OwnZone(answer)),))


def test_a_zone_that_changes_the_row(engine: Any) -> None:
    row: list[Any] = []

    def clear() -> datetime.timedelta:
        row.clear()
        return minutes

    row += ["1", T(2026, 3, 14, tzinfo=OwnZone(clear)), T(2026, 3, 15, tzinfo=UTC), "x" * 100]
    assert engine.encode_row(row) == (b"1,2026-03-14T00:00:00.000+00:01,2026-03-15T00:00:00.000+00:00," + b"x" * 100)
    assert row == []


def test_a_zone_that_encodes(engine: Any) -> None:
    inner = T(2026, 3, 14, tzinfo=datetime.timezone(minutes))

    def encode() -> datetime.timedelta:
        assert engine.encode_row((1, inner)) == b"1,2026-03-14T00:00:00.000+00:01"
        return minutes * 2

    zone = OwnZone(encode)
    moment = T(2026, 3, 14, tzinfo=zone)
    assert engine.encode_row((7, moment, 8)) == b"7,2026-03-14T00:00:00.000+00:02,8"
    assert engine.compile((7, T, 8))(moment) == b"7,2026-03-14T00:00:00.000+00:02,8"


def test_a_subclass_of_a_named_zone(engine: Any) -> None:
    zone_of("Europe/Berlin")

    class Mine(zoneinfo.ZoneInfo):
        def utcoffset(self, moment: Any) -> Any:
            return minutes * 7

    moment = T(2026, 3, 14, tzinfo=Mine("Europe/Berlin"))
    for _ in range(2):
        assert engine.encode_row((moment,)) == b"2026-03-14T00:00:00.000+00:07"
        assert engine.encode_row((moment.replace(tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),)).endswith(b"+01:00")


# -- subclasses count by their value ---------------------------------------------------------------------------------


def fail(*args: Any, **options: Any) -> Any:
    raise AssertionError("an override was called")


NAMES = (
    "year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo", "fold", "utcoffset", "dst", "tzname",
    "toordinal", "timetuple", "utctimetuple", "isoformat", "replace", "astimezone", "date", "time", "timetz",
    "timestamp", "strftime", "ctime", "weekday", "__str__", "__repr__", "__format__", "__eq__", "__hash__", "__sub__",
    "__add__", "__radd__", "__lt__", "__gt__", "__reduce__", "__reduce_ex__", "__getattribute__", "__getattr__",
)  # fmt: skip
VALUES = ("year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo", "fold")
Evil = type("Evil", (T,), {name: property(fail) if name in VALUES else fail for name in NAMES})


@not_pypy
@pytest.mark.parametrize("year", [1, 1970, 1972, 2026, 9999])
@pytest.mark.parametrize("zone", [UTC, datetime.timezone(330 * minutes), "Europe/Berlin", OwnZone(90 * minutes)])
def test_a_subclass_with_overridden_methods(engine: Any, zone: Any, year: int) -> None:
    zone = zone_of(zone) if isinstance(zone, str) else zone
    plain = T(year, 10, 25, 2, 30, 59, 999999, zone)
    for fold in (0, 1):
        evil = T.__new__(Evil, year, 10, 25, 2, 30, 59, 999999, zone, fold=fold)
        text = expected(plain.replace(fold=fold))
        assert written(engine, evil) == text
        assert written(engine, evil) == text
        if text:
            assert engine.compile(("1", T))(evil) == b"1," + text
            assert engine.encode([(1, "x", evil)]) == b"1,x," + text
    if isinstance(zone, OwnZone):
        assert {type(moment) for moment in zone.asked} == {T}, "a zone sees the value, not the subclass"


@not_pypy
def test_a_subclass_without_a_zone(engine: Any) -> None:
    error = encode_failure(engine, [("1", T.__new__(Evil, 2026, 3, 14))])
    assert where(error) == ("bad_value", None, 0, 1)
    assert "without time zone" in str(error)


FIRST = """
import sys
import smartrest
assert smartrest.encode_row((1, "x", 2.5)) == b"1,x,2.5"
assert "datetime" not in sys.modules or sys.flags.verbose
from decimal import Decimal
assert smartrest.encode_row((1, Decimal("2.50"))) == b"1,2.50"
import datetime
moment = datetime.datetime(2026, 3, 14, tzinfo=datetime.timezone.utc)
for _ in range(3):
    assert smartrest.encode_row((1, moment)) == b"1,2026-03-14T00:00:00.000+00:00"
    later = moment.astimezone(datetime.timezone(datetime.timedelta(hours=1)))
    assert smartrest.encode_row((1, later)) == b"1,2026-03-14T01:00:00.000+01:00"
import zoneinfo
for _ in range(3):
    try:
        zone = zoneinfo.ZoneInfo("Europe/Berlin")
    except zoneinfo.ZoneInfoNotFoundError:
        break
    assert smartrest.encode_row((1, moment.astimezone(zone))) == b"1,2026-03-14T01:00:00.000+01:00"
"""


@pytest.mark.parametrize("variant", ["core", "pure"])
def test_the_first_time_that_is_seen(variant: str) -> None:
    """The engine does not import datetime; it handles times once another module has."""
    if variant == "core":
        open_engine("core:scalar")
    environment = os.environ | {"SMARTREST_ENGINE": variant}
    command = [sys.executable, "-c", FIRST]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-1000:]
