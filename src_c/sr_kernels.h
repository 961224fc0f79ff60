/* The kernels by name, and the portable loops that some of them share. Each kernel file defines one of these. */
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

/* One bit per byte of a block of 64, for the bytes that could matter. */
typedef struct {
    uint64_t separator, row_end, quote, escape, cr, wide;
} sr_masks;

size_t sr_unescape_portable(const uint8_t *src, size_t len, uint8_t escape, uint8_t *dst);
size_t sr_escape_portable(const uint8_t *src, size_t len, uint8_t escape, uint8_t *dst);

#endif
