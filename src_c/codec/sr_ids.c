/* Template IDs as numbers: those that sr.h does not read in place. */
#include "sr.h"

int sr_short_template_number(const uint8_t *src, size_t len) {
    int number = 0;
    if (len == 0 || len > 4 || (src[0] == '0' && len > 1)) return -1;
    for (size_t i = 0; i < len; i++) {
        if (src[i] < '0' || src[i] > '9') return -1;
        number = number * 10 + (src[i] - '0');
    }
    return number < SR_ID_TABLE ? number : -1;
}
