/* The loops over rows for CPUs that the AVX2 and AVX-512 kernels run on. */
#include "decode.h"

#if defined(SR_X86)
#define SRD_FN SR_TARGET("avx2,bmi,bmi2,popcnt")
#define SRD_DECODE srd_decode_avx2
#include "decode.inc"
#endif
