"""Print the C header of constants: `python tools/gen_constants.py > src_c/codec/sr_constants.h`."""

from __future__ import annotations

import runpy
from pathlib import Path

CONSTANTS = Path(__file__).parent.parent / "smartrest" / "_constants.py"
CHARACTERS = ("SEPARATOR", "ROW_END", "CARRIAGE_RETURN", "QUOTE", "ESCAPE", "TAB")
NUMBERS = ("READ_LIMIT", "INT_DIGITS")


def header() -> str:
    """The text of the C header."""
    values = runpy.run_path(str(CONSTANTS))
    lines = [
        "/* Printed by tools/gen_constants.py from smartrest/_constants.py: do not edit. */",
        "#ifndef SR_CONSTANTS_H",
        "#define SR_CONSTANTS_H",
        "",
    ]
    lines += [f"#define SR_{name} 0x{ord(values[name]):02X}" for name in CHARACTERS]
    lines += [f"#define SR_{name} {values[name]}u" for name in NUMBERS]
    wide = sorted(sign.encode().hex().upper() for sign in values["WHITE_SPACE"] if sign > "\x7f")
    cases = [" ".join(f"case 0x{code}:" for code in wide[at : at + 6]) for at in range(0, len(wide), 6)]
    lines += [
        "",
        "/* For a switch: the white space of rule E2 beyond ASCII, by the bytes of its UTF-8 as one number. */",
    ]
    lines += ["/* clang-format off */"]
    lines += ["#define SR_WIDE_SPACE_CASES \\", *(f"    {line} \\" for line in cases[:-1]), f"    {cases[-1]}"]
    lines += ["/* clang-format on */"]
    lines += ["", "typedef enum {", "    SR_OK = 0,"]
    lines += [f"    SR_{reason.upper()} = {number}," for number, reason, _ in values["STATUS"]]
    lines += ["} sr_status;", "", "#endif"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(header(), end="")
