"""The examples of MQTT clients with the stand-in platform: they register, receive operations and answer them."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from smartrest.testing import Platform

CLIENTS = ["paho", "aiomqtt", "gmqtt", "amqtt"]
GLUE = 10  # lines


@pytest.mark.parametrize("name", CLIENTS)
def test_the_glue_is_short(repository: Path, name: str) -> None:
    tree = ast.parse((repository / "examples" / f"mqtt_{name}.py").read_text(encoding="utf-8"))
    (device,) = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert (device.end_lineno or 0) - device.lineno <= GLUE


@pytest.mark.parametrize("name", CLIENTS)
def test_it_answers_operations(smartrest_platform: Platform, repository: Path, name: str) -> None:
    pytest.importorskip(name, reason=f"{name} is not installed")
    script = repository / "examples" / f"mqtt_{name}.py"
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    arguments = [sys.executable, str(script), smartrest_platform.host, str(smartrest_platform.port), "pump-7"]
    process = subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        # An operation created before the client asks for pending ones arrives twice.
        smartrest_platform.wait_for(lambda: ("500",) in smartrest_platform.published("s/us"), 20)
        texts = ['say "hi", \\"you\\"', "two\nlines", "C:\\dir, x\\", "é"]
        operations = smartrest_platform.send(*[("511", "pump-7", text) for text in texts])
        for operation, text in zip(operations, texts, strict=True):
            assert operation.wait(10).result == text.upper()
        assert smartrest_platform.errors == []
        assert process.poll() is None
    finally:
        process.kill()
        _, errors = process.communicate(timeout=10)
        print(errors)
