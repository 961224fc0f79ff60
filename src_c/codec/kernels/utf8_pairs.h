/* Rule D1 by tables: each way in which two neighbouring bytes can be invalid has a bit. A pair is invalid if the bit is
 * set both for its first byte and for its second. Unicode table 3-7, well-formed byte sequences.
 */
enum {
    CUT = 1,          /* a lead byte without a continuation after it */
    STRAY = 2,        /* a continuation after ASCII */
    LONG_3 = 4,       /* E0 80..9F: fits two bytes */
    SURROGATE = 8,    /* ED A0..BF */
    LONG_2 = 16,      /* C0, C1: fit one byte */
    BEYOND_HIGH = 32, /* F4..FF 90..BF: over U+10FFFF */
    BEYOND_LOW = 64,  /* F0 80..8F fits three bytes, F5..FF 80..8F is over U+10FFFF */
    TWO = 128,        /* two continuations: valid only within three or four bytes that belong together */
};

/* clang-format off */
/* The two halves of the first byte, and the upper half of the second. */
static const uint8_t FIRST_HIGH[16] = {STRAY,      STRAY, STRAY, STRAY,
                                       STRAY,      STRAY, STRAY, STRAY,
                                       TWO,        TWO,   TWO,   TWO,
                                       CUT | LONG_2, CUT, CUT | LONG_3 | SURROGATE, CUT | BEYOND_LOW | BEYOND_HIGH};
static const uint8_t FIRST_LOW[16] = {
    CUT | STRAY | TWO | LONG_2 | LONG_3 | BEYOND_LOW,
    CUT | STRAY | TWO | LONG_2,
    CUT | STRAY | TWO,
    CUT | STRAY | TWO,
    CUT | STRAY | TWO | BEYOND_HIGH,
    CUT | STRAY | TWO | BEYOND_HIGH | BEYOND_LOW,
    CUT | STRAY | TWO | BEYOND_HIGH | BEYOND_LOW,
    CUT | STRAY | TWO | BEYOND_HIGH | BEYOND_LOW,
    CUT | STRAY | TWO | BEYOND_HIGH | BEYOND_LOW,
    CUT | STRAY | TWO | BEYOND_HIGH | BEYOND_LOW,
    CUT | STRAY | TWO | BEYOND_HIGH | BEYOND_LOW,
    CUT | STRAY | TWO | BEYOND_HIGH | BEYOND_LOW,
    CUT | STRAY | TWO | BEYOND_HIGH | BEYOND_LOW,
    CUT | STRAY | TWO | BEYOND_HIGH | BEYOND_LOW | SURROGATE,
    CUT | STRAY | TWO | BEYOND_HIGH | BEYOND_LOW,
    CUT | STRAY | TWO | BEYOND_HIGH | BEYOND_LOW,
};
static const uint8_t SECOND_HIGH[16] = {
    CUT, CUT, CUT, CUT, CUT, CUT, CUT, CUT,
    STRAY | TWO | LONG_2 | LONG_3 | BEYOND_LOW,
    STRAY | TWO | LONG_2 | LONG_3 | BEYOND_HIGH,
    STRAY | TWO | LONG_2 | SURROGATE | BEYOND_HIGH,
    STRAY | TWO | LONG_2 | SURROGATE | BEYOND_HIGH,
    CUT, CUT, CUT, CUT,
};
/* clang-format on */
