"""The engine for tables that goes with the engine of the package: the second extension, or the pure reference."""

from __future__ import annotations

from typing import Any

import smartrest

_chosen: Any = None


def columns() -> Any:
    """The engine for tables: `SMARTREST_ENGINE` forces it as it does the other."""
    global _chosen
    if _chosen is None:
        kind, _, kernel = smartrest.engine().partition(":")
        if kind == "pure":
            from smartrest.pure import columns as reference

            _chosen = reference
        else:
            from smartrest import columns as compiled

            _chosen = compiled.Engine(kernel)
    return _chosen
