/* The loops over rows for 64-bit ARM. */
#include "encode.h"

#if defined(SR_NEON)
#define SRE_FN
#define SRE_LAYER sre_layer_neon
#define SRE_NAME "neon"
#define SR_FN SRE_FN
#include "kernels/vec_neon.h"

#include "encode_vector.h"
#endif
