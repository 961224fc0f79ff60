"""Builds and loads the probes: `load()` returns the module of `probes.pyx`, for the installed core.

The package does not ship them. They are built on first use, with the Cython and compiler of a development install,
and kept in `build/` under a hash of their sources.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (ROOT / "tools" / "probes.pyx", ROOT / "smartrest" / "core.pxd")
BUILD = """
from Cython.Build import cythonize
from setuptools import Extension, setup
extension = Extension("probes", [{source!r}], include_dirs={include!r})
setup(name="probes", ext_modules=cythonize([extension], include_path=[{root!r}], build_dir="c"))
"""


def load() -> Any:
    """The probes. Raises `ImportError` if the core is not built or the probes cannot be built."""
    import smartrest.core  # noqa: F401 - the probes import it; absent, that is an ImportError here

    name = "probes"
    if name in sys.modules:
        return sys.modules[name]
    made = [source.read_bytes() for source in SOURCES]
    made += [path.read_bytes() for path in sorted([*ROOT.glob("src_c/**/*.h"), *ROOT.glob("smartrest/core.*.so")])]
    key = hashlib.sha256(b"\0".join([*made, sys.version.encode(), os.environ.get("CFLAGS", "").encode()])).hexdigest()
    folder = ROOT / "build" / f"probes-{key[:16]}"
    if not list(folder.glob("probes.*.so")) and not list(folder.glob("probes.*.pyd")):
        _build(folder)
    (library,) = (path for path in folder.glob("probes.*") if path.suffix in (".so", ".pyd"))
    spec = importlib.util.spec_from_file_location(name, library)
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[name] = module
    return module


def _build(folder: Path) -> None:
    own = folder.with_name(f"{folder.name}-{os.getpid()}")  # several processes may build at the same time
    own.mkdir(parents=True, exist_ok=True)
    script = BUILD.format(
        source=str(SOURCES[0]), include=[str(ROOT / "src_c" / "codec"), str(ROOT / "src_c" / "objects")], root=str(ROOT)
    )
    (own / "setup.py").write_text(script, encoding="utf-8")
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    done = subprocess.run(command, cwd=own, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(own, ignore_errors=True)
        raise ImportError(f"the probes cannot be built: {done.stderr[-2000:]}")
    try:
        own.rename(folder)
    except OSError:  # another process was faster
        shutil.rmtree(own, ignore_errors=True)
