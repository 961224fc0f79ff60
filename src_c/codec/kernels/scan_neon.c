/* The kernel for 64-bit ARM: 16 bytes at a time. */
#include "sr_kernels.h"

#if defined(SR_NEON)
#define SR_FN
#include "vec_neon.h"

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

#define SR_OWN_COPY
#define SR_OWN_NARROW
#include "scan.inc"
#include "text.inc"

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
    .unescape = scan_unescape,
    .escape = scan_escape,
    .measure = scan_measure,
    .widen = scan_widen,
    .narrow = scan_narrow,
};
#endif
