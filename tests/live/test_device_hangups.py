"""Both devices and servers that accept a connection but do not answer, and what devices leave behind."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support_device import QUICK, Make

from smartrest import decode
from smartrest.device import AsyncDevice, Closed, Dropped, Lost, MessageReceived, OperationReceived
from smartrest.mqtt import Backoff
from smartrest.testing import Broker, Platform, Wire

SLOW = replace(QUICK, connect=20.0)  # far longer than these tests wait


class Server:
    """Accepts connections on a free port and passes each to `serve`; sets `gone` when a client closes."""

    host = "127.0.0.1"

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._listener = socket.create_server((self.host, 0))
        self.port = self._listener.getsockname()[1]
        self.taken, self.gone = threading.Semaphore(0), threading.Semaphore(0)
        self._serve = serve
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(client,), daemon=True).start()

    def _one(self, client: socket.socket) -> None:
        with client:
            self.taken.release()
            with contextlib.suppress(OSError):  # a reset also counts
                self._serve(client)
            self.gone.release()

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def server() -> Iterator[Callable[[Callable[[socket.socket], None]], Server]]:
    made: list[Server] = []

    def make(serve: Callable[[socket.socket], None]) -> Server:
        made.append(Server(serve))
        return made[-1]

    yield make
    for each in made:
        each.close()


def read_to_the_end(client: socket.socket) -> None:
    client.settimeout(30)
    while client.recv(65_536):
        pass


def test_a_connection_closed_before_its_connack_is_noticed_at_once(make: Make, server: Any) -> None:
    device = make(server(lambda client: client.recv(1000)), limits=SLOW)
    begin = time.monotonic()
    device.start()
    device.wait_event(Lost, 2, 5)
    device.stop()
    assert time.monotonic() - begin < 5


def test_stopping_while_the_connack_is_awaited_closes_the_connection(make: Make, server: Any) -> None:
    silent = server(read_to_the_end)
    device = make(silent, limits=SLOW)
    device.start()
    assert silent.taken.acquire(timeout=5)
    device.stop()
    assert silent.gone.acquire(timeout=5)


def test_a_connection_without_connack_is_closed_before_the_next(make: Make, server: Any) -> None:
    silent = server(read_to_the_end)
    device = make(silent, limits=replace(QUICK, connect=0.3))
    device.start()
    device.wait_event(Lost, 3)
    for _ in range(2):
        assert silent.gone.acquire(timeout=5)


def test_a_connection_that_opens_after_the_stop_is_closed(make: Make, server: Any, pki: Path) -> None:
    """The TLS handshake takes long, in a thread that cannot be stopped."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "server.pem", pki / "server.key")
    stopped = threading.Event()

    def late(client: socket.socket) -> None:
        assert stopped.wait(10)
        time.sleep(0.2)
        with context.wrap_socket(client, server_side=True) as secured:
            read_to_the_end(secured)

    slow = server(late)
    device = make(slow, limits=SLOW, tls=True, ca_file=pki / "ca.pem")
    device.start()
    assert slow.taken.acquire(timeout=5)
    time.sleep(0.1)
    device.stop()
    stopped.set()
    assert slow.gone.acquire(timeout=3)


def test_a_handshake_has_the_time_of_the_connack(make: Make, server: Any, pki: Path) -> None:
    """It is not paho's five seconds, which are too short for slow networks."""
    silent = server(read_to_the_end)
    device = make(silent, limits=replace(QUICK, connect=0.5), tls=True, ca_file=pki / "ca.pem")
    device.start()
    device.wait_event(Lost, 1, 3)
    assert silent.gone.acquire(timeout=2)


def test_stopping_does_not_wait_for_a_handshake(make: Make, server: Any, pki: Path) -> None:
    silent = server(read_to_the_end)
    device = make(silent, limits=SLOW, tls=True, ca_file=pki / "ca.pem")
    device.start()
    assert silent.taken.acquire(timeout=5)
    begin = time.monotonic()
    device.stop()
    assert time.monotonic() - begin < 2
    device.wait_event(Closed)


def test_the_end_of_the_loop_does_not_wait_for_a_handshake(server: Any, pki: Path) -> None:
    """The loop waits for the threads of its pool, in which aiomqtt connects."""
    silent = server(read_to_the_end)

    async def life() -> None:
        device = AsyncDevice(silent.host, "dev", port=silent.port, ca_file=pki / "ca.pem", limits=SLOW)
        await device.start()
        await asyncio.sleep(0.3)
        await device.stop()

    begin = time.monotonic()
    asyncio.run(life())
    assert time.monotonic() - begin < 3


def test_a_payload_marked_as_duplicate(smartrest_platform: Platform, make: Make) -> None:
    """As from a broker that has not seen the acknowledgement."""
    with Wire(smartrest_platform.port) as wire:
        device = make(wire)
        device.operation("c8y_Command")(lambda operation: "done")
        device.start(10)
        time.sleep(QUICK.settle + 0.1)  # otherwise 500 would be sent again
        for flags, row in ((0x32, b"511,dev,ls"), (0x3A, b"511,dev,ls"), (0x32, b"999,dev")):
            payload = b"\x00\x04s/ds\x00\x07" + row
            wire.inject(bytes((flags, len(payload))) + payload)
        device.wait_event(MessageReceived)
        device.wait_event(OperationReceived)
        assert sum(isinstance(event, OperationReceived) for event in device.events) == 1


@pytest.mark.needs("mosquitto")
def test_an_abort_lets_the_last_will_speak(make: Make) -> None:
    """An abandoned connection ends without DISCONNECT."""
    from smartrest.mqtt import last_will

    with Broker("mosquitto") as broker, Platform(broker) as platform, Wire(broker.port) as wire:
        device = make(wire, last_will=last_will("gone"), limits=replace(QUICK, acknowledge=0.5))
        device.start(10)
        wire.stall(up=False)
        device.send(("200", "c8y_T", "T", 1))
        device.wait_event(Lost)
        platform.wait_for(lambda: ("400", "c8y_ConnectionEvent", "gone") in platform.published("s/us"))
        wire.resume()


def test_sending_while_the_loop_is_stopped(smartrest_platform: Platform) -> None:
    """Between two calls of `run_until_complete`, as in a notebook."""
    loop = asyncio.new_event_loop()
    device = AsyncDevice(smartrest_platform.host, "dev", port=smartrest_platform.port, tls=False, limits=QUICK)
    loop.run_until_complete(device.start(10))
    sent = threading.Thread(target=lambda: device.send(("200", "c8y_T", "T", 1)), daemon=True)
    sent.start()
    sent.join(5)
    assert not sent.is_alive()
    assert loop.run_until_complete(device.flush(5))
    loop.run_until_complete(device.stop())
    loop.close()
    smartrest_platform.wait_for(lambda: ("200", "c8y_T", "T", "1") in smartrest_platform.published("s/us"))


@pytest.fixture
def censored(smartrest_platform: Platform, server: Any) -> Callable[[bytes], Server]:
    """A proxy before the broker that hangs up on packets with these bytes."""

    def make(word: bytes) -> Server:
        def censor(client: socket.socket) -> None:
            with socket.create_connection((smartrest_platform.host, smartrest_platform.port)) as broker:

                def down() -> None:
                    with contextlib.suppress(OSError):
                        while chunk := broker.recv(65_536):
                            client.sendall(chunk)

                threading.Thread(target=down, daemon=True).start()
                while chunk := client.recv(65_536):
                    if word in chunk:
                        client.shutdown(socket.SHUT_RDWR)
                        return
                    broker.sendall(chunk)

        return server(censor)  # type: ignore[no-any-return]  # the fixture's function

    return make


def test_a_row_that_the_server_hangs_up_on(smartrest_platform: Platform, make: Make, censored: Any) -> None:
    """Whatever the reason (a proxy, a quota, a broken broker): it is given up, and all else arrives."""
    device = make(censored(b"poison"), children=["c1"])
    device.start(10)
    for number in range(200):
        device.send(("400", "poison" if number == 20 else "fine", str(number)))
        device.send(("400", "fine", str(number)), child="c1")
    dropped = device.wait_event(Dropped)
    assert device.flush(30)
    assert (dropped.reason, decode(dropped.payload)) == ("hang_up", [("400", "poison", "20")])
    assert device.statistics.dropped == 1
    for topic, left_out in (("s/us", {20}), ("s/us/c1", set())):
        numbers = [int(row[2]) for row in smartrest_platform.published(topic) if row[0] == "400"]
        assert sorted(set(numbers)) == sorted(set(range(200)) - left_out)
    assert sum(isinstance(event, Lost) for event in device.events) <= 6


@pytest.mark.parametrize(
    ("word", "dropped", "status"),
    [
        (b"poison", [("503", "c8y_Command", "poison")], "SUCCESSFUL"),
        (b"503,c8y_Command", [("503", "c8y_Command", "poison"), ("503", "c8y_Command")], "FAILED"),
    ],
    ids=["text", "row"],
)
def test_an_answer_that_the_server_hangs_up_on(
    word: bytes, dropped: list[Any], status: str, smartrest_platform: Platform, make: Make, censored: Any
) -> None:
    """It is sent without its text, or 507 instead; other operations and data arrive, and the connection lasts."""
    device = make(censored(word), limits=replace(QUICK, backoff=Backoff(0.05, 0.1)))
    device.operation("c8y_Command")(lambda operation: operation.parameters["command"])
    device.operation("c8y_Restart")(lambda operation: None)
    device.start(10)
    (bad,) = smartrest_platform.send(("511", "dev", "poison"))
    (good,) = smartrest_platform.send(("510", "dev"))
    for number in range(50):
        device.send(("400", "fine", str(number)))
    assert bad.wait_for(status, seconds=30)
    assert good.wait_for("SUCCESSFUL", seconds=30)
    assert device.flush(30)
    assert [decode(event.payload)[0] for event in device.events if isinstance(event, Dropped)] == dropped
    assert {int(row[2]) for row in smartrest_platform.published("s/us") if row[0] == "400"} == set(range(50))
    (last,) = smartrest_platform.send(("510", "dev"))
    assert last.wait_for("SUCCESSFUL", seconds=30)


@pytest.mark.parametrize(
    ("word", "dropped"),
    [
        (b"100,", [("100", "dev", "c8y_MQTTDevice")]),
        (b"101,c1", [("101", "c1", "c1")]),
        (b"507,,again", [("507", "", "again")] * 2),
        (b"500", [("500",)]),
    ],
    ids=["device", "child", "left over", "list"],
)
def test_a_row_of_the_opening_that_the_server_hangs_up_on(
    word: bytes, dropped: list[Any], smartrest_platform: Platform, make: Make, censored: Any
) -> None:
    """The device comes online without it, and data arrives."""
    limits = replace(QUICK, backoff=Backoff(0.05, 0.1))
    device = make(censored(word), children=["c1"], restarted="again", limits=limits)
    device.operation("c8y_Command")(lambda operation: "done")
    for number in range(20):
        device.send(("400", "fine", str(number)))
    device.start()
    assert device.flush(30)
    device.wait_for(lambda events: sum(isinstance(event, Dropped) for event in events) == len(dropped))
    device.wait_online(10)
    found = [event for event in device.events if isinstance(event, Dropped)]
    assert [decode(event.payload)[0] for event in found] == dropped
    assert {event.reason for event in found} == {"hang_up"}
    assert {int(row[2]) for row in smartrest_platform.published("s/us") if row[0] == "400"} == set(range(20))
    (operation,) = smartrest_platform.send(("511", "dev", "x"))
    if word.startswith(b"10"):
        assert operation.wait_for("SUCCESSFUL", seconds=10)
