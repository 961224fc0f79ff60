"""The findings of `check_chain`, and the numbered requirements that docs/certificates.md explains."""

from __future__ import annotations

from typing import Literal

from smartrest._findings import Finding

# The platform's requirements on device certificates, numbered as in docs/certificates.md.
REQUIREMENTS = {
    1: "X.509 version 3",
    2: "the uploaded certificate is a CA",
    3: "signers are CAs, the device is not",
    4: "common name = device identifier",
    5: "order, CA included",
    6: "each is signed by the next",
    7: "path length of the CAs",
    8: "length of the chain",
    9: "strong keys and signatures",
    10: "dates",
    11: "files",
}


class ChainFinding(Finding):
    """One fault or doubt about a chain.

    `reason` and `text` as in `Finding`; `start` and `end` are the certificate's span in the PEM text (bytes).
    `requirement` is the number in docs/certificates.md ("Requirements"), `None` for faults that only TLS libraries
    refuse. `certificate` counts from 0 in the order given, `None` for the whole chain.
    `grade` is `"fault"` if the platform refuses the chain for sure, `"doubt"` if it may work; `fault` is the same as a
    flag.
    """

    requirement: int | None
    certificate: int | None
    fault: bool

    def __new__(
        cls,
        reason: str,
        text: str,
        start: int | None = None,
        end: int | None = None,
        row: int | None = None,
        field: int | None = None,
        *,
        requirement: int | None = None,
        certificate: int | None = None,
        fault: bool = True,
    ) -> ChainFinding:
        self = super().__new__(cls, reason, text, start, end, row, field)
        self.requirement, self.certificate, self.fault = requirement, certificate, fault
        return self

    @property
    def grade(self) -> Literal["fault", "doubt"]:
        return "fault" if self.fault else "doubt"

    def __repr__(self) -> str:
        return (
            f"ChainFinding(reason={self.reason!r}, text={self.text!r}, start={self.start}, end={self.end}, "
            f"requirement={self.requirement}, certificate={self.certificate}, fault={self.fault})"
        )
