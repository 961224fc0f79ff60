# cython: language_level=3
"""What tests and benchmarks ask the inside of the core; built by tools/probes.py. No part of the package."""
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport uint8_t
from time import perf_counter_ns

from smartrest cimport core

cdef extern from "Python.h":
    char *PyOS_double_to_string(double value, char code, int precision, int flags, int *kind) except NULL
    int Py_DTSF_ADD_DOT_0


def string_cache(on):
    """Switches the default engine's cache of short texts on or off; returns what it was."""
    return bool(core.string_cache(on))


def object_layout(on):
    """Whether the core uses what it knows of CPython's objects: switches that on, where it holds, or off; returns what it
    was."""
    return bool(core.object_layout(on))


def float_text_ns(list values, ours):
    """Nanoseconds of one pass from finite floats to text: the core's way, or Python's `PyOS_double_to_string`."""
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
    """Nanoseconds of `passes` runs of a kernel over a payload up to its tape, without an object."""
    start = perf_counter_ns()
    core.index_passes(payload, kernel, passes)
    return perf_counter_ns() - start
