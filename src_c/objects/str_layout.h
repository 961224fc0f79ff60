/* str by its layout: the one file that relies on how CPython stores an object.
 *
 * PyUnicode_New works out for each text a head that is the same for all short ones, so this copies the head of a str
 * that it made once. And if another library has left UTF-8 in a str, this uses it; no documented function returns it
 * without creating it. srp_layout_init checks both assumptions. If they fail, if the layout is unknown, or if a build
 * tracks its objects, the documented functions do the work.
 */
#ifndef STR_LAYOUT_H
#define STR_LAYOUT_H

#include "srp.h"

#if !defined(Py_DEBUG) && !defined(Py_TRACE_REFS) && !defined(Py_GIL_DISABLED) && !defined(PYPY_VERSION) && \
    PY_VERSION_HEX >= 0x030A0000 && PY_VERSION_HEX < 0x030F0000
#define SRP_KNOWS_LAYOUT
extern PyASCIIObject srp_head; /* of a short ASCII str with one reference and no hash yet */
#endif

extern int srp_layout; /* whether the layout is used */

void srp_layout_init(void); /* sets both */

/* A new str of n ASCII characters, which the caller must write to *data. */
static inline PyObject *srp_new_ascii(size_t n, uint8_t **data) {
#if defined(SRP_KNOWS_LAYOUT)
    if (SRP_LIKELY(srp_layout)) {
        PyASCIIObject *text = PyObject_Malloc(sizeof *text + n + 1);
        if (!text) return PyErr_NoMemory();
        *text = srp_head;
        text->length = (Py_ssize_t)n;
        *data = (uint8_t *)(text + 1);
        (*data)[n] = 0;
        return (PyObject *)text;
    }
#endif
    PyObject *text = PyUnicode_New((Py_ssize_t)n, 127);
    if (text) *data = PyUnicode_DATA(text);
    return text;
}

/* The characters of an ASCII str, which follow its head; NULL: it is of another kind. */
static inline const uint8_t *srp_ascii(PyObject *text, size_t *n) {
    if (!SRP_LIKELY(PyUnicode_IS_COMPACT_ASCII(text))) return NULL;
    *n = (size_t)PyUnicode_GET_LENGTH(text);
    return (const uint8_t *)((const PyASCIIObject *)text + 1);
}

/* The UTF-8 that a str beyond ASCII keeps beside its characters, or NULL. */
static inline const uint8_t *srp_kept_utf8(PyObject *text, size_t *len) {
#if defined(SRP_KNOWS_LAYOUT)
    const PyCompactUnicodeObject *wide = (const PyCompactUnicodeObject *)text;
    if (srp_layout && wide->utf8) {
        *len = (size_t)wide->utf8_length;
        return (const uint8_t *)wide->utf8;
    }
#endif
    (void)text;
    (void)len;
    return NULL;
}

#endif
