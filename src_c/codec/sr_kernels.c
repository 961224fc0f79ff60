/* THE dispatch table: best first; scalar needs nothing and comes last. A new CPU: see CONTRIBUTING.md. */
#include "sr_kernels.h"

static const sr_kernel *const KERNELS[] = {
#if defined(SR_X86)
    &sr_kernel_avx512,
    &sr_kernel_avx2,
    &sr_kernel_sse2,
#elif defined(SR_NEON)
    &sr_kernel_neon,
#endif
    &sr_kernel_scalar,
};

const sr_kernel *sr_kernel_at(size_t i) { return i < sizeof KERNELS / sizeof *KERNELS ? KERNELS[i] : NULL; }

const sr_kernel *sr_kernel_best(uint32_t cpu) {
    const sr_kernel *const *k = KERNELS;
    while (((*k)->needs & cpu) != (*k)->needs) k++;
    return *k;
}
