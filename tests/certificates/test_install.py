"""From scratch: a new virtual environment, the package with its extras, three commands, a device at mosquitto.

Needs a package index and a minute, so it runs where SMARTREST_TEST_INSTALL=1 asks for it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")

from certificates.makers import server_files

from smartrest.testing import Broker

pytestmark = pytest.mark.skipif(
    os.environ.get("SMARTREST_TEST_INSTALL") != "1", reason="only with SMARTREST_TEST_INSTALL=1: needs a package index"
)
PROGRAM = """
import sys
from smartrest.certificates import Identity
from smartrest.device import Device

host, port, ca_file = sys.argv[1:]
with Device(host, "pump-1", port=int(port), identity=Identity.load("pump-1"), ca_file=ca_file) as device:
    device.wait_online(30)
    device.send(("200", "c8y_Temperature", "T", "25.3"))
    print("sent", device.flush(30))
"""


def test_from_a_fresh_environment(repository: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns(".git", "build", "tests", "benchmarks", "*.so", "__pycache__", "*.egg-info")
    shutil.copytree(repository, source, ignore=ignored)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["SMARTREST_EXT"] = "off"

    def run(*command: object) -> str:
        words = [str(word) for word in command]
        ran = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=280, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    run(sys.executable, "-m", "venv", "fresh")
    programs = tmp_path / "fresh" / ("Scripts" if os.name == "nt" else "bin")
    run(programs / "python", "-m", "pip", "install", "--quiet", f"{source}[certificates,device]")
    smartrest = programs / "smartrest"
    run(smartrest, "certificates", "ca", "Acme CA", "--no-passphrase")
    run(smartrest, "certificates", "device", "pump-1")
    assert run(smartrest, "certificates", "check", "pump-1", "--client-id", "pump-1").startswith("ok")
    files = server_files(tmp_path)
    with Broker(
        "mosquitto",
        certfile=files["certfile"],
        keyfile=files["keyfile"],
        cafile=tmp_path / "ca" / "ca.pem",
        require_certificate=True,
        use_identity_as_username=True,
    ) as broker:
        assert run(programs / "python", "-c", PROGRAM, broker.host, broker.port, files["ca"]) == "sent True\n"
        assert "u'pump-1'" in broker.log
