/* From fields to int, float, bool and datetime. */
#include "srp.h"

/* Python's own reader decides where the core is uncertain. An infinite value does not fit. */
static PyObject *long_float(const uint8_t *src, size_t len, int *fits) {
    PyObject *text = PyBytes_FromStringAndSize((const char *)src, (Py_ssize_t)len); /* ends with a NUL */
    if (!text) return NULL;
    double value = PyOS_string_to_double(PyBytes_AS_STRING(text), NULL, NULL);
    Py_DECREF(text);
    if (value == -1.0 && PyErr_Occurred()) return NULL;
    if (value - value == 0) return PyFloat_FromDouble(value);
    *fits = 0;
    Py_RETURN_NONE;
}

/* value * factor + more, or NULL; steals the reference to value. */
static PyObject *appended(PyObject *value, long long factor, long long more) {
    PyObject *times = PyLong_FromLongLong(factor), *plus = PyLong_FromLongLong(more), *product = NULL, *sum = NULL;
    if (value && times && plus) product = PyNumber_Multiply(value, times);
    if (product) sum = PyNumber_Add(product, plus);
    Py_XDECREF(value);
    Py_XDECREF(times);
    Py_XDECREF(plus);
    Py_XDECREF(product);
    return sum;
}

/* Any number of digits, 18 at a time as a long long: int's limit on digits does not apply, and no Python code runs. */
static PyObject *long_int(const uint8_t *src, size_t len) {
    size_t i = src[0] == '+' || src[0] == '-';
    bool minus = src[0] == '-';
    PyObject *value = PyLong_FromLong(0);
    while (value && i < len) {
        long long factor = 1, part = 0;
        for (size_t end = i + (len - i) % 18 + ((len - i) % 18 ? 0 : 18); i < end; i++) {
            factor *= 10;
            part = part * 10 + (src[i] - '0');
        }
        value = appended(value, factor, part);
    }
    return minus ? appended(value, -1, 0) : value;
}

PyObject *srp_typed(const uint8_t *src, size_t len, uint8_t kind, int *fits) {
    *fits = 1;
    if (len == 0) Py_RETURN_NONE;
    if (kind == SRP_FLOAT) {
        double value;
        sr_parsed parsed = sr_get_float(src, len, &value);
        if (parsed == SR_EXACT) return PyFloat_FromDouble(value);
        if (parsed == SR_LONG_WAY) return long_float(src, len, fits);
    } else if (kind == SRP_INT) {
        int64_t value;
        sr_parsed parsed = sr_get_int(src, len, &value);
        if (parsed == SR_EXACT) return PyLong_FromLongLong(value);
        if (parsed == SR_LONG_WAY) return long_int(src, len);
    } else if (kind == SRP_BOOL) {
        int value = sr_get_bool(src, len);
        if (value >= 0) return PyBool_FromLong(value);
    } else {
        sr_time value;
        if (sr_get_time(src, len, &value)) return srp_new_time(&value);
    }
    *fits = 0;
    Py_RETURN_NONE;
}
