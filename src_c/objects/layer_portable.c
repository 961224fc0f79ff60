/* The loops over fields in plain C. */
#include "spare_rows.h"

#define SRP_FN
#define SRP_LAYER srp_layer_portable
#include "kernels/narrow_short.h"
#include "kernels/short_field_portable.h"
#include "short_portable.h"

#include "layer.inc"
