/* From field values to bytes: text and numbers, without running Python code. Other values return SRP_SLOW. */
#include "str_layout.h"

SR_NO_INLINE int srp_grow(srp_buffer *out, size_t more) {
    size_t size = out->size + out->size / 2 + more;
    uint8_t *data = PyMem_Realloc(out->data, size);
    if (!data) return SRP_NO_MEMORY;
    out->data = data;
    out->size = size;
    return 0;
}

/* Text that is not short ASCII. */
SR_NO_INLINE int srp_put_text(srp_buffer *out, const sr_kernel *k, sr_style style, PyObject *value) {
    size_t len = (size_t)PyUnicode_GET_LENGTH(value), written = 0;
    int width = (int)PyUnicode_KIND(value), status;
    bool ascii = PyUnicode_IS_ASCII(value);
    const uint8_t *utf8 = ascii ? PyUnicode_DATA(value) : srp_kept_utf8(value, &len);
    size_t most = utf8 ? len : len * (width == 1 ? 2 : width == 2 ? 3 : 4);
    if (srp_reserve(out, sr_put_room(most))) return SRP_NO_MEMORY;
    uint8_t *dst = out->data + out->len;
    status = utf8 ? sr_put_text(k, style, utf8, len, dst, &written)
                  : sr_put_wide(k, style, PyUnicode_DATA(value), len, width, dst, &written);
    if (status == SR_OK) out->len += written;
    return status;
}

/* Numbers and words never force quotes; they are quoted only if every field is. */
int srp_put_number(srp_buffer *out, sr_style style, PyObject *value) {
    if (srp_reserve(out, SR_NUMBER_ROOM + 2)) return SRP_NO_MEMORY;
    uint8_t *dst = out->data + out->len + style.all;
    size_t n;
    if (value == Py_True || value == Py_False) {
        n = value == Py_True ? 4 : 5;
        memcpy(dst, value == Py_True ? "true" : "false", n);
    } else if (value == Py_None) {
        n = 0;
    } else if (PyLong_Check(value)) {
        int overflow;
        long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
        if (overflow) return SRP_SLOW;
        n = sr_put_int(number, dst);
    } else {
        double number = PyFloat_AS_DOUBLE(value);
        if (!(number - number == 0)) return SRP_SLOW; /* inf and nan */
        n = sr_put_float(number, dst);
        if (n == 0) n = sr_put_any_float(number, dst);
    }
    if (style.all) {
        dst[-1] = SR_QUOTE;
        dst[n] = SR_QUOTE;
        n += 2;
    }
    out->len += n;
    return SR_OK;
}

int srp_put_empty_row(srp_buffer *out) {
    if (srp_reserve(out, SR_SHORT_ROOM)) return SRP_NO_MEMORY;
    out->len += sr_put_empty_row(out->data + out->len);
    return SR_OK;
}

static PyObject *checked(PyObject *result) {
    if (!result && !PyErr_Occurred()) PyErr_NoMemory();
    return result;
}

PyObject *srp_call(PyObject *function, PyObject *a, PyObject *b, PyObject *c) {
    return checked(PyObject_CallFunctionObjArgs(function, a, b, c, NULL));
}

PyObject *srp_call1(PyObject *function, PyObject *a) {
    PyObject *arguments[2] = {NULL, a}; /* the callee may use the slot before them */
    return checked(PyObject_Vectorcall(function, arguments + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL));
}

PyObject *srp_caught(PyObject *cls) {
    if (!PyErr_ExceptionMatches(cls)) return NULL;
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback) PyException_SetTraceback(value, traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    if (PyObject_IsInstance(value, cls) == 1) return value;
    PyErr_SetObject((PyObject *)Py_TYPE(value), value); /* no memory was left to create the error */
    Py_DECREF(value);
    return NULL;
#endif
}

const srp_layer *srp_layer_of(const sr_kernel *k) {
#if defined(SR_X86)
    if (k->needs & SR_CPU_AVX512_VBMI2) return &srp_layer_avx512;
    if (k->needs & SR_CPU_AVX2) return &srp_layer_avx2;
    if (k->needs & SR_CPU_SSE2) return &srp_layer_sse2;
#elif defined(SR_NEON)
    if (k->needs & SR_CPU_NEON) return &srp_layer_neon;
#endif
    (void)k;
    return &srp_layer_portable;
}
