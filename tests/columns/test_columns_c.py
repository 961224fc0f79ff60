"""The C of tables alone, with sanitizers, on every kernel: encode_test.c and decode_test.c."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import support

HERE = Path(__file__).resolve().parent
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
FLAGS = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", *SANITIZERS)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "work"), [("encode_test", "0.02"), ("decode_test", "0.001")])
def test_kernels_agree_and_stay_within_buffers(repository: Path, tmp_path: Path, name: str, work: str) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        (pytest.fail if support.REQUIRED else pytest.skip)("no C compiler was found")
    code = repository / "src_c"
    folders = [f"-I{folder}" for folder in (code / "codec", code / "columns", repository / "tests" / "codec" / "core")]
    sources = [*sorted((code / "codec").rglob("*.c")), *sorted((code / "columns").glob("*.c"))]
    program = tmp_path / name
    built = subprocess.run(
        [str(compiler), *FLAGS, *folders, HERE / f"{name}.c", *sources, "-lm", "-o", program], capture_output=True
    )
    assert built.returncode == 0, built.stderr.decode()[-4000:]
    done = subprocess.run([program, work], capture_output=True)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
    assert done.stdout.endswith(b"no difference\n")
