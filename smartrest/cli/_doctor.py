"""`smartrest doctor`: examines this installation. Imports no library of an extra and changes nothing."""

from __future__ import annotations

import importlib
import json
import os
import platform
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import smartrest

from .. import _install

WIDTH = 80
INDENT = " " * 13
DEVELOPING = ("bench", "dev")  # extras for work on the package itself


@dataclass
class Line:
    """One line of the report; `wrong` describes a problem, `fix` gives the command or advice."""

    name: str
    text: str
    wrong: str = ""
    fix: str = ""


def run(as_json: bool) -> int:
    """Print the report; return 1 if something is wrong."""
    lines = [*_package(), _python(), *_engine(), *_extras(), *_brokers()]
    ok = not any(line.wrong for line in lines)
    if as_json:
        found = {line.name: {key: value for key, value in asdict(line).items() if key != "name"} for line in lines}
        print(json.dumps({"ok": ok, **found}, indent=1))
    else:
        for line in lines:
            print(_shown(line))
    return 0 if ok else 1


def _shown(line: Line) -> str:
    wrap = textwrap.TextWrapper(WIDTH, subsequent_indent=INDENT, break_long_words=False, break_on_hyphens=False)
    parts = wrap.wrap(f"{line.name:<12} {line.text}")
    if line.wrong:
        wrap.initial_indent = INDENT
        parts += wrap.wrap(f"WRONG: {line.wrong}")
    if line.fix:
        parts.append(f"{INDENT}fix:   {line.fix}" if line.wrong else f"{INDENT}to add: {line.fix}")
    return "\n".join(parts)


def _installed() -> metadata.Distribution | None:
    """The installed package, even if the running one was imported from elsewhere."""
    found = metadata.distributions(name="smartrest")
    return next((one for one in found if one.read_text("RECORD") is not None), None)


def _package() -> Iterator[Line]:
    here = _install.FOLDER
    distribution = _installed()
    if distribution is None:
        kind = "a clone, not installed" if _install.is_clone() else "not installed"
        yield Line("smartrest", f"{here} ({kind})", "only programs started in this folder find it", _install.command())
        return
    origin, editable = _install.origin(distribution)
    there = origin if editable else str(distribution.locate_file(""))
    version = distribution.version
    if os.path.realpath(there) == os.path.realpath(_install.CLONE):
        yield Line("smartrest", f"{version}, {here}{' (a clone, editable)' if editable else ''}")
        return
    kind = "clone" if _install.is_clone() else "copy"
    wrong = f"this {kind} hides the package that is installed in {there}"
    fix = _install.command() if _install.is_clone() else f"work in another folder, or remove {here} from PYTHONPATH"
    yield Line("smartrest", f"{here} (a {kind})", wrong, fix)


def _python() -> Line:
    name = f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"
    return Line("python", f"{name}, on {platform.platform()}")


def _engine() -> Iterator[Line]:
    wanted = os.environ.get("SMARTREST_ENGINE")
    text = smartrest.engine() + (f" (SMARTREST_ENGINE={wanted})" if wanted else "")
    try:
        core = importlib.import_module("smartrest.core")
        kernels = core.kernels()
    except Exception as error:  # a core of another build may raise anything
        if _install.left_out():
            yield Line("engine", f"{text}; without the compiled core: {_install.why_no_core(error)[0]}")
        elif smartrest.engine() == wanted == "pure":
            yield Line("engine", text)
        else:
            yield Line("engine", f"{text}, many times slower than the core", *_install.why_no_core(error))
        return
    yield Line("engine", text, *_stale(str(core.__file__)))
    able = ", ".join(name if has else f"{name} (not on this CPU)" for name, has in kernels)
    yield Line("kernels", able)
    yield Line("cpu", _cpu())
    yield Line("core", f"{core.__file__}, compiled with Cython {_install.record().get('cython', '(unknown)')}")


def _stale(core: str) -> tuple[str, str]:
    """The problem and the fix if the core is older than the source tree around it, else two empty texts."""
    if not _install.is_clone():
        return "", ""
    root = Path(_install.CLONE)
    sources = [
        *root.glob("src_c/**/*.[ch]"),
        *root.glob("src_c/**/*.inc"),
        *root.glob("smartrest/core.p[xy][xd]"),
        *root.glob("smartrest/shell/*.pxi"),
    ]
    newer = [path for path in sources if path.stat().st_mtime > Path(core).stat().st_mtime]
    if not newer:
        return "", ""
    return f"the core is older than {newer[0].relative_to(root)}", _install.command()


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return f"{model[1].strip() if model else platform.processor() or 'unknown'}, {platform.machine()}"


def _extras() -> Iterator[Line]:
    """Each extra for users, with the versions of its libraries."""
    distribution = _installed()
    wanted: dict[str, dict[str, str]] = {}
    for text in (distribution.requires or []) if distribution else []:
        match = re.match(r"([\w.-]+)[^;]*;.*extra == ['\"](\w+)['\"]", text)
        if match and match[2] not in DEVELOPING and "python_version" not in text:
            least = re.search(r">=([\d.]+)", text)
            wanted.setdefault(match[2], {})[match[1]] = least[1] if least else "0"
    for extra, libraries in wanted.items():
        have = {name: _version(name) for name in libraries}
        text = ", ".join(f"{name} {version or '(not installed)'}" for name, version in have.items())
        old = [f"{name} {libraries[name]}" for name, at in have.items() if at and _older(at, libraries[name])]
        wrong = f"too old, required: {', '.join(old)}" if old else ""
        yield Line(extra, text, wrong, _install.command(extra) if old or not all(have.values()) else "")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _older(version: str, least: str) -> bool:
    numbers = [[int(number) for number in re.findall(r"\d+", text)] for text in (version, least)]
    return numbers[0] < numbers[1]


def _brokers() -> Iterator[Line]:
    from ..testing.broker import find_mosquitto

    program = find_mosquitto()
    found = [] if program is None else [f"{_mosquitto(program)}, {program}"]
    amqtt = _version("amqtt")
    found += [f"amqtt {amqtt}"] if amqtt else []
    if found:
        yield Line("brokers", "; ".join(found))
    else:
        yield Line("brokers", "none; for tests and demonstrations only", fix=_install.command("testing"))


def _mosquitto(program: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the program found by find_mosquitto, no user input
            [program, "-h"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"mosquitto (does not run: {error})"
    version = re.search(r"version ([\d.]+)", done.stdout + done.stderr)
    return f"mosquitto {version[1] if version else '(version unknown)'}"
