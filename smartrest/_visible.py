"""Text of unknown origin for a terminal: nothing in it moves the cursor, changes colours or hides other text."""

from __future__ import annotations


def visible(text: str) -> str:
    """Text with every character that does not show itself replaced: control characters by their pictures."""
    if text.isprintable():
        return text
    return "".join(map(_shown, text))


def _shown(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else char.encode("unicode_escape").decode("ascii")
