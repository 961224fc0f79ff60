/* Short ASCII str by their layout: the one file that leans on how CPython keeps an object.
 *
 * PyUnicode_New finds out anew for each text what is the same for all texts of ASCII. Here the head of a str that
 * PyUnicode_New has made is copied. Where the layout is not known, where a build keeps books on its objects, and where
 * the copy does not stand the test of srp_strings_init, PyUnicode_New makes every text.
 */
#if defined(Py_DEBUG) || defined(Py_TRACE_REFS) || defined(Py_GIL_DISABLED) || defined(PYPY_VERSION) || \
    PY_VERSION_HEX < 0x030A0000 || PY_VERSION_HEX >= 0x030F0000

static inline PyObject *srp_new_ascii(const srp_strings *strings, size_t n) {
    (void)strings;
    return PyUnicode_New((Py_ssize_t)n, 127);
}

#else
#define SRP_KNOWS_LAYOUT

static inline PyObject *srp_new_ascii(const srp_strings *strings, size_t n) {
    if (!strings->head) return PyUnicode_New((Py_ssize_t)n, 127);
    PyASCIIObject *text = PyObject_Malloc(sizeof *text + n + 1);
    if (!text) return PyErr_NoMemory();
    memcpy(text, strings->head, sizeof *text);
    Py_SET_REFCNT((PyObject *)text, 1);
    text->length = (Py_ssize_t)n;
    ((uint8_t *)(text + 1))[n] = 0;
    return (PyObject *)text;
}

#endif
