/* The loops over fields for every x86-64 CPU. */
#include "spare_rows.h"

#if defined(SR_X86)
#define SRP_FN
#define SRP_LAYER srp_layer_sse2
#define SR_FN
#include "kernels/vec_sse2.h"

#include "layer_vector.h"
#endif
