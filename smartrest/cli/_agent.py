"""`smartrest device run CONFIG.toml`: a small but complete agent, as an example and a starting point.

It registers, sends measurements (generated, or rows from standard input) and executes a safe set of operations: none
of them touches a shell, a file or another process.
"""

from __future__ import annotations

import json
import logging
import math
import random
import sys
import threading
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from .. import SmartRestError, __version__
from . import _config
from ._report import UsageError, visible
from ._serving import Serving, read_in_thread, trouble

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from ..device import Device, GaveUp, Operation
    from ..device.events import Event

NAME = "smartrest demonstration agent"


class CannotDo(SmartRestError):
    """An operation cannot be carried out; the text becomes its failure reason."""


def run(args: argparse.Namespace) -> int:
    """Run until a signal, the end of standard input (if that is the source) or the end of the given time."""
    config = _config.load(args.config, args.outbox)
    logging.basicConfig(level=logging.INFO, format="smartrest: %(asctime)s %(message)s", stream=sys.stderr)
    try:
        agent = Agent(config)
    except (SmartRestError, OSError, ValueError) as error:
        raise UsageError(f"{args.config}: {error}") from error
    with Serving(agent.ended.set) as serving:
        code = agent.run(args.seconds)
    return serving.code(code)


class Agent:
    """A device, and the state that its operations change."""

    def __init__(self, config: _config.Config) -> None:
        self.config = config
        self.ended = threading.Event()
        self.code = 0
        self.trouble = ""  # why the last attempt to connect failed
        self.began = time.monotonic()
        self.interval = config.measurements.interval
        self.configuration = ""
        self.relays = ["OPEN"]
        self.values = [(series.low + series.high) / 2 for series in config.measurements.series]
        self.device = _device(config)
        for fragment in config.operations.allow:
            self.device.operation(fragment)(getattr(self, f"do_{fragment}"))
        self._watch()

    def run(self, seconds: float | None) -> int:
        self.device.start()
        try:
            self._introduce()
            if self.config.measurements.source == "stdin":
                read_in_thread(self._read)
            until = math.inf if seconds is None else time.monotonic() + seconds
            while not self.ended.is_set() and time.monotonic() < until:
                if self.config.measurements.source == "generator":
                    self.measure()
                left = until - time.monotonic()
                self.ended.wait(min(self.interval, left, 3600.0) if left > 0 else 0)
        finally:
            self.device.stop()
        counts = self.device.statistics
        print(
            f"{counts.sent} rows sent, {counts.acknowledged} acknowledged, {counts.dropped} dropped; "
            f"{counts.operations} operations"
        )
        waiting = self.device.health().waiting_rows
        if waiting:
            print(f"{waiting} rows wait in {self.config.device.outbox}")
        if not counts.connections:
            reason = self.trouble or "not enough time to connect"
            print(f"smartrest: the device never came online: {visible(reason)}", file=sys.stderr)
            self.code = 1
        return self.code

    def _watch(self) -> None:
        from ..device import GaveUp, Lost, Refused

        @self.device.listen(Lost, Refused, GaveUp)
        def not_online(event: Event) -> None:
            self.trouble = trouble(event)

        @self.device.listen(GaveUp)
        def gave_up(event: GaveUp) -> None:
            print(f"smartrest: the platform refuses the device: {visible(event.text)}", file=sys.stderr)
            self.code = 1
            self.ended.set()

    def _introduce(self) -> None:
        rows: list[tuple[Any, ...]] = [
            ("114", *self.device.fragments),
            ("122", NAME, __version__, None, "smartrest"),
        ]
        if self.config.device.required_interval:
            rows.append(("117", self.config.device.required_interval))
        self.device.send(*rows)

    # Measurements

    def measure(self) -> None:
        """One row for each series of the configuration."""
        now = datetime.now(timezone.utc)
        for number, series in enumerate(self.config.measurements.series):
            value = self.values[number] = self._next(series, self.values[number])
            row = ("200", series.fragment, series.series, round(value, 3), series.unit or None, now)
            self.device.send(row, child=series.child or None)

    def _next(self, series: _config.Series, last: float) -> float:
        span = series.high - series.low
        if series.shape == "sine":
            turn = 2 * math.pi * (time.monotonic() - self.began) / series.period
            return series.low + span * (1 + math.sin(turn)) / 2
        if series.shape == "random":
            return min(series.high, max(series.low, last + random.uniform(-0.05, 0.05) * span))
        return series.high

    def _read(self, lines: Iterator[bytes]) -> None:
        """Send each line of standard input: a row, or a JSON object with `row` and optionally `child`."""
        from .. import decode_row

        for number, line in enumerate(lines, 1):  # bytes: a line that is not UTF-8 must not stop the loop
            if not line.strip():
                continue
            try:
                if line.lstrip().startswith(b"{"):
                    found = json.loads(line)
                    self.device.send(list(found["row"]), child=found.get("child"))
                else:
                    self.device.send(decode_row(line))
            except (SmartRestError, ValueError, KeyError, TypeError, RecursionError) as error:
                self.code = 1
                print(f"smartrest: line {number} of standard input: {visible(str(error))}", file=sys.stderr)
        self.device.flush(30)
        self.ended.set()

    # Operations, by fragment

    def do_c8y_Command(self, operation: Operation) -> str:
        """A few words, no shell."""
        name, _, rest = str(operation.parameters["command"]).strip().partition(" ")
        if name == "help":
            return "help, echo TEXT, date, uptime, status, interval SECONDS"
        if name == "echo":
            return rest
        if name == "date":
            return datetime.now(timezone.utc).isoformat(timespec="seconds")
        if name == "uptime":
            return f"{time.monotonic() - self.began:.0f} s"
        if name == "status":
            return repr(self.device.statistics)
        if name == "interval":
            try:
                seconds = float(rest)
            except ValueError:
                seconds = 0.0
            if not 0.1 <= seconds <= 86_400:
                raise CannotDo(f"invalid interval: {rest}; 0.1 to 86400 seconds")
            self.interval = seconds
            return f"a measurement every {seconds:g} s"
        raise CannotDo(f"unknown command {name!r}; try help")

    def do_c8y_Restart(self, operation: Operation) -> None:
        """Pretends to restart: waits a moment and sends an event."""
        time.sleep(0.5)
        self.began = time.monotonic()
        self.device.send(("400", "smartrest_Restarted", "The device would have restarted"), child=operation.child)

    def do_c8y_Configuration(self, operation: Operation) -> None:
        self.configuration = operation.parameters["configuration"] or ""
        self.device.send(("113", self.configuration), child=operation.child)

    def do_c8y_MeasurementRequestOperation(self, operation: Operation) -> None:
        self.measure()

    def do_c8y_Relay(self, operation: Operation) -> None:
        self.relays[:1] = [_relay(operation.parameters["relay_state"])]

    def do_c8y_RelayArray(self, operation: Operation) -> list[str]:
        self.relays = [_relay(state) for state in operation.parameters["relay_states"]]
        return self.relays


def _relay(state: str | None) -> str:
    if state not in ("OPEN", "CLOSED", "CLOSE"):
        raise CannotDo(f"invalid state of a relay: {state!r}")
    return state


def _device(config: _config.Config) -> Device:
    from ..device import Child, Device

    where, login, about = config.connection, config.login, config.device
    identity = None
    if login.identity:
        from ..certificates import Identity

        identity = Identity.load(login.identity)
    return Device(
        where.host,
        about.client_id,
        credentials=_config.credentials(login),
        bootstrap=_config.bootstrap(login),
        rebootstrap=login.rebootstrap,
        store=login.store or None,
        identity=identity,
        renew=login.renew,
        children=[Child(child.id, child.name or None, child.type or None) for child in config.children],
        name=about.name or None,
        type=about.type,
        port=where.port or None,
        tls=where.tls,
        websocket=where.websocket,
        ca_file=where.ca_file or None,
        token=about.token,
        outbox=about.outbox or None,
        restarted="the agent was started again",
    )
