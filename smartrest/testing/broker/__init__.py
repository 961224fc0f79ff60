"""A real MQTT broker on this machine: `mosquitto` as a process, or `amqtt` in a thread."""

from .broker import Broker, find_mosquitto
from .settings import LOOPBACK, BrokerError, free_port, packet_size

__all__ = ["LOOPBACK", "Broker", "BrokerError", "find_mosquitto", "free_port", "packet_size"]
