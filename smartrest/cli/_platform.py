"""`smartrest platform`: runs a broker and the stand-in platform until Ctrl+C, and prints the traffic.

Each line of standard input is sent as one payload of operation rows.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Literal

from ._report import UsageError, visible
from ._serving import Serving, read_in_thread
from ._show import Show

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from ..testing import Platform

HISTORY = 1000  # measurements, events, … of each device: the command may run for weeks


def run(args: argparse.Namespace) -> int:
    """Serve until a signal, then print the state of the platform."""
    from .. import SmartRestError
    from ..testing import Broker, BrokerError, Platform

    ended = threading.Event()
    registration: Literal["accept", "ask"] = "ask" if args.ask else "accept"
    show = Show(who=True)
    try:
        with (
            Serving(ended.set) as serving,
            Broker(args.broker, port=args.port, websocket=args.websocket) as broker,
            Platform(
                broker,
                tokens=args.tokens,
                registration=registration,
                traffic_limit=0,
                history=HISTORY,
                prefix=args.topic_prefix,
            ) as platform,
        ):
            show.collections = platform.collections.values()
            platform.watch(show)
            where = f"MQTT at {broker.host}:{broker.port} without TLS"
            if args.websocket:
                where += f", WebSocket at port {broker.websocket_port}"
            show.line(f"{broker.kind}: {where}; Ctrl+C ends. Type operations, such as 511,<device ID>,ls")
            read_in_thread(lambda lines: _read(lines, platform, show))
            ended.wait()
            show.line()
            show.line(str(platform))
    except (BrokerError, SmartRestError) as error:
        raise UsageError(str(error)) from error
    return serving.code()


def _read(lines: Iterator[bytes], platform: Platform, show: Show) -> None:
    """Send each line as operations, or handle it as registration: `accept ID`, `refuse ID`."""
    from .. import SmartRestError, decode

    for line in lines:  # bytes: a line that is not UTF-8 must not stop the loop
        words = line.decode(errors="backslashreplace").split()
        try:
            if words[:1] == ["accept"] and len(words) == 2:
                platform.accept(words[1])
            elif words[:1] == ["refuse"] and len(words) == 2:
                platform.refuse(words[1])
            elif words:
                platform.send(*decode(line))
        except (SmartRestError, ValueError) as error:
            show.line(show.colours.red(f"not sent: {visible(str(error))}"))
