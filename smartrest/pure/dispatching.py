"""`Dispatcher` of this engine: finds the handler of each row by its template ID; `dispatch.py` runs the handlers."""

from __future__ import annotations

from .. import dispatch as shared
from ..errors import DecodeError
from .lazy import scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, NoReturn

    from typing_extensions import Buffer

    from ..dispatch import Call, H, Handler


class Dispatcher:
    """Calls a handler for each row of a payload by its template ID.

    A handler gets the row as `decode` returns it. Rows without a handler go to the default handler; without one they
    are skipped, and counted in `skipped`. IDs are text: `"511"` and `"0511"` differ. `strict=True` refuses payloads as
    `decode(strict=True)` does, for commands that must not run on a guess. A handler registered while a payload is
    dispatched takes effect with the next one.
    """

    __slots__ = ("__weakref__", "_coroutines", "_default", "_handlers", "_known", "_strict", "skipped")

    def __init__(self, *, strict: bool = False) -> None:
        if hasattr(self, "_handlers"):
            raise TypeError("a dispatcher cannot be initialized twice")
        self._handlers: dict[str, Handler] = {}
        self._known: dict[str, Handler] = {}  # a copy, fixed while a payload is dispatched
        self._coroutines: list[Handler] = []
        self._default: Handler | None = None
        self._strict = bool(strict)
        self.skipped = 0

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle a dispatcher: register its handlers again")

    def on(self, *ids: str) -> Callable[[H], H]:
        """A decorator that registers a handler for the rows of these template IDs and returns it unchanged.

        Raises `TypeError` for an ID that is not a `str`, `ValueError` for one that already has a handler.
        """
        return shared.register(self._handlers, self._coroutines, ids)

    def default(self, handler: H) -> H:
        """Registers the handler for all other rows, replacing an earlier one, and returns it unchanged."""
        shared.check_handler(handler)
        self._default = handler
        return handler

    def dispatch(self, payload: bytes | str | Buffer) -> list[Any]:
        """Calls the handlers and returns their results in row order.

        If a handler raises, or `decode` refuses the payload, the other rows still run before `DispatchError` is raised.
        Raises `TypeError` before anything runs if a handler is a coroutine function.
        """
        shared.refuse_coroutines(self._coroutines, self._default)
        return shared.run(*self._calls(payload))

    async def dispatch_async(self, payload: bytes | str | Buffer) -> list[Any]:
        """As `dispatch`, awaiting coroutine handlers one after another."""
        return await shared.dispatch_async(self, payload)

    def _calls(self, payload: bytes | str | Buffer) -> tuple[Iterator[Call], DecodeError | None]:
        rows, error = shared.rows_of(scan, payload, self._strict)
        if len(self._known) != len(self._handlers):
            self._known = dict(self._handlers)
        return shared.calls(self, rows, self._known, self._default), error
