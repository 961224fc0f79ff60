"""Checks identifiers against the rules of MQTT and the platform, for the whole package.

Never rewrites an identifier: raises `SmartRestError` (`bad_identifier`) for an invalid one.
"""

from __future__ import annotations

import re

from .._limits import STRING_LIMIT
from ..errors import SmartRestError, excerpt

WILDCARDS = "+#"
LEVEL = "/"
# Control characters and non-characters: MQTT 3.1.1 §1.5.3 lets a server close the connection on them, and servers do.
_LAST_OF_PLANES = "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
_HANGS_UP = re.compile(f"[\x01-\x1f\x7f-\x9f\ufdd0-\ufdef{_LAST_OF_PLANES}]")


def refuse(text: str, what: str, why: str) -> SmartRestError:
    return SmartRestError(f"{what} {excerpt(text)} {why}", "bad_identifier")


def check_string(text: str, what: str) -> str:
    """`text` if it is a valid MQTT string: no control or non-characters, no lone surrogates, at most 65,535 bytes."""
    if not isinstance(text, str):
        raise TypeError(f"{what} must be a str, not {type(text).__name__}")
    if not text:
        raise SmartRestError(f"{what} is empty", "bad_identifier")
    if "\0" in text:
        raise refuse(text, what, "holds U+0000, which MQTT forbids")
    found = _HANGS_UP.search(text)
    if found is not None:
        raise refuse(text, what, f"holds U+{ord(found[0]):04X}, on which MQTT servers close the connection")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise refuse(text, what, "holds a lone surrogate") from None
    if size > STRING_LIMIT:
        raise refuse(text, what, f"is {size} bytes long; MQTT allows {STRING_LIMIT}")
    return text


def check_level(text: str, what: str, *, colon: bool = True) -> str:
    """`text` if it is valid as one level of a topic; `colon=False` also refuses `:`, which divides a ClientId."""
    check_string(text, what)
    for character in LEVEL + WILDCARDS + ("" if colon else ":"):
        if character in text:
            why = ", which separates the parts of a ClientId" if character == ":" else ""
            raise refuse(text, what, f"must not hold {character!r}{why}")
    return text
