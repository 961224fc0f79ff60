"""`smartrest watch` on a broker: what passes, named, faults marked, counted at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

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


def read_until(process: subprocess.Popen[str], word: str, client: Any) -> str:
    """The output up to a line with `word`; greets until the watcher has subscribed."""
    assert process.stdout is not None
    text = ""
    deadline = time.monotonic() + 30
    while word not in text and time.monotonic() < deadline:
        text += process.stdout.readline()
    return text


@pytest.mark.parametrize("kind", BROKERS)
def test_traffic_is_named_and_counted(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "acme.csv"
    file.write_bytes(b"11,dm1,,acme_Op,name\n")
    with Broker(kind) as broker, MqttClient("dev1", broker.port) as client:
        watch = start(
            "127.0.0.1", "--port", broker.port, "--no-tls", "--topic-prefix", "c8y", "--collection", file, "--for", "4"
        )
        time.sleep(2.5)
        client.publish("c8y/s/us", b"211,21.5\n200,a")
        client.publish("c8y/s/dc/acme", b"dm1,dev1,x")
        client.publish("c8y/s/us", b'400,t,"open')
        client.publish("c8y/s/dat", b"71,secret-token")
        client.publish("c8y/te/x", b"\xff\x1b[31m")
        client.publish("c8y/event/events/create", b'{"type": "t"}')
        out, err = watch.communicate(timeout=30)
    assert (watch.returncode, err) == (0, "")
    assert "211 create_temperature  temperature=21.5" in out
    assert "200 a  200 create_measurement: series: mandatory value missing" in out
    assert "dm1  device_id=dev1  name=x" in out
    assert "quoted field is never closed" in out
    assert "secret-token" not in out
    assert "\x1b" not in out
    assert '{"type": "t"}' in out
    last = out.rstrip("\n").rpartition("\n")[2]
    assert last.startswith("6 messages, 69 bytes in ")
    assert "c8y/s/us 2 (" in last


def test_it_ends_with_a_signal_and_says_what_is_wrong() -> None:
    with Broker("auto") as broker:
        watch = start("127.0.0.1", "s/#", "--port", broker.port, "--no-tls")
        time.sleep(2.5)
        watch.send_signal(signal.SIGINT)
        out, _ = watch.communicate(timeout=20)
        assert watch.returncode == 130
        assert out.startswith("0 messages, 0 bytes in ")
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
