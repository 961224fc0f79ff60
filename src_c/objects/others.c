/* Values of types that come with modules: what they share, and Decimal. The engine imports none of these modules. It
 * knows their classes once they are loaded, and only classes that no code can change.
 */
#include "srp.h"

static PyTypeObject *SRP_SHARED decimal; /* NULL until known */

bool srp_is_fixed(PyTypeObject *type) {
    return !(type->tp_flags & Py_TPFLAGS_HEAPTYPE) || type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE;
}

PyObject *srp_loaded(const char *module, const char *name) {
    PyObject *key = PyUnicode_FromString(module), *found = key ? PyImport_GetModule(key) : NULL;
    PyObject *value = found ? PyObject_GetAttrString(found, name) : NULL;
    if (!value) PyErr_Clear();
    Py_XDECREF(key);
    Py_XDECREF(found);
    return value;
}

PyTypeObject *srp_fixed_class(const char *module, const char *name) {
    PyObject *found = srp_loaded(module, name);
    if (found && PyType_Check(found) && srp_is_fixed((PyTypeObject *)found)) return (PyTypeObject *)found;
    Py_XDECREF(found);
    return NULL;
}

static bool learn_decimal(PyObject *value) {
    if (decimal || strcmp(Py_TYPE(value)->tp_name, "decimal.Decimal") != 0) return false;
    decimal = srp_fixed_class("_decimal", "Decimal");
    PyErr_Clear(); /* then the slow way it is */
    return decimal != NULL;
}

bool srp_learn(PyObject *value) { return srp_learn_times(value) || srp_learn_numpy(value) || learn_decimal(value); }

static int put_decimal(srp_buffer *out, sr_style style, PyObject *value) {
    int paused = srp_pause_gc(); /* the first text of a thread makes a context, and the collector runs Python code */
    PyObject *text = decimal->tp_str(value);
    srp_resume_gc(paused);
    return srp_put_digits(out, style, text);
}

int srp_put_other(srp_buffer *out, sr_style style, PyObject *value) {
    if (srp_is_plain_time(value)) return srp_put_time(out, style, value);
    if (decimal && Py_TYPE(value) == decimal) return put_decimal(out, style, value);
    int status = srp_put_numpy(out, style, value);
    if (status != SRP_SLOW) return status;
    if (PyFloat_Check(value)) return srp_put_number(out, style, value);
    status = srp_put_time(out, style, value);
    return status == SRP_SLOW && decimal && PyObject_TypeCheck(value, decimal) ? put_decimal(out, style, value)
                                                                               : status;
}
