"""Template collections from files, for the commands that name or check rows of custom topics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SmartRestError
from ._report import UsageError

if TYPE_CHECKING:
    from ..templates import Collection


def load(paths: Sequence[str]) -> list[Collection]:
    """The collections in these files, each `FILE` or `X-ID=FILE`: rows 10 and 11, or JSON as the platform exports it.

    Without an X-ID in front or in the file, it is the name of the file up to its ending.
    """
    return [_load(path) for path in paths]


def _load(argument: str) -> Collection:
    from ..templates import Collection

    x_id, _, name = argument.rpartition("=")
    if not x_id or Path(argument).exists():
        x_id, name = "", argument
    path = Path(name)
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise UsageError(f"{name}: {getattr(error, 'strerror', None) or error}") from error
    stored = data.lstrip()[:1] == b"{"
    try:
        collection = Collection.from_json(data, x_id or None) if stored else Collection.parse(data, x_id or None)
        if collection.x_id is None:
            collection = Collection.from_json(data, path.stem) if stored else Collection.parse(data, path.stem)
    except SmartRestError as error:
        raise UsageError(f"{name}: {error}; smartrest templates check {name} shows all of it") from error
    return collection
