# Agents call these methods for every message with one argument and no options. A short entry answers such calls and
# passes all others on to the method.

ctypedef object (*Entry)(PyObject *self, PyObject *const *values, Py_ssize_t n, PyObject *names)

cdef enum:
    DECODE, DECODE_ROW, ENCODE_ROW, SCAN, N_QUICK

cdef tuple METHODS = (Engine.decode, Engine.decode_row, Engine.encode_row, Engine.scan)
cdef PyMethodDef[N_QUICK] QUICK
cdef Entry[N_QUICK] MADE   # the C functions of these methods if they have the signature of an Entry, else NULL
cdef list _texts = []      # owns the texts that QUICK points to


cdef inline bint is_payload(PyObject *const *values, Py_ssize_t n, PyObject *names) noexcept:   # cannot raise
    return n == 1 and names == NULL and PyBytes_CheckExact(<object>values[0])


cdef object call_method(PyObject *self, PyObject *const *values, Py_ssize_t n, PyObject *names, int method):
    if MADE[method] != NULL:
        return MADE[method](self, values, n, names)
    return PyObject_Vectorcall(PyMethod_New(METHODS[method], self), values, n, names)


cdef object decode_entry(PyObject *self, PyObject *const *values, Py_ssize_t n, PyObject *names):
    if is_payload(values, n, names):
        return decode_bytes(<Engine>self, <bytes>values[0], False)
    return call_method(self, values, n, names, DECODE)


cdef object decode_row_entry(PyObject *self, PyObject *const *values, Py_ssize_t n, PyObject *names):
    if is_payload(values, n, names):
        return decode_one(<Engine>self, <bytes>values[0], False)
    return call_method(self, values, n, names, DECODE_ROW)


cdef object scan_entry(PyObject *self, PyObject *const *values, Py_ssize_t n, PyObject *names):
    if is_payload(values, n, names):
        return scan_bytes(<Engine>self, <bytes>values[0], False)
    return call_method(self, values, n, names, SCAN)


cdef object encode_row_entry(PyObject *self, PyObject *const *values, Py_ssize_t n, PyObject *names):
    cdef srp_buffer *out = &(<Engine>self).kept().out
    cdef sr_style style
    cdef Py_ssize_t field
    if n == 1 and names == NULL and out.data != NULL:
        out.len = 0   # no other code runs meanwhile
        style.escape = SR_ESCAPE
        style.all = style.refuse_backslash = False
        if ((<Engine>self).layer.put_row(out, (<Engine>self).k, style, <object>values[0], &field) == SR_OK
                and <Py_ssize_t>out.len <= PAYLOAD_LIMIT):
            payload = PyBytes_FromStringAndSize(<const char *>out.data, out.len)
            shrink(out)
            return payload
    return call_method(self, values, n, names, ENCODE_ROW)


cdef int set_quick(Engine engine, int i, Entry entry) except -1:
    """Copies the name, signature and docstring of the method."""
    method = METHODS[i]
    name = method.__name__.encode()
    signature = getattr(method, "__text_signature__", None)
    text = (f"{method.__name__}{signature}\n--\n\n{method.__doc__}" if signature else method.__doc__).encode()
    _texts.extend((name, text))
    QUICK[i].ml_name = PyBytes_AS_STRING(name)
    QUICK[i].ml_meth = <PyCFunction><void *>entry
    QUICK[i].ml_flags = METH_FASTCALL | METH_KEYWORDS
    QUICK[i].ml_doc = PyBytes_AS_STRING(text)
    bound = method.__get__(engine)
    if PyCFunction_Check(bound) and PyCFunction_GetFlags(bound) == QUICK[i].ml_flags:
        MADE[i] = <Entry><void *>PyCFunction_GetFunction(bound)
    return 0


def quick(Engine engine not None):
    """`decode`, `decode_row`, `encode_row` and `scan` of an engine as functions with the short entry."""
    made = []
    for i in range(N_QUICK):
        made.append(PyCFunction_NewEx(&QUICK[i], engine, NULL))
    return tuple(made)
