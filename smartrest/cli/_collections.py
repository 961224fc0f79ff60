"""Loads template collections from files, for commands that name or check rows of custom topics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SmartRestError
from ._report import UsageError

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
        raise UsageError(f"{path} is not a template collection: {error}") from error
