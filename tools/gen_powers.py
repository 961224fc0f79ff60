"""Print the C header of powers of ten: `python tools/gen_powers.py > src_c/codec/sr_powers.h`."""

from __future__ import annotations

# Writing needs 10^-292 (for the largest float) to 10^324 (for the smallest). Reading needs 10^-327 (the smallest normal
# float is 2.2e-308, and 19 digits are less than 10^19) to 10^308.
FIRST, LAST = -327, 324
WORD = 1 << 64


def leading_bits(q: int) -> int:
    """The first 128 bits of 10^q, truncated."""
    power = 10 ** abs(q)
    shift = 128 - power.bit_length() if q >= 0 else 127 + power.bit_length()
    if q < 0:
        return (1 << shift) // power
    return power << shift if shift >= 0 else power >> -shift


def header() -> str:
    """The text of the C header."""
    lines = [
        "/* Printed by tools/gen_powers.py: do not edit. Powers of ten for sr_float.c: the first 128 bits of each,",
        "   the rest cut off, as {upper, lower} half. */",
        "#ifndef SR_POWERS_H",
        "#define SR_POWERS_H",
        "",
        "#include <stdint.h>",
        "",
        f"#define SR_FIRST_POWER ({FIRST})",
        f"#define SR_LAST_POWER {LAST}",
        "",
        "static const uint64_t SR_POWERS[SR_LAST_POWER - SR_FIRST_POWER + 1][2] = {",
    ]
    entries = ["{{0x{:016X}, 0x{:016X}}},".format(*divmod(leading_bits(q), WORD)) for q in range(FIRST, LAST + 1)]
    lines += ["    " + " ".join(entries[i : i + 2]) for i in range(0, len(entries), 2)]
    lines += ["};", "", "#endif"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(header(), end="")
