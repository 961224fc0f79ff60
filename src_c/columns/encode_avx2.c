/* The loops over rows for CPUs that the AVX2 kernel runs on. */
#include "encode.h"

#if defined(SR_X86)
#define SRE_FN SR_TARGET("avx2,bmi,bmi2,popcnt")
#define SRE_LAYER sre_layer_avx2
#define SRE_NAME "avx2"
#define SR_FN SRE_FN
#include "kernels/vec_avx2.h"

#include "encode_vector.h"
#endif
