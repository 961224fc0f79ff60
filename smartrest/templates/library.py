"""Ready collections for operations of the vendor's fragment library that have no static template.

Source: fragment library, sections "Services", "Network" and "Configuration". Operations read as JSON need none of them.
"""

from __future__ import annotations

from .collection.collection import Collection

__all__ = ["FRAGMENTS", "fragment_library"]

_NETWORK = {  # name -> path below c8y_Network
    "lan_name": "c8y_LAN.name",
    "lan_ip": "c8y_LAN.ip",
    "lan_netmask": "c8y_LAN.netmask",
    "lan_mac": "c8y_LAN.mac",
    "lan_enabled": "c8y_LAN.enabled",
    "wan_sim_status": "c8y_WAN.simStatus",
    "wan_apn": "c8y_WAN.apn",
    "wan_username": "c8y_WAN.username",
    "wan_password": "c8y_WAN.password",
    "wan_auth_type": "c8y_WAN.authType",
    "dhcp_start": "c8y_DHCP.addressRange.start",
    "dhcp_end": "c8y_DHCP.addressRange.end",
    "dhcp_domain_name": "c8y_DHCP.domainName",
    "dhcp_dns1": "c8y_DHCP.dns1",
    "dhcp_dns2": "c8y_DHCP.dns2",
    "dhcp_enabled": "c8y_DHCP.enabled",
}
_REPORTED = ("lan_name", "lan_mac", "wan_sim_status")  # not part of the operation


def _service_command(collection: Collection) -> None:
    names = {"command": "command", "service_name": "serviceName", "service_type": "serviceType"}
    patterns = {name: f"c8y_ServiceCommand.{path}" for name, path in names.items()}
    collection.operation("service_command", "c8y_ServiceCommand", id="$.id", **patterns)


def _network(collection: Collection) -> None:
    paths = {name: f"c8y_Network.{path}" for name, path in _NETWORK.items()}
    patterns = {name: path for name, path in paths.items() if name not in _REPORTED}
    collection.operation("network", "c8y_Network", id="$.id", **patterns)
    collection.put_inventory("set_network", external_id_type="c8y_Serial", custom=paths)


def _send_configuration(collection: Collection) -> None:
    collection.operation("send_configuration", "c8y_SendConfiguration", id="$.id")


FRAGMENTS = {
    "c8y_ServiceCommand": _service_command,
    "c8y_Network": _network,
    "c8y_SendConfiguration": _send_configuration,
}


def fragment_library(x_id: str, *fragments: str) -> Collection:
    """A collection for these fragments, all of `FRAGMENTS` by default. Its operations are answered by ID.

    `set_network` reports the network; the answer to `c8y_SendConfiguration` is the static row 113. `ValueError` for an
    unknown fragment.
    """
    collection = Collection(x_id)
    for fragment in fragments or FRAGMENTS:
        if fragment not in FRAGMENTS:
            raise ValueError(f"unknown fragment {fragment!r}: the library has {', '.join(FRAGMENTS)}")
        FRAGMENTS[fragment](collection)
    return collection
