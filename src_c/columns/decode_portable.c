/* The loops over rows in plain C. */
#include "decode.h"

#define SRD_FN
#define SRD_DECODE srd_decode_portable
#include "decode.inc"
