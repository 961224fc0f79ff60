"""Wrong arguments: both engines raise the same class, and the same text where it is the project's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support import PURE, label

ROW = ("1", "a")
BAD_PAYLOADS = (None, 5, object(), ["1"], memoryview(b"1,2,3,4")[::2])
BAD_ROWS = (None, 5, "1", b"1", {"1"}, [], ())
BAD_LIMITS = (-1, "5", 2.5, b"1")
BAD_STYLES = (("dialect", "csv"), ("dialect", 5), ("quote", "none"), ("quote", None), ("on_trailing_backslash", "x"))
CALLS: list[tuple[str, Callable[[Any], Any]]] = []


def case(name: str, call: Callable[[Any], Any]) -> None:
    CALLS.append((name, call))


for bad in BAD_PAYLOADS:
    for function in ("decode", "decode_row", "scan", "split", "check", "unescape"):
        case(f"{function}-{label(bad)}", lambda e, f=function, b=bad: getattr(e, f)(b))
    case(f"schema-{label(bad)}", lambda e, b=bad: e.Schema({}).decode(b))
    case(f"dispatch-{label(bad)}", lambda e, b=bad: e.Dispatcher().dispatch(b))
for row in BAD_ROWS:
    for function in ("encode_row", "truncate", "compile"):
        case(f"{function}-{label(row)}", lambda e, f=function, r=row: getattr(e, f)(r))
    case(f"encode-{label(row)}", lambda e, r=row: e.encode([ROW, r]))
    case(f"pack-{label(row)}", lambda e, r=row: list(e.pack([ROW, r])))
    case(f"packer-{label(row)}", lambda e, r=row: e.Packer().add(r))
for limit in BAD_LIMITS:
    case(f"decode-limit-{limit!r}", lambda e, n=limit: e.decode(b"1", limit=n))
    case(f"packer-limit-{limit!r}", lambda e, n=limit: e.Packer(limit=n))
    for function in ("encode_row", "encode", "pack", "truncate", "compile"):
        argument = [ROW] if function in ("encode", "pack") else ROW
        case(f"{function}-limit-{limit!r}", lambda e, f=function, a=argument, n=limit: getattr(e, f)(a, limit=n))
for name, value in BAD_STYLES:
    case(f"escape-{name}-{value!r}", lambda e, n=name, v=value: e.escape("x", **{n: v}))
    case(f"encode-{name}-{value!r}", lambda e, n=name, v=value: e.encode([ROW], **{n: v}))
    case(f"packer-{name}-{value!r}", lambda e, n=name, v=value: e.Packer(**{n: v}))
for index in (2, -3, 10**30, -(10**30), "1", 1.5, None):
    case(f"row-{index!r}", lambda e, i=index: e.scan(b"1,a")[0][i])
    case(f"rows-{index!r}", lambda e, i=index: e.scan(b"1\n2")[i])
    case(f"float-{index!r}", lambda e, i=index: e.scan(b"1,2")[0].float(i))
    case(f"truncate-field-{index!r}", lambda e, i=index: e.truncate(ROW, i, limit=2))
for types in ({1: [int]}, {"1": int}, {"1": [bytes]}, {"1": [(int,), int]}, {"1": [()]}, 5):
    case(f"schema-{types!r}", lambda e, t=types: e.Schema(t))
for ids in ((1,), (None,), ("1", "1"), (b"1",)):
    case(f"on-{ids!r}", lambda e, i=ids: e.Dispatcher().on(*i))
case("on-no-handler", lambda e: e.Dispatcher().on("1")(5))
case("default-no-handler", lambda e: e.Dispatcher().default(5))
for values in ((), ("x", "y"), (5,), (2.5,)):
    case(f"encoder-{values!r}", lambda e, v=values: e.compile(("1", str))(*v))
    case(f"encoder-pack-{values!r}", lambda e, v=values: list(e.compile(("1", str)).pack([v])))
case("on_error", lambda e: e.pack([], on_error=5))
case("marker", lambda e: e.truncate(("1", "x" * 99), limit=9, marker=5))
case("not_one_row", lambda e: e.decode_row(b"1\n2"))
case("encode-no-rows", lambda e: e.encode(5))
case("pack-no-rows", lambda e: e.pack(5))


def failure(engine: Any, call: Callable[[Any], Any]) -> tuple[str, str]:
    with pytest.raises((TypeError, ValueError, IndexError, BufferError)) as caught:
        call(engine)
    return type(caught.value).__name__, str(caught.value)


@pytest.mark.parametrize(("name", "call"), CALLS, ids=[name for name, _ in CALLS])
def test_both_engines_say_the_same(core: Any, name: str, call: Callable[[Any], Any]) -> None:
    assert failure(core, call) == failure(PURE, call)
