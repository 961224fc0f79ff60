"""The parser of `tests/codec/cases/*.md`. Their README.md explains the notation; change both together.

An unknown line is an error, so that no case gets lost by a typing mistake.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "cases"
SYMBOLS = {"⏎": b"\n", "␍": b"\r", "⇥": b"\t", "␠": b" ", "␀": b"\0", "∅": b""}
_MARK = re.compile("[" + "".join(SYMBOLS) + "]|⟨U\\+([0-9A-F]{4,6})⟩|⟨x([0-9A-F]{2})⟩")
_PLACE = re.compile(r"(\w+)(?: @(\d+))?(?: row (\d+))?(?: field (\d+))?")
_FINDING = re.compile(r"(\w+) (\d+)-(\d+)(?: row (\d+) field (\d+))?")
_WRITTEN = re.compile(r"(backslash|double)( all)?( newline)?")
_KEYS = (
    "in",
    "out",
    "error",
    "strict",
    "check",
    "split",
    "written",
    "row",
    "limit",
    "payload",
    "refused",
    "encode",
    "none",
)

Place = tuple[str, "int | None", "int | None", "int | None"]  # reason, position, row, field


@dataclass
class Case:
    """A case of reading (with `payload`) or of packing (with `rows` and `limit`)."""

    name: str
    payload: bytes = b""
    out: list[tuple[str, ...]] = field(default_factory=list)
    error: Place | None = None
    strict: Place | None = None
    check: list[tuple[str, int, int, int | None, int | None]] = field(default_factory=list)
    split: list[bytes] | None = None
    written: list[tuple[str, str, bool]] = field(default_factory=list)  # dialect, quote, final newline
    rows: list[tuple[str, ...]] = field(default_factory=list)
    limit: int | None = None
    payloads: list[bytes] = field(default_factory=list)
    refused: list[Place] = field(default_factory=list)
    encode: Place | None = None
    keys: set[str] = field(default_factory=set)


def to_bytes(text: str) -> bytes:
    """Convert a payload from its visible form."""

    def mark(match: re.Match[str]) -> str:
        if match[1]:
            return chr(int(match[1], 16))
        raw = bytes([int(match[2], 16)]) if match[2] else SYMBOLS[match[0]]
        return raw.decode("utf-8", "surrogateescape")

    return _MARK.sub(mark, text).encode("utf-8", "surrogateescape")


def to_row(text: str) -> tuple[str, ...]:
    """Convert a row from its visible form: fields separated by ` · `."""
    return tuple(to_bytes(part.strip(" ")).decode("utf-8") for part in f" {text} ".split(" · "))


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def _place(text: str) -> Place:
    match = _PLACE.fullmatch(text)
    assert match, f"not `reason @position row r field f`: {text}"
    return match[1], _number(match[2]), _number(match[3]), _number(match[4])


def _add(case: Case, key: str, text: str) -> None:
    case.keys.add(key)
    if key == "in":
        assert not case.payload, f"{case.name}: a second `in`"
        case.payload = to_bytes(text)
    elif key == "out":
        case.out.append(to_row(text))
    elif key in ("error", "strict", "encode"):
        setattr(case, key, _place(text))
    elif key == "check":
        match = _FINDING.fullmatch(text)
        assert match, f"{case.name}: not `reason start-end row r field f`: {text}"
        case.check.append((match[1], int(match[2]), int(match[3]), _number(match[4]), _number(match[5])))
    elif key == "split":
        case.split = [*(case.split or []), to_bytes(text)]
    elif key == "written":
        for part in text.split(", "):
            match = _WRITTEN.fullmatch(part)
            assert match, f"{case.name}: not a way to write: {part}"
            case.written.append((match[1], "all" if match[2] else "minimal", bool(match[3])))
    elif key == "row":
        case.rows.append(to_row(text))
    elif key == "limit":
        case.limit = int(text)
    elif key == "payload":
        case.payloads.append(to_bytes(text))
    elif key == "refused":
        case.refused.append(_place(text))


def parse(text: str, source: str) -> list[Case]:
    """The cases of one file, in order. A case is its lines indented by four blanks; the others are title and reason."""
    cases: list[Case] = []
    for line in text.splitlines():
        if line.startswith("## "):
            cases.append(Case(f"{source}: {line[3:]}"))
        elif line.startswith("    ") and cases:
            key, _, rest = line.strip(" ").partition(" ")
            assert key in _KEYS, f"{cases[-1].name}: unknown line {line!r}"
            _add(cases[-1], key, rest.strip(" "))
    for case in cases:
        packing = "limit" in case.keys
        assert packing != ("in" in case.keys), f"{case.name}: needs either `in` or `limit`"
        assert case.keys - ({"in"} if not packing else {"limit", "row"}), f"{case.name}: no result given"
        allowed = {"row", "limit", "payload", "refused", "encode", "none"} if packing else {*_KEYS[:7], "none"}
        assert not ("none" in case.keys and (case.out or case.payloads)), f"{case.name}: both no rows and some"
        assert case.keys <= allowed, f"{case.name}: {sorted(case.keys - allowed)} has no meaning here"
    names = [case.name for case in cases]
    assert len(set(names)) == len(names), f"{source}: two cases with the same name"
    return cases


def load() -> list[Case]:
    """All cases of all files."""
    files = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
    return [case for path in files for case in parse(path.read_text(encoding="utf-8"), path.stem)]
