"""Chooses the package's engine, and opens others by name. `SMARTREST_ENGINE` forces one; no silent fallback."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def parts_of(name: str) -> tuple[str, str] | None:
    """Engine and kernel of `pure`, `core` or `core:<kernel>`; `None` for any other text."""
    engine, _, kernel = name.partition(":")
    known = engine == "core" or (engine == "pure" and not kernel)
    return (engine, kernel) if known and not name.endswith(":") else None


def open_engine(name: str) -> Any:
    """The engine of that name, with the functions of the package; the package's own engine does not change.

    `ValueError` for an unknown name or a kernel that cannot run here, `ImportError` without a compiled core.
    """
    parts = parts_of(name)
    if parts is None:
        raise ValueError(f"unknown engine {name!r}: choose pure, core or core:<kernel>")
    engine, kernel = parts
    if engine == "pure":
        from . import pure

        return pure
    try:
        from smartrest import core
    except Exception as error:  # a core of another build may raise anything
        from . import _install

        raise ImportError(f"no compiled core: {_install.advice(error)}") from error
    return core.Engine(kernel or "auto")


_wanted = os.environ.get("SMARTREST_ENGINE") or "auto"
_parts = ("auto", "") if _wanted == "auto" else parts_of(_wanted)
if _parts is None:
    raise ImportError(f"invalid SMARTREST_ENGINE={_wanted!r}: use pure, core or core:<kernel>")
_name, _kernel = _parts

_NAMES = (
    "Dispatcher", "Encoder", "LazyRow", "LazyRows", "Packer", "Schema", "check", "compile", "decode", "decode_row",
    "encode", "encode_row", "engine", "escape", "pack", "payload_budget", "scan", "split", "truncate", "unescape",
    "use",
)  # fmt: skip

if TYPE_CHECKING or _name == "pure":
    from . import pure as chosen
else:
    try:
        # "from smartrest.core import": an absent module raises ModuleNotFoundError, a broken one ImportError.
        from smartrest.core import use as _use

        from . import core as chosen

        for _attribute in _NAMES:
            getattr(chosen, _attribute)
    except Exception as exc:  # a core of another build may raise anything
        from . import _install

        if _name == "core":
            raise ImportError(f"SMARTREST_ENGINE={_wanted} asks for the compiled core: {_install.advice(exc)}") from exc
        _install.warn(exc)
        from . import pure as chosen
    else:
        _use(_kernel or "auto")

Dispatcher = chosen.Dispatcher
Encoder = chosen.Encoder
LazyRow = chosen.LazyRow
LazyRows = chosen.LazyRows
Packer = chosen.Packer
Schema = chosen.Schema
check = chosen.check
compile = chosen.compile
decode = chosen.decode
decode_row = chosen.decode_row
encode = chosen.encode
encode_row = chosen.encode_row
engine = chosen.engine
escape = chosen.escape
pack = chosen.pack
payload_budget = chosen.payload_budget
scan = chosen.scan
split = chosen.split
truncate = chosen.truncate
unescape = chosen.unescape
