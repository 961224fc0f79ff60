"""The operations whose instructions `count_instructions.py` counts; it runs this file inside valgrind.

`os.getppid` is the mark: at each call, callgrind dumps the counts since the previous one. The data has a fixed seed;
the garbage collector is off, since it runs at unpredictable moments.
"""

from __future__ import annotations

import gc
import os
import random
from datetime import datetime, timedelta, timezone

import smartrest

r = random.Random("instructions")


def word() -> str:
    return "".join(r.choices("abcdefghijklmnopqrstuvwxyz", k=r.randint(3, 9)))


def measurement(_: int) -> tuple[str, ...]:
    fragment = r.choice(["c8y_Temperature", "c8y_Humidity", "c8y_Battery", "c8y_SignalStrength"])
    time = f"2026-{r.randint(10, 12)}-{r.randint(10, 28)}T10:{r.randint(10, 59)}:00.{r.randint(100, 999)}Z"
    return ("200", fragment, r.choice("Thxyz"), f"{r.uniform(-40, 1200):.{r.randint(1, 3)}f}", "C", time)


def event(_: int) -> tuple[str, ...]:
    text = r.choice(["", "a, ", 'the "', "Größe ", "温度, "]) + " ".join(word() for _ in range(6))
    return ("400", "c8y_PowerAlarm", text, "2026-10-11T12:13:14.567Z")


def operation(_: int) -> tuple[str, ...]:
    return ("511", f"dev{r.randrange(10**8):08}", "\n".join(f'{word()} = "{word()}"' for _ in range(5)))


measurements, events = list(map(measurement, range(100))), list(map(event, range(100)))
operations = list(map(operation, range(40)))
typed = [(200, fragment, series, float(value), unit, time) for _, fragment, series, value, unit, time in measurements]
of_measurements, of_events, of_operations = map(smartrest.encode, (measurements, events, operations))
message = smartrest.encode_row(measurements[0])
moment = datetime(2026, 10, 11, 12, 13, 14, 567_000, timezone.utc)
timed = (*typed[0][:5], moment, moment.astimezone(timezone(timedelta(hours=1))))
schema = smartrest.Schema({"200": [str, str, float, str, str]})
compiled = smartrest.compile(("200", str, str, float, str))
dispatcher = smartrest.Dispatcher()
dispatcher.on("511")(len)

# Name, number of runs, call.
JOBS = (
    ("decode measurements", 10, lambda: smartrest.decode(of_measurements)),
    ("decode events", 10, lambda: smartrest.decode(of_events)),
    ("decode operations", 10, lambda: smartrest.decode(of_operations)),
    ("decode_row", 200, lambda: smartrest.decode_row(message)),
    ("Schema.decode measurements", 10, lambda: schema.decode(of_measurements)),
    ("encode measurements", 10, lambda: smartrest.encode(measurements)),
    ("encode typed measurements", 10, lambda: smartrest.encode(typed)),
    ("encode events", 10, lambda: smartrest.encode(events)),
    ("encode operations", 10, lambda: smartrest.encode(operations)),
    ("encode_row", 200, lambda: smartrest.encode_row(typed[0])),
    ("encode_row, two datetimes", 200, lambda: smartrest.encode_row(timed)),
    ("compiled row", 200, lambda: compiled("c8y_Temperature", "T", 25.3, "C")),
    ("pack measurements", 10, lambda: list(smartrest.pack(measurements, limit=1000))),
    ("scan measurements", 50, lambda: smartrest.scan(of_measurements)),
    ("scan measurements, every ID", 10, lambda: [row.id for row in smartrest.scan(of_measurements)]),
    ("dispatch operations", 10, lambda: dispatcher.dispatch(of_operations)),
    ("dispatch, none handled", 50, lambda: dispatcher.dispatch(of_measurements)),
)


def half_full_pools() -> list[object]:
    """Leave room, and something that stays, in memory pools of every size.

    Otherwise start-up decides whether the last block of a pool is taken and given back again and again, which empties
    and sets up a pool each time.
    """
    makers = [object, lambda: float(len(kept)), *(lambda n=n: bytes(n - 33) for n in range(48, 513, 16))]
    kept: list[object] = []
    for make in makers:
        blocks = [make() for _ in range(2_000)]
        kept += blocks[::2]
    return kept


def main() -> None:
    wanted = os.environ["SMARTREST_ENGINE"]
    if smartrest.engine() != wanted:
        raise SystemExit(f"{smartrest.engine()} runs instead of {wanted}")
    print("|".join(name for name, _, _ in JOBS))
    print("|".join(str(runs) for _, runs, _ in JOBS))
    gc.disable()
    kept = half_full_pools()
    for _, runs, job in JOBS:
        for _ in range(2 * runs):  # fill caches, let the interpreter specialise
            job()
        os.getppid()
        for _ in range(runs):
            job()
        os.getppid()
        for _ in range(2 * runs):
            job()
        os.getppid()
    del kept


if __name__ == "__main__":
    main()
