"""The compiled engine for tables: an Engine has the names of `smartrest.pure.columns`."""

from typing import Any

class Engine:
    def __init__(self, kernel: str = "auto") -> None: ...
    def __getattr__(self, name: str) -> Any: ...
