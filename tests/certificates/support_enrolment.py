"""How the tests of enrolment call the stand-in for the platform's authority."""

from __future__ import annotations

from pathlib import Path

from certificates.support_servers import HOST

from smartrest.certificates import Identity, enroll, renew
from smartrest.testing import EnrolmentServer

PASSWORD = "one-time-password-of-32-character"[:32]


def token(est: EnrolmentServer, device_id: str = "pump-1") -> str:
    assert est.platform is not None
    return est.platform._tenant.token(device_id)


def enrolled(est: EnrolmentServer, files: dict[str, Path], folder: Path, password: str = PASSWORD) -> Identity:
    return enroll(HOST, "pump-1", password, folder, port=est.port, ca_file=files["ca"], key="P-256", timeout=5)


def renewed(est: EnrolmentServer, files: dict[str, Path], folder: Path, mqtt: int, secret: str = "") -> Identity:
    secret = secret or token(est)
    return renew(HOST, folder, secret, port=est.port, mqtt=(HOST, mqtt), ca_file=files["ca"], timeout=5)
