"""A device on aiomqtt."""

from __future__ import annotations

import sys

from mqtt_commands import DOWN, PENDING, UP, answers, hello, main

try:
    import aiomqtt
except ModuleNotFoundError as error:
    sys.exit(f"{error}: {sys.executable} -m pip install -e '.[device,testing]', in the folder of the clone")


async def device(host: str, port: int, device_id: str) -> None:
    async with aiomqtt.Client(host, port, identifier=device_id) as client:
        await client.publish(UP, hello(device_id), qos=1)
        await client.subscribe(DOWN, qos=1)
        await client.publish(UP, PENDING, qos=1)
        async for message in client.messages:
            if isinstance(message.payload, bytes):
                for topic, payload in answers(device_id, message.payload):
                    await client.publish(topic, payload, qos=1)


if __name__ == "__main__":
    main(device)
