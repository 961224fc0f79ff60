"""A device that is not ours: the hello-world of the vendor's guide in JavaScript, on mqtt.js, with the stand-in."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support_mqtt import BROKERS

from smartrest.testing import Platform

HELLO = Path(__file__).parent / "hello" / "hello.js"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program and mqtt.js."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed")
    made = tmp_path_factory.mktemp("hello")
    shutil.copy(HELLO, made)
    options = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(made), "mqtt@5"]
    try:
        done = subprocess.run([npm, *options], capture_output=True, text=True, timeout=240, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("npm does not get mqtt.js in time")
    if done.returncode != 0:
        pytest.skip(f"npm does not get mqtt.js: {done.stderr.strip()[-200:]}")
    return made


@pytest.fixture(params=BROKERS)
def platform(request: pytest.FixtureRequest) -> Iterator[Platform]:
    with Platform(request.param) as running:
        yield running


def test_the_hello_world_in_javascript(platform: Platform, folder: Path) -> None:
    url = f"mqtt://{platform.host}:{platform.port}"
    with subprocess.Popen(["node", "hello.js", url], cwd=folder, stdout=subprocess.PIPE, text=True) as program:
        try:
            device = platform.wait_for_device("my_mqtt_nodejs_client", 30)
            platform.wait_for(lambda: len(device.measurements) > 1, 30, "no measurements")
            assert (device.name, device.type) == ("Node.js MQTT", "c8y_MQTTDevice")
            assert device.fragments["c8y_Hardware"]["serialNumber"] == "S123456789"
            [restart] = platform.send(("510", "my_mqtt_nodejs_client"))
            restart.wait(30)
            assert restart.status == "SUCCESSFUL"
        finally:
            program.terminate()
    assert platform.errors == []
