/* The loops over rows for every x86-64 CPU. */
#include "encode.h"

#if defined(SR_X86)
#define SRE_FN
#define SRE_LAYER sre_layer_sse2
#define SRE_NAME "sse2"
#define SR_FN SRE_FN
#include "kernels/vec_sse2.h"

#include "encode_vector.h"
#endif
