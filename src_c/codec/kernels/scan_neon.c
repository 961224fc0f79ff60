/* The kernel for 64-bit ARM: 16 bytes at a time. */
#include "sr_kernels.h"

#if defined(SR_NEON)
#include <arm_neon.h>

#define SR_FN
#include "portable_bits.h"

/* Four vectors of 0x00 / 0xFF bytes as 64 bits. */
static inline uint64_t gather(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d) {
    const uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t w = vld1q_u8(weights);
    uint8x16_t ab = vpaddq_u8(vandq_u8(a, w), vandq_u8(b, w)), cd = vpaddq_u8(vandq_u8(c, w), vandq_u8(d, w));
    uint8x16_t all = vpaddq_u8(ab, cd);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(all, all)), 0);
}

typedef uint8x16x4_t vec;

static inline vec load(const uint8_t *p) {
    return (vec){{vld1q_u8(p), vld1q_u8(p + 16), vld1q_u8(p + 32), vld1q_u8(p + 48)}};
}

static inline vec load_tail(const uint8_t *p, size_t n) {
    uint8_t padded[64] = {0};
    memcpy(padded, p, n);
    return load(padded);
}

static inline void store(uint8_t *p, vec v) {
    for (int i = 0; i < 4; i++) vst1q_u8(p + 16 * i, v.val[i]);
}

static inline uint64_t equal(vec v, uint8_t c) {
    for (int i = 0; i < 4; i++) v.val[i] = vceqq_u8(v.val[i], vdupq_n_u8(c));
    return gather(v.val[0], v.val[1], v.val[2], v.val[3]);
}

static inline uint64_t at_least(vec v, uint8_t c) {
    for (int i = 0; i < 4; i++) v.val[i] = vcgeq_u8(v.val[i], vdupq_n_u8(c));
    return gather(v.val[0], v.val[1], v.val[2], v.val[3]);
}

static inline uint64_t wide(vec v) {
    return vmaxvq_u8(vorrq_u8(vorrq_u8(v.val[0], v.val[1]), vorrq_u8(v.val[2], v.val[3]))) >> 7;
}

static inline uint32_t specials(vec v) {
    uint8x16_t special = vdupq_n_u8(0), quote = special;
    for (int i = 0; i < 4; i++) {
        uint8x16_t p = v.val[i];
        uint8x16_t ends = vorrq_u8(vceqq_u8(p, vdupq_n_u8(SR_SEPARATOR)), vceqq_u8(p, vdupq_n_u8(SR_ROW_END)));
        uint8x16_t rest = vorrq_u8(vceqq_u8(p, vdupq_n_u8(SR_CARRIAGE_RETURN)), vceqq_u8(p, vdupq_n_u8(SR_TAB)));
        special = vorrq_u8(special, vorrq_u8(ends, rest));
        quote = vorrq_u8(quote, vceqq_u8(p, vdupq_n_u8(SR_QUOTE)));
    }
    uint32_t quoted = vmaxvq_u8(quote) ? SR_TEXT_SPECIAL | SR_TEXT_QUOTE : 0;
    return quoted | (vmaxvq_u8(special) ? SR_TEXT_SPECIAL : 0);
}

#include "vector_masks.h"

#include "utf8_masks.h"

#include "scan.inc"

const sr_kernel sr_kernel_neon = {
    .name = "neon",
    .needs = SR_CPU_NEON,
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
#endif
