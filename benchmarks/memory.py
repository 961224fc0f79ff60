"""Peak memory of one call, measured in a process of its own; needs the `/proc` of Linux.

Run as a module it is that process: the function's name as argument, the payload on standard input.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import smartrest

ROOT = Path(__file__).parent.parent


def status(name: str) -> int:
    """Return a size of this process in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise OSError(f"no {name} in /proc/self/status")


def decode_any(payload: bytes) -> Any:
    """Return the rows, or the error that holds the rows before it."""
    try:
        return smartrest.decode(payload)
    except smartrest.DecodeError as exc:
        return exc


def extra_memory(function: str, payload: bytes) -> int:
    """Return by how many bytes the process grows at most while `module:function` reads the payload."""
    if not Path("/proc/self/clear_refs").exists():
        raise OSError("peak memory needs the /proc of Linux")
    command = [sys.executable, "-m", "benchmarks.memory", function]
    done = subprocess.run(command, input=payload, cwd=ROOT, env=dict(os.environ), capture_output=True, check=False)
    if done.returncode:
        raise OSError(f"no memory figure: {done.stderr.decode()[-300:]}")
    return int(done.stdout)


def main(name: str) -> None:
    module, _, attribute = name.partition(":")
    function: Any = getattr(import_module(module), attribute)
    payload = sys.stdin.buffer.read()
    function(b"200,c8y_Temperature,T,25.3,C")  # whatever is set up once is no part of it
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew from here
    before = status("VmRSS")
    result = function(payload)
    peak = status("VmHWM")
    del result
    print(peak - before)


if __name__ == "__main__":
    main(sys.argv[1])
