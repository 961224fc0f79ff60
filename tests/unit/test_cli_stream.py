"""Cutting a long payload (rule D10): the pieces read, fault by fault, as the whole payload does."""

from __future__ import annotations

import io
import itertools
import random
import tracemalloc
from collections.abc import Iterable
from typing import Any

import pytest
import support
import support_reader

from smartrest.cli.stream import CHUNK, InDoubt, Piece, pieces
from smartrest.errors import DecodeError

TOKENS = [
    *(b",", b'"', b"\\", b'\\"', b'""', b"\n", b"\r\n", b"\r", b" ", b"\t", b"a", b'"a"', b'"\n', b',"', b'",'),
    *(
        b'"b\\"c"',
        b'"b""c"',
        b',"b\\"c"\n',
        b',"b""c"\n',
        b',"c\\""\n',
        b',"c\\"\n',
        b"200,x\n",
        "é".encode(),
        b"\xef\xbb\xbf",
    ),
]


def cut(parts: Iterable[bytes], **options: int) -> list[Piece]:
    """The pieces of a payload that arrives in these parts."""
    waiting = iter([part for part in parts if part])
    return list(pieces(lambda _: next(waiting, b""), **options))


def joined(parts: Iterable[bytes]) -> tuple[Any, ...]:
    """What an independent reader makes of the pieces, in terms of the whole payload: rows, error, findings."""
    rows: list[tuple[str, ...]] = []
    error, findings = None, []
    for piece in cut(parts):
        answer = support_reader.read(piece.data)
        shift, before = piece.start - piece.lead, len(rows) - piece.lead_rows
        for reason, start, end, row, field in answer.findings:
            if start >= piece.lead:
                findings.append((reason, start + shift, end + shift, row + before, field))
        if answer.error:
            reason, position, row, field = answer.error
            error = (reason, position + shift, row + before, field)
        rows += answer.rows[piece.lead_rows :]
    return rows, error, findings


def whole(payload: bytes) -> tuple[Any, ...]:
    answer = support_reader.read(payload)
    return answer.rows, answer.error, answer.findings


@pytest.mark.parametrize(("alphabet", "length"), [(b',"\\\n', 6), (b',"\\\na', 5), (b'"\\\n \r', 5)])
def test_every_cut_of_every_short_payload(alphabet: bytes, length: int) -> None:
    cuts = 0
    for size in range(2, length + 1):
        for letters in itertools.product(alphabet, repeat=size):
            payload = bytes(letters)
            at = payload.find(b"\n") + 1
            if not 0 < at < size:
                continue
            expected = whole(payload)
            while 0 < at < size:
                assert joined([payload[:at], payload[at:]]) == expected, (payload, at)
                cuts += len(cut([payload[:at], payload[at:]])) > 1
                at = payload.find(b"\n", at) + 1
    assert cuts > 100


def test_random_cuts_of_longer_payloads() -> None:
    chance = random.Random(20)
    cuts = 0
    for _ in range(8000):
        weights = [chance.random() ** 2 for _ in TOKENS]
        payload = b"".join(chance.choices(TOKENS, weights, k=chance.randint(2, 30)))
        places = sorted(chance.choices(range(len(payload) + 1), k=chance.randint(1, 8)))
        parts = [payload[a:b] for a, b in itertools.pairwise([0, *places, len(payload)])]
        assert joined(parts) == whole(payload), parts
        cuts += len(cut(parts)) - 1
    assert cuts > 5000


@pytest.mark.parametrize("dialect", support.DIALECTS)
@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64, 1000])
def test_any_chunk_size_gives_what_decode_gives(engine: Any, dialect: str, chunk: int) -> None:
    values = ["a", "", 'say "hi"', "C:\\dir, x\\", "two\nlines", " é ", '"', "\\", "x,y", "20.5", "\ufeffz"]
    chance = random.Random(chunk)
    rows = [tuple(chance.choices(values, k=chance.randint(1, 4))) for _ in range(300)]
    payload = engine.encode(rows, dialect=dialect, limit=None)
    got = []
    for piece in pieces(io.BytesIO(payload).read, chunk=chunk):
        got += engine.decode(piece.data)[piece.lead_rows :]
    assert got == engine.decode(payload) == rows


def test_places_are_those_of_the_whole_payload() -> None:
    payload = b'\xef\xbb\xbf100,"a\\"b"\n' + b"200,x\r\n\n" * 50 + b'201,"open'
    parts = [payload[:40], payload[40:41], payload[41:]]
    assert joined(parts) == whole(payload)
    assert "".join(piece.data[piece.lead :].decode() for piece in cut(parts)).encode() == payload
    assert [piece.start for piece in cut(parts)] == [0, 38, 414]


def test_a_byte_order_mark_is_dropped_only_at_the_start(engine: Any) -> None:
    first, second = cut([b"\xef\xbb\xbf100,a\n", b"\xef\xbb\xbf200,b\n"])
    assert engine.decode(first.data) == [("100", "a")]
    assert engine.decode(second.data)[second.lead_rows :] == [("\ufeff200", "b")]


def test_what_came_before_decides_how_the_rest_is_read(engine: Any) -> None:
    """Alone, the second piece would be strict text of the doubling dialect."""
    first, second = cut([b'1,"a\\"b"\n', b'2,"c""d\\"\n'])
    assert engine.decode(first.data) == [("1", 'a"b')]
    with pytest.raises(DecodeError) as caught:
        engine.decode(second.data)
    assert (caught.value.reason, caught.value.position - second.lead + second.start) == ("unterminated_quote", 11)


def test_doubt_ends_where_all_but_one_reading_are_ruled_out() -> None:
    in_doubt = b'511,d,"a\\""\n511,d,b\n'  # an escaped quote, or a backslash and half of a doubled one
    assert len(cut([in_doubt, b"1,x\n", b"2,y\n"])) == 1
    assert [piece.start for piece in cut([in_doubt, b'1,"x"\n', b"2,y\n"])] == [0, 26]


@pytest.mark.parametrize(
    ("text", "position"),
    [(b'1,a\n502,c,"C:\\dir, x\\"\n', 10), (b'1,a\n2,b\n511,d,"never closed\n', 14), (b"1,a\n", 4)],
    ids=["backslash at the end", "open quote", "one long row"],
)
def test_doubt_beyond_the_limit_is_an_error(text: bytes, position: int) -> None:
    filler = b"3,some text" if text == b"1,a\n" else b"3,some text\n"
    with pytest.raises(InDoubt) as caught:
        cut([text] + [filler * 100] * 100, limit=50_000)
    assert caught.value.position == position
    assert len(cut([text] + [filler * 100] * 10, limit=50_000)[-1].data) > 10_000
    asked: list[int] = []
    with pytest.raises(InDoubt):
        list(pieces(lambda size: (asked.append(size), b"x" * size)[1], limit=2_000_000))
    assert sum(asked) == 2_000_001


@pytest.mark.parametrize(
    "row", [b"200,c8y_T,T,25.3\n", b'400,t,"a, \\"b\\" c"\n', b'511,d,"line\nline"\n', b'1,a"b' + b"x" * 60 + b"\r\n"]
)
def test_memory_does_not_grow_with_the_payload(row: bytes) -> None:
    total = 4 * 1024 * 1024
    left = total // len(row)

    def read(size: int) -> bytes:
        nonlocal left
        take = min(left, size // len(row))
        left -= take
        return row * take

    tracemalloc.start()
    try:
        size = sum(len(piece.data) - piece.lead for piece in pieces(read))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size == total // len(row) * len(row)
    assert peak < 8 * CHUNK


@pytest.mark.parametrize(
    "text",
    [
        b'"',
        b'"\n',
        b'",\n',
        b'",\\",\\"\n',
        b'\\"\n',
        b'"a"b\n',
        b'"a\n\n\n',
        b"\r\n",
        b'\r"\n',
        b",  ",
        b'a,"",',
        b'a"\n',
        b'""\n',
    ],
    ids=ascii,
)
def test_time_grows_with_the_length_alone(text: bytes) -> None:
    def spent(size: int) -> float:
        payload = text * (size // len(text)) + b"\n"
        return support.best_time(lambda: list(pieces(io.BytesIO(payload).read, chunk=size // 4)), 3)

    assert spent(128 * 1024) < 24 * spent(16 * 1024)
