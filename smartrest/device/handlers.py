"""The registry of operation handlers, and the meaning of their results. Runs nothing and sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from .operations import Operation, OperationTemplate

Handler = Callable[[Operation], Any]
H = TypeVar("H", bound=Handler)
PROFILES = ("527", "531")  # the platform sends both rows for one operation


class Handlers:
    """Handlers by template ID and by fragment; the template ID takes precedence."""

    def __init__(self, changed: Callable[[str, OperationTemplate | None], None], static: Sequence[str]) -> None:
        self._changed = changed  # called with a template ID and how to read its rows (`None`: not operations)
        self._static = frozenset(static)
        self._by_id: dict[str, Handler] = {}
        self._by_fragment: dict[str, Handler] = {}

    def operation(self, *fragments: str) -> Callable[[H], H]:
        _check_names(fragments, self._by_fragment, "fragment")

        def register(handler: H) -> H:
            self._by_fragment.update(dict.fromkeys(fragments, handler))
            return handler

        return register

    def on(self, *template_ids: str, fragment: str | None, id_field: int | None) -> Callable[[H], H]:
        _check_names(template_ids, self._by_id, "template ID")
        described = fragment is not None or id_field is not None
        if id_field is not None and id_field < 2:
            raise ValueError("id_field must be at least 2: field 0 is the template ID, field 1 the device ID")
        unknown = [name for name in template_ids if name not in self._static]
        if unknown and not described:
            raise ValueError(f"not a static template: {unknown[0]!r}. Give the fragment or id_field to answer by")

        def register(handler: H) -> H:
            for name in template_ids:
                self._by_id[name] = handler
                if described:
                    self._changed(name, OperationTemplate(fragment, id_field))
                elif name in PROFILES:
                    other = PROFILES[1 - PROFILES.index(name)]
                    self._changed(name, OperationTemplate("c8y_DeviceProfile"))
                    if other not in self._by_id:
                        self._changed(other, None)
            return handler

        return register

    def find(self, operation: Operation) -> Handler | None:
        return self._by_id.get(operation.template_id) or self._by_fragment.get(operation.fragment)

    @property
    def fragments(self) -> list[str]:
        return list(self._by_fragment)


def _check_names(names: Sequence[str], taken: dict[str, Handler], what: str) -> None:
    if not names:
        raise TypeError(f"give at least one {what}")
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{what} must be str, not {type(name).__name__}")
        if name in taken:
            raise ValueError(f"{what} {name!r} already has a handler")


def result_fields(result: object) -> tuple[Any, ...]:
    """The parameters of 503 for a handler's result: none, one, or several from a sequence."""
    if result is None:
        return ()
    if isinstance(result, Sequence) and not isinstance(result, (str, bytes, bytearray, memoryview)):
        return tuple(result)
    return (result,)


def failure_text(error: BaseException) -> str:
    """The reason in 502 for an exception from a handler."""
    try:
        return str(error) or type(error).__name__
    except Exception:  # the operation must be answered even if the exception's own `__str__` fails
        return type(error).__name__
