/* A template, not a header: a layer with the vectors of kernels/vec_NAME.h, included before it. Texts for the cache
 * stay in plain registers: calls do not keep vectors.
 */
#include "kernels/narrow_short.h"
#include "kernels/short_field_vector.h"
#include "kernels/unescape_block.h"
#include "kernels/short_text.h"
#include "short_portable.h"

_Static_assert(sizeof(PyASCIIObject) >= SR_BEFORE, "the head of a text is read with its first bytes");

#define SRP_VECTOR AHEAD /* bytes after a field that make_quoted may read */
#include "layer.inc"
