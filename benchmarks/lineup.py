"""What a race is made of, as data: its contenders, what one pass holds, and what must come out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .harness import Contender

OURS = "smartrest"


@dataclass(frozen=True)
class Setting:
    """Which data a race is drawn from. `quick` cycles through the single messages once."""

    seed: int = 1
    quick: bool = False


@dataclass
class Lineup:
    """One part of a row: all contenders on the same content. The first contender is this engine."""

    part: str
    contenders: list[Contender]
    units: int  # one pass divided by this is the figure
    unit: str
    expected: Sequence[Any] | None
    fields: int = 0  # of one pass
    size: int = 0  # bytes of SmartREST in one pass
    job: str = ""  # decode, decode_row, encode or encode_row: what a contender of your own has to offer to take part
    share: float = 1.0  # of the time that a race may take


Races = dict[str, Callable[[Setting], Iterator[Lineup]]]


def ours(
    code: str, items: Any, value: str | None = None, reads: Any = None, forgives: Any = None, **names: Any
) -> Contender:
    """Return this engine as a contender; where it is wrong, the run ends."""
    options = {key: check for key, check in (("reads", reads), ("forgives", forgives)) if check}
    return Contender(OURS, code, names, items, value, must=True, **options)
