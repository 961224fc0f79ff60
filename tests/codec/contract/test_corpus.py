"""Real messages, where the corpus is available: each line is read and written as its keys say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import support_reader
from support import decode_failure


@pytest.fixture(scope="module")
def messages(corpus_path: Path) -> list[Any]:
    lines = corpus_path.read_text(encoding="utf-8").splitlines()  # JSON lines contain no line ends
    return [json.loads(line) for line in lines if line.strip()]


def test_there_are_messages(messages: Any) -> None:
    assert len(messages) > 400
    assert {type(message["payload"]) for message in messages} == {str}


def test_decode(engine: Any, messages: Any) -> None:
    for message in messages:
        for payload in (message["payload"], message["payload"].encode("utf-8")):
            if message["rows"] is None:
                assert decode_failure(engine, payload).reason == message["error"], message
                continue
            rows = [tuple(row) for row in message["rows"]]
            assert engine.decode(payload) == rows, message
            lazy = engine.scan(payload)
            assert [row.fields for row in lazy] == rows, message
            assert [row.raw for row in lazy] == engine.split(payload), message
            assert len(engine.split(payload)) == len(rows), message


def test_strict(engine: Any, messages: Any) -> None:
    for message in messages:
        if message["strict"]:
            assert engine.decode(message["payload"], strict=True) == [tuple(row) for row in message["rows"]], message
            assert engine.check(message["payload"]) == [], message
        else:
            error = decode_failure(engine, message["payload"], strict=True)
            assert engine.check(message["payload"])[0].start is not None
            assert error.reason in {finding.reason for finding in engine.check(message["payload"])}, message


def test_the_other_direction(engine: Any, messages: Any) -> None:
    for message in messages:
        if message["rows"] is None:
            continue
        rows = [tuple(row) for row in message["rows"]]
        for dialect in ("backslash", "double"):
            for quote in ("minimal", "all"):
                written = engine.encode(rows, dialect=dialect, quote=quote, limit=None)
                assert written == support_reader.write(rows, dialect, quote), message
                assert engine.decode(written) == rows, message
                assert engine.decode(written, strict=True) == rows, message


def test_the_independent_reader(messages: Any) -> None:
    for message in messages:
        answer = support_reader.read(message["payload"].encode("utf-8"))
        if message["rows"] is None:
            assert answer.error is not None
            assert answer.error[0] == message["error"]
        else:
            assert answer.rows == [tuple(row) for row in message["rows"]]
            assert (answer.strict is None) is message["strict"]
