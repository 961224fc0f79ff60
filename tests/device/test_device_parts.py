"""Parts that both devices use: stored credentials, handlers, worker threads. No network."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from smartrest import SmartRestError
from smartrest.device import Credentials, CredentialStore, Operation, OperationTemplate
from smartrest.device.handlers import Handlers, Workers
from smartrest.device.operations import failure_text, result_fields

SECRET = Credentials("t1", "device_x", 'pass,"word"\n\\ é')
posix = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")


def test_credentials_survive_the_file(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path / "new" / "credentials.json")
    assert store.load() is None
    store.save(SECRET)
    assert store.load() == SECRET
    store.save(Credentials("t1", "device_x", "other"))
    assert store.load() == Credentials("t1", "device_x", "other")
    assert [path.name for path in store.path.parent.iterdir()] == ["credentials.json"]
    store.clear()
    store.clear()
    assert store.load() is None
    assert "pass" not in repr(store) + repr(SECRET)


@posix
def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        store = CredentialStore(tmp_path / "credentials.json")
        store.save(SECRET)
        assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    finally:
        os.umask(old)
    store.path.chmod(0o640)
    with pytest.raises(PermissionError, match="chmod 600"):
        store.load()


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1]", b"\xff", b'{"tenant":1,"user":"u","password":"pw"}', b"[" * 9_999]
)
def test_a_file_of_something_else(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "credentials.json"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SmartRestError) as caught:
        CredentialStore(path).load()
    assert caught.value.reason == "bad_credentials"
    assert "pw" not in str(caught.value)


def test_a_failed_save_keeps_the_old_file(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path / "credentials.json")
    store.save(SECRET)
    unwritable = Credentials("t", "u", "p")
    object.__setattr__(unwritable, "password", object())
    with pytest.raises(TypeError):
        store.save(unwritable)
    assert store.load() == SECRET
    assert [path.name for path in tmp_path.iterdir()] == ["credentials.json"]


def operation(template_id: str, fragment: str) -> Operation:
    return Operation("dev", None, fragment, (template_id, "dev"), "s/ds")


def handlers() -> tuple[Handlers, list[tuple[str, OperationTemplate | None]]]:
    changes: list[tuple[str, OperationTemplate | None]] = []
    return Handlers(lambda *change: changes.append(change), ["510", "511", "527", "531"]), changes


def test_the_template_id_is_asked_before_the_fragment() -> None:
    known, changes = handlers()

    @known.operation("c8y_Command", "c8y_Restart")
    def by_fragment(op: Operation) -> None: ...

    @known.on("511", fragment=None, id_field=None)
    def by_id(op: Operation) -> None: ...

    assert known.find(operation("511", "c8y_Command")) is by_id
    assert known.find(operation("510", "c8y_Restart")) is by_fragment
    assert known.find(operation("513", "c8y_Configuration")) is None
    assert known.fragments == ["c8y_Command", "c8y_Restart"]
    assert changes == []


def test_custom_templates_say_how_to_answer() -> None:
    known, changes = handlers()
    known.on("dm101", fragment="acme_Pump", id_field=None)(print)
    known.on("dm102", "dm103", fragment=None, id_field=2)(print)
    assert changes == [
        ("dm101", OperationTemplate("acme_Pump")),
        ("dm102", OperationTemplate(None, 2)),
        ("dm103", OperationTemplate(None, 2)),
    ]
    with pytest.raises(ValueError, match="not a static template"):
        known.on("dm104", fragment=None, id_field=None)
    with pytest.raises(ValueError, match="at least 2"):
        known.on("dm104", fragment=None, id_field=1)


def test_the_device_profile_with_types_replaces_the_other_row() -> None:
    known, changes = handlers()
    known.on("531", fragment=None, id_field=None)(print)
    assert changes == [("531", OperationTemplate("c8y_DeviceProfile")), ("527", None)]


def test_registering_badly() -> None:
    known, _ = handlers()
    known.operation("c8y_Command")(print)
    known.on("511", fragment=None, id_field=None)(print)
    with pytest.raises(ValueError, match="already"):
        known.operation("c8y_Other", "c8y_Command")
    with pytest.raises(ValueError, match="already"):
        known.on("511", fragment=None, id_field=None)
    with pytest.raises(TypeError, match="at least one"):
        known.operation()
    with pytest.raises(TypeError, match="must be str"):
        known.on(511, fragment=None, id_field=None)  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize(
    ("result", "fields"),
    [(None, ()), ("text", ("text",)), ("", ("",)), (["a", 1], ("a", 1)), ((), ()), (2.5, (2.5,)), (b"x", (b"x",))],
)
def test_results(result: object, fields: tuple[object, ...]) -> None:
    assert result_fields(result) == fields


def test_reasons() -> None:
    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    assert failure_text(ValueError("no")) == "no"
    assert failure_text(KeyError()) == "KeyError"
    assert failure_text(Silent()) == "Silent"


def test_workers_run_in_order_and_replace_a_hung_thread() -> None:
    workers = Workers(1, "test")
    release, done = threading.Event(), threading.Event()
    ran: list[Any] = []
    workers.submit("hung", lambda: (ran.append("hung"), release.wait(10)))  # type: ignore[arg-type, func-returns-value]  # a test's one-liner
    workers.submit("never", lambda: ran.append("never"))
    workers.submit("next", lambda: (ran.append("next"), done.set()))  # type: ignore[arg-type, func-returns-value]  # as above
    assert not done.wait(0.05)
    assert workers.abandon("never") is False
    assert workers.abandon("hung") is True
    assert done.wait(10)
    assert ran == ["hung", "next"]
    release.set()
    workers.close()
    with pytest.raises(ValueError, match="at least 1"):
        Workers(0, "test")


def test_closed_workers_return_jobs_not_begun() -> None:
    workers = Workers(1, "test")
    release, begun, done = threading.Event(), threading.Event(), threading.Event()
    workers.submit("running", lambda: (begun.set(), release.wait(10)))  # type: ignore[arg-type, func-returns-value]  # as above
    workers.submit("waiting", done.set)
    assert begun.wait(10)
    left = workers.close()
    release.set()
    assert [key for key, _ in left] == ["waiting"]
    assert not done.is_set()
    left[0][1]()
    assert done.is_set()


def test_the_session_needs_no_mqtt_library() -> None:
    code = (
        "import sys; sys.modules.update(paho=None, aiomqtt=None)\n"
        "from smartrest.device import Session, Credentials, CredentialStore, DeviceError\n"
        "import smartrest.device as d; assert Session('x').outgoing() and 'Device' in d.__all__\n"
        "try: d.Device\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "paho" in done.stdout


UNFIT = [
    ("", "u", "p"),
    ("t/x", "u", "p"),
    ("t", "", "p"),
    ("t\n", "u", "p"),
    ("t", "u\0", "p"),
    ("t", "u", "s3cret\0"),
    ("t", "u", "s3cret\ud800"),
    ("t", "u", "s3cret" * 11_000),
    ("t", "u" * 65_535, "p"),
]


@pytest.mark.parametrize("values", UNFIT)
def test_credentials_that_mqtt_cannot_carry(tmp_path: Path, values: tuple[str, str, str]) -> None:
    with pytest.raises(SmartRestError) as caught:
        Credentials(*values)
    assert caught.value.reason == "bad_identifier"
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps(dict(zip(("tenant", "user", "password"), values, strict=True))))
    path.chmod(0o600)
    with pytest.raises(SmartRestError) as stored:
        CredentialStore(path).load()
    assert stored.value.reason == "bad_credentials"
    for error in (caught.value, stored.value):
        assert "s3cret" not in str(error)
