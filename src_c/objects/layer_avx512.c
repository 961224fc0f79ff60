/* The loops over fields for CPUs that the AVX-512 kernel runs on. */
#include "spare_rows.h"

#if defined(SR_X86)
#define SRP_FN SR_TARGET("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi,bmi2,popcnt,pclmul,aes")
#define SRP_LAYER srp_layer_avx512
#define SR_FN SRP_FN
#include "kernels/narrow_short.h"
#include "kernels/short_field_avx512.h"
#include "short_avx512.h"

#include "layer.inc"
#endif
