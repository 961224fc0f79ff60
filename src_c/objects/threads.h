/* What a build of CPython without the GIL (Py_GIL_DISABLED) does differently. There threads run at the same time: memory
 * that calls reuse belongs to one thread, an object of the caller may change at any moment, and a reference count of 1
 * says nothing. With the GIL all of this costs nothing.
 */
#ifndef SRP_THREADS_H
#define SRP_THREADS_H

#include <Python.h>
#include <stdbool.h>

#if defined(Py_GIL_DISABLED)
#define SRP_FREE_THREADED 1
#if defined(_MSC_VER)
#define SRP_THREAD_LOCAL __declspec(thread)
#else
#define SRP_THREAD_LOCAL _Thread_local
#endif
#if defined(__STDC_NO_ATOMICS__) || defined(_MSC_VER)
#define SRP_SHARED volatile
#else
#define SRP_SHARED _Atomic /* a pointer that one thread sets while others read it */
#endif
#else
#define SRP_FREE_THREADED 0
#define SRP_THREAD_LOCAL
#define SRP_SHARED
#endif

/* Whether only the caller can reach an object that it holds one reference to. */
static inline bool srp_alone(PyObject *object) { return !SRP_FREE_THREADED && Py_REFCNT(object) == 1; }

/* An item of a list that had more than `index`, safe to use until srp_let_item_go; NULL without an exception if another
   thread has made the list shorter since. */
static inline PyObject *srp_hold_item(PyObject *list, Py_ssize_t index) {
#if SRP_FREE_THREADED
    PyObject *item = PyList_GetItemRef(list, index);
    if (!item) PyErr_Clear();
    return item;
#else
    return PyList_GET_ITEM(list, index);
#endif
}

static inline void srp_let_item_go(PyObject *item) {
#if SRP_FREE_THREADED
    Py_XDECREF(item);
#else
    (void)item;
#endif
}

/* The same with a reference of the caller's own; `other` if the list has become shorter. */
static inline PyObject *srp_item_or(PyObject *list, Py_ssize_t index, PyObject *other) {
    PyObject *item = srp_hold_item(list, index);
    if (SRP_FREE_THREADED && item) return item;
    if (SRP_FREE_THREADED) item = other;
    Py_INCREF(item);
    return item;
}

/* Pauses the garbage collector; returns whether srp_resume_gc has to start it again. Without the GIL it never runs in
   the middle of C code, and its switch belongs to all threads. */
static inline int srp_pause_gc(void) { return SRP_FREE_THREADED ? 0 : PyGC_Disable(); }
static inline void srp_resume_gc(int paused) {
    if (paused) PyGC_Enable();
}

/* Adds to a count that threads may share. */
static inline void srp_count(long long *count, long long more) {
#if SRP_FREE_THREADED && (defined(__GNUC__) || defined(__clang__))
    __atomic_fetch_add(count, more, __ATOMIC_RELAXED);
#else
    *count += more;
#endif
}

#endif
