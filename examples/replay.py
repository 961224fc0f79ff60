"""Replays a log of MQTT messages, one JSON object with topic and payload per line, and summarizes it.

    python examples/replay.py [FILE]            default: messages/gateway.jsonl

Each payload is decoded separately, never joined with others: its quoting style is determined from the whole payload.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import smartrest

DAY = Path(__file__).parent / "messages" / "gateway.jsonl"

# Field types by template ID: `decode` converts numbers as it reads them.
TYPED = smartrest.Schema({"200": [str, str, float, str, str]})


def main() -> None:
    """Count rows by template ID, show the last meter readings, list the commands."""
    counts: Counter[str] = Counter()
    energy: dict[str, float] = {}
    topic = ""

    commands = smartrest.Dispatcher()

    @commands.on("511")
    def command(row: tuple[str, ...]) -> str:
        _, device, text, *_ = row
        return f"{device}: {text}"

    file = Path(sys.argv[1]) if len(sys.argv) > 1 else DAY
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            message = json.loads(line)
            topic, payload = message["topic"], message["payload"]
            try:
                rows = TYPED.decode(payload)
            except smartrest.DecodeError as error:
                print(f"{file.name}:{number}: {error}")
                rows = error.rows
            counts.update(row[0] for row in rows)
            for row in rows:
                match row:
                    case ("200", "acme_Energy", "total", float(kwh), *_):
                        energy[topic.rpartition("/")[2]] = kwh
            if topic == "s/ds":
                for text in commands.dispatch(payload):
                    print("command for", text)

    print("rows:", ", ".join(f"{count} x {template}" for template, count in sorted(counts.items())))
    print("energy:", ", ".join(f"{meter} {kwh} kWh" for meter, kwh in energy.items()))


if __name__ == "__main__":
    main()
