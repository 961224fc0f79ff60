"""Any table in, the same table out: reading and exporting Arrow batches, for each library that speaks of them."""

from __future__ import annotations

import datetime
import decimal
import gc
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from smartrest.arrow import Batches
from smartrest.arrow._batches import Counts
from smartrest.arrow._source import Source


def passed_through(source: Any) -> Batches:
    """The batches of a source, as this library exports them."""
    opened = Source(source)
    return Batches(opened.shape, opened, Counts())


MOMENT = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


@pytest.fixture(scope="module")
def table() -> Any:
    """A table of every type that has a place in payloads, with nulls."""
    pyarrow = pytest.importorskip("pyarrow")
    types = {
        "utf8": pyarrow.utf8(),
        "large_utf8": pyarrow.large_utf8(),
        "view": pyarrow.string_view(),
        "binary": pyarrow.binary(),
        "dictionary": pyarrow.dictionary(pyarrow.int8(), pyarrow.utf8()),
    }
    texts = ["", "x" * 40, None, "ä", '"' * 13]
    columns = {name: pyarrow.array(texts, type) for name, type in types.items()}
    numbers = [1, 2, None, 0, 127]
    for name in ("int8", "uint16", "int64", "uint64", "float16", "float32", "float64"):
        columns[name] = pyarrow.array(numbers, getattr(pyarrow, name)())
    for unit in ("s", "ms", "us", "ns"):
        columns[unit] = pyarrow.array([MOMENT, None, MOMENT, MOMENT, MOMENT], pyarrow.timestamp(unit, "Europe/Berlin"))
    for name in ("date32", "date64"):
        columns[name] = pyarrow.array([MOMENT.date(), None] * 2 + [None], getattr(pyarrow, name)())
    columns["naive"] = pyarrow.array(numbers, pyarrow.timestamp("s"))
    columns["bool"] = pyarrow.array([True, False, None, True, True])
    columns["decimal"] = pyarrow.array([decimal.Decimal(f"{n or 0}.25") for n in numbers], pyarrow.decimal128(9, 2))
    columns["null"] = pyarrow.nulls(5)
    columns["list"] = pyarrow.array([["a"], [], None, [None, "bc"], ["d"]], pyarrow.list_(pyarrow.utf8()))
    return pyarrow.table(columns, pyarrow.schema([(n, c.type) for n, c in columns.items()], {"key": "value"}))


def cut(table: Any, *lengths: int) -> Any:
    import pyarrow

    starts = itertools.accumulate(lengths, initial=0)
    return pyarrow.concat_tables([table.slice(start, n) for start, n in zip(starts, lengths, strict=False)])


@pytest.mark.parametrize("lengths", [(5,), (2, 0, 3), (1,) * 5, (0,)], ids=str)
def test_any_table_comes_back(columns: Any, table: Any, lengths: tuple[int, ...]) -> None:
    import pyarrow

    given = cut(table, *lengths)
    back = pyarrow.table(passed_through(given))
    back.validate(full=True)
    assert back.equals(given, check_metadata=True)
    assert pyarrow.Table.from_batches(list(passed_through(given)), given.schema).equals(given)


def test_a_slice_of_a_struct_has_the_offset_of_its_parent(columns: Any, table: Any) -> None:
    import pyarrow

    array = pyarrow.StructArray.from_arrays(table.combine_chunks().to_batches()[0].columns, table.column_names)
    back = pyarrow.record_batch(next(passed_through(array[2:4])))
    assert back.equals(table.slice(2, 2).combine_chunks().to_batches()[0])


def test_a_batch_outlives_its_source_and_all_others(columns: Any, table: Any) -> None:
    batches = list(passed_through(cut(table, 2, 3)))
    column = batches[1].column("utf8")
    del batches
    gc.collect()
    assert column.to_pylist() == [None, "ä", '"' * 13]


def test_polars_comes_back(columns: Any) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"t": ["a", "x" * 40, None], "n": [1, None, 3], "f": [0.5, 1.5, None]})
    frame = frame.with_columns(c=polars.col("t").cast(polars.Categorical), d=polars.lit(MOMENT))
    assert polars.DataFrame(passed_through(frame)).equals(frame)


def test_duckdb_comes_back(columns: Any) -> None:
    duckdb = pytest.importorskip("duckdb")
    source = duckdb.connect().sql("select i, 'x' || i as t, i * 0.5::double as f from range(5000) r(i)")
    batches = passed_through(source)  # noqa: F841 - DuckDB finds it by name
    assert duckdb.connect().sql("select sum(i), count(distinct t), sum(f) from batches").fetchall() == [
        (12497500, 5000, 6248750.0)
    ]


def test_pandas_comes_back(columns: Any) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"t": ["a", "b"], "n": [1, 2], "d": [pandas.Timestamp(MOMENT)] * 2})
    assert pandas.DataFrame.from_arrow(passed_through(frame)).equals(frame)


def test_nanoarrow_comes_back(columns: Any) -> None:
    nanoarrow = pytest.importorskip("nanoarrow")
    given = [nanoarrow.c_array(["a", None], nanoarrow.string()), nanoarrow.c_array([1, 2], nanoarrow.int32())]
    fields = {"t": nanoarrow.string(), "n": nanoarrow.int32()}
    array = nanoarrow.c_array_from_buffers(nanoarrow.struct(fields), 2, [None], children=given)
    assert nanoarrow.Array(passed_through(array)).to_pylist() == [{"t": "a", "n": 1}, {"t": None, "n": 2}]


def test_numpy_arrays_are_a_table(columns: Any) -> None:
    numpy = pytest.importorskip("numpy")
    pyarrow = pytest.importorskip("pyarrow")
    moments = numpy.array(["2026-01-01T00:00:00.5", "NaT"], "datetime64[ms]")
    given = {
        "n": numpy.array([1, 2], ">i2"),
        "f": numpy.arange(4, dtype="f4")[::2],
        "b": numpy.array([True, False]),
        "t": moments,
        "d": moments.astype("datetime64[D]"),
        "u": numpy.array(["ä", ""]),
        "o": numpy.array(["x", None], object),
    }
    back = pyarrow.table(passed_through(given))
    back.validate(full=True)
    assert back.to_pydict() == {
        "n": [1, 2],
        "f": [0.0, 2.0],
        "b": [True, False],
        "t": [datetime.datetime(2026, 1, 1, 0, 0, 0, 500000, datetime.timezone.utc), None],
        "d": [datetime.date(2026, 1, 1), None],
        "u": ["ä", ""],
        "o": ["x", None],
    }


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"a": [[1]]}, "'a' has 2 dimensions"),
        ({"a": [1], "b": [1, 2]}, "'b' has 2 rows"),
        ({"a": [1j]}, "'a' is an array of complex128"),
        ({"a": [...]}, "'a' holds ellipsis in row 0"),
        (7, "not int"),
        (b"211,1", "not bytes"),
        ([7], "not int"),
    ],
    ids=str,
)
def test_other_sources_are_refused(columns: Any, given: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        Source(given)


def test_a_producer_that_fails_ends_the_stream(columns: Any, table: Any) -> None:
    import pyarrow

    def batches() -> Iterator[Any]:
        yield from table.to_batches()
        raise RuntimeError("the disk is gone")

    source = Source(pyarrow.RecordBatchReader.from_batches(table.schema, batches()))
    assert next(source).num_rows == 5
    with pytest.raises(OSError, match="the disk is gone"):
        next(source)
    assert next(source, None) is None


def test_our_error_reaches_the_consumer_of_a_stream(columns: Any, table: Any) -> None:
    import pyarrow

    def batches() -> Iterator[Any]:
        yield from Source(table)
        raise RuntimeError("the disk is gone")

    reader = pyarrow.RecordBatchReader.from_stream(Batches(Source(table).shape, batches(), Counts()))
    assert reader.read_next_batch().num_rows == 5
    with pytest.raises(OSError, match="RuntimeError: the disk is gone"):
        reader.read_next_batch()


def test_a_capsule_is_read_once(columns: Any, table: Any) -> None:
    schema, array = table.to_batches()[0].__arrow_c_array__()
    assert columns.read_array(schema, array).num_rows == 5
    with pytest.raises(ValueError, match="read before"):
        columns.read_array(schema, array)
    stream = table.__arrow_c_stream__()
    list(columns.read_stream(stream))
    with pytest.raises(ValueError, match="read before"):
        columns.read_stream(stream)


def test_batches_of_other_columns_are_refused(columns: Any, table: Any) -> None:
    source = Source([table.select(["utf8"]), table.select(["view"])])
    assert next(source).num_rows == 5
    with pytest.raises(ValueError, match="a batch has the columns"):
        next(source)
