"""The options of `device run`, `device simulate`, `platform`, `demo` and `watch`. Each runs in its own module."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from .. import _install
from ._numbers import count, port, positive
from ._report import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

BROKERS = ("auto", "mosquitto", "amqtt")


def register(commands: Commands) -> None:
    """Add `device`, `platform` and `demo`."""
    device = commands.add_parser("device", help="run a device, or many", description="Devices on MQTT.")
    actions = device.add_subparsers(title="actions", metavar="ACTION", required=True)
    _register_run(actions)
    _register_simulate(actions)
    _register_platform(commands)
    _register_demo(commands)
    _register_watch(commands)


def _register_run(actions: Commands) -> None:
    text = (
        "Run a complete demonstration agent: it registers, sends measurements and executes a safe set of operations. "
        "No operation reaches a shell."
    )
    parser = actions.add_parser("run", help="run one device, described by a file", description=text)
    parser.add_argument(
        "config", metavar="CONFIG.toml", help="describes the device and its connection; see docs/testing.md"
    )
    parser.add_argument("--for", dest="seconds", type=positive, metavar="SECONDS", help="stop after this time")
    parser.add_argument(
        "--outbox", metavar="FILE", help="keep unacknowledged rows in this file for the next run (as device.outbox)"
    )
    parser.set_defaults(run=_with(("paho",), "_agent"))


def _register_simulate(actions: Commands) -> None:
    text = "Run many devices in one process that send measurements and answer operations; count acknowledged rows."
    parser = actions.add_parser("simulate", help="run many devices at once", description=text)
    parser.add_argument("--devices", type=count, default=200, metavar="N", help="how many (200)")
    parser.add_argument("--rate", type=positive, default=1.0, metavar="R", help="rows a second of each device (1)")
    parser.add_argument("--seconds", type=positive, default=10.0, metavar="S", help="how long (10)")
    parser.add_argument("--prefix", default="simulated-", metavar="TEXT", help="device IDs are TEXT0, TEXT1, …")
    parser.add_argument("--host", help="broker or platform (default: start a broker here)")
    parser.add_argument("--port", type=port, help="of the host (default: the platform's)")
    parser.add_argument("--no-tls", action="store_true", help="connect without TLS")
    parser.add_argument("--username", metavar="TENANT/USER", help="login; the password is read from SMARTREST_PASSWORD")
    _broker_option(parser)
    parser.set_defaults(run=_with(("aiomqtt",), "_simulate"))


def _register_platform(commands: Commands) -> None:
    text = (
        "Start a broker and a stand-in for the platform on this machine, and print the traffic, decoded and named. "
        "With mosquitto it serves one device at a time with its children, with amqtt many."
    )
    parser = commands.add_parser("platform", help="a broker and a stand-in platform", description=text)
    parser.add_argument("--port", type=port, default=1883, help="port to listen on (1883); 0 picks a free one")
    parser.add_argument("--websocket", action="store_true", help="listen for WebSocket too, on a free port")
    parser.add_argument(
        "--tokens", choices=("certificate", "all", "none"), default="all", help="devices that get tokens (all)"
    )
    parser.add_argument("--ask", action="store_true", help="accept a device only after you type: accept ID")
    parser.add_argument("--topic-prefix", metavar="PREFIX", help="stand in for a gateway: c8y for c8y/s/us")
    _broker_option(parser)
    parser.set_defaults(run=_with(("paho",), "_platform"))


def _register_demo(commands: Commands) -> None:
    text = (
        "Start a broker, a stand-in for the platform and a device on this machine; print the life of the device from "
        "credentials to operations, with both clients; end after a few seconds."
    )
    short = "show a device's whole life with a broker and a stand-in platform"
    parser = commands.add_parser("demo", help=short, description=text)
    parser.add_argument("--client", choices=("both", "device", "async"), default="both", help="which device (both)")
    _broker_option(parser)
    parser.set_defaults(run=_with(("paho", "aiomqtt"), "_demo"))


def _register_watch(commands: Commands) -> None:
    text = (
        "Subscribe to a broker and print what passes, decoded and named, faults marked; count messages and bytes of "
        "each topic in the last line. Ends with Ctrl+C."
    )
    parser = commands.add_parser("watch", help="print what passes on a broker", description=text)
    parser.add_argument("host", metavar="HOST", help="the broker")
    parser.add_argument("topics", metavar="TOPIC", nargs="*", help="topics and filters to subscribe to (default: all)")
    parser.add_argument("--port", type=port, help="of the broker (8883, without TLS 1883)")
    parser.add_argument("--no-tls", action="store_true", help="connect without TLS")
    parser.add_argument("--ca-file", metavar="FILE", help="CA of the broker, if the system does not know it")
    parser.add_argument("--username", metavar="USER", help="login; the password is read from SMARTREST_PASSWORD")
    parser.add_argument("--client-id", default="", metavar="ID", help="ClientId (default: the broker chooses)")
    parser.add_argument("--topic-prefix", metavar="PREFIX", help="what the broker puts before the platform's topics")
    parser.add_argument(
        "--collection", metavar="[X-ID=]FILE", action="append", default=[], help="a template collection, as for decode"
    )
    parser.add_argument("--for", dest="seconds", type=positive, metavar="SECONDS", help="stop after this time")
    parser.set_defaults(run=_with(("paho",), "_watch"))


def _broker_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--broker",
        choices=BROKERS,
        default="auto",
        help="broker to start (default: mosquitto if installed, else amqtt)",
    )


def _with(libraries: tuple[str, ...], module: str) -> Callable[[argparse.Namespace], int]:
    """Check that the libraries are installed, then load and run the module."""

    def run(args: argparse.Namespace) -> int:
        missing = [name for name in libraries if importlib.util.find_spec(name) is None]
        if missing:
            libraries_missing = " and ".join(_install.LIBRARIES[name] for name in missing)
            raise UsageError(_install.missing("this", libraries_missing, "device,testing"))
        work: Any = importlib.import_module(f"smartrest.cli.{module}")
        return int(work.run(args))

    return run
