"""A row from a client, passed to the function that carries it out, and the exception that refuses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from smartrest.mqtt import topics

from .operations import Answer, repeats_an_answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .clients import Client, Options
    from .inventory import Inventory, ManagedObject
    from .operations import Operation

__all__ = ["Call", "Refusal"]


class Tenant(Protocol):
    """The part of `tenant.Tenant` that effects use."""

    options: Options
    inventory: Inventory

    def reply(self, client: Client, topic: str, rows: Sequence[tuple[str, ...]]) -> None: ...
    def resend(self, client: Client) -> None: ...


class Refusal(Exception):
    """The platform refuses a row; becomes an error row. `fault=False`: not a fault of the device."""

    def __init__(self, code: str, text: str, *, fault: bool = True) -> None:
        super().__init__(text)
        self.code = code
        self.fault = fault


@dataclass
class Call:
    """One row to carry out. `stored`: false on the topics t/… and c/…, whose data are not stored."""

    tenant: Tenant
    client: Client
    thing: ManagedObject
    row: tuple[str, ...]
    values: dict[str, Any]
    stored: bool = True

    def __getitem__(self, name: str) -> Any:
        """A parameter; `None` if it was not sent."""
        return self.values.get(name)

    def names(self, group: str) -> list[str]:
        """The values of a repeated group of one parameter, without empty ones."""
        return [str(value) for value in self.values.get(group) or () if value]

    def given(self, **names: str) -> dict[str, Any]:
        """The parameters that were sent, renamed to the platform's names."""
        return {key: self.values[name] for key, name in names.items() if self.values.get(name) is not None}

    def missing(self, code: str, text: str) -> Refusal:
        """The refusal of a row whose operation is missing or has another status."""
        repeated = repeats_an_answer(self.thing.operations, self.row, self.client)
        return Refusal(code, text, fault=not repeated)

    def finish(
        self, operation: Operation, status: str, *, results: tuple[str, ...] = (), reason: str | None = None
    ) -> None:
        """Ends an operation with the answer of this row."""
        operation.answer = Answer(self.row, self.client)
        operation.move(status, results=results, reason=reason)

    def reply(self, *fields: str) -> None:
        self.tenant.reply(self.client, topics.ds(), [fields])
