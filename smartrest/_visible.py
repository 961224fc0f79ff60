"""Makes untrusted text safe for a terminal: it cannot move the cursor, change colours or hide other text."""

from __future__ import annotations


def visible(text: str) -> str:
    """`text` with every unprintable character replaced: control characters by their pictures, others by escapes."""
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
