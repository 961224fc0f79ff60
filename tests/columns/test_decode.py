"""Payloads to tables: every engine against `decode` and `Schema` row by row; errors in band, all rows counted."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import pytest
import support
from hypothesis import given
from hypothesis import strategies as st
from strategies import payloads as hostile_payloads
from support import PURE
from support_columns import open_columns, rows_of, using

import smartrest
from smartrest.arrow import Decoder, decode_batches, decode_table
from smartrest.errors import excerpt
from smartrest.pure.columns.abi import batch_of, shape_of
from smartrest.templates import Group as TemplateGroup
from smartrest.templates import Parameter, Template

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
TYPED = Template(
    "900",
    "typed",
    [
        Parameter("t"),
        Parameter("f", "Number"),
        Parameter("i", "Integer"),
        Parameter("b", "Boolean"),
        Parameter("d", "Date"),
    ],
)
LISTS = Template(
    "901",
    "lists",
    [
        Parameter("first"),
        TemplateGroup(
            "rest", (Parameter("name"), Parameter("value", "Number"), Parameter("at", "Date")), repeated=True
        ),
    ],
)
TYPES = {"900": [str, float, int, bool, datetime.datetime]}


def table_of(payloads: Sequence[bytes | None], format: str = "z", **columns: tuple[str, list[Any]]) -> Any:
    """A batch with these payloads and other columns (format, values), as any Arrow library would give it."""
    described = [("payload", format), *((name, kind) for name, (kind, _) in columns.items())]
    given = [payloads, *(values for _, values in columns.values())]
    return batch_of(shape_of(described), given, len(payloads))


def decoded(
    payloads: Sequence[bytes | None], template: Any, **options: Any
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Rows and errors; asserts the law of counts."""
    errors: list[tuple[Any, ...]] = []
    batches = decode_batches(
        table_of(payloads), template, on_error=lambda batch: errors.extend(rows_of(batch)), **options
    )
    rows = [row for batch in batches for row in rows_of(batch)]
    counts = batches.counts
    assert counts.rows_in == counts.rows_out + counts.errors + counts.skipped
    assert counts.errors == len(errors)
    if template is not None:
        assert counts.rows_out == len(rows)
    return rows, errors


def millis(value: Any) -> Any:
    return (value - EPOCH) // datetime.timedelta(milliseconds=1) if isinstance(value, datetime.datetime) else value


def expected(payloads: Sequence[bytes | None]) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Rows and errors of template 900 by `decode`, then `Schema` on each row alone."""
    schema = PURE.Schema(TYPES)
    rows, errors = [], []
    for index, payload in enumerate(payloads):
        if payload is None:
            continue
        fault = None
        try:
            found = PURE.decode(payload)
        except smartrest.DecodeError as error:
            found, fault = error.rows, error
        for number, row in enumerate(found):
            if row[0] != "900":
                continue
            try:
                values = schema.decode_row(PURE.encode_row(row))
                rows.append(tuple(millis(value) for value in (*values[1:6], *[None] * 5)[:5]))
            except smartrest.DecodeError as error:
                errors.append((index, number, error.field, "bad_value"))
        if fault is not None:
            errors.append((index, fault.row, fault.field, fault.reason))
    return rows, errors


@pytest.mark.parametrize("text", ["dictionary", "utf8", "view"])
def test_a_template_has_typed_columns(columns: Any, text: str) -> None:
    payloads = [
        b'900,a,1.5,-7,true,2026-01-01T00:00:00.123Z\n900,"x ""y""\n,z",1e3,0,false,1969-12-31t23:59:59.9999+01:00',
        b"\xef\xbb\xbf900,,,,,\r\n900\n\n900,a longer text than twelve bytes,5e-324,9223372036854775807",
        None,
        b"",
    ]
    rows, errors = decoded(payloads, TYPED, text=text)
    assert rows == [
        ("a", 1.5, -7, True, 1767225600123),
        ('x "y"\n,z', 1000.0, 0, False, -3600001),
        ("", None, None, None, None),
        (None, None, None, None, None),
        ("a longer text than twelve bytes", 5e-324, 2**63 - 1, None, None),
    ]
    assert errors == []
    assert (rows, []) == expected(payloads)


def test_one_bad_row_loses_no_other(columns: Any) -> None:
    payloads = [
        b"900,a,1\n900,b,x,y\n900,c,1,1.5\n900,d,1,9223372036854775808\n900,e,1,1,True\n900,f,1e999\n900,g,nan\n900,h",
        b'\xef\xbb\xbf900,i\n900,"j',
        b"900,k\n900,l,\xff\n900,m",
        b"900,n,1,2,true,2026-02-30T00:00:00Z\n900,o",
        b'900,p\n211,1\n900,"q"r,x',
    ]
    rows, errors = decoded(payloads, TYPED)
    assert [row[0] for row in rows] == ["a", "h", "i", "k", "o", "p"]
    assert [error[:5] for error in errors] == [
        (0, 1, 2, 14, "bad_value"),
        (0, 2, 3, 26, "bad_value"),
        (0, 3, 3, 38, "bad_value"),
        (0, 4, 4, 68, "bad_value"),
        (0, 5, 2, 79, "bad_value"),
        (0, 6, 2, 91, "bad_value"),
        (1, 1, 1, 13, "unterminated_quote"),
        (2, 1, 2, 12, "invalid_utf8"),
        (3, 0, 5, 15, "bad_value"),
        (4, 2, 2, 21, "bad_value"),
    ]
    assert errors[0][5] == excerpt(payloads[0], 14)
    assert errors[6][5] == "'\"j'"
    assert errors[7][5] == r"'\\xff\n900,m'"
    known = [(e[0], e[1], e[2], e[4]) for e in errors]
    known.remove((0, 3, 3, "bad_value"))  # Schema has room for any integer
    assert known == expected(payloads)[1]


def test_repeating_groups_are_lists(columns: Any) -> None:
    payloads = [
        b"901,x,a,1,2026-01-01T00:00:00Z,b\n901,y\n901\n901,z,c,\n901,bad,d,1,,e,x\n901,w,,2",
        b'901,v,"e""f",3,1970-01-01T00:00:00.001Z',
    ]
    rows, errors = decoded(payloads, LISTS)
    assert rows == [
        ("x", ["a", "b"], [1.0, None], [1767225600000, None]),
        ("y", [], [], []),
        (None, [], [], []),
        ("z", ["c"], [None], [None]),
        ("w", [""], [2.0], [None]),
        ("v", ['e"f'], [3.0], [1]),
    ]
    assert [error[:5] for error in errors] == [(0, 4, 6, 67, "bad_value")]


def test_without_a_template_every_row_is_a_list_of_texts(columns: Any) -> None:
    payloads = [b'511,a,"b,c"\n\ndm100', None, b'x,\n211,"', b"\xff"]
    rows, errors = decoded(payloads, None)
    assert rows == [
        (0, 0, "511", ["a", "b,c"], None),
        (0, 1, "dm100", [], None),
        (2, 0, "x", [""], None),
        (2, 1, None, [], "unterminated_quote"),
        (3, 0, None, [], "invalid_utf8"),
    ]
    assert [error[:5] for error in errors] == [
        (2, 1, 1, 7, "unterminated_quote"),
        (3, 0, 0, 0, "invalid_utf8"),
    ]


def test_templates_with_any_id(columns: Any) -> None:
    payloads = [b'dm100,a\n"dm100",b\ndm10,c\n"900",d\n 900,e\n0900,f\n900,g\n1024,h']
    assert [row[0] for row in decoded(payloads, Template("dm100", "d", [Parameter("t")]))[0]] == ["a", "b"]
    assert [row[0] for row in decoded(payloads, Template("1024", "d", [Parameter("t")]))[0]] == ["h"]
    assert [row[0] for row in decoded(payloads, TYPED)[0]] == ["d", "g"]


def test_columns_chosen(columns: Any) -> None:
    assert decoded([b"900,a,1,2\n900,b,x,3"], TYPED, columns=("i", "t")) == ([(2, "a"), (3, "b")], [])
    with pytest.raises(ValueError, match="no parameter 'z', only t, f, i, b, d"):
        decode_batches(table_of([]), TYPED, columns=["z"])
    with pytest.raises(ValueError, match="needs a template"):
        decode_batches(table_of([]), columns=["z"])


def test_columns_kept(columns: Any) -> None:
    payloads = [b"900,a\n900,b,x\n211,1\n900,c", None, b"900,d"]
    kept = {
        "topic": ("u", ["s/us/1", "", None]),
        "view": ("vu", ["a text longer than a view", "", "short"]),
        "number": ("i", [7, 8, None]),
        "flag": ("b", [True, None, False]),
        "null": ("n", [None] * 3),
    }
    batches = decode_batches(table_of(payloads, **kept), TYPED, columns=["t"], keep=tuple(kept))
    assert [row for batch in batches for row in rows_of(batch)] == [
        ("s/us/1", "a text longer than a view", 7, True, None, "a"),
        ("s/us/1", "a text longer than a view", 7, True, None, "b"),
        ("s/us/1", "a text longer than a view", 7, True, None, "c"),
        (None, "short", None, False, None, "d"),
    ]


def test_mistakes_in_the_call_are_named(columns: Any) -> None:
    source = table_of([b"900,a"], t=("u", ["x"]), number=("l", [1]))
    with pytest.raises(KeyError, match="no column 'body', only payload, t, number"):
        decode_batches(source, TYPED, payload="body")
    with pytest.raises(KeyError, match="no column 'topic' to keep"):
        decode_batches(source, TYPED, keep=["topic"])
    with pytest.raises(ValueError, match="the name of another: t, t"):
        decode_batches(source, TYPED, keep=["t"], columns=["t"])
    with pytest.raises(TypeError, match=r"'number' has Arrow type b'l'"):
        list(decode_batches(source, TYPED, payload="number"))
    with pytest.raises(ValueError, match="text='str': use dictionary, utf8, view"):
        decode_batches(source, TYPED, text="str")
    with pytest.raises(TypeError, match="not int"):
        decode_batches(source, 900)  # type: ignore[arg-type]  # refused
    with pytest.raises(KeyError, match="did you mean"):
        decode_batches(source, "create_measurment")
    with pytest.raises(ValueError, match="sections"):
        decode_batches(source, "527")
    with pytest.raises(ValueError, match="given twice"):
        Decoder(["200", "create_measurement"])


@pytest.mark.parametrize("format", ["u", "z", "vu"])
def test_payloads_in_any_layout(columns: Any, format: str) -> None:
    payloads = [b"900,short", None, b"900,and a longer one that a view does not hold"]
    batches = decode_batches(table_of(payloads, format), TYPED, columns=["t"])
    assert [row[0] for batch in batches for row in rows_of(batch)] == [
        "short",
        "and a longer one that a view does not hold",
    ]


def test_payloads_of_every_library(columns: Any) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    payloads = ["900,a", None, "900,a text that is longer than a view", "900,a", ""]
    types = [pyarrow.utf8(), pyarrow.large_utf8(), pyarrow.string_view(), pyarrow.binary(), pyarrow.large_binary()]
    for type in (
        *types,
        *(pyarrow.dictionary(getattr(pyarrow, index)(), pyarrow.utf8()) for index in ("int8", "uint32", "int64")),
    ):
        given = pyarrow.table({"p": pyarrow.array(["", *payloads], type)}).slice(1)
        table = decode_table(given, TYPED, payload="p", columns=["t"])
        assert table["t"].to_pylist() == ["a", "a text that is longer than a view", "a"]
        table.validate(full=True)


def test_payload_index_counts_over_the_whole_stream(columns: Any) -> None:
    errors: list[tuple[Any, ...]] = []
    source = [table_of([b"900,a", None]), table_of([]), table_of([b"900,b,x"] * 2)]
    batches = decode_batches(source, TYPED, on_error=lambda batch: errors.extend(rows_of(batch)))
    assert sum(len(rows_of(batch)) for batch in batches) == 1
    assert [error[0] for error in errors] == [2, 3]
    decoder = Decoder([TYPED])
    assert [rows_of(decoder.decode(part).errors)[0][0] for part in source[2:] * 2] == [0, 2]


def test_a_decoder_takes_many_templates(columns: Any) -> None:
    done = Decoder([TYPED, LISTS, "200"], keep=["topic"]).decode(
        table_of([b"900,a\n901,x,n,1\n211,1\n900,b,x", b"900,c"], topic=("u", ["s/us/1", "s/us/2"]))
    )
    assert (done.rows_in, done.rows_out, done.skipped) == (5, 3, 1)
    assert list(done.tables) == ["900", "901"]
    assert [row[:2] for row in rows_of(done.tables["900"])] == [("s/us/1", "a"), ("s/us/2", "c")]
    assert rows_of(done.tables["901"]) == [("s/us/1", "x", ["n"], [1.0], [None])]
    assert [error[:4] for error in rows_of(done.errors)] == [(0, 3, 2, 28)]


def test_an_empty_source(columns: Any) -> None:
    for source in (table_of([]), [], table_of([None])):
        batches = decode_batches(source, TYPED)
        assert list(batches) == []
        assert batches.counts.rows_in == 0
        assert batches.schema is not None


def test_offsets_out_of_range_are_refused(columns: Any) -> None:
    for offsets in ([0, 9, 5], [0, -1, 5], [3, 2, 5]):
        buffers = (None, memoryview(bytearray().join(n.to_bytes(4, "little", signed=True) for n in offsets)), b"900,a")
        source = columns.from_buffers([("payload", "z", 0, buffers)], 2)
        with pytest.raises(ValueError, match=r"an offset of column 'payload' is out of range in row [01]"):
            list(decode_batches(source, TYPED))


payload_lists = st.lists(
    st.one_of(
        hostile_payloads,
        st.lists(
            st.tuples(
                st.sampled_from(["900", "900", "901", "x", ""]),
                st.sampled_from(["a", "", "ä" * 20, '"q"', "b,c", "l\nf", " "]),
                st.sampled_from(["1.5", "", "-0", "1e400", "x", "5e-324", "0.1000000000000000055511151231257827"]),
                st.sampled_from(["1", "", "+7", "-9223372036854775808", "1.0"]),
                st.sampled_from(["true", "false", "", "True"]),
                st.sampled_from(
                    ["2026-01-01T10:00:00.123Z", "2026-01-01T10:00:00.12Z", "2026-13-01T00:00:00.000Z", ""]
                ),
            ),
            max_size=20,
        ).map(PURE.encode),
        st.none(),
    ),
    max_size=8,
)


@given(payload_lists)
def test_a_decoder_agrees_with_decode_and_schema(columns: Any, payloads: list[bytes | None]) -> None:
    rows, errors = decoded(payloads, TYPED)
    assert (rows, [(e[0], e[1], e[2], e[4]) for e in errors]) == expected(payloads)
    assert rows == decoded(payloads, TYPED, text="utf8")[0] == decoded(payloads, TYPED, text="view")[0]


@pytest.mark.parametrize("variant", support.CORE_VARIANTS)
@given(payloads=payload_lists)
def test_engines_agree(variant: str, payloads: list[bytes | None]) -> None:
    results = []
    for engine in (open_columns("pure"), open_columns(variant)):
        with using(engine):
            results.append([decoded(payloads, template) for template in (TYPED, LISTS, None)])
    assert results[0] == results[1]


def test_many_rows_and_long_texts(columns: Any) -> None:
    """Every array has to grow, some in the middle of a payload."""
    texts = [f"text {i} {'x' * (i % 50)}" for i in range(3000)]
    rows = [
        ("900", text, float(i), i, i % 2 == 0, EPOCH + datetime.timedelta(seconds=i)) for i, text in enumerate(texts)
    ]
    whole = PURE.encode(rows, limit=None)
    lists = PURE.encode([("901", "x", *[field for i in range(9) for field in ("n", i, "")])] * 500, limit=None)
    for text in ("dictionary", "utf8", "view"):
        found, errors = decoded([whole, b"900,x,y", lists, b"900," + b"z" * 100_000], TYPED, text=text)
        assert found[:3000] == [tuple(millis(value) for value in row[1:]) for row in rows]
        assert found[3000:] == [("z" * 100_000, None, None, None, None)]
        assert len(errors) == 1
    assert decoded([lists, whole], LISTS)[0] == [("x", ["n"] * 9, [float(i) for i in range(9)], [None] * 9)] * 500
