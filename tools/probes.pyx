# cython: language_level=3
"""Access to the core's internals for tests and benchmarks; built by tools/probes.py. Not part of the package."""
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport uint8_t
from time import perf_counter_ns

from smartrest cimport core

cdef extern from "Python.h":
    char *PyOS_double_to_string(double value, char code, int precision, int flags, int *kind) except NULL
    int Py_DTSF_ADD_DOT_0


def string_cache(on):
    """Switches the default engine's cache of short texts on or off; returns the previous setting."""
    return bool(core.string_cache(on))


def object_layout(on):
    """Switches the use of CPython's object layout on (if this CPython supports it) or off; returns the previous setting."""
    return bool(core.object_layout(on))


def float_text_ns(list values, ours):
    """Nanoseconds to write finite floats as text once: by the core, or by Python's `PyOS_double_to_string`."""
    cdef Py_ssize_t i, n = len(values)
    cdef double *numbers
    cdef uint8_t text[64]
    cdef bint own = bool(ours)
    if any(value - value != 0 for value in values):
        raise ValueError("not a finite float")
    numbers = <double *>PyMem_Malloc(n * sizeof(double) + 1)
    if numbers == NULL:
        raise MemoryError
    try:
        for i in range(n):
            numbers[i] = values[i]
        start = perf_counter_ns()
        for i in range(n):
            if own:
                core.float_text(numbers[i], text)
            else:
                PyMem_Free(PyOS_double_to_string(numbers[i], c"r", 0, Py_DTSF_ADD_DOT_0, NULL))
        return perf_counter_ns() - start
    finally:
        PyMem_Free(numbers)


def index_ns(bytes payload, str kernel, Py_ssize_t passes):
    """Nanoseconds for a kernel to index a payload `passes` times, without making objects."""
    start = perf_counter_ns()
    core.index_passes(payload, kernel, passes)
    return perf_counter_ns() - start
