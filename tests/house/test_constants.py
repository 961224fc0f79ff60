"""One number, one home: the generated header is up to date, and no code repeats the numbers."""

from __future__ import annotations

import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from smartrest import _constants, _limits
from smartrest.mqtt import topics


@pytest.mark.parametrize("name", ["constants", "powers"])
def test_the_header_is_generated(repository: Path, name: str) -> None:
    printed = subprocess.run(
        [sys.executable, str(repository / "tools" / f"gen_{name}.py")], capture_output=True, text=True, check=True
    ).stdout
    assert printed == (repository / "src_c" / "codec" / f"sr_{name}.h").read_text(encoding="utf-8")
    assert "do not edit" in printed


def test_the_powers_of_ten(repository: Path) -> None:
    """Each has 128 bits and is a true power times a power of two, rounded down."""
    header = (repository / "src_c" / "codec" / "sr_powers.h").read_text(encoding="utf-8")
    found = re.search(r"SR_FIRST_POWER \((-\d+)\)\n#define SR_LAST_POWER (\d+)\n", header)
    assert found is not None
    powers = range(int(found[1]), int(found[2]) + 1)
    entries = re.findall(r"\{0x([0-9A-F]{16}), 0x([0-9A-F]{16})\}", header)
    assert len(entries) == len(powers)
    for q, (upper, lower) in zip(powers, entries, strict=True):
        bits = Fraction(int(upper + lower, 16))
        assert bits.numerator.bit_length() == 128
        scaled = Fraction(10) ** q / Fraction(2) ** (q * 217706 >> 16) * 2**127  # as sr_float.c computes the logarithm
        assert bits <= scaled < bits + 1
        assert (bits == scaled) == (0 <= q <= 55)  # sr_nearest_float calls these exact


def test_the_header_has_every_reason(repository: Path) -> None:
    header = (repository / "src_c" / "codec" / "sr_constants.h").read_text(encoding="utf-8")
    for number, reason, _ in _constants.STATUS:
        assert f"SR_{reason.upper()} = {number}," in header


def without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/|//[^\n]*|#[^\n]*", "", text, flags=re.DOTALL)


def test_limits_are_spelled_once(repository: Path) -> None:
    """They are in `_constants.py` and, for people, in documents, but nowhere else in code.

    `shell/` repeats the default of `limit`, since its signatures are text; test_stubs.py compares the values.
    """
    limits = re.compile(r"\b(16_?184|16_?000|4_?300)\b")
    wrong = [
        str(path.relative_to(repository))
        for folder in ("smartrest", "src_c")
        for path in (repository / folder).rglob("*")
        if path.suffix in (".py", ".pyx", ".pxd", ".c", ".h", ".inc")
        and path.name not in ("_constants.py", "sr_constants.h", "core.c")
        and limits.search(strip_strings(path))
    ]
    assert wrong == []


def strip_strings(path: Path) -> str:
    """The code of a file, without comments and string literals."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in (".c", ".h", ".inc"):
        return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', without_comments(text))
    text = re.sub(r'"""(?:.|\n)*?"""', '""', text)
    text = re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)
    return re.sub(r"#[^\n]*", "", text)


def test_every_constant_is_read(repository: Path) -> None:
    """Constants without a reader must go."""
    names = [name for name in vars(_constants) if name.isupper()]
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("smartrest", "tools", "src_c")
        for path in (repository / folder).rglob("*")
        if path.suffix in (".py", ".pxi") and path.name != "_constants.py"
    )
    assert [name for name in names if not re.search(rf"\b{name}\b", code)] == []


def test_the_separators_of_the_format_are_in_no_c_file(repository: Path) -> None:
    """Special characters come from `sr_constants.h`."""
    wrong = []
    for path in [*(repository / "src_c").rglob("*.[ch]"), *(repository / "src_c").rglob("*.inc")]:
        if path.name != "sr_constants.h":
            code = without_comments(path.read_text(encoding="utf-8"))
            wrong += [f"{path.name}: {sign}" for sign in ("','", "'\\n'", "'\\r'", "'\"'", "'\\\\'") if sign in code]
    assert wrong == []


def test_the_codec_knows_which_topics_only_the_platform_publishes_to() -> None:
    """`payload_budget` refuses these topics without loading their table."""
    assert set(_limits.MODES) == set(topics.MODES)
    assert set(_limits.FROM_PLATFORM) == {name for name, kind in topics.KINDS.items() if kind.direction == "down"}


def test_the_agent_does_each_operation_that_its_configuration_may_allow() -> None:
    """The list can be read without loading a device."""
    pytest.importorskip("paho", reason="the agent needs the device extra")
    from smartrest.cli import _agent, _config

    done = {name.removeprefix("do_") for name in vars(_agent.Agent) if name.startswith("do_")}
    assert done == set(_config.OPERATIONS)
