"""Template ID -> handler: the part of `Dispatcher` that both engines share. Each engine looks up the handlers itself.

Never reads a payload. An engine makes `calls`, one (row index, row, handler) for each row that has a handler, and
passes them to `run` or `run_async`, with the `DecodeError` that ended reading, if any.
"""

from __future__ import annotations

from _thread import RLock

from .errors import DecodeError, DispatchError, SmartRestError, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Protocol, TypeVar

    class Dispatcher(Protocol):
        """The members that the dispatchers of both engines have."""

        skipped: int

        def _calls(self, payload: Any) -> tuple[Iterable[Call], DecodeError | None]: ...

    Handler = Callable[[tuple[str, ...]], Any]
    H = TypeVar("H", bound=Handler)
    Call = tuple[int, tuple[str, ...], Handler]
    Failure = tuple[int, Any, Exception]

_REGISTERING = RLock()  # reentrant: a finalizer or signal handler may register a handler in the middle


def register(handlers: dict[str, Handler], coroutines: list[Handler], ids: tuple[str, ...]) -> Callable[[H], H]:
    """The decorator that registers a handler under each of `ids` in `handlers`, all of them or none.

    Coroutine handlers are also noted in `coroutines`. A subclass of `str` counts as its text.
    """
    for template_id in ids:
        if not isinstance(template_id, str):
            raise TypeError(f"template ID must be a str, not {type(template_id).__name__}")
    texts = [str.__str__(template_id) for template_id in ids]
    _refuse_twice(handlers, texts)

    def add(handler: H) -> H:
        check_handler(handler)
        added = dict.fromkeys(texts, handler)
        awaits = is_coroutine_handler(handler)
        _REGISTERING.acquire()
        try:  # not `with`: it keeps the lock if memory runs out in calling `__exit__`
            _refuse_twice(handlers, texts)
            if awaits and texts:
                coroutines.append(handler)
            handlers.update(added)
        finally:
            _REGISTERING.release()
        return handler

    return add


def _refuse_twice(handlers: dict[str, Handler], texts: list[str]) -> None:
    seen: set[str] = set()
    for text in texts:
        if text in handlers or text in seen:
            raise ValueError(f"template ID {text!a:.80} is registered twice")
        seen.add(text)


def check_handler(handler: object) -> None:
    """Raises `TypeError` unless `handler` is callable."""
    if not callable(handler):
        raise TypeError(f"handler must be callable, not {type(handler).__name__}")


def is_coroutine_handler(handler: object) -> bool:
    """Whether calling `handler` returns a coroutine: an `async def`, also a method, in a `partial` or as `__call__`."""
    from functools import partial
    from inspect import iscoroutinefunction

    while isinstance(handler, partial):
        handler = handler.func
    call = type(handler).__call__ if callable(handler) else None
    return iscoroutinefunction(handler) or iscoroutinefunction(call)


def refuse_coroutines(coroutines: list[Handler], default: Handler | None) -> None:
    """Raises `TypeError` in `dispatch` if a registered handler needs `dispatch_async`."""
    for handler in (*coroutines, default):
        if handler is not None and is_coroutine_handler(handler):
            raise TypeError(f"{handler!a:.80} is a coroutine function: use dispatch_async")


def rows_of(read: Callable[..., Iterable[Any]], payload: Any, strict: bool) -> tuple[Iterable[Any], DecodeError | None]:
    """The rows of a payload, or those before an error and the error."""
    try:
        return read(payload, strict=strict), None
    except DecodeError as error:
        return error.rows, error


def calls(
    dispatcher: Dispatcher,
    rows: Iterable[Any],
    handlers: dict[str, Handler],
    default: Handler | None,
) -> Iterator[Call]:
    """The calls for `rows`, one by one; counts a row without a handler in `skipped` as it passes it."""
    for number, row in enumerate(rows):
        handler = handlers.get(row[0], default)
        if handler is None:
            dispatcher.skipped += 1
        else:
            yield number, tuple(row), handler


async def dispatch_async(dispatcher: Dispatcher, payload: Any) -> list[Any]:
    """As `dispatch`, awaiting coroutine handlers one after another."""
    return await run_async(*dispatcher._calls(payload))


def run(calls: Iterable[Call], error: DecodeError | None) -> list[Any]:
    """The handlers' results in row order. Raises `DispatchError` after all have run, if some failed."""
    results: list[Any] = []
    failures: list[Failure] = []
    for number, row, handler in calls:
        try:
            results.append(handler(row))
        except Exception as failure:  # noqa: PERF203 — a failing handler must not stop the other rows
            failures.append((number, row, failure))
    return finish(results, failures, error)


async def run_async(calls: Iterable[Call], error: DecodeError | None) -> list[Any]:
    """`run`, awaiting each coroutine before calling the next handler."""
    from collections.abc import Coroutine

    results: list[Any] = []
    failures: list[Failure] = []
    for number, row, handler in calls:
        try:
            result = handler(row)
            if isinstance(result, Coroutine):
                result = await result
            results.append(result)
        except Exception as failure:  # noqa: PERF203 — as above
            failures.append((number, row, failure))
    return finish(results, failures, error)


def finish(results: list[Any], failures: list[Failure], error: DecodeError | None) -> list[Any]:
    """`results`, or raises a `DispatchError` of `failures` and of the `DecodeError`, which comes last."""
    if error is not None:
        failures.append((len(error.rows), None, error))
    if not failures:
        return results
    number, _, first = failures[0]
    more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
    try:
        said = str(first) if isinstance(first, SmartRestError) else excerpt(str(first))
    except Exception:  # an exception whose `str` fails must not hide the others
        said = "(no text)"
    text = f"row {number} failed{more}: {type(first).__name__}: {said}"
    raise DispatchError(text, "row_failed", failures=failures, results=results) from first
