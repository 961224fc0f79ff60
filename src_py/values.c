/* From field values to bytes: text and numbers, on the way that runs no Python code. Other values are SRP_SLOW. */
#include "srp.h"

int srp_reserve(srp_buffer *out, size_t more) {
    if (out->size - out->len >= more) return 0;
    size_t size = out->size + out->size / 2 + more;
    uint8_t *data = PyMem_Realloc(out->data, size);
    if (!data) return SRP_NO_MEMORY;
    out->data = data;
    out->size = size;
    return 0;
}

/* Nonzero if a byte of v is no more than a comma. All white space and all that forces quotes in ASCII is. */
static inline uint64_t low_bytes(uint64_t v) {
    return (v - 0x2D2D2D2D2D2D2D2Dull) & ~v & 0x8080808080808080ull;
}

/* Copies 1 to 32 ASCII bytes; true if none of them can force quotes. */
static inline bool copy_plain(uint8_t *dst, const uint8_t *src, size_t n) {
    uint64_t low;
    if (n >= 16) {
        uint64_t a = load8(src), b = load8(src + 8), c = load8(src + n - 16), d = load8(src + n - 8);
        low = low_bytes(a) | low_bytes(b) | low_bytes(c) | low_bytes(d);
        memcpy(dst, &a, 8);
        memcpy(dst + 8, &b, 8);
        memcpy(dst + n - 16, &c, 8);
        memcpy(dst + n - 8, &d, 8);
    } else if (n >= 8) {
        uint64_t a = load8(src), b = load8(src + n - 8);
        low = low_bytes(a) | low_bytes(b);
        memcpy(dst, &a, 8);
        memcpy(dst + n - 8, &b, 8);
    } else if (n >= 4) {
        uint32_t a = load4(src), b = load4(src + n - 4);
        low = low_bytes((uint64_t)a << 32 | b);
        memcpy(dst, &a, 4);
        memcpy(dst + n - 4, &b, 4);
    } else {
        uint8_t a = src[0], b = src[n / 2], c = src[n - 1];
        low = low_bytes(0x7F7F7F7F7F000000ull | (uint64_t)a << 16 | (uint64_t)b << 8 | c);
        dst[0] = a;
        dst[n / 2] = b;
        dst[n - 1] = c;
    }
    return !low;
}

/* Text that is not short and plain ASCII. Wide text is made UTF-8 behind the space for the field, then written from there. */
static Py_NO_INLINE int put_text(srp_buffer *out, const sr_kernel *k, sr_style style, PyObject *value) {
#if PY_VERSION_HEX < 0x030C0000
    if (PyUnicode_READY(value)) return SRP_NO_MEMORY;
#endif
    size_t len = (size_t)PyUnicode_GET_LENGTH(value);
    const uint8_t *src = PyUnicode_DATA(value);
    if (PyUnicode_IS_ASCII(value)) {
        if (srp_reserve(out, sr_put_room(len))) return SRP_NO_MEMORY;
    } else {
        int width = (int)PyUnicode_KIND(value);
        size_t most = len * (width == 1 ? 2 : width == 2 ? 3 : 4), room = sr_put_room(most);
        if (srp_reserve(out, room + most + SR_SLACK)) return SRP_NO_MEMORY;
        uint8_t *text = out->data + out->len + room;
        len = sr_utf8_narrow(src, len, width, text);
        if (len == SIZE_MAX) return SR_LONE_SURROGATE;
        src = text;
    }
    size_t n = sr_put_text(k, style, src, len, out->data + out->len);
    if (n == SIZE_MAX) return SR_TRAILING_BACKSLASH;
    out->len += n;
    return SR_OK;
}

static inline int put_str(srp_buffer *out, const sr_kernel *k, sr_style style, PyObject *value) {
    size_t n = (size_t)PyUnicode_GET_LENGTH(value);
    if (n <= 32 && PyUnicode_IS_ASCII(value) && !style.all) {
        if (n == 0) return SR_OK;
        if (srp_reserve(out, SR_SLACK)) return SRP_NO_MEMORY;
        if (copy_plain(out->data + out->len, PyUnicode_DATA(value), n)) {
            out->len += n;
            return SR_OK;
        }
    }
    return put_text(out, k, style, value);
}

size_t srp_put_float(double value, uint8_t *dst) {
    size_t n = sr_put_float(value, dst);
    if (n) return n;
    char *text = PyOS_double_to_string(value, 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
    if (!text) return 0;
    n = strlen(text);
    memcpy(dst, text, n);
    PyMem_Free(text);
    return n;
}

/* Numbers and words hold nothing that forces quotes; they are quoted only where every field is. */
static int put_number(srp_buffer *out, sr_style style, PyObject *value) {
    if (srp_reserve(out, SR_NUMBER_ROOM + 2)) return SRP_NO_MEMORY;
    uint8_t *dst = out->data + out->len + style.all;
    size_t n;
    if (PyFloat_Check(value)) {
        double number = PyFloat_AS_DOUBLE(value);
        if (!(number - number == 0)) return SRP_SLOW; /* inf and nan */
        n = srp_put_float(number, dst);
        if (n == 0) return SRP_NO_MEMORY;
    } else if (value == Py_True || value == Py_False) {
        n = value == Py_True ? 4 : 5;
        memcpy(dst, value == Py_True ? "true" : "false", n);
    } else if (value == Py_None) {
        n = 0;
    } else {
        int overflow;
        long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
        if (overflow) return SRP_SLOW;
        n = sr_put_int(number, dst);
    }
    if (style.all) {
        dst[-1] = SR_QUOTE;
        dst[n] = SR_QUOTE;
        n += 2;
    }
    out->len += n;
    return SR_OK;
}

static inline int put_value(srp_buffer *out, const sr_kernel *k, sr_style style, PyObject *value) {
    if (PyUnicode_Check(value)) {
#if PY_VERSION_HEX < 0x030C0000
        if (PyUnicode_READY(value)) return SRP_NO_MEMORY;
#endif
        return put_str(out, k, style, value);
    }
    if (PyLong_Check(value) || PyFloat_Check(value) || value == Py_None) return put_number(out, style, value);
    return SRP_SLOW;
}

int srp_put_value(srp_buffer *out, const sr_kernel *k, sr_style style, PyObject *value) {
    return put_value(out, k, style, value);
}

int srp_put_empty_row(srp_buffer *out) {
    if (srp_reserve(out, SR_SLACK)) return SRP_NO_MEMORY;
    out->len += sr_put_empty_row(out->data + out->len);
    return SR_OK;
}

int srp_put_row(srp_buffer *out, const sr_kernel *k, sr_style style, PyObject *row, Py_ssize_t *field) {
    bool tuple = PyTuple_Check(row);
    Py_ssize_t n = tuple ? PyTuple_GET_SIZE(row) : PyList_GET_SIZE(row);
    size_t start = out->len;
    *field = 0;
    if (n == 0) return SR_EMPTY_ROW;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (i) {
            if (srp_reserve(out, 1)) return SRP_NO_MEMORY;
            out->data[out->len++] = SR_SEPARATOR;
        }
        int status = put_value(out, k, style, tuple ? PyTuple_GET_ITEM(row, i) : PyList_GET_ITEM(row, i));
        if (status != SR_OK) {
            *field = i;
            out->len = start;
            return status;
        }
    }
    return out->len == start ? srp_put_empty_row(out) : SR_OK;
}
