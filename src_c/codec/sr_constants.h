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
