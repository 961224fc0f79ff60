/* Printed by tools/gen_constants.py from smartrest/_constants.py: do not edit. */
#ifndef SR_CONSTANTS_H
#define SR_CONSTANTS_H

#define SR_SEPARATOR 0x2C
#define SR_ROW_END 0x0A
#define SR_CARRIAGE_RETURN 0x0D
#define SR_QUOTE 0x22
#define SR_ESCAPE 0x5C
#define SR_TAB 0x09
#define SR_READ_LIMIT 4294901760u
#define SR_INT_DIGITS 4300u

/* For a switch: the white space of rule E2 beyond ASCII, by the bytes of its UTF-8 as one number. */
/* clang-format off */
#define SR_WIDE_SPACE_CASES \
    case 0xC285: case 0xC2A0: case 0xE19A80: case 0xE28080: case 0xE28081: case 0xE28082: \
    case 0xE28083: case 0xE28084: case 0xE28085: case 0xE28086: case 0xE28087: case 0xE28088: \
    case 0xE28089: case 0xE2808A: case 0xE280A8: case 0xE280A9: case 0xE280AF: case 0xE2819F: \
    case 0xE38080: case 0xEFBBBF:
/* clang-format on */

typedef enum {
    SR_OK = 0,
    SR_TOO_LARGE = 1,
    SR_INVALID_UTF8 = 2,
    SR_UNTERMINATED_QUOTE = 3,
    SR_BLANK_OUTSIDE_QUOTES = 4,
    SR_STRAY_QUOTE = 5,
    SR_LONE_CR = 6,
    SR_TEXT_AFTER_QUOTE = 7,
    SR_MIXED_ESCAPES = 8,
    SR_NOT_ONE_ROW = 9,
    SR_NOT_ONE_FIELD = 10,
    SR_BAD_VALUE = 11,
    SR_EMPTY_ROW = 12,
    SR_BAD_ROW = 13,
    SR_BAD_TYPE = 14,
    SR_LONE_SURROGATE = 15,
    SR_TRAILING_BACKSLASH = 16,
} sr_status;

#endif
