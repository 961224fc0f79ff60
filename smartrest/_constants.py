"""The numbers and words of the format that more than one file uses.

`tools/gen_constants.py` generates `src_c/codec/sr_constants.h` from this file: run it after a change.
"Rule" means a numbered rule of `docs/format.md`.
"""

# Size limits, in bytes (rules L1 and L2).
PACKET_LIMIT = 16_184  # a whole PUBLISH packet: fixed header, topic and payload
PAYLOAD_LIMIT = 16_000  # a payload that fits at any QoS on any topic up to 177 bytes
READ_LIMIT = 2**32 - 2**16  # the largest payload either engine reads: offsets are 32 bits wide
INT_DIGITS = 4_300  # most decimal digits of an int, in both directions
EXCERPT = 80  # most characters of input quoted in an error message

# Characters with a meaning (rules E1 to E3, D2, D5).
SEPARATOR = ","
ROW_END = "\n"
CARRIAGE_RETURN = "\r"
QUOTE = '"'
ESCAPE = "\\"
TAB = "\t"
BLANKS = " \t"  # allowed around the quotes of a quoted field
BOM = "\ufeff"
# Force quotes as the first or last character of a field (E2): up to U+0020, all of str.isspace(), and U+FEFF.
WHITE_SPACE = frozenset(
    map(chr, (*range(0x21), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF))
)

# Why reading or writing failed: number, reason, text. The number is the status of the C core, never reused; the
# reason is the `.reason` of an error, part of the public API; the text starts its message.
STATUS = (
    (1, "too_large", "larger than the limit"),
    (2, "invalid_utf8", "not valid UTF-8"),
    (3, "unterminated_quote", "quoted field is never closed"),
    (4, "blank_outside_quotes", "blank outside the quotes of a quoted field"),
    (5, "stray_quote", "quote inside an unquoted field"),
    (6, "lone_cr", "carriage return without line feed in an unquoted field"),
    (7, "text_after_quote", "text after the closing quote"),
    (8, "mixed_escapes", "both ways to escape a quote in one payload"),
    (9, "not_one_row", "expected exactly one row"),
    (10, "not_one_field", "expected exactly one field"),
    (11, "bad_value", "value does not fit its type"),
    (12, "empty_row", "a row needs at least one field"),
    (13, "bad_row", "not a row"),
    (14, "bad_type", "cannot be sent as a field"),
    (15, "lone_surrogate", "text holds a lone surrogate"),
    (16, "trailing_backslash", "quoted field ends with a backslash"),
)
TEXTS = {reason: text for _, reason, text in STATUS}
REASONS = ("", *TEXTS)  # by number
