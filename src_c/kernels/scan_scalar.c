/* The kernel for any CPU: plain C, one byte after the other. */
#include "sr_kernels.h"

#define SR_FN
#include "portable_bits.h"

static inline sr_masks tail(const uint8_t *p, size_t n) {
    sr_masks m = {0, 0, 0, 0, 0, 0};
    for (size_t i = 0; i < n; i++) {
        uint64_t bit = 1ull << i;
        switch (p[i]) {
        case SR_SEPARATOR: m.separator |= bit; break;
        case SR_ROW_END: m.row_end |= bit; break;
        case SR_QUOTE: m.quote |= bit; break;
        case SR_ESCAPE: m.escape |= bit; break;
        case SR_CARRIAGE_RETURN: m.cr |= bit; break;
        default: m.wide |= (uint64_t)(p[i] >> 7) << i;
        }
    }
    return m;
}

static inline sr_masks block(const uint8_t *p) { return tail(p, 64); }

static inline uint32_t specials_tail(const uint8_t *p, size_t n) {
    uint32_t bits = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = p[i];
        bits |= c == SR_SEPARATOR || c == SR_ROW_END || c == SR_CARRIAGE_RETURN || c == SR_TAB ? SR_TEXT_SPECIAL : 0;
        bits |= c == SR_QUOTE ? SR_TEXT_SPECIAL | SR_TEXT_QUOTE : 0;
        bits |= c >= 0x80 ? SR_TEXT_WIDE : 0;
    }
    return bits;
}

static inline uint32_t specials(const uint8_t *p) { return specials_tail(p, 64); }

#include "scan_body.h"

const sr_kernel sr_kernel_scalar = {
    "scalar", 0, scan_index, scan_count, scan_classify, sr_unescape_portable, sr_escape_portable,
};
