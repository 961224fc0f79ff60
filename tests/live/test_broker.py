"""The brokers of `smartrest.testing`, both kinds: ports, logins, TLS, WebSocket, limits, crashes."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support_mqtt import BROKERS, MqttClient

from smartrest import PACKET_LIMIT, payload_budget
from smartrest.testing import Broker, BrokerError, Wire


@pytest.fixture(params=BROKERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def broker(kind: str) -> Iterator[Broker]:
    with Broker(kind) as running:
        yield running


def test_it_carries_messages_and_ends(kind: str) -> None:
    with Broker(kind) as broker, MqttClient("a", broker.port) as a, MqttClient("b", broker.port) as b:
        assert b.subscribe("some/topic") == [True]
        a.publish("some/topic", b"x")
        b.wait(lambda: b.received == [("some/topic", b"x")])
    assert not broker.running
    assert broker.log == ""  # the folder is gone
    with pytest.raises(OSError, match="refused"):
        MqttClient("a", broker.port).__enter__()


@pytest.mark.parametrize("packet", [b"", b"\x10", b"\xc0\x00", b"\x10\x02\x00\x09", b"\x00" * 20])
def test_a_connection_without_connect_is_closed(broker: Broker, packet: bytes) -> None:
    with socket.create_connection(("127.0.0.1", broker.port), timeout=5) as client:
        client.sendall(packet)
        with contextlib.suppress(OSError):  # the broker was faster
            client.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b""


def test_a_killed_broker_comes_back_on_its_port(broker: Broker) -> None:
    port = broker.port
    with MqttClient("a", port) as client:
        broker.kill()
        client.wait(lambda: len(client.losses) == 1)
        assert not broker.running
        client.connack = None
        broker.start()
        assert broker.port == port
        client.wait(lambda: client.connack is not None)


def test_a_broker_is_killed_at_once_while_clients_send(broker: Broker) -> None:
    ended = threading.Event()

    def flood(client: MqttClient) -> None:
        while not ended.wait(0.0005):
            client.paho.publish("some/topic", b"x" * 10_000, 1)

    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(MqttClient(f"c{number}", broker.port)) for number in range(5)]
        for client in clients:
            client.subscribe("some/#")
        threads = [threading.Thread(target=flood, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        began = time.monotonic()
        broker.kill()
        took = time.monotonic() - began
        ended.set()
        for thread in threads:
            thread.join()
        assert took < 5
        broker.start()


@pytest.mark.parametrize("over", [0, 1])
def test_the_packet_limit_is_exact(broker: Broker, over: int) -> None:
    size = payload_budget("s/us", qos=1) + over
    with MqttClient("a", broker.port) as client, MqttClient("b", broker.port) as other:
        other.subscribe("s/us")
        client.paho.publish("s/us", b"x" * size, 1)
        if over:
            client.wait(lambda: len(client.losses) == 1)
            assert other.received == []
        else:
            other.wait(lambda: len(other.received) == 1)
            assert client.losses == []
    assert size <= PACKET_LIMIT


def test_a_limit_can_be_lifted(kind: str) -> None:
    with Broker(kind, packet_limit=None) as broker, MqttClient("a", broker.port) as client:
        client.publish("s/us", b"x" * 100_000)


def test_users_are_checked_and_can_change_while_it_runs(kind: str) -> None:
    with Broker(kind, users={"t1/device_a": 'p"w,1'}) as broker:
        with MqttClient("a", broker.port, username="t1/device_a", password='p"w,1') as client:
            assert client.connack.value == 0
        with MqttClient("a", broker.port, username="t1/device_a", password="wrong") as client:
            assert str(client.connack) == "Not authorized"
        broker.set_users({"t1/new": "n"})
        with MqttClient("a", broker.port, username="t1/device_a", password='p"w,1') as client:
            assert str(client.connack) == "Not authorized"
        with MqttClient("a", broker.port, username="t1/new", password="n") as client:
            assert client.connack.value == 0


def test_without_users_there_are_none_to_change(broker: Broker) -> None:
    with pytest.raises(BrokerError, match="accepts any user"):
        broker.set_users({})


def test_websocket(kind: str) -> None:
    with Broker(kind, websocket=True) as broker:
        client = MqttClient("a", broker.websocket_port, websocket=True)
        with client:
            client.subscribe("t")
            client.publish("t", b"x")
            client.wait(lambda: client.received == [("t", b"x")])


def test_no_websocket_port_unless_asked_for(broker: Broker) -> None:
    with pytest.raises(BrokerError, match="websocket=True"):
        assert broker.websocket_port


def greet(port: int, context: ssl.SSLContext) -> bytes:
    """The broker's answer to a CONNECT over TLS; empty if it closes."""
    with (
        socket.create_connection(("127.0.0.1", port), 5) as bare,
        context.wrap_socket(bare, server_hostname="127.0.0.1") as secure,
    ):
        try:
            secure.sendall(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04dev1")
            return secure.recv(4)
        except OSError:
            return b""


def test_tls(kind: str, pki: Path) -> None:
    context = ssl.create_default_context(cafile=str(pki / "ca.pem"))
    with Broker(kind, certfile=pki / "server.pem", keyfile=pki / "server.key") as broker:
        with MqttClient("a", broker.port, context=context) as client:
            client.publish("t", b"x")
        with pytest.raises(ssl.SSLCertVerificationError):
            greet(broker.port, ssl.create_default_context())


def test_mutual_tls(kind: str, pki: Path) -> None:
    with Broker(
        kind,
        certfile=pki / "server.pem",
        keyfile=pki / "server.key",
        cafile=pki / "ca.pem",
        use_identity_as_username=True,
    ) as broker:
        context = ssl.create_default_context(cafile=str(pki / "ca.pem"))
        context.load_cert_chain(pki / "device.pem", pki / "device.key")
        with MqttClient("dev1", broker.port, context=context) as client:
            client.publish("t", b"x")
        bare = ssl.create_default_context(cafile=str(pki / "ca.pem"))
        assert greet(broker.port, bare) in (b"", b"\x20\x02\x00\x05")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"kind": "other"}, "kind must be"),
        ({"certfile": "x"}, "given together"),
        ({"require_certificate": True}, "client certificates need"),
    ],
)
def test_wrong_options(options: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Broker(**options)  # type: ignore[arg-type]  # wrong on purpose


def test_a_broker_that_does_not_start_says_why(kind: str, pki: Path) -> None:
    broken = Broker(kind, certfile=pki / "device.key", keyfile=pki / "server.key")
    with pytest.raises(BrokerError, match="did not start on port"):
        broken.start()
    assert not broken.running
    broken.close()


def test_a_taken_port_is_an_error(broker: Broker, kind: str) -> None:
    second = Broker(kind, port=broker.port)
    with pytest.raises(BrokerError, match="did not start"):
        second.start()
    second.close()


def test_the_wire_cuts_stalls_refuses_and_injects(broker: Broker) -> None:
    with Wire(broker.port) as wire, MqttClient("a", wire.port) as client:
        client.subscribe("t")
        wire.cut()
        client.wait(lambda: len(client.losses) == 1)
        client.wait(lambda: wire.accepted == 2, seconds=5)
        client.wait(lambda: client.paho.is_connected())
        client.subscribe("t")
        wire.stall()
        client.paho.publish("t", b"late", 1)
        with pytest.raises(AssertionError):
            client.wait(lambda: bool(client.received), seconds=0.2)
        wire.resume()
        client.wait(lambda: client.received == [("t", b"late")])
        wire.inject(bytes((0x30, 4, 0, 1)) + b"tx")
        client.wait(lambda: client.received[1:] == [("t", b"x")])
        wire.refuse(4)
        with MqttClient("b", wire.port) as other:
            assert str(other.connack) == "Bad user name or password"


def test_no_broker_outlives_the_program(kind: str, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom smartrest.testing import Broker\n"
        f"broker = Broker({kind!r}).start()\nprint(broker.port, flush=True)\nraise SystemExit(3)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 3, done.stderr
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(done.stdout)), 1)
