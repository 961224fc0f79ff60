"""A device on gmqtt."""

from __future__ import annotations

import asyncio
import sys

from mqtt_commands import DOWN, PENDING, UP, answers, hello, main

try:
    import gmqtt
except ModuleNotFoundError as error:
    sys.exit(f"{error}: {sys.executable} -m pip install -e '.[dev]', in the folder of the clone")


async def device(host: str, port: int, device_id: str) -> None:
    inbox: asyncio.Queue[bytes] = asyncio.Queue()
    client = gmqtt.Client(device_id)
    client.on_message = lambda client, topic, payload, qos, properties: inbox.put_nowait(payload) or 0
    client.on_subscribe = lambda client, *_: client.publish(UP, PENDING, qos=1)
    client.on_connect = lambda client, *_: (client.publish(UP, hello(device_id), qos=1), client.subscribe(DOWN, 1))
    await client.connect(host, port, version=gmqtt.constants.MQTTv311)
    while True:
        for topic, payload in answers(device_id, await inbox.get()):
            client.publish(topic, payload, qos=1)


if __name__ == "__main__":
    main(device)
