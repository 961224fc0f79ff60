"""Shared by the tests: the engines, a comparable form of results and errors, a timer.

Engines are opened only here. If the requested engine cannot run, the test fails or is skipped with the reason; no other
engine takes its place.
"""

from __future__ import annotations

import datetime
import importlib
import importlib.util
import os
import platform
import re
import struct
import sys
import sysconfig
import time
import timeit
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from smartrest import errors, pure

PURE = pure
REQUIRED = os.environ.get("SMARTREST_EXT") == "require"
_X86 = platform.machine().lower() in ("x86_64", "amd64")
_ARM = platform.machine().lower() in ("aarch64", "arm64")
KERNELS = ("scalar", *(("sse2", "avx2", "avx512") if _X86 else ("neon",) if _ARM else ()))
VARIANTS = ("pure", *(f"core:{name}" for name in KERNELS))
CORE_VARIANTS = VARIANTS[1:]
PLAIN_VARIANTS = tuple(f"plain:{name}" for name in KERNELS)  # the core by documented functions alone
DIALECTS = ("backslash", "double")
QUOTES = ("minimal", "all")
UTC = datetime.timezone.utc
FREE_THREADED = sysconfig.get_config_var("Py_GIL_DISABLED") == 1
# PyPy's own types are written in Python, and call the methods that a subclass overrides.
not_pypy = pytest.mark.skipif(platform.python_implementation() == "PyPy", reason="PyPy calls overridden methods itself")
_KEEPS_BOOKS = hasattr(sys, "gettotalrefcount") or FREE_THREADED
KNOWS_LAYOUT = sys.version_info < (3, 15) and not _KEEPS_BOOKS  # of CPython's objects: src_c/objects/str_layout.h

HAS_CORE = importlib.util.find_spec("smartrest.core") is not None
core: Any = importlib.import_module("smartrest.core") if HAS_CORE else None  # a broken core is an error at once
if core is None:
    os.environ.setdefault("SMARTREST_ENGINE", "pure")  # so that programs started by tests do not warn


def kernels_here() -> dict[str, bool]:
    """Kernels compiled into the core, and whether this CPU has what each needs."""
    return dict(core.kernels()) if core is not None else {}


class OneKernel:
    """The functions of `smartrest.core` on one kernel, with the short entries for one argument."""

    def __init__(self, module: Any, kernel: str) -> None:
        self.module = module
        self._engine = module.Engine(kernel)
        self.decode, self.decode_row, self.encode_row, self.scan = module.quick(self._engine)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def probes() -> Any:
    """A second core, with functions for tests (tools/probes.py). It makes no use of the layout of objects."""
    path = Path(__file__).resolve().parent.parent / "tools" / "probes.py"
    spec = importlib.util.spec_from_file_location("probe_builder", path)
    assert spec is not None
    assert spec.loader is not None
    builder = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(builder)
    second = builder.load()
    second.object_layout(False)
    return second


def open_engine(variant: str) -> Any:
    """The engine of that name. If it cannot run, skips the test, or fails it if the core is required."""
    if variant == "pure":
        engine = pure
    elif core is None:
        if REQUIRED:
            pytest.fail(f"SMARTREST_EXT=require, but smartrest.core is not built: no {variant}", pytrace=False)
        pytest.skip("smartrest.core is not built")
    else:
        kind, _, kernel = variant.partition(":")
        if kernel not in kernels_here():
            missing = pytest.fail if REQUIRED else pytest.skip
            missing(f"smartrest.core was built without the kernel {kernel}")
        if not kernels_here()[kernel]:
            pytest.skip(f"this CPU lacks what the kernel {kernel} needs")
        engine = OneKernel(probes() if kind == "plain" else core, kernel)
    assert engine.engine() == variant.replace("plain", "core"), "not the requested engine"
    return engine


def label(value: object) -> str:
    """The name of a parameter in a test ID, the same in every process, so without addresses."""
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", ascii(value))


def terminal() -> tuple[int, int]:
    """Both ends of a pseudo terminal. Skips the test on systems without one, such as a root without /dev/pts."""
    try:
        return os.openpty()
    except (AttributeError, OSError) as error:
        pytest.skip(f"this system has no pseudo terminal: {error}")


def in_threads(work: Callable[[Any], object], arguments: Sequence[Any]) -> None:
    """Run `work` with each argument in its own thread, switching often; raises what one of them raises."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(len(arguments)) as pool:
            list(pool.map(work, arguments))
    finally:
        sys.setswitchinterval(interval)


def module_of(engine: Any) -> Any:
    """The module that holds the classes of an engine."""
    return pure if engine is pure else core


def plain(value: Any) -> Any:
    """A result in a form that can be compared across engines, including types."""
    if isinstance(value, (PURE.LazyRows, *((core.LazyRows,) if core else ()))):
        return ["lazy rows", [lazy(row) for row in value]]
    if isinstance(value, (PURE.LazyRow, *((core.LazyRow,) if core else ()))):
        return lazy(value)
    if isinstance(value, Iterator):
        return drained(value)
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, [plain(item) for item in value]]
    if isinstance(value, float):
        return ["float", struct.pack(">d", value)]
    if isinstance(value, datetime.datetime):
        return ["datetime", value.isoformat(), str(value.tzinfo)]
    return [type(value).__name__, value]


def drained(values: Iterator[Any]) -> list[Any]:
    """The items of an iterator, and the error that ends it."""
    got: list[Any] = []
    try:
        for value in values:
            got.append(plain(value))
    except errors.SmartRestError as error:
        return ["iterator", got, failure(error)]
    return ["iterator", got, None]


def lazy(row: Any) -> list[Any]:
    """The attributes of a LazyRow."""
    return ["lazy row", row.id, row.fields, row.raw, row.start, row.end, len(row)]


def failure(error: BaseException) -> list[Any]:
    """An error in a comparable form: our own by all attributes and message, others by class."""
    if not isinstance(error, errors.SmartRestError):
        return ["raised", type(error).__name__]
    shown = ["raised", type(error).__name__, error.reason, error.position, error.row, error.field, str(error)]
    if isinstance(error, errors.DecodeError):
        shown.append(plain(error.rows))
    if isinstance(error, errors.PayloadTooLargeError):
        shown.append(error.limit)
    if isinstance(error, errors.DispatchError):
        shown.append([(row, plain(got), failure(inner)) for row, got, inner in error.failures])
        shown.append(plain(error.results))
    return shown


def outcome(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """The result or error of a call, comparable across engines."""
    try:
        return plain(function(*args, **options))
    except (errors.SmartRestError, TypeError, ValueError, IndexError, BufferError) as error:
        return failure(error)


def decode_failure(engine: Any, payload: Any, call: str = "decode", /, **options: Any) -> errors.DecodeError:
    """The DecodeError that `engine.<call>(payload, …)` must raise, after checks that apply to all."""
    with pytest.raises(errors.DecodeError) as caught:
        getattr(engine, call)(payload, **options)
    error = caught.value
    assert type(error) is errors.DecodeError
    assert isinstance(error.rows, list)
    assert len(str(error)) <= 200
    assert str(error).isprintable()
    return error


def encode_failure(engine: Any, rows: Any, call: str = "encode", /, *args: Any, **options: Any) -> errors.EncodeError:
    """The EncodeError that `engine.<call>(rows, …)` must raise, after checks that apply to all."""
    with pytest.raises(errors.EncodeError) as caught:
        result = getattr(engine, call)(rows, *args, **options)
        if isinstance(result, Iterator):
            list(result)
    error = caught.value
    assert error.position is None
    assert len(str(error)) <= 200
    assert str(error).isprintable()
    return error


def where(error: errors.SmartRestError) -> tuple[str, int | None, int | None, int | None]:
    """Reason, position, row, field."""
    return error.reason, error.position, error.row, error.field


def best_time(function: Callable[[], object], rounds: int = 7) -> float:
    """The least processor time of this thread for one call, in seconds; other processes hardly affect it."""
    timer = timeit.Timer(function, timer=time.thread_time if sys.platform != "win32" else time.perf_counter)
    number = 1
    while (spent := timer.timeit(number)) < 0.002:
        number *= 2 if spent > 0.0005 else 4
    return min([spent, *timer.repeat(rounds, number)]) / number


def flat(rows: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Rows as `decode` gives them."""
    return [tuple(row) for row in rows]
