"""docs/certificates.md is true: its OpenSSL script makes the same certificates, its tables match the code."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")

from certificates.makers import ec_key, openssl
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from smartrest.certificates import CA, REQUIREMENTS, Identity, check_chain


@pytest.fixture(scope="module")
def page(repository: Path) -> str:
    return (repository / "docs" / "certificates.md").read_text(encoding="utf-8")


def profile(certificate: x509.Certificate) -> dict[str, object]:
    """The extensions except the key identifiers, which depend on the key."""
    skipped = (x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier)
    return {
        each.oid.dotted_string: (each.critical, None if isinstance(each.value, skipped) else each.value)
        for each in certificate.extensions
    }


def test_the_openssl_script_makes_the_same_certificates(page: str, tmp_path: Path) -> None:
    openssl("version")
    shell = shutil.which("sh")
    assert shell is not None
    (script,) = re.findall(r"```sh openssl\n(.*?)```", page, re.DOTALL)
    script = script.replace(" 4096", " 2048")  # the same, but quicker
    environment = {**os.environ, "PASS": "correct horse"}
    ran = subprocess.run(
        [shell, "-ec", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    identity = Identity.load(tmp_path / "chain.pem", tmp_path / "key.pem", passphrase="correct horse")
    assert check_chain(identity, "pump-1") == []
    ca = CA.create("Acme CA", key=ec_key(1))
    ours = ca.issue("pump-1", key=ec_key(0))
    assert [profile(each) for each in identity.chain] == [profile(each) for each in ours.chain]
    assert [each.subject for each in identity.chain] == [each.subject for each in ours.chain]
    below = CA.load(tmp_path / "pumps" / "cert.pem", tmp_path / "pumps" / "key.pem", passphrase="correct horse")
    assert profile(below.certificate) == profile(ca.intermediate("Acme Pumps", key=ec_key(2)).certificate)
    deeper = below.issue("pump-2", key=ec_key(0))  # our device below their CA
    assert check_chain(deeper, "pump-2") == []


def test_each_requirement_is_explained(page: str) -> None:
    numbered = dict(re.findall(r"^(\d+)\. \*\*(.*?)\*\*", page, re.MULTILINE))
    assert [int(number) for number in numbered] == list(range(1, 15))
    assert set(REQUIREMENTS) == set(range(1, 12))


def test_every_reason_is_listed(page: str, repository: Path) -> None:
    listed = set(re.findall(r"`([a-z0-9_]+)`", page))
    source = "".join(path.read_text() for path in (repository / "smartrest" / "certificates").glob("*.py"))
    patterns = [
        r'finding\(\s*(?:\d+|None|number),\s*"([a-z0-9_]+)"',
        r'ChainFinding\(\s*"([a-z0-9_]+)"',
        r'note\("([a-z0-9_]+)"',
        r'"((?:cn|server|client)_[a-z_]+)"',
        r'CertificateError\([^()]*(?:\([^()]*\)[^()]*)*, "([a-z0-9_]+)"\)',
        r'\(2, "([a-z_]+)"\) if .* else \(3, "',
    ]
    used = {reason for pattern in patterns for reason in re.findall(pattern, source)}
    assert len(used) > 50
    assert used - listed == set()


def test_the_page_on_enrolment_runs(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first Python, with an authority for tests; its commands run in tests/live/test_docs_shell.py."""
    from certificates.makers import server_files

    from smartrest.testing import EnrolmentServer

    text = (repository / "docs" / "certificates-enrolment.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    files = server_files(tmp_path)
    ca = CA.create("t0815", key=ec_key(1))
    first, *_ = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    with EnrolmentServer(ca, certfile=files["certfile"], keyfile=files["keyfile"]) as est:
        where = {"port": est.port, "ca_file": files["ca"], "key": "P-256"}
        scope: dict[str, object] = {}
        lines = first.replace("mytenant.example.com", est.host).replace(
            '"pump-1", otp, "pump-1")', '"pump-1", otp, "pump-1", **where)'
        )
        otp = lines.index("\n", lines.index("otp =")) + 1
        exec(lines[:otp], scope)
        est.register("pump-1", str(scope["otp"]))
        exec(lines[otp:], {**scope, "where": where})
        assert Identity.load("pump-1").device_id == "pump-1"


def test_the_line_that_proves_possession(page: str, tmp_path: Path) -> None:
    openssl("version")
    ca = CA.create("Acme CA", key=ec_key(1))
    ca.save(tmp_path / "ca")
    (tmp_path / "code.txt").write_bytes(b"code of the platform")
    (line,) = re.findall(r"`(openssl dgst .*?)`", page)
    signed = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, timeout=60, check=True).stdout
    public = ca.certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(base64.b64decode(signed), b"code of the platform", ec.ECDSA(hashes.SHA256()))
