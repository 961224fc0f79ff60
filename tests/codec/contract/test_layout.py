"""Relying on the layout of `str`, the core makes and reads what the documented functions do."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import support

LETTERS = ("x", "é", "Ω", "😀")  # one of each width, ASCII first
LENGTHS = (*range(70), 127, 128, 129, 1000)


def test_the_layout_is_used_where_it_is_known() -> None:
    """Otherwise the fast way could be lost unnoticed."""
    support.open_engine("core:scalar")
    core = support.probes()
    try:
        assert core.object_layout(True) == support.KNOWS_LAYOUT
    finally:
        core.object_layout(False)


def test_texts_are_ordinary(any_core: Any) -> None:
    """They compare, hash, grow, slice, use memory and work as keys like any other text."""
    for n in LENGTHS:
        wanted = ("".join(chr(97 + i % 26) for i in range(n)), "7" * n)
        for got, want in zip(any_core.decode_row(b"1," + ",".join(wanted).encode())[1:], wanted, strict=True):
            fresh = want.encode().decode()
            assert (got, hash(got), {want: n}[got], got.isascii()) == (want, hash(want), n, True)
            assert sys.getsizeof(got) == sys.getsizeof(fresh)
            assert (got + "!", got[1:], got.upper(), sys.intern(got)) == (want + "!", want[1:], want.upper(), want)
            assert got.encode("utf-16") == want.encode("utf-16")


def test_texts_that_keep_their_utf8_are_written_alike(any_core: Any) -> None:
    keep = pytest.importorskip("orjson").dumps  # it leaves UTF-8 in the str
    for letter in LETTERS:
        for n in LENGTHS:
            for text in (letter * n, f'"{letter * n}\\', f"{letter * n}, b", f" {letter * n}"):
                before = any_core.encode_row(("1", text))
                keep(text)
                assert any_core.encode_row(("1", text)) == before
                assert any_core.decode_row(before) == ("1", text)
