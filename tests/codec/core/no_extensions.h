/* Included before everything else, makes the compiler look like one that knows only C11: no SIMD, no built-ins, no 128
 * bits, no byte order. The headers of the C library, which also test for the compiler, come first.
 */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#undef __GNUC__
#undef __clang__
#undef __SIZEOF_INT128__
#undef __BYTE_ORDER__
