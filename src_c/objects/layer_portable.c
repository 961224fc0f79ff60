/* The loops over fields in plain C. */
#include "spare_rows.h"

#define SRP_FN
#define SRP_LAYER srp_layer_portable
#include "short_portable.h"

#include "layer.inc"
