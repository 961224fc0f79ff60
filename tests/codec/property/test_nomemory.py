"""Every allocation of every public call of the core fails once: it raises MemoryError or succeeds, and works after."""

from __future__ import annotations

import functools
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = r'''
import datetime, gc, sys, traceback
import _testcapi
import smartrest.core as core

engine = core.Engine(sys.argv[1])
GOOD = b'511,dev,"a, \\"b\\"",1.5\r\n500\n"x\\",y' + b'\n200,\xc3\xa9,"1"' * 40
LENIENT = b'1, "a""b\\"c"d ,e"f\n' * 9
rows = [("1", 'a"b', 1.5, None, True, 10**30, "\u20ac" * 70), ["2", "x" * 300]] * 5
now = datetime.datetime(2026, 3, 14, tzinfo=datetime.timezone.utc)
encoder = engine.compile(("1", 'a"', str, float, object))
schema = engine.Schema({"511": [str, str, float], "200": [str, (int,)], "3": [datetime.datetime, bool]})
dispatcher = engine.Dispatcher()
dispatcher.on("511", "200")(len)
view = engine.scan(GOOD)
raising = engine.Dispatcher()
raising.on("1")(int)   # TypeError
raising.default(lambda row: 1 / 0)
kept = {"a": "result"}
keeper = engine.Dispatcher()
@keeper.default
def keep(row):
    return kept
strict = engine.Dispatcher(strict=True)
strict.default(len)
DIVIDED = ("201", "t", "2026-01-01T00:00:00Z", *("f", "s", 1, "u") * 4)


class failing:
    """Rows, then an error. No generator: from CPython 3.12 on the error of one is lost where it finds no room."""

    def __init__(self):
        self.rows = iter(rows)

    def __iter__(self):
        return self

    def __next__(self):
        row = next(self.rows, None)
        if row is None:
            raise ValueError("mine")
        return row


def ended(packing):
    """The payloads, and what ended packing."""
    payloads = []
    try:
        payloads.extend(packing)
    except MemoryError:
        raise
    except (ValueError, TypeError) as error:
        payloads.append(type(error).__name__)
    return payloads


def parts(row):
    return row.fields, row.raw, row.id, row[-1], row[:2], list(row)


def packed(packer):
    return [*map(packer.add, rows), packer.rows, packer.size, packer.flush()]


calls = {
    "decode": lambda: engine.decode(GOOD),
    "decode lenient": lambda: engine.decode(LENIENT),
    "decode strict error": lambda: engine.decode(LENIENT, strict=True),
    "decode cut": lambda: engine.decode(GOOD + b',"cut'),
    "decode bad": lambda: engine.decode(GOOD + b"\xff"),
    "decode str": lambda: engine.decode("1,\u20ac\n2"),
    "decode surrogate": lambda: engine.decode("1,\ud800"),
    "decode buffer": lambda: engine.decode(bytearray(GOOD)),
    "decode too large": lambda: engine.decode(GOOD, limit=5),
    "decode_row": lambda: engine.decode_row(b'71,"a\\"b"'),
    "decode_row two": lambda: engine.decode_row(GOOD),
    "split": lambda: engine.split(GOOD),
    "scan": lambda: engine.scan(GOOD),
    "scan rows": lambda: list(map(parts, engine.scan(GOOD))),
    "lazy": lambda: (view[0].float(3), view[-1].int(2), len(view[1:3]), repr(view[0])),
    "lazy bad": lambda: view[0].float(1),
    "check": lambda: engine.check(LENIENT + GOOD),
    "check cut": lambda: engine.check(GOOD + b',"cut'),
    "unescape": lambda: engine.unescape('"a\\"b"'),
    "escape": lambda: engine.escape('a"b'),
    "escape int": lambda: engine.escape(10**50),
    "encode": lambda: engine.encode(rows),
    "encode double": lambda: engine.encode(rows, dialect="double", quote="all", final_newline=True),
    "encode values": lambda: engine.encode_row(("1", now, 2**70, 1e300, None, False)),
    "encode bad": lambda: engine.encode([("1", b"x")]),
    "encode surrogate": lambda: engine.encode([("1", "\ud800")]),
    "encode too large": lambda: engine.encode(rows, limit=20),
    "encode generator": lambda: engine.encode(tuple(row) for row in rows),
    "pack": lambda: list(engine.pack(rows, limit=700)),
    "pack bad": lambda: list(engine.pack([*rows, (), ("1", b"x")], limit=700, on_error=id)),
    "pack refused": lambda: ended(engine.pack([*rows, ("1", b"x")], limit=700)),
    "pack too large": lambda: ended(engine.pack(iter(rows), limit=20, final_newline=True)),
    "pack ended": lambda: ended(engine.pack(failing(), limit=700)),
    "pack divided": lambda: list(engine.pack([DIVIDED], limit=60, split_groups=True)),
    "packer": lambda: packed(engine.Packer(limit=700)),
    "packer bad": lambda: engine.Packer().add(("1", b"x")),
    "encoder pack count": lambda: ended(encoder.pack([("x", 1.5, 2), ("y",)])),
    "compile": lambda: engine.compile(("1", 'a"', str, float)),
    "encoder": lambda: encoder("x" * 200, 2.5, now),
    "encoder bad": lambda: encoder("x", "y", None),
    "encoder pack": lambda: list(encoder.pack([("x", 1.5, 2), ("y", 2, None)] * 9, limit=40)),
    "truncate": lambda: engine.truncate(("1", "\u20ac\"" * 99), limit=60),
    "schema": lambda: engine.Schema({"1": [int, (float,)]}),
    "schema decode": lambda: schema.decode(GOOD),
    "schema row": lambda: schema.decode_row(b"3,2026-03-14T09:26:53.5+01:00,true,x"),
    "schema bad": lambda: schema.decode(b"200,a,x"),
    "dispatch": lambda: dispatcher.dispatch(GOOD),
    "dispatch kept": lambda: keeper.dispatch(GOOD),
    "dispatch one kept": lambda: keeper.dispatch(b"1,a"),
    "dispatch cut": lambda: dispatcher.dispatch(GOOD + b'"'),
    "dispatch one raises": lambda: raising.dispatch(b"1,a"),
    "dispatch all raise": lambda: raising.dispatch(b'1,a\n2,"b"\n1'),
    "dispatch strict": lambda: strict.dispatch(LENIENT),
    "dispatch default": lambda: raising.dispatch(b"dm1,x"),
    "register": lambda: engine.Dispatcher().on("1", "dm2")(len),
    "view compared": lambda: (view[0] == view[1], view[0] in view, hash(view[0]), view.index(view[1]), sorted(view)[0]),
    "schema long": lambda: schema.decode(b"200,a," + b"9" * 400),
    "schema many bad": lambda: schema.decode(b"200,a,1\n" * 99 + b"200,a,x"),
    "encode one row": lambda: engine.encode(("1", "2")),
    "encode naive": lambda: engine.encode_row((datetime.datetime(2026, 1, 1),)),
    "truncate not": lambda: engine.truncate(("1", 5), limit=1),
    "check topic": lambda: engine.check(b"200,a\n201", topic="s/us"),
    "budget": lambda: engine.payload_budget("s/us", qos=1),
}


def answer(call):
    try:
        result = call()
    except MemoryError:
        raise
    except (ValueError, TypeError) as error:
        return type(error).__name__, getattr(error, "reason", ""), getattr(error, "rows", None)
    if isinstance(result, (core.LazyRows, core.Encoder, core.Schema)) or hasattr(result, "decode_row"):
        return type(result).__name__
    return result


def fail_each(name, call):
    """Let every allocation of the call fail: alone, then with all behind it."""
    print(name, end=": ", flush=True)
    expected = answer(call)
    failed = 0
    for persistent in (False, True):
        gc.collect()  # CPython 3.10 aborts where all its spare MemoryErrors wait for the collector
        quiet = 0
        for point in range(4_000):
            try:
                _testcapi.set_nomemory(point, 0 if persistent else point + 1)
                try:
                    got = answer(call)
                finally:
                    _testcapi.remove_mem_hooks()
            except MemoryError:
                failed += 1
                quiet = 0
                continue
            except SystemError as error:
                # CPython loses an error that leaves a Python frame whose frame object finds no room. It then names the
                # Python function that returned nothing; or it was the lambda, which is missing from the traceback.
                # Or it happened between two Python functions, which the core has no part in.
                frames = traceback.extract_tb(error.__traceback__)
                names = [frame.name for frame in frames]
                in_python = frames[-1].filename.endswith(".py")
                if "<lambda>" in names and not in_python and not str(error).startswith("<function "):
                    raise
                failed += 1
                continue
            if name.startswith("dispatch") and got != expected and got[0] == "DispatchError":
                failed += 1  # the handler's own MemoryError is a failure of its row
                continue
            assert got == expected, (name, point, got, expected)
            quiet += 1  # a failure may be absorbed; many points without one are the end
            if quiet >= (3 if persistent else 40):
                break
        else:
            raise AssertionError((name, "has no end"))
    again = answer(call)
    assert again == expected, (name, "afterwards", again, expected)
    print(failed)
    return failed


# Python code of these makes a function or a generator, or lets a list grow.
MAKING = {"schema", "register", "check topic", "budget", "encode generator"}
GROWING = {"check", "check cut", "check topic", "dispatch cut"}
assert MAKING | GROWING <= set(calls)
wanted = [word in sys.argv[2:] for word in ("new function", "growing list")]
chosen = [name for name in calls if [name in MAKING, name in GROWING] == wanted]
references = sys.getrefcount(kept)
total = sum([fail_each(name, calls[name]) for name in chosen])
assert sys.getrefcount(kept) == references, "a result of a handler leaks"
print("points", total)
'''

# The same without smartrest, while each allocation fails once; and a list made by C code, as most calls do.
WITHOUT = {
    "new list": """
def call():
    return memoryview(bytes(43)).tolist()
""",
    "new function": """
def call():
    x = 1
    def inner(): return x
    return (lambda: x), inner, [y for y in (x for _ in range(2))]
""",
    "growing list": """
def call():
    for x in ([],) * 20:   # enough for the interpreter's quick way of doing it
        [].append((1, 2, x))
    return [(1, 2, x) for x in (3,)]
""",
}
FAILING = """
import _testcapi

for point in range(300):
    for stop in (0, point + 1):
        try:
            _testcapi.set_nomemory(point, stop)
            try:
                call()
            finally:
                _testcapi.remove_mem_hooks()
        except (MemoryError, SystemError):
            pass
        [[(n, 2, 3)] for n in range(150)]
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", *arguments], capture_output=True, text=True, timeout=240, check=False)


@functools.cache
def crashes_without_smartrest(what: str) -> bool:
    return run(WITHOUT[what] + FAILING).returncode < 0


@pytest.mark.parametrize(
    "python_code", [(), ("new function",), ("growing list",), ("new function", "growing list")], ids=", ".join
)
def test_every_allocation_may_fail(core: Any, python_code: tuple[str, ...]) -> None:
    """`python_code`: what Python code of the calls makes."""
    pytest.importorskip("_testcapi", reason="this Python is built without its own test helpers")
    for what in ("new list", *python_code):
        if crashes_without_smartrest(what):
            pytest.skip(f"CPython {platform.python_version()} itself crashes where a {what} finds no memory")
    done = run(SCRIPT, core.engine().partition(":")[2], *python_code)
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    assert int(done.stdout.rpartition("points ")[2]) > (20 if python_code else 200)


@pytest.mark.parametrize("extension", ["core", "columns"])
def test_no_comprehension_that_frees_an_item_twice(repository: Path, tmp_path: Path, extension: str) -> None:
    """Cython 3.3.0 and 3.3.1 do so where the list of a comprehension or a starred display finds no room to grow."""
    compiling = pytest.importorskip("Cython.Compiler.Main", reason="Cython is a tool of development, not needed to run")
    source = repository / "smartrest" / f"{extension}.pyx"
    if not source.is_file():
        pytest.skip("the sources are not in this tree")
    made = tmp_path / f"{extension}.c"
    compiling.compile(str(source), compiling.CompilationOptions(output_file=str(made), language_level=3))
    text = made.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if "ListComp_AppendAndDecref(__pyx" in line] == []
