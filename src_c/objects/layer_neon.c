/* The loops over fields for 64-bit ARM. */
#include "spare_rows.h"

#if defined(SR_NEON)
#define SRP_FN
#define SRP_LAYER srp_layer_neon
#define SR_FN
#include "kernels/vec_neon.h"

#include "layer_vector.h"
#endif
