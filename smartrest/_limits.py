"""Checks the options of both engines' functions, and computes the room for a payload in a PUBLISH packet (L3).

Never sees a payload or a row.
"""

from __future__ import annotations

from operator import index

from ._constants import PACKET_LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, SupportsIndex

DIALECTS = ("backslash", "double")
QUOTES = ("minimal", "all")
TRAILING_BACKSLASH = ("allow", "error")

STRING_LIMIT = 65_535  # bytes of an MQTT string, such as a topic: its length is a 16-bit number (MQTT 3.1.1 §1.5.3)
MODES = ("s", "t", "q", "c")  # first levels of SmartREST topics
FROM_PLATFORM = (
    "ds",
    "dc",
    "dd",
    "dt",
    "dcr",
    "dat",
    "e",
    "ol",
    "dl",
)  # second levels that only the platform publishes to
# The bytes that encode a remaining length below each number.
VARINT_STEPS = ((128, 1), (16_384, 2), (2_097_152, 3), (268_435_456, 4))


def limit_of(limit: SupportsIndex | None) -> int | None:
    """`limit` as an int; `None` means unlimited. Raises `TypeError`, or `ValueError` if it is negative."""
    if limit is None or (type(limit) is int and limit >= 0):
        return limit
    if not hasattr(type(limit), "__index__"):
        raise TypeError(f"limit must be an int or None, not {type(limit).__name__}")
    number = index(limit)
    if number < 0:
        raise ValueError(f"limit must not be negative, not {number}")
    return number


def refuse_style(dialect: Any, quote: Any, on_trailing_backslash: Any) -> None:
    """Raises `TypeError` or `ValueError` for the first invalid encode option."""
    for name, value, words in (
        ("dialect", dialect, DIALECTS),
        ("quote", quote, QUOTES),
        ("on_trailing_backslash", on_trailing_backslash, TRAILING_BACKSLASH),
    ):
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a str, not {type(value).__name__}")
        if value not in words:
            raise ValueError(f"{name} must be {' or '.join(map(repr, words))}, not {value[:80]!a}")


def check_on_error(on_error: Any) -> None:
    """Raises `TypeError` unless `on_error` is a callable or `None`."""
    if on_error is not None and not callable(on_error):
        raise TypeError(f"on_error must be callable or None, not {type(on_error).__name__}")


def payload_budget(topic: str, *, qos: int = 0, packet_limit: int = PACKET_LIMIT) -> int:
    """The largest payload, in bytes, that fits in a PUBLISH packet to `topic`.

    `pack(rows, limit=payload_budget("s/us/m1", qos=1))` fills packets up to the platform's limit. Rule L3 of
    docs/format.md.

    Raises `ValueError` for an invalid topic (empty, a wildcard, U+0000, a lone surrogate, over 65,535 bytes) or one
    that only the platform publishes to (`s/ds`), for a `qos` other than 0, 1, 2, and if not even an empty payload fits.
    """
    room = packet_room(topic, qos=qos, packet_limit=packet_limit)
    mode, _, rest = topic.partition("/")
    if mode in MODES and rest.partition("/")[0] in FROM_PLATFORM:
        raise ValueError(f"a device cannot publish to topic {topic[:80]!a}: only the platform does")
    return room


def packet_room(topic: str, *, qos: int, packet_limit: int = PACKET_LIMIT) -> int:
    """`payload_budget` without the check of who publishes to the topic."""
    if not isinstance(topic, str):
        raise TypeError(f"topic must be a str, not {type(topic).__name__}")
    try:
        length = len(topic.encode())
    except UnicodeEncodeError:
        raise ValueError(f"topic {topic[:80]!a} holds a lone surrogate") from None
    if not topic or length > STRING_LIMIT or any(sign in topic for sign in "+#\0"):
        long = f"it has {length:,} bytes, and MQTT allows {STRING_LIMIT:,}" if length > STRING_LIMIT else ""
        why = long or ("it holds a wildcard or U+0000" if topic else "it is empty")
        raise ValueError(f"cannot publish to topic {topic[:80]!a}: {why}")
    if index(qos) not in (0, 1, 2):
        raise ValueError(f"qos must be 0, 1 or 2, not {qos}")
    header = 2 + length + (2 if index(qos) else 0)
    remaining = max(min(index(packet_limit) - 1 - width, below - 1) for below, width in VARINT_STEPS)
    if remaining < header:
        raise ValueError(
            f"a packet of {packet_limit} bytes has no room for a payload on topic {topic[:80]!a} of {length:,} bytes"
        )
    return remaining - header
