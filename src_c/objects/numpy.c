/* Scalars of numpy that Python has no type for: float32, float16 and bool_. Neither numpy nor its headers are needed: the
 * classes are looked up once numpy is loaded, and Python's own functions read their values.
 */
#include "srp.h"

static PyTypeObject *SRP_SHARED float32, *SRP_SHARED float16; /* NULL until known, like these: */
static PyObject *SRP_SHARED yes, *SRP_SHARED no;

static PyTypeObject *fixed_class(const char *name) {
    PyObject *found = srp_loaded("numpy", name);
    if (found && PyType_Check(found) && srp_is_fixed((PyTypeObject *)found)) return (PyTypeObject *)found;
    Py_XDECREF(found);
    return NULL;
}

static PyObject *only_of(PyTypeObject *type, const char *name) {
    PyObject *value = srp_loaded("numpy", name);
    if (!type || (value && !Py_IS_TYPE(value, type))) Py_CLEAR(value);
    return value;
}

bool srp_learn_numpy(PyObject *value) {
    if (float32 || strncmp(Py_TYPE(value)->tp_name, "numpy.", 6) != 0) return false;
    PyTypeObject *flags = fixed_class("bool_"); /* its values are two, as those of bool are */
    yes = only_of(flags, "True_");
    no = only_of(flags, "False_");
    Py_XDECREF(flags);
    float16 = fixed_class("float16");
    float32 = fixed_class("float32");
    PyErr_Clear(); /* then the slow way it is */
    return float32 != NULL;
}

bool srp_is_small_float(PyObject *value) {
    return float32 && (Py_TYPE(value) == float32 || Py_TYPE(value) == float16);
}

bool srp_is_numpy_bool(PyObject *value) { return yes && (value == yes || value == no); }

int srp_put_numpy(srp_buffer *out, sr_style style, PyObject *value) {
    if (srp_is_numpy_bool(value)) return srp_put_number(out, style, value == yes ? Py_True : Py_False);
    if (!srp_is_small_float(value)) return SRP_SLOW;
    PyObject *whole = PyNumber_Float(value);
    if (!whole) PyErr_Clear();
    double number = whole ? PyFloat_AS_DOUBLE(whole) : Py_HUGE_VAL;
    Py_XDECREF(whole);
    if (!(number - number == 0)) return SRP_SLOW; /* inf and nan */
    if (srp_reserve(out, SR_NUMBER_ROOM + 2)) return SRP_NO_MEMORY;
    uint8_t *dst = out->data + out->len;
    if (style.all) *dst++ = SR_QUOTE;
    dst += Py_TYPE(value) == float32 ? sr_put_small_float(number, 24, -149, dst) : sr_put_small_float(number, 11, -24, dst);
    if (style.all) *dst++ = SR_QUOTE;
    out->len = (size_t)(dst - out->data);
    return SR_OK;
}
