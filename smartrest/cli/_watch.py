"""`smartrest watch`: subscribes to a broker and prints what passes, decoded and named, with a count at the end."""

from __future__ import annotations

import os
import ssl
import threading
import time
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..errors import DecodeError, SmartRestError
from ._collections import load
from ._report import UsageError, visible
from ._serving import Serving
from ._show import WIDTH, Show

if TYPE_CHECKING:
    import argparse

    from ..templates import Reader

MOST_TOPICS = 1000  # counted apart; the others are counted together
LONGEST = 200  # characters of a payload that is not SmartREST
PATIENCE = 10.0  # seconds to connect
OTHERS = "other topics"


def run(args: argparse.Namespace) -> int:
    """Print the traffic until a signal, or for `args.seconds`."""
    watch = _Watch(args)
    with Serving(watch.ended.set) as serving:
        code = watch.run(args.seconds)
    return serving.code(code)


class _Watch:
    def __init__(self, args: argparse.Namespace) -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        from ..mqtt import topics

        self.ended = threading.Event()
        self._args = args
        try:
            self._topics = args.topics or [topics.with_prefix("#", args.topic_prefix)]
        except SmartRestError as error:
            raise UsageError(str(error)) from error
        self._collections = load(args.collection)
        self._show = Show(collections=self._collections)
        self._reader = lru_cache(256)(self._read_topic)
        self._messages: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._problem = ""
        self._subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, args.client_id)
        if args.username is not None:
            self._client.username_pw_set(args.username, os.environ.get("SMARTREST_PASSWORD"))
        if not args.no_tls:
            self._client.tls_set_context(ssl.create_default_context(cafile=args.ca_file))
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._reader("")  # refuses a bad prefix before connecting

    def run(self, seconds: float | None) -> int:
        host, port = self._args.host, self._args.port or (1883 if self._args.no_tls else 8883)
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            self._client.connect(host, port)
        except (OSError, ValueError) as error:
            raise UsageError(f"no connection to {where}: {error}") from error
        began = time.monotonic()
        self._client.loop_start()
        try:
            if not self._subscribed.wait(PATIENCE) or self._problem:
                raise UsageError(f"{where}: {self._problem or 'no answer in time'}")
            began = time.monotonic()
            self.ended.wait(seconds)
        finally:
            self._client.disconnect()
            self._client.loop_stop()
        if self._problem:
            raise UsageError(f"{where}: {self._problem}")
        self._show.line(self._summary(time.monotonic() - began))
        return 0

    def _summary(self, seconds: float) -> str:
        messages, size = sum(self._messages.values()), sum(self._bytes.values())
        rate = (
            f"{messages:,} messages, {size:,} bytes in {seconds:.1f} s, {messages / max(seconds, 0.001):.1f} a second"
        )
        parts = [
            f"{visible(topic)} {count:,} ({self._bytes[topic]:,} bytes)"
            for topic, count in self._messages.most_common(20)
        ]
        more = len(self._messages) - len(parts)
        return "; ".join([rate, *parts, *([f"{more} more topics"] if more > 0 else [])])

    def _read_topic(self, topic: str) -> Reader:
        from ..mqtt import topics
        from ..templates import Reader

        try:
            bare = topics.without_prefix(topic, self._args.topic_prefix)
        except SmartRestError as error:
            raise UsageError(str(error)) from error
        return Reader(topic if bare is None else bare, collections=self._collections)

    # Called by paho, in its thread.

    def _on_connect(self, client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            from ..mqtt import ConnackCode

            try:
                self._problem = f"connection refused: {ConnackCode(reason.value).text}"
            except ValueError:
                self._problem = f"connection refused: {reason}"
            self._subscribed.set()
            self.ended.set()
        else:
            client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, codes: Any, _properties: Any) -> None:
        refused = [topic for topic, code in zip(self._topics, codes, strict=False) if code.is_failure]
        if refused:
            self._problem = f"subscription refused: {visible(refused[0])}"
            self.ended.set()
        self._subscribed.set()

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not self.ended.is_set() and not self._problem and reason.is_failure:
            self._show.line(self._show.colours.red(f"connection lost: {reason}; trying again"))

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        try:
            self._print(message.topic, bytes(message.payload))
        except Exception as error:  # a bug here must not end paho's thread in silence
            self._problem = f"{type(error).__name__}: {error}"
            self.ended.set()

    def _print(self, topic: str, payload: bytes) -> None:
        known = topic in self._messages or len(self._messages) < MOST_TOPICS
        self._messages[topic if known else OTHERS] += 1
        self._bytes[topic if known else OTHERS] += len(payload)
        head = f"{time.strftime('%H:%M:%S')} {visible(topic)}"
        texts = self._texts(topic, payload) or [self._show.colours.dim("(empty)")]
        self._show.line(f"{head:<{WIDTH + 9}} {texts[0]}")
        for text in texts[1:]:
            self._show.line(f"{'':<{WIDTH + 9}} {text}")

    def _texts(self, topic: str, payload: bytes) -> list[str]:
        """The payload as lines for people."""
        from .. import decode

        reader, colours = self._reader(topic), self._show.colours
        if not reader.place.is_smartrest:
            text = visible(payload[: 4 * LONGEST].decode("utf-8", "backslashreplace"))
            short = text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
            return [short if reader.place.is_json else colours.dim(short)] if payload else []
        fault: DecodeError | None = None
        try:
            rows = decode(payload)
        except DecodeError as error:
            fault, rows = error, error.rows
        texts = [
            self._show.message(row, found, reader.topic) for row, found in zip(rows, reader.messages(rows), strict=True)
        ]
        if fault is not None:
            secret = reader.place.holds_secret
            texts.append(colours.red("the payload cannot be read" if secret else visible(str(fault))))
        return texts
