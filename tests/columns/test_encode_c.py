"""The C of tables to payloads alone, with sanitizers, on every kernel: encode_test.c."""

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
def test_kernels_agree_and_stay_within_buffers(repository: Path, tmp_path: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        (pytest.fail if support.REQUIRED else pytest.skip)("no C compiler was found")
    code = repository / "src_c"
    folders = [f"-I{folder}" for folder in (code / "codec", code / "columns", repository / "tests" / "codec" / "core")]
    names = (
        "devices",
        "encode",
        "pack",
        *[f"encode_{name}" for name in ("avx512", "avx2", "sse2", "neon", "portable")],
    )
    sources = [*sorted((code / "codec").rglob("*.c")), *[code / "columns" / f"{name}.c" for name in names]]
    program = tmp_path / "encode_test"
    built = subprocess.run(
        [str(compiler), *FLAGS, *folders, HERE / "encode_test.c", *sources, "-lm", "-o", program], capture_output=True
    )
    assert built.returncode == 0, built.stderr.decode()[-4000:]
    done = subprocess.run([program, "0.02"], capture_output=True)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
    assert done.stdout.endswith(b"no difference\n")
