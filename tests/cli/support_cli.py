"""Runs the command line in the test's process."""

from __future__ import annotations

import io
import sys
from typing import NamedTuple

import pytest

from smartrest.cli import main

SECRET = "correct horse"  # of the tests of certificates, which no output may show


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


class CommandLine:
    """Like the command: `run("decode", "-", stdin=b"100,a")`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
        self._monkeypatch = monkeypatch
        self._capture = capfdbinary

    def __call__(self, *argv: object, stdin: bytes = b"") -> Outcome:
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main([str(word) for word in argv])
        out, err = self._capture.readouterr()
        return Outcome(code, out.decode(), err.decode())


class CertificateCommand:
    """Like `smartrest certificates`: `run("ca", "Acme CA", code=2)`. Fails if it prints one of `secrets`."""

    def __init__(self, capture: pytest.CaptureFixture[str], *secrets: str) -> None:
        self._capture = capture
        self._secrets = secrets

    def __call__(self, *arguments: str, code: int = 0) -> Outcome:
        got = main(["certificates", *arguments])
        captured = self._capture.readouterr()
        for secret in self._secrets:
            assert secret not in captured.out + captured.err
        assert "Traceback" not in captured.err
        assert got == code, captured.err or captured.out
        if code:
            assert not captured.err or captured.err.startswith(("smartrest: ", "usage: "))
        else:
            assert captured.err == ""
        return Outcome(got, captured.out, captured.err)
