# cython: language_level=3, binding=False, embedsignature=True, embedsignature.format=clinic
# cython: boundscheck=False, wraparound=False, nonecheck=True, cdivision=True, always_allow_keywords=True
# cython: freethreading_compatible=True
"""The compiled engine for tables: Arrow batches in and out of src_c/columns.

A second extension, so that `import smartrest` loads nothing of it; `smartrest.arrow` does. Made of the parts in
`shell/columns_*.pxi`. The reference beside it is `smartrest.pure.columns`.
"""
cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_New
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memchr, memcpy, memmove, memset, strcmp, strlen

from os import urandom

from smartrest import _columns, _constants, _limits
from smartrest.errors import excerpt

# Each part uses only those before it (tests/house/test_imports.py).
include "shell/columns_base.pxi"
include "shell/columns_streams.pxi"
include "shell/columns_payloads.pxi"
include "shell/columns_decode.pxi"
include "shell/columns_encode.pxi"
include "shell/columns_engine.pxi"
