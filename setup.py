"""Builds the compiled core. SMARTREST_EXT: auto (default) warns and goes on without it, require fails, off skips it."""

import os
import sys
from glob import glob

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

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

    def build_extension(self, ext):
        """Adds the short way from any float to its text, where a C++17 compiler and library are found."""
        try:
            ext.extra_objects += self.compiler.compile(
                ["src_c/sr_tochars.cpp"],
                output_dir=self.build_temp,
                include_dirs=["src_c"],
                extra_postargs=["/std:c++17"] if os.name == "nt" else ["-std=c++17", "-O3", "-fvisibility=hidden"],
            )
            ext.define_macros.append(("SR_HAVE_TO_CHARS", "1"))
            ext.libraries += [] if os.name == "nt" else ["c++" if sys.platform == "darwin" else "stdc++"]
        except CompileError as exc:
            print(f"note: no C++17 compiler ({exc}); floats of many digits take the slower way", file=sys.stderr)
        super().build_extension(ext)


def core():
    from Cython.Build import cythonize

    sources = ["smartrest/core.pyx", *sorted(glob("src_c/*.c") + glob("src_c/kernels/*.c") + glob("src_py/*.c"))]
    extension = Extension(
        "smartrest.core",
        sources,
        depends=[*glob("src_*/*.h"), *glob("src_c/kernels/*.h"), "src_c/sr_tochars.cpp"],
        include_dirs=["src_c", "src_py"],
        extra_compile_args=[] if os.name == "nt" else ["-std=c11", "-O3", "-fno-builtin-memset", "-fvisibility=hidden"],
    )
    return cythonize([extension], language_level=3)


off = CHOICE == "off" or sys.implementation.name != "cpython"
setup(ext_modules=[] if off else core(), cmdclass={"build_ext": BuildCore})
