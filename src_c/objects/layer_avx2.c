/* The loops over fields for CPUs that the AVX2 kernel runs on. */
#include "spare_rows.h"

#if defined(SR_X86)
#define SRP_FN SR_TARGET("avx2,bmi,bmi2,popcnt,pclmul")
#define SRP_LAYER srp_layer_avx2
#define SR_FN SRP_FN
#include "kernels/vec_avx2.h"

#include "layer_vector.h"
#endif
