"""The outbox with a file: its rows survive it, and any fault of the file is one error or one event."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("paho.mqtt", reason="the extra smartrest[device] is not installed")
pytest.importorskip("aiomqtt", reason="the extra smartrest[device] is not installed")

import support_durable
from hypothesis import given
from hypothesis import strategies as st
from support_session import SimulatedPlatform, Simulation, online

from smartrest import SmartRestError, decode
from smartrest.device import Dropped, Limits, OutboxFailed, OutboxSaved, QueueHalfFull, Session, durable
from smartrest.device.durable import DurableOutbox
from smartrest.device.outbox import Item


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows" / "outbox.db"


def budget(topic: str) -> int:
    return 200


@pytest.fixture
def open_outbox(path: Path) -> Iterator[Any]:
    made: list[DurableOutbox] = []

    def open_outbox(limit: int = 10**6) -> DurableOutbox:
        made.append(DurableOutbox(path, limit, budget))
        return made[-1]

    yield open_outbox
    for outbox in made:
        abandon(outbox)


def abandon(outbox: DurableOutbox) -> None:
    """End as if the process was killed, without closing the file."""
    if outbox._file is not None:
        outbox._file.close()
        outbox._file = None


def waiting(outbox: DurableOutbox) -> list[tuple[str, bytes]]:
    found = []
    while (taken := outbox.take()) is not None:
        found += [(item.topic, item.data) for item in taken[2]]
    return found


TOPICS = ("s/us", "s/us/child", "acme/json")
ITEMS = st.builds(
    lambda topic, size, measurement, alone: (topic, size, measurement, alone),
    st.sampled_from(TOPICS), st.integers(1, 200), st.booleans(), st.booleans(),
)  # fmt: skip
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.lists(ITEMS, min_size=1, max_size=5)),
        st.tuples(st.just("take"), st.booleans()),
        st.tuples(st.just("acknowledge"), st.integers(0, 3)),
        st.tuples(st.just("lose"), st.none()),
        st.tuples(st.just("kill"), st.none()),
        st.tuples(st.just("end"), st.none()),
    ),
    max_size=40,
)


@given(STEPS, st.integers(1_000, 8_000))
def test_after_any_history_the_file_holds_the_unacknowledged_rows(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Any]], limit: int
) -> None:
    path = tmp_path_factory.mktemp("outbox") / "outbox.db"
    outbox = DurableOutbox(path, limit, budget)
    outbox.open()
    alive: dict[bytes, tuple[str, bool, bool]] = {}  # by data, in order
    flights: list[list[Item]] = []
    number = 0
    try:
        for what, argument in steps:
            dropped: list[Item] = []
            if what == "put":
                items = []
                for topic, size, measurement, alone in argument:
                    number += 1
                    data = (b"%d" % number + b"x" * size)[:200]
                    items.append(Item(topic, data, measurement=measurement, alone=alone))
                    alive[data] = topic, measurement, alone
                dropped = outbox.put(items)
            elif what == "take" and (taken := outbox.take(full_only=argument)) is not None:
                flights.append(taken[2])
            elif what == "acknowledge" and flights:
                items = flights.pop(min(argument, len(flights) - 1))
                outbox.done(items)
                for item in items:
                    del alive[item.data]
            elif what == "lose":
                dropped = outbox.put_back([item for flight in flights for item in flight])
                flights = []
            elif what in ("kill", "end"):
                if what == "kill":
                    abandon(outbox)
                    outbox = DurableOutbox(path, limit, budget)
                else:
                    dropped = outbox.end([item for flight in flights for item in flight])
                    assert len(outbox) == len(alive) - len(dropped)
                flights = []
                found, more = outbox.open()
                dropped += more
                assert found == len(alive) - len(dropped) + len(more)
            for item in dropped:
                del alive[item.data]
            assert outbox.size == sum(len(data) + 120 for data in alive)
            rows = sqlite_rows(outbox)
            assert [(row[3], row[1], row[2]) for row in rows] == [
                (data, topic, measurement + 2 * alone) for data, (topic, measurement, alone) in alive.items()
            ]
    finally:
        abandon(outbox)


def sqlite_rows(outbox: DurableOutbox) -> list[tuple[Any, ...]]:
    assert outbox._file is not None
    return outbox._file._rows.execute("SELECT * FROM rows ORDER BY id").fetchall()


def test_a_session_goes_on_where_the_last_one_was_killed(path: Path) -> None:
    session = Session("dev", outbox=path, now=0.0)
    for number in range(2_000):
        session.send(("200", "c8y_T", "T", number))
        session.send(("400", "event", number), child="c1")
    session.publish("acme/json", b'{"a": 1}')
    abandon(session._flow.outbox)  # type: ignore[arg-type]  # it has a file
    session = Session("dev", outbox=path, acknowledgements=True, now=0.0)
    assert session.taken == 4_001
    platform = SimulatedPlatform()
    Simulation(platform, session).run(10.0)
    assert [row[3] for row in platform.measurements] == [str(number) for number in range(2_000)]
    assert [row[2] for topic, row in platform.published if topic == "s/us/c1"] == [str(n) for n in range(2_000)]
    assert (session.pending, session.unacknowledged) == (0, 0)
    assert sqlite_rows(session._flow.outbox) == []  # type: ignore[arg-type]  # as above
    session.stop(11.0)


def test_stopping_keeps_the_rows_and_frees_the_file(path: Path) -> None:
    session = Session("dev", outbox=path, now=0.0)
    session.send(("400", "event", "one"))
    assert not any(isinstance(event, Dropped) for event in session.stop(1.0))
    assert session.pending == 1
    other = Session("dev", outbox=path, now=0.0)
    assert other.pending == 1
    other.send(("400", "event", "two"))
    with pytest.raises(SmartRestError, match="in use by another device or process"):
        session.start(2.0)
    with pytest.raises(SmartRestError, match="in use"):
        session.send(("400", "event", "three"))
    other.stop(3.0)
    session.start(4.0)
    assert session.pending == 2
    session.stop(5.0)
    session.send(("400", "event", "four"))
    assert session.pending == 3
    session.stop(6.0)


def test_what_no_longer_fits_is_reported(path: Path) -> None:
    session = Session("dev", outbox=path, now=0.0)
    for number in range(100):
        session.send(("200", "c8y_T", "T", number))
    session.send(("400", "event", "x" * 5_000))
    session.stop(1.0)
    session = Session("dev", outbox=path, limits=Limits(queue=5_000, packet=4_000), now=0.0)
    events = session.tick(0.1)
    dropped = [event for event in events if isinstance(event, Dropped)]
    assert any(event.payload.startswith(b"400") for event in dropped)
    assert session.pending + len(dropped) == 101
    assert session._flow.outbox.size <= 5_000
    session.stop(1.0)
    session = Session("dev", outbox=path, now=0.0)
    assert session.pending + len(dropped) == 101
    session.stop(1.0)


def test_after_a_restart_the_oldest_rows_are_still_the_oldest(path: Path, open_outbox: Any) -> None:
    outbox = open_outbox()
    for number in range(40):
        topic = TOPICS[number * 7 % 3]
        outbox.put([Item(topic, b"%02d" % number, measurement=number % 4 == 0)])
    abandon(outbox)
    _, dropped = open_outbox(20 * outbox.size // 40).open()
    numbers = [int(item.data) for item in dropped]
    assert numbers == [*range(0, 40, 4), *(number for number in range(40) if number % 4)][:20]


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_the_files_are_private(path: Path, open_outbox: Any) -> None:
    outbox = open_outbox()
    outbox.put([Item("s/us", b"400,event,secret")])
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    assert len(list(path.parent.iterdir())) >= 3
    abandon(outbox)
    path.chmod(0o644)
    with pytest.raises(PermissionError, match=r"outbox.db has mode 0644: others may read it; chmod 600"):
        open_outbox().open()


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o600)


def change(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def test_a_file_that_is_not_an_outbox(path: Path, open_outbox: Any) -> None:
    write(path, b"tenant,user,password\n" * 1000)
    with pytest.raises(SmartRestError, match=r"file is not a database\. Move it away") as caught:
        open_outbox().open()
    assert caught.value.reason == "bad_outbox"
    path.unlink()
    write(path, b"")
    change(path, "CREATE TABLE notes (text)")
    before = path.read_bytes()
    with pytest.raises(SmartRestError, match="is the database of another program"):
        open_outbox().open()
    assert path.read_bytes() == before
    path.unlink()
    path.mkdir(mode=0o700)
    with pytest.raises(SmartRestError, match="unable to open"):
        open_outbox().open()


def test_a_file_of_a_newer_version(path: Path, open_outbox: Any) -> None:
    abandon_with_rows(open_outbox)
    change(path, "PRAGMA user_version = 2")
    with pytest.raises(SmartRestError, match="written by a newer version of smartrest"):
        open_outbox().open()


def abandon_with_rows(open_outbox: Any, rows: int = 1_000) -> None:
    outbox = open_outbox()
    outbox.put([Item("s/us", b"400,event,%d" % number) for number in range(rows)])
    abandon(outbox)


def test_a_damaged_file(path: Path, open_outbox: Any) -> None:
    """Any byte of it, singly and all at once: an error or the readable rows, never anything else."""
    abandon_with_rows(open_outbox)
    whole = path.read_bytes()
    refused = 0
    for start in range(0, len(whole), len(whole) // 100):
        for block in (whole[start : start + 7][::-1], b"\xff" * 64, b"\0" * 4096):
            write(path, whole[:start] + block + whole[start + len(block) :])
            outbox = open_outbox()
            try:
                outbox.open()
            except SmartRestError as error:
                refused += 1
                assert error.reason == "bad_outbox"
            else:
                outbox.put([Item("s/us", b"400,event,new")])
            abandon(outbox)
            path.with_name(path.name + "-wal").unlink(missing_ok=True)
    assert refused > 20
    write(path, whole[: len(whole) // 2])
    with pytest.raises(SmartRestError, match="Move it away to start with an empty outbox"):
        open_outbox().open()


def test_rows_of_another_shape(path: Path, open_outbox: Any) -> None:
    abandon_with_rows(open_outbox)
    change(path, "UPDATE rows SET data = 'text' WHERE id = 7")
    with pytest.raises(SmartRestError, match="is damaged: row 7"):
        open_outbox().open()
    change(path, "DROP TABLE rows", "CREATE TABLE lines (text)")
    with pytest.raises(SmartRestError, match="is damaged: no such table"):
        open_outbox().open()


def test_one_process_at_a_time(path: Path, open_outbox: Any) -> None:
    program = textwrap.dedent(f"""
        from smartrest.device import Session
        try:
            Session("dev", outbox={str(path)!r}, now=0.0)
        except Exception as error:
            print(type(error).__name__, error)
        else:
            print("opened")
    """)

    def try_it() -> str:
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    outbox = open_outbox()
    outbox.open()
    with pytest.raises(SmartRestError, match="in use by another device or process") as caught:
        open_outbox().open()
    assert caught.value.reason == "outbox_in_use"
    assert try_it() == f"SmartRestError {path} is in use by another device or process"
    outbox.put([Item("s/us", b"400,event,still mine")])
    abandon(outbox)
    assert try_it() == "opened"
    open_outbox().open()


def test_a_full_disk_costs_no_row_and_is_reported(path: Path) -> None:
    """SQLite refuses, as for a full disk; in a child process, the system does."""
    session = Session("dev", outbox=path, limits=Limits(queue=100_000), now=0.0)
    outbox: Any = session._flow.outbox
    outbox._file._rows.execute("PRAGMA max_page_count = 10")
    events, now = [], 0.0
    for number in range(250):
        now += 0.01
        events += session.send(("400", "event", number, "x" * 200), now=now)
    assert [event for event in events if not isinstance(event, QueueHalfFull)] == [
        OutboxFailed("database or disk is full", 1.0)
    ]
    assert session.pending == 250
    assert session.due() is not None
    assert session.tick(now + 2.0) == []  # tried again: still full
    outbox._file._rows.execute("PRAGMA max_page_count = 1000000")
    due = session.due()
    assert due is not None
    assert session.tick(due) == [OutboxSaved()]
    assert len(sqlite_rows(outbox)) == 250
    session.send(("400", "event", "one more"), now=due)
    assert len(sqlite_rows(outbox)) == 251
    session.stop(due + 1)


def test_what_a_full_disk_keeps_from_the_file_is_reported_when_the_device_ends(path: Path) -> None:
    session = Session("dev", outbox=path, now=0.0)
    outbox: Any = session._flow.outbox
    outbox._file._rows.execute("PRAGMA max_page_count = 10")
    for number in range(250):
        session.send(("400", "event", number, "x" * 200))
    lost = [event for event in session.stop(1.0) if isinstance(event, Dropped)]
    assert {event.reason for event in lost} == {"closed"}
    assert 50 < len(lost) < 200
    assert session.pending == 250 - len(lost)
    session = Session("dev", outbox=path, now=0.0)
    assert session.pending == 250 - len(lost)
    session.stop(1.0)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process")
def test_a_file_that_the_system_lets_grow_no_further(path: Path) -> None:
    program = textwrap.dedent(f"""
        import resource
        from smartrest.device import Session, OutboxFailed, OutboxSaved
        session = Session("dev", outbox={str(path)!r}, now=0.0)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
        events = []
        for number in range(2000):
            events += session.send(("400", "event", number, "x" * 100), now=number / 1000)
        print(session.pending, sum(isinstance(event, OutboxFailed) for event in events))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        for _ in range(3):
            events += session.tick(session.due())
        print(sum(isinstance(event, OutboxSaved) for event in events), session.pending)
        import os; os._exit(0)
    """)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    assert first.split()[0] == "2000"
    assert int(first.split()[1]) >= 1
    assert second == f"{first.split()[1]} 2000"
    session = Session("dev", outbox=path, now=0.0)
    assert session.pending == 2000
    session.stop(1.0)


def test_a_long_log_is_emptied(path: Path, open_outbox: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    log = path.with_name(path.name + "-wal")
    outbox = open_outbox()
    while not log.exists() or log.stat().st_size < 500_000:
        outbox.put([Item("s/us", b"x" * 150)])
    durable._carry_over(path)
    assert log.stat().st_size >= 500_000
    monkeypatch.setattr(durable, "LONG_LOG", 100_000)
    durable._carry_over(path)
    assert log.stat().st_size == 0
    outbox.put([Item("s/us", b"the last")])
    assert len(sqlite_rows(outbox)) == len(outbox)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process")
def test_a_full_disk_lets_the_log_be_used_again(path: Path) -> None:
    """Few rows wait, but their log cannot grow. Once checkpointed, it takes new rows without new space."""
    program = textwrap.dedent(f"""
        import os, resource, time
        from smartrest.device.durable import DurableOutbox
        from smartrest.device.outbox import Item
        outbox = DurableOutbox({str(path)!r}, 10**6, lambda topic: 16_000)
        outbox.open()
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
        failures = 0
        for number in range(500):
            outbox.put([Item("s/us", b"400,event,%d" % number)])
            outbox.done(outbox.take()[2])
            if outbox.failure:
                failures += 1
                outbox._file._thread.join()
                outbox.save()
                assert outbox.failure is None, outbox.failure
        print(failures > 1)
        os._exit(0)
    """)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_the_log_does_not_grow(path: Path, open_outbox: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows come and go without a pause, but file and log stay small."""
    monkeypatch.setattr(durable, "LOG", 400_000)
    monkeypatch.setattr(durable, "LONG_LOG", 1_600_000)
    outbox = open_outbox()
    largest = 0
    for number in range(4_000):
        outbox.put([Item("s/us", b"x" * 150)])
        if number >= 500:
            taken = outbox.take()
            outbox.done(taken[2])
        largest = max(largest, sum(file.stat().st_size for file in path.parent.iterdir()))
    assert len(outbox) < 501
    assert largest < 12_000_000, largest


def test_the_queue_tells_when_it_is_half_full() -> None:
    session = online(limits=Limits(queue=10_000), linger=1.0, acknowledgements=True)
    session.outgoing()
    told = []
    while not told:
        told = session.send(("400", "event", "x" * 100), now=0.0)
    assert told == [QueueHalfFull(session._flow.outbox.size, 10_000)]
    assert 5_000 < session._flow.outbox.size < 5_500
    assert session.send(("400", "event", "x" * 100), now=0.0) == []
    session.flush(0.1)
    for action in session.outgoing():
        session.acknowledged(action.id, 0.2)  # type: ignore[union-attr]  # all are Publish
    assert session._flow.outbox.size == 0
    told = []
    while not told:
        told = session.send(("400", "event", "x" * 100), now=0.3)
    assert [type(event) for event in told] == [QueueHalfFull]


def test_room_is_asked_for_before_rows_are_taken() -> None:
    session = Session("dev", limits=Limits(queue=1_000), now=0.0)
    asked: list[int] = []

    def room(size: int) -> None:
        asked.append(size)
        raise TimeoutError

    with pytest.raises(TimeoutError):
        session.send(("101", "child"), ("400", "event", "x" * 100), room=room)
    assert session.pending == session.taken == 0
    assert "child" not in session._known
    session.send(("101", "child"), ("400", "event", "x" * 100), room=asked.append)
    assert asked == [session._flow.outbox.size] * 2
    assert decode(session._flow.outbox.clear()[0].data) == [("101", "child")]


@pytest.mark.parametrize("kind", ["paho", "aiomqtt"])
def test_a_killed_process_leaves_the_rows_it_accepted(path: Path, kind: str) -> None:
    """Three times, without a broker: the file and the next process have all rows that `send` accepted, in order."""
    accepted: list[int] = []
    for _ in range(3):
        first = accepted[-1] + support_durable.BATCH + 1 if accepted else 1
        command = [sys.executable, support_durable.__file__, kind, "1", str(path), str(first)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            assert child.stdout is not None
            last = first - 1
            for line in child.stdout:
                if line.startswith(b"S"):
                    last = int(line.split()[1])
                if last >= first + 100:
                    child.send_signal(signal.SIGKILL)
        accepted += range(first, last + 1)
    session = Session("dev", outbox=path, now=0.0)
    found = [item.data for item in session._flow.outbox.clear()]
    numbers = [int(decode(data)[0][2]) for data in found]
    assert set(accepted) <= set(numbers)
    assert len(numbers) <= len(accepted) + 3 * support_durable.BATCH
