/* Included before everything else, makes src_c/codec see a compiler that knows C11 and nothing more: no SIMD, no
 * built-ins, no 128 bits, no order of bytes. The headers of the C library, which ask for the compiler too, come first.
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
