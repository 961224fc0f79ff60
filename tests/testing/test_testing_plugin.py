"""The pytest plugin as users get it: cheap to load, one fixture, options by marker, a report on failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = """
import paho.mqtt.client as paho
import pytest

def publish(platform, payload):
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "dev1")
    client.connect(platform.host, platform.port)
    client.loop_start()
    client.publish("s/us", payload, 1).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()

def test_works(smartrest_platform):
    publish(smartrest_platform, "100,Mine")
    assert smartrest_platform.wait_for_device("dev1").name == "Mine"

@pytest.mark.smartrest_platform(broker="amqtt", tokens="all")
class TestOptions:
    @pytest.mark.smartrest_platform(version="1.2")
    def test_options(self, smartrest_platform):
        assert smartrest_platform.broker.kind == "amqtt"
        assert smartrest_platform.inventory == {}

def test_fails(smartrest_platform):
    publish(smartrest_platform, "100,Mine\\n999")
    smartrest_platform.wait_for_device("dev1")
    raise AssertionError
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def test_the_fixture(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from pytest_smartrest import pytest_configure, smartrest_platform\n")
    (tmp_path / "test_mine.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\naddopts = --strict-markers\n")
    result = run(tmp_path, "-m", "pytest", "-q")
    assert "1 failed, 2 passed" in result.stdout, result.stdout + result.stderr
    assert "Captured stdout teardown" in result.stdout
    assert "device dev1 'Mine' (c8y_MQTTDevice" in result.stdout
    assert "error 40,999,No static template for this message id" in result.stdout


def test_the_example_of_the_docs(tmp_path: Path) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
    example = text.split("```python\n", 1)[1].split("```", 1)[0]
    (tmp_path / "conftest.py").write_text("from pytest_smartrest import pytest_configure, smartrest_platform\n")
    (tmp_path / "test_docs.py").write_text(example)
    result = run(tmp_path, "-m", "pytest", "-q")
    assert "1 passed" in result.stdout, result.stdout + result.stderr


def test_loading_the_plugin_loads_nothing_of_the_package(tmp_path: Path) -> None:
    code = (
        "import sys, pytest_smartrest\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in ('smartrest', 'paho', 'amqtt')))"
    )
    assert run(tmp_path, "-c", code).stdout == "[]\n"


def test_asking_for_a_broker_alone_loads_no_platform(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom smartrest.testing import Broker\n"
        "print(sorted(name for name in sys.modules if name.startswith(('smartrest.t', 'paho', 'amqtt'))))"
    )
    package = "smartrest.testing"
    loaded = [package, *(f"{package}.broker{name}" for name in ("", ".broker", ".settings"))]
    assert run(tmp_path, "-c", code).stdout == f"{loaded}\n"


def test_the_entry_point_names_the_plugin() -> None:
    text = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text()
    assert '[project.entry-points.pytest11]\nsmartrest = "pytest_smartrest"\n' in text
    assert 'py-modules = ["pytest_smartrest"]' in text
