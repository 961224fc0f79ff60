/* Reuses row tuples that a handler has dropped: allocating and freeing one costs more than the rest of dispatch.
 *
 * A row without other references is as good as a new one: no other code can tell. From CPython 3.14 on a tuple caches
 * its hash, and no documented function clears it; so there, and on builds where reference counts mean less, every row
 * is new.
 */
#ifndef SPARE_ROWS_H
#define SPARE_ROWS_H

#include "str_layout.h"

#if !defined(Py_GIL_DISABLED) && !defined(PYPY_VERSION) && PY_VERSION_HEX < 0x030E0000
#define SRP_SPARE_FIELDS 16 /* one row of each width below is kept */

struct srp_spare_rows {
    PyObject *of[SRP_SPARE_FIELDS + 1]; /* owned, all fields NULL; or NULL */
};

/* A row of n fields, all NULL. The garbage collector does not track one that may be kept: it holds only str. */
static inline PyObject *srp_new_row(srp_spare_rows *spare, size_t n) {
    if (spare && n < SRP_SPARE_FIELDS && spare->of[n]) {
        PyObject *row = spare->of[n];
        spare->of[n] = NULL;
        return row;
    }
    PyObject *row = PyTuple_New((Py_ssize_t)n);
    if (row && spare) PyObject_GC_UnTrack(row);
    return row;
}

/* Clears the fields of a row that only the caller refers to, and keeps it for reuse. The caller must not read it
   again, but still owns its reference. srp_layout is off in tests of the plain way. */
static inline void srp_let_go(srp_spare_rows *spare, PyObject *row) {
    size_t n = (size_t)PyTuple_GET_SIZE(row);
    if (!srp_layout || Py_REFCNT(row) > 1 || n >= SRP_SPARE_FIELDS || spare->of[n]) return;
    for (size_t f = 0; f < n; f++) {
        PyObject *field = PyTuple_GET_ITEM(row, (Py_ssize_t)f);
        PyTuple_SET_ITEM(row, (Py_ssize_t)f, NULL);
        Py_DECREF(field); /* a str: no other code runs */
    }
    Py_INCREF(row);
    spare->of[n] = row;
}

static inline void srp_forget_rows(srp_spare_rows *spare) {
    for (size_t n = 0; n < SRP_SPARE_FIELDS; n++) Py_CLEAR(spare->of[n]);
}

#else
struct srp_spare_rows {
    char none;
};

static inline PyObject *srp_new_row(srp_spare_rows *spare, size_t n) {
    PyObject *row = PyTuple_New((Py_ssize_t)n);
    if (row && spare) PyObject_GC_UnTrack(row);
    return row;
}

static inline void srp_let_go(srp_spare_rows *spare, PyObject *row) {
    (void)spare;
    (void)row;
}

static inline void srp_forget_rows(srp_spare_rows *spare) { (void)spare; }
#endif

#endif
