/* The kernel for any CPU: plain C, eight bytes at a time where it matters. */
#include "sr_kernels.h"

#define SR_FN
#include "portable_bits.h"

typedef struct {
    const uint8_t *bytes;
    size_t n;
} vec;

static inline vec load_tail(const uint8_t *p, size_t n) { return (vec){p, n}; }

static inline vec load(const uint8_t *p) { return load_tail(p, 64); }

static inline void store(uint8_t *p, vec v) { memcpy(p, v.bytes, v.n); }

#define EACH_BYTE(c) ((c) * 0x0101010101010101ull)

/* Eight bytes as a number, the first one lowest on any CPU. */
static inline uint64_t eight_at(vec v, size_t i) {
    uint8_t padded[8] = {0};
    memcpy(padded, v.bytes + i, v.n - i < 8 ? v.n - i : 8);
    uint64_t eight = 0;
    for (int j = 0; j < 8; j++) eight |= (uint64_t)padded[j] << 8 * j;
    return eight;
}

/* A bit for each of eight bytes whose highest bit is set. */
static inline uint64_t high_bits(uint64_t eight) {
    return (eight >> 7 & EACH_BYTE(1)) * 0x0102040810204080ull >> 56; /* moves bit 8j to 56 + j */
}

static inline uint64_t equal(uint64_t eight, uint8_t c) {
    uint64_t unlike = eight ^ EACH_BYTE((uint64_t)c), low = EACH_BYTE(0x7Full);
    return high_bits(~(((unlike & low) + low) | unlike));
}

static inline sr_masks masks(vec v) {
    sr_masks m = {0};
    for (size_t i = 0; i < v.n; i += 8) {
        uint64_t eight = eight_at(v, i);
        m.separator |= equal(eight, SR_SEPARATOR) << i;
        m.row_end |= equal(eight, SR_ROW_END) << i;
        m.quote |= equal(eight, SR_QUOTE) << i;
        m.escape |= equal(eight, SR_ESCAPE) << i;
        m.cr |= equal(eight, SR_CARRIAGE_RETURN) << i;
        m.wide |= high_bits(eight) << i;
    }
    return m;
}

static inline uint64_t blanks(vec v) {
    uint64_t m = 0;
    for (size_t i = 0; i < v.n; i += 8) {
        uint64_t eight = eight_at(v, i);
        m |= (equal(eight, ' ') | equal(eight, SR_TAB)) << i;
    }
    return m;
}

#define SR_OWN_WIDE_MASKS

static inline sr_wide_masks wide_masks(vec v) {
    sr_wide_masks w = {0};
    for (size_t i = 0; i < v.n; i++) {
        uint8_t c = v.bytes[i];
        if (c < 0x80) continue;
        w.from_80 |= 1ull << i;
        w.from_90 |= (uint64_t)(c >= 0x90) << i;
        w.from_a0 |= (uint64_t)(c >= 0xA0) << i;
        w.from_c0 |= (uint64_t)(c >= 0xC0) << i;
        w.from_c2 |= (uint64_t)(c >= 0xC2) << i;
        w.from_e0 |= (uint64_t)(c >= 0xE0) << i;
        w.from_f0 |= (uint64_t)(c >= 0xF0) << i;
        w.from_f5 |= (uint64_t)(c >= 0xF5) << i;
        w.e0 |= (uint64_t)(c == 0xE0) << i;
        w.ed |= (uint64_t)(c == 0xED) << i;
        w.f0 |= (uint64_t)(c == 0xF0) << i;
        w.f4 |= (uint64_t)(c == 0xF4) << i;
    }
    return w;
}

static inline bool special(vec v) {
    bool any = false;
    for (size_t i = 0; i < v.n; i++) {
        uint8_t c = v.bytes[i];
        any |= c == SR_SEPARATOR || c == SR_ROW_END || c == SR_CARRIAGE_RETURN || c == SR_TAB || c == SR_QUOTE;
    }
    return any;
}

#include "utf8_masks.h"

#include "scan.inc"

const sr_kernel sr_kernel_scalar = {
    .name = "scalar",
    .needs = 0,
    .index = scan_index,
    .mark_closing = scan_mark_closing,
    .read_strictly = scan_read_strictly,
    .read_leniently = scan_read_leniently,
    .single = scan_single,
    .count = scan_count,
    .special = scan_special,
    .copy = scan_copy,
    .unescape = sr_unescape_portable,
    .escape = sr_escape_portable,
    .measure = sr_measure_portable,
    .widen = sr_widen_portable,
    .narrow = scan_narrow,
};
