"""Users who make objects of the engines' types by hand get an error or a working object, never a crash."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import pytest
import support

from smartrest import pure

MAKERS = {"LazyRows": "scan", "LazyRow": "scan", "Encoder": "compile"}  # types made by functions

PROGRAM = r'''
import copy, gc, pickle, sys
from smartrest import SmartRestError, core

FINE = (SmartRestError, TypeError, ValueError, AttributeError, IndexError, StopIteration, RecursionError, KeyError)
rows = core.scan(b'511,d,"a"\n510,d')
encoder = core.compile(("1", str, float))
dispatcher = core.Dispatcher()
dispatcher.on("1")(len)
dispatcher.dispatch(b"1,2")
samples = [core.Engine(), rows, rows[0], iter(rows), encoder, encoder.pack([]), core.pack([]), core.Packer(),
           core.Schema({"1": [int]}), dispatcher]
types = {type(sample) for sample in samples} | {value for value in vars(core).values() if isinstance(value, type)}
types = {cls for cls in types if cls.__module__ == "smartrest.core"}
types |= {base for cls in types for base in cls.__mro__ if base.__module__ == "smartrest.core"}
types |= {type(found) for found in gc.get_objects() if type(found).__module__ == "smartrest.core"}
ARGUMENTS = [(), (0,), (b"1,2",), ("1",), ((),), ([()],), ([("1", "x", 2.5)],), (None,), ("x", 2.5)]


def use(thing):
    """Everything that can be done with an object."""
    for name in dir(thing):
        if name in ("__class__", "__init_subclass__", "__subclasshook__", "__new__", "__dir__"):
            continue
        try:
            member = getattr(thing, name)
        except FINE:
            continue
        if not callable(member):
            continue
        for arguments in ARGUMENTS:
            try:
                result = member(*arguments)
            except FINE:
                continue
            if hasattr(result, "__next__"):
                try:
                    list(zip(result, range(3)))
                except FINE:
                    pass
    for call in (
        lambda: list(zip(thing, range(3))), lambda: thing("x", 2.5), lambda: thing(), lambda: thing[0],
        lambda: repr(thing), lambda: hash(thing), lambda: thing == thing, lambda: thing < thing, lambda: len(thing),
        lambda: next(thing), lambda: copy.copy(thing), lambda: copy.deepcopy(thing),
        lambda: pickle.loads(pickle.dumps(thing)),
    ):
        try:
            call()
        except FINE:
            pass


made = 0
for cls in sorted(types, key=str):
    print(cls.__name__, flush=True)
    for make in (lambda: cls(), lambda: cls.__new__(cls), lambda: cls.__new__(cls, "avx9"), lambda: cls({"1": [int]}),
                 lambda: cls({"1": [bytes]}), lambda: cls(("1", str)), lambda: cls(limit=-1),
                 lambda: type("Sub", (cls,), {})(), lambda: object.__new__(cls)):
        try:
            thing = make()
        except FINE:
            continue
        made += 1
        use(thing)
        for again in (
            lambda: thing.__init__(), lambda: thing.__init__({"1": [int]}), lambda: thing.__init__(limit=5),
            lambda: thing.__init__({"2": [float, float]}),
        ):
            try:
                again()
            except FINE:
                pass
        use(thing)
        del thing
for sample in samples:
    use(sample)
gc.collect()
print(len(types), made)
'''


def test_every_type_of_the_core_made_by_hand() -> None:
    support.open_engine("core:scalar")
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout[-500:]}\n{done.stderr[-2000:]}"
    types, made = map(int, done.stdout.split()[-2:])
    assert types >= 10
    assert made >= 10


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_types_made_by_functions_cannot_be_made_by_hand(engine: Any, name: str) -> None:
    cls = getattr(engine if engine is pure else support.core, name)
    with pytest.raises(TypeError, match=MAKERS[name]):
        cls()


def test_lazy_views_are_not_pickled(engine: Any) -> None:
    rows = engine.scan(b"1,2")
    for view, what in ((rows, "payload"), (rows[0], "fields")):
        for call in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match=f"cannot pickle a lazy view: pickle its {what}"):
                call(view)


def test_finished_objects_do_not_change(engine: Any) -> None:
    dispatcher, schema = engine.Dispatcher(), engine.Schema({"1": [int]})
    dispatcher.on("1")(len)
    with pytest.raises(TypeError, match="a dispatcher cannot be initialized twice"):
        dispatcher.__init__(strict=True)
    with pytest.raises(TypeError, match="a schema cannot be initialized twice"):
        schema.__init__({"1": [float]})
    assert (dispatcher.dispatch(b"1,2"), schema.decode(b"1,5")) == ([2], [("1", 5)])
    encoder = engine.compile(("1", str))
    with pytest.raises(AttributeError):
        encoder.row = ("2",)
    assert copy.copy(encoder)("x") == encoder("x") == b"1,x"


def test_a_dispatcher_is_neither_pickled_nor_copied(engine: Any) -> None:
    dispatcher = engine.Dispatcher()
    dispatcher.on("1")(len)
    for call in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot pickle a dispatcher"):
            call(dispatcher)


AGAIN = """
import sys
import smartrest.pure
old = smartrest.DecodeError
for name in [name for name in sys.modules if name.partition(".")[0] == "smartrest"]:
    del sys.modules[name]
import smartrest.pure
assert smartrest.DecodeError is not old
for module in (smartrest, smartrest.pure):
    for call in (
        lambda: module.decode(b'"'), lambda: module.encode([("1", b"x")]),
        lambda: module.encode_row(("x" * 9,), limit=3), lambda: module.Schema({"1": [int]}).decode(b"1,x"),
        lambda: module.scan(b"1,x")[0].int(1),
    ):
        try:
            call()
        except smartrest.SmartRestError:
            continue
        raise AssertionError("not refused")
    dispatcher = module.Dispatcher()
    try:
        dispatcher.dispatch(b'"')
    except smartrest.DispatchError as error:
        assert isinstance(error.failures[0][2], smartrest.DecodeError)
print(smartrest.engine())
"""


def test_after_a_fresh_import_errors_are_of_the_new_classes() -> None:
    done = subprocess.run([sys.executable, "-c", AGAIN], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
