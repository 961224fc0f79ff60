"""The exceptions of the package: one base, one class each for reading and writing, the same attributes everywhere.

The errors of the codec carry a stable `reason` (a word of `_constants.STATUS`) and a place. Both engines build them
with `decode_error` and `encode_error`, and so agree on class, reason, position and message.
"""

from __future__ import annotations

from ._constants import EXCERPT, TEXTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

__all__ = [
    "DecodeError",
    "DispatchError",
    "EncodeError",
    "EngineWarning",
    "PayloadTooLargeError",
    "SmartRestError",
    "TemplateError",
]


class SmartRestError(ValueError):
    """Base of all errors of this package.

    `reason` is a stable word for programs. `position` is a byte offset in the payload, `row` and `field` count from 0;
    each is `None` where it does not apply.
    """

    def __init__(
        self,
        message: str = "",
        reason: str = "",
        *,
        position: int | None = None,
        row: int | None = None,
        field: int | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.position = position
        self.row = row
        self.field = field


class DecodeError(SmartRestError):
    """A payload that cannot be read. `rows` holds the whole rows before the error, as the call would return them.

    `rows` may be built on first access.
    """

    def __init__(
        self,
        message: str = "",
        reason: str = "",
        *,
        position: int | None = None,
        row: int | None = None,
        field: int | None = None,
        rows: Sequence[tuple[Any, ...]] | Callable[[], Sequence[tuple[Any, ...]]] = (),
    ) -> None:
        super().__init__(message, reason, position=position, row=row, field=field)
        self._rows = rows if callable(rows) else list(rows)

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        if callable(self._rows):
            self._rows = list(self._rows())
        return self._rows

    def __reduce__(self) -> Any:
        _ = self.rows  # the callable that builds them cannot be pickled
        return super().__reduce__()


class EncodeError(SmartRestError):
    """A row or a value that cannot be written: the caller's own fault."""


class PayloadTooLargeError(EncodeError):
    """Writing takes `size` bytes, more than `limit`; `row` is the first row over it."""

    limit: int | None = None
    size: int | None = None


class TemplateError(SmartRestError):
    """A row or a value that does not fit its template.

    `template` and `parameter` are names, `value` is the value given, `expected` describes one that fits.
    """

    def __init__(
        self,
        message: str = "",
        reason: str = "",
        *,
        position: int | None = None,
        row: int | None = None,
        field: int | None = None,
        template: str | None = None,
        parameter: str | None = None,
        value: object = None,
        expected: str | None = None,
    ) -> None:
        super().__init__(message, reason, position=position, row=row, field=field)
        self.template = template
        self.parameter = parameter
        self.value = value
        self.expected = expected


class DispatchError(SmartRestError):
    """Rows of a payload failed in dispatch; the others ran.

    `failures` holds a tuple (row index, the row or `None`, exception) for each failure, `results` the return values of
    the other handlers.
    """

    def __init__(
        self,
        message: str = "",
        reason: str = "",
        *,
        failures: Sequence[tuple[int, Any, Exception]] = (),
        results: Sequence[Any] = (),
    ) -> None:
        super().__init__(message, reason)
        self.failures = list(failures)
        self.results = list(results)


class EngineWarning(RuntimeWarning):
    """The pure engine runs as a fallback. Warned once, when the package is imported, with the reason."""


def excerpt(data: str | bytes, position: int = 0) -> str:
    """The input from `position` on, escaped for a log line, at most 80 characters long."""
    piece = data[position : position + EXCERPT]
    text = piece.decode("utf-8", "backslashreplace") if isinstance(piece, bytes) else piece
    shown = ascii(text)
    return shown if len(shown) <= EXCERPT else shown[: EXCERPT - 3] + "..."


def decode_error(
    reason: str,
    position: int,
    row: int | None,
    field: int | None,
    rows: Sequence[tuple[Any, ...]] | Callable[[], Sequence[tuple[Any, ...]]],
    payload: bytes,
) -> DecodeError:
    """The error of reading `payload`; the message quotes its bytes from `position` on."""
    where = f" at byte {position}"
    if row is not None:
        where += f", row {row}" if field is None else f", row {row}, field {field}"
    seen = f": {excerpt(payload, position)}" if position < len(payload) else ""
    return DecodeError(TEXTS[reason] + where + seen, reason, position=position, row=row, field=field, rows=rows)


def encode_error(reason: str, row: int | None, field: int | None, detail: str = "") -> EncodeError:
    """The error of writing field `field` of row `row`; `detail` names the type or quotes the value."""
    where = "" if row is None else f" in row {row}" if field is None else f" in row {row}, field {field}"
    return EncodeError(TEXTS[reason] + where + (f": {detail}" if detail else ""), reason, row=row, field=field)


def too_large_error(limit: int, row: int | None, size: int) -> PayloadTooLargeError:
    """The error of writing `size` bytes, more than `limit`; `row` is the first row over it."""
    where = f"{size} bytes" if row is None else f"{size} bytes with row {row}"
    advice = "`pack` spreads rows over payloads, `truncate` shortens a value"
    text = f"{TEXTS['too_large']} of {limit} bytes: {where}; {advice}"
    error = PayloadTooLargeError(text, "too_large", row=row)
    error.limit, error.size = limit, size
    return error
