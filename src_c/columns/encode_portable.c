/* The loops over rows in plain C. */
#include "encode.h"

#define SRE_FN
#define SRE_LAYER sre_layer_portable
#define SRE_NAME "portable"
#include "kernels/short_field_portable.h"

#include "encode.inc"
