/* Blocks of 64 bytes, characters and short texts with NEON; the names are those of vec_avx2.h. */
#include <arm_neon.h>

#include "portable_bits.h"

/* ---- 64 bytes ---------------------------------------------------------------------------------------------------- */

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

static inline uint64_t wide_bytes(vec v) { return wide(v) ? at_least(v, 0x80) : 0; }

/* ---- texts of up to 32 bytes ------------------------------------------------------------------------------------- */

typedef uint8x16_t part;

static inline part part_load(const uint8_t *p) { return vld1q_u8(p); }

static inline void part_store(uint8_t *p, part v) { vst1q_u8(p, v); }

static inline part part_of(uint64_t low, uint64_t high) {
    return vcombine_u8(vcreate_u8(low), vcreate_u8(high));
}

/* Of bytes 0x00 and 0xFF. */
static inline uint32_t part_bits(part v) {
    const uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    part sums = vandq_u8(v, vld1q_u8(weights));
    for (int i = 0; i < 3; i++) sums = vpaddq_u8(sums, sums);
    return vgetq_lane_u16(vreinterpretq_u16_u8(sums), 0);
}

static inline part part_quotes(part v) { return vceqq_u8(v, vdupq_n_u8(SR_QUOTE)); }

/* The bytes that force quotes anywhere in a field. No two of them have the same last four bits, so one look-up by these
   bits gives the only one that an ASCII byte may equal. */
static inline part part_specials(part v) {
    const uint8_t only[16] = {255, 0, SR_QUOTE, 0, 0, 0, 0, 0, 0, SR_TAB, SR_ROW_END, 0, SR_SEPARATOR,
                              SR_CARRIAGE_RETURN};
    return vceqq_u8(v, vqtbl1q_u8(vld1q_u8(only), vandq_u8(v, vdupq_n_u8(15))));
}

static inline bool special(vec v) {
    part low = vorrq_u8(part_specials(v.val[0]), part_specials(v.val[1]));
    return vmaxvq_u8(vorrq_u8(low, vorrq_u8(part_specials(v.val[2]), part_specials(v.val[3]))));
}

#include "text_pair.h"

/* Whether an ASCII text certainly needs no quotes. */
static inline bool text_is_plain(text32 s, const uint8_t *src, size_t n) {
    uint8_t special = vmaxvq_u8(vorrq_u8(part_specials(s.head), part_specials(s.tail)));
    return !(special | (src[0] <= ' ') | (src[n - 1] <= ' '));
}

/* ---- characters -------------------------------------------------------------------------------------------------- */

/* Sixteen characters as bytes, if all are ASCII. */
static inline bool put_ascii_1(const uint8_t *src, uint8_t *dst) {
    part v = part_load(src);
    part_store(dst, v);
    return vmaxvq_u8(v) < 0x80;
}

static inline bool put_ascii_2(const uint16_t *src, uint8_t *dst) {
    part v = vcombine_u8(vqmovn_u16(vld1q_u16(src)), vqmovn_u16(vld1q_u16(src + 8)));
    part_store(dst, v);
    return vmaxvq_u8(v) < 0x80;
}

static inline bool put_ascii_4(const uint32_t *src, uint8_t *dst) {
    uint16x8_t a = vcombine_u16(vqmovn_u32(vld1q_u32(src)), vqmovn_u32(vld1q_u32(src + 4)));
    uint16x8_t b = vcombine_u16(vqmovn_u32(vld1q_u32(src + 8)), vqmovn_u32(vld1q_u32(src + 12)));
    part v = vcombine_u8(vqmovn_u16(a), vqmovn_u16(b));
    part_store(dst, v);
    return vmaxvq_u8(v) < 0x80;
}

/* And back. */
static inline bool widen_ascii_1(const uint8_t *src, uint8_t *dst) {
    part v = part_load(src);
    if (vmaxvq_u8(v) >= 0x80) return false;
    part_store(dst, v);
    return true;
}

static inline bool widen_ascii_2(const uint8_t *src, uint16_t *dst) {
    part v = part_load(src);
    if (vmaxvq_u8(v) >= 0x80) return false;
    vst1q_u16(dst, vmovl_u8(vget_low_u8(v)));
    vst1q_u16(dst + 8, vmovl_u8(vget_high_u8(v)));
    return true;
}
