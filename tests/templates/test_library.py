"""The ready collections of the fragment library: the vendor's operations give rows with names, answered by ID."""

from __future__ import annotations

from typing import Any

import pytest

from smartrest.templates import Collection, fragment_library
from smartrest.testing.platform.answers import answer_rows

OPERATIONS: list[tuple[dict[str, Any], str, dict[str, str]]] = [
    (
        {"c8y_ServiceCommand": {"command": "START", "serviceName": "Nginx", "serviceType": "systemd"}},
        "service_command",
        {"command": "START", "service_name": "Nginx", "service_type": "systemd"},
    ),
    (
        {"c8y_Network": {"c8y_LAN": {"ip": "192.168.128.1", "netmask": "255.255.255.0", "enabled": 1}}},
        "network",
        {"lan_ip": "192.168.128.1", "lan_netmask": "255.255.255.0", "lan_enabled": "1"},
    ),
    ({"c8y_SendConfiguration": {}}, "send_configuration", {}),
]


@pytest.mark.parametrize(("content", "name", "parameters"), OPERATIONS)
def test_an_operation_gives_one_row_with_its_id(content: dict[str, Any], name: str, parameters: dict[str, str]) -> None:
    collection = fragment_library("com.acme.library")
    (row,) = answer_rows(collection, {"id": "4711", "deviceId": "12", **content})
    message = collection.parse((row[0], "pump-7", *row[1:]))
    assert row[0] == name
    found = {key: value for key, value in message.parameters.items() if value}
    assert found == {"device_id": "pump-7", "id": "4711", **parameters}


def test_one_fragment_and_an_unknown_one() -> None:
    collection = fragment_library("com.acme", "c8y_SendConfiguration")
    assert list(collection) == ["send_configuration"]
    assert Collection.parse(fragment_library("com.acme").payload, "com.acme") == fragment_library("com.acme")
    with pytest.raises(ValueError, match="c8y_Network"):
        fragment_library("com.acme", "c8y_Command")


def test_the_network_is_reported() -> None:
    collection = fragment_library("com.acme", "c8y_Network")
    names = [parameter.name for parameter in collection["set_network"].parameters]
    values = {**dict.fromkeys(names, ""), "external_id": "pump-7", "lan_ip": "10.0.0.2", "dhcp_enabled": "1"}
    row = collection.build("set_network", **values)
    assert row[:4] == ("set_network", "pump-7", "", "10.0.0.2")
    assert row[-1] == "1"
