"""Finds the armoured blocks of a PEM text in one pass, ignoring text around them. Decodes nothing.

RFC 7468 allows text outside the blocks; `cryptography` decodes their content.
"""

from __future__ import annotations

from typing import NamedTuple

BEGIN = b"-----BEGIN "
END = b"-----END "
DASHES = b"-----"
LABEL_LIMIT = 64  # bytes; longer labels are not recognized


class Block(NamedTuple):
    """One block: its label (`"CERTIFICATE"`), its text with the armour, its byte span. `closed`: has its END line."""

    label: str
    text: bytes
    start: int
    end: int
    closed: bool


def find_blocks(data: bytes) -> tuple[list[Block], list[tuple[int, int]]]:
    """The blocks in order, and the spans of other text (except blank text)."""
    blocks: list[Block] = []
    strays: list[tuple[int, int]] = []
    position = 0
    while True:
        start = data.find(BEGIN, position)
        _note_stray(data, position, len(data) if start < 0 else start, strays)
        if start < 0:
            return blocks, strays
        after = start + len(BEGIN)
        dashes = data.find(DASHES, after, after + LABEL_LIMIT)
        label = data[after:dashes] if dashes >= 0 else b"?"
        following = data.find(BEGIN, after)
        limit = len(data) if following < 0 else following
        closing = END + label + DASHES
        found = data.find(closing, after, limit)
        end = limit if found < 0 else found + len(closing)
        blocks.append(Block(label.decode("ascii", "replace"), data[start:end], start, end, found >= 0))
        position = end


def _note_stray(data: bytes, start: int, end: int, strays: list[tuple[int, int]]) -> None:
    piece = data[start:end]
    inner = piece.strip()
    if inner:
        first = start + piece.index(inner)
        strays.append((first, first + len(inner)))
