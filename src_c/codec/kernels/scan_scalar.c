/* The kernel for any CPU: plain C, one byte at a time. */
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

static inline sr_masks masks(vec v) {
    sr_masks m = {0};
    for (size_t i = 0; i < v.n; i++) {
        uint64_t bit = 1ull << i;
        switch (v.bytes[i]) {
        case SR_SEPARATOR: m.separator |= bit; break;
        case SR_ROW_END: m.row_end |= bit; break;
        case SR_QUOTE: m.quote |= bit; break;
        case SR_ESCAPE: m.escape |= bit; break;
        case SR_CARRIAGE_RETURN: m.cr |= bit; break;
        default: m.wide |= (uint64_t)(v.bytes[i] >> 7) << i;
        }
    }
    return m;
}

static inline uint64_t blanks(vec v) {
    uint64_t m = 0;
    for (size_t i = 0; i < v.n; i++) m |= (uint64_t)sr_is_blank(v.bytes[i]) << i;
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

static inline uint32_t specials(vec v) {
    uint32_t bits = 0;
    for (size_t i = 0; i < v.n; i++) {
        uint8_t c = v.bytes[i];
        bits |= c == SR_SEPARATOR || c == SR_ROW_END || c == SR_CARRIAGE_RETURN || c == SR_TAB ? SR_TEXT_SPECIAL : 0;
        bits |= c == SR_QUOTE ? SR_TEXT_SPECIAL | SR_TEXT_QUOTE : 0;
    }
    return bits;
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
    .classify = scan_classify,
    .copy = scan_copy,
    .unescape = sr_unescape_portable,
    .escape = sr_escape_portable,
    .measure = sr_measure_portable,
    .widen = sr_widen_portable,
    .narrow = scan_narrow,
};
