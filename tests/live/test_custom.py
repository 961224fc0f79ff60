"""The page docs/collections.md as a test: build a collection, upload it, wait for 20, use it both ways, answer."""

from __future__ import annotations

import queue
import threading
from typing import Any

import pytest
from support_device import QUICK, LoopDevice
from support_mqtt import BROKERS

from smartrest.device import Device, MessageReceived, Operation
from smartrest.templates import Collection, number, parse
from smartrest.testing import Platform


@pytest.mark.parametrize("kind", BROKERS)
@pytest.mark.parametrize("make", [Device, LoopDevice])
def test_the_life_of_a_collection(kind: str, make: Any) -> None:
    c = Collection("com.acme.v1")
    c.post_measurement("pump", type="acme_Pump", custom={"rpm": number("acme_Pump.rpm.value")})
    c.get_inventory("whoami", external_id_type="c8y_Serial")
    c.response("me", name="$.name")
    c.operation("wifi", "acme_Wifi", name="acme_Wifi.name", ssid="acme_Wifi.ssid")
    with Platform(kind) as platform:
        device = make(platform.host, "dev1", port=platform.port, tls=False, limits=QUICK, collections=[c], name="Pump")
        created = threading.Event()
        named: queue.Queue[str] = queue.Queue()

        @device.listen(MessageReceived)
        def message(event: MessageReceived) -> None:
            if event.topic == "s/dt" and c.answer(event.row) is not None:
                created.set()
            elif event.topic == "s/dc/com.acme.v1":
                named.put(c.parse(event.row)["name"])

        @device.operation("acme_Wifi")
        def wifi(op: Operation) -> str:
            return f"joined {op.parameters['ssid']}"

        try:
            device.start()
            device.wait_online(20)
            device.publish(c.topic, c.payload)
            device.publish(c.topic, b"")
            assert created.wait(20)
            device.send(c.build("pump", rpm=1450), c.build("whoami", external_id="dev1"), ("211", 20))
            [operation] = platform.send(
                ("wifi", "dev1", "Factory", "onboarding"), topic="s/dc/com.acme.v1", fragment="acme_Wifi", to="dev1"
            )
            operation.wait(20)
            assert (operation.status, operation.result) == ("SUCCESSFUL", "joined onboarding")
            assert device.flush(20)
            assert named.get(timeout=20) == "Pump"
            assert platform.published("s/uc/com.acme.v1") == [("pump", "", "1450"), ("whoami", "dev1")]
            assert len(platform.inventory["dev1"].measurements) == 2
            assert platform.errors == []
        finally:
            device.stop(10)
            if make is LoopDevice:
                device.close()


ONE = Collection.parse(
    """10,100,GET,/identity/externalIds/c8y_Serial/%%,,application/json,%%,STRING,
10,101,PUT,/inventory/managedObjects/%%,application/json,application/json,%%,UNSIGNED STRING,"{""name"":""%%""}"
11,200,,$.managedObject,$.managedObject.id
11,300,,$.acme_Beep,$.acme_Beep.times
""",
    "old",
)


@pytest.mark.parametrize("make", [Device, LoopDevice])
def test_the_life_of_a_collection_of_smartrest_1(make: Any) -> None:
    with Platform() as platform:
        device = make(platform.host, "dev1", port=platform.port, tls=False, limits=QUICK, collections=[ONE])
        rows: queue.Queue[tuple[str, ...]] = queue.Queue()

        @device.listen(MessageReceived)
        def message(event: MessageReceived) -> None:
            assert event.topic == "s/dl/old"
            rows.put(event.row)

        @device.operation("acme_Beep")
        def beep(op: Operation) -> str:
            return f"{op.parameters['acme_Beep.times']} times"

        try:
            device.start()
            device.wait_online(20)
            device.publish(ONE.topic, ONE.payload)
            assert ONE.answer(rows.get(timeout=20)) is not None
            device.send(ONE.build("100", value_1="dev1"))
            found = parse(rows.get(timeout=20), "s/dl/old", collections=[ONE])
            device.send(ONE.build("101", value_1=int(found["managedObject.id"]), value_2="12' pipe"))
            platform.wait_for(lambda: platform.inventory["dev1"].name == "12' pipe", 20, "not renamed")
            [operation] = platform.send(("300", "1", "3"), topic="s/ol/old", fragment="acme_Beep", to="dev1")
            operation.wait(20)
            assert (operation.status, operation.result) == ("SUCCESSFUL", "3 times")
            assert platform.errors == []
        finally:
            device.stop(10)
            if make is LoopDevice:
                device.close()
