"""The other contenders: what people write today, and the codecs they might pick instead.

JSON and MessagePack codecs get the same rows in their own format: they need no number or key work for that, so they
are a floor, not an alternative. Each peer is set up as its documentation advises: reused decoders and encoders, tuples
where it can make them, a csv dialect that is built once. The report names packages that are absent;
`pip install -e '.[bench]'` installs them all.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from csv import QUOTE_MINIMAL, get_dialect, reader, register_dialect, writer
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from io import StringIO
from pathlib import Path
from runpy import run_path
from types import ModuleType
from typing import Any

from .harness import Contender

PACKAGES = ("orjson", "ssrjson", "msgspec", "msgpack", "ormsgpack", "c8ydm", "numpy")
absent: dict[str, str] = {}


def find(name: str) -> ModuleType | None:
    try:
        return import_module(name)
    except ImportError as exc:
        absent[name] = str(exc)
        return None


def find_c8ydm() -> Any:
    """Return the message class of the vendor's Python agent, without the rest of the agent, which needs a device."""
    spec = importlib.util.find_spec("c8ydm")
    if spec is None or not spec.submodule_search_locations:
        absent["c8ydm"] = "no module of this name"
        return None
    path = Path(spec.submodule_search_locations[0]) / "framework" / "smartrest.py"
    return run_path(str(path))["SmartRESTMessage"]


orjson, ssrjson, msgspec, msgpack, ormsgpack, numpy = map(
    find, ("orjson", "ssrjson", "msgspec", "msgpack", "ormsgpack", "numpy")
)
SmartRESTMessage = find_c8ydm()

register_dialect("smartrest", escapechar="\\", lineterminator="\n", quoting=QUOTE_MINIMAL)
register_dialect("smartrest-writer", lineterminator="\n")
LINES: list[str] = []  # what the long-lived reader reads next
BUFFER = StringIO()  # what the long-lived writer writes to
CSV = {"reader": reader, "StringIO": StringIO, "dialect": get_dialect("smartrest")}
CSV_ONE = {"push": LINES.append, "row": reader(iter(LINES.pop, None), get_dialect("smartrest"))}
CSV_OUT = {"buffer": BUFFER, "writerows": writer(BUFFER, get_dialect("smartrest-writer")).writerows}
FORMATS = {width: ",".join(["%s"] * width) for width in range(1, 101)}

NAIVE_ROWS = "[line.split(',') for line in item.decode().split('\\n')]"
CSV_ROWS = "list(reader(StringIO(item.decode()), dialect))"
CSV_ROW = "push(item.decode()); next(row)"  # one reader for all messages
CSV_ROW_VALUE = "[push(item.decode()), next(row)][1]"
JOIN = "'\\n'.join([','.join(row) for row in item]).encode()"
FORMAT = "'\\n'.join([formats[len(row)] % row for row in item]).encode()"
CSV_WRITE = "buffer.seek(0); buffer.truncate(); writerows(item); buffer.getvalue().encode()"
C8YDM = "'\\n'.join([Message('s/us', row[0], row[1:]).getMessage() for row in item]).encode()"


def versions() -> dict[str, str]:
    """Return the version of each peer, or that it is absent."""
    return {name: version_of(name) for name in PACKAGES}


def version_of(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def decoders(rows: Sequence[Any], kind: Any = list[tuple[str, ...]]) -> list[Contender]:
    """Return every codec that reads the rows, each from a document in its own format, as tuples where it can."""

    def peer(name: str, loads: Callable[..., Any], documents: list[bytes]) -> Contender:
        return Contender(name, "loads(item)", {"loads": loads}, documents)

    found = []
    if orjson:
        found.append(peer("orjson", orjson.loads, [orjson.dumps(r) for r in rows]))
    if ssrjson:
        found.append(peer("ssrjson", ssrjson.loads, [ssrjson.dumps_to_bytes(r) for r in rows]))
    if msgspec:
        text, packed = [msgspec.json.encode(r) for r in rows], [msgspec.msgpack.encode(r) for r in rows]
        found.append(peer("msgspec.json", msgspec.json.Decoder(kind).decode, text))
        found.append(peer("msgspec.msgpack", msgspec.msgpack.Decoder(kind).decode, packed))
    if msgpack:
        packed = [msgpack.packb(r) for r in rows]
        found.append(Contender("msgpack", "loads(item, use_list=False)", {"loads": msgpack.unpackb}, packed))
    if ormsgpack:
        found.append(peer("ormsgpack", ormsgpack.unpackb, [ormsgpack.packb(r) for r in rows]))
    return found


def text_decoders(payloads: Sequence[bytes]) -> list[Contender]:
    """Return what reads the payloads themselves: the naive two splits (wrong on quotes), and csv."""
    return [
        Contender("naive", NAIVE_ROWS, {}, payloads, naive=True),
        Contender("csv.reader", CSV_ROWS, CSV, payloads),
    ]


def encoders(items: Any, *, fresh: bool = False) -> list[Contender]:
    """Return every codec that writes the items in its own format; `reads` gives them back for the check.

    `fresh`: the items are new strings in every pass, so ssrjson races without writing its cache, too.
    """

    def peer(name: str, dumps: Callable[..., Any], loads: Callable[..., Any], options: str = "") -> Contender:
        return Contender(name, f"dumps(item{options})", {"dumps": dumps}, items, reads=loads)

    found = []
    if orjson:
        found.append(peer("orjson", orjson.dumps, orjson.loads))
    if ssrjson:
        found.append(peer("ssrjson", ssrjson.dumps_to_bytes, ssrjson.loads))
        if fresh:
            bare = peer("ssrjson, no cache", ssrjson.dumps_to_bytes, ssrjson.loads, ", is_write_cache=False")
            found.append(bare)
    if msgspec:
        found.append(peer("msgspec.json", msgspec.json.Encoder().encode, msgspec.json.decode))
        found.append(peer("msgspec.msgpack", msgspec.msgpack.Encoder().encode, msgspec.msgpack.decode))
    if msgpack:
        found.append(peer("msgpack", msgpack.Packer().pack, msgpack.unpackb))
    if ormsgpack:
        found.append(peer("ormsgpack", ormsgpack.packb, ormsgpack.unpackb))
    return found


def texts(rows: Any) -> list[list[str]]:
    """Return the fields as they are written."""
    return [[field_text(field) for field in row] for row in rows]


def field_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def trimmed(rows: Any) -> list[list[str]]:
    """Return the rows without empty fields at their ends, which c8ydm does not send."""
    kept = texts(rows)
    for row in kept:
        while row and not row[-1]:
            row.pop()
    return kept


def write_csv(rows: Any) -> bytes:
    BUFFER.seek(0)
    BUFFER.truncate()
    CSV_OUT["writerows"](rows)
    return BUFFER.getvalue().encode()


def text_encoders(items: Any, decode: Callable[[bytes], Any], *, typed: bool = False) -> list[Contender]:
    """Return what writes SmartREST: naive code (wrong on quotes), csv with doubled quotes, the vendor's agent."""
    name, code = ("naive %", FORMAT) if typed else ("naive join", JOIN)
    names = {"formats": FORMATS} if typed else {}
    csv = {**CSV_OUT, "write_csv": write_csv}
    found = [
        Contender(name, code, names, items, reads=decode, forgives=texts, naive=True),
        Contender("csv.writer", CSV_WRITE, csv, items, value="write_csv(item)", reads=decode, forgives=texts),
    ]
    if SmartRESTMessage:
        message = {"Message": SmartRESTMessage}
        found.append(Contender("c8ydm", C8YDM, message, items, reads=decode, forgives=trimmed))
    return found
