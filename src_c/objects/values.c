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

int srp_put_digits(srp_buffer *out, sr_style style, PyObject *text) {
    int status = SRP_SLOW; /* which meets any error again */
    if (text && PyUnicode_IS_ASCII(text)) {
        size_t n = (size_t)PyUnicode_GET_LENGTH(text);
        const uint8_t *digits = PyUnicode_DATA(text), *first = digits + (digits[0] == '-');
        bool number = (unsigned)(*first - '0') < 10; /* not Infinity or NaN */
        if (number && n - (size_t)(first - digits) <= SR_INT_DIGITS) {
            uint8_t *at = srp_open(out, style, n);
            if (at) memcpy(at, digits, n);
            status = at ? srp_close(out, style, at + n) : SRP_NO_MEMORY;
        }
    }
    PyErr_Clear();
    Py_XDECREF(text);
    return status;
}

/* Whether int's own text, which takes a time that grows with the square of its digits, may be asked for. */
static bool is_of_few_digits(PyObject *value) {
    if (PyLong_AsDouble(value) != -1 || !PyErr_Occurred()) return true;
    PyErr_Clear();
    PyObject *bits = PyObject_CallMethod((PyObject *)&PyLong_Type, "bit_length", "O", value);
    long n = bits ? PyLong_AsLong(bits) : -1;
    Py_XDECREF(bits);
    PyErr_Clear();
    return 0 < n && n <= (long)SR_INT_DIGITS * 10 / 3; /* a digit has 3.32 bits */
}

int srp_put_int(srp_buffer *out, sr_style style, PyObject *value) {
    int overflow;
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow) return is_of_few_digits(value) ? srp_put_digits(out, style, PyLong_Type.tp_repr(value)) : SRP_SLOW;
    uint8_t *at = srp_open(out, style, SR_NUMBER_ROOM);
    return at ? srp_close(out, style, at + sr_put_int(number, at)) : SRP_NO_MEMORY;
}

int srp_put_number(srp_buffer *out, sr_style style, PyObject *value) {
    if (PyLong_Check(value) && !PyBool_Check(value)) return srp_put_int(out, style, value);
    uint8_t *at = srp_open(out, style, SR_NUMBER_ROOM), *end = at ? srp_put_plain(at, value) : NULL;
    if (!at) return SRP_NO_MEMORY;
    if (!end) {
        double number = PyFloat_AS_DOUBLE(value);
        if (!(number - number == 0)) return SRP_SLOW; /* inf and nan */
        size_t n = sr_put_float(number, at);
        end = at + (n ? n : sr_put_any_float(number, at));
    }
    return srp_close(out, style, end);
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
