/* The cache of short texts, and the functions that the loops over fields call for long, wide or escaped texts. */
#include "srp.h"

int srp_strings_init(srp_strings *s) {
    memset(s, 0, sizeof *s);
    s->empty = PyUnicode_New(0, 0);
    if (!s->empty) return -1;
    for (int c = 0; c < 128; c++) {
        s->ascii[c] = PyUnicode_FromOrdinal(c);
        if (!s->ascii[c]) return -1;
    }
    return 0;
}

void srp_strings_forget(srp_strings *s) {
    for (size_t i = 0; i < SRP_SLOTS; i++) {
        s->slots[i].seen = 0;
        Py_CLEAR(s->slots[i].text);
    }
    for (size_t i = 0; i < SR_ID_TABLE; i++) Py_CLEAR(s->ids[i]);
    s->lookups = s->hits = s->bypass = s->life = 0;
}

void srp_strings_free(srp_strings *s) {
    srp_strings_forget(s);
    for (int c = 0; c < 128; c++) Py_CLEAR(s->ascii[c]);
    Py_CLEAR(s->empty);
}

SR_NO_INLINE void srp_look_at_hit_rate(srp_strings *s) {
    if (s->hits * 3 < s->lookups * 2) s->bypass = SRP_BYPASS;
    s->life += s->lookups;
    s->lookups = s->hits = 0;
    if (s->life > SRP_LIFETIME) srp_strings_forget(s);
}

PyObject *srp_new_wide(const sr_kernel *k, const uint8_t *src, size_t len, size_t characters, int width) {
    static const Py_UCS4 MOST[] = {0, 0xFF, 0xFFFF, 0, 0x10FFFF};
    if (characters == 1 && width == 1) { /* Python shares these */
        return PyUnicode_FromOrdinal((src[0] & 3) << 6 | (src[1] & 0x3F));
    }
    PyObject *text = PyUnicode_New((Py_ssize_t)characters, MOST[width]);
    if (text) k->widen(src, len, width, PyUnicode_DATA(text));
    return text;
}

SR_NO_INLINE PyObject *srp_wide_text(const sr_kernel *k, const uint8_t *src, size_t len) {
    int width;
    size_t characters = k->measure(src, len, &width);
    if (characters < len) return srp_new_wide(k, src, len, characters, width);
    PyObject *text = PyUnicode_New((Py_ssize_t)len, 127);
    if (text) memcpy(PyUnicode_DATA(text), src, len);
    return text;
}

const uint8_t *srp_field_bytes(const srp_payload *p, size_t f, const sr_row *row, size_t *len) {
    size_t start = sr_field_start(p->tape, f, row);
    return srp_bytes(p, p->tape->flags, start, sr_field_end(p->src, p->len, p->tape, f, start), len);
}
