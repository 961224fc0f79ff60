"""A device agent on a bare MQTT client: `on_message` fills a queue, one worker reads payloads and answers.

    python examples/worker.py                   on a stand-in for the platform, started here
    python examples/worker.py HOST DEVICE       on a broker without TLS; stop with Ctrl+C

A payload may hold any number of operations, and a client callback must not block, so the callback decodes nothing.
`smartrest.device` does all this and more; this is the smallest form that loses nothing.
"""

from __future__ import annotations

import queue
import sys
import threading
from contextlib import suppress
from typing import Any

import smartrest

try:
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion
except ModuleNotFoundError as error:
    sys.exit(f"{error}: {sys.executable} -m pip install -e '.[device,testing]', in the folder of the clone")

Message = tuple[str, bytes | bytearray]


class Agent:
    """Connects as `device_id`, creates the device and answers its operations."""

    def __init__(self, host: str, port: int, device_id: str) -> None:
        self._messages: queue.Queue[Message | None] = queue.Queue()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, device_id)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.connect(host, port)
        self._worker = threading.Thread(target=self._work)

    def __enter__(self) -> Agent:
        self._worker.start()
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._messages.put(None)
        self._worker.join()

    def _on_connect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            print(f"refused: {reason}", file=sys.stderr)
            return
        self.send("s/us", ("100", "Example pump", "acme_Pump"), ("114", "c8y_Command", "c8y_Restart"))
        self._subscribe()

    def _subscribe(self) -> None:
        self._client.subscribe([("s/ds", 1), ("s/e", 1)])

    def _on_subscribe(self, _client: mqtt.Client, _data: Any, _id: int, codes: list[Any], _properties: Any) -> None:
        if any(code.is_failure for code in codes):  # refused until the platform has created the device
            retry = threading.Timer(1.0, self._subscribe)
            retry.daemon = True
            retry.start()
        else:
            # Request the operations created while the device was offline. A command sent at this moment may arrive
            # twice; smartrest.device recognizes the repeat.
            self.send("s/us", ("500",))

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._messages.put((message.topic, message.payload))

    def _work(self) -> None:
        while (message := self._messages.get()) is not None:
            topic, payload = message
            try:
                rows = smartrest.decode(payload)
            except smartrest.DecodeError as error:
                print(f"{topic}: {error}", file=sys.stderr)
                rows = error.rows  # the whole rows before the fault; half a command never runs
            for row in rows:
                self._handle(topic, row)

    def _handle(self, topic: str, row: tuple[str, ...]) -> None:
        match row:
            case ("511", _device, text, *_):
                self.send("s/us", ("501", "c8y_Command"))
                answer = smartrest.truncate(("503", "c8y_Command", f"you said: {text}"))
                self.send("s/us", answer)
            case ("510", _device, *_):
                self.send("s/us", ("501", "c8y_Restart"), ("503", "c8y_Restart"))
            case (_, *rest) if topic == "s/e":
                print(f"error from the platform: {row[0]} {rest}", file=sys.stderr)
            case _:
                print(f"ignored: {row}")

    def send(self, topic: str, *rows: smartrest.RowLike) -> None:
        """Publish rows in as few payloads as possible."""
        for payload in smartrest.pack(rows, limit=smartrest.payload_budget(topic, qos=1)):
            self._client.publish(topic, payload, qos=1)


def main() -> None:
    """Run on the given broker until Ctrl+C, or demonstrate two operations."""
    if len(sys.argv) == 3:
        with Agent(sys.argv[1], 1883, sys.argv[2]), suppress(KeyboardInterrupt):
            threading.Event().wait()
        return
    from smartrest.testing import BrokerError

    try:
        demonstrate()
    except BrokerError as error:
        sys.exit(str(error))


def demonstrate() -> None:
    """Run two operations from a stand-in for the platform."""
    from smartrest.testing import Platform

    with Platform("amqtt") as platform, Agent(platform.host, platform.port, "pump-7"):
        platform.wait_for(lambda: ("500",) in platform.published("s/us"), what="the agent asked for no operations")
        text = 'say "open, please"\nthen wait'
        for operation in platform.send(("511", "pump-7", text), ("510", "pump-7")):
            operation.wait()
            print(operation.fragment, operation.status, repr(operation.result))
        assert operation.status == "SUCCESSFUL"
        assert platform.operations[0].result == f"you said: {text}"
        assert platform.errors == []


if __name__ == "__main__":
    main()
