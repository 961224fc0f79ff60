"""Builds the compiled core. SMARTREST_EXT: auto (default) warns and goes on without it, require fails, off skips it."""

import os
import sys
from glob import glob

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

CHOICE = os.environ.get("SMARTREST_EXT", "auto")
if CHOICE not in ("auto", "require", "off"):
    raise SystemExit(f"SMARTREST_EXT={CHOICE!r} is none of auto, require, off")


class BuildCore(build_ext):
    """Falls back to the pure engine where nothing can be compiled, and says so, unless the core is required."""

    def run(self):
        try:
            super().run()
        except Exception as exc:
            if CHOICE == "require":
                raise
            warning = f"the compiled core was NOT built ({exc}): smartrest will run on its pure engine, much slower"
            print(f"\n{'*' * 78}\nWARNING: {warning}\n{'*' * 78}\n", file=sys.stderr)


def core():
    from Cython.Build import cythonize

    sources = ["smartrest/core.pyx", *sorted(glob("src_c/*.c") + glob("src_c/kernels/*.c") + glob("src_py/*.c"))]
    extension = Extension(
        "smartrest.core",
        sources,
        depends=[*glob("src_*/*.h"), *glob("src_c/kernels/*.h")],
        include_dirs=["src_c", "src_py"],
        extra_compile_args=[] if os.name == "nt" else ["-std=c11", "-O3", "-fno-builtin-memset", "-fvisibility=hidden"],
    )
    return cythonize([extension], language_level=3)


off = CHOICE == "off" or sys.implementation.name != "cpython"
setup(ext_modules=[] if off else core(), cmdclass={"build_ext": BuildCore})
