"""Prints the traffic row by row with names, for the commands `platform` and `demo`.

Never shows secrets: of credentials and tokens only the length. Escapes control characters that devices send, so that
they cannot control the terminal.
"""

from __future__ import annotations

import sys
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any

from ._report import Colours, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .. import TemplateError
    from ..templates import Collection, Message
    from ..testing import Traffic

ACTIONS = {"up": "publish", "down": "receive"}  # seen from the device
SECRETS = ("password", "token")
WIDTH = 25  # of action and topic
LONGEST = 160  # characters of one value


class Show:
    """Prints each `Traffic` that it is called with; `who` adds the ClientId, for several devices."""

    def __init__(
        self, stream: IO[str] | None = None, *, who: bool = False, collections: Iterable[Collection] = ()
    ) -> None:
        self.stream = stream or sys.stdout
        self.colours = Colours(self.stream)
        self.who = who
        self.collections = collections

    def __call__(self, traffic: Traffic) -> None:
        action = ACTIONS.get(traffic.direction, traffic.direction)
        who = f"{visible(traffic.client_id)}  " if self.who or traffic.direction == "connect" else ""
        head = f"{action:<10} {who}{visible(traffic.topic)}".rstrip()
        if traffic.direction not in ACTIONS:
            self.line(self.colours.dim(head))
            return
        rows = [self.row(row, traffic.topic) for row in traffic.rows]
        if not rows:
            shown = f"{len(traffic.payload)} bytes" if traffic.payload else "empty"
            rows = [self.colours.dim(f"({shown})")]
        self.line(f"{head:<{WIDTH}} {rows[0]}")
        for row in rows[1:]:
            self.line(f"{'':<{WIDTH}} {row}")

    def line(self, text: str = "") -> None:
        print(text, file=self.stream, flush=True)

    def row(self, row: tuple[str, ...], topic: str) -> str:
        """One row: template ID, its name, parameters by name; plain fields if no template matches."""
        from .. import TemplateError
        from ..templates import parse

        try:
            return self.message(row, parse(row, topic, collections=self.collections), topic)
        except TemplateError as error:
            return self.message(row, error, topic)

    def message(self, row: tuple[str, ...], found: Message | TemplateError, topic: str) -> str:
        """As `row`, for a row that has been read."""
        from ..templates import Message

        if not isinstance(found, Message):
            fields = " ".join(_value(field) for field in row[1:])
            return f"{self.colours.bold(visible(row[0]))} {fields}  {self.colours.red(visible(str(found)))}"
        message = found
        name = f" {message.template.name}" if message.template is not None and message.template.name != row[0] else ""
        paint = self.colours.red if topic == "s/e" else self.colours.bold
        text = paint(visible(row[0]) + name)
        for key, value in message.parameters.items():
            if value is not None and value != []:
                shown = f"({len(value)} characters)" if key in SECRETS else _value(value)
                text += f"  {self.colours.dim(visible(key) + '=')}{shown}"
        for field in message.extra:
            text += f"  {self.colours.red(_value(field))}"
        return text


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(_value(item) for item in value if item is not None) + ")"
    if isinstance(value, float):
        return f"{value:g}"
    text = value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else str(value)
    if text == "" or any(char in text for char in " ,\"'=") or not text.isprintable():
        text = repr(text)
    return visible(text if len(text) <= LONGEST else text[: LONGEST - 3] + "...")
