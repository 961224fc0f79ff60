"""`check` without a topic: every fault, not only the first. Cases with spans: `tests/codec/cases/faults.md`."""

from __future__ import annotations

from typing import Any

import pytest

import smartrest
from smartrest import Finding
from smartrest._constants import PAYLOAD_LIMIT, TEXTS
from smartrest._findings import DOUBTS


def test_a_clean_payload_has_no_findings(engine: Any) -> None:
    for payload in (b"", b"500", b'\xef\xbb\xbf100,"a"\r\n\r\n101\n', "500,é"):
        assert engine.check(payload) == []


def test_findings_are_named_tuples_with_a_text(engine: Any) -> None:
    (finding,) = engine.check(b'500\n1,a"b')
    assert type(finding) is Finding
    assert finding == Finding("stray_quote", TEXTS["stray_quote"], 7, 8, 1, 1)
    assert finding._fields == ("reason", "text", "start", "end", "row", "field")


def test_findings_are_sorted_and_complete(engine: Any) -> None:
    found = engine.check(b'a"b, "c"\rd,"e\\"f","g""h","i""j"\r\n')
    assert [(f.reason, f.start, f.end, f.field) for f in found] == [
        ("stray_quote", 1, 2, 0),
        ("blank_outside_quotes", 4, 5, 1),
        ("text_after_quote", 8, 10, 1),
        ("mixed_escapes", 20, 22, 3),
        ("mixed_escapes", 27, 29, 4),
    ]


def test_size_without_a_topic(engine: Any) -> None:
    assert engine.check(b"x" * PAYLOAD_LIMIT) == []
    (finding,) = engine.check(b"x" * (PAYLOAD_LIMIT + 5))
    assert finding == Finding("too_large", TEXTS["too_large"], PAYLOAD_LIMIT, PAYLOAD_LIMIT + 5, None, None)


def test_size_with_a_topic(engine: Any) -> None:
    budget = engine.payload_budget("s/us", qos=1)
    fits = b"400,t," + b"x" * (budget - 6)
    assert [f for f in engine.check(fits, topic="s/us") if f.reason == "too_large"] == []
    found = [f for f in engine.check(fits + b"y", topic="s/us") if f.reason == "too_large"]
    assert found == [Finding("too_large", TEXTS["too_large"], budget, budget + 1, None, None)]


def test_size_does_not_hide_faults(engine: Any) -> None:
    found = engine.check(b'a"b,' + b"x" * PAYLOAD_LIMIT + b',c"d')
    assert [f.reason for f in found] == ["stray_quote", "too_large", "stray_quote"]


def test_an_open_quote_spans_to_the_end(engine: Any) -> None:
    payload = b'1\n2,"a\nb,c'
    (finding,) = engine.check(payload)
    assert (finding.reason, finding.start, finding.end, finding.row, finding.field) == (
        "unterminated_quote",
        4,
        len(payload),
        1,
        1,
    )


def test_bad_utf8_and_the_faults_before_it(engine: Any) -> None:
    found = engine.check(b'a"b\n1,\xe2\x82x,c"d\xff')
    assert [(f.reason, f.start, f.end, f.row, f.field) for f in found] == [
        ("stray_quote", 1, 2, 0, 0),
        ("invalid_utf8", 6, 8, 1, 1),
    ]


def test_a_lone_surrogate(engine: Any) -> None:
    (finding,) = engine.check("é\ud800")
    assert (finding.reason, finding.start) == ("invalid_utf8", 2)


@pytest.mark.parametrize("payload", [5, None, ["500"], object()])
def test_wrong_types(engine: Any, payload: Any) -> None:
    with pytest.raises(TypeError):
        engine.check(payload)


def test_the_topic_is_text(engine: Any) -> None:
    with pytest.raises(TypeError):
        engine.check(b"500", topic=5)


def test_finding_is_public() -> None:
    assert smartrest.Finding is Finding


def test_spans_of_faults_of_a_topics_templates(engine: Any) -> None:
    """The row's if a value is missing, else that of the raw field with its quotes and blanks."""
    payload = '\ufeff500\r\n200,"é"\n\n401,51.2, "x" ,2\n'.encode()
    found = [(f.reason, f.start, f.end, f.row, f.field) for f in engine.check(payload, topic="s/us")]
    row, field = payload.index(b"200"), payload.index(b' "x"')
    assert found == [
        ("missing", row, row + 8, 1, None),
        ("missing", row, row + 8, 1, None),
        ("blank_outside_quotes", field, field + 1, 2, 2),
        ("bad_value", field, field + 5, 2, 2),
        ("blank_outside_quotes", field + 4, field + 5, 2, 2),
    ]


@pytest.mark.parametrize(
    ("payload", "doubts"),
    [
        (b"502,acme_Op, not implemented", [("blank_at_edge", 12, 28, 0, 2)]),
        (b"400,t,text \n\t500", [("blank_at_edge", 6, 11, 0, 2), ("blank_at_edge", 12, 16, 1, 0)]),
        (b'400,t," text "', []),
        (b'400,t,"C:\\, x\\",z', [("trailing_backslash", 6, 15, 0, 2)]),
        (b'400,t,"C:\\, x \\"', [("trailing_backslash", 6, 16, 0, 2)]),
        (b'400,t," \\"', [("trailing_backslash", 6, 10, 0, 2)]),
        (b"400,t,C:\\", []),
        (b"400,t, C:\\", [("blank_at_edge", 6, 10, 0, 2)]),
        (b"400,, ,x", [("blank_at_edge", 5, 6, 0, 2)]),
        ("400,t,\u00a0x".encode(), []),
        (b"\xef\xbb\xbf500, x", [("blank_at_edge", 7, 9, 0, 1)]),
    ],
)
def test_doubts_about_what_every_reading_accepts(
    engine: Any, payload: bytes, doubts: list[tuple[str, int, int, int, int]]
) -> None:
    found = [finding for finding in engine.check(payload, topic="s/us") if finding.reason in DOUBTS]
    assert [(f.reason, f.start, f.end, f.row, f.field) for f in found] == doubts
    assert engine.check(payload) == []
    assert engine.decode(payload, strict=True)
    assert all("quote" in f.text for f in found)
