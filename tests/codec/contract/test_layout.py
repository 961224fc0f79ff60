"""What the core makes and reads by the layout of `str` is what the documented functions make and read."""

from __future__ import annotations

import sys
import sysconfig
from typing import Any

import pytest
import support

LETTERS = ("x", "é", "Ω", "😀")  # one for each width of character, the first of them ASCII
LENGTHS = (*range(70), 127, 128, 129, 1000)


@pytest.mark.slow
def test_the_layout_is_used_where_it_is_known() -> None:
    """Else the fast way would be gone without a word. Debug and free-threaded builds never use it."""
    support.open_engine("core:scalar")
    keeps_books = hasattr(sys, "gettotalrefcount") or sysconfig.get_config_var("Py_GIL_DISABLED") == 1
    was = support.probes().object_layout(True)
    assert support.probes().object_layout(was) == (sys.version_info < (3, 15) and not keeps_books)


def test_texts_are_ordinary(core: Any, layout: bool) -> None:
    """They compare, hash, grow, slice, take up room and work as keys like any other."""
    for n in LENGTHS:
        wanted = ("".join(chr(97 + i % 26) for i in range(n)), "7" * n)
        for got, want in zip(core.decode_row(b"1," + ",".join(wanted).encode())[1:], wanted, strict=True):
            fresh = want.encode().decode()
            assert (got, hash(got), {want: n}[got], got.isascii()) == (want, hash(want), n, True)
            assert sys.getsizeof(got) == sys.getsizeof(fresh)
            assert (got + "!", got[1:], got.upper(), sys.intern(got)) == (want + "!", want[1:], want.upper(), want)
            assert got.encode("utf-16") == want.encode("utf-16")


def test_texts_that_keep_their_utf8_are_written_alike(core: Any, layout: bool) -> None:
    keep = pytest.importorskip("orjson").dumps  # leaves its UTF-8 in the str
    for letter in LETTERS:
        for n in LENGTHS:
            for text in (letter * n, f'"{letter * n}\\', f"{letter * n}, b", f" {letter * n}"):
                before = core.encode_row(("1", text))
                keep(text)
                assert core.encode_row(("1", text)) == before
                assert core.decode_row(before) == ("1", text)
