"""A device on paho-mqtt 2. The callback only fills a queue: it must not block, and a payload may hold a lot of work."""

from __future__ import annotations

import sys
from queue import SimpleQueue

from mqtt_commands import DOWN, PENDING, UP, answers, hello, main

try:
    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion
except ModuleNotFoundError as error:
    sys.exit(f"{error}: {sys.executable} -m pip install -e '.[device,testing]', in the folder of the clone")


def device(host: str, port: int, device_id: str) -> None:
    inbox: SimpleQueue[bytes | bytearray] = SimpleQueue()
    client = paho.Client(CallbackAPIVersion.VERSION2, device_id)
    client.on_message = lambda client, data, message: inbox.put(message.payload)
    client.on_subscribe = lambda client, *_: client.publish(UP, PENDING, qos=1)
    client.on_connect = lambda client, *_: (client.publish(UP, hello(device_id), qos=1), client.subscribe(DOWN, 1))
    client.connect(host, port)
    client.loop_start()
    while True:
        for topic, payload in answers(device_id, inbox.get()):
            client.publish(topic, payload, qos=1)


if __name__ == "__main__":
    main(device)
