"""How data of unknown origin is read: the one place that knows what `cryptography` does with odd or hostile DER."""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ._errors import CertificateError

if TYPE_CHECKING:
    from collections.abc import Iterator

_quiet = threading.Lock()


@contextmanager
def quiet() -> Iterator[None]:
    """Silences the warnings of `cryptography` about odd certificates: the checks report them better."""
    with _quiet, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Attribute's length must be", category=UserWarning)
        warnings.filterwarnings("ignore", message="(?i).*parsed", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message="(?i).*parsed", category=UserWarning)
        yield


@contextmanager
def readable(text: str, reason: str = "unreadable") -> Iterator[None]:
    """Whatever the block raises becomes a `CertificateError` with this text and reason.

    `cryptography` raises many kinds of exceptions on hostile DER: ValueError, TypeError, InvalidVersion,
    UnsupportedAlgorithm and others, depending on its release.
    """
    try:
        yield
    except MemoryError:
        raise
    except Exception:  # see above
        raise CertificateError(text, reason) from None
