/* A template, not a header: the loops over rows with the vectors of kernels/vec_NAME.h, included before it. */
#include "kernels/short_field_vector.h"
#include "kernels/short_text.h"

#include "encode.inc"
