# cython: language_level=3, binding=False, embedsignature=True, embedsignature.format=clinic
# cython: boundscheck=False, wraparound=False, nonecheck=True, cdivision=True, always_allow_keywords=True
"""The compiled engine: objects in and out of the C core.

Buffers, options, statuses and errors are handled here, the bytes in src_c, values in src_py. No rule of the format stands
in this file. Public docstrings are copies of those of the pure engine (tools/copy_docstrings.py).
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

from smartrest import _check, _constants, _kinds, _options, _values, dispatch as _dispatch
from smartrest._budget import payload_budget
from smartrest.errors import DecodeError, EncodeError, decode_error, encode_error, excerpt, too_large_error

cdef extern from "Python.h":
    Py_ssize_t PY_SSIZE_T_MAX
    int PyGC_Disable()
    int PyGC_Enable()
    Py_ssize_t PyDict_GET_SIZE(dict)
    bint PyObject_CheckBuffer(object)
    char *PyOS_double_to_string(double value, char code, int precision, int flags, int *kind)
    int Py_DTSF_ADD_DOT_0
    void Py_DECREF(object)
    void Py_INCREF(object)
    Py_ssize_t Py_REFCNT(PyObject *)
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

cdef tuple REASONS = tuple([""] + [reason for _, reason, _ in _constants.STATUS])
cdef object LIMIT = 16_000   # the default of every `limit`, known by its identity
cdef Py_ssize_t PAYLOAD_LIMIT = _constants.PAYLOAD_LIMIT
cdef str BACKSLASH = "backslash"
cdef str MINIMAL = "minimal"
cdef str ALLOW = "allow"

cdef enum:
    SMALL = 16384      # bytes of a payload whose tape fits the scratch that an engine keeps
    PAUSE = 64         # rows of a payload from which on the garbage collector is paused while they are made
    OUT = 65536        # bytes of the output buffer that an engine keeps
    INLINE_ENDS = 14   # fields and rows of a scan that need no memory of their own
    INLINE_ROWS = 3


cdef inline int style_of(sr_style *style, dialect, quote, on_trailing_backslash) except -1:
    style.escape = SR_ESCAPE
    style.all = style.refuse_backslash = False
    if dialect is not BACKSLASH or quote is not MINIMAL or on_trailing_backslash is not ALLOW:
        other_style(style, dialect, quote, on_trailing_backslash)
    return 0


cdef int other_style(sr_style *style, dialect, quote, on_trailing_backslash) except -1:
    _options.refuse_style(dialect, quote, on_trailing_backslash)
    if dialect == "double":
        style.escape = SR_QUOTE
    style.all = quote == "all"
    style.refuse_backslash = on_trailing_backslash == "error"
    return 0


cdef inline bint truth(value) except -1:
    return value is not False and PyObject_IsTrue(value)


cdef inline Py_ssize_t index_of(index, size_t count, str what) except -1:
    """`index`, counted from the end where it is negative, as an offset in a sequence of `count`."""
    cdef Py_ssize_t i
    if PyLong_CheckExact(index):
        i = PyLong_AsSsize_t(index)
        if i == -1:
            PyErr_Clear()   # -1 itself, or an overflow
            i = PyNumber_AsSsize_t(index, NULL)
    else:
        i = PyNumber_AsSsize_t(index, NULL)   # the nearest, where it is larger than any
    if i < 0:
        i += <Py_ssize_t>count
    if i < 0 or i >= <Py_ssize_t>count:
        raise IndexError(f"{what} index out of range")
    return i


cdef inline Py_ssize_t limit_of(limit) except? -2:
    """The limit as a number; without one, the most that a size can be."""
    if limit is LIMIT:
        return PAYLOAD_LIMIT
    if limit is None:
        return PY_SSIZE_T_MAX
    number = _options.limit_of(limit)
    return PY_SSIZE_T_MAX if number > PY_SSIZE_T_MAX else number


# ---- payloads being read ---------------------------------------------------------------------------------------------

cdef struct Work:            # one block of memory: the tape of a payload of up to `room` bytes, and scratch for a field
    srp_payload p
    const srp_layer *layer
    sr_tape tape
    size_t base              # bytes of the BOM
    size_t room
    sr_fault opened          # of a quote that is never closed: its row stands behind the whole rows


cdef bytes bytes_of(payload):
    """The bytes of a payload: itself, its UTF-8, or a copy of its buffer."""
    if PyBytes_CheckExact(payload):
        return payload
    if PyBytes_Check(payload):
        return PyBytes_FromStringAndSize(PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload))
    if PyUnicode_Check(payload):
        return PyUnicode_AsEncodedString(payload, "utf-8", "surrogatepass")   # a lone surrogate is then bad UTF-8
    if not PyObject_CheckBuffer(payload):
        raise TypeError(f"expected bytes, str or a buffer, not {_values.type_name(payload)}")
    view = memoryview(payload)
    if not view.c_contiguous:
        view.release()
        raise BufferError("the buffer is not contiguous")
    data = view.tobytes()
    view.release()
    return data


@cython.no_gc
cdef class Workspace:
    """A kernel and the memory that its calls share. `Engine` adds the public functions; nothing else makes one."""
    cdef const sr_kernel *k
    cdef const srp_layer *layer   # of k
    cdef srp_strings strings
    cdef Work *work          # kept between calls; NULL while a call uses it
    cdef srp_buffer out      # likewise

    def __cinit__(self, str kernel="auto"):
        if srp_strings_init(&self.strings):
            raise MemoryError
        self.use(kernel)

    def __dealloc__(self):
        srp_strings_free(&self.strings)
        PyMem_Free(self.work)
        PyMem_Free(self.out.data)

    @cython.final
    cdef use(self, str kernel):
        cdef uint32_t cpu = sr_cpu()
        cdef const sr_kernel *k
        cdef size_t i = 0
        k = sr_kernel_best(cpu) if kernel == "auto" else sr_kernel_at(0)
        while kernel != "auto" and k != NULL and k.name.decode() != kernel:
            i += 1
            k = sr_kernel_at(i)
        if k == NULL:
            raise ValueError(f"unknown kernel {kernel!r}")
        if k.needs & cpu != k.needs:
            raise ValueError(f"this CPU does not support the kernel {kernel!r}")
        self.k = k
        self.layer = srp_layer_of(k)
        PyMem_Free(self.work)   # it knows the kernel it was made for
        self.work = NULL

    # -- reading: begin, read, end

    cdef inline Work *begin(self, bytes data) except NULL:
        cdef Work *work = self.work
        cdef size_t length = PyBytes_GET_SIZE(data)
        if length <= SMALL and work != NULL:
            self.work = NULL
        else:
            work = self.make_work(data)
        work.base = sr_bom(<const uint8_t *>PyBytes_AS_STRING(data), length)
        work.opened.status = SR_OK
        work.p.src = <const uint8_t *>PyBytes_AS_STRING(data) + work.base
        work.p.len = length - work.base
        return work

    @cython.final
    cdef Work *make_work(self, bytes data) except NULL:
        """Memory for the tape of a payload that is large, or read while another one is."""
        cdef size_t length = PyBytes_GET_SIZE(data), ends = SMALL, rows = SMALL
        if length > SR_READ_LIMIT:
            raise decode_error(REASONS[SR_TOO_LARGE], SR_READ_LIMIT, None, None, [], data)
        if length > SMALL:
            ends = self.k.count(<const uint8_t *>PyBytes_AS_STRING(data), length, &rows)
        cdef size_t room = max(length, <size_t>SMALL)
        cdef size_t size = (sizeof(Work) + (rows + SR_ROW_SLACK) * sizeof(sr_row) + (ends + SR_SLACK + 1) * sizeof(uint32_t)
                            + room + SR_SLACK)
        cdef Work *work = <Work *>PyMem_Malloc(size)
        if work == NULL:
            raise MemoryError
        work.tape.rows = <sr_row *>(work + 1)
        work.tape.ends = <uint32_t *>(work.tape.rows + rows + SR_ROW_SLACK)
        work.p.scratch = <uint8_t *>(work.tape.ends + ends + SR_SLACK + 1)
        work.p.tape = &work.tape
        work.p.strings = &self.strings
        work.p.kernel = self.k
        work.layer = self.layer
        work.room = room
        return work

    cdef inline void end(self, Work *work) noexcept:
        if work.room == SMALL and self.work == NULL:
            self.work = work
        else:
            PyMem_Free(work)

    cdef inline int read(self, Work *work, bytes data, bint strict) except -1:
        """Fills the tape; raises what is wrong with the payload."""
        cdef bint sure = sr_read(work.p.kernel, work.p.src, work.p.len, &work.tape)
        if not sure or work.tape.flags & SR_BAD_UTF8:
            self.read_exact(work, data, strict)
        return 0

    @cython.final
    cdef sr_fault exact(self, Work *work) except *:
        cdef uint8_t *marks = <uint8_t *>PyMem_Malloc(work.p.len + 2)
        if marks == NULL:
            raise MemoryError
        cdef sr_fault fault = sr_read_exact(work.p.src, work.p.len, &work.tape, marks)
        PyMem_Free(marks)
        work.opened = fault
        return fault

    @cython.final
    cdef int read_exact(self, Work *work, bytes data, bint strict) except -1:
        """A payload in which the fast scan has doubts or faults."""
        cdef sr_fault fault
        cdef sr_walk walk
        if work.tape.flags & SR_BAD_UTF8:
            self.fail(work, data, self.invalid_utf8(work, sr_utf8_valid(work.p.src, work.p.len)))
        fault = self.exact(work)
        if not fault.status and strict:
            memset(&walk, 0, sizeof(walk))
            fault = sr_next_fault(work.p.src, work.p.len, &work.tape, &walk)
        if fault.status:
            self.fail(work, data, fault)
        return 0

    @cython.final
    cdef sr_fault invalid_utf8(self, Work *work, size_t valid) except *:
        """The valid text before the bad bytes, read alone, says where the error is; the tape holds that text."""
        cdef sr_fault fault
        cdef const sr_row *row
        memset(&fault, 0, sizeof(fault))
        work.p.len = valid
        if not sr_read(self.k, work.p.src, valid, &work.tape):
            fault = self.exact(work)
        if not fault.status:
            fault.row = work.tape.n_rows
            if work.tape.rows[fault.row].start > valid:   # the last row has no row end
                fault.row -= 1
                row = &work.tape.rows[fault.row]
                fault.field = row[1].first - row.first - 1
        fault.status = SR_INVALID_UTF8
        fault.pos = valid
        return fault

    @cython.final
    cdef int fail(self, Work *work, bytes data, sr_fault fault) except -1:
        rows = work.layer.rows(&work.p, fault.row)
        raise decode_error(REASONS[fault.status], fault.pos + work.base, fault.row, fault.field, rows, data)

    cdef inline sr_ends lone(self, bytes data) noexcept:   # C alone: nothing here can raise
        return self.k.lone(<const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))

    cdef inline lone_row(self, bytes data, sr_ends ends):
        return self.layer.lone_row(&self.strings, self.k, <const uint8_t *>PyBytes_AS_STRING(data), ends, NULL)

    # -- writing: take, give

    cdef inline int take(self, srp_buffer *out) except -1:
        out[0] = self.out
        out.len = 0
        if out.data == NULL:
            out.size = OUT
            out.data = <uint8_t *>PyMem_Malloc(OUT)
            if out.data == NULL:
                raise MemoryError
        self.out.data = NULL
        return 0

    cdef inline void give(self, srp_buffer *out) noexcept:
        if self.out.data == NULL:
            self.out = out[0]
            self.shrink()
        else:
            PyMem_Free(out.data)

    cdef inline void shrink(self) noexcept:
        """A buffer that has grown for one long payload is not kept."""
        if self.out.size > 4 * OUT:
            PyMem_Free(self.out.data)
            self.out.data = NULL


cdef Workspace default_engine   # of what is made without one; the end of core.pyx sets it


# ---- reading: what the functions share ------------------------------------------------------------------------------

cdef inline rows_of(Work *work):
    """All rows. The collector would only walk what is being made, so it waits for the end of a long payload."""
    cdef bint paused
    if work.tape.n_rows < PAUSE:
        return work.layer.rows(&work.p, work.tape.n_rows)
    paused = PyGC_Disable()
    try:
        return work.layer.rows(&work.p, work.tape.n_rows)
    finally:
        if paused:
            PyGC_Enable()


cdef int check_size(bytes data, limit) except -1:
    cdef Py_ssize_t most = limit_of(limit)
    if PyBytes_GET_SIZE(data) > most:
        raise decode_error(REASONS[SR_TOO_LARGE], most, None, None, [], data)
    return 0


cdef not_one_row(Work *work, bytes data, rows):
    if not rows:
        return decode_error("not_one_row", len(data), 0, None, [], data)
    return decode_error("not_one_row", work.base + work.tape.rows[1].start, 1, None, rows[:1], data)


cdef decode_bytes(Workspace engine, bytes data, bint strict):
    cdef Work *work
    cdef sr_ends ends = engine.lone(data)
    if ends.low | ends.high:
        row = engine.lone_row(data, ends)
        PyObject_GC_UnTrack(row)
        return [row]
    if PyBytes_GET_SIZE(data) == 0:
        return []
    work = engine.begin(data)
    try:
        engine.read(work, data, strict)
        return rows_of(work)
    finally:
        engine.end(work)


cdef decode_one(Workspace engine, bytes data, bint strict):
    cdef Work *work
    cdef sr_ends ends = engine.lone(data)
    if ends.low | ends.high:
        return engine.lone_row(data, ends)
    work = engine.begin(data)
    try:
        engine.read(work, data, strict)
        if work.tape.n_rows != 1:
            raise not_one_row(work, data, rows_of(work))
        return work.layer.row(&work.p, 0, NULL)
    finally:
        engine.end(work)


cdef size_t row_end(const srp_payload *p, size_t r) noexcept:
    cdef const sr_row *row = &p.tape.rows[r]
    cdef size_t last = row[1].first - 1
    return srp_field_end(p, last, srp_field_start(p, last, row))


cdef bytes raw_row(const srp_payload *p, size_t r):
    cdef size_t start = p.tape.rows[r].start
    return PyBytes_FromStringAndSize(<const char *>p.src + start, row_end(p, r) - start)


cdef size_t behind_first_field(Work *work) noexcept:
    """Where the text goes on behind its first field; a blank row, which the tape leaves out, is one too."""
    if work.tape.n_rows and work.tape.rows[0].start == 0:
        return work.tape.ends[0] + <size_t>1
    return 1 if work.p.src[0] == SR_ROW_END else 2


# ---- lazy rows ------------------------------------------------------------------------------------------------------------

@cython.final
@cython.no_gc
@cython.freelist(16)
@cython.collection_type("sequence")
cdef class LazyRows:
    """The rows of a payload, made by `scan`: a sequence of `LazyRow`; a slice is a list of them."""
    cdef Workspace engine
    cdef bytes data
    cdef srp_payload p
    cdef sr_tape tape
    cdef size_t base
    cdef bytes memory          # where the tape stands when it does not fit here
    cdef uint32_t ends[INLINE_ENDS]
    cdef sr_row rows[INLINE_ROWS]

    def __init__(self, *_, **__):
        raise TypeError("lazy rows are made by smartrest.scan")

    def __len__(self):
        return self.tape.n_rows

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [lazy_row(self, j) for j in range(*index.indices(self.tape.n_rows))]
        return lazy_row(self, index_of(index, self.tape.n_rows, "row"))

    def __iter__(self):
        cdef LazyIterator iterator = LazyIterator.__new__(LazyIterator)
        iterator.rows = self
        return iterator

    def __contains__(self, value):
        return any(row is value or row == value for row in self)

    def __reversed__(self):
        return reversed(self[:])

    def index(self, value, start=0, stop=None):
        return self[:].index(value, start, len(self) if stop is None else stop)

    def count(self, value):
        return self[:].count(value)

    def __repr__(self):
        return f"<LazyRows of {self.tape.n_rows} rows>"

    def __reduce__(self):
        raise TypeError("a lazy view is not pickled; pickle its payload")

    cdef tuple row(self, size_t r):
        return self.with_scratch(r, 0, True)

    cdef uint8_t *scratch(self, size_t r) except? NULL:
        """Room for the longest field of a row, where a field may have to be unescaped; PyMem_Free it."""
        cdef uint8_t *room = NULL
        if self.tape.flags & SR_HAS_QUOTE:
            room = <uint8_t *>PyMem_Malloc(row_end(&self.p, r) - self.tape.rows[r].start + SR_SLACK)
            if room == NULL:
                raise MemoryError
        return room

    cdef with_scratch(self, size_t r, size_t f, bint whole):
        """A row or a field of it as str."""
        cdef srp_payload p = self.p
        cdef uint8_t *scratch = self.scratch(r)
        p.scratch = scratch
        p.tape = &self.tape
        try:
            if whole:
                return self.engine.layer.row(&p, r, NULL)
            return self.engine.layer.field(&p, f, &self.tape.rows[r])
        finally:
            PyMem_Free(scratch)


@cython.final
@cython.no_gc
@cython.freelist(4)
@cython.auto_pickle(False)
cdef class LazyIterator:
    cdef LazyRows rows
    cdef size_t next

    def __init__(self, *_, **__):
        raise TypeError("iterate over what smartrest.scan returns")

    def __iter__(self):
        return self

    def __next__(self):
        cdef size_t r = self.next
        if self.rows is None or r >= self.rows.tape.n_rows:
            raise StopIteration
        self.next = r + 1
        return lazy_row(self.rows, r)


cdef inline LazyRows new_lazy_rows(Workspace engine, bytes data):
    """Rows still to be found, on a tape that has room here for a few of them."""
    cdef LazyRows rows = LazyRows.__new__(LazyRows)
    rows.engine = engine
    rows.data = data
    rows.p.strings = &engine.strings
    rows.p.kernel = engine.k
    rows.p.src = <const uint8_t *>PyBytes_AS_STRING(data)
    rows.p.len = PyBytes_GET_SIZE(data)
    rows.p.tape = &rows.tape
    rows.tape.ends = rows.ends
    rows.tape.rows = rows.rows
    return rows


cdef LazyRows _spare   # of one engine, for a short payload: used again when nothing else refers to it

cdef inline LazyRows spare_rows(Workspace engine, bytes data):
    if engine is not _spare.engine or Py_REFCNT(<PyObject *>_spare) > 1:
        return new_lazy_rows(engine, data)
    _spare.data = data
    _spare.p.kernel = engine.k
    _spare.p.src = <const uint8_t *>PyBytes_AS_STRING(data)
    _spare.p.len = PyBytes_GET_SIZE(data)
    return _spare


cdef LazyRows lazy_rows(LazyRows rows, Work *work):
    """The rows that have been read."""
    cdef size_t n_ends = work.tape.n_ends, n_rows = work.tape.n_rows + 1
    cdef sr_tape here = rows.tape
    rows.p.src = work.p.src
    rows.p.len = work.p.len
    rows.base = work.base
    rows.tape = work.tape
    rows.tape.ends = here.ends
    rows.tape.rows = here.rows
    if n_ends > INLINE_ENDS or n_rows > INLINE_ROWS:
        rows.memory = PyBytes_FromStringAndSize(NULL, n_ends * sizeof(uint32_t) + n_rows * sizeof(sr_row))
        rows.tape.rows = <sr_row *>PyBytes_AS_STRING(rows.memory)
        rows.tape.ends = <uint32_t *>(rows.tape.rows + n_rows)
    memcpy(rows.tape.rows, work.tape.rows, n_rows * sizeof(sr_row))
    memcpy(rows.tape.ends, work.tape.ends, n_ends * sizeof(uint32_t))
    return rows


cdef scan_bytes(Workspace engine, bytes data, bint strict):
    cdef sr_ends ends = engine.lone(data)
    cdef LazyRows rows
    cdef Work *work
    if ends.low | ends.high:
        rows = spare_rows(engine, data)
        if sr_lone_tape(ends, INLINE_ENDS, &rows.tape):
            return rows
    work = engine.begin(data)
    try:
        engine.read(work, data, strict)
        return lazy_rows(new_lazy_rows(engine, data), work)
    finally:
        engine.end(work)


cdef inline LazyRow lazy_row(LazyRows rows, size_t r):
    cdef LazyRow row = LazyRow.__new__(LazyRow)
    row.rows = rows
    row.r = r
    return row


@cython.final
@cython.no_gc
@cython.freelist(64)
@cython.collection_type("sequence")
cdef class LazyRow:
    """A row of a scanned payload: a sequence of `str`; a slice is a tuple of them. It compares and hashes as its tuple.

    Touching it raises nothing but `IndexError`, and `DecodeError` with reason `bad_value` from `float` and `int`.
    """
    cdef LazyRows rows
    cdef size_t r

    def __init__(self, *_, **__):
        raise TypeError("lazy rows are made by smartrest.scan")

    def __len__(self):
        cdef const sr_row *row = &self.rows.tape.rows[self.r]
        return row[1].first - row.first

    cdef inline size_t at(self, k) except? 0:
        """The index in the tape of field k."""
        cdef const sr_row *row = &self.rows.tape.rows[self.r]
        return row.first + <size_t>index_of(k, row[1].first - row.first, "field")

    def __getitem__(self, k):
        if isinstance(k, slice):
            return self.rows.row(self.r)[k]
        return self.text(self.at(k))

    cdef inline text(self, size_t f):
        if self.rows.tape.flags & SR_HAS_QUOTE:
            return self.rows.with_scratch(self.r, f, False)
        return self.rows.engine.layer.field(&self.rows.p, f, &self.rows.tape.rows[self.r])

    def __iter__(self):
        return iter(self.rows.row(self.r))

    def __contains__(self, value):
        return value in self.rows.row(self.r)

    def __reversed__(self):
        return reversed(self.rows.row(self.r))

    def index(self, value, start=0, stop=None):
        return self.rows.row(self.r).index(value, start, len(self) if stop is None else stop)

    def count(self, value):
        return self.rows.row(self.r).count(value)

    def __eq__(self, other):
        fields = fields_to_compare(other)
        return NotImplemented if fields is None else self.rows.row(self.r) == fields

    def __lt__(self, other):
        fields = fields_to_compare(other)
        return NotImplemented if fields is None else self.rows.row(self.r) < fields

    def __le__(self, other):
        fields = fields_to_compare(other)
        return NotImplemented if fields is None else self.rows.row(self.r) <= fields

    def __gt__(self, other):
        fields = fields_to_compare(other)
        return NotImplemented if fields is None else self.rows.row(self.r) > fields

    def __ge__(self, other):
        fields = fields_to_compare(other)
        return NotImplemented if fields is None else self.rows.row(self.r) >= fields

    def __hash__(self):
        return hash(self.rows.row(self.r))

    def __repr__(self):
        return f"LazyRow({self.rows.row(self.r)!r})"

    def __reduce__(self):
        raise TypeError("a lazy view is not pickled; pickle its fields")

    @property
    def id(self):
        """The template ID: the first field."""
        return self.text(self.rows.tape.rows[self.r].first)

    @property
    def fields(self):
        """All fields, as `decode` gives them."""
        return self.rows.row(self.r)

    @property
    def raw(self):
        """The row as it stands in the payload, without its row end."""
        return raw_row(&self.rows.p, self.r)

    @property
    def start(self):
        """Offset of the row's first byte in the payload."""
        return self.rows.base + self.rows.tape.rows[self.r].start

    @property
    def end(self):
        """Offset behind the row's last byte in the payload, before the row end."""
        return self.rows.base + row_end(&self.rows.p, self.r)

    def float(self, k):
        """Field `k` as a `float`, decimal or exponent form; `None` where it is empty.

        Raises `DecodeError` with reason `bad_value` for any other text, `IndexError` where there is no such field.
        """
        return self.typed(self.at(k), SRP_FLOAT)

    def int(self, k):
        """Field `k` as an `int` of at most 4,300 digits; `None` where it is empty.

        Raises `DecodeError` with reason `bad_value` for any other text, `IndexError` where there is no such field.
        """
        return self.typed(self.at(k), SRP_INT)

    cdef typed(self, size_t f, uint8_t kind):
        cdef bint fits
        cdef const uint8_t *src
        cdef size_t length
        cdef LazyRows rows = self.rows
        cdef uint8_t *scratch
        cdef srp_payload p
        if rows.tape.flags & SR_HAS_QUOTE:
            p = rows.p
            p.scratch = scratch = rows.scratch(self.r)
            try:
                src = srp_field_bytes(&p, f, &rows.tape.rows[self.r], &length)
                value = srp_typed(src, length, kind, &fits)
            finally:
                PyMem_Free(scratch)
        else:
            src = srp_field_bytes(&rows.p, f, &rows.tape.rows[self.r], &length)
            value = srp_typed(src, length, kind, &fits)
        if fits:
            return value
        raise bad_value(&rows.p, rows.base, self.r, f, rows_before(rows, self.r), rows.data)


cdef rows_before(LazyRows rows, size_t r):
    """What makes the rows before row r."""
    return lambda: [rows.row(i) for i in range(r)]


cdef inline tuple fields_to_compare(other):
    """The fields of what a row compares with, or None."""
    if type(other) is LazyRow:
        return (<LazyRow>other).rows.row((<LazyRow>other).r)
    return tuple(other) if PyTuple_Check(other) else None


cdef span_of(Work *work, sr_fault fault):
    return REASONS[fault.status], fault.pos + work.base, fault.end + work.base, fault.row, fault.field


cdef field_span(LazyRows rows, size_t r, field):
    """The byte span of a field, or of the row where `field` is None."""
    cdef LazyRow row = lazy_row(rows, r)
    cdef size_t f, start
    if field is None:
        return row.start, row.end
    f = row.at(field)
    start = srp_field_start(&rows.p, f, &rows.tape.rows[r])
    return rows.base + start, rows.base + srp_field_end(&rows.p, f, start)


# ---- typed rows ---------------------------------------------------------------------------------------------------------

cdef bad_value(const srp_payload *p, size_t base, size_t r, size_t f, rows, bytes data):
    cdef const sr_row *row = &p.tape.rows[r]
    return decode_error("bad_value", base + srp_field_start(p, f, row), r, f - row.first, rows, data)


@cython.final
cdef class Schema:
    """The types of fields by template ID: `Schema({"211": [float], "201": [str, datetime, (str, str, float, str)]})`.

    The list names the types of the fields behind the ID: `int`, `float`, `bool`, `datetime`, `str`. A tuple of types in
    last place repeats to the end of the row. Fields beyond the list and rows of other IDs stay `str`; an empty field is
    `None`, under `str` it is `""`.

    Texts: `int` `[+-]?[0-9]+`, at most 4,300 digits; `float` decimal or exponent form, finite; `bool` `true` or
    `false`; `datetime` ISO 8601 (`T` and `Z` in either case, seconds optional) with `Z`, `+hh:mm`, `+hhmm` or `+hh`,
    digits past microseconds cut.

    Raises `TypeError` for an ID that is no `str` and for a type that is none of these.
    """
    cdef Workspace engine
    cdef dict types
    cdef dict plan_of          # template ID -> index of its plan
    cdef bint texts            # an ID is no small number
    cdef list memory           # what the plans point into
    cdef srp_plan *plans
    cdef srp_plans table

    def __cinit__(self):
        self.engine = default_engine
        self.types = {}
        self.plan_of = {}
        self.memory = []
        memset(&self.table, 0, sizeof(self.table))

    def __init__(self, types):
        cdef Py_ssize_t index = 0
        if self.plans != NULL:
            raise TypeError("a schema is made once")
        self.types = dict(types)
        plans = _kinds.kinds_of(self.types)
        self.plans = <srp_plan *>PyMem_Malloc(sizeof(srp_plan) * (len(plans) + 1))
        if self.plans == NULL:
            raise MemoryError
        for id, (fixed, cycle) in plans.items():
            if _kinds.DATETIME in fixed or _kinds.DATETIME in cycle:
                srp_times_init()
            self.add(index, id, fixed, cycle)
            index += 1

    cdef add(self, Py_ssize_t index, str id, bytes fixed, bytes cycle):
        cdef bytes name = str.encode(id, "utf-8", "surrogatepass")
        cdef int number = sr_template_number(<const uint8_t *>PyBytes_AS_STRING(name), len(name))
        self.memory += (fixed, cycle)
        self.plans[index].fixed = <const uint8_t *>PyBytes_AS_STRING(fixed)
        self.plans[index].n_fixed = len(fixed)
        self.plans[index].cycle = <const uint8_t *>PyBytes_AS_STRING(cycle)
        self.plans[index].n_cycle = len(cycle)
        self.plan_of[id] = index
        if number >= 0:
            self.table.of[number] = &self.plans[index]
        else:
            self.texts = True

    def __dealloc__(self):
        PyMem_Free(self.plans)

    def __repr__(self):
        return f"Schema({self.types!r})"

    def __reduce__(self):
        return Schema, (self.types,)

    cdef inline const srp_plan *plan(self, const srp_payload *p, size_t r) except? NULL:
        cdef const sr_row *row = &p.tape.rows[r]
        cdef int number = srp_row_number(p, row)
        if number >= 0:
            return self.table.of[number]
        if not self.texts and plain_id(p, row):
            return NULL
        found = self.plan_of.get(self.engine.layer.field(p, row.first, row))
        return NULL if found is None else &self.plans[<Py_ssize_t>found]

    cdef inline only_row(self, Work *work, bytes data):
        cdef const srp_plan *plan = self.plan(&work.p, 0)
        cdef size_t bad = 0
        if plan == NULL:
            return work.layer.row(&work.p, 0, NULL)
        values = work.layer.typed_row(&work.p, 0, plan, &bad)
        if values is None:
            raise bad_value(&work.p, work.base, 0, bad, [], data)
        return values

    cdef inline lone_row(self, bytes data, sr_ends ends):
        """A lone row; None where its ID is no small number of this schema, or a field does not fit."""
        cdef const uint8_t *src = <const uint8_t *>PyBytes_AS_STRING(data)
        cdef int number = srp_lone_number(src, ends)
        if number < 0 or self.table.of[number] == NULL:
            return None
        return self.engine.layer.lone_typed_row(&self.engine.strings, self.engine.k, src, ends, self.table.of[number])

    def decode(self, payload, *, strict=False, limit=None):
        """As `smartrest.decode`, with typed fields.

        Raises `DecodeError`: what `decode` raises for the payload; then `bad_value` for the first field whose text does
        not fit its type, with the typed rows before it in `rows`.
        """
        cdef bytes data = <bytes>payload if type(payload) is bytes else bytes_of(payload)
        cdef Work *work
        if limit is not None:
            check_size(data, limit)
        work = self.engine.begin(data)
        try:
            self.engine.read(work, data, truth(strict))
            return self.typed_rows(work, data)
        finally:
            self.engine.end(work)

    cdef typed_rows(self, Work *work, bytes data):
        """All rows. Until all are there the collector does not see the list, and no Python code runs."""
        cdef size_t r, bad = 0, n = work.tape.n_rows
        cdef list rows = PyList_New(n)
        cdef bint paused = n >= PAUSE and PyGC_Disable()
        PyObject_GC_UnTrack(rows)
        try:
            r = self.fill(work, rows, &bad)
        finally:
            if paused:
                PyGC_Enable()
        PyObject_GC_Track(rows)
        if r < n:
            raise bad_value(&work.p, work.base, r, bad, rows[:r], data)
        return rows

    cdef size_t fill(self, Work *work, list rows, size_t *bad) except? <size_t>-1:
        """Rows up to one that does not fit; its bad field. The others are then None."""
        cdef const srp_plan *plan
        cdef size_t r = work.layer.typed_rows(&work.p, 0, &self.table, rows), i
        while r < work.tape.n_rows:
            plan = self.plan(&work.p, r)
            row = work.layer.row(&work.p, r, NULL) if plan == NULL else work.layer.typed_row(&work.p, r, plan, bad)
            if row is None:
                for i in range(r, work.tape.n_rows):
                    Py_INCREF(None)
                    PyList_SET_ITEM(rows, i, None)
                return r
            PyObject_GC_UnTrack(row)
            Py_INCREF(row)
            PyList_SET_ITEM(rows, r, row)
            r = work.layer.typed_rows(&work.p, r + 1, &self.table, rows)
        return r

    def decode_row(self, payload, *, strict=False):
        """As `smartrest.decode_row`, with typed fields. Raises `DecodeError` as `decode` of this schema does."""
        cdef bytes data = <bytes>payload if type(payload) is bytes else bytes_of(payload)
        cdef bint exact = truth(strict)
        cdef sr_ends ends = self.engine.lone(data)
        cdef Work *work
        if ends.low | ends.high:
            row = self.lone_row(data, ends)
            if row is not None:
                return row
        work = self.engine.begin(data)
        try:
            self.engine.read(work, data, exact)
            if work.tape.n_rows != 1:
                raise not_one_row(work, data, rows_of(work))
            return self.only_row(work, data)
        finally:
            self.engine.end(work)


cdef inline bint plain_id(const srp_payload *p, const sr_row *row) noexcept:
    """Whether a template ID is as it stands: not quoted, and surely no blanks before a quote."""
    return p.tape.reading == SR_GREEDY and (row.start == p.len or p.src[row.start] != SR_QUOTE)


# ---- writing: what the methods above share -------------------------------------------------------------------------------

cdef inline int put_byte(srp_buffer *out, uint8_t byte) except -1:
    if out.len == out.size and srp_reserve(out, 1):
        raise MemoryError
    out.data[out.len] = byte
    out.len += 1
    return 0


cdef inline int put_bytes(srp_buffer *out, bytes text) except -1:
    if srp_put_bytes(out, text):
        raise MemoryError
    return 0


cdef inline int put_row(Workspace engine, srp_buffer *out, sr_style style, row, Py_ssize_t index) except -1:
    cdef Py_ssize_t field
    cdef int status
    status = engine.layer.put_row(out, engine.k, style, row, &field)
    if status == SR_OK:
        return 0
    if status != SRP_SLOW:
        refuse(status, row[field] if status != SR_EMPTY_ROW else None, index, field)
    put_slowly(engine, out, style, fields_of(row, index), index)
    return 0


cdef int put_next(Workspace engine, srp_buffer *out, sr_style style, row, Py_ssize_t index, Py_ssize_t most, bint newline) except -1:
    """A row behind those before it, with which the payload may have `most` bytes."""
    if index:
        put_byte(out, SR_ROW_END)
    put_row(engine, out, style, row, index)
    if <Py_ssize_t>out.len + newline > most:
        raise too_large_error(most, index, out.len + newline)
    return 0


cdef int put_slowly(Workspace engine, srp_buffer *out, sr_style style, tuple fields, Py_ssize_t index) except -1:
    """A row with values whose text takes Python code, which could change the row: `fields` is a copy."""
    cdef size_t start = out.len
    cdef Py_ssize_t i = 0
    for value in fields:
        if i:
            put_byte(out, SR_SEPARATOR)
        put_field(engine, out, style, value, index, i)
        i += 1
    if out.len == start and srp_put_empty_row(out):
        raise MemoryError
    return 0


cdef int put_field(Workspace engine, srp_buffer *out, sr_style style, value, index, field) except -1:
    cdef int status = engine.layer.put_value(out, engine.k, style, value)
    if status == SRP_SLOW:
        value = srp_call(_values.text_of, value, index, <PyObject *>field)
        status = engine.layer.put_value(out, engine.k, style, value)
    if status != SR_OK:
        refuse(status, value, index, field)
    return 0


cdef int refuse(int status, value, index, field) except -1:
    if status == SRP_NO_MEMORY:
        raise MemoryError
    if status == SR_EMPTY_ROW:
        raise encode_error("empty_row", index, None)
    raise encode_error(REASONS[status], index, field, excerpt(str.__str__(value)))


cdef tuple fields_of(row, index):
    """The fields of a row, which later changes of the row do not reach."""
    cdef tuple fields
    if PyTuple_Check(row):
        fields = PyTuple_GetSlice(row, 0, PyTuple_GET_SIZE(row))
    elif PyList_Check(row):
        fields = PyList_AsTuple(row)
    elif type(row) is LazyRow:
        fields = (<LazyRow>row).fields
    elif issubclass(type(row), _Sequence) and not PyUnicode_Check(row) and not PyObject_CheckBuffer(row):
        fields = tuple(row)
    else:
        raise encode_error("bad_row", index, None, _values.row_refusal(row))
    if not fields:
        raise encode_error("empty_row", index, None)
    return fields


cdef bytes utf8(text, index, field):
    cdef bytes data = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass")
    if sr_utf8_valid(<const uint8_t *>PyBytes_AS_STRING(data), len(data)) < <size_t>len(data):
        raise encode_error("lone_surrogate", index, field, excerpt(str.__str__(text)))
    return data


@cython.final
cdef class Packer:
    """Packs rows that come one by one, as from a queue, into the payloads that `pack` of the same rows gives.

    `limit`: bytes of one payload, `final_newline` included. Options as of `encode`. Threads that share a packer must
    take turns.
    """
    cdef Workspace engine
    cdef sr_style style
    cdef srp_buffer out        # the payload that is being filled
    cdef Py_ssize_t limit, n_rows
    cdef bint newline, running

    def __init__(self, *, limit=16_000, dialect="backslash", quote="minimal", final_newline=False, on_trailing_backslash="allow"):
        cdef sr_style style
        if self.running:
            raise ValueError("this packer is taking a row already")
        style_of(&style, dialect, quote, on_trailing_backslash)
        self.limit = limit_of(limit)
        self.newline = truth(final_newline)
        self.style = style
        self.reset(default_engine)

    cdef int reset(self, Workspace engine) except -1:
        self.engine = engine
        self.n_rows = 0
        self.out.len = 0
        if self.out.data == NULL and srp_reserve(&self.out, SMALL):
            raise MemoryError
        return 0

    def __dealloc__(self):
        PyMem_Free(self.out.data)

    def __repr__(self):
        return f"<Packer of {self.rows} rows, {self.size} bytes>"

    def __reduce__(self):
        raise TypeError("a packer is not pickled; flush it")

    @property
    def rows(self):
        """The number of rows that wait."""
        return self.n_rows

    @property
    def size(self):
        """The bytes of the payload that `flush` would give; 0 where no row waits."""
        return <Py_ssize_t>self.out.len + self.newline if self.n_rows else 0

    cdef int enter(self) except -1:
        if self.engine is None:
            raise TypeError("a packer is made by smartrest.Packer()")
        if self.running:
            raise ValueError("this packer is taking a row already")
        return 0

    def add(self, row):
        """Takes a row. Returns the payload of the rows before it where it does not fit into that any more.

        Raises `EncodeError` for a row or field that cannot be sent, `PayloadTooLargeError` for a row that is over the
        limit by itself; `row` is 0. What waits then stays as it was. `ValueError` where a field value calls back into
        this packer. Rules E1 to E7 and L2 of docs/format.md.
        """
        cdef size_t before, start
        cdef bint done = False
        self.enter()
        before = self.out.len
        payload = None
        self.running = True
        try:
            if self.n_rows:
                put_byte(&self.out, SR_ROW_END)
            start = self.out.len
            put_row(self.engine, &self.out, self.style, row, 0)
            if <Py_ssize_t>(self.out.len - start) + self.newline > self.limit:
                raise too_large_error(self.limit, 0, <Py_ssize_t>(self.out.len - start) + self.newline)
            if <Py_ssize_t>self.out.len + self.newline > self.limit:
                payload = self.cut(before)
            self.n_rows += 1
            done = True
        finally:
            self.running = False
            if not done:
                self.out.len = before
        return payload

    def flush(self):
        """The payload of the rows that wait, which then wait no more; `None` where there are none."""
        self.enter()
        return self.rest()

    cdef rest(self):
        """What waits as a payload, or None."""
        if not self.n_rows:
            return None
        payload = self.payload(self.out.len)
        self.n_rows = 0
        self.out.len = 0
        return payload

    cdef cut(self, size_t before):
        """The payload without its last row, which begins the next one."""
        payload = self.payload(before)
        self.n_rows = 0
        self.out.len -= before + 1
        memmove(self.out.data, self.out.data + before + 1, self.out.len)
        return payload

    cdef payload(self, size_t size):
        cdef bytes payload = PyBytes_FromStringAndSize(NULL, size + self.newline)
        memcpy(PyBytes_AS_STRING(payload), self.out.data, size)
        if self.newline:
            PyBytes_AS_STRING(payload)[size] = SR_ROW_END
        return payload


ctypedef int (*PutItem)(object writer, srp_buffer *out, tuple item, Py_ssize_t row) except -1


cdef int fill_packing(PyObject *packing, PyObject *_, void *__) except -1:
    (<Packing>packing).given = (<Packing>packing).fill((<Packing>packing).packer)
    return 0


cdef int put_packing(PyObject *packing, PyObject *item, void *_) except -1:
    return (<Packing>packing).put(<object>item)


cdef Packing new_packing(Workspace engine, final_newline, limit):
    cdef Packer packer = Packer.__new__(Packer)
    cdef Packing packing = Packing.__new__(Packing)
    packer.limit = limit_of(limit)
    packer.newline = truth(final_newline)
    packer.reset(engine)
    packing.packer = packer
    return packing


@cython.final
@cython.trashcan(True)   # one may be packed by another, to any depth
cdef class Packing:
    """The iterator of `pack` and `Encoder.pack`."""
    cdef Packer packer
    cdef object writer         # of items, by `put_item`; None: they are rows
    cdef PutItem put_item
    cdef object items          # None: nothing comes any more
    cdef object rows           # the same as a list or tuple of rows, read in place from `index` on; or None
    cdef object on_error
    cdef object given          # what `fill` returns
    cdef object error          # raised by the next call
    cdef list parts            # of a row that was split, still to be packed, last first
    cdef dict options          # of encoding, for a row that is split
    cdef Py_ssize_t index
    cdef bint split_groups, running

    def __init__(self, *_, **__):
        raise TypeError("use smartrest.pack")

    cdef open(self, object writer, PutItem put_item, items, on_error):
        _options.check_on_error(on_error)
        self.writer = writer
        self.put_item = put_item
        self.on_error = on_error
        self.items = iter(items)
        if writer is None and (type(items) is list or type(items) is tuple):
            self.rows = items
        self.parts = []

    def __iter__(self):
        return self

    def __reduce__(self):
        raise TypeError("cannot pickle an iterator of payloads")

    def __next__(self):
        if self.running:
            raise ValueError("pack is already running")
        if self.packer is None:
            raise StopIteration
        Py_EnterRecursiveCall(b" in pack")   # the rows may come from another pack
        self.running = True
        try:
            payload = self.next_payload()
        finally:
            Py_LeaveRecursiveCall()
            self.running = False
        if payload is None:
            raise StopIteration
        return payload

    cdef next_payload(self):
        """The next payload, or None. Whatever ends packing waits until what was packed before has been given."""
        cdef Packer packer = self.packer
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        if srp_fails(fill_packing, <PyObject *>self, NULL, NULL):
            error = srp_caught(BaseException)
            self.items = None
            self.parts = []
            payload = packer.rest()
            if payload is None:
                raise error
            self.error = error
            return payload
        payload, self.given = self.given, None
        return packer.rest() if payload is None else payload

    cdef fill(self, Packer packer):
        """The next full payload, or None where nothing comes any more."""
        cdef size_t before
        cdef PyObject *found
        while self.items is not None:
            before = packer.out.len
            item = None
            if self.rows is not None and not self.parts:
                self.index = packer.engine.layer.put_rows(&packer.out, packer.engine.k, packer.style, self.rows, self.index,
                                                          packer.limit - packer.newline)
                packer.n_rows += packer.out.len > before   # how many they are does not matter here
                if self.index >= len(self.rows):
                    self.items = None
                    break
                before = packer.out.len
                item = self.rows[self.index]
                self.index += 1
                if self.put_plain(item, before):
                    return self.cut(before)
            elif not self.parts:
                found = PyIter_Next(self.items)
                if found == NULL:
                    self.items = None
                    break
                item = <object>found
                Py_DECREF(item)   # PyIter_Next has counted it once, the assignment once more
                self.index += 1
                if self.put_plain(item, before):
                    if <Py_ssize_t>packer.out.len + packer.newline > packer.limit:
                        return self.cut(before)
                    continue
            if srp_fails(put_packing, <PyObject *>self, <PyObject *>item, NULL):
                packer.out.len = before
                error = srp_caught(EncodeError)
                if self.on_error is None:
                    raise error
                self.on_error(error)
                continue
            packer.n_rows += 1
            if <Py_ssize_t>packer.out.len + packer.newline > packer.limit:   # the row alone fits, put has seen to that
                return self.cut(before)
        return None

    cdef cut(self, size_t before):
        payload = self.packer.cut(before)
        self.packer.n_rows = 1
        return payload

    cdef inline bint put_plain(self, item, size_t before) except -1:
        """`put` for a row of which nothing can go wrong; False leaves everything as it was."""
        cdef Packer packer = self.packer
        cdef Py_ssize_t field
        if self.writer is not None:
            return False
        if before:
            put_byte(&packer.out, SR_ROW_END)
        cdef size_t start = packer.out.len
        if packer.engine.layer.put_row(&packer.out, packer.engine.k, packer.style, item, &field) == SR_OK:
            if <Py_ssize_t>(packer.out.len - start) + packer.newline <= packer.limit:
                packer.n_rows += 1
                return True
        packer.out.len = before
        return False

    cdef int put(self, item) except -1:
        """Appends an item, or the next part of a row that was split, behind a row end if it is not the first."""
        cdef Packer packer = self.packer
        cdef size_t start
        cdef Py_ssize_t row = self.index - 1
        if packer.out.len:
            put_byte(&packer.out, SR_ROW_END)
        start = packer.out.len
        if self.parts:
            put_bytes(&packer.out, self.parts.pop())
            return 0
        if self.writer is not None:
            self.put_item(self.writer, &packer.out, tuple(item), row)
        else:
            if self.split_groups:
                fields = fields_of(item, row)
                item = tuple([_values.settled(value, row, i) for i, value in enumerate(fields)])
            put_row(packer.engine, &packer.out, packer.style, item, row)
        if <Py_ssize_t>(packer.out.len - start) + packer.newline > packer.limit:
            if not self.split_groups:
                raise too_large_error(packer.limit, row, <Py_ssize_t>(packer.out.len - start) + packer.newline)
            packer.out.len = start
            self.split(item, packer.limit - <Py_ssize_t>start)
            put_bytes(&packer.out, self.parts.pop())
        return 0

    cdef split(self, tuple row, Py_ssize_t room):
        """A row over the limit as several rows, the first of them within the room of the payload begun."""
        from smartrest.templates import divided

        cdef Workspace engine = self.packer.engine
        cdef srp_buffer out
        cdef Py_ssize_t number = self.index - 1
        pieces = divided(row, number, self.packer.limit, room, final_newline=bool(self.packer.newline), **self.options)
        parts = []
        engine.take(&out)
        try:
            for piece in pieces:
                out.len = 0
                put_row(engine, &out, self.packer.style, piece, number)
                parts.append(PyBytes_FromStringAndSize(<const char *>out.data, out.len))
        finally:
            engine.give(&out)
        parts.reverse()
        self.parts = parts


# ---- compiled rows -------------------------------------------------------------------------------------------------------

cdef class Encoder:
    """A row with holes, made by `compile`: `encoder(*values)` is the payload of the filled row.

    `row` is the row it was made of. Can be pickled, and used by threads at the same time.
    """
    cdef Workspace engine
    cdef readonly tuple row
    cdef tuple options
    cdef tuple types           # of the holes
    cdef list memory           # what the holes point into
    cdef srp_hole *holes       # the last one takes no value: it is the constant text behind all others
    cdef Py_ssize_t n_holes, limit
    cdef sr_style style
    cdef bint newline, lone    # lone: the row has one field
    cdef vectorcallfunc vectorcall

    def __cinit__(self, *_, **__):
        self.memory = []
        self.vectorcall = <vectorcallfunc>encoder_call

    def __init__(self, *_, **__):
        raise TypeError("use smartrest.compile")

    def __dealloc__(self):
        PyMem_Free(self.holes)

    @cython.final
    cdef set_before(self, Py_ssize_t n, srp_buffer *out):
        """What has been written is the constant text before hole n."""
        cdef bytes before = PyBytes_FromStringAndSize(<const char *>out.data, out.len) + b"\0" * SRP_PADDING
        self.memory.append(before)
        self.holes[n].before = <const uint8_t *>PyBytes_AS_STRING(before)
        self.holes[n].n_before = out.len
        out.len = 0

    @cython.final
    cdef payload(self, tuple values):
        cdef srp_buffer out
        cdef Workspace engine = self.engine
        engine.take(&out)
        try:
            self.put(&out, values, 0)
            if self.newline:
                put_byte(&out, SR_ROW_END)
            if <Py_ssize_t>out.len > self.limit:
                raise too_large_error(self.limit, 0, out.len)
            return PyBytes_FromStringAndSize(<const char *>out.data, out.len)
        finally:
            engine.give(&out)

    def pack(self, values, *, limit=16_000, on_error=None):
        """The fewest payloads of at most `limit` bytes that carry a row for each of `values`, in order.

        `values` gives the values of one row each (of columns: `zip(*columns)`), and is read as payloads are taken.
        Errors are treated as by `smartrest.pack`; a wrong count of values is `TypeError` and ends packing.
        """
        cdef Packing packing
        self.check()
        packing = new_packing(self.engine, self.newline, limit)
        packing.open(self, put_values, values, on_error)
        return packing

    @cython.final
    cdef int check(self) except -1:
        if self.engine is None:
            raise TypeError("use smartrest.compile")
        return 0

    def __reduce__(self):
        self.check()
        return _rebuild_encoder, (self.row, self.options)

    def __repr__(self):
        return f"compile({self.row!r})"

    @cython.final
    cdef int put(self, srp_buffer *out, tuple values, Py_ssize_t index) except -1:
        cdef Py_ssize_t i
        cdef size_t start = out.len
        cdef int status
        cdef const srp_hole *hole
        if PyTuple_GET_SIZE(values) != self.n_holes:
            raise TypeError(f"expected {self.n_holes} values, one for each hole, not {len(values)}")
        for i in range(self.n_holes):
            hole = &self.holes[i]
            value = values[i]
            if srp_reserve(out, hole.n_before):
                raise MemoryError
            memcpy(out.data + out.len, hole.before, hole.n_before)
            out.len += hole.n_before
            if not srp_fits(hole.kind, value) and not _kinds.fits(self.types[i], value):
                raise encode_error("bad_type", index, hole.field, _kinds.misfit(self.types[i], value))
            status = self.engine.layer.put_value(out, self.engine.k, self.style, value)
            if status != SR_OK:
                put_field(self.engine, out, self.style, value, index, hole.field)
        hole = &self.holes[self.n_holes]
        if srp_reserve(out, hole.n_before):
            raise MemoryError
        memcpy(out.data + out.len, hole.before, hole.n_before)
        out.len += hole.n_before
        if self.lone and out.len == start and srp_put_empty_row(out):
            raise MemoryError
        return 0


cdef int put_values(object encoder, srp_buffer *out, tuple values, Py_ssize_t row) except -1:
    return (<Encoder>encoder).put(out, values, row)


cdef object encoder_call(PyObject *callable, PyObject *const *values, size_t n, PyObject *names):
    """What a call of an encoder does."""
    cdef Encoder self = <Encoder>callable
    cdef srp_buffer *out
    cdef Py_ssize_t i
    self.check()
    out = &self.engine.out
    n &= ~PY_VECTORCALL_ARGUMENTS_OFFSET
    if names == NULL and <Py_ssize_t>n == self.n_holes and out.data != NULL and not self.lone and not self.newline:
        out.len = 0   # no other code runs meanwhile
        if (self.engine.layer.fill(out, self.engine.k, self.style, self.holes, n, values) == SR_OK
                and <Py_ssize_t>out.len <= self.limit):
            payload = PyBytes_FromStringAndSize(<const char *>out.data, out.len)
            self.engine.shrink()
            return payload
    if names != NULL:
        raise TypeError("an encoder takes no keyword arguments")
    return self.payload(tuple([<object>values[i] for i in range(<Py_ssize_t>n)]))


cdef callable_encoder():
    """The type `Encoder` that users see: the one above, with calls."""
    cdef Encoder one = Encoder.__new__(Encoder)
    return srp_callable("smartrest.core.Encoder", Encoder, <char *>&one.vectorcall - <char *><PyObject *>one)


cdef object _encoder = callable_encoder()
globals()["Encoder"] = _encoder


cdef dict HOLES = {
    object: SRP_HOLE_ANY, str: SRP_HOLE_STR, int: SRP_HOLE_INT, float: SRP_HOLE_FLOAT, bool: SRP_HOLE_BOOL,
}


cdef new_encoder(Workspace engine, row, tuple options):
    cdef Encoder encoder = _encoder.__new__(_encoder)
    cdef Py_ssize_t i = 0, n = 0
    cdef srp_buffer out
    dialect, quote, final_newline, on_trailing_backslash, limit = options
    style_of(&encoder.style, dialect, quote, on_trailing_backslash)
    encoder.limit = limit_of(limit)
    encoder.newline = truth(final_newline)
    encoder.options = options
    encoder.row = fields_of(row, 0)
    encoder.lone = len(encoder.row) == 1
    holes = [_kinds.hole_of(field) for field in encoder.row]
    encoder.types = tuple([hole for hole in holes if hole is not None])
    encoder.n_holes = len(encoder.types)
    encoder.holes = <srp_hole *>PyMem_Malloc(sizeof(srp_hole) * (encoder.n_holes + 1))
    if encoder.holes == NULL:
        raise MemoryError
    engine.take(&out)
    try:
        for field, hole in zip(encoder.row, holes):
            if i:
                put_byte(&out, SR_SEPARATOR)
            if hole is not None:
                encoder.holes[n].kind = HOLES.get(hole, SRP_HOLE_OTHER)   # Decimal, datetime: a subclass of that class
                encoder.holes[n].field = i
                encoder.set_before(n, &out)
                n += 1
            else:
                put_field(engine, &out, encoder.style, field, 0, i)
            i += 1
        encoder.set_before(n, &out)
    finally:
        engine.give(&out)
    encoder.engine = engine   # last: without it there is no encoder
    return encoder


def _rebuild_encoder(row, options):
    return new_encoder(default_engine, row, options)


# ---- dispatch ------------------------------------------------------------------------------------------------------------

cdef int read_payload(PyObject *dispatcher, PyObject *data, void *work) except -1:
    return (<Dispatcher>dispatcher).engine.read_exact(<Work *>work, <bytes>data, (<Dispatcher>dispatcher).strict)


@cython.final
@cython.no_gc_clear   # its handlers stay until it is freed
cdef class Handlers:
    """The handlers of a dispatcher as they were at one moment, by template ID."""
    cdef tuple kept            # owns those of the table
    cdef dict by_text
    cdef bint texts            # an ID is no small number
    cdef PyObject *by_number[SR_ID_TABLE]

    def __cinit__(self, *_, **__):
        memset(self.by_number, 0, sizeof(self.by_number))
        self.by_text = {}

    def __init__(self, *_, **__):
        raise TypeError("use smartrest.Dispatcher")

    def __reduce__(self):
        raise TypeError("handlers are not pickled")

    cdef inline PyObject *of(self, Workspace engine, const srp_payload *p, size_t r, fallback) except NULL:
        """The handler of a row, `fallback` where it has none: lent by this object, or by the caller."""
        cdef const sr_row *row = &p.tape.rows[r]
        cdef int number = srp_row_number(p, row)
        if number >= 0:
            return self.by_number[number] if self.by_number[number] != NULL else <PyObject *>fallback
        if self.texts or not plain_id(p, row):
            found = self.by_text.get(engine.layer.field(p, row.first, row), fallback)
            return <PyObject *>found
        return <PyObject *>fallback


cdef Handlers handlers_of(dict handlers):
    cdef Handlers made = Handlers.__new__(Handlers)
    cdef bytes name
    cdef int number
    made.by_text = dict(handlers)
    made.kept = tuple(made.by_text.values())
    for id, handler in made.by_text.items():
        name = str.encode(id, "utf-8", "surrogatepass")
        number = sr_template_number(<const uint8_t *>PyBytes_AS_STRING(name), len(name))
        if number >= 0:
            made.by_number[number] = <PyObject *>handler
        else:
            made.texts = True
    return made


@cython.final
@cython.no_gc_clear   # a handler may still run
cdef class Dispatcher:
    """Calls a handler for each row of a payload by its template ID.

    A handler gets the row as `decode` gives it. Rows without a handler go to the default handler; without one they are
    skipped, and counted in `skipped`. IDs are text: `"511"` and `"0511"` are two. `strict=True` refuses what
    `decode(strict=True)` refuses, for commands that must not run on a guess. Handlers registered while a payload is
    dispatched count from the next one on.
    """
    cdef Workspace engine
    cdef dict handlers
    cdef Handlers known        # as they were at the last payload
    cdef object fallback
    cdef list coroutines       # handlers that are coroutine functions
    cdef bint awaits           # the fallback is one
    cdef bint strict
    cdef list spare            # see `nothing`
    cdef srp_spare_rows rows
    cdef public object skipped
    cdef object __weakref__

    def __cinit__(self, *_, **__):
        self.engine = default_engine
        self.handlers = {}
        self.coroutines = []
        self.spare = [None]
        self.skipped = 0

    def __dealloc__(self):
        srp_forget_rows(&self.rows)

    def __init__(self, *, strict=False):
        self.strict = truth(strict)

    def on(self, *ids):
        """A decorator that registers a handler for the rows of these template IDs and returns it unchanged.

        Raises `TypeError` for an ID that is no `str`, `ValueError` for one that has a handler already.
        """
        return _dispatch.register(self.handlers, self.coroutines, ids)

    def default(self, handler):
        """Registers the handler of all other rows, in place of an earlier one, and returns it unchanged."""
        _dispatch.check_handler(handler)
        self.fallback = handler
        self.awaits = _dispatch.is_coroutine_handler(handler)
        return handler

    cdef inline Handlers current(self):
        if self.known is None or len(self.known.kept) != PyDict_GET_SIZE(self.handlers):
            self.known = handlers_of(self.handlers)
        return self.known

    def dispatch(self, payload):
        """Calls the handlers and returns their results in row order.

        A handler that raises, or a payload that `decode` refuses, does not lose the other rows: they run, then
        `DispatchError` is raised. Raises `TypeError` before anything runs where a handler is a coroutine function.
        """
        cdef bytes data = <bytes>payload if type(payload) is bytes else bytes_of(payload)
        cdef const uint8_t *src
        cdef sr_ends ends
        cdef int number
        cdef Handlers handlers = self.current()
        if self.coroutines or self.awaits:
            _dispatch.refuse_coroutines(self.coroutines, self.fallback)
        ends = self.engine.lone(data)
        if ends.low | ends.high:
            src = <const uint8_t *>PyBytes_AS_STRING(data)
            number = srp_lone_number(src, ends)
            if number >= 0 and handlers.by_number[number] != NULL:
                row = self.engine.layer.lone_row(&self.engine.strings, self.engine.k, src, ends, &self.rows)
                return self.call_one(<object>handlers.by_number[number], row)
            if number >= 0 and self.fallback is None:
                self.skipped += 1
                return []
        return self.call_all(data, handlers)

    cdef inline call_one(self, handler, row):
        cdef PyObject *result = srp_try1(handler, row)
        if result == NULL:
            failure = srp_caught(Exception)   # before any other code runs
            return srp_call(_dispatch.finish, [], [(0, row, failure)], <PyObject *>None)
        if result != <PyObject *>None:
            results = [<object>result]
        else:   # most handlers return nothing
            results = self.nothing()
        Py_DECREF(<object>result)
        srp_let_go(&self.rows, row)
        return results

    cdef inline list nothing(self):
        """The list of one None: the last one again, once nobody else has it."""
        cdef PyObject *spare = <PyObject *>self.spare
        if Py_REFCNT(spare) > 1 or PyList_GET_SIZE(self.spare) != 1 or self.spare[0] is not None:
            self.spare = [None]
        return self.spare

    cdef call_all(self, bytes data, Handlers handlers):
        cdef Work *work
        cdef size_t r, skipped = 0
        cdef Py_ssize_t nothing = 0   # results so far, all of them None: then there is no list yet
        cdef PyObject *handler
        cdef PyObject *result
        cdef list results = None, failures = None
        fallback = self.fallback   # kept: a handler may replace it
        work = self.engine.begin(data)
        try:
            if not sr_read(work.p.kernel, work.p.src, work.p.len, &work.tape) or work.tape.flags & SR_BAD_UTF8:
                cut = self.refused(work, data)
                if cut is not None:
                    return srp_call(_dispatch.run, _dispatch.calls(self, cut.rows, handlers.by_text, fallback), cut, NULL)
            for r in range(work.tape.n_rows):
                handler = handlers.of(self.engine, &work.p, r, fallback)
                if handler == <PyObject *>None:
                    skipped += 1
                    continue
                if skipped:   # a handler may look
                    self.skipped += skipped
                    skipped = 0
                row = work.layer.row(&work.p, r, &self.rows)
                result = srp_try1(<object>handler, row)
                if result == NULL:
                    error = srp_caught(Exception)   # the other rows shall not be lost
                    failure = r, row, error
                    if failures is None:
                        failures = [failure]
                    else:
                        failures.append(failure)
                    continue
                if results is None and result == <PyObject *>None:
                    nothing += 1
                else:
                    if results is None:
                        results = [None] * nothing
                    results.append(<object>result)
                Py_DECREF(<object>result)
                srp_let_go(&self.rows, row)
        finally:
            self.engine.end(work)
        if skipped:
            self.skipped += skipped
        if results is None:
            results = [None] * nothing
        if failures is None:
            return results
        return srp_call(_dispatch.finish, results, failures, <PyObject *>None)

    cdef refused(self, Work *work, bytes data):
        """Reads a payload that the fast scan has doubts about; what is wrong with it, or None."""
        if srp_fails(read_payload, <PyObject *>self, <PyObject *>data, work):
            return srp_caught(DecodeError)
        return None

    @property
    def dispatch_async(self):
        """As `dispatch`, awaiting coroutine handlers one after another."""
        return _dispatch.dispatch_async.__get__(self)

    def _calls(self, payload):
        """What `dispatch.run` takes: the calls, made one by one, and the error that ended reading."""
        cdef Workspace engine = self.engine
        read = lambda payload, strict: decode_bytes(engine, bytes_of(payload), strict)
        rows, error = _dispatch.rows_of(read, payload, bool(self.strict))
        return _dispatch.calls(self, rows, self.current().by_text, self.fallback), error


# ---- the functions ------------------------------------------------------------------------------------------------------

@cython.final
@cython.no_gc
cdef class Engine(Workspace):
    """Everything that `smartrest.core` offers, on one kernel: `Engine("avx2").decode(payload)`.

    Raises `ValueError` for a kernel that is unknown or not supported by this CPU. "auto" is the best one.
    """

    def decode(self, payload, *, strict=False, limit=None):
        """The rows of `payload`, each a tuple of its fields; the first field is the template ID.

        `payload` is `bytes`, `str` or anything else with a contiguous buffer of bytes. With `strict`, a text that is no
        strict text of one dialect is an error, and so are blanks outside the quotes of a quoted field (rules D7, D9).
        `limit`: bytes that the payload may have.

        Raises `DecodeError`, and nothing else for bytes or `str`. Rules D1 to D9 of docs/format.md.
        """
        cdef bytes data = bytes_of(payload)
        if limit is not None:
            check_size(data, limit)
        return decode_bytes(self, data, truth(strict))

    def decode_row(self, payload, *, strict=False):
        """The only row of `payload`, for topics on which a message is one row (`s/dcr`, `s/dat`), and for tests.

        Never for `s/ds`, where the platform sends several rows in one message. Raises `DecodeError` as `decode` does, and
        with reason `not_one_row` where the payload has none or more than one. Rules D1 to D9 of docs/format.md.
        """
        return decode_one(self, bytes_of(payload), truth(strict))

    def split(self, payload):
        """The rows of `payload` as they stand there, still escaped, without row ends, BOM and blank lines.

        Cut where `decode` reads a row end: a line feed inside quotes does not split. Raises `DecodeError` as `decode` does.
        Rules D2, D4, D7 and D10 of docs/format.md.
        """
        cdef bytes data = bytes_of(payload)
        cdef Work *work = self.begin(data)
        cdef size_t r
        try:
            self.read(work, data, False)
            rows = []
            for r in range(work.tape.n_rows):
                rows.append(raw_row(&work.p, r))
            return rows
        finally:
            self.end(work)

    def scan(self, payload, *, strict=False):
        """The rows of `payload` as a lazy sequence: offsets now, text when it is asked for.

        Raises `DecodeError` as `decode` does, here and not later. A `bytes` payload is referenced, a mutable buffer copied.
        Rules D1 to D9 of docs/format.md.
        """
        return scan_bytes(self, bytes_of(payload), truth(strict))

    def check(self, payload, *, topic=None, collections=()):
        """Every fault and doubt of `payload`, in the order of position; none is an empty list.

        Found are what `decode` and what strict reading refuse, and a size over the platform's limit. With a `topic`, also
        what does not fit its templates (`collections`: the `smartrest.templates.Collection`s that it may use). Raises
        nothing for any bytes or `str`. Rules D1 to D9, L1 and L2 of docs/format.md.
        """
        _check.check_limit(topic)   # raises for a topic that cannot be published to
        cdef bytes data = bytes_of(payload)
        cdef Work *work = self.begin(data)
        cdef sr_fault fault
        cdef sr_walk walk
        cdef size_t valid = work.p.len
        faults = []
        rows = None
        try:
            valid = sr_utf8_valid(work.p.src, valid)
            if valid < work.p.len:
                fault = self.invalid_utf8(work, valid)
                fault.end = fault.pos + <size_t>_check.bad_length(data, fault.pos + work.base)
                faults.append(span_of(work, fault))
            elif not sr_read(self.k, work.p.src, valid, &work.tape):
                self.exact(work)
            if work.opened.status:
                faults.append(span_of(work, work.opened))
                work.tape.n_rows += 1
            if not faults:
                rows = lazy_rows(new_lazy_rows(self, data), work)
            memset(&walk, 0, sizeof(walk))
            while True:
                fault = sr_next_fault(work.p.src, valid, &work.tape, &walk)
                if not fault.status:
                    break
                faults.append(span_of(work, fault))
        finally:
            self.end(work)
        decoded = [] if rows is None else [row.fields for row in rows]
        return _check.findings(len(data), faults, decoded, lambda row, field: field_span(rows, row, field), topic, collections)

    def unescape(self, field):
        """The value of one field in its wire form, the inverse of `escape`.

        Raises `DecodeError`: reasons `invalid_utf8`, `unterminated_quote`, and `not_one_field` where a separator or a row
        end stands outside quotes. A U+FEFF is data. Rules D5 to D8 of docs/format.md.
        """
        cdef bytes data = bytes_of(field)
        cdef Work *work = self.begin(data)
        cdef sr_fault fault
        cdef size_t valid, after
        try:
            work.p.src -= work.base        # a BOM is data here
            work.p.len += work.base
            work.base = 0
            valid = sr_utf8_valid(work.p.src, work.p.len)
            if valid < work.p.len:
                raise decode_error("invalid_utf8", valid, 0, 0, [], data)
            if not sr_read(self.k, work.p.src, work.p.len, &work.tape):
                fault = self.exact(work)
                if fault.status:
                    raise decode_error(REASONS[fault.status], fault.pos, 0, 0, [], data)
            if work.p.len == 0:
                return ""
            after = behind_first_field(work)
            if after <= work.p.len:
                raise decode_error("not_one_field", after, 0, 1, [], data)
            return work.layer.field(&work.p, 0, &work.tape.rows[0])
        finally:
            self.end(work)

    def engine(self):
        """The engine that runs here: `"core:"` and the kernel, such as `"core:avx512"`, or `"pure"`."""
        return "core:" + self.k.name.decode()

    def encode(self, rows, *, dialect="backslash", quote="minimal", final_newline=False, on_trailing_backslash="allow", limit=16_000):
        """One payload of all `rows`; no rows give `b""`.

        A row is a tuple, list or other sequence of fields, template ID first. A field is `str`, `int`, finite `float` or
        `Decimal`, `bool`, `None` (empty), an aware `datetime`, or an integer by `__index__`.

        `dialect` escapes a quote as `\\"` ("backslash", what the platform documents) or `""` ("double", what readers of CSV
        know). `quote="all"` quotes every field. `on_trailing_backslash="error"` refuses a quoted field that ends with a
        backslash, which simple readers misread. `limit`: bytes that the payload may have, `final_newline` included.

        Raises `EncodeError` for a row or field that cannot be sent, `PayloadTooLargeError` over `limit`. Rules E1 to E7 of
        docs/format.md.
        """
        cdef sr_style style
        cdef srp_buffer out
        cdef Py_ssize_t most = limit_of(limit), index = 0
        cdef bint newline = truth(final_newline)
        style_of(&style, dialect, quote, on_trailing_backslash)
        self.take(&out)
        try:
            if type(rows) is list or type(rows) is tuple:
                index = self.layer.put_rows(&out, self.k, style, rows, 0, most - newline)
                while index < len(rows):
                    put_next(self, &out, style, rows[index], index, most, newline)
                    index = self.layer.put_rows(&out, self.k, style, rows, index + 1, most - newline)
            else:
                for row in rows:
                    put_next(self, &out, style, row, index, most, newline)
                    index += 1
            if newline and index:
                put_byte(&out, SR_ROW_END)
            return PyBytes_FromStringAndSize(<const char *>out.data, out.len)
        finally:
            self.give(&out)

    def encode_row(self, row, *, dialect="backslash", quote="minimal", final_newline=False, on_trailing_backslash="allow", limit=16_000):
        """One payload of one row: `encode([row], …)` for the path of every message.

        Raises `EncodeError` for a row or field that cannot be sent, `PayloadTooLargeError` over `limit`; `row` is 0. Rules
        E1 to E7 of docs/format.md.
        """
        cdef sr_style style
        cdef srp_buffer out
        cdef Py_ssize_t most
        cdef bint newline
        style_of(&style, dialect, quote, on_trailing_backslash)
        most = limit_of(limit)
        newline = truth(final_newline)
        self.take(&out)
        try:
            put_row(self, &out, style, row, 0)
            if newline:
                put_byte(&out, SR_ROW_END)
            if <Py_ssize_t>out.len > most:
                raise too_large_error(most, 0, out.len)
            return PyBytes_FromStringAndSize(<const char *>out.data, out.len)
        finally:
            self.give(&out)

    def pack(self, rows, *, limit=16_000, on_error=None, split_groups=False, dialect="backslash", quote="minimal", final_newline=False, on_trailing_backslash="allow"):
        """The fewest payloads of at most `limit` bytes that carry `rows` in order. `rows` is read as payloads are taken.

        A row that cannot be sent is left out and its error given to `on_error`. Whatever ends packing (such an error
        without `on_error`, or what `rows`, a field value or `on_error` raises), the rows packed before are yielded first.
        `split_groups` sends a row over `limit` as several rows that mean the same, where its template allows that
        (`smartrest.templates.split_groups`). Other options as of `encode`.

        Raises `EncodeError` for a row or field that cannot be sent, `PayloadTooLargeError` for a row over `limit`; `row`
        counts all rows of the input. Rules E1 to E7 and L2 of docs/format.md.
        """
        cdef Packing packing = new_packing(self, final_newline, limit)
        style_of(&packing.packer.style, dialect, quote, on_trailing_backslash)
        packing.open(None, NULL, rows, on_error)
        packing.split_groups = truth(split_groups)
        packing.options = {"dialect": dialect, "quote": quote, "on_trailing_backslash": on_trailing_backslash}
        return packing

    def escape(self, value, *, dialect="backslash", quote="minimal", on_trailing_backslash="allow"):
        """The wire form of one field value; `escape("")` is empty. Options and field values as of `encode`.

        Raises `EncodeError` without row and field. Rules E2, E3 and E7 of docs/format.md.
        """
        cdef sr_style style
        cdef srp_buffer out
        style_of(&style, dialect, quote, on_trailing_backslash)
        self.take(&out)
        try:
            put_field(self, &out, style, value, None, None)
            return PyUnicode_DecodeUTF8(<const char *>out.data, out.len, NULL)
        finally:
            self.give(&out)

    @cython.embedsignature(False)   # of its own: a text signature is ASCII
    def truncate(self, row, field=-1, *, limit=16_000, marker="\u2026"):
        """truncate($self, row, field=-1, *, limit=16000, marker='\\u2026')\n--\n\n`row` with the value of one field shortened so that `encode_row` of it fits into `limit` bytes.

        The value becomes its longest prefix, cut between code points, that fits with `marker` behind it; quotes and escapes
        are counted. A row that fits comes back unchanged, as a tuple.

        Raises `PayloadTooLargeError` where not even `marker` alone fits, `IndexError` for a field that does not exist, and
        `EncodeError` where the row cannot be sent or the field to be shortened is no `str`. Rules E2, E3 and L2 of
        docs/format.md.
        """
        cdef Py_ssize_t most = limit_of(limit), at, size, whole
        cdef sr_style style
        cdef bytes text, ending
        cdef size_t room, kept
        if not isinstance(marker, str):
            raise TypeError(f"marker must be a str, not {type(marker).__name__}")
        fields = fields_of(row, 0)
        at = index_of(field, len(fields), "field")
        whole = size = len(self.encode_row(fields, limit=None))
        if size <= most:
            return fields
        if not PyUnicode_Check(fields[at]):
            raise encode_error("bad_type", 0, at, f"{_values.type_name(fields[at])} cannot be shortened")
        text, ending = utf8(fields[at], 0, at), utf8(marker, 0, at)
        style_of(&style, BACKSLASH, MINIMAL, ALLOW)
        size -= len(utf8(self.escape(fields[at]), 0, at)) if len(fields) > 1 else size
        if size > most:
            raise too_large_error(most, 0, whole)
        room = most - size
        kept = sr_longest_prefix(self.k, style, <const uint8_t *>PyBytes_AS_STRING(text), len(text),
                                 <const uint8_t *>PyBytes_AS_STRING(ending), len(ending), room)
        if kept == <size_t>-1 or (kept == 0 and not ending and len(fields) == 1 and most < 2):
            raise too_large_error(most, 0, whole)   # one empty field takes two bytes
        return (*fields[:at], (text[:kept] + ending).decode(), *fields[at + 1 :])

    def compile(self, row, *, dialect="backslash", quote="minimal", final_newline=False, on_trailing_backslash="allow", limit=16_000):
        """A row with holes, its constant parts written once: `compile(("200", "c8y_Temperature", "T", float, "C"))`.

        The classes `str`, `int`, `float`, `Decimal`, `bool`, `datetime` and `object` (any field value) are holes,
        everything else is a constant. Options as of `encode`.

        Raises `EncodeError` for a row or constant that cannot be sent. Rules E1 to E7 of docs/format.md.
        """
        options = (dialect, quote, final_newline, on_trailing_backslash, limit)
        return new_encoder(self, row, options)

    def Schema(self, types):
        cdef Schema schema = Schema(types)
        schema.engine = self
        return schema

    def Dispatcher(self, **options):
        cdef Dispatcher dispatcher = Dispatcher(**options)
        dispatcher.engine = self
        return dispatcher

    def Packer(self, **options):
        cdef Packer packer = Packer(**options)
        packer.engine = self
        return packer

    @property
    def payload_budget(self):
        """The exact number of bytes that a PUBLISH packet to `topic` leaves for its payload.

        `pack(rows, limit=payload_budget("s/us/m1", qos=1))` gives payloads that fill packets to the platform's limit.
        Rule L3 of docs/format.md.

        Raises `ValueError` for a topic that cannot be published to (empty, a wildcard, U+0000, over 65,535 bytes) or that
        only the platform publishes to (`s/ds`), a `qos` other than 0, 1, 2, and where not even an empty payload fits.
        """
        return payload_budget


# ---- the path of every message -----------------------------------------------------------------------------------------------
#
# With one argument and nothing else, as every agent calls them for every message, these methods have no options to look at.
# So each has a function of its own before it, which hands all other calls over to the method.

ctypedef object (*Entry)(PyObject *self, PyObject *const *values, Py_ssize_t n, PyObject *names)

cdef enum:
    DECODE, DECODE_ROW, ENCODE_ROW, SCAN, N_QUICK

cdef tuple METHODS = (Engine.decode, Engine.decode_row, Engine.encode_row, Engine.scan)
cdef PyMethodDef[N_QUICK] QUICK
cdef Entry[N_QUICK] MADE   # the C functions of these methods, where they take arguments as an Entry does; else NULL
cdef list _texts = []      # what QUICK points to


cdef inline bint is_payload(PyObject *const *values, Py_ssize_t n, PyObject *names) noexcept:   # it only looks
    return n == 1 and names == NULL and PyBytes_CheckExact(<object>values[0])


cdef object hand_over(PyObject *self, PyObject *const *values, Py_ssize_t n, PyObject *names, int method):
    if MADE[method] != NULL:
        return MADE[method](self, values, n, names)
    return PyObject_Vectorcall(PyMethod_New(METHODS[method], self), values, n, names)


cdef object decode_entry(PyObject *self, PyObject *const *values, Py_ssize_t n, PyObject *names):
    if is_payload(values, n, names):
        return decode_bytes(<Engine>self, <bytes>values[0], False)
    return hand_over(self, values, n, names, DECODE)


cdef object decode_row_entry(PyObject *self, PyObject *const *values, Py_ssize_t n, PyObject *names):
    if is_payload(values, n, names):
        return decode_one(<Engine>self, <bytes>values[0], False)
    return hand_over(self, values, n, names, DECODE_ROW)


cdef object scan_entry(PyObject *self, PyObject *const *values, Py_ssize_t n, PyObject *names):
    if is_payload(values, n, names):
        return scan_bytes(<Engine>self, <bytes>values[0], False)
    return hand_over(self, values, n, names, SCAN)


cdef object encode_row_entry(PyObject *self, PyObject *const *values, Py_ssize_t n, PyObject *names):
    cdef srp_buffer *out = &(<Engine>self).out
    cdef sr_style style
    cdef Py_ssize_t field
    if n == 1 and names == NULL and out.data != NULL:
        out.len = 0   # no other code runs meanwhile
        style.escape = SR_ESCAPE
        style.all = style.refuse_backslash = False
        if ((<Engine>self).layer.put_row(out, (<Engine>self).k, style, <object>values[0], &field) == SR_OK
                and <Py_ssize_t>out.len <= PAYLOAD_LIMIT):
            payload = PyBytes_FromStringAndSize(<const char *>out.data, out.len)
            (<Engine>self).shrink()
            return payload
    return hand_over(self, values, n, names, ENCODE_ROW)


cdef int set_quick(Engine engine, int i, Entry entry) except -1:
    """Name, signature and docstring are those of the method."""
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
    """`decode`, `decode_row`, `encode_row` and `scan` of an engine as functions with the short way for one argument."""
    return tuple([PyCFunction_NewEx(&QUICK[i], engine, NULL) for i in range(N_QUICK)])


# ---- the default engine: its methods are the functions of this module -------------------------------------------------------

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
    global _check, _constants, _kinds, _options, _values, _dispatch, payload_budget
    global DecodeError, EncodeError, decode_error, encode_error, excerpt, too_large_error
    from smartrest import _check, _constants, _kinds, _options, _values, dispatch as _dispatch
    from smartrest._budget import payload_budget
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


# ---- for tests and benchmarks: C alone, imported by tools/probes.pyx ----------------------------------------------------

cdef bint string_cache(bint on) except -1:
    """Switches the cache of short texts on or off; returns what it was."""
    cdef bint was = _default.strings.enabled
    _default.strings.enabled = on
    srp_strings_forget(&_default.strings)
    return was


cdef bint object_layout(bint on) except -1:
    """Whether short texts are made by their layout, and rows filled again: switches it on, where the layout is as thought,
    or off; returns what it was."""
    global srp_layout
    cdef bint was = srp_layout
    srp_layout = False
    if on:
        srp_layout_init()
    return was


cdef size_t float_text(double value, uint8_t *text) noexcept:
    """The bytes of a finite float's text; 0 where there is no memory for it."""
    return srp_put_float(value, text)


cdef int index_passes(bytes payload, str kernel, Py_ssize_t passes) except -1:
    """`passes` runs over a payload up to its tape, without an object."""
    cdef Engine engine = Engine(kernel)
    cdef Work *work = engine.begin(payload)
    cdef Py_ssize_t i
    try:
        for i in range(passes):
            sr_read(engine.k, work.p.src, work.p.len, &work.tape)
    finally:
        engine.end(work)
    return 0
