"""A device on amqtt."""

from __future__ import annotations

import sys

from mqtt_commands import DOWN, PENDING, UP, answers, hello, main

try:
    from amqtt.client import MQTTClient
except ModuleNotFoundError as error:
    sys.exit(f"{error}: {sys.executable} -m pip install -e '.[testing]', in the folder of the clone")


async def device(host: str, port: int, device_id: str) -> None:
    client = MQTTClient(device_id)
    await client.connect(f"mqtt://{host}:{port}")
    await client.publish(UP, hello(device_id), qos=1)
    await client.subscribe([(DOWN, 1)])
    await client.publish(UP, PENDING, qos=1)
    while (message := await client.deliver_message()) is not None:
        for topic, payload in answers(device_id, message.data or b""):
            await client.publish(topic, payload, qos=1)


if __name__ == "__main__":
    main(device)
