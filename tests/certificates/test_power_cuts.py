"""Full disks and power cuts at any point of an enrolment or a renewal: there is always a whole identity."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")

from certificates.makers import ec_key
from certificates.support_enrolment import PASSWORD, enrolled, renewed, token
from certificates.support_servers import HOST

from smartrest.certificates import CA, Identity
from smartrest.testing import EnrolmentServer


def test_a_full_disk_between_key_and_certificate(
    est: EnrolmentServer,
    files: dict[str, Path],
    ca: CA,
    tmp_path: Path,
    mqtt: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = os.fsync
    folder = ca.issue("pump-1", key=ec_key(0)).save(tmp_path / "old")
    before = Identity.load(folder).chain
    done = None
    for writes in range(40):
        left = writes

        def fsync(handle: int) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            real(handle)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fsync)
            try:
                done = renewed(est, files, folder, mqtt)
            except OSError as error:
                assert error.errno == errno.ENOSPC
        found = Identity.load(folder)  # always a whole one
        if done is not None:
            assert found.chain == done.chain
            break
        assert found.key is not None
    assert done is not None
    assert done.chain != before


CUTTER = """
import json, os, sys
sys.path[:0] = {path!r}
from smartrest.certificates import enroll, renew
EVENTS = {{"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "socket.connect", "os.listdir"}}
def live(call, left):
    def hook(event, arguments):
        nonlocal left
        if event in EVENTS:
            left -= 1
            if left < 0:
                os._exit(77)
    sys.addaudithook(hook)
    try:
        eval(call)
    except BaseException as error:
        print(repr(error), file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)
for line in sys.stdin:
    call, left = json.loads(line)
    child = os.fork()
    if child == 0:
        live(call, left)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Cutter:
    """Runs a call in a process that dies before its operation number `after` on files and sockets."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", CUTTER.format(path=sys.path)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, call: str, after: int) -> bool:
        """Whether the call ended before the power was cut."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([call, after]) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        assert code in (0, 77)
        return code == 0

    def close(self) -> None:
        self._process.communicate(timeout=30)


@pytest.fixture(scope="module")
def power_cut() -> Iterator[Cutter]:
    if not hasattr(os, "fork"):
        pytest.skip("needs os.fork")
    cutter = Cutter()
    yield cutter
    cutter.close()


def cut_everywhere(
    power_cut: Cutter,
    est: EnrolmentServer,
    files: dict[str, Path],
    ca: CA,
    home: Path,
    mqtt: int,
    points: list[int] | None,
) -> int:
    """A renewal with a power cut at each point: always a whole identity, and the next call ends it. How many points."""
    first = ca.issue("pump-1", key=ec_key(0))
    where = f"port={est.port}, mqtt=({HOST!r}, {mqtt}), ca_file={str(files['ca'])!r}"
    after = 0
    while True:
        folder = home / f"cut-{after}"
        if points is None or after in points:
            first.save(folder)
            ended = power_cut(f"renew({HOST!r}, {str(folder)!r}, {token(est)!r}, {where})", after)
            found = Identity.load(folder)
            assert found.key is not None
            if ended:
                assert found.chain != first.chain
                return after
            done = renewed(est, files, folder, mqtt)
            assert Identity.load(folder).chain == done.chain != first.chain
            assert {each.name for each in folder.iterdir()} <= {"chain.pem", "key.pem", ".discarded"}
            shutil.rmtree(folder)
        elif after > max(points):
            return after
        after += 1


def test_some_power_cuts(
    power_cut: Cutter, est: EnrolmentServer, files: dict[str, Path], ca: CA, tmp_path: Path, mqtt: int
) -> None:
    cut_everywhere(power_cut, est, files, ca, tmp_path, mqtt, [9, 19, 29])


@pytest.mark.slow
def test_a_power_cut_at_every_point(
    power_cut: Cutter, est: EnrolmentServer, files: dict[str, Path], ca: CA, tmp_path: Path, mqtt: int
) -> None:
    assert cut_everywhere(power_cut, est, files, ca, tmp_path, mqtt, None) > 25


@pytest.mark.slow
def test_a_power_cut_at_every_point_of_an_enrolment(
    power_cut: Cutter, est: EnrolmentServer, files: dict[str, Path], tmp_path: Path
) -> None:
    after = 0
    while True:
        folder = tmp_path / f"cut-{after}"
        est.register("pump-1", PASSWORD)
        options = f"port={est.port}, ca_file={str(files['ca'])!r}, key='P-256'"
        ended = power_cut(f"enroll({HOST!r}, 'pump-1', {PASSWORD!r}, {str(folder)!r}, {options})", after)
        if not ended:
            est.register("pump-1", PASSWORD)  # a password whose answer was lost is used up
            if (folder / "chain.pem").exists() and not (folder / "accepted").exists():
                assert Identity.load(folder).key is not None
            else:
                enrolled(est, files, folder)
        assert Identity.load(folder).device_id == "pump-1"
        if ended:
            assert after > 20
            return
        after += 1
