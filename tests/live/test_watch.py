"""`smartrest watch` on a broker: what passes, named, faults marked, counted at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support_mqtt import BROKERS, MqttClient

from smartrest.testing import Broker


def start(*words: object, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "smartrest", "watch", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
    )


def read_until(process: subprocess.Popen[str], word: str) -> str:
    """The output up to the line with `word`."""
    assert process.stdout is not None
    text = ""
    while word not in text:
        line = process.stdout.readline()
        assert line, text
        text += line
    return text


@pytest.mark.parametrize("kind", BROKERS)
def test_traffic_is_named_and_counted(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "acme.csv"
    file.write_bytes(b"11,dm1,,acme_Op,name\n")
    with Broker(kind) as broker, MqttClient("dev1", broker.port) as client:
        client.publish("c8y/hello", b"hello", retain=True)  # so that the first line tells that it has subscribed
        watch = start("127.0.0.1", "--port", broker.port, "--no-tls", "--topic-prefix", "c8y", "--collection", file)
        out = read_until(watch, "hello")
        client.publish("c8y/s/us", b"211,21.5\n200,a")
        client.publish("c8y/s/dc/acme", b"dm1,dev1,x")
        client.publish("c8y/s/us", b'400,t,"open')
        client.publish("c8y/s/dat", b"71,secret-token")
        client.publish("c8y/te/x", b"\xff\x1b[31m")
        client.publish("c8y/event/events/create", b'{"type": "t"}')
        out += read_until(watch, "event/events")
        watch.send_signal(signal.SIGINT)
        rest, err = watch.communicate(timeout=30)
        out += rest
    assert (watch.returncode, err) == (130, "")
    assert "211 create_temperature  temperature=21.5" in out
    assert "200 a  200 create_measurement: series: mandatory value missing" in out
    assert "dm1  device_id=dev1  name=x" in out
    assert "quoted field is never closed" in out
    assert "secret-token" not in out
    assert "\x1b" not in out
    assert '{"type": "t"}' in out
    last = out.rstrip("\n").rpartition("\n")[2]
    assert last.startswith("7 messages, 74 bytes in ")
    assert "c8y/s/us 2 (" in last


def test_it_ends_with_a_signal_and_says_what_is_wrong() -> None:
    with Broker("auto") as broker, MqttClient("dev1", broker.port) as client:
        client.publish("s/us", b"500", retain=True)
        watch = start("127.0.0.1", "s/#", "--port", broker.port, "--no-tls")
        read_until(watch, "500 get_pending_operations")
        watch.send_signal(signal.SIGTERM)
        out, _ = watch.communicate(timeout=20)
        assert watch.returncode == 143
        assert out.startswith("1 messages, 3 bytes in ")
        port = broker.port
    for words, text in (
        (("127.0.0.1", "--port", port, "--no-tls"), "no connection to 127.0.0.1"),
        (("127.0.0.1", "--topic-prefix", "c8y/#", "--port", port), "topic prefix"),
    ):
        watch = start(*words)
        _, err = watch.communicate(timeout=30)
        assert watch.returncode == 2
        assert text in err


def test_a_refused_login_is_named() -> None:
    with Broker("auto", users={"a/b": "right"}) as broker:
        options = ("127.0.0.1", "--port", broker.port, "--no-tls", "--username", "a/b", "--for", "1")
        good, bad = start(*options, SMARTREST_PASSWORD="right"), start(*options, SMARTREST_PASSWORD="wrong")
        assert good.communicate(timeout=30)[1] == ""
        assert "connection refused" in bad.communicate(timeout=30)[1]
        assert (good.returncode, bad.returncode) == (0, 2)
