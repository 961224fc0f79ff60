"""The shell blocks of the pages run as they stand, typed at a terminal, with brokers and stand-ins for their hosts.

Replaced are addresses, and the numbers and keys that take long. tests/house/test_docs.py knows where each block runs.
"""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support_docs import blocks
from support_mqtt import MqttClient

pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")
pytest.importorskip("pty", reason="Windows has no such terminals")

from certificates.makers import ec_key, server_files
from cryptography import x509

from smartrest.certificates import CA, Identity
from smartrest.testing import Broker, EnrolmentServer, Platform
from smartrest.testing.broker import free_port
from smartrest.testing.platform.enrolment import Answer

HOST = "127.0.0.1"
INTERRUPT = "\x03"  # Ctrl+C
TERMINAL = (
    "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(['sh', '-ec', 'trap : INT;' + sys.argv[1]])))"
)


class Terminal:
    """Runs a shell script in a terminal and types at it."""

    def __init__(self, script: str, **environment: str) -> None:
        self.out = ""
        self._read = 0
        self._process = subprocess.Popen(
            [sys.executable, "-c", TERMINAL, script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **environment},
            bufsize=0,
        )

    def answer(self, prompt: str, text: str) -> None:
        """Wait until the output has `prompt`, once more than before, and type a line."""
        while prompt not in self.out[self._read :]:
            assert self._more(), f"no {prompt!r} in: {self.out}"
        self._read = self.out.index(prompt, self._read) + len(prompt)
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode() + b"\n")

    def end(self, code: int = 0) -> str:
        """The output, once the script has ended with `code`."""
        while self._more():
            pass
        assert self._process.wait(20) == code, self.out
        return self.out

    def close(self) -> None:
        with self._process:  # which closes its pipes
            self._process.terminate()

    def _more(self) -> bool:
        assert self._process.stdout is not None
        assert select.select([self._process.stdout], [], [], 30)[0], f"still waits for something: {self.out}"
        data = os.read(self._process.stdout.fileno(), 65536)
        self.out += data.decode(errors="replace").replace("\r", "")
        return bool(data)


Start = Callable[..., Terminal]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts scripts, which end with the test: `start(script, VARIABLE="value")`."""
    with ExitStack() as started:

        def start(script: str, **environment: str) -> Terminal:
            terminal = Terminal(script, **environment)
            started.callback(terminal.close)
            return terminal

        yield start


@pytest.fixture(autouse=True)
def folder(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the repository's own in it, and `smartrest` and `python` as this installation."""
    for name in ("src_c", "tests", "tools"):
        (tmp_path / name).symlink_to(repository / name)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, words in (("python", ""), ("smartrest", "-m smartrest")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(repository))
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def changed(text: str, replaced: dict[str, str]) -> str:
    """`text` with each of `replaced`, which it must contain."""
    for old, new in replaced.items():
        assert old in text, f"the block has no {old!r}:\n{text}"
        text = text.replace(old, new)
    return text


def test_engines_of_the_readme(start: Start, repository: Path, folder: Path) -> None:
    *_, block = blocks(repository / "README.md", "sh")
    (folder / "agent.py").write_text("import smartrest\nprint('runs on', smartrest.engine())\n")
    lines = [line for line in block.splitlines() if "pip install" not in line]  # .ci/run installs
    out = start("\n".join(lines)).end()
    assert out.startswith("smartrest ")
    assert "runs on pure" in out


def test_certificates(start: Start, repository: Path) -> None:
    (block,) = (each for each in blocks(repository / "docs" / "certificates.md", "sh") if "openssl" not in each)
    replaced = {'ca "Acme CA"': 'ca "Acme CA" --key P-256', "device pump-1": "device pump-1 --key P-256"}
    terminal = start(changed(block, replaced))
    for _ in range(3):  # twice for the new CA, once to sign
        terminal.answer("assphrase", "correct horse")
    assert "correct horse" not in terminal.end()
    ca = CA.load("ca", passphrase="correct horse")
    assert Identity.load("pump-1").chain[-1] == ca.certificate


@pytest.fixture
def files(folder: Path) -> dict[str, Path]:
    """Certificate, key and CA of a server, the last one as server-ca.pem."""
    return server_files(folder)


@pytest.mark.needs("mosquitto")
def test_enrolment_and_renewal(start: Start, repository: Path, folder: Path, files: dict[str, Path]) -> None:
    enrolment, renewal, *_ = blocks(repository / "docs" / "certificates-enrolment.md", "sh")
    ca = CA.create("t0815", key=ec_key(1))
    ca.save("tenant")
    tls = {"certfile": files["certfile"], "keyfile": files["keyfile"]}
    with (
        Broker("mosquitto", **tls, cafile=folder / "tenant" / "ca.pem", require_certificate=True) as broker,
        Platform(broker) as platform,
        EnrolmentServer(ca, **tls, platform=platform) as est,
    ):
        host = f"{HOST}:{est.port} --ca-file server-ca.pem"
        terminal = start(changed(enrolment, {"mytenant.example.com": f"{host} --key P-256"}))
        terminal.answer("assword", est.register("pump-1"))
        terminal.end()
        first = Identity.load("pump-1")
        start(changed(renewal, {"mytenant.example.com": f"{host} --mqtt {HOST}:{broker.port}"})).end()
    assert Identity.load("pump-1").certificate.public_key() != first.certificate.public_key()


@pytest.mark.needs("curl")
def test_upload_and_revocation(start: Start, repository: Path, folder: Path, files: dict[str, Path]) -> None:
    _, _, upload, curl, revocation = blocks(repository / "docs" / "certificates-enrolment.md", "sh")
    ca = CA.create("Acme CA", key=ec_key(1))
    ca.save("ca", passphrase="correct horse")
    identity = ca.issue("pump-1", key=ec_key(0))
    identity.save("pump-1")
    (folder / "login.txt").write_text('user = "t0815/admin:secret"\n')
    with EnrolmentServer(ca, certfile=files["certfile"], keyfile=files["keyfile"]) as est:
        est.instead += [Answer(201, b'{"status":"ENABLED"}', "application/json")] * 2
        host = f"{HOST}:{est.port}"
        terminal = start(changed(upload, {"mytenant.example.com": f"{host} --ca-file server-ca.pem"}))
        terminal.answer("assword", "secret")
        terminal.end()
        replaced = {"curl ": "curl -sS --cacert server-ca.pem ", "mytenant.example.com": host}
        assert '{"status":"ENABLED"}' in start(changed(curl, replaced)).end()
        with_command, with_curl = est.calls
    assert json.loads(with_command.body) == json.loads(with_curl.body)
    terminal = start(revocation)
    terminal.answer("assphrase", "correct horse")
    assert f"{identity.certificate.serial_number:x}" in terminal.end()
    assert len(list(x509.load_pem_x509_crl((folder / "ca" / "crl.pem").read_bytes()))) == 1


def test_watch(start: Start, repository: Path, files: dict[str, Path]) -> None:
    (block,) = blocks(repository / "docs" / "command-line.md", "sh")
    plain, encrypted = block.splitlines()
    with Broker("auto") as broker, MqttClient("dev1", broker.port) as client:
        client.publish("c8y/s/us", b"211,21.5", retain=True)
        watch = start(changed(plain, {"gateway.local": f"{HOST} --port {broker.port}"}))
        watch.answer("211 create_temperature  temperature=21.5", INTERRUPT)
        watch.end(130)
    with Broker("auto", certfile=files["certfile"], keyfile=files["keyfile"]) as broker:
        options = f"--for 0.5 --port {broker.port} --ca-file server-ca.pem"
        replaced = {"broker.example.com": HOST, "--for 60": options}
        assert "0 messages" in start(changed(encrypted, replaced), SMARTREST_PASSWORD="secret").end()


def test_devices_and_their_platform(start: Start, repository: Path, folder: Path) -> None:
    *_, block = blocks(repository / "docs" / "testing.md", "console")
    demo, platform, gateway, agent, simulation = (line.removeprefix("$ ") for line in block.splitlines())
    assert "The platform now knows" in start(demo).end()
    port = free_port()
    configuration = (repository / "examples" / "agent.toml").read_text(encoding="utf-8")
    (folder / "agent.toml").write_text(changed(configuration, {"port = 1883": f"port = {port}"}))
    serving = start(changed(platform, {"platform": f"platform --port {port}"}))
    serving.answer(f"MQTT at {HOST}:{port}", "")
    device = start(agent)
    serving.answer("500 get_pending_operations", "511,demo-1,help")
    serving.answer("503 set_operation_successful", "")
    device.answer("", INTERRUPT)
    device.end(130)
    serving.answer("", INTERRUPT)
    serving.end(130)
    with_prefix = start(changed(gateway, {"platform": f"platform --port {port}"}))
    with_prefix.answer(f"MQTT at {HOST}:{port}", "")
    with MqttClient("demo-2", port) as client:
        client.publish("c8y/s/us", b"100,Pump")
        with_prefix.answer("100 create_device", INTERRUPT)
    with_prefix.end(130)
    replaced = {"--devices 200": "--devices 5", "--seconds 30": "--seconds 0.5"}
    assert '"devices": 5, "online": 5' in start(changed(simulation, replaced)).end()


def test_campaigns(start: Start, repository: Path) -> None:
    campaigns, kernel_test, _ = blocks(repository / "docs" / "reliability.md", "sh")
    smaller = re.sub("--count [0-9]+", "--count 50", campaigns.replace("--length 7", "--length 2"))
    assert start(smaller).end().count(" 0 differences") == len(smaller.splitlines())
    replaced = {"-O2": "-O0", "./kernel_test 10": "./kernel_test 0.002"}
    assert "no difference" in start(changed(kernel_test, replaced)).end()
