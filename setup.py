"""Builds the compiled core. SMARTREST_EXT: auto (default) continues without it on failure, require fails, off skips it.

Each build writes `smartrest/_build.json`: why there is no core, or which Cython made it. The package reports that at
import and in `smartrest doctor`. A wheel without the core is tagged for every platform.
"""

import atexit
import io
import json
import os
import re
import shutil
import sys
import sysconfig
import tempfile
from contextlib import suppress
from glob import glob
from pathlib import Path

try:
    from Cython import __version__ as cython_version
    from setuptools import Extension, setup
    from setuptools.command.bdist_wheel import bdist_wheel
    from setuptools.command.build_ext import build_ext
except ModuleNotFoundError as exc:  # without build isolation, the requirements of pyproject.toml may be missing
    text = f"{exc.name} is missing: install with pip 21.3 or newer, and without --no-build-isolation"
    raise SystemExit(text) from exc

CHOICE = os.environ.get("SMARTREST_EXT", "auto")
if CHOICE not in ("auto", "require", "off"):
    raise SystemExit(f"SMARTREST_EXT={CHOICE!r} is invalid: use auto, require or off")
if "develop" in sys.argv:  # pip before 21.3 starts an editable install so
    raise SystemExit("this pip is too old for an editable install: first run pip install --upgrade pip")


def writable():
    with suppress(OSError), tempfile.TemporaryFile(dir="."):
        return True
    return False


WRITABLE = writable()


def check_place(folder):
    """Exits if an editable install cannot work in this folder."""
    if not WRITABLE:
        text = f"cannot write to {folder}, where an editable install builds the core"
        raise SystemExit(f"{text}: install without -e, or from a clone of your own")
    if sys.version_info < (3, 12, 4):  # decodes the path of an editable install with the locale's encoding
        try:
            io.TextIOWrapper(io.BytesIO(), encoding="locale").write(folder)
        except UnicodeEncodeError as exc:
            raise SystemExit(f"this locale has no text for {folder}: set LC_ALL=C.UTF-8, or use ASCII paths") from exc


class BuildCore(build_ext):
    """Continues without the core if it cannot be compiled and is not required, and records why."""

    def run(self):
        if self.inplace:
            check_place(os.getcwd())
        reason = fix = ""
        inplace = self.inplace  # setuptools changes it during the build
        if CHOICE == "off":
            reason = "SMARTREST_EXT=off left it out"
        elif sys.implementation.name != "cpython":
            reason = f"it is for CPython, not {sys.implementation.name}"
        else:
            try:
                super().run()
            except Exception as exc:
                reason, fix = self.explain(exc)
                if CHOICE == "require":
                    text = f"SMARTREST_EXT=require asks for the compiled core: {reason}"
                    raise SystemExit(f"{text}. To get it: {fix}" if fix else text) from exc
        self.inplace = inplace
        files = [Path(self.get_ext_fullpath(f"smartrest.{name}")) for name in EXTENSIONS]
        if reason:
            print(f"\n{'*' * 78}\nWARNING: smartrest has no compiled core: {reason}\n{'*' * 78}\n", file=sys.stderr)
            for file in files:  # all or none
                for old in (file, Path(self.build_lib, "smartrest", file.name)):
                    with suppress(FileNotFoundError):
                        old.unlink()
            self.distribution.ext_modules = None
            wheel = self.distribution.get_command_obj("bdist_wheel", create=False)
            if wheel is not None:
                wheel.root_is_pure = True
        record = {
            "choice": CHOICE,
            "reason": reason,
            "fix": fix,
            "python": sysconfig.get_config_var("SOABI"),
            "cython": cython_version,
        }
        files[0].parent.mkdir(parents=True, exist_ok=True)
        files[0].with_name("_build.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")

    def explain(self, exc):
        """The reason why the core was not built, and the fix."""
        reasons, packages = [], []
        command = (getattr(self.compiler, "compiler_so", None) or ["cl" if os.name == "nt" else "cc"])[0]
        if os.name != "nt" and shutil.which(command) is None:
            reasons.append(f"there is no C compiler ({command} was not found)")
            packages.append("gcc libc6-dev")
        header = Path(sysconfig.get_path("include"), "Python.h")
        if not header.is_file():
            reasons.append(f"Python's C headers are missing ({header})")
            packages.append("python3-dev")
        if packages:
            fix = f"install what is missing (Debian, Ubuntu: apt install {' '.join(packages)})"
            return " and ".join(reasons), fix
        text = str(exc)
        status = re.search(r"exit (?:code|status) -?\d+", text)  # after the whole command line
        if status:
            text = f"{command} ended with {status[0]}"
        return f"it could not be compiled ({text})", ""


class Wheel(bdist_wheel):
    """Packs only the files of this build: setuptools would add those that an earlier one left in the same folder."""

    def run(self):
        shutil.rmtree(Path(self.get_finalized_command("build").build_lib, "smartrest"), ignore_errors=True)
        super().run()


def extension(name, folders):
    """The extension smartrest.<name>: its parts in shell/, and the C in these folders of src_c."""
    c = [path for folder in folders for path in sorted(glob(f"src_c/{folder}/**/*.*", recursive=True))]
    parts = [path for path in sorted(glob("smartrest/shell/*.pxi")) if ("columns_" in path) == (name == "columns")]
    made = Extension(
        f"smartrest.{name}",
        [f"smartrest/{name}.pyx", *(path for path in c if path.endswith(".c"))],
        depends=[
            f"smartrest/{name}.pxd",
            *parts,
            *(path for path in c if path.endswith((".h", ".inc"))),
        ],
        include_dirs=[f"src_c/{folder}" for folder in folders],
        extra_compile_args=[] if os.name == "nt" else ["-std=c11", "-fno-builtin-memset", "-fvisibility=hidden"],
    )
    made.cython_c_in_temp = True
    chosen = os.environ.get("CFLAGS", "")  # these come before the extension's own flags, so those would win
    if os.name != "nt" and "-O" not in chosen:
        made.extra_compile_args.append("-O3")
    if sys.platform == "linux" and "-g" not in chosen:  # Python's own flags ask for -g
        made.extra_compile_args.append("-g0")
        made.extra_link_args.append("-Wl,-s")
    return made


FOLDERS = {"core": ("codec", "objects"), "columns": ("codec", "columns")}
# tools/probes.py builds the core alone
EXTENSIONS = [name for name in FOLDERS if Path(f"smartrest/{name}.pyx").is_file()]


def elsewhere():
    """Options to build elsewhere if the source tree is read-only."""
    if WRITABLE:
        return {}
    folder = tempfile.mkdtemp(prefix="smartrest-build-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return {"build": {"build_base": folder}, "egg_info": {"egg_base": folder}}


setup(
    ext_modules=[extension(name, FOLDERS[name]) for name in EXTENSIONS],
    cmdclass={"build_ext": BuildCore, "bdist_wheel": Wheel},
    options=elsewhere(),
)
