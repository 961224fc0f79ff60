/* UTF-8 (rules D1 and E6): validity, length and width, and conversion to and from arrays of characters. Takes runs of
 * ASCII eight bytes at a time and everything else one character at a time.
 */
#include "sr.h"
#include "sr_kernels.h"

#include <string.h>

#define HIGH_BITS 0x8080808080808080ull

static uint64_t eight(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static bool continues(uint8_t c) { return (c & 0xC0) == 0x80; }

/* The length of the character at src, 0 if invalid: Unicode table 3-7, well-formed byte sequences. */
static size_t character(const uint8_t *src, size_t len) {
    uint8_t a = src[0];
    if (a < 0x80) return 1;
    if (a < 0xC2 || a > 0xF4 || len < 2 || !continues(src[1])) return 0;
    if (a < 0xE0) return 2;
    uint8_t b = src[1];
    if (len < 3 || !continues(src[2])) return 0;
    if (a < 0xF0) return (a == 0xE0 && b < 0xA0) || (a == 0xED && b > 0x9F) ? 0 : 3;
    if (len < 4 || !continues(src[3])) return 0;
    return (a == 0xF0 && b < 0x90) || (a == 0xF4 && b > 0x8F) ? 0 : 4;
}

size_t sr_utf8_valid(const uint8_t *src, size_t len) {
    size_t i = 0;
    while (i < len) {
        if (len - i >= 8 && !(eight(src + i) & HIGH_BITS)) {
            i += 8;
            continue;
        }
        size_t n = character(src + i, len - i);
        if (n == 0) break;
        i += n;
    }
    return i;
}

size_t sr_measure_portable(const uint8_t *src, size_t len, int *width) {
    size_t characters = 0;
    uint8_t highest = 0;
    for (size_t i = 0; i < len; i++) {
        characters += !continues(src[i]);
        highest = src[i] > highest ? src[i] : highest;
    }
    *width = highest < 0xC4 ? 1 : highest < 0xF0 ? 2 : 4; /* U+00FF is C3 BF, U+FFFF is EF BF BF */
    return characters;
}

/* One loop per width; widens a run of eight ASCII bytes without testing each. */
#define DEFINE_WIDEN(name, type)                                          \
    static void name(const uint8_t *src, const uint8_t *end, type *out) { \
        while (src < end) {                                               \
            if (end - src >= 8 && !(eight(src) & HIGH_BITS)) {            \
                for (int i = 0; i < 8; i++) out[i] = src[i];              \
                src += 8;                                                 \
                out += 8;                                                 \
            } else {                                                      \
                *out++ = (type)sr_next_character(&src);                   \
            }                                                             \
        }                                                                 \
    }
DEFINE_WIDEN(widen1, uint8_t)
DEFINE_WIDEN(widen2, uint16_t)
DEFINE_WIDEN(widen4, uint32_t)

void sr_widen_portable(const uint8_t *src, size_t len, int width, void *dst) {
    if (width == 1) {
        widen1(src, src + len, dst);
    } else if (width == 2) {
        widen2(src, src + len, dst);
    } else {
        widen4(src, src + len, dst);
    }
}

/* Narrows runs of eight ASCII characters in one go; the OR of their bits tells that they are ASCII. */
#define DEFINE_NARROW(name, type)                                             \
    static size_t name(const type *src, size_t len, uint8_t *dst) {           \
        uint8_t *out = dst;                                                   \
        size_t i = 0;                                                         \
        while (i < len) {                                                     \
            if (len - i >= 8) {                                               \
                type any = 0;                                                 \
                for (int j = 0; j < 8; j++) any |= src[i + j];                \
                if (any < 0x80) {                                             \
                    for (int j = 0; j < 8; j++) out[j] = (uint8_t)src[i + j]; \
                    out += 8;                                                 \
                    i += 8;                                                   \
                    continue;                                                 \
                }                                                             \
            }                                                                 \
            uint32_t c = src[i++];                                            \
            if (sr_is_surrogate(c)) return SIZE_MAX;                          \
            out = sr_put_character(c, out);                                   \
        }                                                                     \
        return (size_t)(out - dst);                                           \
    }
DEFINE_NARROW(narrow1, uint8_t)
DEFINE_NARROW(narrow2, uint16_t)
DEFINE_NARROW(narrow4, uint32_t)

size_t sr_narrow_portable(const void *src, size_t len, int width, uint8_t *dst) {
    if (width == 1) return narrow1(src, len, dst);
    if (width == 2) return narrow2(src, len, dst);
    return narrow4(src, len, dst);
}
