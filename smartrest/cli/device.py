"""The commands `device run`, `device simulate`, `platform` and `demo`: their options. What they do stands beside."""

from __future__ import annotations

import argparse
import importlib.util
from typing import TYPE_CHECKING, Any

from ._report import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

NEEDED = {"device": ("paho", "aiomqtt"), "platform": ("paho",), "demo": ("paho", "aiomqtt")}
BROKERS = ("auto", "mosquitto", "amqtt")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    _register_demo(commands)


def _register_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    demo = commands.add_parser(
        "demo",
        help="a broker, a stand-in platform and a device, all here: prints a device's whole life",
        description="Start a broker, a stand-in for the platform and a device on this machine; print the life of the "
        "device from credentials to operations, with both clients; end after a few seconds.",
    )
    _broker_option(demo)
    demo.add_argument("--client", choices=("both", "device", "async"), default="both", help="which device (both)")
    demo.set_defaults(run=_when_installed("demo", "_demo"))


def _broker_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--broker",
        choices=BROKERS,
        default="auto",
        help="mosquitto, or the embedded amqtt (default: what is installed)",
    )


def _when_installed(what: str, module: str, function: str = "run") -> Callable[[argparse.Namespace], int]:
    """Loads the module that does the work, once the libraries that it needs are known to be there."""

    def run(args: argparse.Namespace) -> int:
        missing = [name for name in NEEDED[what] if importlib.util.find_spec(name) is None]
        if missing:
            raise UsageError(f"{what} needs {', '.join(missing)}: pip install smartrest[device,testing]")
        work: Any = getattr(importlib.import_module(f"smartrest.cli.{module}"), function)
        return int(work(args))

    return run
