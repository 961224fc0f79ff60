/* The kernels by name, and the portable loops that some of them share. Each kernel file defines one kernel. */
#ifndef SR_KERNELS_H
#define SR_KERNELS_H

#include "sr.h"
#include "sr_cpu.h"

extern const sr_kernel sr_kernel_scalar;
#if defined(SR_X86)
extern const sr_kernel sr_kernel_sse2, sr_kernel_avx2, sr_kernel_avx512;
#elif defined(SR_NEON)
extern const sr_kernel sr_kernel_neon;
#endif

/* One bit per byte of a block of 64, set for the bytes that could matter. */
typedef struct {
    uint64_t separator, row_end, quote, escape, cr, wide;
} sr_masks;

/* The same for text beyond ASCII: bytes of at least this value, and the four lead bytes that restrict the next byte. */
typedef struct {
    uint64_t from_80, from_90, from_a0, from_c0, from_c2, from_e0, from_f0, from_f5, e0, ed, f0, f4;
} sr_wide_masks;

size_t sr_unescape_portable(const uint8_t *src, size_t len, uint8_t escape, uint8_t *dst);
size_t sr_escape_portable(const uint8_t *src, size_t len, uint8_t escape, uint8_t *dst);

size_t sr_measure_portable(const uint8_t *src, size_t len, int *width);
void sr_widen_portable(const uint8_t *src, size_t len, int width, void *dst);
size_t sr_narrow_portable(const void *src, size_t len, int width, uint8_t *dst);

/* The next character of a valid text; moves src past it. */
static inline uint32_t sr_next_character(const uint8_t **src) {
    const uint8_t *p = *src;
    if (p[0] < 0x80) {
        *src += 1;
        return p[0];
    }
    if (p[0] < 0xE0) {
        *src += 2;
        return (uint32_t)(p[0] & 0x1F) << 6 | (p[1] & 0x3F);
    }
    if (p[0] < 0xF0) {
        *src += 3;
        return (uint32_t)(p[0] & 0x0F) << 12 | (uint32_t)(p[1] & 0x3F) << 6 | (p[2] & 0x3F);
    }
    *src += 4;
    return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3F) << 12 | (uint32_t)(p[2] & 0x3F) << 6 | (p[3] & 0x3F);
}

/* Writes the bytes of a character; returns their end. */
static inline uint8_t *sr_put_character(uint32_t c, uint8_t *out) {
    if (c < 0x80) {
        *out++ = (uint8_t)c;
    } else if (c < 0x800) {
        *out++ = (uint8_t)(0xC0 | c >> 6);
        *out++ = (uint8_t)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *out++ = (uint8_t)(0xE0 | c >> 12);
        *out++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        *out++ = (uint8_t)(0x80 | (c & 0x3F));
    } else {
        *out++ = (uint8_t)(0xF0 | c >> 18);
        *out++ = (uint8_t)(0x80 | (c >> 12 & 0x3F));
        *out++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        *out++ = (uint8_t)(0x80 | (c & 0x3F));
    }
    return out;
}

/* The same without a branch on the length, for a character up to U+FFFF; writes three bytes. Compilers would make
   branches of conditions, so these are masks. */
static inline uint8_t *sr_put_short_character(uint32_t c, uint8_t *out) {
    uint32_t two = 0u - (c >= 0x80), three = 0u - (c >= 0x800);
    uint32_t last = 0x80 | (c & 0x3F), middle = 0x80 | (c >> 6 & 0x3F);
    out[0] = (uint8_t)((c & ~two) | ((0xC0 | c >> 6) & two & ~three) | ((0xE0 | c >> 12) & three));
    out[1] = (uint8_t)((last & ~three) | (middle & three));
    out[2] = (uint8_t)last;
    return out + 1 - (int32_t)two - (int32_t)three;
}

/* Up to U+00FF; writes two bytes. */
static inline uint8_t *sr_put_latin_character(uint32_t c, uint8_t *out) {
    uint32_t two = c >> 7;
    out[0] = (uint8_t)(c ^ ((c ^ (0xC0 | c >> 6)) & (0 - two)));
    out[1] = (uint8_t)(0x80 | (c & 0x3F));
    return out + 1 + two;
}

/* Whether a text that is valid so far ends within a character. */
static inline bool sr_ends_cut(const uint8_t *src, size_t len) {
    for (size_t n = 1; n <= 3 && n <= len; n++) {
        uint8_t c = src[len - n];
        if (c >= 0xC0) return n < (c < 0xE0 ? 2u : c < 0xF0 ? 3u : 4u);
    }
    return false;
}

static inline bool sr_is_surrogate(uint32_t c) { return c >= 0xD800 && c < 0xE000; }

#endif
