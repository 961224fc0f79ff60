"""The package where a process is more than one program: sub-interpreters, fork, reload, the end of the interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest
import support

pytestmark = pytest.mark.slow

WORK = """
import smartrest
assert smartrest.decode(b'1,"a,b"\\n2') == [("1", "a,b"), ("2",)]
assert smartrest.encode([("1", 1.5, None)]) == b"1,1.5,"
assert [row.fields for row in smartrest.scan("3,4")] == [("3", "4")]
"""


def run(code: str, *flags: str, engine: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SMARTREST_ENGINE", "PYTHON"))}
    if engine is not None:
        environment["SMARTREST_ENGINE"] = engine
    return subprocess.run(
        [sys.executable, *flags, "-c", textwrap.dedent(code)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def works(code: str, *flags: str, engine: str | None = None) -> str:
    done = run(code, *flags, engine=engine)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


@pytest.mark.parametrize("flags", [(), ("-X", "dev"), ("-OO",), ("-W", "error"), ("-X", "dev", "-OO", "-W", "error")])
def test_options_of_the_interpreter(flags: tuple[str, ...]) -> None:
    code = "import smartrest, smartrest.device, smartrest.templates, smartrest.mqtt" if support.HAS_CORE else ""
    works(f"{code}\n{WORK}\nfrom smartrest import pure\nassert pure.decode('1') == [('1',)]", *flags)


# ---- sub-interpreters ----------------------------------------------------------------------------------------------

# Runs the code in three interpreters at once, one thread each, after (or without) an import in the main one.
SEVERAL = """
import sys, threading
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

def create():
    if sys.version_info >= (3, 13):
        return interpreters.create("isolated" if {isolated} else "legacy")
    return interpreters.create(isolated={isolated})

def work(one):
    failed = interpreters.run_string(one, {code!r})
    if failed is not None:
        raise SystemExit(str(failed))

{before}
ones = [create() for _ in range(3)]
threads = [threading.Thread(target=work, args=(one,)) for one in ones]
for thread in threads: thread.start()
for thread in threads: thread.join()
for one in ones: interpreters.destroy(one)
{before}
"""
IN_ONE = f"""
import warnings
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    {WORK.strip().replace(chr(10), chr(10) + "    ")}
if smartrest.engine() == "pure":
    [warning] = seen
    assert "in one interpreter only" in str(warning.message), warning.message
    assert "run smartrest in the main interpreter" in str(warning.message), warning.message
"""
REFUSED = """
try:
    import smartrest
except ImportError as error:
    assert "in one interpreter only" in str(error), error
else:
    raise AssertionError("another engine ran than the one asked for")
"""
WITH_OWN_GIL = pytest.param(
    True, marks=pytest.mark.skipif(sys.version_info < (3, 12), reason="all interpreters share one GIL before 3.12")
)


@pytest.mark.skipif(not support.HAS_CORE, reason="smartrest.core is not built")
@pytest.mark.skipif(sys.implementation.name != "cpython", reason="only CPython has sub-interpreters")
@pytest.mark.parametrize("isolated", [False, WITH_OWN_GIL], ids=["shared GIL", "own GIL"])
class TestSubInterpreters:
    def test_the_main_one_has_the_core_and_others_say_why_not(self, isolated: bool) -> None:
        works(SEVERAL.format(isolated=isolated, code=IN_ONE, before=WORK))

    def test_the_core_is_never_replaced_where_it_is_asked_for(self, isolated: bool) -> None:
        works(SEVERAL.format(isolated=isolated, code=REFUSED, before=WORK), engine="core")

    def test_the_pure_engine_runs_in_all(self, isolated: bool) -> None:
        works(SEVERAL.format(isolated=isolated, code=WORK, before=""), engine="pure")


# ---- fork, reload, the end -----------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_fork() -> None:
    works(
        f"""
import os, threading
{WORK}
view, packer, encode = smartrest.scan("1,a\\n2,b"), smartrest.Packer(), smartrest.compile(("1", str))
packer.add(("1", "a"))
thread = threading.Thread(target=lambda: smartrest.decode("1," * 900))  # leaves memory of its own behind
thread.start()
thread.join()
child = os.fork()
if child == 0:
    {WORK.strip().replace(chr(10), chr(10) + "    ")}
    assert (view[1].fields, packer.flush(), encode("é")) == (("2", "b"), b"1,a", "1,é".encode())
    thread = threading.Thread(target=lambda: smartrest.decode("1," * 900))
    thread.start()
    thread.join()
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
{WORK}
"""
    )


def test_reload() -> None:
    """Twice: by `importlib.reload`, and by a fresh import of all. Objects made before still work."""
    works(
        f"""
import importlib, sys
{WORK}
view, encode = smartrest.scan("1,a"), smartrest.compile(("1", str))
importlib.reload(smartrest)
{WORK}
if "smartrest.core" in sys.modules:
    importlib.reload(sys.modules["smartrest.core"])
{WORK}
for name in [name for name in sys.modules if name.partition(".")[0] == "smartrest"]:
    del sys.modules[name]
{WORK}
assert (view[0].fields, encode("x")) == (("1", "a"), b"1,x")
"""
    )


@pytest.mark.parametrize("engine", ["pure", "core"] if support.HAS_CORE else ["pure"])
def test_live_objects_at_the_end(engine: str) -> None:
    """Views, iterators and packers that are still in use, some in cycles, and finalizers that read and write."""
    said = works(
        f"""
import atexit, threading, time
{WORK}
class Last:
    def __init__(self):
        self.me = self
        self.view = smartrest.scan("1,a\\n2,b")
        self.rows = iter(self.view)
        self.packing = smartrest.pack([("1", self)], on_error=lambda error: self)
        self.dispatcher = smartrest.Dispatcher()
        self.dispatcher.on("1")(self.handle)
        self.packer = smartrest.Packer()
        self.packer.add(("1", "a"))
        self.functions = smartrest.decode, smartrest.encode
    def handle(self, row):
        return row
    def __del__(self):
        decode, encode = self.functions
        assert self.dispatcher.dispatch(b"1,a") == [("1", "a")] == decode("1,a")
        assert next(self.rows).fields == ("1", "a")
        assert (encode([("1", "b")]), self.packer.flush()) == (b"1,b", b"1,a")
        print("last words")
held = [Last() for _ in range(3)]
atexit.register(smartrest.decode, b"1,2")
import builtins
builtins.kept = Last()
def forever():
    while True:
        smartrest.decode(smartrest.encode([("1", "a", 2.5)] * 50))
for _ in range(3):
    threading.Thread(target=forever, daemon=True).start()
time.sleep(0.2)
""",
        "-X",
        "dev",
        "-W",
        "error",
        engine=engine,
    )
    assert "last words" in said
