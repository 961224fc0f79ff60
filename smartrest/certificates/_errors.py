"""The one exception of this package, and how messages quote text of unknown origin.

No message ever holds a passphrase, a private key or the content of a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smartrest._constants import EXCERPT
from smartrest.errors import SmartRestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._findings import ChainFinding


class CertificateError(SmartRestError):
    """A certificate, key or request that cannot be made, read or used, or a handshake that failed.

    `reason` is a stable word (docs/certificates.md, "Errors"); the message says what is wrong and how to fix it.
    `findings` holds the findings of `check_chain` if a broken chain is the cause; else it is empty.
    """

    def __init__(self, message: str, reason: str, findings: Sequence[ChainFinding] = ()) -> None:
        super().__init__(message, reason)
        self.findings = list(findings)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (str(self), self.reason, self.findings)


def quoted(text: str) -> str:
    """Text of unknown origin for a message: one line, nothing unprintable, at most 80 characters."""
    shown = repr(text[: EXCERPT + 1])
    return shown if len(shown) <= EXCERPT else shown[: EXCERPT - 4] + "..." + shown[-1]
