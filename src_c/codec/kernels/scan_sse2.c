/* The kernel that every x86-64 CPU can run: 16 bytes at a time. */
#include "sr_kernels.h"

#if defined(SR_X86)
#define SR_FN
#include "vec_sse2.h"

#include "vector_masks.h"

#include "utf8_masks.h"

#define SR_OWN_NARROW
#include "scan.inc"
#include "text.inc"

const sr_kernel sr_kernel_sse2 = {
    .name = "sse2",
    .needs = SR_CPU_SSE2,
    .index = scan_index,
    .mark_closing = scan_mark_closing,
    .read_strictly = scan_read_strictly,
    .read_leniently = scan_read_leniently,
    .single = scan_single,
    .count = scan_count,
    .special = scan_special,
    .copy = scan_copy,
    .unescape = scan_unescape,
    .escape = scan_escape,
    .measure = scan_measure,
    .widen = scan_widen,
    .narrow = scan_narrow,
};
#endif
