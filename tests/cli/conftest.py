"""`smartrest certificates` in a folder of its own, without a terminal."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from support_cli import SECRET, CertificateCommand


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory; `$PASS` is the secret of these tests, `$WRONG` another."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PASS", SECRET)
    monkeypatch.setenv("WRONG", "wrong")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    return tmp_path


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> CertificateCommand:
    return CertificateCommand(capsys, SECRET)
