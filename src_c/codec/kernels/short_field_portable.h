/* Rule E2 on short ASCII fields in plain C. */
#include "portable_bits.h"
#include "short_text.h"

#define SR_BEFORE 0

/* Nonzero if any byte is at most a comma: in ASCII that covers all white space and all bytes that force quotes. */
static inline uint64_t low_bytes(uint64_t v) { return (v - EACH_BYTE(0x2Dull)) & ~v & EACH_BYTE(0x80ull); }

/* Rule E2 on an ASCII text of 1 to 32 bytes: writes it and returns its end, or NULL if a byte may force quotes. */
static inline uint8_t *sr_plain_field(uint8_t *dst, const uint8_t *src, size_t n) {
    short_text s = short_load(src, n);
    short_store(dst, s, n);
    uint64_t low = n >= 8 ? low_bytes(s.a) | low_bytes(s.b) : low_bytes(n >= 4 ? s.a : s.a | 0x7F7F7F7F7F000000ull);
    if (n >= 16) low |= low_bytes(s.c) | low_bytes(s.d);
    return low ? NULL : dst + n;
}

/* In quotes, if it holds none and does not end with a backslash; NULL: use sr_put_text. */
static inline uint8_t *sr_quoted_field(uint8_t *dst, const uint8_t *src, size_t n, uint8_t escape) {
    (void)escape;
    if (src[n - 1] == SR_ESCAPE || memchr(src, SR_QUOTE, n)) return NULL;
    *dst = SR_QUOTE;
    memcpy(dst + 1, src, n);
    dst[n + 1] = SR_QUOTE;
    return dst + n + 2;
}

/* The same for 1 to 64 bytes; NULL: use sr_put_text. */
static inline uint8_t *sr_short_field(uint8_t *dst, const uint8_t *src, size_t n, uint8_t escape) {
    (void)escape;
    return n <= 32 ? sr_plain_field(dst, src, n) : NULL;
}
