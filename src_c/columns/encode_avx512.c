/* The loops over rows for CPUs that the AVX-512 kernel runs on. */
#include "encode.h"

#if defined(SR_X86)
#define SRE_FN SR_TARGET("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi,bmi2,popcnt")
#define SRE_LAYER sre_layer_avx512
#define SRE_NAME "avx512"
#define SRE_MASKED
#define SR_FN SRE_FN
#include "kernels/short_field_avx512.h"

#include "encode.inc"
#endif
