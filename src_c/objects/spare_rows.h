/* Rows that a handler has let go of, filled again instead of new ones: to make and to free a tuple takes longer than
 * all that the dispatcher itself does for a row.
 *
 * A row that nobody else has is as good as a new one: no other code can tell. From CPython 3.14 on a tuple keeps its
 * hash, which no documented function takes away again, so there, and where reference counts say less, every row is a
 * new one.
 */
#ifndef SPARE_ROWS_H
#define SPARE_ROWS_H

#include "str_layout.h"

#if !defined(Py_GIL_DISABLED) && !defined(PYPY_VERSION) && PY_VERSION_HEX < 0x030E0000
#define SRP_SPARE_FIELDS 16 /* one row of each width below is kept */
#else
#define SRP_SPARE_FIELDS 0
#endif

struct srp_spare_rows {
    PyObject *of[SRP_SPARE_FIELDS + 1]; /* owned, all fields NULL; or NULL */
};

/* A row of n fields, all NULL. The garbage collector does not see one that may be kept: it holds str alone. */
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

/* Takes the fields out of a row that nobody but the caller has, and keeps it; the caller looks at it no more, and still
   has to give back the reference that it has. srp_layout: off, for tests of the plain way. */
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

#endif
