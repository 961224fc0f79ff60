"""The ClientId: `[connectionType:]deviceIdentifier[:defaultTemplateIdentifier]`, read and written without loss.

Source: MQTT integration guide, section "MQTT ClientId". Never rewrites; raises if the platform refuses a ClientId.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from .._findings import Finding
from ..errors import SmartRestError, excerpt
from ._text import check_level, check_string, refuse

CONNECTION_TYPES = ("d",)
OLD_PROTOCOL = "3.1"
OLD_PROTOCOL_LIMIT = 23  # most characters of a ClientId on MQTT 3.1; more gives CONNACK 5
_REGISTRATION_REFUSES = "/\\$"


@dataclass(frozen=True, init=False)
class ClientId:
    """The identity of a client. The platform takes `x`, `d:x` and `d:x:t` for one client: only `device_id` counts.

    `x_id` names the default template collection and implies the connection type `d`. Raises `SmartRestError`
    (`bad_identifier`).
    """

    device_id: str
    x_id: str | None = None
    connection_type: str | None = None

    def __init__(
        self,
        device_id: str,
        x_id: str | None = None,
        connection_type: str | None = None,
        *,
        template_id: str | None = None,
    ) -> None:
        if template_id is not None:
            _warn_of_old_name()
            x_id = template_id if x_id is None else x_id
        check_level(device_id, "device ID", colon=False)
        if connection_type is not None and connection_type not in CONNECTION_TYPES:
            raise refuse(connection_type, "connection type", f"is unknown; use {', '.join(CONNECTION_TYPES)}")
        if x_id is not None:
            check_string(x_id, "default X-ID")
            connection_type = connection_type or CONNECTION_TYPES[0]
        for name, value in (("device_id", device_id), ("x_id", x_id), ("connection_type", connection_type)):
            object.__setattr__(self, name, value)
        check_string(str(self), "ClientId")

    @property
    def template_id(self) -> str | None:
        """The old name of `x_id`. Deprecated."""
        _warn_of_old_name()
        return self.x_id

    @classmethod
    def parse(cls, text: str) -> ClientId:
        """The parts of a ClientId: `<device ID>`, `<type>:<device ID>` or `<type>:<device ID>:<X-ID>`."""
        check_string(text, "ClientId")
        parts = text.split(":", 2)
        if len(parts) == 1:
            return cls(parts[0])
        if parts[0] not in CONNECTION_TYPES:
            raise refuse(text, "ClientId", _about_colons(text))
        return cls(parts[1], parts[2] if len(parts) == 3 else None, parts[0])

    def __str__(self) -> str:
        return ":".join(part for part in (self.connection_type, self.device_id, self.x_id) if part is not None)

    def same_client(self, other: ClientId) -> bool:
        """Whether both are one client to the platform, which allows one connection per client."""
        return self.device_id == other.device_id

    def check(self, *, protocol: str = "3.1.1") -> list[Finding]:
        """Doubts about this ClientId: its length on MQTT 3.1, and characters that device registration refuses."""
        found = []
        length = len(str(self))
        if protocol == OLD_PROTOCOL and length > OLD_PROTOCOL_LIMIT:
            text = f"MQTT 3.1 allows {OLD_PROTOCOL_LIMIT} characters, this ClientId has {length}: connect with 3.1.1"
            found.append(Finding("client_id_too_long", text))
        bad = [c for c in self.device_id if c in _REGISTRATION_REFUSES or c.isspace() or not c.isprintable()]
        if bad:
            text = f"device registration refuses {', '.join(sorted({ascii(c) for c in bad}))} in a device ID"
            found.append(Finding("not_registrable", text))
        return found

    def for_protocol(self, protocol: str = "3.1.1") -> str:
        """The text to connect with. Raises `SmartRestError` (`client_id_too_long`) if it is too long for MQTT 3.1."""
        for finding in self.check(protocol=protocol):
            if finding.reason == "client_id_too_long":
                raise SmartRestError(finding.text, finding.reason)
        return str(self)


def _about_colons(text: str) -> str:
    """Why a text with a colon is not a ClientId, and what to write."""
    why = "must not hold ':' in its device ID: a colon separates connection type, device ID and X-ID"
    if text.count(":") == 1:
        return f"{why}; for an X-ID write {excerpt('d:' + text)}"
    return f"{why}; leave the colons out: {excerpt(text.replace(':', ''))}"


def _warn_of_old_name() -> None:
    warnings.warn("ClientId.template_id is now called x_id", DeprecationWarning, stacklevel=3)
