"""The commands that run devices and the stand-in platform, run as programs, with their exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from support_mqtt import BROKERS, MqttClient

from smartrest.cli import main
from smartrest.cli._agent import Agent
from smartrest.cli._config import About, Allowed, ChildTable, Connection, Login, Measurements, Series, load
from smartrest.device.durable import DurableOutbox
from smartrest.testing import Platform
from smartrest.testing.broker import free_port

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}


def smartrest(*arguments: str, text: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "smartrest", *arguments],
        input=text,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=60,
        env={**ENVIRONMENT, **environment},
    )


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Platform() as running:
        yield running


@pytest.mark.parametrize("kind", BROKERS)
def test_the_demo_shows_the_whole_life_cycle_twice_and_ends(kind: str) -> None:
    result = smartrest("demo", "--broker", kind)
    assert (result.returncode, result.stderr) == (0, "")
    wire = [re.sub(r" +", " ", line) for line in result.stdout.split("The platform now knows")[0].splitlines()]
    for name in ("paho", "aio"):
        root, pump = f"demo-{name}", f"pump-{name}"
        expected = [  # in this order
            f"connect {root}",
            "subscribe s/dcr",
            "publish s/ucr (empty)",
            f"receive s/dcr 70 device_credentials tenant_id=t0815 username=device_{root} password=(24 characters)",
            "disconnect",
            f"connect {root}",
            f"publish s/us 100 create_device device_name='Demo device {name}' device_type=c8y_MQTTDevice",
            f" 101 create_child_device child_id={pump} device_name='Demo child'",
            "subscribe s/ds",
            "publish s/us 500 get_pending_operations",
            " 200 create_measurement fragment=c8y_Temperature series=T value=21.5 unit=C",
            f"publish s/us/{pump} 211 create_temperature temperature=-4.25",
            rf"receive s/ds 511 command device_id={root} command='echo \"hello, world\"\nand a second line'".replace(
                '\\"', '"'
            ),
            f" 510 restart device_id={pump}",
            "publish s/us 501 set_operation_executing fragment=c8y_Command",
            "publish s/us 503 set_operation_successful fragment=c8y_Command result_parameters=['I was told: echo",
        ]
        place = 0
        for line in expected:
            found = [number for number in range(place, len(wire)) if wire[number].startswith(line)]
            assert found, f"{line!r} is not after line {place} of\n{result.stdout}"
            place = found[0] + 1
        tail = wire[wire.index(f"connect {root}") :]
        for line in (
            "publish s/uat (empty)",
            "receive s/dat 71 jwt_token token=(",
            f"publish s/us/{pump} 501 set_operation_executing fragment=c8y_Restart",
            f"publish s/us/{pump} 503 set_operation_successful fragment=c8y_Restart",
        ):
            assert any(seen.startswith(line) for seen in tail), line
    assert result.stdout.count("c8y_Command of demo-") == 2
    assert "\x1b" not in result.stdout


def test_one_client_of_the_demo(platform: Platform) -> None:
    result = smartrest("demo", "--client", "async")
    assert result.returncode == 0
    assert "demo-aio" in result.stdout
    assert "demo-paho" not in result.stdout


def test_a_demo_without_its_broker_fails() -> None:
    code = (
        "import smartrest.testing.broker.broker as broker, smartrest.cli as cli\n"
        "broker.find_mosquitto = lambda: None\n"
        "raise SystemExit(cli.main(['demo', '--broker', 'mosquitto']))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT)
    assert result.returncode == 1
    assert "smartrest: demo: mosquitto is not installed" in result.stderr


def config(tmp_path: Path, port: int, more: str = "", source: str = "none", device: str = "") -> str:
    path = tmp_path / "agent.toml"
    path.write_text(
        f"""
[connection]
host = "127.0.0.1"
port = {port}
tls = false
[device]
client_id = "agent-1"
{device}
[[children]]
id = "pump"
[measurements]
source = "{source}"
interval = 0.2
[[measurements.series]]
fragment = "c8y_Temperature"
series = "T"
high = 25
[[measurements.series]]
fragment = "c8y_Pressure"
series = "p"
shape = "random"
child = "pump"
{more}
"""
    )
    return str(path)


def test_the_agent_works_off_operations_and_no_shell(platform: Platform, tmp_path: Path) -> None:
    agent = subprocess.Popen(
        [sys.executable, "-m", "smartrest", "device", "run", config(tmp_path, platform.port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    try:
        platform.wait_for_device("pump", 20)
        sent = platform.send(
            ("511", "agent-1", 'echo "a, b"; $(reboot)'),
            ("511", "agent-1", "touch /tmp/smartrest-was-here"),
            ("513", "agent-1", "a=1\nb=2"),
            ("517", "agent-1", "all"),
            ("519", "agent-1", "OPEN", "CLOSED"),
            ("518", "pump", "HALF"),
            ("510", "pump"),
            ("515", "agent-1", "fw", "1", "http://x"),
        )
        echo, touch, configuration, measure, relays, relay, restart, firmware = [op.wait(20) for op in sent]
    finally:
        agent.send_signal(signal.SIGTERM)
        out, err = agent.communicate(timeout=20)
    assert agent.returncode == 143, err
    assert echo.result == '"a, b"; $(reboot)'
    assert touch.reason == "unknown command 'touch'; try help"
    assert configuration.status == measure.status == restart.status == "SUCCESSFUL"
    assert relays.results == ("OPEN", "CLOSED")
    assert relay.reason == "invalid state of a relay: 'HALF'"
    assert firmware.reason == "no handler for c8y_Firmware"
    root = platform.inventory["agent-1"]
    assert root.type == "smartrest_DemoAgent"
    assert root.fragments["c8y_Configuration"] == {"config": "a=1\nb=2"}
    assert "c8y_Firmware" not in root.fragments["c8y_SupportedOperations"]
    assert len(root.measurements) == len(platform.inventory["pump"].measurements) == 1
    assert "8 operations" in out
    assert platform.errors == []


def test_the_agent_sends_its_readings(platform: Platform, tmp_path: Path) -> None:
    lines = '200,a,s,1\n\n{"row": ["400", "e", "x, \\"y\\""], "child": "pump"}\n511,"cut\n{"row": 5}\n'
    lines += '\udcff\n{"\udcff"\n{"row":' + "[" * 100_000 + "\n200,a,s,2\n"
    result = smartrest("device", "run", config(tmp_path, platform.port, source="stdin"), text=lines)
    assert result.returncode == 1
    assert "smartrest: line 4 of standard input: quoted field is never closed" in result.stderr
    for number in (5, 6, 7, 8):
        assert f"smartrest: line {number} of standard input:" in result.stderr
    assert "Traceback" not in result.stderr
    assert ("200", "a", "s", "2") in platform.published("s/us")
    assert ("200", "a", "s", "1") in platform.published("s/us")
    assert ("400", "e", 'x, "y"') in platform.published("s/us/pump")


@pytest.mark.parametrize("way", ["option", "key"])
def test_the_agent_keeps_rows_in_its_outbox(way: str, platform: Platform, tmp_path: Path) -> None:
    path = tmp_path / "rows.db"
    options = ("--outbox", str(path)) if way == "option" else ()
    key = f"outbox = '{path}'" if way == "key" else ""
    lines = "".join(f"400,kept,{number}\n" for number in range(20))
    away = config(tmp_path, free_port(), device=key, source="stdin")
    killed = subprocess.Popen(
        [sys.executable, "-m", "smartrest", "device", "run", away, *options], stdin=subprocess.PIPE, env=ENVIRONMENT
    )
    assert killed.stdin is not None
    killed.stdin.write(lines.encode())
    killed.stdin.flush()
    deadline = time.monotonic() + 20
    while not path.exists() or rows_in(path) < 22:  # the agent's own two as well
        assert time.monotonic() < deadline
        time.sleep(0.05)
    killed.kill()
    killed.wait()
    killed.stdin.close()
    here = config(tmp_path, platform.port, device=key)
    result = smartrest("device", "run", here, *options, "--for", "2")
    assert result.returncode == 0, result.stderr
    assert [row[2] for row in platform.published("s/us") if row[:2] == ("400", "kept")] == list(map(str, range(20)))
    assert rows_in(path) == 0


def test_an_agent_that_stays_offline_reports_the_rows_in_its_outbox(tmp_path: Path) -> None:
    path = tmp_path / "rows.db"
    result = smartrest("device", "run", config(tmp_path, free_port()), "--outbox", str(path), "--for", "0.5")
    assert result.returncode == 1
    assert f"2 rows wait in {path}" in result.stdout


def test_an_outbox_in_use(tmp_path: Path) -> None:
    path = tmp_path / "rows.db"
    outbox = DurableOutbox(path, 1000, lambda topic: 1000)
    outbox.open()
    result = smartrest("device", "run", config(tmp_path, free_port()), "--outbox", str(path))
    outbox.end([])
    assert result.returncode == 2
    assert "in use by another device or process" in result.stderr


def rows_in(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection, suppress(sqlite3.Error):
        return int(connection.execute("SELECT count(*) FROM rows").fetchone()[0])
    return -1


def test_the_agent_generates_and_ends_in_time(platform: Platform, tmp_path: Path) -> None:
    result = smartrest("device", "run", config(tmp_path, platform.port, source="generator"), "--for", "1")
    assert result.returncode == 0, result.stderr
    temperatures = platform.inventory["agent-1"].measurements
    pressures = platform.inventory["pump"].measurements
    assert 3 <= len(temperatures) == len(pressures) <= 6
    assert all(0 <= value <= 25 for one in temperatures for value, _ in one.series.values())


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ("[device2]\na = 1", "unknown key device2; known: connection, login, device"),
        ("[login]\npassword = 'x'", "unknown key login.password"),
        ("[login]\ntenant = 't'\nuser = 'u'", "login.user needs password_env or password_file"),
        ("[login]\ntenant = 't'", "login.tenant needs login.user"),
        ("[login]\nuser = 'u'\npassword_env = 'NOT_THERE'", "login.user needs login.tenant"),
        ("[login]\npassword_env = 'NOT_THERE'", "login.password_env and password_file need tenant and user"),
        ("[login]\ntenant = 't'\nuser = 'u'\npassword_env = 'A'\npassword_file = 'b'", "exclude each other"),
        ("[login]\ntenant = 't'\nuser = 'u'\npassword_env = 'NOT_THERE'", "environment variable NOT_THERE, which is"),
        ("[login]\nuser = 'u'\nidentity = 'x'", "login accepts only one of"),
        ("[login]\nstore = 'x'", "login.store needs login.bootstrap_env"),
        ("[login]\nidentity = 'x'\nstore = 'x'", "login.store needs login.bootstrap_env"),
        ("[login]\nrenew = true", "login.renew needs login.identity"),
        ("[login]\nrebootstrap = true", "login.rebootstrap needs login.bootstrap_env"),
        ("[login]\nrebootstrap = 'yes'", "login.rebootstrap must be bool"),
        ("[operations]\nallow = ['c8y_RemoteAccessConnect']", "operations.allow must be one of c8y_Command"),
        ("[operations]\nallow = 'c8y_Command'", "operations.allow must be list"),
        ("[[measurements.series]]\nfragment = 'a'", "measurements.series[2] needs fragment and series"),
        ("[[children]]\nname = 'x'", "each of children needs an id"),
        ("[connection]\nport = 1", "Cannot declare"),
        ("[[children]]\nid = 'a/b'", "'a/b'"),
    ],
)
def test_a_configuration_that_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: str, text: str
) -> None:
    assert main(["device", "run", config(tmp_path, 1883, more)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("smartrest: ")
    assert text in error


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("high = 25", "high = nan", "measurements.series[0].low and high must be finite numbers"),
        ("high = 25", "low = nan", "measurements.series[0].low and high must be finite numbers"),
        ("high = 25", "high = inf", "measurements.series[0].low and high must be finite numbers"),
        ("high = 25", "low = -inf", "measurements.series[0].low and high must be finite numbers"),
        ("high = 25", "low = 2.0", "measurements.series[0].low and high must be finite numbers, low at most high"),
        ("high = 25", "period = nan", "measurements.series[0].period must be a number of seconds above 0"),
        ("high = 25", "period = inf", "measurements.series[0].period must be a number of seconds above 0"),
        ("high = 25", "period = -1", "measurements.series[0].period must be a number of seconds above 0"),
        ("interval = 0.2", "interval = nan", "measurements.interval must be a number of seconds above 0"),
        ("interval = 0.2", "interval = -1", "measurements.interval must be a number of seconds above 0"),
        ("port = 1883", "port = -1", "connection.port must be 1 to 65535"),
        ("port = 1883", "port = 65536", "connection.port must be 1 to 65535"),
        ('client_id = "agent-1"', 'client_id = "a"\nrequired_interval = -5', "device.required_interval must be 1 to"),
        ('client_id = "agent-1"', 'client_id = "a"\nrequired_interval = 32768', "device.required_interval must be 1"),
    ],
)
def test_a_number_that_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, text: str
) -> None:
    path = Path(config(tmp_path, 1883))
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new, 1))
    assert main(["device", "run", str(path)]) == 2
    assert text in capsys.readouterr().err


def test_an_agent_that_never_came_online_says_why(tmp_path: Path) -> None:
    result = smartrest("device", "run", config(tmp_path, free_port()), "--for", "1")
    assert result.returncode == 1
    assert "smartrest: the device never came online: " in result.stderr
    assert "refused" in result.stderr.splitlines()[-1].lower()


def test_the_agent_bootstraps_again_if_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOT", "secret")
    login = "[login]\nbootstrap_env = 'BOOT'\nrebootstrap = true"
    session = Agent(load(config(tmp_path, 1883, login))).device.session
    assert session.rebootstrap
    assert not Agent(load(config(tmp_path, 1883, login.replace("true", "false")))).device.session.rebootstrap


def test_the_configuration_in_the_examples_is_complete() -> None:
    """It has every key, set or as a comment."""
    path = ROOT / "examples" / "agent.toml"
    config = load(str(path))
    assert config.measurements.series[1].child == config.children[0].id
    text = path.read_text(encoding="utf-8")
    kinds = (Connection, Login, About, ChildTable, Series, Measurements, Allowed)
    missing = [one.name for kind in kinds for one in fields(kind) if f"{one.name} = " not in text]
    assert missing == []


def test_a_refused_agent_says_so(tmp_path: Path) -> None:
    with Platform(login="issued") as platform:
        more = "[login]\ntenant = 't'\nuser = 'u'\npassword_file = '" + str(tmp_path / "p") + "'"
        (tmp_path / "p").write_text("secret\n")
        result = smartrest("device", "run", config(tmp_path, platform.port, more), "--for", "1")
    assert "NOT_AUTHORIZED" in result.stderr
    assert "secret" not in result.stderr + result.stdout


@pytest.mark.alone
def test_a_hundred_simulated_devices() -> None:
    result = smartrest("device", "simulate", "--devices", "100", "--rate", "5", "--seconds", "2")
    assert result.returncode == 0, result.stderr
    figures = json.loads(result.stdout)
    assert figures["devices"] == figures["online"] == 100
    assert figures["acknowledged"] == figures["sent"] > 300
    assert figures["dropped"] == 0


def test_simulating_without_a_broker() -> None:
    command = ("device", "simulate", "--devices", "2", "--seconds", "0.5", "--no-tls", "--host", "127.0.0.1")
    result = smartrest(*command, "--port", str(free_port()))
    assert result.returncode == 1
    assert "2 devices never came online" in result.stderr
    assert "smartrest: 2 of them: " in result.stderr
    assert "refused" in result.stderr.splitlines()[-1].lower()


@pytest.mark.parametrize("kind", BROKERS)
def test_the_platform_command_prints_and_sends(kind: str) -> None:
    port = free_port()
    command = [sys.executable, "-m", "smartrest", "platform", "--port", str(port), "--broker", kind, "--ask"]
    pipe = subprocess.PIPE
    options: Any = {"text": True, "errors": "surrogateescape", "env": ENVIRONMENT}
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, **options) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        first = process.stdout.readline()
        assert f"MQTT at 127.0.0.1:{port}" in first
        with MqttClient("dev1", port) as client:
            client.publish("s/us", "100,Mine\n200,f\n999")
            client.subscribe("s/ds", "s/dcr")
            client.publish("s/ucr")
            process.stdin.write('\udcff\naccept dev1\n511,dev1,"ls, \x1b[31m"\n510,unknown\n')
            process.stdin.flush()
            assert client.wait_rows("s/ds") == [("511", "dev1", "ls, \x1b[31m")]
            client.publish("s/ucr")
            assert client.wait_rows("s/dcr")[0][:2] == ("70", "t0815")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")
    assert "100 create_device  device_name=Mine" in out
    assert "200 f  200 create_measurement: " in out
    assert "511 command  device_id=dev1  command='ls, \\x1b[31m'" in out
    assert "not sent: unknown device 'unknown'" in out
    assert "not sent: not valid UTF-8" in out
    assert "device dev1 'Mine'" in out.split("\n\n")[-1]
    assert "\x1b" not in out


def test_a_taken_port_is_wrong_usage(platform: Platform) -> None:
    result = smartrest("platform", "--port", str(platform.port))
    assert result.returncode == 2
    assert result.stderr.startswith("smartrest: ")
    assert "did not start on port" in result.stderr


def test_wrong_options(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMARTREST_PASSWORD", raising=False)
    for arguments in (["--devices", "0"], ["--rate", "nan"], ["--port", "70000"], ["--username", "t/u"]):
        assert main(["device", "simulate", "--host", "127.0.0.1", *arguments]) == 2
    assert "SMARTREST_PASSWORD" in capsys.readouterr().err
