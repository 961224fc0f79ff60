"""How this copy of the package was installed, and the commands that fix it: for warnings, hints, `smartrest doctor`.

Imported only when something is missing.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FOLDER = os.path.dirname(os.path.abspath(__file__))
CLONE = os.path.dirname(FOLDER)
# The distributions that extras install, by import name.
LIBRARIES = {
    "aiomqtt": "aiomqtt",
    "amqtt": "amqtt",
    "cryptography": "cryptography",
    "paho": "paho-mqtt",
    "tomli": "tomli",
}


def is_clone() -> bool:
    """Whether the package is imported from its source tree."""
    return os.path.isfile(os.path.join(CLONE, "setup.py")) and os.path.isdir(os.path.join(CLONE, "src_c"))


def origin(distribution: Any = None) -> tuple[str, bool]:
    """The source pip installed from (a folder or URL; "" for an index, or if not installed), and whether editable."""
    import json
    from importlib import metadata

    try:
        text = (distribution or metadata.distribution("smartrest")).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return "", False
    if not text:
        return "", False
    facts = json.loads(text)
    url, vcs = facts["url"], facts.get("vcs_info")
    if vcs:
        return f"{vcs['vcs']}+{url}@{vcs['commit_id']}", False
    if url.startswith("file:"):
        from urllib.parse import urlsplit
        from urllib.request import url2pathname

        url = url2pathname(urlsplit(url).path)
    return url, bool(facts.get("dir_info", {}).get("editable"))


def pip() -> str:
    """The command that runs the pip of this Python from the current shell."""
    import shlex

    program = os.path.abspath(sys.executable) if sys.executable else "python"
    folder = os.path.dirname(program)
    if folder in os.environ.get("PATH", "").split(os.pathsep):
        return "pip" if os.path.isfile(os.path.join(folder, "pip")) else f"{os.path.basename(program)} -m pip"
    return f"{shlex.quote(_short(program))} -m pip"


def command(extras: str = "", *, again: bool = False) -> str:
    """The command that installs the package with `extras`; `again` rebuilds it and bypasses pip's cache."""
    import shlex

    editable = is_clone()
    where = CLONE if editable else origin()[0]
    address = "+" in where.partition("://")[0] or "://" in where
    if not address and not os.path.exists(where):
        where = ""  # from an index, or the folder is gone
    if address:
        what = f"smartrest[{extras}] @ {where}" if extras else where
    else:
        what = (_short(where) if where else "smartrest") + (f"[{extras}]" if extras else "")
    options = " -e" if editable else ""
    start = pip()
    if again:
        options = " --no-cache-dir --force-reinstall --no-deps" + options
        start = start if os.name == "nt" else f"SMARTREST_EXT=require {start}"  # fails if the core does not compile
    return f"{start} install{options} {shlex.quote(what)}"


def missing(who: str, libraries: str, extras: str) -> str:
    """One sentence for a user whose program needs libraries of an extra."""
    return f"{who} needs {libraries}: {command(extras)}"


def hint(error: ModuleNotFoundError, who: str, extras: str) -> ModuleNotFoundError:
    """`error` with the install command in its text, if the missing module belongs to an extra."""
    library = LIBRARIES.get((error.name or "").partition(".")[0])
    return error if library is None else ModuleNotFoundError(missing(who, library, extras), name=error.name)


def record() -> dict[str, Any]:
    """The record that setup.py left of the build: choice, reason, fix, python, cython; empty if there is none."""
    import json

    try:
        with open(os.path.join(FOLDER, "_build.json"), encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def left_out() -> bool:
    """Whether the core is absent on purpose: not CPython, or built with SMARTREST_EXT=off."""
    return sys.implementation.name != "cpython" or record().get("choice") == "off"


def why_no_core(error: BaseException) -> tuple[str, str]:
    """Why `smartrest.core` failed to import, and the fix: two parts of a sentence."""
    again = command(again=True)
    absent = isinstance(error, ModuleNotFoundError) and error.name == "smartrest.core"
    if "only be loaded into one interpreter" in str(error) or "loading in subinterpreters" in str(error):
        return "a process can run it in one interpreter only", "run smartrest in the main interpreter"
    if not absent:
        return f"it does not run here ({type(error).__name__}: {error})", again
    from sysconfig import get_config_var

    built = record()
    if built.get("reason") and (not is_clone() or built.get("python") == get_config_var("SOABI")):
        return str(built["reason"]), f"{built['fix']}, then {again}" if built.get("fix") else again
    others = sorted(name for name in os.listdir(FOLDER) if name.startswith("core.") and name.endswith((".so", ".pyd")))
    if others:
        return f"it was built for another Python ({', '.join(others)})", again
    if is_clone():
        return f"it was never built in the source tree ({CLONE})", again
    return "this installation came without it", again


def advice(error: BaseException) -> str:
    """`why_no_core` as text to follow a colon."""
    reason, way = why_no_core(error)
    return f"{reason}. To get it: {way}"


def warn(error: BaseException) -> None:
    """Warn that the pure engine runs as a fallback, at the user's line that imports the package."""
    if left_out():
        return
    import warnings

    from .errors import EngineWarning

    text = f"smartrest runs on its pure engine, many times slower than the compiled core: {advice(error)}"
    text += " (or set SMARTREST_ENGINE=pure to silence this warning)"
    frame = sys._getframe(1)
    while frame.f_back and ("importlib" in (file := frame.f_code.co_filename) or file.startswith(FOLDER + os.sep)):
        frame = frame.f_back
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    module = frame.f_globals.get("__name__")
    warnings.warn_explicit(text, EngineWarning, frame.f_code.co_filename, frame.f_lineno, module, registry)


def _short(path: str) -> str:
    """The path, relative to the working directory if it is inside."""
    try:
        relative = os.path.relpath(path)
    except (OSError, ValueError):  # the working directory is gone; another drive
        return path
    if relative == os.curdir:
        return "."
    return path if relative.startswith(os.pardir) else os.path.join(os.curdir, relative)
