"""Loads template collections from files, for commands that name or check rows of custom topics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SmartRestError
from ._report import UsageError, pointer

if TYPE_CHECKING:
    from ..templates import Collection


def load(words: Sequence[str]) -> list[Collection]:
    """The collections that `--collection` names: `FILE` or `X-ID=FILE`."""
    return [_load(word) for word in words]


def _load(word: str) -> Collection:
    from ..templates import Collection

    name, equals, file = word.partition("=")
    x_id, path = (name, Path(file)) if equals and not Path(word).exists() else (None, Path(word))
    try:
        data = path.read_bytes()
        collection = Collection.from_file(data, x_id)
        return Collection.from_file(data, path.stem) if collection.x_id is None else collection
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    except SmartRestError as error:
        raise UsageError(_explained(path, data, error)) from error


def _explained(path: Path, data: bytes, error: SmartRestError) -> str:
    """The first fault with its line; the error alone if it is of the X-ID given."""
    from ..templates import Collection

    for finding in Collection.check(data):
        if finding.start is not None and finding.reason != "placeholder":
            line = data.count(b"\n", 0, finding.start) + 1
            column = pointer(data, finding.start, finding.start)[2]
            return f"{path}:{line}:{column}: {finding.text}; all faults: smartrest templates check {path}"
    return f"{path} is not a template collection: {error}"
