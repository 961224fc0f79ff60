"""Builds and loads the core with probes: `load()` returns a second core, with the functions of `probes.pxi`.

The package does not ship it. It is built on first use, with the Cython and compiler of a development install, and kept
in `build/` under a hash of its sources. It takes half a minute.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None

ROOT = Path(__file__).resolve().parent.parent
PROBES = ROOT / "tools" / "probes.pxi"
COPIED = ("setup.py", "smartrest/core.pyx", "smartrest/core.pxd", "smartrest/shell/*", "src_c/*/*.*", "src_c/codec/*/*")
NAME = "smartrest_core_with_probes"  # in sys.modules


def load() -> Any:
    """The core with probes. Raises `ImportError` if the core is not built or this one cannot be built."""
    import smartrest.core  # noqa: F401 - else the second core would register itself as the first

    if NAME not in sys.modules:
        spec = importlib.util.spec_from_file_location("smartrest.core", _library())
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[NAME] = module
    return sys.modules[NAME]


def _library() -> Path:
    sources = sorted(path for pattern in COPIED for path in ROOT.glob(pattern))
    made = [path.read_bytes() for path in (*sources, PROBES)]
    made += [sys.version.encode(), os.environ.get("CFLAGS", "").encode()]
    key = hashlib.sha256(b"\0".join(made)).hexdigest()
    folder = ROOT / "build" / f"probes-{key[:16]}"
    if not folder.is_dir():
        folder.parent.mkdir(exist_ok=True)
        with folder.with_suffix(".lock").open("w") as lock:  # one process builds, others wait for it
            if fcntl:
                fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.is_dir():
                _build(folder, sources)
    (library,) = (path for path in folder.glob("smartrest/core.*") if path.suffix in (".so", ".pyd"))
    return library


def _build(folder: Path, sources: list[Path]) -> None:
    own = folder.with_name(f"{folder.name}-{os.getpid()}")  # without the lock several processes may build
    for source in sources:
        copy = own / source.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, copy)
    (own / "smartrest" / "__init__.py").touch()
    with (own / "smartrest" / "core.pyx").open("a", encoding="utf-8") as core:
        core.write(PROBES.read_text(encoding="utf-8"))
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    required = {"CFLAGS": "-O1"} | os.environ | {"SMARTREST_EXT": "require"}  # -O3 takes twice as long
    done = subprocess.run(command, cwd=own, env=required, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(own, ignore_errors=True)
        raise ImportError(f"the core with probes cannot be built: {done.stderr[-2000:]}")
    shutil.rmtree(own / "build")
    try:
        own.rename(folder)
    except OSError:  # another process was faster
        shutil.rmtree(own, ignore_errors=True)
