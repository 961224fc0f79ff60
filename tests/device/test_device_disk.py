"""An outbox file on disks that are slow, and on disks that lose their power. The disk is preloaded: support_disk.c."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support_disk import Disk, records

from smartrest import SmartRestError

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="preloads a library of Linux")]
HERE = Path(__file__).parent
CUTS = int(os.environ.get("SMARTREST_TEST_CUTS", "400"))


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler was found")
    path = tmp_path_factory.mktemp("disk") / "disk.so"
    command = [str(compiler), "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(path)]
    subprocess.run([*command, str(HERE / "support_disk.c"), "-ldl"], check=True)
    return path


def run(disk: Path, program: str, *arguments: object, **environment: str) -> str:
    paths = {"LD_PRELOAD": str(disk), "PYTHONPATH": os.pathsep.join((str(HERE.parents[1]), str(HERE)))}
    command = [sys.executable, str(HERE / program), *map(str, arguments)]
    done = subprocess.run(
        command, env={**os.environ, **paths, **environment}, stdout=subprocess.PIPE, text=True, check=True, timeout=120
    )
    return done.stdout


def cut_often(disk: Path, folder: Path, cuts: int, seed: int, synchronous: str = "") -> tuple[int, int, int]:
    """Returns the cuts, the rows that had to be there in all, and the most accepted rows that one cut cost."""
    path, log = folder / "outbox.db", folder / "log"
    run(disk, "support_disk.py", path, folder / "marks", seed, 2_000, synchronous, DISK_LOG=str(log))
    happened = list(records(log))
    dice = random.Random(seed)
    at = set(dice.sample(range(len(happened)), min(cuts, len(happened))))
    recorded, done, kept, most = Disk(path), 0, 0, 0
    for number, record in enumerate(happened):
        if recorded.ready and number in at:
            there = folder / f"cut-{number}"
            there.mkdir()
            must, missing = recorded.cut(dice, there)
            shutil.rmtree(there)
            done, kept, most = done + 1, kept + must, max(most, missing)
        recorded.note(number, record)
    return done, kept, most


@pytest.mark.parametrize("seed", range(4))
def test_a_power_cut_leaves_the_file_intact_and_what_was_synced(
    disk: Path, tmp_path: Path, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    cuts, kept, most = cut_often(disk, tmp_path, CUTS // 4, seed)
    assert cuts > CUTS // 5
    assert kept > 1_000
    with capsys.disabled():
        print(f"\n{cuts} power cuts: {kept} synced rows, all there; at most {most} of the latest missing")


def test_without_syncs_a_power_cut_is_seen_to_do_damage(disk: Path, tmp_path: Path) -> None:
    with pytest.raises((AssertionError, SmartRestError)):
        cut_often(disk, tmp_path, 200, 1, "OFF")


@pytest.mark.alone
def test_a_slow_disk_does_not_stop_the_loop(disk: Path, tmp_path: Path) -> None:
    """Unless `send` waits for it."""
    (blocked, _, _), (free, pauses, _) = (
        map(float, run(disk, "support_slow_disk.py", tmp_path / f"{way}.db", way, DISK_SLOW="100").split())
        for way in ("wait", "saved")
    )
    assert blocked > 0.1
    assert free < 0.1, f"{pauses} pauses"
