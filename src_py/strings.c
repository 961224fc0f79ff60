/* From spans to str and tuples. The only file that makes str.
 *
 * Sensor data repeats its words (fragments, units, device IDs), so short texts come from a small direct-mapped cache. A
 * text is admitted when it comes a second time; when too few look-ups hit, the cache steps aside for a while. Numbers
 * rarely repeat and are never looked up.
 */
#include "srp.h"

int srp_strings_init(srp_strings *s) {
    memset(s, 0, sizeof *s);
    s->enabled = 1;
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
    s->lookups = s->hits = s->bypass = s->life = 0;
}

void srp_strings_free(srp_strings *s) {
    srp_strings_forget(s);
    for (int c = 0; c < 128; c++) Py_CLEAR(s->ascii[c]);
    Py_CLEAR(s->empty);
}

/* Copies 2 to 32 bytes with loads and stores that overlap instead of a call. */
static inline void copy_short(uint8_t *dst, const uint8_t *src, size_t n) {
    if (n >= 16) {
        uint64_t a = load8(src), b = load8(src + 8), c = load8(src + n - 16), d = load8(src + n - 8);
        memcpy(dst, &a, 8);
        memcpy(dst + 8, &b, 8);
        memcpy(dst + n - 16, &c, 8);
        memcpy(dst + n - 8, &d, 8);
    } else if (n >= 8) {
        uint64_t a = load8(src), b = load8(src + n - 8);
        memcpy(dst, &a, 8);
        memcpy(dst + n - 8, &b, 8);
    } else if (n >= 4) {
        uint32_t a = load4(src), b = load4(src + n - 4);
        memcpy(dst, &a, 4);
        memcpy(dst + n - 4, &b, 4);
    } else {
        uint8_t a = src[0], b = src[n / 2], c = src[n - 1];
        dst[0] = a;
        dst[n / 2] = b;
        dst[n - 1] = c;
    }
}

static inline bool equal_short(const uint8_t *a, const uint8_t *b, size_t n) {
    if (n >= 16) {
        return !((load8(a) ^ load8(b)) | (load8(a + 8) ^ load8(b + 8)) | (load8(a + n - 16) ^ load8(b + n - 16)) |
                 (load8(a + n - 8) ^ load8(b + n - 8)));
    }
    if (n >= 8) return !((load8(a) ^ load8(b)) | (load8(a + n - 8) ^ load8(b + n - 8)));
    if (n >= 4) return !((load4(a) ^ load4(b)) | (load4(a + n - 4) ^ load4(b + n - 4)));
    return a[0] == b[0] && a[n / 2] == b[n / 2] && a[n - 1] == b[n - 1];
}

static inline uint64_t hash_short(const uint8_t *p, size_t n) {
    uint64_t a, b;
    if (n >= 16) {
        a = load8(p) ^ load8(p + n - 16) * 3;
        b = load8(p + 8) * 5 ^ load8(p + n - 8);
    } else if (n >= 8) {
        a = load8(p);
        b = load8(p + n - 8);
    } else if (n >= 4) {
        a = load4(p);
        b = load4(p + n - 4);
    } else {
        a = p[0];
        b = (uint64_t)p[n / 2] << 8 | p[n - 1];
    }
    uint64_t h = (a + n) * 0x9E3779B97F4A7C15ull ^ (b * 0xC2B2AE3D27D4EB4Full);
    return h ^ h >> 29;
}

static inline PyObject *make_ascii(const uint8_t *src, size_t n) {
    PyObject *text = PyUnicode_New((Py_ssize_t)n, 127);
    if (text == NULL) return NULL;
    uint8_t *dst = PyUnicode_DATA(text);
    if (n <= 32) {
        copy_short(dst, src, n);
    } else {
        memcpy(dst, src, n);
    }
    return text;
}

static Py_NO_INLINE void look_at_hit_rate(srp_strings *s) {
    if (s->hits * 3 < s->lookups * 2) s->bypass = SRP_BYPASS;
    s->life += s->lookups;
    s->lookups = s->hits = 0;
    if (s->life > SRP_LIFETIME) srp_strings_forget(s);
}

static inline PyObject *cached_ascii(srp_strings *s, const uint8_t *src, size_t n) {
    if (s->bypass) {
        s->bypass--;
        return make_ascii(src, n);
    }
    uint64_t hash = hash_short(src, n);
    uint32_t tag = (uint32_t)hash | 1;
    srp_slot *slot = &s->slots[hash >> 40 & (SRP_SLOTS - 1)];
    if (++s->lookups == SRP_TRIAL) look_at_hit_rate(s);
    PyObject *text = slot->text;
    if (text && slot->tag == tag && (size_t)PyUnicode_GET_LENGTH(text) == n &&
        equal_short(PyUnicode_DATA(text), src, n)) {
        s->hits++;
        Py_INCREF(text);
        return text;
    }
    text = make_ascii(src, n);
    if (slot->seen != tag) {
        slot->seen = tag;
    } else if (text) {
        Py_INCREF(text);
        Py_XSETREF(slot->text, text);
        slot->tag = tag;
    }
    return text;
}

static inline PyObject *ascii_text(srp_strings *s, const uint8_t *src, size_t n) {
    if (n <= 1) {
        PyObject *text = n ? s->ascii[src[0]] : s->empty;
        Py_INCREF(text);
        return text;
    }
    bool number = src[0] <= '9' && n > 3;
    return n <= SRP_CACHED && !number && s->enabled ? cached_ascii(s, src, n) : make_ascii(src, n);
}

static Py_NO_INLINE PyObject *wide_text(const uint8_t *src, size_t len) {
    static const Py_UCS4 MOST[] = {0, 0xFF, 0xFFFF, 0, 0x10FFFF};
    int width;
    size_t n = sr_utf8_measure(src, len, &width);
    PyObject *text = PyUnicode_New((Py_ssize_t)n, MOST[width]);
    if (text) sr_utf8_widen(src, len, width, PyUnicode_DATA(text));
    return text;
}

static inline bool is_ascii(const uint8_t *src, size_t len) {
    uint64_t any = 0;
    size_t i = 0;
    for (; i + 8 <= len; i += 8) any |= load8(src + i);
    for (; i < len; i++) any |= src[i];
    return !(any & 0x8080808080808080ull);
}

static inline PyObject *make_text(srp_strings *s, const uint8_t *src, size_t len, bool wide) {
    if (wide && !is_ascii(src, len)) {
        if (len == 2 && src[0] < 0xC4) return PyUnicode_FromOrdinal((src[0] & 3) << 6 | (src[1] & 0x3F));
        return wide_text(src, len);
    }
    return ascii_text(s, src, len);
}

PyObject *srp_text(srp_strings *s, const uint8_t *src, size_t len, bool wide) { return make_text(s, src, len, wide); }

#define ESCAPES (SR_HAS_BACKSLASH_ESCAPE | SR_HAS_DOUBLED_ESCAPE)

static inline const uint8_t *field_bytes(const srp_payload *p, uint32_t flags, size_t start, size_t end, size_t *len) {
    const uint8_t *src = p->src + start;
    *len = end - start;
    if (!(flags & SR_HAS_QUOTE)) return src;
    if (p->tape->reading == SR_GREEDY) {
        if (*len == 0 || *src != SR_QUOTE) return src;
        if (!(flags & ESCAPES) || !memchr(src + 1, SR_QUOTE, *len - 2)) {
            *len -= 2;
            return src + 1;
        }
    }
    *len = sr_field_text(p->kernel, p->tape->reading, flags, src, *len, p->scratch);
    return p->scratch;
}

const uint8_t *srp_field_bytes(const srp_payload *p, size_t f, const sr_row *row, size_t *len) {
    size_t start = srp_field_start(p, f, row);
    return field_bytes(p, p->tape->flags, start, srp_field_end(p, f, start), len);
}

PyObject *srp_field(const srp_payload *p, size_t f, const sr_row *row) {
    size_t len;
    const uint8_t *src = srp_field_bytes(p, f, row, &len);
    return make_text(p->strings, src, len, p->tape->flags & SR_HAS_WIDE);
}

/* The loop over the fields of a row, made once for plain payloads and once for any. */
static inline PyObject *row_of(const srp_payload *p, size_t r, uint32_t flags) {
    const sr_row *row = &p->tape->rows[r];
    size_t first = row->first, n = row[1].first - first, start = row->start;
    const uint32_t *ends = p->tape->ends + first;
    PyObject *tuple = PyTuple_New((Py_ssize_t)n);
    if (!tuple) return NULL;
    PyObject_GC_UnTrack(tuple);
    for (size_t f = 0; f < n; f++) {
        size_t end = ends[f], len;
        if (flags & SR_HAS_CR) end = sr_trim_cr(p->src, p->len, start, end);
        const uint8_t *src = field_bytes(p, flags, start, end, &len);
        PyObject *text = make_text(p->strings, src, len, flags & SR_HAS_WIDE);
        if (!text) {
            Py_DECREF(tuple);
            return NULL;
        }
        PyTuple_SET_ITEM(tuple, (Py_ssize_t)f, text);
        start = (size_t)ends[f] + 1;
    }
    return tuple;
}

static Py_NO_INLINE PyObject *any_row(const srp_payload *p, size_t r) { return row_of(p, r, p->tape->flags); }

static inline bool is_plain(const sr_tape *tape) {
    return !(tape->flags & (SR_HAS_QUOTE | SR_HAS_CR | SR_HAS_WIDE));
}

PyObject *srp_row(const srp_payload *p, size_t r) { return is_plain(p->tape) ? row_of(p, r, 0) : any_row(p, r); }

PyObject *srp_rows(const srp_payload *p, size_t rows) {
    PyObject *list = PyList_New((Py_ssize_t)rows);
    bool plain = is_plain(p->tape);
    for (size_t r = 0; list && r < rows; r++) {
        PyObject *row = plain ? row_of(p, r, 0) : any_row(p, r);
        if (row) {
            PyList_SET_ITEM(list, (Py_ssize_t)r, row);
        } else {
            Py_CLEAR(list);
        }
    }
    return list;
}
