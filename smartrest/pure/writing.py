"""Writes rows (rules E1 to E7): values to text, text to fields, fields to rows. Never looks at more than one row.

`_values.py` says which values are accepted, and makes their text.
"""

from __future__ import annotations

from collections.abc import Sequence

from .._constants import CARRIAGE_RETURN, ESCAPE, QUOTE, ROW_END, SEPARATOR, TAB, WHITE_SPACE
from .._limits import DIALECTS, QUOTES, TRAILING_BACKSLASH, refuse_style
from .._values import row_refusal, text_of
from ..errors import encode_error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SPECIAL = frozenset((QUOTE, SEPARATOR, ROW_END, CARRIAGE_RETURN, TAB))  # anywhere in a field (E2); see needs_quotes


class Style:
    """Encode options of one field: the escaped form of a quote, whether to quote all or refuse a last backslash."""

    __slots__ = ("all", "quote", "refuse_backslash")

    def __init__(self, dialect: str, quote: str, on_trailing_backslash: str) -> None:
        self.quote = (ESCAPE if dialect == "backslash" else QUOTE) + QUOTE
        self.all = quote == "all"
        self.refuse_backslash = on_trailing_backslash == "error"


STYLES = {
    (dialect, quote, backslash): Style(dialect, quote, backslash)
    for dialect in DIALECTS
    for quote in QUOTES
    for backslash in TRAILING_BACKSLASH
}
DEFAULT = STYLES["backslash", "minimal", "allow"]


def style_of(dialect: str, quote: str, on_trailing_backslash: str) -> Style:
    """The style of these options. Raises `TypeError` or `ValueError` for an invalid option."""
    try:
        return STYLES[dialect, quote, on_trailing_backslash]
    except (KeyError, TypeError):
        refuse_style(dialect, quote, on_trailing_backslash)
        raise


def fields_of(row: Any, number: int | None) -> tuple[Any, ...]:
    """The fields of a row, copied if the row is mutable. Raises `EncodeError` (`bad_row`, `empty_row`)."""
    kind = type(row)
    fields: tuple[Any, ...]
    if kind is tuple:
        fields = row
    elif issubclass(kind, tuple):
        fields = tuple(tuple.__iter__(row))
    elif issubclass(kind, list):
        fields = tuple(list.__iter__(row))
    elif issubclass(kind, Sequence) and not issubclass(kind, str) and not _offers_buffer(row):
        fields = tuple(row)
    else:
        raise encode_error("bad_row", number, None, row_refusal(row))
    if not fields:
        raise encode_error("empty_row", number, None)
    return fields


def _offers_buffer(row: Any) -> bool:
    try:
        memoryview(row).release()
    except TypeError:
        return False
    except BufferError:
        return True
    return True


def write_row(row: Any, style: Style, number: int) -> bytes:
    """A row on the wire. Raises `EncodeError`."""
    texts: list[str] = []
    try:
        for value in fields_of(row, number):
            texts.append(value if type(value) is str else text_of(value, number, len(texts)))
    except BaseException:
        _write_texts(texts, style, number)  # a fault in an earlier field comes first
        raise
    if not style.all:
        line = SEPARATOR.join(texts)
        if _is_plain(line, len(texts)):
            return line.encode()
    return (SEPARATOR.join(_write_texts(texts, style, number)) or QUOTE + QUOTE).encode()  # E4


def _is_plain(line: str, fields: int) -> bool:
    """Whether surely no field of a joined row needs quotes; False if in doubt.

    A printable text has no surrogates, and no white space but U+0020.
    """
    return (
        line.isprintable()
        and QUOTE not in line
        and line.count(SEPARATOR) == fields - 1
        and (" " not in line or not (" ," in line or ", " in line or line[0] == " " or line[-1] == " "))
        and line != ""
    )


def write_field(value: Any, style: Style, number: int | None, field: int | None) -> str:
    """A field on the wire (E2, E3, E7). Raises `EncodeError`."""
    return write_text(text_of(value, number, field), style, number, field)


def _write_texts(texts: list[str], style: Style, number: int) -> list[str]:
    return [write_text(text, style, number, i) for i, text in enumerate(texts)]


def write_text(text: str, style: Style, number: int | None, field: int | None) -> str:
    """The text of a field on the wire."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise encode_error("lone_surrogate", number, field, excerpt(text)) from None
    if not (style.all or needs_quotes(text)):
        return text
    if style.refuse_backslash and text.endswith(ESCAPE):
        raise encode_error("trailing_backslash", number, field, excerpt(text))
    return QUOTE + text.replace(QUOTE, style.quote) + QUOTE


def needs_quotes(text: str) -> bool:
    """Rule E2."""
    if not text:
        return False
    if SEPARATOR in text or QUOTE in text or ROW_END in text or CARRIAGE_RETURN in text or TAB in text:
        return True
    return text[0] in WHITE_SPACE or text[-1] in WHITE_SPACE
