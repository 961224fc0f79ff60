# cython: language_level=3, binding=False, embedsignature=True, embedsignature.format=clinic
# cython: boundscheck=False, wraparound=False, nonecheck=True, cdivision=True, always_allow_keywords=True
# cython: freethreading_compatible=True
"""The compiled engine: objects in and out of the C core.

One extension, made of the parts in `shell/`: one for each file of the pure engine, and those that only C needs (memory,
the table of methods). src_c/codec handles bytes, src_c/objects values. tools/copy_docstrings.py copies the public
docstrings from the pure engine.
"""
cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_Check, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_AsTuple, PyList_Check, PyList_GET_SIZE, PyList_New, PyList_SET_ITEM
from cpython.float cimport PyFloat_Check
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject, PyObject_IsTrue
from cpython.tuple cimport PyTuple_Check, PyTuple_GET_SIZE, PyTuple_GetSlice
from cpython.unicode cimport PyUnicode_AsEncodedString, PyUnicode_Check, PyUnicode_DecodeUTF8
from libc.string cimport memcpy, memmove, memset

from collections.abc import Sequence as _Sequence

from smartrest import _constants, _door, _findings, _limits, _values, dispatch as _dispatch
from smartrest._limits import payload_budget
from smartrest.errors import DecodeError, EncodeError, decode_error, encode_error, excerpt, too_large_error

cdef extern from "Python.h":
    Py_ssize_t PY_SSIZE_T_MAX
    Py_ssize_t PyDict_GET_SIZE(dict)
    PyObject *PyThreadState_GetDict()   # borrowed; NULL without an exception
    bint PyObject_CheckBuffer(object)
    void Py_DECREF(object)
    void Py_INCREF(object)
    void PyErr_Clear()
    bint PyLong_CheckExact(object)
    Py_ssize_t PyNumber_AsSsize_t(object, void *overflow) except? -1
    Py_ssize_t PyLong_AsSsize_t(object)
    void PyObject_GC_Track(object)
    void PyObject_GC_UnTrack(object)
    int Py_EnterRecursiveCall(const char *) except *   # not 0 is an error, 1 or -1 by version
    void Py_LeaveRecursiveCall()
    ctypedef PyObject *(*vectorcallfunc)(PyObject *, PyObject *const *, size_t, PyObject *)
    size_t PY_VECTORCALL_ARGUMENTS_OFFSET
    ctypedef void (*PyCFunction)()
    int METH_FASTCALL, METH_KEYWORDS
    ctypedef struct PyMethodDef:
        const char *ml_name
        PyCFunction ml_meth
        int ml_flags
        const char *ml_doc
    bint PyCFunction_Check(object)
    int PyCFunction_GetFlags(object) except? -1
    PyCFunction PyCFunction_GetFunction(object) except NULL
    object PyCFunction_NewEx(PyMethodDef *, object, PyObject *)
    object PyMethod_New(object, PyObject *)
    object PyObject_Vectorcall(object, PyObject *const *, size_t, PyObject *)
    PyObject *PyIter_Next(object) except? NULL

# Each part uses only those before it (tests/house/test_imports.py).
include "shell/workspace.pxi"
include "shell/reading.pxi"
include "shell/lazy.pxi"
include "shell/schema.pxi"
include "shell/writing.pxi"
include "shell/packing.pxi"
include "shell/compiled.pxi"
include "shell/dispatching.pxi"
include "shell/engine.pxi"
include "shell/methods.pxi"

# The default engine: its methods are the functions of this module.

srp_layout_init()
_Sequence.register(LazyRow)
_Sequence.register(LazyRows)

cdef Engine _default = Engine()
default_engine = _default
_spare = new_lazy_rows(_default, b"")

check = _default.check
compile = _default.compile
set_quick(_default, DECODE, decode_entry)
set_quick(_default, DECODE_ROW, decode_row_entry)
set_quick(_default, ENCODE_ROW, encode_row_entry)
set_quick(_default, SCAN, scan_entry)
decode, decode_row, encode_row, scan = quick(_default)
encode = _default.encode
engine = _default.engine
escape = _default.escape
pack = _default.pack
split = _default.split
truncate = _default.truncate
unescape = _default.unescape


def use(str kernel):
    """Forces the kernel of the default engine; `ImportError` for one that this CPU or this build does not have.

    The classes and helpers are those of the package as it is imported now: a fresh import of the package finds this
    module as it was.
    """
    global _constants, _door, _findings, _limits, _values, _dispatch, payload_budget
    global DecodeError, EncodeError, decode_error, encode_error, excerpt, too_large_error
    from smartrest import _constants, _door, _findings, _limits, _values, dispatch as _dispatch
    from smartrest._limits import payload_budget
    from smartrest.errors import DecodeError, EncodeError, decode_error, encode_error, excerpt, too_large_error

    try:
        _default.use(kernel)
    except ValueError as error:
        raise ImportError(f"SMARTREST_ENGINE: {error}") from error


def kernels():
    """The kernels of this build, best first: tuples (name, whether this CPU supports it)."""
    cdef uint32_t cpu = sr_cpu()
    cdef size_t i = 0
    found = []
    while sr_kernel_at(i) != NULL:
        found.append((sr_kernel_at(i).name.decode(), (sr_kernel_at(i).needs & cpu) == sr_kernel_at(i).needs))
        i += 1
    return tuple(found)

