"""A device as a systemd service with a watchdog: systemd restarts it when it is not healthy.

    python examples/watchdog.py                   with stand-ins for the platform and systemd, started here
    python examples/watchdog.py HOST DEVICE       the service, on a broker without TLS

    [Service]
    Type=notify
    ExecStart=/opt/pump/bin/python /opt/pump/watchdog.py mqtt.example.com pump-7
    WatchdogSec=30
    Restart=on-failure
    StateDirectory=pump

A network outage does not count as unhealthy, since a restart would not fix it. Waiting rows are in the outbox file and
survive a restart.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

from smartrest.device import Device, Health

SILENCE = 120.0  # seconds without an acknowledgement, while online with rows waiting, that count as unhealthy


def notify(*lines: str) -> None:
    """Like `sd_notify`: send one datagram to the socket named by systemd. Without systemd, do nothing."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        sock.sendall("\n".join(lines).encode())


def is_healthy(health: Health, patience: float) -> bool:
    """Whether the device's thread is running and its rows are being acknowledged."""
    if health.idle_for is None or health.idle_for > patience:
        return False
    silent = min(health.acknowledged_ago or 0.0, health.connected_for or 0.0)
    return not (health.online and health.waiting_rows and silent > SILENCE)


def status(health: Health) -> str:
    """One line for `systemctl status`."""
    return (
        f"STATUS={health.state}, {health.waiting_rows} rows waiting, {health.dropped} dropped, "
        f"{health.operations} operations, outbox {health.outbox_failure or 'fine'}"
    )


def watch(device: Device, stop: threading.Event) -> None:
    """Feed the watchdog three times per timeout while the device is healthy."""
    patience = int(os.environ.get("WATCHDOG_USEC", "30000000")) / 1e6
    while not stop.wait(patience / 3):
        health = device.health()
        notify(*(["WATCHDOG=1"] if is_healthy(health, patience) else []), status(health))


def serve(device: Device, stop: threading.Event) -> None:
    """The service: sends measurements, and slows down instead of dropping them when the queue is full."""
    watcher = threading.Thread(target=watch, args=(device, stop))
    with device:
        notify("READY=1", status(device.health()))
        watcher.start()
        while not stop.wait(0.2):
            device.send(("200", "c8y_Temperature", "T", 21.5, "C"), block=True)
        notify("STOPPING=1")
    watcher.join()


def main() -> None:
    """Run the service on the given broker, or demonstrate it."""
    if len(sys.argv) == 3:
        outbox = Path(os.environ.get("STATE_DIRECTORY", "."), "outbox.db")
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        serve(Device(sys.argv[1], sys.argv[2], tls=False, outbox=outbox), stop)
    elif not hasattr(socket, "AF_UNIX"):
        print("this example needs Unix sockets, as systemd does")
    else:
        from smartrest.testing import BrokerError

        try:
            demonstrate()
        except BrokerError as error:
            sys.exit(str(error))


def demonstrate() -> None:
    """A healthy device feeds the watchdog; one with a hanging listener does not."""
    from smartrest.device import Delivered
    from smartrest.testing import Platform

    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"{folder}/notify")
        systemd.settimeout(10.0)
        os.environ |= {"NOTIFY_SOCKET": f"{folder}/notify", "WATCHDOG_USEC": "2000000"}
        with Platform("amqtt") as platform:
            device = Device(platform.host, "pump-7", port=platform.port, tls=False, outbox=f"{folder}/outbox.db")
            hang, stop = threading.Event(), threading.Event()
            device.listen(Delivered)(lambda event: hang.is_set() and time.sleep(4.0))
            service = threading.Thread(target=serve, args=(device, stop))
            service.start()
            told = [systemd.recv(4096).decode()]
            while sum("WATCHDOG=1" in text for text in told) < 2 or "online" not in told[-1]:
                told.append(systemd.recv(4096).decode())
            hang.set()
            while "WATCHDOG=1" in told[-1]:
                told.append(systemd.recv(4096).decode())
            hang.clear()
            stop.set()
            service.join()
            assert told[0].startswith("READY=1")
            print(*told, sep="\n")


if __name__ == "__main__":
    main()
